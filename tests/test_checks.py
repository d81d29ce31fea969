"""The conformance suite: it passes ours, and catches every forecaster that was broken on purpose."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval.checks import CHECKS, Check, CheckError, City, make_city, run
from predpol_eval.checks import future as poison
from predpol_eval.checks.case import RuleBrokenError, same
from predpol_eval.civil_time import to_wall
from predpol_eval.events import Events
from predpol_eval.forecasters.many_nights import has_own_way
from predpol_eval.forecasters.sliding import slides
from predpol_eval.schedule import Windows
from tests.broken_forecasters import (
    AHEAD,
    BROKEN,
    CITY,
    Cheats,
    ForecastsHonestly,
    HoldsAGrid,
    Honest,
    Negative,
    NegativeScore,
    OpenDice,
    Raises,
    remembering_by,
    replay,
)

ROOT = Path(__file__).resolve().parents[1]
OURS = [
    ppe.Uniform(),
    ppe.Uniform(lookback="30D"),
    ppe.CountMap(),
    ppe.CountMap(lookback=None, half_life="30D"),
    ppe.KDE(),
    ppe.KDE(bandwidth=300, kernel="quartic", lookback="8W", half_life="20D", renormalise=True),
    ppe.ProspectiveHotspot(),
    ppe.ProspectiveHotspot(variant="grid", metric="manhattan", weeks=3, radius=800),
    ppe.NearRepeat(),
    ppe.NearRepeat(radius=700, kernel="exponential", lookback="36h"),
    ppe.SelfExciting(),
    ppe.SelfExciting(cell=500, lookback="60D", background="shared", jackknife=True),
]


def failed(forecaster, *args, **kwargs) -> dict[str, str]:
    report = ppe.check_forecaster(forecaster, *args, raise_on_failure=False, **kwargs)
    broke = [result for result in report if result.outcome == "error"]
    assert not broke, f"the check itself broke: {broke}"
    return {result.name: result.reason for result in report.failures}


@dataclass(frozen=True)
class KeepsUntilAsGiven:
    """Honest, and as short as somebody's first class is."""

    def fit(self, events, grid, *, until):
        return KeptUntil(self, until, grid, events.known_at(until))


@dataclass(frozen=True)
class KeptUntil:
    forecaster: KeepsUntilAsGiven
    until: object
    grid: ppe.Grid
    events: Events

    def predict(self, windows):
        if (windows.start < self.events.known_at(self.until).observed[-1][1]).any():
            raise ppe.InputError("too early")
        cells = self.grid.cells_of(self.events)
        numbers = np.bincount(cells[cells >= 0], minlength=self.grid.mask.size).reshape(1, *self.grid.shape)
        return ppe.make_surface(numbers.repeat(len(windows), 0), self.grid, windows, kind="score")


def test_until_may_be_kept_as_it_was_given():
    assert "until_forms" not in failed(KeepsUntilAsGiven())


# Ours -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("forecaster", OURS, ids=repr)
def test_our_own_pass(forecaster):
    report = ppe.check_forecaster(forecaster)
    assert report.passed
    skipped = {result.name for result in report if result.outcome == "skipped"}
    allowed = {"surfaces_made_in_time"}
    if not slides(forecaster) and not has_own_way(forecaster):
        # Their forecast is the plain loop that it would be compared with.
        allowed |= {"forecast_agrees", "forecast_future"}
    if isinstance(forecaster, ppe.ProspectiveHotspot | ppe.NearRepeat):
        allowed |= {"not_negative", "window_length"}
    assert skipped == allowed


@pytest.mark.parametrize("seed", [1, 2])
def test_our_own_pass_in_other_cities(seed):
    for forecaster in (ppe.CountMap(), ppe.KDE(lookback="21D"), ppe.ProspectiveHotspot(), ppe.NearRepeat()):
        assert ppe.check_forecaster(forecaster, seed=seed).passed


@pytest.mark.parametrize("kind", ["expected_count", "score", "flags"])
def test_external_passes_on_the_city_its_surfaces_were_made_for(kind):
    report = ppe.check_forecaster(replay(kind), CITY.events, CITY.grid)
    assert report["surfaces_made_in_time"].outcome == "pass"
    assert report["no_data_aboard"].outcome == "skipped"
    assert ppe.check_forecaster(replay(kind)).passed, "the built-in city is the same city"


def test_external_made_night_by_night_is_checked_on_the_nights_it_was_made_for():
    nightly = replay(until=CITY.windows.start.copy())
    report = ppe.check_forecaster(nightly, CITY.events, CITY.grid)
    assert report.passed
    assert report["fits"].outcome == "pass"


