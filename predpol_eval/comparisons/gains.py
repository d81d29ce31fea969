"""Is the information gain of one surface over another more than chance? By crime, as is customary, and by night."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.long_run import studentised_ratio
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.signed_ranks import MOST_EXACT, signed_ranks
from predpol_eval.counts import TimeRule
from predpol_eval.errors import InputError
from predpol_eval.scores.expected import refuse_fractions, refuse_overlap
from predpol_eval.scores.gains import Gains, gain_attrs, gains, mean_gain
from predpol_eval.scores.log_scores import check_floor

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]

# Of a logarithm of a rate, for what is zero but for rounding.
_LARGEST_LOG = 30.0
_BY_CRIME, _BY_NIGHT = "crimes taken as independent", "sums of whole nights"
_APART = "nights on which the gain is not 0"
# Name: long name, units, which is better, definition.
_NAMES = {
    "s": ("standard deviation of the log ratio over crimes", "nats", "neither", "of ln lam_A - ln lam_B, over crimes"),
    "t": ("gain over its standard error, by crime", "1", "higher", "gain / (s / sqrt(N))"),
    "df": ("degrees of freedom", "1", "neither", "N - 1"),
    "low": (f"lower end of the interval, {_BY_CRIME}", "nats per crime", "higher", "gain - t(1 - alpha/2) s/sqrt(N)"),
    "high": (f"upper end of the interval, {_BY_CRIME}", "nats per crime", "higher", "gain + t(1 - alpha/2) s/sqrt(N)"),
    "z": ("signed ranks of the crimes, as a normal deviate", "1", "higher", "of log ratios less (Nhat_A - Nhat_B)/N"),
    "p": (f"p-value of no gain, {_BY_CRIME}", "1", "lower", "two-sided"),
    "night_low": ("lower end of the interval, by night", "nats per crime", "higher", f"long-run error, {_BY_NIGHT}"),
    "night_high": ("upper end of the interval, by night", "nats per crime", "higher", f"long-run error, {_BY_NIGHT}"),
    "night_z": ("signed ranks of the nights, as a normal deviate", "1", "higher", "of the gains of whole nights"),
    "night_p": ("p-value of no gain, by night", "1", "lower", f"two-sided, {_BY_NIGHT}"),
    "crimes": ("crimes", "crimes", "neither", "recorded in cells of the study area"),
    "crimes_apart": ("crimes whose log ratio is not the mean excess", "crimes", "neither", "crimes that have a rank"),
    "nights": ("nights", "nights", "neither", "windows of both surfaces"),
    "nights_apart": ("nights on which one gained over the other", "nights", "neither", _APART),
    "enough": (
        "whether there are crimes and nights enough for a verdict by night", "1", "neither",
        f"at least {LEAST_NIGHTS} {_APART}, and {LEAST_CRIMES} crimes",
    ),
}  # fmt: skip
_LONG_RUN, _RANKS = "Kiefer and Vogelsang 2005", "Wilcoxon 1945"


class _Pair(NamedTuple):
    """Of one pair of surfaces: log ratio of every bin, gain of every night, and the whole gain."""

    log_ratio: FloatArray
    excess: float
    nightly: FloatArray
    gain: float
    apart: int
    usable: bool
    enough: bool


def t_test(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    alpha: float = 0.05,
    floor: float | None = None,
    lags: int | None = None,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """T-test of the information gain of surface `a` over `b`, by crime and by night.

    Parameters
    ----------
    a, b : xarray.DataArray
        Surfaces of kind ``expected_count``, of one grid and the same windows. Leading dimensions (``forecaster``) are
        kept, and broadcast where only one of them has them.
    observed : Events or xarray.DataArray
        The crimes of the same windows, or counts made by `count`.
    alpha : float
        1 less the level of the intervals.
    floor : float, optional
        Raise every cell of both that expects less to so many crimes per cell and window.
    lags : int, optional
        Over how many nights the version by night counts correlation; by default 6 to 10.
    grid : Grid, optional
        Needed only for surfaces without the coordinate ``inside_m2``.
    method : {"aoristic", "start", "end", "midpoint", "exclude"}
        What to do with crimes whose moment is uncertain (for Events); the test needs whole crimes.

    Returns
    -------
    xarray.Dataset
        ``information_gain`` (see the function). By crime, as in pyCSEP: ``s``, ``t``, ``df``, ``low``, ``high``, ``p``
        (two-sided). By night: ``night_low``, ``night_high``, ``night_p``; ``nights``, ``nights_apart`` (on which the
        gain is not 0) and ``enough``. All but the gain are NaN where it is not finite (a rate of zero at a crime: give
        a floor) and where crimes or nights do not vary; those by night where ``enough`` is false: under 6 nights apart
        or 20 crimes.

    Raises
    ------
    InputError
        If `alpha`, `lags` or the floor is out of range, a surface is a score or flags, crimes are spread over windows,
        windows overlap, or surfaces or counts are not usable.
    NotComparableError
        If grids, windows or the coordinates of a leading dimension differ.

    Notes
    -----
    The version by crime takes crimes as independent, and the expected numbers as known. Crimes of one night are not
    independent: a night that one surface foresaw counts as often as it had crimes. Its interval is then too narrow, and
    it is given since it is what is customary. Defend the one by night: G_t, the gain of night t, less gain times N_t
    has a long-run variance with Bartlett weights, and fixed-b critical values (see `compare`, ``method="dm"``).

    References
    ----------
    Rhoades, Schorlemmer, Gerstenberger, Christophersen, Zechar and Imoto 2011, Acta Geophysica 59 (cited after pyCSEP);
    Kiefer and Vogelsang 2005, Econometric Theory 21 (fixed b).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> a = ppe.make_surface([[[0.5, 0.3, 0.2]]], grid, night, kind="expected_count")
    >>> b = ppe.make_surface([[[1 / 3, 1 / 3, 1 / 3]]], grid, night, kind="expected_count")
    >>> found = ppe.t_test(a, b, a.copy(data=[[[2.0, 1.0, 0.0]]]))
    >>> round(found.information_gain.item(), 6), round(found.s.item(), 6), round(found.t.item(), 6)
    (0.23519, 0.294925, 1.381234)
    >>> found.enough.item()
    False
    """
    from scipy import stats

    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < alpha < 1:
        raise InputError(f"alpha={alpha!r}; give a number between 0 and 1, for instance 0.05 for intervals of 95 %.")
    lowest = check_floor(floor)
    found = _whole(a, b, observed, grid, lowest, method, "t-test")
    order = np.argsort(found.read.both.windows.start, kind="stable")
    number, nights = found.number, found.by_night()[1]
    names = ("s", "t", "df", "low", "high", "p", "night_low", "night_high", "night_p")
    made = {name: np.full(found.like.shape, np.nan) for name in names}
    for lead, pair in _pairs(found):
        if not pair.usable:
            continue
        made["df"][lead] = number - 1
        made["s"][lead] = spread = _spread(pair.log_ratio, found.crimes)
        if spread > 0:
            error = spread / np.sqrt(number)
            reach = float(stats.t.ppf(1 - alpha / 2, number - 1)) * error
            made["t"][lead] = pair.gain / error
            made["low"][lead], made["high"][lead] = pair.gain - reach, pair.gain + reach
            made["p"][lead] = 2 * stats.t.sf(abs(pair.gain / error), number - 1)
        if pair.enough:
            by_night = studentised_ratio(pair.nightly[order], nights[order], alpha=alpha, lags=lags)
            made["night_low"][lead], made["night_high"][lead] = by_night.low, by_night.high
            made["night_p"][lead] = by_night.p
    sources = dict.fromkeys(("night_low", "night_high", "night_p"), _LONG_RUN)
    return _result(found, made, lowest, "paired t-test of the information gain", sources, alpha=float(alpha))


def w_test(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: Events | xr.DataArray,
    *,
    floor: float | None = None,
    grid: Grid | None = None,
    method: TimeRule = "aoristic",
) -> xr.Dataset:
    """Wilcoxon's signed-rank test of the gain of surface `a` over `b`, by crime and by night.

    Parameters
    ----------
    a, b, observed, floor, grid, method
        As for `t_test`.

    Returns
    -------
    xarray.Dataset
        ``information_gain``. By crime, as in pyCSEP: ``z`` (above 0 where `a` is better) and ``p`` (two-sided, normal)
        of the log ratios less (Nhat_A - Nhat_B)/N, of which ``crimes_apart`` are not 0. By night: ``night_z`` and
        ``night_p`` of the gains G_t, ``nights``, ``nights_apart`` and ``enough``. NaN as in `t_test`.

    Raises
    ------
    InputError, NotComparableError
        As by `t_test`.

    Notes
    -----
    It asks whether gains lie symmetrically about 0, by median rather than mean: one crime in a forgotten cell, which
    decides a t-test, weighs here as one rank. So a surface can win this test and lose the gain; look at both. The
    version by crime takes crimes as independent, which those of one night are not, and its normal law is rough below
    10. The one by night counts out the law up to 50 nights apart. It takes nights as independent and weighs them alike;
    its null is that of a gain, not of a gain per crime.

    References
    ----------
    Wilcoxon 1945, Biometrics Bulletin 1; Rhoades et al. 2011, Acta Geophysica 59 (cited after pyCSEP).

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700")
    >>> night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    >>> a = ppe.make_surface([[[0.5, 0.3, 0.2]]], grid, night, kind="expected_count")
    >>> b = ppe.make_surface([[[1 / 3, 1 / 3, 1 / 3]]], grid, night, kind="expected_count")
    >>> found = ppe.w_test(a, b, a.copy(data=[[[2.0, 1.0, 0.0]]]))  # ranks 2.5, 2.5 and -1
    >>> round(found.z.item(), 6), round(found.p.item(), 6)
    (1.088662, 0.276303)
    """
    lowest = check_floor(floor)
    found = _whole(a, b, observed, grid, lowest, method, "W-test")
    often = np.rint(found.crimes).astype(np.int64)
    made = {name: np.full(found.like.shape, np.nan) for name in ("z", "p", "crimes_apart", "night_z", "night_p")}
    for lead, pair in _pairs(found):
        if not pair.usable:
            continue
        shift = pair.excess / found.number
        crimes = signed_ranks(np.repeat(pair.log_ratio, often) - shift, _LARGEST_LOG + abs(shift))
        made["z"][lead], made["p"][lead], made["crimes_apart"][lead] = crimes.z, crimes.normal_p, crimes.number
        if pair.enough:
            by_night = signed_ranks(pair.nightly, float(np.abs(pair.nightly).max()), exact=True)
            made["night_z"][lead], made["night_p"][lead] = by_night.z, by_night.exact_p
    sources = dict.fromkeys(("z", "p", "night_z", "night_p"), _RANKS)
    return _result(found, made, lowest, "Wilcoxon signed-rank test of the gain", sources, exact_up_to=MOST_EXACT)


def _whole(
    a: xr.DataArray,
    b: xr.DataArray,
    observed: Events | xr.DataArray,
    grid: Grid | None,
    floor: float | None,
    method: TimeRule,
    what: str,
) -> Gains:
    found = gains(a, b, observed, grid=grid, floor=floor, method=method, depth=1)
    refuse_fractions(found.read, f"the {what}")
    refuse_overlap(found.read, f"the {what}")
    return found


def _pairs(found: Gains) -> Iterator[tuple[tuple[int, ...], _Pair]]:
    """Each pair of surfaces along the leading dimensions."""
    nightly, mean = found.by_night()[0], mean_gain(found)
    for lead in np.ndindex(mean.shape):
        gain, apart = float(mean[lead]), int((nightly[lead] != 0).sum())
        usable = bool(np.isfinite(gain))
        yield (
            lead,
            _Pair(
                found.log_ratio[lead],
                float(found.excess[lead].sum()),
                nightly[lead],
                gain,
                apart,
                usable,
                usable and apart >= LEAST_NIGHTS and found.number >= LEAST_CRIMES,
            ),
        )


def _spread(log_ratio: FloatArray, crimes: FloatArray) -> float:
    """Standard deviation over crimes; 0 where they differ by rounding only."""
    number = crimes.sum()
    mean = (crimes * log_ratio).sum() / number
    spread = float(np.sqrt((crimes * (log_ratio - mean) ** 2).sum() / (number - 1)))
    return spread if spread > 1e-12 * _LARGEST_LOG else 0.0


def _result(
    found: Gains,
    made: dict[str, FloatArray],
    floor: float | None,
    what: str,
    sources: dict[str, str],
    **settings: Any,
) -> xr.Dataset:
    """Results beside the gain, the numbers of crimes and nights, and what they mean."""
    import xarray as xr

    pairs = list(_pairs(found))
    shape = found.like.shape
    counted = {
        "crimes": np.full((), found.number),
        "nights": np.full((), found.excess.shape[-1]),
        "nights_apart": np.reshape([pair.apart for _, pair in pairs], shape),
        "enough": np.reshape([pair.enough for _, pair in pairs], shape),
    }
    variables = {
        name: found.like.copy(data=values) if values.shape == shape else xr.DataArray(values)
        for name, values in {"information_gain": mean_gain(found), **made, **counted}.items()
    }
    about = gain_attrs(found, floor)
    variables["information_gain"].attrs = about
    for name, (long_name, units, better, definition) in _NAMES.items():
        if name in variables:
            variables[name].attrs = {"long_name": long_name, "units": units, "better": better, "definition": definition}
            variables[name].attrs["reference"] = sources.get(name, about["reference"])
    return xr.Dataset(
        variables,
        attrs={
            "long_name": what,
            "better": "a, where the gain is above 0",
            "definition": "by crime: crimes taken as independent; by night: sums of whole nights",
            "reference": about["reference"],
            "floor": about["floor"],
            "outside": about["outside"],
            **settings,
        },
    )
