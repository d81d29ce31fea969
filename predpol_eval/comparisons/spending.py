"""Looking before the end: how much of the error each look at a running trial may use up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, number_of

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
Spending = Callable[[float], float]

# Looks closer together than this share of the information are one look.
LEAST_STEP = 1e-4
MOST_LOOKS = 400
# So little to spend that no look could find anything: the boundary is infinite.
_NOTHING = 1e-15
_FARTHEST = 9.0  # standard deviations that a path that goes on can have strayed, but for a chance of 1e-19
_MOST_NUMBERS = 2_000_000  # of pairs of places held at once
_NODES = 8  # of one panel, as wide as the shorter of the steps before and after


def alpha_spending(
    looks: int | Sequence[float] | FloatArray,
    *,
    alpha: float = 0.05,
    spending: str | Spending = "obrien_fleming",
    total: float | None = None,
) -> xr.Dataset:
    """Levels for tests at several looks, such that all looks together are wrong with chance alpha at most.

    Parameters
    ----------
    looks : int or sequence of float
        How far the trial has come at each look, as a share of all its information, rising, in (0, 1]; a number of
        looks, equally spaced; or with `total` the number of settled nights (or crimes) at each look.
    alpha : float
        Two-sided level of the whole trial.
    spending : {"obrien_fleming", "pocock"} or callable
        How much of alpha is spent by then: ``"obrien_fleming"`` 4 (1 - Phi(z / sqrt(t))) with Phi(z) = 1 - alpha/4,
        which leaves nearly all for the end; ``"pocock"`` alpha ln(1 + (e - 1) t), about the same at each look. A
        function of the share t gives the alpha spent by t, never falling, from 0 to at most `alpha`.
    total : float, optional
        Nights (or crimes) of the whole trial, as planned, if `looks` counts them.

    Returns
    -------
    xarray.Dataset
        Over ``look`` (1, 2, ...): ``information`` (share), ``spent`` (alpha spent so far), ``boundary`` (a difference
        this many standard errors from 0 is a finding; infinite where nearly nothing may be spent yet) and
        ``nominal_alpha`` (the two-sided level of that look, for ``compare(..., alpha=...)``).

    Raises
    ------
    InputError
        If the looks do not rise, lie outside (0, 1], stand closer than a ten-thousandth, or level or spending cannot be
        used.

    Notes
    -----
    The boundaries solve the recursion of Armitage, McPherson and Rowe (1969): the chance to pass a boundary first at
    this look is the alpha spent since the look before. It holds for a statistic whose increments between looks are
    independent and normal, as a sum over many settled nights nearly is; with few nights, or ones that depend on each
    other over longer than between looks, it is an approximation.

    A look depends only on the information then and before. So one skipped, added or moved is no breach of the plan:
    call again with the shares at which looks were in fact taken. What may not depend on the results is when to look;
    where it might, use ``method="sequence"``. The total is fixed beforehand: should more nights come than planned, the
    last look is still at share 1.

    A look so early that next to nothing may be spent has an infinite boundary and a level of 0, which no test can have:
    it can find nothing, so skip it (``if level > 0``). Levels below 1/(draws + 1) are finer than a p-value of
    ``method="bootstrap"`` or ``"signflip"`` can be: draw more, or use ``method="dm"``.

    References
    ----------
    Lan and DeMets 1983, Biometrika 70; O'Brien and Fleming 1979, Biometrics 35, and Pocock 1977, Biometrika 64, whose
    boundaries the two functions resemble; Armitage, McPherson and Rowe 1969, Journal of the Royal Statistical Society A
    132.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> ppe.alpha_spending(5).boundary.round(4).values.tolist()
    [4.8769, 3.357, 2.6803, 2.2898, 2.031]
    >>> monthly = ppe.alpha_spending([61, 122, 184], total=184)
    >>> monthly.nominal_alpha.round(5).values.tolist()
    [0.0002, 0.01175, 0.04634]
    """
    level = _level(alpha)
    information = _information(looks, total)
    spent = _spent(information, level, spending)
    boundary = _boundaries(information, np.diff(spent, prepend=0.0))
    return _explain(information, spent, boundary, looks, total, level, spending)


def _level(alpha: Any) -> float:
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise InputError(f"alpha={alpha!r}; give the two-sided level of the whole trial, for instance 0.05.")
    return float(alpha)


def _information(looks: Any, total: float | None) -> FloatArray:
    """Share of the information at each look."""
    if isinstance(looks, int | np.integer) and not isinstance(looks, bool):
        if not 1 <= looks <= MOST_LOOKS:
            raise InputError(f"looks={looks!r}; give a number of looks from 1 to {MOST_LOOKS}, or the share at each.")
        return np.arange(1, looks + 1) / float(looks)
    try:
        given = np.array(looks, dtype=np.float64)
    except (TypeError, ValueError):
        given = np.array([])
    if given.ndim != 1 or not 1 <= given.size <= MOST_LOOKS or isinstance(looks, bool) or not np.isfinite(given).all():
        raise InputError(
            f"looks={looks!r}; give the share of the trial at each look, for instance [0.25, 0.5, 1], or a number of "
            f"looks up to {MOST_LOOKS}."
        )
    if total is not None:
        if isinstance(total, bool) or not isinstance(total, int | float | np.number) or not 0 < float(total) < np.inf:
            raise InputError(f"total={total!r}; give the number of nights (or crimes) of the whole trial, as planned.")
        given = given / float(total)
    if given.min() <= 0 or given.max() > 1 + 1e-12:
        unit = f"of total={total!r}" if total is not None else "(give total= if these are nights or crimes)"
        raise InputError(
            f"looks={looks!r} {unit} make shares from {given.min():g} to {given.max():g}; expected above 0 and at most "
            "1. A trial that ran longer than planned has its last look at share 1."
        )
    if len(given) > 1 and np.diff(given).min() < LEAST_STEP:
        raise InputError(
            f"looks={looks!r}: from one look to the next the share must rise by at least {LEAST_STEP:g}, found "
            f"{np.diff(given).min():g}; put them in order and count looks at the same nights once."
        )
    return np.minimum(given, 1.0)


def _spent(information: FloatArray, alpha: float, spending: str | Spending) -> FloatArray:
    """Alpha spent by each look."""
    from scipy import stats

    if spending == "obrien_fleming":
        reach = stats.norm.isf(alpha / 4)
        return np.asarray(4 * stats.norm.sf(reach / np.sqrt(information)))
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1) * information))
    if not callable(spending):
        raise InputError(
            f"spending={spending!r}; choose 'obrien_fleming' or 'pocock', or give a function of the share of "
            "information."
        )
    given = [spending(float(share)) for share in information]
    remedy = f"give a function of the share whose value is the alpha spent by then, never falling, at most {alpha:g}"
    spent = np.array([number_of(value, "spending(share)", remedy) for value in given])
    steps = np.diff(spent, prepend=0.0)
    if not np.isfinite(spent).all() or steps.min() < -1e-12 or spent.max() > alpha * (1 + 1e-9):
        raise InputError(
            f"spending gives {', '.join(f'{value:g}' for value in spent[:6])} at the looks; expected alpha spent so "
            f"far: never below 0, never falling, at most alpha={alpha:g}."
        )
    return np.minimum(np.maximum.accumulate(np.maximum(spent, 0.0)), alpha)


class _Paths(NamedTuple):
    """Where the paths that go on may stand, on the upper half alone: places, and the chance that each stands for."""

    place: FloatArray
    chance: FloatArray


def _boundaries(information: FloatArray, to_spend: FloatArray) -> FloatArray:
    """Boundary of each look, in standard errors: the chance to pass it first there is what is to be spent there.

    A path is a Brownian motion, seen at the times `information`. What is carried from look to look is the density of
    the paths that passed no boundary; being symmetric, its upper half is enough.
    """
    from scipy import stats

    steps = np.diff(information, prepend=0.0)
    boundary = np.full(len(information), np.inf)
    paths: _Paths | None = None
    for look, (share, step) in enumerate(zip(information, steps, strict=True)):
        if to_spend[look] > _NOTHING:
            if paths is None:
                boundary[look] = stats.norm.isf(to_spend[look] / 2)
            else:
                boundary[look] = _solve(paths, float(share), float(step), float(to_spend[look]))
        if look + 1 < len(information):
            finest = np.sqrt(min(step, steps[look + 1]))
            paths = _go_on(paths, min(boundary[look], _FARTHEST) * np.sqrt(share), float(step), float(finest))
    return boundary


def _solve(paths: _Paths, share: float, step: float, chance: float) -> float:
    """Boundary that paths pass with this chance."""
    from scipy import optimize, special

    def excess(z: float) -> float:
        place = z * np.sqrt(share)
        # The normal tail beyond the boundary above and below, from each place.
        tails = special.ndtr((paths.place - place) / np.sqrt(step)) + special.ndtr(
            -(paths.place + place) / np.sqrt(step)
        )
        return float(2 * paths.chance @ tails) - chance

    return float(optimize.brentq(excess, 0.0, 4 * _FARTHEST, xtol=1e-12, rtol=1e-12))


def _go_on(paths: _Paths | None, edge: float, step: float, finest: float) -> _Paths:
    """Paths at a look that end below its edge, from those that came to the look before."""
    node, weight = _rule()
    panels = max(1, int(np.ceil(edge / finest)))
    width = edge / panels
    place = (np.arange(panels)[:, None] * width + (node + 1) * (width / 2)).ravel()
    weights = np.tile(weight * (width / 2), panels)
    scale = 1 / np.sqrt(2 * np.pi * step)
    if paths is None:
        return _Paths(place, weights * scale * np.exp(-(place**2) / (2 * step)))
    density = np.empty(len(place))
    rows = max(1, _MOST_NUMBERS // len(paths.place))
    for first in range(0, len(place), rows):
        here = place[first : first + rows, None]
        density[first : first + rows] = (
            _near(here - paths.place, step) + _near(here + paths.place, step)
        ) @ paths.chance
    density *= scale
    return _Paths(place, weights * density)


@lru_cache(maxsize=1)
def _rule() -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre nodes and weights on (-1, 1)."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    return node, weight


def _near(distance: FloatArray, step: float) -> FloatArray:
    """exp(-distance^2 / (2 step)), in place."""
    np.multiply(distance, distance, out=distance)
    distance *= -1 / (2 * step)
    return np.exp(distance, out=distance)


def _explain(
    information: FloatArray,
    spent: FloatArray,
    boundary: FloatArray,
    looks: Any,
    total: float | None,
    alpha: float,
    spending: str | Spending,
) -> xr.Dataset:
    import xarray as xr
    from scipy import stats

    name = spending if isinstance(spending, str) else getattr(spending, "__name__", "function")
    about = {
        "information": ("information", "1", "share of the whole trial's information at this look"),
        "spent": ("alpha spent", "1", "two-sided alpha spent up to and with this look"),
        "boundary": ("boundary", "standard errors", "a difference at least so far from 0, either way, is a finding"),
        "nominal_alpha": ("level of this look", "1", "2 (1 - Phi(boundary)): two-sided level to test at here"),
    }
    values = (information, spent, boundary, 2 * stats.norm.sf(boundary))
    coords: dict[str, Any] = {"look": np.arange(1, len(information) + 1)}
    if total is not None:
        coords["at"] = ("look", information * float(total))
    made = xr.Dataset(
        {
            variable: ("look", value, {"long_name": long_name, "units": units, "definition": definition})
            for (variable, (long_name, units, definition)), value in zip(about.items(), values, strict=True)
        },
        coords,
        {
            "spending": name,
            "alpha": alpha,
            "definition": "chance to pass a boundary first at a look = alpha spent there, under no difference",
            "reference": "Lan & DeMets 1983; Armitage, McPherson & Rowe 1969",
        },
    )
    if total is not None:
        made.attrs["total"] = float(total)
    return made
