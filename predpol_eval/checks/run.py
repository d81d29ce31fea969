"""`check_forecaster`: run all checks, collect what they find, then stop once."""

from __future__ import annotations

from typing import Any

import numpy as np

from predpol_eval.checks.case import Case, NotApplicableError, RuleBrokenError, told
from predpol_eval.checks.city import make_city, nights
from predpol_eval.checks.report import CheckError, CheckReport, CheckResult
from predpol_eval.checks.table import CHECKS, Check
from predpol_eval.civil_time import to_wall
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import describe
from predpol_eval.forecasters.external import External
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows


def check_forecaster(
    forecaster: Any,
    events: Events | None = None,
    grid: Grid | None = None,
    *,
    windows: Windows | None = None,
    seed: int = 0,
    raise_on_failure: bool = True,
) -> CheckReport:
    """Hold a forecaster, yours or ours, to all the rules a backtest relies on.

    Above all it poisons the future: crimes from `until` on are added, removed and moved, among them crimes that
    happened before but were recorded after, and the forecast may not change by a bit.

    Parameters
    ----------
    forecaster : Forecaster
        An instance of any class with ``fit(events, grid, *, until)``.
    events, grid : Events and Grid, optional
        What to try it on; by default a small made-up city (`predpol_eval.checks.make_city`). Every check fits several
        times, so use a small piece of a large city.
    windows : Windows, optional
        What to forecast, all from the first window's ``until``. By default three nights in the last quarter of the
        crimes, from two hours before the first; for `External` its own windows.
    seed : int
        Seed of the city and of the poison.
    raise_on_failure : bool
        Raise if a check fails, after all have run; else only say so in the report.

    Returns
    -------
    CheckReport
        One row for each check: name, rule, outcome (pass, fail, error, skipped) and reason.

    Raises
    ------
    CheckError
        Listing all checks that failed; its attribute `report` has the whole table.
    InputError
        If there is nothing to check.

    Notes
    -----
    A check whose own code breaks is an ``error``: it says nothing about the forecaster, and does not stop the others.
    One that needs another to have passed is ``skipped``.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> report = ppe.check_forecaster(ppe.KDE(bandwidth=300))
    >>> report.passed
    True
    """
    if isinstance(forecaster, type) or not callable(getattr(forecaster, "fit", None)):
        raise InputError(
            f"{forecaster!r} cannot be fitted; give an instance of a class with fit(events, grid, *, until), for "
            "instance check_forecaster(ppe.KDE(bandwidth=500))."
        )
    case = _case(forecaster, events, grid, windows, seed)
    results: dict[str, CheckResult] = {}
    for check in CHECKS:
        results[check.name] = _outcome(check, case, results)
    report = CheckReport(forecaster=describe(forecaster), results=tuple(results.values()))
    if raise_on_failure and not report.passed:
        raise CheckError(report)
    return report


def _outcome(check: Check, case: Case, before: dict[str, CheckResult]) -> CheckResult:
    missing = [name for name in check.needs if before[name].outcome != "pass"]
    if missing:
        reason = f"needs {' and '.join(repr(name) for name in missing)} to pass first"
        return CheckResult(name=check.name, sentence=check.sentence, outcome="skipped", reason=reason)
    outcome, reason = "pass", ""
    try:
        check.run(case)
    except RuleBrokenError as broken:
        outcome, reason = "fail", f"{broken}."
    except NotApplicableError as apart:
        outcome, reason = "skipped", f"{apart}."
    except Exception as error:  # noqa: BLE001 - a check that breaks is a row of the report, and the others go on
        outcome, reason = "error", f"the check itself broke: {told(error)}."
    return CheckResult(name=check.name, sentence=check.sentence, outcome=outcome, reason=reason)  # type: ignore[arg-type]


def _case(forecaster: Any, events: Events | None, grid: Grid | None, windows: Windows | None, seed: int) -> Case:
    if (events is None) != (grid is None):
        raise InputError(
            f"Found {'a grid without events' if events is None else 'events without a grid'}; give both, or neither "
            "for the built-in city."
        )
    city = make_city(seed)
    crimes, ground = (city.events, city.grid) if events is None or grid is None else (events, grid)
    if not len(crimes):
        raise InputError("There is no crime in the events, so nothing can be tried; give a table with some.")
    if windows is not None:
        chosen = windows
    elif isinstance(forecaster, External):
        chosen = _replayed(forecaster)
    else:
        chosen = city.windows if events is None else _late_nights(crimes)
    if not len(chosen) or (chosen.start < chosen.until[0]).any():
        raise InputError(
            f"{chosen!r} cannot all be forecast from one moment; give one window or more that start at or after the "
            "first one's until."
        )
    together = Windows(chosen.start.copy(), chosen.end.copy(), np.repeat(chosen.until[:1], len(chosen)), chosen.tz)
    return Case(forecaster=forecaster, events=crimes, grid=ground, windows=together, seed=int(seed))


def _replayed(forecaster: External) -> Windows:
    """The first windows of an `External` that were all forecast by one moment."""
    made = Windows.from_coords(forecaster.surface)
    until = made.until[0]
    return made[np.flatnonzero((made.until <= until) & (made.start >= until))[: len(made.start)]][:3]


def _late_nights(events: Events) -> Windows:
    """Nights with three quarters of the crimes before them."""
    known = np.sort(events.known_from)
    last = known[int(0.75 * (len(known) - 1))]
    day = to_wall(np.array([last]), events.tz)[0].astype("datetime64[D]") + 2
    return nights(str(day), events.tz, "31D" if events.resolution == "month" else "1D")
