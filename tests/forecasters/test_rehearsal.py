"""Past windows: which can be rehearsed, what happened in them, and what is looked at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.forecasters import rehearsal as module
from predpol_eval.forecasters.many_nights import by_anchor, has_own_way, surfaces
from predpol_eval.forecasters.rehearsal import check_lengths, past_windows, perform, rehearse
from tests.forecasters.towns import CRS, GROUND, ZONES, towns
from tests.naive import rehearsal as naive

GRID = GROUND.grid


def crimes(days=60, per_day=3, observed=None, **columns):
    rng = np.random.default_rng(5)
    hours = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.sort(rng.integers(0, days * 24, days * per_day)), unit="h")
    frame = pd.DataFrame(
        {"t": hours, "x": rng.uniform(1000, 1900, len(hours)), "y": rng.uniform(2000, 2700, len(hours))}
    )
    for name, lag in columns.items():
        frame[name] = frame["t"] + lag
    seen = [("2018-01-01", str(pd.Timestamp("2018-01-01") + pd.Timedelta(days=days)))] if observed is None else observed
    return ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=seen, **{name: name for name in columns})


@dataclass(frozen=True)
class Refuses:
    """A count map that refuses some moments."""

    moments: tuple[str, ...] = ()
    error: type = ppe.InputError

    def fit(self, events, grid, *, until):
        if not self.moments or str(until) in self.moments:
            raise self.error("no forecast then")
        return ppe.CountMap().fit(events, grid, until=until)


@dataclass(frozen=True)
class Logs:
    """A count map that writes down what it is handed."""

    heard: Any = field(default_factory=list)

    def fit(self, events, grid, *, until):
        self.heard.append((until, events.known_from.max(), events.observed[-1][1]))
        return ppe.CountMap().fit(events, grid, until=until)


@given(towns(), st.sampled_from([("14D", "7D"), ("21D", "2D"), ("10D", "3D")]))
def test_windows_and_crimes_are_the_naive_ones(town, lengths):
    training, step = (int(length[:-1]) for length in lengths)
    expected = naive.windows_before(town.until, training, step, town.observed, town.zone)
    if not expected:
        with pytest.raises(ppe.InputError, match="nothing to learn from"):
            rehearse(town.events(), GRID, town.cut, *lengths)
        return
    found = rehearse(town.events(), GRID, town.cut, *lengths)
    assert len(found.windows) == len(expected)
    for number, (start, end) in enumerate(expected):
        assert found.windows.start[number].astype("datetime64[us]").item() == start.replace(tzinfo=None)
        assert found.windows.end[number].astype("datetime64[us]").item() == end.replace(tzinfo=None)
        rows = found.rows(number)
        counts = np.zeros(GRID.mask.size)
        counts[found.scene.cells[found.cell[rows]]] = found.crimes[rows]
        want = naive.counted(town.crimes, town.until, start, end, GROUND)
        np.testing.assert_allclose(counts.reshape(GRID.shape), want, atol=1e-12)
    assert (found.windows.until == found.windows.start).all()
    assert (found.crimes > 0).all()


@given(st.sampled_from(ZONES), st.integers(0, 400))
def test_windows_end_at_the_anchor_and_leave_no_gap(zone, hours):
    anchor = np.datetime64("2018-03-20", "ns") + np.timedelta64(hours, "h")
    for training, step, number in (("182D", "7D", 26), ("30D", "1D", 30), ("3D", "36h", 2), ("20D", "1W", 2)):
        found = past_windows(anchor, training, step, zone)
        assert len(found) == number
        assert found.end[-1] == anchor
        assert (found.end[:-1] == found.start[1:]).all()


def test_windows_that_were_not_or_perhaps_not_observed_are_left_out():
    gap = [("2018-01-01", "2018-02-03"), ("2018-02-05", "2018-03-02")]
    events = crimes(observed=gap)
    found = rehearse(events, GRID, np.datetime64("2018-03-01", "ns"), "35D", "7D")
    assert [str(start)[:10] for start in found.windows.start] == [
        "2018-01-25",
        "2018-02-08",
        "2018-02-15",
        "2018-02-22",
    ]
    doubtful = (np.datetime64("2018-02-16", "ns"), np.datetime64("2018-02-17", "ns"))
    fewer = rehearse(
        dataclasses.replace(events, suspect=(doubtful,)), GRID, np.datetime64("2018-03-01", "ns"), "35D", "7D"
    )
    assert [str(start)[:10] for start in fewer.windows.start] == ["2018-01-25", "2018-02-08", "2018-02-22"]


def test_nothing_before_the_data_is_refused_with_a_way_out():
    with pytest.raises(ppe.InputError, match=r"in the 182D before 2018-01-06 .* Start the schedule later"):
        rehearse(crimes(), GRID, np.datetime64("2018-01-06", "ns"), "182D", "7D")
    with pytest.raises(ppe.InputError, match="not at all before it"):
        rehearse(crimes(), GRID, np.datetime64("2017-12-30", "ns"), "182D", "7D")
    # The first week has no history, the second has.
    assert len(rehearse(crimes(), GRID, np.datetime64("2018-01-15", "ns"), "182D", "7D").windows) == 1


def test_lengths_that_make_no_window_are_refused():
    for training, step in (("6D", "7D"), ("1D", "36h")):
        with pytest.raises(ppe.InputError, match="shorter than step"):
            check_lengths(training, step)
    with pytest.raises(ppe.InputError, match="training is 182"):
        check_lengths(182, "7D")
    with pytest.raises(ppe.InputError, match="step is '0D'"):
        check_lengths("182D", "0D")


def test_months_cannot_be_cut_into_weeks():
    with pytest.raises(ppe.InputError, match="dated to the month only"):
        rehearse(
            dataclasses.replace(crimes(), resolution="month"), GRID, np.datetime64("2018-03-01", "ns"), "28D", "7D"
        )


def looked_at(forecasters, rehearsal):
    seen = {}
    reasons = perform(forecasters, rehearsal, lambda *look: seen.__setitem__(look[:2], look[2:]))
    return seen, reasons


def test_everybody_is_handed_what_was_known_then_and_nothing_else():
    log = Logs()
    lag = pd.to_timedelta(np.random.default_rng(1).integers(0, 200, 180), unit="h")
    found = rehearse(crimes(recorded=lag), GRID, np.datetime64("2018-02-20", "ns"), "28D", "7D")
    looked_at([log], found)
    assert len(log.heard) == 4
    for (until, latest, observed), start in zip(log.heard, found.windows.start, strict=True):
        assert until == start
        assert latest < start
        assert observed == start


@pytest.mark.parametrize("at_once", [1, 60, 4_000_000])
def test_surfaces_are_those_of_fit_and_predict(at_once, monkeypatch):
    monkeypatch.setattr(module, "MOST_AT_ONCE", at_once)
    found = rehearse(crimes(), GRID, np.datetime64("2018-02-24", "ns"), "28D", "7D")
    forecasters = [
        ppe.CountMap(half_life="9D"),
        ppe.NearRepeat(),
        ppe.tune([ppe.CountMap(lookback="9D"), ppe.CountMap()], retune="7D", training="14D"),
        ppe.Blend(members=(ppe.CountMap(), ppe.KDE(bandwidth=300)), weights=(0.5, 0.5)),
    ]
    assert [has_own_way(each) for each in forecasters] == [False, False, True, True]
    seen, reasons = looked_at(forecasters, found)
    assert reasons == [""] * 4
    assert len(seen) == 16
    for (number, window), (values, kind) in seen.items():
        one = found.windows[window]
        risk = forecasters[number].fit(found.past, GRID, until=one.until[0]).predict(one)
        assert kind == risk.attrs["kind"]
        np.testing.assert_allclose(values, risk.to_numpy()[0][GRID.mask], rtol=1e-12)


def test_a_window_that_one_cannot_forecast_counts_for_none_and_says_why():
    found = rehearse(crimes(), GRID, np.datetime64("2018-02-24", "ns"), "28D", "7D")
    refuses = Refuses((str(found.windows.start[1]),))
    for others in ([ppe.CountMap()], [ppe.tune([ppe.CountMap()], training="7D", retune=None)]):
        _, reasons = looked_at([*others, refuses], found)
        assert [bool(reason) for reason in reasons] == [False, True, False, False]
        assert "Refuses refused: no forecast then" in reasons[1]
        record = found.record(reasons)
        assert record["windows"] == 3
        assert record["skipped"] == 1
        assert "no forecast then" in record["skipped_because"]
        assert record["from"] == "2018-01-27T00:00"
        assert record["to"] == "2018-02-24T00:00"
    inside = found.record([""] * 4)["crimes"]
    assert inside - found.record(reasons)["crimes"] == found.crimes[found.rows(1)].sum() > 0


def test_one_that_forecasts_none_of_them_is_refused_with_its_reason():
    found = rehearse(crimes(), GRID, np.datetime64("2018-02-24", "ns"), "28D", "7D")
    with pytest.raises(ppe.InputError, match=r"none of the 4 past windows .* Refuses refused: no forecast then"):
        looked_at([ppe.CountMap(), Refuses()], found)


def test_a_defect_is_no_refusal():
    found = rehearse(crimes(), GRID, np.datetime64("2018-02-24", "ns"), "28D", "7D")
    with pytest.raises(ZeroDivisionError):
        looked_at([Refuses(error=ZeroDivisionError)], found)


def test_a_choice_on_few_crimes_says_so():
    found = rehearse(crimes(per_day=1), GRID, np.datetime64("2018-02-24", "ns"), "14D", "7D")
    assert "too few crimes: 14, and below 20 chance decides" in found.record(["", ""])["note"]
    assert "note" not in rehearse(crimes(), GRID, np.datetime64("2018-02-24", "ns"), "28D", "7D").record([""] * 4)


def test_only_our_own_classes_are_asked_for_many_nights():
    class Foreign(ppe.Blend):
        def forecast(self, events, grid, windows):
            raise AssertionError("asked")

    blend = ppe.Blend(members=(ppe.CountMap(),), weights=(1.0,))
    foreign = Foreign(members=(ppe.CountMap(),), weights=(1.0,))
    assert has_own_way(blend)
    assert not has_own_way(foreign)
    nights = ppe.Schedule(start="2018-02-20", end="2018-02-23", tz="UTC").windows
    both = [surfaces(each, crimes(), GRID, nights).to_numpy() for each in (blend, foreign)]
    np.testing.assert_allclose(*both, rtol=1e-12)


def test_windows_are_grouped_by_their_anchor():
    nights = ppe.Schedule(start="2018-02-20", end="2018-03-03", tz="UTC").windows
    groups = by_anchor(nights, "7D", "UTC")
    assert [str(moment)[:10] for moment, _ in groups] == ["2018-02-17", "2018-02-24"]
    assert np.concatenate([positions for _, positions in groups]).tolist() == list(range(11))
    assert len(by_anchor(nights, None, "UTC")) == 11
