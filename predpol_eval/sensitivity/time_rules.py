"""The same league under every rule for crimes whose moment is uncertain: forecast once, counted under each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from predpol_eval.backtests.collect import warn_of_failures
from predpol_eval.backtests.job import Job, make_job
from predpol_eval.backtests.run import run_job
from predpol_eval.budgets import warn_small_areas
from predpol_eval.counts import TIME_RULES, TimeRule, check_time_rule, occurrences, uncertain
from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr


def time_sensitivity(
    forecasters: Mapping[str, Any],
    events: Events,
    grid: Grid,
    schedule: Any,
    *,
    budgets: Any,
    kinds: str | Sequence[str] | None = None,
    rules: TimeRule | Sequence[TimeRule] = TIME_RULES,
    n_jobs: int | None = None,
    store: str | Path | None = None,
    progress: bool = True,
    curve: Sequence[float] | None = None,
    log_score_floor: float | None = None,
) -> xr.Dataset:
    """Run one backtest, and count its crimes under every rule for moments that are uncertain.

    A forecast does not depend on the rule: what was known at ``until`` is what had certainly happened by then. So every
    night is forecast once, at about the cost of one backtest, and each tally equals that of ``backtest(...,
    method=rule)`` to the bit.

    Parameters
    ----------
    forecasters, events, grid, schedule
        As for `backtest`.
    budgets, kinds, n_jobs, store, progress, curve, log_score_floor
        As for `backtest`. A store belongs to its rules: it is not that of a backtest under one of them.
    rules : sequence of {"aoristic", "start", "end", "midpoint", "exclude"}
        Spread a crime over its interval by overlap; place it where the interval begins, ends or has its middle; or
        count exact times only.

    Returns
    -------
    xarray.Dataset
        A tally with the dimension ``time_rule`` in front of those of a backtest: ``.sel(time_rule="start")`` goes into
        any metric or comparison. ``events`` says how many crimes each rule counts, night by night. Further
        coordinates:

        ``counted`` (time_rule, kind) : crimes in cells that count on at least one night.
        ``uncertain`` (kind) : those of uncertain moment that may have happened on these nights.
        ``weight_outside`` (kind) : how much of them, in crimes, lies outside the nights. Where no nights overlap,
        "aoristic" counts as much as "exclude" does and ``uncertain - weight_outside`` more.

        ``attrs["uncertain_crimes"]`` is the sum of ``uncertain``. ``hits_once`` and ``events_once`` (see `tally`) are
        there if a crime is spread over several nights; under the other rules they are ``hits`` and ``events``.

    Raises
    ------
    InputError
        If a rule is unknown or given twice, or something cannot be used (see `backtest`).
    PlanLockedError
        If the store was begun with other data, another configuration or another version.

    Warns
    -----
    PredPolWarning
        If no crime of these nights has an uncertain time: all rules then agree, and the tallies are equal.

    Notes
    -----
    The rules do not count the same crimes: intervals that begin before the schedule, or end after it, are in or out by
    the rule. Read ``events`` beside every ratio. Under "start" a crime counts on a night on which it may well not have
    been found out yet; under "end" on that on which it was.

    References
    ----------
    Ratcliffe 2000, International Journal of Geographical Information Science 14 (aoristic weights); Ashby and Bowers
    2013, Crime Science 2 (the rules compared; not read in the original).

    Examples
    --------
    >>> import pandas as pd, predpol_eval as ppe
    >>> left = pd.date_range("2018-05-01 22:00", periods=20)
    >>> frame = pd.DataFrame({"x": [10.0, 300.0] * 10, "y": 10.0, "left": left, "back": left + pd.Timedelta("8h")})
    >>> events = ppe.Events.from_frame(
    ...     frame, happened="left", happened_until="back", crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-11", end="2018-05-13", tz="Europe/London")
    >>> asked = {"budgets": ppe.TopCells(1), "progress": False}
    >>> out = ppe.time_sensitivity({"map": ppe.CountMap()}, events, grid, nights, **asked)
    >>> out.events.sum("window").squeeze().to_series().to_dict()
    {'aoristic': 2.0, 'start': 2.0, 'end': 2.0, 'midpoint': 2.0, 'exclude': 0.0}
    >>> out.uncertain.item(), out.weight_outside.item()
    (3, 1.0)
    """
    import xarray as xr

    chosen = _read_rules(rules)
    job = make_job(
        forecasters, events, grid, schedule, budgets=budgets, kinds=kinds, method=chosen, curve=curve,
        log_score_floor=log_score_floor,
    )  # fmt: skip
    about = [_uncertainty(crimes, grid, job.windows) for crimes in job.events]
    if not any(part.number for part in about):
        warnings.warn(
            "No crime of these nights has an uncertain time, so every rule counts the same crimes and the tallies are "
            "equal. If the data tell when a crime may have begun and ended, give both when reading them (happened=, "
            "happened_until=).",
            PredPolWarning,
            stacklevel=2,
        )
    warn_small_areas(job.budgets, grid)
    tallies = run_job(job, n_jobs=n_jobs, store=store, progress=progress)
    warn_of_failures(tallies[0], stacklevel=2)
    result = xr.concat(
        [part.drop_vars("elsewhere") for part in _all_once(tallies)],
        dim=xr.Variable("time_rule", np.array(chosen, dtype=object), {"long_name": "rule for uncertain times"}),
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
    del result.attrs["method"]
    result.attrs.update(
        time_rules=", ".join(chosen),
        uncertain_crimes=sum(part.number for part in about),
        reference="Ratcliffe 2000",
    )
    return result.assign_coords(_numbers(job, about))


def _read_rules(rules: Any) -> tuple[TimeRule, ...]:
    given = (rules,) if isinstance(rules, str) or not np.iterable(rules) else tuple(rules)
    for rule in given:
        check_time_rule(rule)
    if not given or len(set(given)) < len(given):
        raise InputError(f"rules={rules!r}; give each time rule once, and at least one of {', '.join(TIME_RULES)}.")
    return given


class _Uncertainty(NamedTuple):
    """Crimes in cells whose uncertain moment may lie in the windows, and how much of them lies outside."""

    number: int
    outside: float


def _uncertainty(events: Events, grid: Grid, windows: Windows) -> _Uncertainty:
    crimes = events.take(uncertain(events) & (grid.cells_of(events) >= 0))
    # Where windows overlap, a part of an interval must not count twice.
    whole = _joined(windows)
    met = occurrences(crimes, whole, "aoristic")
    # An interval that ends just when a window begins has no part in it, and yet its end has.
    number = len(np.union1d(met.event, occurrences(crimes, whole, "end").event))
    return _Uncertainty(number, max(0.0, number - float(met.weight.sum())))


def _joined(windows: Windows) -> Windows:
    """The same time in windows that do not overlap."""
    order = np.argsort(windows.start, kind="stable")
    start, latest = windows.start[order], np.maximum.accumulate(windows.end[order])
    first = np.append(True, start[1:] > latest[:-1])
    last = np.append(first[1:], True)
    return Windows(start[first], latest[last], start[first], windows.tz)


def _all_once(tallies: list[xr.Dataset]) -> list[xr.Dataset]:
    """Give all tallies what one of them has: without a crime that is spread, crimes counted once are the crimes."""
    with_once = next((part for part in tallies if "hits_once" in part), None)
    if with_once is None:
        return tallies
    attrs = {name: with_once[name].attrs for name in ("hits_once", "events_once")}
    return [
        part
        if "hits_once" in part
        else part.assign({name: part[name.removesuffix("_once")].copy().assign_attrs(attrs[name]) for name in attrs})
        for part in tallies
    ]


def _numbers(job: Job, about: list[_Uncertainty]) -> dict[str, Any]:
    """Coordinates that say how many crimes each rule counts, and how many are uncertain."""
    counted = [[len(np.unique(part.event[part.cell >= 0])) for part in by_kind] for by_kind in job.crimes]
    both = ("time_rule", "kind")
    return {
        "elsewhere": (both, np.array(job.elsewhere), {"long_name": "crimes whose own point is in another area"}),
        "counted": (both, np.array(counted), {"long_name": "crimes in cells that count", "units": "crimes"}),
        "uncertain": (
            "kind",
            np.array([part.number for part in about]),
            {"long_name": "crimes in cells whose uncertain moment may lie in the windows", "units": "crimes"},
        ),
        "weight_outside": (
            "kind",
            np.array([part.outside for part in about]),
            {"long_name": "how much of the uncertain crimes lies outside the windows", "units": "crimes"},
        ),
    }
