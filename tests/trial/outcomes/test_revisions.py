"""What changed between two snapshots: counted where it was, balanced, and said in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError, NotComparableError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.outcomes.revisions import COLUMNS, compare_snapshots
from predpol_eval.trial.outcomes.snapshots import freeze, snapshot_of
from tests.trial.outcomes.towns import CRS, TZ, Plan, X, Y, crimes, nights, town, wall

GRID = town()
PLAN = Plan(nights=nights("2018-07-01", 31))
FIRST, SECOND = wall("2018-08-03 12:00"), wall("2018-08-28 12:00")


def compared(old: list, new: list, plan: Plan = PLAN, *, match=None, taken=(FIRST, SECOND), **options):
    one, two = (part if isinstance(part, Events) else crimes(part, **options) for part in (old, new))
    return compare_snapshots(freeze(one, taken[0]), freeze(two, taken[1]), plan, GRID, match=match)


def sums(found) -> dict[str, int]:
    return {name: found.total(name) for name in COLUMNS if found.total(name)}


STAYS = {"id": "stays", "t": "2018-07-01 21:00"}
EAST, PARK, WEST = {"x": 10.0}, {"x": 600.0}, {"x": 1010.0}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [], {}),
        ([], [{}], {"added": 1}),
        ([{}], [], {"removed": 1}),
        ([{}], [{"x": 249.0, "y": 20.0}], {}),  # within its cell
        ([{}], [{"x": 250.0}], {"changed": 1, "moved": 1}),
        ([{}], [WEST], {"changed": 1, "moved": 1, "arrived": 1, "left": 1}),
        ([{}], [PARK], {"changed": 1, "moved": 1, "left": 1}),
        ([PARK], [WEST], {"changed": 1, "moved": 1, "arrived": 1}),
        ([PARK], [{"x": 900.0}], {}),  # of no area, before and after
        ([{}], [{"kind": "robbery"}], {"changed": 1, "other_kind": 1, "arrived": 1, "left": 1}),
        ([{}], [{"kind": "arson"}], {"changed": 1, "other_kind": 1, "left": 1}),
        ([{}], [{"t": "2018-07-05 23:59"}], {"changed": 1, "other_time": 1}),
        ([{}], [{"t": "2018-07-06 20:00"}], {"changed": 1, "other_time": 1, "arrived": 1, "left": 1}),
        ([{}], [{"t": "2018-06-06 20:00"}], {"changed": 1, "other_time": 1, "left": 1}),
        ([{}], [WEST | {"kind": "robbery", "t": "2018-07-09"}],
         {"changed": 1, "moved": 1, "other_kind": 1, "other_time": 1, "arrived": 1, "left": 1}),
        ([{}, {"kind": "robbery"}], [{"kind": "robbery"}], {"removed": 1}),  # one id twice
        ([{}], [{}, {}], {"added": 1}),
        ([{}], [{}, {"id": "other", "kind": "arson"}], {}),  # of no kind of the plan
    ],
)  # fmt: skip
def test_one_change_at_a_time(before, after, expected):
    base = {"id": "it", "t": "2018-07-05 21:00"}
    found = compared([STAYS, *(base | row for row in before)], [STAYS, *(base | row for row in after)])
    shown = sums(found)
    assert {name: number for name, number in shown.items() if name not in ("old", "new")} == expected
    assert found.matched_by == "id"


def test_changes_stand_where_the_crime_was():
    old = [STAYS, {"id": "a", "t": "2018-07-05 21:00"}, {"id": "b", "t": "2018-07-06 21:00"} | PARK]
    new = [
        STAYS,
        {"id": "a", "t": "2018-07-07 21:00", "kind": "robbery"} | WEST,
        {"id": "b", "t": "2018-07-06 21:00"} | WEST,
    ]
    table = compared(old, new).frame().set_index(["night", "area", "kind"])
    assert list(table.columns) == list(COLUMNS)
    shown = {
        key: {name: number for name, number in row.items() if number} for key, row in table.to_dict("index").items()
    }
    assert shown == {
        ("2018-07-05", "east", "burglary"): {
            "old": 1, "left": 1, "changed": 1, "moved": 1, "other_kind": 1, "other_time": 1
        },
        ("2018-07-06", "west", "burglary"): {"new": 1, "arrived": 1, "changed": 1, "moved": 1},
        ("2018-07-07", "west", "robbery"): {"new": 1, "arrived": 1},
    }  # fmt: skip
    assert len(compared(old, new).frame(every=True)) == 31 * 2 * 2


def test_words():
    old = [{"id": f"a{n}", "t": f"2018-07-{n + 1:02d} 21:00"} for n in range(20)]
    new = [*old[3:], *({"id": f"b{n}", "t": f"2018-07-{n + 1:02d} 22:00"} for n in range(14))]
    new[0] = new[0] | {"x": 300.0}
    new[1] = new[1] | WEST
    found = compared(old, new, taken=(wall("2018-08-01 12:00"), SECOND), plan=Plan(nights=PLAN.nights[:30]))
    assert found.words() == (
        "Between 1 and 28 August 2018 the crimes of 30 nights (1 July 2018 to 30 July 2018) went from 20 to 31: "
        "14 added, 3 removed, 2 moved to another box.",
        "July 2018, burglary: 14 added, 3 removed, 2 moved to another box (20 before, 31 now).",
    )
    assert "14 added, 3 removed, 2 moved to another box" in repr(found)
    assert "14 added, 3 removed, 2 moved to another box" in found._repr_html_()
    assert canonical_json(found.record())
    assert found.record() == {
        "old_snapshot": found.old.sha256, "new_snapshot": found.new.sha256, "nights": 30, "matched_by": "id", "old": 20,
        "new": 31, "added": 14, "removed": 3, "arrived": 1, "left": 1, "changed": 2, "moved": 2, "other_kind": 0,
        "other_time": 0,
    }  # fmt: skip


def test_words_of_several_months_and_kinds():
    plan = Plan(nights=nights("2018-06-29", 5), kinds=("burglary", "<b>"))
    old = [STAYS, {"id": "a", "t": "2018-06-30 21:00"}, {"id": "b", "t": "2018-07-02 21:00", "kind": "<b>"}]
    found = compared(
        old, [STAYS, {"id": "b", "t": "2018-07-02 22:00", "kind": "<b>"}], plan, taken=(FIRST, wall("2019-01-02 00:00"))
    )
    assert found.words() == (
        "Between 3 August 2018 and 2 January 2019 the crimes of 5 nights (29 June 2018 to 3 July 2018) went from 3 to "
        "2: 0 added, 1 removed, 1 dated to another time.",
        "June 2018, burglary: 0 added, 1 removed (1 before, 0 now).",
        "July 2018, <b>: 0 added, 0 removed, 1 dated to another time (1 before, 1 now).",
    )
    assert "<b>" not in found._repr_html_()
    assert "&lt;b&gt;" in found._repr_html_()
    same = compared(old, old, plan, taken=(FIRST, wall("2018-08-03 18:30")))
    assert same.words() == (
        "On 3 August 2018, between 12:00 and 18:30, nothing changed in the crimes of 5 nights (29 June 2018 to 3 July "
        "2018): 3 crimes.",
    )
    assert len(same.frame()) == 0


def test_nights_that_one_alone_covers_are_not_revised():
    old = crimes([STAYS], observed=[("2018-07-01", "2018-07-11")])
    new = crimes(
        [{"id": f"n{n}", "t": f"2018-07-{n:02d} 21:00"} for n in range(5, 31)], observed=[("2018-07-03", "2018-08-01")]
    )
    found = compared(old, new)
    assert (found.nights[0], found.nights[-1], len(found.nights)) == ("2018-07-03", "2018-07-09", 7)
    assert found.only_old == ("2018-07-01", "2018-07-02")
    assert (found.only_new[0], found.only_new[-1]) == ("2018-07-10", "2018-07-30")
    assert sums(found) == {"new": 5, "added": 5}
    assert "21 that the older" in repr(found)
    assert "2 that the newer" in repr(found)
    # One dated from a night that is compared to one that is not has left, and is not removed.
    moved = crimes([STAYS | {"t": "2018-07-20 21:00"}], observed=[("2018-07-01", "2018-08-01")])
    assert sums(compared(old, moved)) == {"old": 1, "left": 1, "changed": 1, "other_time": 1}
    nothing = compared(old, new, Plan(nights=nights("2018-07-20", 3)))
    assert nothing.words()[0].startswith("No night of the trial is covered by both")
    assert nothing.nights == ()
    assert sums(nothing) == {}
    assert compared(old, new, Plan()).words()[0].startswith("No night of the trial")


def test_without_lasting_ids_a_change_is_one_removed_and_one_added():
    def plain(times: list[str]) -> Events:
        table = pd.DataFrame({"x": X, "y": Y, "t": times, "k": "burglary"})
        return Events.from_frame(table, kind="k", crs=CRS, tz=TZ, observed=[("2018-01-01", "2018-08-10")])

    times = [f"2018-07-{day:02d} 21:00" for day in range(2, 12)]
    found = compared(plain(times), plain(["2018-07-01 22:00", *times[1:]]))
    assert found.matched_by == "content"
    assert sums(found) == {"old": 10, "new": 10, "added": 1, "removed": 1}
    assert "no lasting id" in found.words()[1]


def test_uncertain_times_count_on_the_night_of_their_middle():
    before = STAYS | {"u": "2018-07-01 21:00"}
    row = {"id": "a", "t": "2018-07-01 20:00", "u": "2018-07-03 19:59"}  # the middle: 2 July, 19:59:30
    found = compared([before], [before, row])
    assert found.frame()["night"].tolist() == ["2018-07-01"]
    assert compared([before], [before, row | {"u": "2018-07-03 20:00"}]).frame()["night"].tolist() == ["2018-07-02"]
    # Its end alone was corrected.
    assert sums(compared([before, row], [before, row | {"u": "2018-07-03 12:00"}])) == {
        "old": 2, "new": 2, "changed": 1, "other_time": 1
    }  # fmt: skip


def test_nights_of_23_and_25_hours():
    for day, hours in (("2018-03-24", 23), ("2018-10-27", 25)):
        plan = Plan(nights=nights(day, 2))
        start = pd.Timestamp(plan.nights[0].start)
        rows = [{"id": str(k), "t": start + pd.Timedelta(hours=k)} for k in range(-1, 49)]
        taken = (wall("2018-12-01 12:00"), wall("2018-12-02 12:00"))
        found = compared([{"id": "0", "t": start}], rows, plan, taken=taken)
        assert found.counts["new"].sum(axis=(1, 2)).tolist() == [hours, 24]
        assert found.counts["added"].sum(axis=(1, 2)).tolist() == [hours - 1, 24]


def test_nights_with_hours_between_them():
    """Eight hours a night: what happens by day belongs to none."""
    short = tuple(replace(one, end=one.start + (one.end - one.start) / 3) for one in PLAN.nights)
    rows = [{"id": f"{hour}", "t": f"2018-07-02 {hour:02d}:00"} for hour in range(24)]
    found = compared([rows[0]], rows, Plan(nights=short[::-1]))
    table = found.frame(every=True).groupby("night")["new"].sum()
    assert table[table > 0].to_dict() == {"2018-07-01": 4, "2018-07-02": 4}


rows = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.integers(0, 24 * 6),
        st.sampled_from(["burglary", "robbery", "arson"]),
        st.sampled_from([10.0, 300.0, 600.0, 1010.0, 9000.0]),
    ),
    max_size=10,
)


BEFORE = {"id": "before", "t": pd.Timestamp("2018-06-01", tz="UTC")}


def listed(found) -> list[dict[str, object]]:
    start = pd.Timestamp("2018-06-30 12:00", tz="UTC")
    return [{"id": i, "t": start + pd.Timedelta(hours=h), "kind": k, "x": x} for i, h, k, x in found]


@given(rows, rows, st.sampled_from([None, "id", "content"]))
def test_the_counts_balance(before, after, match):
    plan = Plan(nights=nights("2018-07-01", 4))
    old, new = (crimes([BEFORE, *listed(part)]) for part in (before, after))
    one, two = freeze(old, FIRST), freeze(new, SECOND)
    count = compare_snapshots(one, two, plan, GRID, match=match).counts
    assert (count["new"] == count["old"] + count["added"] - count["removed"] + count["arrived"] - count["left"]).all()
    for name, events in (("old", old), ("new", new)):
        label = [GRID.labels[c] if c >= 0 else "" for c in np.where(
            GRID.cells_of(events) >= 0, GRID.label_code.ravel()[GRID.cells_of(events)], -1)]  # fmt: skip
        for n, night in enumerate(plan.nights):
            start, end = (np.datetime64(part.replace(tzinfo=None), "ns") for part in (night.start, night.end))
            for a, area in enumerate(plan.areas):
                for k, kind in enumerate(plan.kinds):
                    here = (events.happened >= start) & (events.happened < end) & (events.kind == kind)
                    assert count[name][n, a, k] == (here & (np.array(label) == area)).sum()
    assert all((count[name] >= 0).all() for name in COLUMNS)
    parts = [count[name] for name in ("moved", "other_kind", "other_time")]
    assert (count["changed"] <= sum(parts)).all()
    assert all((part <= count["changed"]).all() for part in parts)
    # Looked at from the other side, what was added was removed.
    back = compare_snapshots(two, one, plan, GRID, match=match).counts
    for first, second in (("added", "removed"), ("arrived", "left"), ("old", "new")):
        assert (count[first] == back[second]).all()
        assert (count[second] == back[first]).all()
    same = compare_snapshots(one, one, plan, GRID, match=match).counts
    assert not any(same[name].any() for name in COLUMNS[2:])


def test_others_are_refused():
    data = freeze(crimes([STAYS]), FIRST)
    with pytest.raises(InputError, match="no snapshot"):
        compare_snapshots(data, b"x", PLAN, GRID)
    with pytest.raises(InputError, match="clock of Europe/London"):
        compare_snapshots(data, data, replace(PLAN, tz="Europe/Paris"), GRID)
    with pytest.raises(NotComparableError):
        compare_snapshots(data, data, replace(PLAN, areas=("north",)), GRID)
    assert compare_snapshots(data, data, PLAN, GRID).old == snapshot_of(data)
