"""What two sides must have in common before they are compared: or a refusal that says what differs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.drawable import LESS, REWARD_LESS
from predpol_eval.comparisons.one_side import Side
from predpol_eval.errors import InputError, NotComparableError, PredPolWarning

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
SAME = 1e-9


def refuse_unlike(a: Side, b: Side) -> None:
    """Refuse other grids, kinds, budgets, time rules, floors or windows.

    Raises
    ------
    InputError
        If windows of one side overlap, so that one crime would count as several.
    NotComparableError
        If something differs.
    """
    for name, text in (
        ("grid", "grids"),
        ("kind", "kinds of crime"),
        ("budget", "budgets"),
        ("method", "time rules"),
        ("floor", "floors of the log score"),
    ):
        mine, other = a.about.get(name), b.about.get(name)
        if mine is None or other is None or mine == other:
            continue
        if name == "grid":
            raise NotComparableError(
                f"The two were tallied on different grids ({str(mine)[:12]}... and {str(other)[:12]}...); tally both "
                "on one."
            )
        raise NotComparableError(
            f"The two have different {text}: {mine!r} and {other!r}; a comparison needs the same for both."
        )
    for side in (a, b):
        early = _overlaps(side.window, side.counts.get("length"))
        if early:
            raise InputError(
                f"{early} of {len(side.window)} windows begin before the one before has ended, so that one crime would "
                "count as several; compare windows that do not overlap, for instance every so many: "
                ".isel(window=slice(None, None, 7))."
            )
    if not np.intersect1d(a.window, b.window).size:
        raise NotComparableError(
            f"The two share no window: one has {_when(a.window[0])} to {_when(a.window[-1])}, the other "
            f"{_when(b.window[0])} to {_when(b.window[-1])}; tally both on the same schedule."
        )
    if "length" in a.counts and "length" in b.counts:
        window = np.concatenate([a.window, b.window])
        length = np.concatenate([a.counts["length"], b.counts["length"]])
        window, first = np.unique(window, return_index=True)
        if _overlaps(window, length[first]):
            raise NotComparableError(
                "Windows of the two overlap without being the same, so that they would be judged by the same crimes on "
                "different nights; tally both on the same schedule."
            )


def refuse_other_nights(
    left: dict[str, FloatArray], right: dict[str, FloatArray], both: BoolArray, window: npt.NDArray[Any]
) -> None:
    """Refuse budgets, study areas, lengths or crimes that differ on a night that both have.

    Raises
    ------
    NotComparableError
        Naming the first such night.
    """
    for name, text in (
        ("budget_m2", "unequal budgets: {0:,.0f} and {1:,.0f} m2 may be flagged"),
        ("total_m2", "different study areas: {0:,.0f} and {1:,.0f} m2"),
        ("length", "windows of different length: {0:,.0f} and {1:,.0f} s"),
        ("events", "different crimes: {0:g} and {1:g}"),
    ):
        if name not in left or name not in right:
            continue
        mine, other = left[name], right[name]
        wrong = np.flatnonzero(both & ~np.isclose(mine, other, rtol=SAME, atol=SAME))
        if len(wrong):
            night = wrong[0]
            raise NotComparableError(
                f"The two have {text.format(mine[night], other[night])}, on {len(wrong)} of {int(both.sum())} nights, "
                f"the first {_when(window[night])}. A comparison needs the same events, kinds, areas, time rule and "
                "budget for both."
            )


def refuse_less_flagged(
    left: dict[str, FloatArray], right: dict[str, FloatArray], both: BoolArray, metric: str
) -> None:
    """Refuse a ratio that rewards flagging less, where one of the two flagged less.

    Raises
    ------
    NotComparableError
        If what was flagged differs by more than a twentieth (for PEI and precision: both the ground and the boxes).
    """
    coins = [name for name in REWARD_LESS.get(metric, ()) if name in left and name in right]
    if "flagged_m2" not in coins:
        return
    spent = {name: tuple(float(side[name][both].sum()) for side in (left, right)) for name in coins}
    mine, other = spent["flagged_m2"]
    if all(abs(x - y) > LESS * max(x, y) for x, y in spent.values()):
        raise NotComparableError(
            f"One flagged {mine:,.0f} m2 and the other {other:,.0f} m2 in all, and {metric} rewards whoever flags "
            "less. Compare 'hit_rate', 'pai' or 'search_efficiency', which charge what the budget allows."
        )


def warn_of_other_leads(left: dict[str, FloatArray], right: dict[str, FloatArray], both: BoolArray) -> None:
    """Warn where one side forecast later than the other, and so knew more."""
    if "lead" not in left or "lead" not in right:
        return
    apart = np.flatnonzero(both & (np.abs(left["lead"] - right["lead"]) >= 1.0))
    if len(apart):
        mine, other = (side["lead"][apart[0]] / 3600 for side in (left, right))
        warnings.warn(
            f"The two were forecast from different moments, {mine:g} and {other:g} hours before the window, on "
            f"{len(apart)} of {int(both.sum())} nights: whoever forecasts later knows more.",
            PredPolWarning,
            stacklevel=4,
        )


def _overlaps(window: npt.NDArray[Any], length: FloatArray | None) -> int:
    """How many windows, in the order of time, begin before the one before has ended."""
    if length is None or window.dtype.kind != "M" or len(window) < 2:
        return 0
    seconds = (window[1:] - window[:-1]) / np.timedelta64(1, "s")
    return int((seconds < length[:-1] - 1e-6).sum())


def _when(window: Any) -> str:
    return np.datetime_as_string(window, unit="m") if isinstance(window, np.datetime64) else str(window)
