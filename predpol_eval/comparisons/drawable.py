"""What a tally must be before its nights are drawn: every crime on one night, and no reward for flagging less."""

from __future__ import annotations

import warnings
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError, NotComparableError, PredPolWarning, number_of
from predpol_eval.scores.expected import refuse_overlapping

if TYPE_CHECKING:
    import xarray as xr

# A crime whose moment is uncertain is drawn once, with the last night of its span, in the metrics that can do so.
ONCE = {"hits": "hits_once", "events": "events_once"}
COUNTED_ONCE = ("hit_rate", "pai", "search_efficiency")
# Ratios that grow when less is flagged, and in which coin: two that spent as much of one of these are compared. A part
# of a cell more or less, at the border, is no difference.
REWARD_LESS = {"lift": ("flagged_m2",), "pei": ("flagged_m2", "boxes"), "precision": ("flagged_m2", "boxes")}
LESS = 0.05


def tail_of(level: Any) -> float:
    """Share of the draws beyond each end of an interval of this level."""
    return (1 - number_of(level, "level", "give a share between 0 and 1, for instance 0.95", above=0, below=1)) / 2


def check_draws(resamples: Any, seed: Any) -> tuple[int, int]:
    """Number of draws and their seed, whole numbers both.

    Raises
    ------
    InputError
        If one is anything else. Without a seed nobody could draw the same interval again.
    """
    number = number_of(resamples, "resamples", "give the number of draws, for instance 1000", low=1, whole=True)
    remedy = "give a whole number of 0 or more, for instance seed=1, so that anybody can draw the same again"
    return int(number), int(number_of(seed, "seed", remedy, low=0, whole=True))


def refuse_overlapping_nights(tally: xr.Dataset) -> None:
    """Refuse windows that overlap, in which one crime would count as several.

    Raises
    ------
    InputError
        If a window begins before another has ended.
    """
    if "window_end" not in tally.coords or tally["window_end"].dims != ("window",):
        return
    start, end = tally["window"].to_numpy(), tally["window_end"].to_numpy()
    if start.dtype.kind == end.dtype.kind == "M":
        refuse_overlapping(start, end, "draws of nights", "tally")


def warn_of_overlap(tally: xr.Dataset, stacklevel: int) -> bool:
    """Whether every crime falls in one window; a warning if not, since no interval can be drawn then."""
    try:
        refuse_overlapping_nights(tally)
    except InputError as error:
        warnings.warn(f"No interval is given. {error}", PredPolWarning, stacklevel=stacklevel + 1)
        return False
    return True


def taken_for_several(tally: xr.Dataset, metric: Any) -> str:
    """Say what is wrong if the metric takes a crime of uncertain moment for several; nothing if it does not."""
    know_once = all(name in tally for name in ONCE.values())
    if not (know_once or tally.attrs.get("spread")) or not isinstance(metric, str):
        return ""
    if metric not in COUNTED_ONCE:
        return (
            f"The tally has crimes of uncertain moment, spread over several nights, and {metric!r} takes one of them "
            f"for several; ask for {', '.join(map(repr, COUNTED_ONCE))}, in which it counts once, or tally with "
            "method='midpoint', 'start' or 'end'."
        )
    if not know_once:
        return (
            "The tally has crimes of uncertain moment, spread over several nights, and does not know which counts "
            "belong to one crime; tally Events and not counts, so that each of them counts once."
        )
    return ""


def warn_of_uncertain(tally: xr.Dataset, metric: Any, stacklevel: int) -> None:
    """Warn where an interval may be too narrow, since one crime is taken for several."""
    wrong = taken_for_several(tally, metric)
    if wrong:
        warnings.warn(f"The interval may be too narrow. {wrong}", PredPolWarning, stacklevel=stacklevel + 1)


def refuse_uncertain(tally: xr.Dataset, metric: Any, stacklevel: int) -> None:
    """Refuse a metric that takes one crime for several though others do not; warn where none could do better.

    Raises
    ------
    InputError
        With the metrics that count it once.
    """
    if isinstance(metric, str) and metric not in COUNTED_ONCE:
        wrong = taken_for_several(tally, metric)
        if wrong:
            raise InputError(wrong)
    warn_of_uncertain(tally, metric, stacklevel + 1)


def refuse_less_flagged(spent: xr.Dataset, missing: xr.DataArray, metric: Any, baseline: str) -> None:
    """Refuse a ratio that rewards flagging less, where a forecaster flagged less or more than the baseline.

    Parameters
    ----------
    spent : xarray.Dataset
        What was flagged by night (``flagged_m2``, ``boxes``), with the dimension ``forecaster``.
    missing : xarray.DataArray
        Nights that a forecaster (all but the baseline) or the baseline lacks.
    metric : str or callable
    baseline : str

    Raises
    ------
    NotComparableError
        If the two differ by more than a twentieth over the nights that both have.
    """
    coins = [name for name in REWARD_LESS.get(metric, ()) if name in spent and "forecaster" in spent[name].dims]
    if "flagged_m2" not in coins:
        return

    def totals(name: str) -> tuple[xr.DataArray, xr.DataArray]:
        others = spent[name].sel(forecaster=missing["forecaster"])
        base = spent[name].sel(forecaster=baseline, drop=True)
        mine, other = (part.where(~missing, 0.0).sum("window") for part in (others, base))
        return mine, other.transpose(*mine.dims)

    unlike = reduce(and_, (abs(x - y) > LESS * x.where(x > y, y) for x, y in map(totals, coins)))
    mine, other = totals("flagged_m2")
    unlike = unlike.transpose(*mine.dims)
    if unlike.any():
        first = {dim: int(places[0]) for dim, places in zip(unlike.dims, unlike.to_numpy().nonzero(), strict=True)}
        name = str(mine["forecaster"].to_numpy()[first["forecaster"]])
        raise NotComparableError(
            f"{name!r} flagged {float(mine[first]):,.0f} m2 and {baseline!r} {float(other[first]):,.0f} m2 over the "
            f"nights that both have, and {metric} rewards whoever flags less. Compare "
            f"{', '.join(map(repr, COUNTED_ONCE))}, which charge what the budget allows."
        )
