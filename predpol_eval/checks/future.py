"""Rules against looking ahead: the future is poisoned, and the forecast may not move by a bit."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval import observation
from predpol_eval.checks.case import (
    TOLERANCE,
    Case,
    NotApplicableError,
    RuleBrokenError,
    called,
    numbers,
    rebuilt,
    same,
)
from predpol_eval.errors import PredPolError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Nightly, forecast
from predpol_eval.forecasters.external import External
from predpol_eval.forecasters.sliding import slides
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import pandas as pd

Generator = np.random.Generator
POISON = 300  # crimes, on one place: they turn any map that counts them
AHEAD = np.timedelta64(31, "D")
_DAY = np.timedelta64(1, "D").astype("timedelta64[ns]").astype(np.int64)


def clock(times: Any, events: Events) -> pd.DatetimeIndex:
    """UTC times on the clock of the crimes' place, as `Events.frame` gives them."""
    import pandas as pd

    return pd.DatetimeIndex(np.asarray(times, dtype="datetime64[ns]")).tz_localize("UTC").tz_convert(events.tz)


def added(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """Crimes from `until` on, the first at that very moment, some of a kind never seen; observed a month longer."""
    import pandas as pd

    table = events.frame()
    after = (rng.random(POISON) * 30 * _DAY).astype("timedelta64[ns]")
    after[0] = np.timedelta64(0, "ns")
    happened = until + after
    late = _more(events, grid, happened, rng)
    if events.recorded is not None:
        after[1:] += (rng.random(POISON - 1) * _DAY).astype("timedelta64[ns]")
        late["recorded"] = clock(until + after, events)
    if events.happened_until is not None:
        late["happened_until"] = late["happened"]
    observed = [*observation.clip(events.observed, None, until), (until, until + AHEAD)]
    return rebuilt(events, pd.concat([table, late], ignore_index=True), observed)


def removed(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """No crime but those known: the table as it stood at `until`."""
    return rebuilt(events, events.frame()[events.known_from < until], observation.clip(events.observed, None, until))


def silenced(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """No crime but those known, although one went on observing: later windows have a lookback all the same."""
    return rebuilt(events, events.frame()[events.known_from < until])


def moved(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """Unknown crimes at other places, of another kind, a day later."""
    more = added(events, grid, until, rng)
    table, unknown = more.frame(), more.known_from >= until
    x, y = _crowd(grid, rng)
    table["x"], table["y"] = np.where(unknown, x, table["x"]), np.where(unknown, y, table["y"])
    table["kind"] = np.where(unknown, "moved", table["kind"])
    for name in ("happened", "happened_until", "recorded"):
        if name in table:
            # All three to after `until`, so that none is recorded before it happens.
            times = getattr(more, name)
            table[name] = clock(np.where(unknown, np.maximum(times, until) + np.timedelta64(1, "D"), times), events)
    return rebuilt(more, table)


def recorded_late(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """Crimes that happened before `until` and were recorded at that very moment or after."""
    import pandas as pd

    before = until - (rng.random(POISON) * 10 * _DAY).astype("timedelta64[ns]") - np.timedelta64(1, "ns")
    late = _more(events, grid, before, rng)
    known = until + (rng.random(POISON) * 20 * _DAY).astype("timedelta64[ns]")
    known[:20] = until
    late["recorded"] = clock(known, events)
    if events.happened_until is not None:
        late["happened_until"] = late["happened"]
    return rebuilt(events, pd.concat([events.frame(), late], ignore_index=True))


def still_open(events: Events, grid: Grid, until: np.datetime64, rng: Generator) -> Events:
    """Crimes found out at `until` or later: they happened at some time between then and the days before."""
    import pandas as pd

    table = events.frame()
    if "happened_until" not in table:
        table["happened_until"] = table["happened"]
    before = until - (rng.random(POISON) * 10 * _DAY).astype("timedelta64[ns]") - np.timedelta64(1, "ns")
    late = _more(events, grid, before, rng)
    found = until + (rng.random(POISON) * 20 * _DAY).astype("timedelta64[ns]")
    found[:20] = until
    late["happened_until"] = clock(found, events)
    return rebuilt(events, pd.concat([table, late], ignore_index=True))


def _more(events: Events, grid: Grid, happened: Any, rng: Generator) -> pd.DataFrame:
    import pandas as pd

    x, y = _crowd(grid, rng)
    number = np.arange(len(happened))
    taken = events.id
    first = int(taken.max(initial=0)) + 1 if taken.dtype.kind in "iu" else 0
    ids = first + number if taken.dtype.kind in "iu" else np.char.add("poison ", number.astype(str))
    kinds = np.where(number % 2 == 0, events.kinds[0] if events.kinds else "all", "never seen")
    return pd.DataFrame({"id": ids, "happened": clock(happened, events), "kind": kinds, "x": x, "y": y})


def _crowd(grid: Grid, rng: Generator) -> tuple[float, float]:
    """The centre of one cell of the study area."""
    rows, columns = np.nonzero(grid.mask)
    chosen = rng.integers(len(rows))
    return float(grid.x[columns[chosen]]), float(grid.y[rows[chosen]])


def filters_itself(case: Case) -> None:
    """The whole table or only what is known of it."""
    same(case.values(), case.values(case.events.known_at(case.until)), "fitted to all crimes, not to those known")


def future_added(case: Case) -> None:
    """Crimes after `until`."""
    same(case.values(added(case.events, case.grid, case.until, case.rng())), case.values(), "crimes added after until")


def future_removed(case: Case) -> None:
    """No crimes after `until`."""
    poisoned = removed(case.events, case.grid, case.until, case.rng())
    same(case.values(poisoned), case.values(), "crimes after until removed")


def future_moved(case: Case) -> None:
    """Other crimes after `until`."""
    poisoned = moved(case.events, case.grid, case.until, case.rng())
    same(case.values(poisoned), case.values(), "crimes after until moved")


def late_records(case: Case) -> None:
    """Crimes that happened before `until` but were not known."""
    if case.events.recorded is None:
        raise NotApplicableError("these crimes have no time of recording")
    poisoned = recorded_late(case.events, case.grid, case.until, case.rng())
    same(case.values(poisoned), case.values(), "crimes added that happened before until but were recorded after")


def open_intervals(case: Case) -> None:
    """Crimes of uncertain time whose end is not before `until`."""
    plain = dataclasses.replace(case.events, recorded=None)
    poisoned = still_open(plain, case.grid, case.until, case.rng())
    same(case.values(poisoned), case.values(plain), "crimes added that may have happened after until")


def _nightly(case: Case) -> Windows:
    """The same windows, each forecast from its own start (surfaces made before: from when they were made)."""
    if case.replays:
        return case.windows
    return Windows(case.windows.start.copy(), case.windows.end.copy(), case.windows.start.copy(), case.windows.tz)


def _own_forecast(case: Case) -> Any:
    own = getattr(case.forecaster, "forecast", None)
    if getattr(type(case.forecaster), "forecast", None) is Nightly.forecast and not slides(case.forecaster):
        own = None  # the plain loop itself
    if own is None:
        raise NotApplicableError("it has no forecast of its own; the plain loop is used")
    return own


def forecast_agrees(case: Case) -> None:
    """A faster way gives the same."""
    own, windows = _own_forecast(case), _nightly(case)
    quick = numbers(called("forecast", lambda: own(case.events, case.grid, windows)))
    plain = numbers(called("fit or predict", lambda: forecast(case.forecaster, case.events, case.grid, windows)))
    same(quick, plain, "forecast against fit and predict, window by window", TOLERANCE)


def forecast_future(case: Case) -> None:
    """A faster way does not look ahead either."""
    own, windows, makers = _own_forecast(case), _nightly(case), [added, silenced, moved]
    if case.events.recorded is not None:
        makers.append(recorded_late)
    clean = numbers(called("forecast", lambda: own(case.events, case.grid, windows)))
    for position, until in enumerate(windows.until):
        # Every way for the first window; for the others one will do.
        for poison in makers if position == 0 else makers[:1]:
            crimes = poison(case.events, case.grid, until, case.rng())
            found = numbers(called("forecast", lambda crimes=crimes: own(crimes, case.grid, windows)))  # type: ignore[misc]
            what = f"window {position}, with crimes {poison.__name__.replace('_', ' ')} after its until"
            same(found[: position + 1], clean[: position + 1], what)


def surfaces_made_in_time(case: Case) -> None:
    """Somebody else's surface must have been made before."""
    if not isinstance(case.forecaster, External):
        raise NotApplicableError("it makes its own surfaces")
    moment = np.timedelta64(1, "ns")
    made = Windows.from_coords(case.forecaster.surface).until
    early = made.min() - moment
    try:
        case.forecaster.fit(case.events, case.grid, until=early).predict(case.windows)
    except PredPolError:
        return
    raise RuleBrokenError(f"a surface made at {made.min()} was given out as a forecast from {early}")
