"""Before a trial: what difference its nights can detect, told from past crimes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from predpol_eval.errors import InputError, NotComparableError, PredPolError, number_of, refuse_other_type
from predpol_eval.trial.plan.nights import make_nights, windows_of
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.power_told import PlanPower, PowerRow

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.events import Events
    from predpol_eval.grid import Grid
    from predpol_eval.schedule import Windows

POOLED = "all kinds together"
LEAST_NIGHTS = 10
# Observed days that forecasters may learn from before the first past night.
HISTORY_DAYS = 28
MOST_DAYS = 20_000


def power(
    plan: TrialPlan,
    events: Events,
    grid: Grid,
    *,
    pairs: Iterable[tuple[str, str]] | None = None,
    chance: float = 0.8,
    n_jobs: int | None = None,
    progress: bool = False,
) -> PlanPower:
    """Say beforehand, from past crimes, what difference the nights of a trial can detect.

    The plan's baselines are run over as many past nights as the trial has, or as there are. How much the difference of
    two of them varies from night to night then tells what the planned test can see.

    Parameters
    ----------
    plan : TrialPlan
    events : Events
        Past crimes; of these, only what was known at the cut of the first night is used.
    grid : Grid
        That of the plan.
    pairs : iterable of (str, str), optional
        Pairs of baselines; default: every two.
    chance : float
        With which the difference told is found.
    n_jobs : int, optional
        Worker processes, as for `backtest`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    PlanPower

    Raises
    ------
    InputError
        If the crimes are of another place or clock, or a pair is none of baselines.
    NotComparableError
        If the grid is not that of the plan.

    Notes
    -----
    Past nights end before the cut; where it is known when crimes were recorded, they are settled by then, as later ones
    would look emptier than they are. The level is alpha divided by the number of comparisons of the plan, the harshest
    step of Holm and of Benjamini and Hochberg (by Benjamini and Yekutieli also by 1 + 1/2 + ...), and of that what the
    last look has. Of single kinds, it is also divided by the number of kinds. Bootstrap and sign flips see about what
    ``"dm"`` sees, by which it is worked out. Differences between vendors may vary more, or less, than these.
    """
    from predpol_eval.events import Events

    refuse_other_type(plan, TrialPlan, "read one with read_plan(...)")
    refuse_other_type(events, Events, "make them with ppe.read_events(...)")
    _refuse_elsewhere(plan, events, grid)
    number_of(chance, "chance", "give a share from 0.5 to below 1, for instance 0.8", low=0.5, below=1)
    chosen = _pairs(plan, pairs)
    known = events.known_at(np.datetime64(plan.nights[0].cut.replace(tzinfo=None), "ns"))
    windows = _past_nights(plan, known, events.information_set == "recorded")
    levels = _levels(plan)
    notes = _notes(plan, known, windows, levels)
    rows: list[PowerRow] = []
    if not chosen:
        notes.insert(0, _no_pair(plan))
    elif min(len(windows), len(plan.nights)) < LEAST_NIGHTS:
        note = _too_few(len(plan.nights), len(windows))
        rows = [_nothing(levels, kind, pair, note) for kind in _kinds(plan) for pair in chosen]
    else:
        rows = _rows(plan, known, grid, windows, chosen, levels, chance, n_jobs, progress)
    return PlanPower(
        nights=len(plan.nights),
        past_nights=len(windows),
        past=_first_and_last(windows),
        metric=plan.test.metric,
        power=float(chance),
        comparisons=max(1, len(plan.test.pairs)),
        kinds=len(plan.kinds),
        looks=len(plan.test.looks),
        rows=tuple(rows),
        notes=tuple(notes),
    )


class _Levels(NamedTuple):
    """Levels that a difference must reach, for all kinds together and for a single one of several."""

    together: float
    single: float

    def of(self, kind: str) -> float:
        return self.together if kind == POOLED else self.single


def _levels(plan: TrialPlan) -> _Levels:
    return _Levels(level_of(plan), level_of(plan, one_kind=len(plan.kinds) > 1))


def level_of(plan: TrialPlan, *, one_kind: bool = False) -> float:
    """Level that a difference must reach at the last look if it is the only one.

    Parameters
    ----------
    plan : TrialPlan
    one_kind : bool
        Whether single kinds of crime are compared, so that there are more comparisons.
    """
    from predpol_eval.comparisons import alpha_spending

    test = plan.test
    number = max(1, len(test.pairs)) * (len(plan.kinds) if one_kind else 1)
    shared = test.alpha / number
    if test.correction == "by":
        shared /= float((1 / np.arange(1, number + 1)).sum())
    spent = alpha_spending(test.looks, alpha=shared, spending=test.spending, total=len(plan.nights))
    return float(spent["nominal_alpha"][-1])


def _refuse_elsewhere(plan: TrialPlan, events: Events, grid: Grid) -> None:
    if events.crs != plan.crs or events.tz != plan.tz:
        raise InputError(
            f"The crimes are in {events.crs[:60]} and the time zone {events.tz}, the plan in {plan.crs[:60]} and "
            f"{plan.tz}; read the crimes with crs={plan.crs[:60]!r}, tz={plan.tz!r}."
        )
    if getattr(grid, "fingerprint", None) != plan.grid_fingerprint:
        raise NotComparableError("The grid is not that of the plan; make it with plan.make_grid().")


def _pairs(plan: TrialPlan, pairs: Iterable[tuple[str, str]] | None) -> list[tuple[str, str]]:
    names = list(plan.baselines)
    if pairs is None:
        return [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    chosen = [tuple(pair) for pair in pairs]
    wrong = [pair for pair in chosen if len(pair) != 2 or not set(pair) <= set(names) or pair[0] == pair[-1]]
    if wrong:
        raise InputError(
            f"pairs holds {', '.join(map(repr, wrong[:5]))}; give pairs of two of the plan's baselines, which are "
            f"{', '.join(map(repr, names)) or 'none'}."
        )
    return [(pair[0], pair[1]) for pair in chosen]


def _no_pair(plan: TrialPlan) -> str:
    has = {0: "no baseline", 1: f"one baseline only, {next(iter(plan.baselines), '')!r}"}.get(len(plan.baselines))
    return (
        f"The plan has {has or 'baselines, but no pair was asked for'}: how a difference varies from night to night is "
        "told by two. Add another to [baselines], such as \"CountMap(lookback='21D')\" or 'KDE(bandwidth=500)'."
    )


def _kinds(plan: TrialPlan) -> list[str]:
    """Kinds of crime, and all together where there are several."""
    return [*([POOLED] if len(plan.kinds) > 1 else []), *plan.kinds]


def _past_nights(plan: TrialPlan, known: Events, recorded: bool) -> Windows:
    """Nights before the trial, by the plan's own clock, whose crimes are known at the cut of its first night."""
    from predpol_eval import observation

    cut = np.datetime64(plan.nights[0].cut.replace(tzinfo=None), "ns")
    told = plan.keys["nights"]
    first = np.datetime64(told["first"], "D")
    # All days of which something may be known; those that cannot be used are dropped below.
    earliest = known.observed[0][0].astype("datetime64[D]") if known.observed else first
    back = max(1, min(MOST_DAYS, int((first - earliest) / np.timedelta64(1, "D")) + 1))
    past = make_nights({**told, "first": str(first - np.timedelta64(back, "D")), "number": back}, plan.tz)
    windows = windows_of(plan, past)
    settled = np.array([night.settled_from.replace(tzinfo=None) for night in past], dtype="datetime64[ns]")
    keep = (settled if recorded else windows.end) <= cut
    keep &= (windows.start < windows.end) & (windows.until <= windows.start)
    keep &= observation.covered(known.observed, windows.start, windows.end)
    for low, high in known.suspect:
        keep &= ~((windows.start < high) & (windows.end > low))
    if known.observed:
        keep &= windows.until >= known.observed[0][0] + np.timedelta64(HISTORY_DAYS, "D")
    return windows[np.flatnonzero(keep)[-len(plan.nights) :]]