def test_external_on_another_grid_fails_with_the_reason():
    other = ppe.Grid.from_bounds(530_000, 180_000, 533_000, 182_500, cell=250, crs="EPSG:27700")
    reasons = failed(replay(), CITY.events, other)
    assert "another grid" in reasons["fits"]


def test_somebody_elses_own_class_passes():
    report = ppe.check_forecaster(Honest())
    assert {r.name for r in report if r.outcome == "skipped"} == {
        "forecast_agrees",
        "forecast_future",
        "surfaces_made_in_time",
    }


def test_events_of_the_user_are_used():
    seen = []

    @dataclass(frozen=True)
    class Watching(Honest):
        def learn(self, events, grid, cut):
            seen.append((events.tz, grid.cell))
            return super().learn(events, grid, cut)

    days = pd.date_range("2018-01-01", periods=120, freq="9h")
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"t": days, "x": 4e5 + 900 * rng.random(120), "y": 4.5e6 + 900 * rng.random(120)})
    events = Events.from_frame(frame, crs="EPSG:32617", tz="America/Toronto")
    grid = ppe.Grid.from_bounds(4e5, 4.5e6, 4e5 + 900, 4.5e6 + 900, cell=100, crs="EPSG:32617")
    report = ppe.check_forecaster(Watching(), events, grid)
    assert report.passed
    assert set(seen) == {("America/Toronto", 100.0)}
    # One clock only, and no two crimes at one time: what needs them says so.
    assert report["late_records"].outcome == report["order_of_crimes"].outcome == "skipped"
    assert report["open_intervals"].outcome == "pass"


def test_crimes_with_text_ids_intervals_and_months_can_be_used():
    rng = np.random.default_rng(4)
    start = pd.date_range("2018-01-01", periods=200, freq="13h")
    place = {"x": 5.3e5 + 1000 * rng.random(200), "y": 1.8e5 + 1000 * rng.random(200)}
    frame = pd.DataFrame(
        {"t": start, "end": start + pd.to_timedelta(rng.random(200) * 30, "h"), "id": "crime", **place}
    )
    frame["id"] += frame.index.astype(str)
    grid = ppe.Grid.from_bounds(5.3e5, 1.8e5, 5.31e5, 1.81e5, cell=200, crs="EPSG:27700")
    common = {"crs": "EPSG:27700", "tz": "Europe/London", "id": "id"}
    assert ppe.check_forecaster(ppe.CountMap(), Events.from_frame(frame, happened_until="end", **common), grid).passed
    monthly = Events.from_frame(frame, resolution="month", **common)
    assert ppe.check_forecaster(ppe.CountMap(lookback=None), monthly, grid).passed


# Broken ones ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("forecaster", "expected"), BROKEN, ids=[type(broken).__name__ for broken, _ in BROKEN])
def test_a_broken_forecaster_is_caught_by_the_right_check(forecaster, expected):
    reasons = failed(forecaster)
    assert set(reasons) == expected, "\n".join(f"{name}: {reason}" for name, reason in reasons.items())
    assert all(len(reason) > 10 for reason in reasons.values())


def test_every_check_has_caught_somebody():
    caught = set().union(*(expected for _, expected in BROKEN))
    assert caught == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    "forecaster", [OpenDice(), OpenDice(seed=3), NegativeScore(), ForecastsHonestly(), HoldsAGrid()], ids=repr
)
def test_what_is_allowed_passes(forecaster):
    assert failed(forecaster) == {}


def test_a_forecast_of_its_own_is_checked_too():
    report = ppe.check_forecaster(ForecastsHonestly())
    assert report["forecast_agrees"].outcome == report["forecast_future"].outcome == "pass"


def test_the_cheat_is_caught_on_the_crimes_of_the_user_too():
    events = CITY.events.take(np.arange(0, len(CITY.events), 2))
    assert set(failed(Cheats(), events, CITY.grid)) == AHEAD


def test_a_memory_filled_before_the_checks_is_found():
    forecaster = remembering_by(lambda events, grid, cut: 0)()
    other = ppe.Grid.from_bounds(530_000, 180_000, 531_000, 181_000, cell=500, crs="EPSG:27700")
    forecaster.fit(CITY.events, other, until=CITY.windows.until[0])
    assert failed(forecaster)


def test_checks_that_need_another_are_skipped_with_its_name():
    report = ppe.check_forecaster(Raises(), raise_on_failure=False)
    assert report["fits"].reason == "fit raised KeyError: 'no such column'."
    assert report["surface"].outcome == "skipped"
    assert report["surface"].reason == "needs 'fits' to pass first"
    assert report["future_added"].reason == "needs 'fits' and 'surface' and 'windows' and 'same_twice' to pass first"


