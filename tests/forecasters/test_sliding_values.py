"""Surfaces that slide from night to night are those of the plain loop; where they cannot be, there are none."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.forecasters.base import forecast as plain_loop
from predpol_eval.forecasters.sliding import in_turn, slides
from predpol_eval.forecasters.sliding import scores as module
from tests.forecasters.test_sliding_rates import GRID, SLIDING, crimes

BANDS = {"space_bands": (0, 0.01, 200, 500), "time_bands": (0, 2, 9), "weights": ((3, 2), (2, 1), (1, 0))}
SCORING = [
    ppe.ProspectiveHotspot(),
    ppe.ProspectiveHotspot(radius=600, weeks=2, unit=100),
    ppe.ProspectiveHotspot(radius=5000, weeks=1.5),
    ppe.ProspectiveHotspot(weeks=1e9),
    ppe.ProspectiveHotspot(variant="grid", metric="euclidean", weeks=3),
    ppe.NearRepeat(),
    ppe.NearRepeat(radius=700, kernel="exponential", lookback="9D"),
    ppe.NearRepeat(radius=3000, lookback="60h"),
    ppe.NearRepeat(own_address=False, lookback="9D"),
    ppe.NearRepeat(kernel="bands", **BANDS),
]


@pytest.mark.parametrize("forecaster", [*SLIDING, *SCORING], ids=repr)
@settings(max_examples=5)
@given(
    seed=st.integers(0, 10**6), number=st.sampled_from([1, 5, 60]), recorded=st.booleans(), uncertain=st.booleans(),
    step=st.sampled_from(["1D", "7h", "6D"]), lead=st.sampled_from(["0h", "3D"]), mixed=st.booleans(),
)  # fmt: skip
@example(seed=1, number=60, recorded=True, uncertain=True, step="1D", lead="0h", mixed=False)
def test_windows_in_turn_are_windows_by_themselves(forecaster, seed, number, recorded, uncertain, step, lead, mixed):
    events = crimes(seed, number, recorded=recorded, uncertain=uncertain)
    if mixed and recorded:
        # Recorded in another order than they happened.
        late = np.random.default_rng(seed).permutation(len(events))
        events = events.take(np.sort(late[: max(1, number // 2)]))
    windows = ppe.Schedule(start="2018-03-09", end="2018-04-12", step=step, lead=lead, tz="Europe/London").windows
    found = in_turn(forecaster, events, GRID, windows)
    if found is None:
        # The lookback ends in the gap: the fit says so.
        with pytest.raises(ppe.InputError, match="No time was observed"):
            plain_loop(forecaster, events, GRID, windows)
        return
    whole = plain_loop(forecaster, events, GRID, windows)
    assert whole.attrs["kind"] == found.kind
    count = 0
    for values, alone in zip(found.values, whole.to_numpy(), strict=True):
        np.testing.assert_allclose(values, alone, rtol=1e-9, atol=1e-13 * max(alone.max(), 1e-300))
        # Where no crime was, no rest of rounding may stand above it.
        np.testing.assert_array_equal(values > 0, alone > 0)
        count += 1
    assert count == len(windows)


@pytest.mark.parametrize("forecaster", [*SLIDING, *SCORING], ids=repr)
def test_later_crimes_change_nothing(forecaster):
    """All that is not known at the last window may be anything, and so may for each window what it does not know."""
    events = crimes(3, 200, recorded=True, uncertain=False)
    windows = ppe.Schedule(start="2018-03-22", end="2018-04-06", tz="Europe/London").windows
    some = [
        values.copy() for values in in_turn(forecaster, events.known_at(windows.until[9]), GRID, windows[:10]).values
    ]
    for values, alone in zip(in_turn(forecaster, events, GRID, windows).values, some, strict=False):
        np.testing.assert_array_equal(values, alone)


def test_who_slides():
    assert all(slides(forecaster) for forecaster in (*SLIDING, *SCORING))
    others = (ppe.KDE(bandwidth="cv"), ppe.KDE(adaptive_k=5), ppe.SelfExciting(), ppe.Blend(members=(ppe.CountMap(),)))
    assert not any(slides(forecaster) for forecaster in others)

    class Mine(ppe.CountMap):
        pass

    assert not slides(Mine())


def test_what_cannot_be_had_in_turn():
    events = crimes(1, 60, recorded=False, uncertain=False)
    windows = ppe.Schedule(start="2018-03-20", end="2018-03-24", tz="Europe/London").windows
    for forecaster in (ppe.CountMap(), ppe.ProspectiveHotspot()):
        assert in_turn(forecaster, events, GRID, windows[::-1]) is None, "not in order"
        assert in_turn(forecaster, events, GRID, windows[:0]) is None
    assert in_turn(ppe.SelfExciting(), events, GRID, windows) is None
    with pytest.raises(ppe.InputError, match="EPSG"):
        in_turn(ppe.CountMap(), events, ppe.Grid.from_bounds(0, 0, 500, 500, cell=250, crs="EPSG:32617"), windows)


def test_a_score_is_not_made_of_crimes_recorded_before_the_middle_of_their_time():
    frame = pd.DataFrame(
        {"x": [2100.0], "y": [2100.0], "t": ["2018-03-02"], "until": ["2018-03-12"], "recorded": ["2018-03-04"]}
    )
    events = ppe.Events.from_frame(
        frame, crs="EPSG:27700", tz="Europe/London", happened_until="until", recorded="recorded",
        observed=[("2018-03-01", "2018-04-01")],
    )  # fmt: skip
    windows = ppe.Schedule(start="2018-03-05", end="2018-03-09", tz="Europe/London").windows
    for forecaster in (ppe.NearRepeat(), ppe.KDE(bandwidth=300), ppe.Uniform()):
        assert in_turn(forecaster, events, GRID, windows) is None
    # A count knows what to do with them.
    for forecaster in (ppe.CountMap(lookback="5D"), ppe.CountMap(lookback=None)):
        found = in_turn(forecaster, events, GRID, windows)
        np.testing.assert_allclose(list(found.values), plain_loop(forecaster, events, GRID, windows).to_numpy())


def test_wide_stencils_are_not_kept(monkeypatch):
    events = crimes(1, 60, recorded=False, uncertain=False)
    windows = ppe.Schedule(start="2018-03-20", end="2018-03-24", tz="Europe/London").windows
    kept = [values.copy() for values in in_turn(ppe.NearRepeat(), events, GRID, windows).values]
    monkeypatch.setattr(module, "WIDEST", 0)
    made = [values.copy() for values in in_turn(ppe.NearRepeat(), events, GRID, windows).values]
    np.testing.assert_allclose(kept, made, rtol=1e-12)


def test_nights_are_not_kept_together():
    """Sixty nights of a large grid: no more memory than a few of them."""
    events = crimes(1, 60, recorded=False, uncertain=False)
    grid = ppe.Grid.from_bounds(0, 0, 50_000, 50_000, cell=100, crs="EPSG:27700")
    windows = ppe.Schedule(start="2018-03-20", end="2018-04-12", step="9h", tz="Europe/London").windows
    for forecaster in (ppe.CountMap(), ppe.KDE(lookback="9D"), ppe.ProspectiveHotspot(radius=200)):
        found = in_turn(forecaster, events, grid, windows)
        next(found.values)
        tracemalloc.start()
        try:
            nights = sum(1 for _ in found.values)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert nights > 55
        assert peak < 8 * 8 * grid.mask.size