def _first_and_last(windows: Windows) -> str:
    from predpol_eval.schedule import name_windows

    if not len(windows):
        return ""
    first, last = (name_windows(windows[place], slice(None))[:10] for place in (0, -1))
    return f"{first} to {last}"


def _notes(plan: TrialPlan, known: Events, windows: Windows, levels: _Levels) -> list[str]:
    number, nights = len(windows), len(plan.nights)
    some = f"from {number:,} past nights, {_first_and_last(windows)}" if number else "from no past night"
    fewer = "" if number >= nights else f", as there are no more of the {nights:,} that the trial has"
    recorded = known.information_set == "recorded"
    clock = "were recorded" if recorded else "happened"
    untold = "" if recorded else ", as it is not told when they were recorded"
    comparisons, looks = max(1, len(plan.test.pairs)), len(plan.test.looks)
    notes = [
        f"Told {some}{fewer}; only crimes that {clock} before the first cut are used{untold}.",
        f"Alpha {plan.test.alpha:g} is shared by {comparisons:,} comparisons and {looks:,} looks, so that a difference "
        f"must reach {levels.together:.2g} at the last one"
        + (f", and {levels.single:.2g} for a single kind of crime." if len(plan.kinds) > 1 else "."),
    ]
    if plan.test.method != "dm":
        notes.append(
            f"The planned test is {plan.test.method!r}, which sees about what 'dm' sees, by which this is told."
        )
    return notes