# The report -----------------------------------------------------------------------------------------------------------


def test_it_raises_once_with_all_failures():
    with pytest.raises(CheckError) as caught:
        ppe.check_forecaster(Cheats())
    report = caught.value.report
    assert isinstance(caught.value, ppe.PredPolError)
    assert {r.name for r in report.failures} == AHEAD
    for result in report.failures:
        assert result.name in str(caught.value)
        assert result.sentence in str(caught.value)
        assert result.reason in str(caught.value)


def test_a_check_that_breaks_is_an_error_and_the_others_go_on(monkeypatch):
    def broken(case):
        raise ZeroDivisionError("our own fault")

    table = tuple(Check(c.name, c.sentence, broken, c.needs) if c.name == "kind" else c for c in CHECKS)
    monkeypatch.setattr(run, "CHECKS", table)
    report = ppe.check_forecaster(Honest(), raise_on_failure=False)
    assert report["kind"].outcome == "error"
    assert report["kind"].reason == "the check itself broke: ZeroDivisionError: our own fault."
    assert not report.passed
    assert [r.name for r in report.failures] == ["kind"]
    assert "1 broke (a fault of the check, please report it)" in report.summary
    with pytest.raises(CheckError, match="our own fault"):
        ppe.check_forecaster(Honest())


def test_report_reads_well():
    report = ppe.check_forecaster(Negative(), raise_on_failure=False)
    text, html = str(report), report._repr_html_()
    assert text.splitlines()[0] == f"Negative(): {report.summary}"
    assert report.summary == f"{len(CHECKS) - 5} passed, 2 failed, 3 skipped"
    for result in report:
        assert result.sentence in text
        assert result.reason in text
    assert "  fail     not_negative " in text
    assert html.count("<tr>") == len(CHECKS) + 1
    frame = report.frame()
    assert list(frame.columns) == ["name", "sentence", "outcome", "reason"]
    assert frame.set_index("name").loc["not_negative", "outcome"] == "fail"
    assert len(report) == len(CHECKS)


def test_html_is_escaped():
    @dataclass(frozen=True)
    class Named(Honest):
        name: str = "a"

    assert "<script>" not in ppe.check_forecaster(Named(name="<script>"))._repr_html_()


def test_report_is_frozen_and_knows_its_checks():
    report = ppe.check_forecaster(Honest())
    with pytest.raises(FrozenInstanceError):
        report.forecaster = "another"
    with pytest.raises(ppe.InputError, match="no check 'speed'; the checks are identity, "):
        report["speed"]


@pytest.mark.parametrize("forecaster", [Honest, object(), None, "KDE", 3])
def test_what_cannot_be_fitted_is_refused(forecaster):
    with pytest.raises(ppe.InputError, match=r"cannot be fitted; give an instance of a class with fit\(events, grid"):
        ppe.check_forecaster(forecaster)


def test_bad_arguments_are_refused():
    with pytest.raises(ppe.InputError, match="events without a grid; give both"):
        ppe.check_forecaster(Honest(), CITY.events)
    with pytest.raises(ppe.InputError, match="a grid without events; give both"):
        ppe.check_forecaster(Honest(), grid=CITY.grid)
    with pytest.raises(ppe.InputError, match="no crime in the events"):
        ppe.check_forecaster(Honest(), CITY.events.take(np.zeros(400, dtype=bool)), CITY.grid)
    with pytest.raises(ppe.InputError, match="seed=-1; give a whole number from 0"):
        ppe.check_forecaster(Honest(), seed=-1)
    backwards = CITY.windows[::-1]
    late = Windows(backwards.start.copy(), backwards.end.copy(), backwards.start.copy(), "Europe/London")
    with pytest.raises(ppe.InputError, match="cannot all be forecast from one moment"):
        ppe.check_forecaster(Honest(), windows=late)


def test_windows_of_the_user_are_used():
    shifts = ppe.Schedule(start="2018-03-24", end="2018-03-27", at="22:00", horizon="8h", tz="Europe/London").windows
    seen = []

    @dataclass(frozen=True)
    class Watching(Honest):
        def predict(self, fitted, windows):
            seen.append(windows.start[0])
            return super().predict(fitted, windows)

    assert ppe.check_forecaster(Watching(), windows=shifts).passed
    assert shifts.start[0] in seen


