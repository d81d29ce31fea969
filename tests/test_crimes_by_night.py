"""Surfaces that are not loaded are checked and tallied window by window, with the same bits as loaded ones."""

from __future__ import annotations

import dask.array
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.counts import judged
from predpol_eval.crimes_by_night import by_night, nights_of
from predpol_eval.flagging import make_scene
from tests.backtests.same import assert_same_bits
from tests.strategies import CRS, row_of_cells

BUDGETS = [ppe.TopCells(1), ppe.Coverage(0.5), ppe.TopCells(1, per="area")]
GRID = row_of_cells([4, 4, 0, 4, 2], [0, 1, 0, 0, 1], 2)
WINDOWS = ppe.Schedule(start="2018-05-01", end="2018-05-06", tz="UTC").windows
places = st.sampled_from([0.5, 2.5, 3.0, 4.5, 6.5, 9.0, 30.0])
rows = st.lists(st.tuples(places, st.integers(-60, 140), st.sampled_from([0, 0, 1, 24, 60])), min_size=1, max_size=9)


def crimes(found) -> ppe.Events:
    """Crimes as (x, hours from the first of May, hours until the end of the interval)."""
    frame = pd.DataFrame({"x": [x for x, _, _ in found], "y": 1.0})
    frame["t"] = [pd.Timestamp("2018-05-01") + pd.Timedelta(hours=first) for _, first, _ in found]
    frame["u"] = frame["t"] + pd.to_timedelta([hours for _, _, hours in found], unit="h")
    return ppe.Events.from_frame(
        frame, crs=CRS, tz="UTC", happened_until="u", observed=[("2018-04-01", "2018-07-01")]
    )  # fmt: skip


def surface(seed: int = 0, kind: str = "score") -> xr.DataArray:
    """Two forecasters of few values, so that ties abound."""
    values = np.random.default_rng(seed).integers(0, 2 if kind == "flags" else 3, (2, len(WINDOWS), 1, 5))
    both = [ppe.make_surface(some, GRID, WINDOWS, kind=kind) for some in values.astype(float)]
    return xr.concat(both, pd.Index(["A", "B"], name="forecaster"), combine_attrs="override")


class Watched:
    """An array that tells which part of it was read."""

    def __init__(self, values):
        self.values, self.read = values, []
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, where):
        part = self.values[where]
        self.read.append(part.size)
        return part


def lazy(risk: xr.DataArray, seen: Watched | None = None) -> xr.DataArray:
    chunks = (*(1 for _ in risk.dims[:-2]), *risk.shape[-2:])
    source = Watched(risk.to_numpy()) if seen is None else seen
    return risk.copy(data=dask.array.from_array(source, chunks, meta=np.empty((0,) * risk.ndim), name=False))


@given(rows, st.integers(0, 5), st.sampled_from(["score", "expected_count"]))
def test_a_surface_that_is_not_loaded_gives_the_same_bits(found, seed, kind):
    events, risk = crimes(found), surface(seed, kind)
    assert_same_bits(ppe.tally(lazy(risk), events, BUDGETS, GRID), ppe.tally(risk, events, BUDGETS, GRID))
    assert_same_bits(ppe.credits(lazy(risk), events, BUDGETS, GRID), ppe.credits(risk, events, BUDGETS, GRID))


@given(rows, st.sampled_from(["aoristic", "start", "end", "midpoint", "exclude"]))
def test_crimes_one_window_at_a_time_are_those_of_all_windows(found, method):
    events, scene = crimes(found), make_scene(GRID)
    together = judged(surface(), events, GRID, method)
    counted = ppe.count(events, GRID, WINDOWS, method=method)
    for observed in (events, counted):
        _, windows, crimes_there = by_night(surface(), observed, GRID, method)
        assert windows == WINDOWS
        assert crimes_there.told == together.told
        assert crimes_there.outside.tobytes() == together.outside.tobytes()
        for window in range(len(windows)):
            number, hit = crimes_there.of(window, scene)
            assert number.tobytes() == together.crimes[window, scene.cells].tobytes()
            assert hit.tobytes() == together.hit[window, scene.cells].tobytes()


def test_no_more_than_one_window_is_read_at_once():
    risk = surface()
    seen = Watched(risk.to_numpy())
    ppe.tally(lazy(risk, seen), crimes([(0.5, 3, 0)]), BUDGETS, GRID)
    cells, leads = 5, 2
    # Once to be checked, for both forecasters, and once to be flagged, for each.
    assert max(seen.read) <= cells
    assert sum(seen.read) == 2 * leads * len(WINDOWS) * cells


def test_reading_one_window_reads_nothing_else():
    risk = surface()
    seen = Watched(risk.to_numpy())
    read = nights_of(lazy(risk, seen), make_scene(GRID))
    assert seen.read == []
    assert read(1, 3).tobytes() == risk.to_numpy()[1, 3][GRID.mask].tobytes()
    assert seen.read == [5]


@pytest.mark.parametrize(("change", "kind", "told"), [
    ({(0, 1, 0, 0): np.nan, (1, 4, 0, 1): np.inf}, "score", r"2 of 40 numbers .* missing or infinite"),
    ({(0, 3): np.nan}, "score", r"1 of 5 windows are missing \(NaN\) in every cell: 2018-05-04T00:00"),
    ({(0, 1): np.nan, (1, 3): np.nan, (1, 4, 0, 0): np.nan}, "score", "2 of 5 windows are missing"),
    ({(0, 0, 0, 0): -1.0, (1, 4, 0, 4): -2.0}, "expected_count", "2 numbers of a surface .* negative"),
    ({(1, 4, 0, 4): 0.5}, "flags", r"holds 1 \(flagged\) and 0 only"),
])  # fmt: skip
def test_what_is_wrong_is_told_as_of_a_loaded_surface(change, kind, told):
    risk = surface(kind=kind)
    values = risk.to_numpy().copy()
    for place, value in change.items():
        values[place] = value
    messages = []
    for spoilt in (risk.copy(data=values), lazy(risk.copy(data=values))):
        with pytest.raises(ppe.InputError, match=told) as refusal:
            ppe.check_surface(spoilt, GRID)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


def test_counts_must_be_of_the_same_windows():
    counted = ppe.count(crimes([(0.5, 3, 0)]), GRID, WINDOWS[:3])
    with pytest.raises(ppe.NotComparableError, match="count the crimes of the surface's windows"):
        ppe.tally(surface(), counted, BUDGETS, GRID)
    with pytest.raises(ppe.InputError, match="observed crimes are a list"):
        ppe.tally(surface(), [], BUDGETS, GRID)
