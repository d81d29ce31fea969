"""One night, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.intake import judge, judge_held
from predpol_eval.trial.outcomes.snapshots import thaw
from predpol_eval.trial.scoring.night_score import NightScore
from predpol_eval.trial.scoring.nightly import score, score_night
from tests.trial.evenings import FIRST, SECOND
from tests.trial.scoring.nights import (
    AFTER,
    BEFORE,
    CELL,
    NORTH,
    SOUTH,
    TIED,
    Nights,
    X,
    Y,
    crime,
    drawn,
    events_of,
    listed,
    middle,
    rectangle,
    row_of,
)

AT = "2018-07-01 23:00"
WINDOW = ("2018-07-01 18:00", "2019-01-01")
GROUND = CELL**2
CRIMES = [
    # South: two, one, none and three crimes in the first row, one far up.
    crime(middle(0, 0), AT),
    crime((X, Y), AT),
    crime(middle(1, 0), "2018-07-01 20:00"),
    crime(middle(3, 0), AT),
    crime(middle(3, 0), AT),
    crime(middle(3, 0), "2018-07-02 19:59"),
    crime(middle(3, 3), AT),
    # mid: one and two.
    crime(middle(4, 0), AT),
    crime(middle(4, 1), AT),
    crime(middle(4, 1), AT),
    # Nowhere, and just before and after the window.
    crime((X - 500, Y), AT),
    crime(middle(0, 0), "2018-07-01 19:59"),
    crime(middle(0, 0), "2018-07-02 20:00"),
    crime(middle(9, 0), AT, "robbery"),
]


@pytest.fixture
def nights(tmp_path):
    return Nights(tmp_path)


def scored(nights: Nights) -> NightScore:
    nights.close(FIRST)
    nights.keep(events_of([*BEFORE, *CRIMES]), AFTER)
    (record,) = score(nights.trial)
    return nights.score_of(record)


def test_ties_fewer_boxes_than_the_budget_and_crimes_outside(nights):
    nights.hand_in("A", listed(TIED))
    found = scored(nights)
    south = row_of(found, "A", "South")
    assert (south.status, south.reason, south.role, south.form) == ("ok", "", "vendor", "cells")
    assert south.hits == pytest.approx(2 + 2 / 3 * 4)
    assert (south.hits_worst, south.hits_best, south.oracle_hits) == (3, 6, 6)
    assert (south.events, south.outside) == (7, 1)
    assert south.flagged_m2 == pytest.approx(3 * GROUND)
    assert (south.budget_m2, south.total_m2) == (3 * GROUND, 16 * GROUND)
    assert south.chance_hits == pytest.approx(7 * 3 / 16)
    assert south.boxes == pytest.approx(3)
    assert south.boxes_hit == pytest.approx(1 + 2 / 3 * 2)
    mid = row_of(found, "A", "mid")
    # One box is listed: nothing else is flagged, and the whole budget is charged.
    assert (mid.hits, mid.hits_worst, mid.hits_best, mid.events, mid.oracle_hits) == (1, 1, 1, 3, 3)
    assert (mid.flagged_m2, mid.budget_m2, mid.boxes, mid.boxes_hit) == (GROUND, 3 * GROUND, 1, 1)
    assert mid.chance_hits == pytest.approx(3 / 16)
    north = row_of(found, "A", "=North")
    assert (north.hits, north.events, north.oracle_hits, north.flagged_m2, north.outside) == (0, 0, 0, 0, 1)
    # Nothing is listed for robberies, of which there is one.
    robbery = row_of(found, "A", "=North", "robbery")
    assert (robbery.status, robbery.hits, robbery.events, robbery.oracle_hits, robbery.outside) == ("ok", 0, 1, 1, 0)


def test_uniform_flags_blindly(nights):
    found = scored(nights)
    for area, events in (("South", 7), ("mid", 3), ("=North", 0)):
        row = row_of(found, "uniform", area)
        assert row.role == "chance"
        assert row.hits == pytest.approx(events * 3 / 16)
        assert row.hits == pytest.approx(row.chance_hits)
        assert row.flagged_m2 == pytest.approx(row.budget_m2)


def test_a_baseline_knows_what_was_known_at_the_cut(nights):
    # The one burglary in South within three weeks before; all other boxes there are tied.
    row = row_of(scored(nights), "three-week map", "South")
    assert (row.status, row.role) == ("ok", "baseline")
    # The box with the known crime, and two places among the 15 others, in which all seven crimes are.
    assert row.hits == pytest.approx(2 / 15 * 7)
    assert (row.hits_worst, row.hits_best) == (0, 5)


def test_polygons_are_counted_by_the_point_of_each_crime(nights):
    shapes = [
        # Overlapping: counted once. The crime at the south-western corner is in, those at the eastern edge are not.
        rectangle(0, 0, 100, 125),
        rectangle(50, 0, 125, 125),
        # Across the border of the wards: each has its part.
        rectangle(900, 0, 1125, 125),
    ]
    nights.hand_in("B", drawn(shapes))
    found = scored(nights)
    south, mid = row_of(found, "B", "South"), row_of(found, "B", "mid")
    assert (south.status, south.form) == ("ok", "boxes")
    # (X, Y) is in; the middle of the first box lies on the corner of what was drawn, which is open there.
    assert (south.hits, south.hits_worst, south.hits_best, south.events) == (1, 1, 1, 7)
    assert south.flagged_m2 == pytest.approx(125 * 125 + 100 * 125)
    assert south.chance_hits == pytest.approx(7 * (125 * 225) / (16 * GROUND))
    assert south.budget_m2 == 3 * GROUND
    assert np.isnan([south.oracle_hits, south.boxes, south.boxes_hit]).all()
    assert (mid.hits, mid.events) == (0, 3)
    assert mid.flagged_m2 == pytest.approx(125 * 125)
    assert row_of(found, "B", "=North").flagged_m2 == 0


def test_a_millimetre_decides(nights):
    nights.hand_in("B", drawn([rectangle(0, 0, 125.001, 125.001)]))
    assert row_of(scored(nights), "B", "South").hits == 2


def test_who_is_missing_late_or_rejected_has_no_counts(nights):
    nights.hand_in("A", listed(TIED))
    nights.hand_in("B", b"not a table")
    nights.clock.set(1, 18)
    nights.hand_in("C", listed(TIED))
    found = scored(nights)
    assert found.statuses == {
        "A": "ok", "B": "rejected", "C": "late", "in-house": "missing", "kernel": "ok", "three-week map": "ok",
        "uniform": "ok",
    }  # fmt: skip
    for name, words in (("B", "cannot be used"), ("C", "after the deadline"), ("in-house", "nothing was handed in")):
        row = row_of(found, name, "South")
        assert words in row.reason
        assert np.isnan([row.hits, row.oracle_hits, row.flagged_m2, row.boxes, row.chance_hits]).all()
        # What happened is known all the same.
        assert (row.events, row.outside, row.budget_m2, row.total_m2) == (7, 1, 3 * GROUND, 16 * GROUND)
    assert row_of(found, "in-house", "South").role == "in-house"


def test_a_void_night_is_void_for_all(nights):
    nights.hand_in("A", listed(TIED))
    declare_void(nights.trial, [FIRST], "our server was down")
    found = scored(nights)
    assert set(found.statuses.values()) == {"void"}
    assert all("our server was down" in row.reason and np.isnan(row.hits) for row in found.rows)
    assert row_of(found, "A", "South").events == 7


def test_the_last_file_in_time_counts(nights):
    nights.hand_in("A", listed(TIED))
    nights.hand_in("A", listed([(SOUTH + 3, 0, 1.0)]))
    assert row_of(scored(nights), "A", "South").hits == 3


def test_a_held_file_counts_once_it_is_checked_again(nights, slip):
    taken = nights.hand_in("A", listed(TIED))
    judge(nights.trial)
    slip()
    found = scored(nights)
    assert found.statuses["A"] == "held"
    assert np.isnan(row_of(found, "A", "South").hits)
    judge_held(nights.trial, taken.receipt.number)
    # A newer snapshot, and it is scored as it came.
    nights.keep(events_of([*BEFORE, *CRIMES]), AFTER.replace(day=5))
    (record,) = score(nights.trial)
    row = row_of(nights.score_of(record), "A", "South")
    assert (row.status, row.hits) == ("ok", pytest.approx(2 + 2 / 3 * 4))
    assert f"record {taken.receipt.number}, which was held" in row.reason


def test_sums_over_areas_and_kinds_are_those_of_the_town(nights):
    nights.hand_in("A", listed(TIED))
    found = scored(nights)
    for name in found.forecasters:
        rows = [row for row in found.rows if row.forecaster == name]
        assert len(rows) == 6
        assert sum(row.events for row in rows) == 11
        assert sum(row.total_m2 for row in rows if row.kind == "robbery") == 48 * GROUND


def test_a_baseline_that_fails_is_a_row_with_its_reason(tmp_path):
    from tests.trial.plan.town import changed

    # In the two days before the cut nothing was observed.
    nights = Nights(tmp_path, changed(("CountMap(lookback='21D')", "CountMap(lookback='2D')")))
    nights.close(FIRST)
    early = [crime(middle(0, 3), "2018-06-20 12:00"), crime(middle(0, 3), "2018-06-20 12:00", "robbery")]
    nights.keep(events_of([*early, crime(middle(0, 0), AT)], [("2018-05-01", "2018-06-25"), WINDOW]), AFTER)
    (record,) = score(nights.trial)
    row = row_of(nights.score_of(record), "three-week map", "South")
    assert row.status == "failed"
    assert "InputError: No time was observed" in row.reason
    assert np.isnan(row.hits)
    assert row.events == 1
    assert row_of(nights.score_of(record), "kernel", "South").status == "ok"


def test_what_cannot_be_scored(nights):
    snapshot = nights.keep(events_of([*BEFORE, *CRIMES]), AFTER)
    crimes = thaw(nights.trial.blobs.get(snapshot.sha256))
    with pytest.raises(InputError, match="not closed"):
        score_night(nights.trial, nights.trial.history(), FIRST, snapshot, crimes)
    with pytest.raises(InputError, match="no night"):
        score_night(nights.trial, nights.trial.history(), "2019-07-01", snapshot, crimes)
    with pytest.raises(InputError, match="has not observed all of the night 2018-07-04"):
        score_night(nights.trial, nights.trial.history(), "2018-07-04", snapshot, crimes)


def test_a_night_without_a_snapshot_is_not_scored(nights):
    nights.close(FIRST)
    assert score(nights.trial) == ()
    nights.keep(events_of([*BEFORE, *CRIMES]), AFTER.replace(day=2))
    # The window ends on the second at 19:00 UTC.
    assert score(nights.trial) == ()
    nights.close(SECOND)
    nights.keep(events_of([*BEFORE, *CRIMES]), AFTER)
    assert [record.body["night"] for record in score(nights.trial)] == [FIRST, SECOND]


def test_the_record_is_read_back_and_nothing_else_is(nights):
    nights.hand_in("A", listed(TIED))
    found = scored(nights)
    data = found.to_bytes()
    again = NightScore.from_bytes(data)
    assert again.to_bytes() == data
    assert str(again.rows) == str(found.rows)
    assert "A: " in repr(found) or "caught 5.66667" in repr(found)
    for old, new in (
        (b'"predpol_eval.score/1"', b'"predpol_eval.score/2"'),
        (b'"status":"ok"', b'"status":"fine"'),
        (b'"hits":[', b'"hits": ['),
        (b'"kinds":["burglary",', b'"kinds":["burglary","arson",'),
        (b'"outside":[1.0', b'"outside":[1'),
        (b'"outside":[1.0', b'"outside":["1.0"'),
        (b'"spread":[', b'"spread":[{"cell":[],"crime":[],"weight":[]},'),
    ):
        assert old in data
        with pytest.raises(InputError):
            NightScore.from_bytes(data.replace(old, new, 1))
    for junk in (b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"schema":"predpol_eval.score/1"}'):
        with pytest.raises(InputError):
            NightScore.from_bytes(junk)


def test_the_grid_must_be_that_of_the_plan(nights):
    from predpol_eval import Grid
    from predpol_eval.trial.scoring.outcomes_ready import Outcomes

    snapshot = nights.keep(events_of([*BEFORE, *CRIMES]), AFTER)
    other = Grid.from_bounds(X, Y, X + 3000, Y + 1000, cell=CELL, crs="EPSG:27700")
    with pytest.raises(NotComparableError):
        Outcomes(nights.trial.locked, other, snapshot, thaw(nights.trial.blobs.get(snapshot.sha256)))


def test_names_of_wards_are_told_apart(nights):
    nights.hand_in("A", listed([(NORTH, 0, 1.0)]))
    assert row_of(scored(nights), "A", "=North").flagged_m2 == GROUND
