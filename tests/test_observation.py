"""Periods of observation: read, joined, cut and asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError, observation

TZ = "Europe/London"
DAY = np.timedelta64(1, "D")
START = np.datetime64("2018-01-01", "ns")


def test_periods_are_sorted_and_joined_where_they_touch():
    found = observation.read_periods(
        [("2018-06-01", "2018-07-01"), ("2018-01-01", "2018-02-01"), ("2018-02-01", "2018-03-01")], TZ
    )
    assert [(str(a)[:13], str(b)[:13]) for a, b in found] == [
        ("2018-01-01T00", "2018-03-01T00"),
        ("2018-05-31T23", "2018-06-30T23"),
    ]


@pytest.mark.parametrize(
    ("observed", "told"),
    [
        ([], "at least one pair"),
        ([("2018-01-01", "2018-01-01")], r"observed\[0\] ends at 2018-01-01, not after"),
        ([("2018-01-01", "2018-02-01"), ("2018-04-01", "2018-03-01")], r"observed\[1\]"),
        ([("2018-01-01", "2018-02-01"), ("2018-01-31", "2018-03-01")], "overlap"),
        ([("2018-01-01",)], r"observed\[0\].*pairs"),
        (["2018-01-01"], r"observed\[0\]"),
        ([3], r"observed\[0\]"),
        ([("2018-01-01", None)], r"observed\[0\] end"),
        ([("soon", "2018-01-01")], r"observed\[0\] start"),
    ],
)
def test_bad_periods(observed, told):
    with pytest.raises(InputError, match=told):
        observation.read_periods(observed, TZ)


periods = st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True).map(
    lambda days: tuple(
        (START + a * DAY, START + b * DAY) for a, b in zip(sorted(days)[::2], sorted(days)[1::2], strict=False)
    )
)


@given(periods, st.integers(0, 60), st.integers(0, 60))
def test_against_days_counted_one_by_one(found, first, second):
    first, second = sorted((first, second))
    days = {d for a, b in found for d in range(int((a - START) / DAY), int((b - START) / DAY))}
    start, end = START + first * DAY, START + second * DAY
    assert observation.total_days(found) == len(days)
    clipped = observation.clip(found, start, end)
    assert observation.total_days(clipped) == len(days & set(range(first, second)))
    assert observation.clip(found, None, None) == found
    moments = START + np.arange(61) * DAY
    assert np.flatnonzero(observation.contains(found, moments)).tolist() == sorted(days)
    if second > first:
        whole = set(range(first, second)) <= days
        inside = observation.covered(found, np.array([start]), np.array([end]))
        # One period must hold all of it; periods that touch would have been joined.
        assert inside.tolist() == [whole]


def test_words():
    found = observation.read_periods([(f"2018-{m:02d}-01", f"2018-{m:02d}-10 12:30") for m in range(1, 7)], TZ)
    text = observation.describe(found, TZ)
    assert text.startswith("2018-01-01 to 2018-01-10T12:30; 2018-02-01")
    assert text.endswith("and 2 more")