def _too_few(nights: int, past: int) -> str:
    if nights < LEAST_NIGHTS:
        return f"a trial of {nights} nights can tell nothing; at least {LEAST_NIGHTS} are needed."
    return f"nothing can be told from {past} past nights; at least {LEAST_NIGHTS} are needed."


def _nothing(levels: _Levels, kind: str, pair: tuple[str, str], note: str, crimes: float = np.nan) -> PowerRow:
    return PowerRow(
        kind=kind, a=pair[0], b=pair[1], crimes=crimes, alpha=levels.of(kind), difference=float("nan"), note=note
    )


def _rows(
    plan: TrialPlan,
    known: Events,
    grid: Grid,
    windows: Windows,
    pairs: Sequence[tuple[str, str]],
    levels: _Levels,
    chance: float,
    n_jobs: int | None,
    progress: bool,
) -> list[PowerRow]:
    from predpol_eval.backtests import backtest
    from predpol_eval.budgets import TopCells

    here = [kind for kind in plan.kinds if kind in known.kinds]
    rows: dict[str, list[PowerRow]] = {}
    if here:
        wanted = {name for pair in pairs for name in pair}
        baselines = {name: made for name, made in plan.forecasters().items() if name in wanted}
        tally = backtest(
            baselines, known, grid, windows, budgets=TopCells(plan.k, per="area"), kinds=here, n_jobs=n_jobs,
            method=plan.method, progress=progress,
        ).drop_vars(["status", "reason"])  # type: ignore[call-overload]  # fmt: skip
        for kind in here:
            rows[kind] = [_row(plan, tally.sel(kind=kind), kind, pair, levels, chance) for pair in pairs]
        if len(plan.kinds) > 1:
            # A night on which any kind is missing is missing.
            pooled = tally.sum("kind", skipna=False, keep_attrs=True)
            rows[POOLED] = [_row(plan, pooled, POOLED, pair, levels, chance) for pair in pairs]
    return [
        row
        for kind in _kinds(plan)
        for row in rows.get(kind)
        or [_nothing(levels, kind, pair, "no such crime was known, so nothing can be told.", 0.0) for pair in pairs]
    ]


def _row(
    plan: TrialPlan, tally: xr.Dataset, kind: str, pair: tuple[str, str], levels: _Levels, chance: float
) -> PowerRow:
    from predpol_eval.comparisons import detectable_difference

    a, b = (tally.sel(forecaster=name) for name in pair)
    by_night = a["events"].sum("area", skipna=False)
    crimes = float(by_night.mean())
    if not crimes > 0:
        return _nothing(levels, kind, pair, "no crime fell into these nights, so nothing can be told.", crimes)
    try:
        found = detectable_difference(a, b, nights=len(plan.nights), alpha=levels.of(kind), power=chance)
    except PredPolError as error:
        return _nothing(levels, kind, pair, str(error), crimes)
    scale = 1.0
    if plan.test.metric == "pai":
        scale = float(a["total_m2"].sum() / a["budget_m2"].sum())
    note = "" if np.isfinite(found.difference) else "too few crimes or nights: no difference that is possible is found."
    return PowerRow(
        kind=kind,
        a=pair[0],
        b=pair[1],
        crimes=found.crimes,
        alpha=levels.of(kind),
        difference=found.difference * scale,
        note=note,
    )
