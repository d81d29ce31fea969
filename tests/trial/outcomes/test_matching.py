"""Which crime is which: by ids that last, of several the likeliest, else by content."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import Events, InputError
from predpol_eval.trial.outcomes.matching import numbered, pair_crimes
from tests.trial.outcomes.towns import CRS, TZ, X, Y, crimes


def told(old: Events, new: Events, match=None) -> list[tuple[str, str, str, str]]:
    """Ids and kinds of the pairs."""
    pairs = pair_crimes(old, new, match)
    return sorted(
        (str(old.id[i]), old.kind[i], str(new.id[j]), new.kind[j]) for i, j in zip(pairs.old, pairs.new, strict=True)
    )


def test_by_id_whatever_else_changed():
    old = crimes([{"id": "a", "t": "2018-06-01"}, {"id": "b", "t": "2018-06-02"}, {"id": "c", "t": "2018-06-03"}])
    new = crimes([{"id": "b", "t": "2018-07-01", "x": 900.0, "kind": "robbery"}, {"id": "c", "t": "2018-06-03"},
                  {"id": "d", "t": "2018-06-01"}])  # fmt: skip
    assert told(old, new) == [("b", "burglary", "b", "robbery"), ("c", "burglary", "c", "burglary")]
    assert pair_crimes(old, new).by == "id"


def test_of_several_with_one_id_those_that_agree_most_go_together():
    old = crimes([
        {"id": "a", "t": "2018-06-01", "kind": "arson"}, {"id": "a", "t": "2018-06-01", "kind": "burglary"},
        {"id": "a", "t": "2018-06-01", "kind": "theft"},
    ])  # fmt: skip
    new = crimes([
        {"id": "a", "t": "2018-06-01", "kind": "burglary", "x": 300.0}, {"id": "a", "t": "2018-06-01", "kind": "theft"},
        {"id": "a", "t": "2018-06-05", "kind": "zoo"},
    ])  # fmt: skip
    assert told(old, new) == [
        ("a", "arson", "a", "zoo"), ("a", "burglary", "a", "burglary"), ("a", "theft", "a", "theft")
    ]  # fmt: skip
    assert len(pair_crimes(old, new.take(np.arange(3) < 1)).old) == 1


def test_numbers_of_rows_that_shift_are_no_ids():
    def plain(days: list[int]) -> Events:
        table = pd.DataFrame({"x": X, "y": Y, "t": [f"2018-06-{day:02d}" for day in days]})
        return Events.from_frame(table, crs=CRS, tz=TZ)

    old, new = plain([2, 3, 5]), plain([1, 2, 3, 5])
    assert numbered(old)
    pairs = pair_crimes(old, new)
    assert (pairs.by, sorted(pairs.old.tolist()), sorted(pairs.new.tolist())) == ("content", [0, 1, 2], [1, 2, 3])
    # A late one near the end leaves most numbers as they were, and still they are no ids.
    late = pair_crimes(plain([*range(1, 20), 21]), plain([*range(1, 22)]))
    assert (late.by, sorted(late.new.tolist())) == ("content", [*range(19), 20])
    # Taken for ids, every crime would have moved in time.
    assert told(old, new, "id")[0] == ("0", "all", "0", "all")
    assert not numbered(crimes([{"id": "1", "t": "2018-06-01"}, {"id": "2", "t": "2018-06-02"}]))
    assert not numbered(plain([1]))


@pytest.mark.parametrize("given_anew", [True, False])
def test_ids_that_are_given_anew_each_time_are_no_ids(given_anew):
    """Texts, so nothing tells but that the crimes under them are others."""
    rows = [{"t": f"2018-06-{day:02d}"} for day in range(1, 21)]
    old = crimes([row | {"id": f"row {n}"} for n, row in enumerate(rows[1:])])
    shift = 0 if given_anew else -1
    new = crimes([row | {"id": f"row {n + shift}"} for n, row in enumerate(rows)])
    pairs = pair_crimes(old, new)
    assert pairs.by == ("content" if given_anew else "id")
    assert len(pairs.old) == 19
    assert (old.happened[pairs.old] == new.happened[pairs.new]).all()


def test_ids_read_as_numbers_and_as_texts_are_the_same():
    old = crimes([{"id": "7", "t": "2018-06-02"}, {"id": "5", "t": "2018-06-01"}])
    table = pd.DataFrame({"x": X, "y": Y, "t": ["2018-06-01", "2018-06-02"], "i": [7, 5]})
    new = Events.from_frame(table, id="i", crs=CRS, tz=TZ)
    assert [row[0] == row[2] for row in told(old, new, "id")] == [True, True]


def test_an_empty_table_has_no_pairs():
    old = crimes([{"t": "2018-06-02"}])
    none = old.take(np.zeros(1, dtype=bool))
    for one, two in ((old, none), (none, old), (none, none)):
        for match in (None, "id", "content"):
            assert len(pair_crimes(one, two, match).old) == 0
    with pytest.raises(InputError, match="choose 'id', 'content'"):
        pair_crimes(old, old, "both")  # type: ignore[arg-type]


rows = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.sampled_from(["burglary", "robbery"]), st.integers(0, 2)),
    max_size=9,
)


def town(found) -> Events:
    dummy = [{"id": "z", "t": "2018-01-02"}]
    listed = [{"id": name, "t": f"2018-06-0{day}", "kind": kind, "x": 300.0 * x} for name, day, kind, x in found]
    whole = crimes(listed + dummy)
    return whole.take(whole.id != "z")


@given(rows, rows, st.sampled_from(["id", "content"]))
def test_each_crime_is_paired_at_most_once_and_as_many_as_can_be(found, later, match):
    old, new = town(found), town(later)
    pairs = pair_crimes(old, new, match)
    assert len(set(pairs.old.tolist())) == len(pairs.old) == len(pairs.new) == len(set(pairs.new.tolist()))

    def keys(part: Events, wanted: str) -> list[tuple[object, ...]]:
        content = list(zip(part.kind.tolist(), part.happened.tolist(), part.x.tolist(), strict=True))
        ids = part.id.tolist()
        return {
            "id": [(name,) for name in ids],
            "content": content,
            "both": [(name, *row) for name, row in zip(ids, content, strict=True)],
        }[wanted]

    def most(wanted: str) -> int:
        one, two = keys(old, wanted), keys(new, wanted)
        return sum(min(one.count(key), two.count(key)) for key in set(one))

    assert len(pairs.old) == most(match)
    one, two = keys(old, match), keys(new, match)
    assert all(one[i] == two[j] for i, j in zip(pairs.old, pairs.new, strict=True))
    if match == "id":
        one, two = keys(old, "both"), keys(new, "both")
        assert sum(one[i] == two[j] for i, j in zip(pairs.old, pairs.new, strict=True)) == most("both")