# The city and the poison ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_the_city_holds_what_it_says(seed):
    city = make_city(seed)
    events, grid, until = city.events, city.grid, city.windows.until[0]
    assert isinstance(city, City)
    cells = grid.cells_of(events)
    assert 5 < (cells < 0).sum() < 100, "crimes outside"
    known = events.known_from < until
    assert (~known & (events.happened < until)).sum() > 3, "happened but not yet recorded"
    assert (~known & (events.happened >= until)).sum() > 20, "a future"
    assert len(np.unique(events.happened)) < len(events) - 5, "times that tie"
    place = events.x + 1j * events.y
    assert len(np.unique(place)) < len(events) - 50, "places that tie"
    assert ((events.x % 250 == 0) & (events.y % 250 == 0)).any(), "crimes on the corner of cells"
    part = grid.inside_m2 / grid.cell**2
    assert ((part > 0) & (part < 1)).sum() > 5, "cells cut by the border"
    assert (~grid.mask[:8, 2:10]).any(), "a lake"
    of_label = np.bincount(grid.label_code.ravel()[cells[cells >= 0]], minlength=3)
    assert grid.labels[np.argmin(of_label)] == "Heath"
    assert of_label.min() == 0, "an area without crime"
    assert len(events.observed) == 2, "a gap"
    assert set(events.kinds) == {"burglary", "theft"}
    offsets = {(to_wall(np.array([t]), events.tz)[0] - t) for t in (until, until - np.timedelta64(21, "D"))}
    assert len(offsets) == 2, "a clock change in the three weeks before"
    again = make_city(seed)
    assert again.events.fingerprint == events.fingerprint
    assert again.grid.fingerprint == grid.fingerprint
    assert make_city(seed + 1).events.fingerprint != events.fingerprint


@pytest.mark.parametrize("make", [poison.added, poison.removed, poison.silenced, poison.moved, poison.recorded_late])
def test_poison_changes_the_table_and_nothing_known(make):
    until = CITY.windows.until[0]
    poisoned = make(CITY.events, CITY.grid, until, np.random.default_rng(0))
    assert poisoned.fingerprint != CITY.events.fingerprint
    before, after = CITY.events.known_at(until), poisoned.known_at(until)
    for name in ("happened", "recorded", "x", "y", "id"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    assert np.array_equal(after.kind, before.kind)
    assert after.observed == before.observed
    assert (poisoned.known_from >= until).any() == (make not in (poison.removed, poison.silenced))
    if make not in (poison.removed, poison.silenced):
        assert (poisoned.known_from == until).any() == (make is not poison.moved), "known exactly at until is not known"


def test_crimes_still_open_are_not_known():
    until = CITY.windows.until[0]
    poisoned = poison.still_open(
        poison.rebuilt(CITY.events, CITY.events.frame().drop(columns="recorded")),
        CITY.grid,
        until,
        np.random.default_rng(0),
    )
    assert poisoned.recorded is None
    assert poisoned.happened_until is not None
    unknown = (poisoned.happened < until) & (poisoned.happened_until >= until)
    assert unknown.sum() == poison.POISON
    assert (poisoned.happened_until == until).sum() >= 20
    assert not (poisoned.known_from[unknown] < until).any()


def test_same_says_where_and_by_how_much():
    one = np.zeros((1, 2, 2))
    two = one.copy()
    two[0, 1, 0] = 0.5
    with pytest.raises(
        RuleBrokenError, match=r"it: 1 of 4 numbers differ, by up to 0.5 .* window 0, row 1, column 0: 0 became 0.5"
    ):
        same(two, one, "it")
    same(two + 1e-12, two, "it", 1e-9)
    with pytest.raises(RuleBrokenError):
        same(two + 1e-12, two, "it")
    for odd in (np.nan, np.inf):
        three = two.copy()
        three[0, 0, 0] = odd
        same(three, three, "it")
        with pytest.raises(RuleBrokenError, match="1 of 4"):
            same(three, two, "it", 1e-9)
        with pytest.raises(RuleBrokenError, match="1 of 4"):
            same(two, three, "it", 1e-9)
    with pytest.raises(RuleBrokenError, match="shapes"):
        same(two[:, :1], two, "it")


# The manual -----------------------------------------------------------------------------------------------------------


def test_the_manual_lists_all_checks():
    text = (ROOT / "docs" / "guides" / "own_forecaster.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{check.name}` | {check.sentence} |" for check in CHECKS]


def test_names_and_sentences_are_told_apart():
    assert len({check.name for check in CHECKS}) == len({check.sentence for check in CHECKS}) == len(CHECKS)
    for position, check in enumerate(CHECKS):
        assert check.sentence.endswith(".")
        assert set(check.needs) <= {earlier.name for earlier in CHECKS[:position]}
