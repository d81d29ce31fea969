"""The worked numbers of the definitions of tallies, their ratios and the capture curve, to the digit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval import Coverage, TopCells
from tests.strategies import CRS, TZ, City, city_of, nights, row_of_cells

CRIMES = [3, 0, 2, 1, 0, 0, 1, 0, 0, 2, 0, 1]
RISK = [0.9, 0.8, 0.8, 0.5, 0.5, 0.5, 0.4, 0.3, 0.2, 0.2, 0.1, 0.1]


@pytest.fixture(params=["score", "expected_count"])
def twelve(request: pytest.FixtureRequest) -> City:
    """Twelve equal cells, whose order is the same by value and by value per m2."""
    return city_of([RISK], [CRIMES], [4.0] * 12, request.param)


def single(city: City, budget) -> xr.Dataset:
    return ppe.tally(city.risk, city.crimes, budget, city.grid).sum(["area", "window"]).isel(budget=0)


def test_top_two(twelve):
    found = single(twelve, TopCells(2))
    assert (found.hits, found.hits_worst, found.hits_best, found.oracle_hits) == (4, 3, 5, 5)
    assert ppe.hit_rate(found).item() == 0.4
    assert ppe.pai(found).item() == pytest.approx(2.4, abs=1e-15)
    assert ppe.pei(found).item() == 0.8
    assert round(ppe.ppai(found, 0.5).item(), 6) == 0.979796
    assert ppe.ppai(found, 1).item() == pytest.approx(ppe.pai(found).item(), abs=1e-15)
    assert ppe.ppai(found, 0).item() == ppe.hit_rate(found).item()
    assert found.events == 10
    # One place is shared by a cell without crime and one with two: the box of the three, and half of that.
    assert (found.boxes, found.boxes_hit) == (2, 1.5)
    assert ppe.precision(found).item() == 0.75
    assert ppe.search_efficiency(found).item() == 4 / 8 * 1e6
    assert ppe.lift(found).item() == pytest.approx(2.4, abs=1e-15)


def test_top_four(twelve):
    found = single(twelve, TopCells(4))
    assert found.hits.item() == pytest.approx(16 / 3, abs=1e-12)
    assert f"{found.hits:.4f}" == "5.3333"
    np.testing.assert_allclose([found.hits_worst, found.hits_best, found.oracle_hits], [5, 6, 8], rtol=1e-14)
    assert f"{ppe.pei(found):.6f}" == "0.666667"


def test_a_fifth_of_the_ground(twelve):
    found = single(twelve, Coverage(0.2))
    assert found.hits.item() == pytest.approx(4.4, abs=1e-12)
    assert found.hits_worst.item() == pytest.approx(3.8, abs=1e-12)
    assert found.hits_best.item() == pytest.approx(5, abs=1e-12)
    assert ppe.pai(found).item() == pytest.approx(2.2, abs=1e-12)
    assert f"{ppe.pei(found):.6f}" == "0.758621"
    assert found.flagged_m2.item() == pytest.approx(0.2 * 48, abs=1e-12)
    assert found.boxes.item() == pytest.approx(2.4, abs=1e-12)


def test_capture_curve(twelve):
    curve = ppe.capture_curve(twelve.risk, twelve.crimes)
    assert f"{ppe.capture_auc(curve):.6f}" == "0.620833"
    assert f"{ppe.capture_auc(curve.copy(data=curve.oracle)):.6f}" == "0.808333"
    assert f"{ppe.capture_auc(curve, normalised=True):.6f}" == "0.391892"
    # The oracle's own surface has the oracle's curve.
    best = twelve.risk.copy(data=twelve.crimes)
    assert f"{ppe.capture_auc(ppe.capture_curve(best, twelve.crimes)):.6f}" == "0.808333"
    assert ppe.capture_auc(ppe.capture_curve(best, twelve.crimes), normalised=True).item() == pytest.approx(1)
    # 1/u times the area up to u, by hand: a triangle to 1/12 and half of a trapezoid from there to 1/4.
    to_sixth = (0.3 / 12 / 2 + (0.3 + 0.4) / 2 / 12) * 6
    assert ppe.capture_auc(curve, upto=1 / 6).item() == pytest.approx(to_sixth, abs=1e-12)


def test_a_cut_cell_under_equal_values():
    """Values alike over cells of 1 1 1 .5: two cells are 1.75 of ground; alike per m2, the whole cells come first."""
    inside, crimes = [1, 1, 1, 0.5], [[2, 1, 0, 1]]
    alike = city_of([[1, 1, 1, 1]], crimes, inside, "expected_count")
    found = single(alike, TopCells(2))
    assert (found.hits, found.flagged_m2) == (2, 1.75)
    assert ppe.pai(found).item() == pytest.approx(1, abs=1e-15)
    dense = city_of([inside], crimes, inside, "expected_count")
    found = single(dense, TopCells(2))
    assert (found.hits, found.flagged_m2) == (2, 2)
    assert ppe.pai(found).item() == pytest.approx(0.875, abs=1e-15)
    found = single(dense, Coverage(0.5))
    assert found.hits.item() == pytest.approx(2, abs=1e-12)
    assert ppe.pai(found).item() == pytest.approx(1, abs=1e-12)


def test_uniform_is_dense_alike():
    """`Uniform()` itself gives the case above: its expected counts follow the ground."""
    grid = row_of_cells([1, 1, 1, 0.5])
    frame = pd.DataFrame({"x": [1, 1, 3, 7.0], "y": 1.0, "t": "2018-05-01 12:00"})
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-04-01", "2018-05-02")])
    early = pd.DataFrame({"x": [1.0, 3.0], "y": 1.0, "t": "2018-04-10"})
    both = ppe.Events.from_frame(pd.concat([frame, early]), crs=CRS, tz=TZ, observed=[("2018-04-01", "2018-05-02")])
    risk = ppe.Uniform().fit(both, grid, until="2018-05-01").predict(nights(1))
    assert risk.sum().item() == pytest.approx(2 / 30)
    found = ppe.tally(risk, events, [TopCells(2), Coverage(0.5)], grid).sum(["area", "window"])
    np.testing.assert_allclose(found.hits, [2, 2])
    np.testing.assert_allclose(found.flagged_m2, [2, 1.75])
    np.testing.assert_allclose(ppe.pai(found), [0.875, 1])
    np.testing.assert_allclose(ppe.lift(found), [0.875, 1])


def test_two_tied_cells_of_unequal_ground():
    city = city_of([[1, 1]], [[2, 1]], [1, 3])
    found = single(city, Coverage(0.25))
    assert (found.hits, found.hits_best) == (0.75, 2)
    assert f"{found.hits_worst:.4f}" == "0.3333"


def test_pooling_over_areas_of_unequal_density():
    """10 cells with 50 crimes beside 100 cells with 50: each area's PAI is 1, the pooled one is not; lift is."""
    label = [0] * 10 + [1] * 100
    city = city_of([[1] * 110], [[5] * 10 + [0.5] * 100], [4] * 110, label=label, labels=2)
    found = ppe.tally(city.risk, city.crimes, TopCells(1, per="area"), city.grid).isel(budget=0, window=0)
    np.testing.assert_allclose(ppe.pai(found), [1, 1], rtol=1e-12)
    pooled = found.sum("area")
    assert pooled.hits.item() == pytest.approx(5.5, abs=1e-12)
    assert ppe.pai(pooled).item() == pytest.approx(3.025, abs=1e-12)
    assert ppe.lift(pooled).item() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(ppe.lift(found), [1, 1], rtol=1e-12)


