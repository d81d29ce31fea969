"""The table of crimes: two clocks, what was known when, selections, and order that never matters."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError

CRS, TZ = "EPSG:27700", "Europe/London"
HOUR = np.timedelta64(1, "h")


def utc(*texts: str) -> list[np.datetime64]:
    return [np.datetime64(text, "ns") for text in texts]


def frame(t: list[str], **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"x": 1e5 + np.arange(len(t)), "y": 2e5, "t": t} | columns)


def events(t: list[str], **columns: object) -> Events:
    named = {name: name for name in columns if name in ("recorded", "happened_until", "kind", "id")}
    options = {name: value for name, value in columns.items() if name not in named and name not in ("x", "y")}
    table = frame(t, **{name: value for name, value in columns.items() if name not in options})
    return Events.from_frame(table, crs=CRS, tz=TZ, **named, **options)


def same(one: Events, two: Events) -> bool:
    return one.fingerprint == two.fingerprint


def test_crimes_are_sorted_by_time_and_stored_in_utc():
    found = events(["2018-07-02 00:30", "2018-01-01 12:00", "2018-07-01 23:30"], kind=["b", "a", "b"], id=[7, 8, 9])
    assert found.happened.tolist() == np.array(utc("2018-01-01T12", "2018-07-01T22:30", "2018-07-01T23:30")).tolist()
    assert found.id.tolist() == [8, 9, 7]
    assert found.kind.tolist() == ["a", "b", "b"]
    assert found.kinds == ("a", "b")
    assert found.x.tolist() == [100001, 100002, 100000]
    assert (found.crs, found.tz, len(found)) == (CRS, TZ, 3)


def test_without_ids_and_kinds_there_are_plain_ones():
    found = events(["2018-07-02", "2018-07-01"])
    assert found.id.tolist() == [0, 1]
    assert found.kinds == ("all",)
    assert found.kind.tolist() == ["all", "all"]


def test_nothing_can_be_changed():
    found = events(["2018-07-02"], recorded=["2018-07-03"], happened_until=["2018-07-02 06:00"])
    for name in ("happened", "happened_until", "recorded", "x", "y", "kind_code", "id"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(found, name)[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.tz = "UTC"  # type: ignore[misc]
    table = frame(["2018-07-02"])
    made = Events.from_frame(table, crs=CRS, tz=TZ)
    table.loc[0, "x"] = -1.0
    assert made.x.tolist() == [1e5]


rows = st.lists(
    st.tuples(
        st.integers(0, 400),  # hours
        st.integers(0, 60),  # hours until
        st.integers(0, 90),  # hours until recorded
        st.sampled_from(["burglary", "robbery", "theft"]),
        st.floats(0, 6e5),
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=12,
)


def table_of(found: list[tuple[int, int, int, str, float, int]], *, ids: bool) -> pd.DataFrame:
    start = pd.Timestamp("2018-03-20")
    return pd.DataFrame(
        {
            "x": [row[4] + 200 for row in found],
            "y": [row[4] / 2 + 200 for row in found],
            "t": [start + pd.Timedelta(hours=row[0]) for row in found],
            "u": [start + pd.Timedelta(hours=row[0] + row[1]) for row in found],
            "r": [start + pd.Timedelta(hours=row[0] + row[2]) for row in found],
            "k": [row[3] for row in found],
            "i": [f"n{row[5]}" for row in found] if ids else [row[5] for row in found],
        }
    )


def read(table: pd.DataFrame, *columns: str) -> Events:
    named = {"u": "happened_until", "r": "recorded", "k": "kind", "i": "id"}
    chosen = {named[column]: column for column in columns}
    return Events.from_frame(
        table, crs=CRS, tz=TZ, ambiguous="earlier", nonexistent="shift_forward",
        observed=[("2018-03-01", "2018-05-01")], **chosen,
    )  # fmt: skip


which_columns = st.sets(st.sampled_from("urki")).map(sorted)


@given(rows, which_columns, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_never_matters(found, columns, random):
    table = table_of(found, ids=True)
    order = list(range(len(table)))
    random.shuffle(order)
    assert same(read(table, *columns), read(table.iloc[order], *columns))


@given(rows, which_columns, st.integers(0, 500))
def test_what_is_known_was_recorded_before(found, columns, hours):
    """Strictly before: on the clock of recording, else on the end of the time it happened in."""
    table = table_of(found, ids=False)
    made = read(table, *columns)
    until = np.datetime64("2018-03-20", "ns") + hours * HOUR
    known = made.known_at(until)
    clock = made.recorded if "r" in columns else made.happened_until if "u" in columns else made.happened
    keep = np.array([moment < until for moment in clock])
    assert known.id.tolist() == made.id[keep].tolist()
    assert same(known, made.take(keep).known_at(until))
    assert made.information_set == ("recorded" if "r" in columns else "happened")
    assert all(last <= until for _, last in known.observed)
    assert same(known.known_at(until), known)
    # Nothing that is not known yet can show: drop it beforehand, and nothing changes.
    if keep.any() and "i" not in columns:
        assert len(made.take(keep).known_at(until)) == len(known)


@pytest.mark.parametrize(
    ("columns", "known"),
    [
        ({}, ["a"]),
        ({"happened_until": ["2018-05-01 08:00", "2018-05-01 12:00", "2018-05-01 13:00"]}, ["a"]),
        ({"happened_until": ["2018-05-01 12:00", "2018-05-01 12:00", "2018-05-01 13:00"]}, []),
        ({"recorded": ["2018-05-01 12:00", "2018-05-01 12:00", "2018-05-01 13:00"]}, []),
        ({"recorded": ["2018-05-01 11:59:59", "2018-05-02", "2018-05-02"]}, ["a"]),
        # Recorded decides, even while the interval in which it happened goes on.
        (
            {
                "recorded": ["2018-05-01 08:00", "2018-05-01 12:00", "2018-05-01 12:30"],
                "happened_until": ["2018-05-02"] * 3,
            },
            ["a"],
        ),
    ],
)
def test_at_noon_what_is_known_is_what_came_before_noon(columns, known):
    t = ["2018-05-01 08:00", "2018-05-01 12:00", "2018-05-01 12:30"]
    made = events(t, id=["a", "b", "c"], **columns)
    assert made.known_at("2018-05-01 12:00").id.tolist() == known
    assert made.known_at(np.datetime64("2018-05-01T11:00")).id.tolist() == known
    assert made.known_at("2018-05-01T12:00+01:00").id.tolist() == known


def test_the_observed_time_ends_where_knowledge_ends():
    made = events(["2018-05-01", "2018-05-10"], observed=[("2018-05-01", "2018-05-04"), ("2018-05-06", "2018-05-12")])
    known = made.known_at("2018-05-08")
    assert [str(end)[:13] for _, end in known.observed] == ["2018-05-03T23", "2018-05-07T23"]
    assert known.observed_days == 5
    assert made.known_at("2018-04-01").observed == ()


def test_the_observed_time_is_the_first_to_the_last_day_unless_given():
    made = events(["2018-03-24 13:00", "2018-03-26 00:00"])
    assert made.observed == ((np.datetime64("2018-03-24T00", "ns"), np.datetime64("2018-03-26T23", "ns")),)
    assert made.observed_days == 3 - 1 / 24
    # An uncertain time counts by its middle, not by an end years away.
    long = events(["2018-03-24 13:00", "2018-03-26"], happened_until=["2018-03-25 13:00", "2018-03-26"])
    assert str(long.observed[0][0]) == "2018-03-25T00:00:00.000000000"


def test_crimes_outside_the_observed_time_are_kept_but_make_no_rate():
    made = events(["2018-05-01", "2018-05-05", "2018-05-10"], observed=[("2018-05-04", "2018-05-10")])
    assert len(made) == 3
    assert made.within_observed().happened.tolist() == made.happened[[1]].tolist()


def test_select_by_kind_and_time():
    made = events(
        ["2018-05-01", "2018-05-02", "2018-05-03", "2018-05-04"], kind=["b", "a", "c", "b"], id=["w", "x", "y", "z"]
    )
    assert made.select(kinds="b").id.tolist() == ["w", "z"]
    assert made.select(kinds="b").kinds == ("b",)
    assert made.select(kinds=["c", "a"]).kinds == ("a", "c")
    assert made.select(kinds=["c", "a"]).kind.tolist() == ["a", "c"]
    part = made.select(start="2018-05-02", end="2018-05-04")
    assert part.id.tolist() == ["x", "y"]
    assert part.observed_days == 2
    assert part.observed[0][0] == np.datetime64("2018-05-01T23")
    with pytest.raises(InputError, match=r"'d'.*'a', 'b', 'c'"):
        made.select(kinds=["a", "d"])
    assert same(made.select(kinds=made.kinds), made)


@given(rows, st.integers(0, 400), st.integers(0, 400))
def test_selections_in_any_order_are_the_same(found, first, second):
    made = read(table_of(found, ids=True), "k", "i", "u")
    start = np.datetime64("2018-03-20", "ns") + min(first, second) * HOUR
    end = np.datetime64("2018-03-20", "ns") + (max(first, second) + 1) * HOUR
    kinds = made.kinds[:1]
    one = made.select(kinds=kinds).select(start=start).select(end=end)
    two = made.select(start=start, end=end, kinds=kinds)
    assert same(one, two)
    assert ((two.happened >= start) & (two.happened < end)).all()


@given(rows)
def test_a_fingerprint_tells_every_change(found):
    table = table_of(found, ids=True)
    made = read(table, *"urki")
    changes = {
        "x": table.x + 0.001,
        "t": table.t - pd.Timedelta("1ns"),
        "u": table.u + pd.Timedelta("1ns"),
        "r": table.r + pd.Timedelta("1ns"),
        "k": table.k + "s",
        "i": table.i + "0",
    }
    prints = {read(table.assign(**{name: column}), *"urki").fingerprint for name, column in changes.items()}
    prints |= {read(table, *columns).fingerprint for columns in ("rki", "uki", "urk", "")}
    other = Events.from_frame(table, crs="EPSG:32630", tz=TZ, happened="t", ambiguous="earlier",
                              nonexistent="shift_forward", observed=[("2018-03-01", "2018-05-01")])  # fmt: skip
    prints |= {other.fingerprint, made.fingerprint}
    assert len(prints) == len(changes) + 6


def test_a_fingerprint_does_not_depend_on_what_a_selection_left_out():
    """Texts are stored as wide as the longest id, which a selection may have dropped."""
    whole = events(["2018-05-01", "2018-05-02"], id=["a", "a much longer id"])
    part = events(["2018-05-01"], id=["a"], observed=[("2018-05-01", "2018-05-02")])
    assert same(whole.select(end="2018-05-02"), part)


def test_an_uncertain_time_has_a_middle():
    made = events(
        ["2018-05-01 08:00", "2018-05-01 09:00"], happened_until=["2018-05-01 18:00", None], id=["long", "exact"]
    )
    assert made.midpoint.tolist() == np.array(utc("2018-05-01T12:00", "2018-05-01T08:00")).tolist()
    assert (made.happened_until[1] == made.happened[1]).all()
    assert made.known_from.tolist() == made.happened_until.tolist()


def test_a_table_without_crime_is_a_table_where_it_was_observed():
    empty = Events.from_frame(
        frame([]).astype({"t": "datetime64[ns]"}), crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-06-01")]
    )
    assert len(empty) == 0
    assert empty.observed_days == 31
    assert len(empty.known_at("2018-05-02")) == 0
    assert "0" in repr(empty)
    with pytest.raises(InputError, match=r"empty.*observed="):
        Events.from_frame(frame([]), crs=CRS, tz=TZ)


def test_one_crime_is_enough():
    one = events(["2018-05-01 22:00"])
    assert one.observed_days == 1
    assert len(one.known_at("2018-05-02")) == 1


def test_it_describes_itself_and_gives_a_data_frame():
    made = events(["2018-05-01 22:00", "2018-05-02 10:00"], kind=["<b>", "a"], recorded=["2018-05-03", "2018-05-04"])
    assert "2018-05-01 22:00 to 2018-05-02 10:00" in repr(made)
    assert "&lt;b&gt; (1)" in made._repr_html_()
    table = made.frame()
    assert table.columns.tolist() == ["id", "happened", "recorded", "kind", "x", "y"]
    assert str(table.happened[0]) == "2018-05-01 22:00:00+01:00"
    again = Events.from_frame(table, happened="happened", recorded="recorded", kind="kind", id="id", crs=CRS)
    assert same(again, made)


def test_a_kind_that_is_first_seen_later_is_not_known_before():
    frame = pd.DataFrame({"x": [1e5] * 3, "y": [2e5] * 3, "t": ["2018-05-01", "2018-05-02", "2018-05-03"]})
    frame["kind"] = ["b", "c", "a"]
    known = Events.from_frame(frame, kind="kind", crs="EPSG:27700", tz="Europe/London").known_at("2018-05-03")
    assert known.kinds == ("b", "c")
    assert known.kind.tolist() == ["b", "c"]
    assert known.select(kinds="c").happened.tolist() == known.happened[1:].tolist()
