"""How much more probable one surface makes the crimes than another, crime by crime and night by night."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.counts import TimeRule
from predpol_eval.errors import NotComparableError, PredPolWarning
from predpol_eval.scores.expected import Expected, floor_told, read_expected
from predpol_eval.scores.log_scores import check_floor

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]

# Names of dimensions that no surface of ours has.
_BIN, _NIGHT = "_bin", "_night"


class Gains(NamedTuple):
    """What two surfaces say of the same crimes; a bin is a cell in a window in which a crime was recorded."""

    like: xr.DataArray
    """Of the leading dimensions of both surfaces: dims and coordinates of every result."""
    log_ratio: FloatArray
    """ln lam_A - ln lam_B, shape (..., bin)."""
    excess: FloatArray
    """Crimes that A expects more than B, shape (..., window)."""
    expected: FloatArray
    """Crimes that A and B expect together, shape (..., window)."""
    crimes: FloatArray
    """Recorded in each bin."""
    window: npt.NDArray[np.int64]
    """Of each bin."""
    read: Expected
    """The first surface."""

    @property
    def number(self) -> float:
        """Crimes in all."""
        return float(self.crimes.sum())

    @property
    def total(self) -> FloatArray:
        """Sum over crimes of the log ratio, less that of the excess; NaN where both expect nothing at a crime."""
        with np.errstate(invalid="ignore"):
            return np.asarray((self.crimes * self.log_ratio).sum(axis=-1) - self.excess.sum(axis=-1))

    def by_night(self) -> tuple[FloatArray, FloatArray]:
        """Gain of every night (..., window), and its crimes (window)."""
        nights = self.excess.shape[-1]
        weighted = (self.crimes * self.log_ratio).reshape(self.like.size, len(self.crimes))
        sums = [np.bincount(self.window, row, minlength=nights) for row in weighted]
        told = np.reshape(np.array(sums, dtype=np.float64), self.excess.shape)
        crimes = np.bincount(self.window, self.crimes, minlength=nights).astype(np.float64)
        gain = told - self.excess
        # What is zero but for rounding must not look like a difference.
        return np.where(np.abs(gain) <= 1e-12 * (self.expected + 30 * crimes), 0.0, gain), crimes


def information_gain(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None = None,
    floor: float | None = None,
    method: TimeRule = "aoristic",
) -> xr.DataArray:
    """Nats per crime by which surface `a` tells the crimes better than surface `b`.

    (1/N) sum over crimes of (ln lam_A - ln lam_B) - (Nhat_A - Nhat_B)/N, with Nhat the crimes expected in all windows,
    those without crime too.

    Parameters
    ----------
    a, b : xarray.DataArray
        Surfaces of kind ``expected_count``, of one grid and the same windows. Leading dimensions (``forecaster``) are
        kept, and broadcast where only one of them has them.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    grid : Grid, optional
        Needed only for surfaces without the coordinate ``inside_m2``.
    floor : float, optional
        Raise every cell of both that expects less to so many crimes per cell and window.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events).

    Returns
    -------
    xarray.DataArray
        Above 0 where `a` is better; exp of it is the mean factor of probability per crime. Without a floor: -inf where
        only `a` expects nothing at a crime, inf where only `b` does, NaN where both do, at one crime or at two.
        NaN below 2 crimes.

    Raises
    ------
    InputError
        If a surface is a score or flags, the floor is not above 0, or surfaces or counts are not usable.
    NotComparableError
        If grids, windows or the coordinates of a leading dimension differ.

    Notes
    -----
    N times the gain is T times the difference of the two Poisson log scores of T windows. It judges level and place
    together: a map of the right shape and twice the level loses. Whether it is more than chance: `t_test`, `w_test`.

    References
    ----------
    Rhoades, Schorlemmer, Gerstenberger, Christophersen, Zechar and Imoto 2011, Acta Geophysica 59, equation 17
    (cited after pyCSEP).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> a = ppe.make_surface([[[0.5, 0.3, 0.2]]], grid, night, kind="expected_count")
    >>> b = ppe.make_surface([[[1 / 3, 1 / 3, 1 / 3]]], grid, night, kind="expected_count")
    >>> round(ppe.information_gain(a, b, a.copy(data=[[[2.0, 1.0, 0.0]]])).item(), 6)  # (2 ln 1.5 + ln .9) / 3
    0.23519
    """
    lowest = check_floor(floor)
    found = gains(a, b, observed, grid=grid, floor=lowest, method=method)
    result = found.like.copy(data=mean_gain(found)).rename("information_gain")
    result.attrs = gain_attrs(found, lowest)
    return result


def mean_gain(found: Gains) -> FloatArray:
    """Information gain per crime; NaN below 2 crimes."""
    if found.number < 2 - 1e-9:
        return np.full(found.like.shape, np.nan)
    return found.total / found.number


def gain_attrs(found: Gains, floor: float | None) -> dict[str, Any]:
    """Explain an information gain."""
    return {
        "long_name": "information gain of a over b",
        "units": "nats per crime",
        "better": "higher",
        "definition": "(1/N) sum over crimes of (ln lam_A - ln lam_B) - (Nhat_A - Nhat_B)/N",
        "reference": "Rhoades et al. 2011",
        "crimes": found.number,
        "floor": floor_told(floor),
        "outside": float(found.read.both.outside.sum()),
    }


def gains(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    grid: Grid | None,
    floor: float | None,
    method: TimeRule,
    depth: int = 0,
) -> Gains:
    """Put two surfaces and the crimes side by side, if they can be compared.

    Parameters
    ----------
    a, b, observed, grid, floor, method
        As for `information_gain`.
    depth : int
        How many functions stand between this one and the public one, whose caller a warning names.

    Raises
    ------
    InputError
        If a surface is a score or flags, or surfaces or counts are not usable.
    NotComparableError
        If grids, windows or the coordinates of a leading dimension differ.
    """
    import xarray as xr

    made_on = [getattr(surface, "attrs", {}).get("grid") for surface in (a, b)]
    if None not in made_on and made_on[0] != made_on[1]:
        raise NotComparableError(
            f"The two surfaces were made on different grids (fingerprints {str(made_on[0])[:12]}... and "
            f"{str(made_on[1])[:12]}...); make both on one grid, since a log score depends on the size of the cells."
        )
    first, second = (
        read_expected(surface, observed, grid, method, lacks="information gain", floor=floor) for surface in (a, b)
    )
    _refuse_other_windows(first, second, depth)
    window, cell = np.nonzero(first.crimes > 0)
    logs, totals = [], []
    for side in (first, second):
        with np.errstate(divide="ignore"):
            log = np.log(side.rates[..., window, cell])
        logs.append(xr.DataArray(log, dims=(*side.leading, _BIN), coords=side.leading_coords))
        total = side.rates.sum(axis=-1)
        totals.append(xr.DataArray(total, dims=(*side.leading, _NIGHT), coords=side.leading_coords))
    _refuse_other_names(*logs)
    with np.errstate(invalid="ignore"):
        # Where both expect nothing at a crime, which is worse is not defined.
        log_ratio = (logs[0] - logs[1]).transpose(..., _BIN)
    excess = (totals[0] - totals[1]).transpose(..., _NIGHT)
    return Gains(
        excess.sum(_NIGHT),
        np.ascontiguousarray(log_ratio.to_numpy()),
        np.ascontiguousarray(excess.to_numpy()),
        (totals[0] + totals[1]).transpose(..., _NIGHT).to_numpy(),
        first.crimes[window, cell],
        window,
        first,
    )


def _refuse_other_windows(first: Expected, second: Expected, depth: int) -> None:
    """Refuse surfaces of other cells or windows; say so if one was forecast later than the other."""
    if first.both.grid.fingerprint != second.both.grid.fingerprint:
        raise NotComparableError(
            "The two surfaces have other cells, or other ground in them; make both on one grid, since a log score "
            "depends on the size of the cells."
        )
    one, other = first.both.windows, second.both.windows
    if not (np.array_equal(one.start, other.start) and np.array_equal(one.end, other.end)):
        raise NotComparableError(
            f"The two surfaces are of other windows ({len(one)} and {len(other)}, or in another order); choose those "
            "that both have, in one order: a, b = xarray.align(a, b, join='inner') or .sel(window=...)."
        )
    if not np.array_equal(one.until, other.until):
        warnings.warn(
            "The two surfaces were forecast from different moments (coordinate until): what one gains may be later "
            "knowledge, not a better method.",
            PredPolWarning,
            stacklevel=4 + depth,
        )


def _refuse_other_names(first: xr.DataArray, second: xr.DataArray) -> None:
    """Refuse to pair leading dimensions of the same name that hold other things, of which xarray would keep none."""
    for dim in set(first.dims[:-1]) & set(second.dims[:-1]):
        names = [list(side[dim].to_numpy()) if dim in side.coords else side.sizes[dim] for side in (first, second)]
        if names[0] != names[1]:
            raise NotComparableError(
                f"Along {dim!r} the two surfaces hold {names[0]} and {names[1]}; choose one of the second for all of "
                f"the first, b.isel({dim}=0, drop=True), or the same of both."
            )