def test_budgets_in_m2():
    """Coverage: fraction x A; TopCells: min(k, K) x A/K; Flags: its max_m2."""
    city = city_of([[4, 3, 2, 1]], [[1, 0, 0, 0]], [4, 4, 2, 2], label=[0, 0, 0, 1], labels=2)
    budgets = [TopCells(2), TopCells(1, per="area"), Coverage(0.25), Coverage(0.25, per="area")]
    allowed = ppe.tally(city.risk, city.crimes, budgets, city.grid).budget_m2.isel(window=0)
    np.testing.assert_allclose(allowed.sum("area"), [2 * 12 / 4, 10 / 3 + 2, 3, 3])
    np.testing.assert_allclose(allowed.sel(area="A"), [5, 10 / 3, 2.5, 2.5])
    flags = city_of([[0, 0, 1, 0]], [[1, 0, 0, 0]], [4, 4, 2, 2], "flags", [0, 0, 0, 1], 2)
    found = ppe.tally(flags.risk, flags.crimes, ppe.Flags(6.0), flags.grid)
    assert found.budget_m2.sum().item() == pytest.approx(6)
    assert found.flagged_m2.sum().item() == 2


def test_equal_budget_charges_what_was_allowed():
    """Flagging less gains nothing when the budget's area is charged."""
    modest = city_of([[1, 0, 0, 0]], [[2, 1, 1, 0]], [4] * 4, "flags")
    found = ppe.tally(modest.risk, modest.crimes, TopCells(2), modest.grid).sum(["area", "window"])
    assert ppe.pai(found).item() == 2.0
    assert ppe.pai(found, area="budget").item() == 1.0
    assert ppe.search_efficiency(found, area="budget").item() == 2 / 8 * 1e6


def test_a_gap_is_not_zero_crime_and_undefined_is_nan():
    city = city_of([[1, 2]], [[0, 0]], [4, 4], label=[0, 1], labels=2)
    found = ppe.tally(city.risk, city.crimes, TopCells(1), city.grid)
    for metric in (ppe.hit_rate, ppe.pai, ppe.pei, ppe.lift):
        assert np.isnan(metric(found.sum(["area", "window"]))).all()
    assert np.isnan(ppe.precision(found)).to_numpy().ravel().tolist() == [True, False]


def test_aoristic_weights_and_boxes():
    """Weights are shares of elapsed time; a box is hit unless every crime in it fell elsewhere."""
    frame = pd.DataFrame({"x": [1.0, 1.0], "y": 1.0, "t": ["2018-05-01 18:00"] * 2, "u": ["2018-05-02 06:00"] * 2})
    events = ppe.Events.from_frame(frame, happened_until="u", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-03")])
    grid = row_of_cells([4, 4])
    counted = ppe.count(events, grid, nights(2))
    assert counted.to_numpy()[:, 0].tolist() == [[1, 0], [1, 0]]
    assert counted.hit.to_numpy()[:, 0].tolist() == [[0.75, 0], [0.75, 0]]
    for rule, per_night in (("start", [2, 0]), ("end", [0, 2]), ("midpoint", [0, 2]), ("exclude", [0, 0])):
        assert ppe.count(events, grid, nights(2), method=rule).sum(["y", "x"]).to_numpy().tolist() == per_night
