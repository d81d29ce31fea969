"""What a new snapshot is refused for, all at once, and what a reason overrules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from predpol_eval import Events, InputError, NotComparableError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.outcomes.snapshot_checks import check_snapshot, keep_snapshot
from predpol_eval.trial.outcomes.snapshots import freeze, snapshot_of, thaw
from tests.trial.outcomes.towns import CRS, TZ, Blobs, Plan, X, Y, crimes, town, wall

GRID, PLAN = town(), Plan()
FIRST, SECOND = wall("2018-08-01 12:00"), wall("2018-09-01 12:00")
UNTIL_AUGUST, UNTIL_SEPTEMBER = [("2018-01-01", "2018-08-01")], [("2018-01-01", "2018-09-01")]


def town_crimes(number: int = 40, *, observed=UNTIL_SEPTEMBER, kind="burglary", **options) -> Events:
    """Burglaries in both areas, and one robbery."""
    rows = [
        {"id": f"n{k}", "t": f"2018-06-{1 + k % 28:02d} 10:00", "x": 1010.0 * (k % 2) + 1, "kind": kind}
        for k in range(number)
    ]
    return crimes([*rows, {"id": "r", "t": "2018-06-01", "kind": "robbery"}], observed=observed, **options)


def first() -> tuple[Events, object]:
    events = town_crimes(observed=UNTIL_AUGUST)
    return events, snapshot_of(freeze(events, FIRST))


def check(events: Events, earlier=None, *, taken_at=SECOND, plan=PLAN, **options):
    return check_snapshot(events, plan, GRID, earlier, taken_at=taken_at, **options)


def refusal(events: Events, earlier=None, **options) -> str:
    with pytest.raises(InputError) as refused:
        check(events, earlier, **options)
    return str(refused.value)


def test_a_good_one_passes():
    events, earlier = first()
    found = check(town_crimes(50), earlier, earlier_events=events)
    assert (found.earlier, found.lost, found.matched_by, found.overruled) == (41, 0, "id", ())
    alone = check(town_crimes())
    assert (alone.earlier, alone.lost, alone.matched_by) == (0, 0, None)


def test_the_same_moment_may_be_taken_twice():
    events, earlier = first()
    assert check(events, earlier, taken_at=FIRST, earlier_events=events, now=FIRST).lost == 0


def test_another_place_or_clock():
    events, earlier = first()
    told = refusal(replace(town_crimes(), crs="EPSG:32617"), earlier, earlier_events=events)
    assert "EPSG:32617" in told
    assert "clock of America/Toronto" in refusal(town_crimes(tz="America/Toronto"), earlier, earlier_events=events)
    with pytest.raises(NotComparableError):
        check(town_crimes(), plan=Plan(areas=("north",)))


def test_times_that_cannot_be():
    events, earlier = first()
    told = refusal(
        town_crimes(observed=UNTIL_AUGUST), earlier, taken_at=wall("2018-08-01 11:59"), earlier_events=events
    )
    assert "before the last one (2018-08-01T11:00:00.000000Z)" in told
    assert "after now" in refusal(town_crimes(), now=wall("2018-09-01 11:59"))
    late = crimes([{"t": "2018-09-01 12:01"}, {"t": "2018-06-01", "kind": "robbery"}], observed=UNTIL_SEPTEMBER)
    assert "1 crime happened after 2018-09-01T11:00" in refusal(late)
    known = [
        {"t": "2018-06-01", "r": "2018-09-01 12:00"},
        {"t": "2018-06-01", "r": "2018-09-01 12:01", "kind": "robbery"},
    ]
    assert "1 crime recorded after" in refusal(crimes(known))
    assert "recorded after" not in refusal(crimes(known[:1]))
    with pytest.raises(InputError, match="no time zone"):
        check(town_crimes(), taken_at=datetime(2018, 9, 1))
    with pytest.raises(InputError, match="no time zone"):
        check(town_crimes(), now=datetime(2018, 9, 1))


def test_observed_time_that_ends_earlier():
    events, earlier = first()
    told = refusal(town_crimes(observed=[("2018-01-01", "2018-07-31")]), earlier, earlier_events=events)
    assert "ends at 2018-07-30T23:00:00.000000Z, that of the last one at 2018-07-31T23:00:00.000000Z" in told
    assert check(town_crimes(observed=UNTIL_AUGUST), earlier, earlier_events=events).lost == 0
    # That it is said to be observed in the future counts for nothing.
    far = town_crimes(observed=[("2018-01-01", "2019-01-01")])
    ahead = snapshot_of(freeze(far, FIRST))
    assert check(town_crimes(), ahead, earlier_events=far).lost == 0
    assert "no observed time before it was taken" in refusal(town_crimes(observed=[("2018-10-01", "2018-11-01")]))


def test_kinds_that_are_missing():
    told = refusal(town_crimes(kind="robbery"))
    assert "no crime of kind 'burglary'" in told
    assert "the kinds found are 'robbery'" in told
    # A name without a crime is not enough.
    named = town_crimes()
    assert "no crime of kind 'robbery'" in refusal(named.take(named.kind == "burglary"))
    assert check(town_crimes(kind="robbery"), forced="no burglary was ever recorded").overruled


def test_crimes_gone_missing_are_counted_by_kind():
    events, earlier = first()
    # The 40 burglaries and the robbery: 5 % of them are 2.05.
    assert check(town_crimes(38), earlier, earlier_events=events).lost == 2
    told = refusal(town_crimes(37), earlier, earlier_events=events)
    assert "3 of 41 earlier crimes are gone (3 of 40 'burglary', 0 of 1 'robbery'; told by their id)" in told
    assert "at most 0.05 of them" in told
    found = check(town_crimes(37), earlier, earlier_events=events, forced="struck off by the courts")
    assert (found.lost, found.earlier, len(found.overruled)) == (3, 41, 1)
    assert check(town_crimes(37), earlier, earlier_events=events, most_lost=0.08).lost == 3
    # As many as are allowed are allowed, whatever the rounding of the share.
    hundred = town_crimes(99, observed=UNTIL_AUGUST)
    whole = snapshot_of(freeze(hundred, FIRST))
    assert check(town_crimes(70), whole, earlier_events=hundred, most_lost=0.29).lost == 29
    assert "30 of 100" in refusal(town_crimes(69), whole, earlier_events=hundred, most_lost=0.29)
    assert "2 of 41" in refusal(town_crimes(38), earlier, earlier_events=events, most_lost=0)


def test_new_crimes_do_not_make_up_for_lost_ones():
    events, earlier = first()
    renamed = [{"id": f"m{k}", "t": f"2018-07-{1 + k % 28:02d} 03:00"} for k in range(60)]
    others = crimes([*renamed, {"id": "r", "t": "2018-06-01", "kind": "robbery"}], observed=UNTIL_SEPTEMBER)
    assert "40 of 41 earlier crimes are gone" in refusal(others, earlier, earlier_events=events)
    # Without the earlier crimes themselves only numbers can be compared.
    assert check(others, earlier).lost == 0
    assert "at least 20 of 41 crimes are gone" in refusal(town_crimes(20), earlier)


def test_corrected_crimes_are_not_lost_and_others_are_not_missed():
    """Another kind, place or time by id is a revision; what is no crime of the plan may go."""
    rows = [{"id": f"n{k}", "t": "2018-06-01", "kind": "robbery" if k else "burglary"} for k in range(5)]
    strange = [{"id": f"s{k}", "t": "2018-06-01", "kind": "arson"} for k in range(5)]
    far = [{"id": f"f{k}", "t": "2018-06-01", "x": 600.0} for k in range(5)]
    events = crimes([*rows, *strange, *far], observed=UNTIL_AUGUST)
    changed = [
        row | {"kind": "burglary" if k else "robbery", "x": 1200.0, "t": "2018-06-05"} for k, row in enumerate(rows)
    ]
    found = check(crimes(changed, observed=UNTIL_SEPTEMBER), snapshot_of(freeze(events, FIRST)), earlier_events=events,
                  match="id")  # fmt: skip
    assert (found.earlier, found.lost) == (5, 0)


def test_without_lasting_ids_content_tells():
    def plain(days: list[int]) -> Events:
        table = pd.DataFrame({"x": X, "y": Y, "t": [f"2018-06-{day:02d}" for day in days], "k": "burglary"})
        return Events.from_frame(table, kind="k", crs=CRS, tz=TZ, observed=UNTIL_AUGUST)

    events = plain([*range(2, 22)])
    found = check(plain([1, *range(2, 22)]), snapshot_of(freeze(events, FIRST)), plan=Plan(kinds=("burglary",)),
                  earlier_events=events)  # fmt: skip
    assert (found.earlier, found.lost, found.matched_by) == (20, 0, "content")


def test_all_faults_are_told_at_once_and_reasons_overrule_only_doubts():
    events, earlier = first()
    bad = town_crimes(10, kind="robbery", observed=[("2018-01-01", "2018-07-01")])
    options = {"taken_at": wall("2018-07-15 12:00"), "now": wall("2018-07-14 12:00"), "earlier_events": events}
    told = refusal(bad, earlier, **options)
    for part in ("after now", "before the last one", "observed time ends", "no crime of kind 'burglary'", "30 of 41"):
        assert part in told
    assert told.count("forced='...'") == 2
    forced = refusal(bad, earlier, forced="we know", **options)
    assert "before the last one" in forced
    assert "forced='...'" not in forced


def test_odd_arguments():
    events, earlier = first()
    for blank in ("", "  ", 3):
        with pytest.raises(InputError, match="say why in words"):
            check(events, forced=blank)
    with pytest.raises(InputError, match=r"most_lost=1\.5"):
        check(events, most_lost=1.5)
    with pytest.raises(InputError, match="not those of the snapshot before"):
        check(town_crimes(), earlier, earlier_events=town_crimes(41))
    with pytest.raises(InputError, match="choose 'id', 'content'"):
        check(town_crimes(), earlier, earlier_events=events, match="name")


def test_what_passes_is_kept_and_what_does_not_is_not():
    blobs = Blobs()
    one = keep_snapshot(town_crimes(observed=UNTIL_AUGUST), PLAN, GRID, taken_at=FIRST, blobs=blobs)
    assert blobs.kept.keys() == {one.sha256}
    assert sha256_of(blobs.get(one.sha256)) == one.sha256
    assert thaw(blobs.get(one.sha256)).fingerprint == one.fingerprint == town_crimes(observed=UNTIL_AUGUST).fingerprint
    with pytest.raises(InputError, match="11 of 41 earlier"):
        keep_snapshot(town_crimes(30).take(np.arange(31) > 0), PLAN, GRID, taken_at=SECOND, blobs=blobs, earlier=one)
    assert blobs.kept.keys() == {one.sha256}
    two = keep_snapshot(town_crimes(30), PLAN, GRID, taken_at=SECOND, blobs=blobs, earlier=one, forced="a reason")
    assert (two.forced, two.taken_at) == ("a reason", SECOND.astimezone(UTC))
    # A reason that was not needed is not told.
    three = keep_snapshot(town_crimes(31), PLAN, GRID, taken_at=SECOND, blobs=blobs, earlier=two, forced="a reason")
    assert three.forced is None
    assert len(blobs.kept) == 3


def test_a_store_that_keeps_something_else_is_told():
    class Wrong(Blobs):
        def put(self, data: bytes) -> str:
            return super().put(data + b" ")

    with pytest.raises(InputError, match="was kept under"):
        keep_snapshot(town_crimes(), PLAN, GRID, taken_at=SECOND, blobs=Wrong())
