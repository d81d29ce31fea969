"""Lagged counts: by the naive twin at every moment, alone and one after the other."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.civil_time import shift_back, span
from predpol_eval.errors import InputError
from predpol_eval.forecasters.features import Asked
from predpol_eval.forecasters.features.sliding import starts_of
from tests.forecasters.towns import CRS, GROUND, towns, utc
from tests.naive import regression as naive

GRID = GROUND.grid
CELLS = np.flatnonzero(GRID.mask.ravel())
OPTIONS = {"lookbacks": ("3D", "36h", "21D", None), "half_lives": (5.0,), "neighbours": 2, "smooth": (60.0, 300.0)}
FORM = ppe.LaggedCounts(**{**OPTIONS, "half_lives": ("5D",)})


def asked(events, untils, grid=GRID, lookback=None):
    untils = np.sort(np.array(untils, dtype="datetime64[ns]"))
    day = np.timedelta64(24, "h")
    windows = ppe.Windows(untils.copy(), untils + day, untils.copy(), events.tz)
    cells = (np.flatnonzero(grid.mask.ravel()),) * len(untils)
    return Asked(events=events, grid=grid, windows=windows, cells=cells, lookback=lookback)


def same(found, expected):
    if expected is None:
        assert isinstance(found, InputError)
        assert "No time was observed" in str(found)
    else:
        assert_allclose(found, expected.reshape(len(expected), -1)[:, CELLS], rtol=1e-9, atol=1e-12)


@given(towns(most=7), st.lists(st.integers(0, 300), max_size=6), st.sampled_from([None, None, "7D"]))
def test_night_after_night_is_the_naive_one(town, hours, cap):
    """Nights in a row slide; the naive one counts each night afresh, from what was known then."""
    untils = sorted({town.until - timedelta(hours=hour) for hour in [0, *hours]})
    found = list(FORM.answers(asked(town.events(), [utc(until) for until in untils], lookback=cap)))
    for numbers, until in zip(found, untils, strict=True):
        same(numbers, naive.lagged(town.crimes, town.observed, until, town.zone, GROUND, **OPTIONS, cap=cap))


@given(towns(most=7), st.lists(st.integers(0, 300), min_size=1, max_size=5))
def test_a_night_does_not_depend_on_the_others(town, hours):
    events, untils = town.events(), sorted({utc(town.until - timedelta(hours=hour)) for hour in [0, *hours]})
    together = list(FORM.answers(asked(events, untils)))
    for numbers, until in zip(together, untils, strict=True):
        (alone,) = FORM.answers(asked(events.known_at(until), [until]))
        if isinstance(numbers, InputError):
            assert str(alone) == str(numbers)
        else:
            assert_allclose(numbers, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("lookback", ["1D", "7D", "36h", "99999D"])
def test_starts_of_many_moments_are_those_of_each(zone, lookback):
    untils = np.datetime64("2018-10-20", "ns") + np.arange(0, 500, 1) * np.timedelta64(3, "h")
    expected = [shift_back(until, span(lookback), zone) for until in untils]
    assert np.array_equal(starts_of(untils, span(lookback), zone), np.array(expected))


def crimes(x, y, times, **named):
    frame = pd.DataFrame({"t": times, "x": x, "y": y, **named})
    return ppe.Events.from_frame(
        frame, crs=CRS, tz="Europe/London", observed=[("2018-08-01", "2018-12-01")], ambiguous="earlier",
        **{k: k for k in named},
    )  # fmt: skip


def test_where_the_clock_goes_back_a_later_night_may_look_back_further():
    # On 28 October 2018 the hour from 01:00 to 02:00 comes twice; a day back from its second half is earlier.
    events = crimes([1100.0] * 3, [2100.0] * 3, ["2018-10-27 01:10", "2018-10-27 01:40", "2018-10-27 12:00"])
    untils = np.datetime64("2018-10-28T00:15", "ns") + np.arange(12) * np.timedelta64(10, "m")
    form = ppe.LaggedCounts(lookbacks=("1D",), half_lives=(), smooth=(), scale="count")
    starts = starts_of(untils, span("1D"), "Europe/London")
    assert (np.diff(starts) < np.timedelta64(0)).any()
    for numbers, until in zip(form.answers(asked(events, untils)), untils, strict=True):
        (alone,) = form.answers(asked(events, [until]))
        assert np.array_equal(numbers, alone)


def test_by_hand():
    """Two crimes in a cell within a week, one of them within three days; half of the fourteen days was observed."""
    grid = ppe.Grid.from_bounds(0, 0, 750, 375, cell=250, crs=CRS)
    frame = pd.DataFrame({"t": ["2018-05-02", "2018-05-07", "2018-05-07"], "x": [10.0, 10, 300], "y": [10.0, 10, 300]})
    events = ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[("2018-05-01", "2018-05-08")])
    form = ppe.LaggedCounts(lookbacks=("3D", "14D"), half_lives=(), neighbours=1, smooth=(), scale="count")
    (numbers,) = form.answers(asked(events, ["2018-05-08"], grid))
    three, fourteen, ring, _ = numbers.reshape(4, 2, 3)
    assert three.tolist() == [[1, 0, 0], [0, 2, 0]]  # the northern row holds half a cell
    assert fourteen[0, 0] == 4
    # Around the first cell: one crime on 1 + 1/2 + 1/2 cells of ground.
    assert ring[0, 0] == pytest.approx(1 / 2)


def test_names_tell_the_lookback_and_the_place():
    form = ppe.LaggedCounts(lookbacks=("7D", None), half_lives=("30D",), neighbours=1, smooth=(250.0,))
    assert form.names == (
        "count_7D", "count_all", "decayed_30D", "count_7D_ring1", "count_all_ring1", "decayed_30D_ring1",
        "count_7D_smooth250m", "count_all_smooth250m", "decayed_30D_smooth250m",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"lookbacks": "7D"}, r"lookbacks='7D'; give several in a tuple, for instance lookbacks=\('7D',\)"),
        ({"lookbacks": ("7D", "7D")}, "give each once"),
        ({"lookbacks": ("soon",)}, "lookbacks is 'soon'"),
        ({"half_lives": ("0D",)}, "half_lives is '0D'"),
        ({"smooth": (0.0,)}, "smooth=0.0"),
        ({"neighbours": 1.5}, "neighbours=1.5; give a number of rings"),
        ({"neighbours": -1}, "neighbours=-1"),
        ({"scale": "log"}, "scale='log'; choose 'log1p'"),
        ({"lookbacks": (), "half_lives": ()}, "neither lookbacks nor half_lives"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.LaggedCounts(**wrong)


def test_a_crime_recorded_when_it_is_already_too_old_never_counts():
    happened = ["2018-08-10 12:00", "2018-08-14 12:00"]
    events = crimes([1100.0] * 2, [2100.0] * 2, happened, recorded=["2018-08-16 12:00", "2018-08-14 13:00"])
    form = ppe.LaggedCounts(lookbacks=("3D",), half_lives=(), smooth=(), scale="count")
    untils = np.datetime64("2018-08-11T23", "ns") + np.arange(8) * np.timedelta64(24, "h")
    found = [float(numbers[0, 0]) for numbers in form.answers(asked(events, untils))]
    # Nights to 12, 13, ... August: the second crime counts on three of them, the first on none.
    assert found == [0, 0, 0, 1, 1, 1, 0, 0]
