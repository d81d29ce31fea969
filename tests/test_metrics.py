"""Ratios of tallies: sums before division, and NaN where nothing is defined."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from tests.strategies import city_of

METRICS = [ppe.hit_rate, ppe.pai, ppe.lift, ppe.pei, ppe.precision, ppe.search_efficiency, lambda t: ppe.ppai(t, 0.5)]


def made(**numbers: object) -> xr.Dataset:
    default = {
        "hits": 4.0, "events": 10.0, "flagged_m2": 2e6, "budget_m2": 4e6, "total_m2": 12e6, "chance_hits": 2.0,
        "oracle_hits": 5.0, "boxes": 20.0, "boxes_hit": 3.0,
    }  # fmt: skip
    return xr.Dataset(default | numbers)


def test_formulas():
    tally = made()
    assert ppe.hit_rate(tally) == 0.4
    assert ppe.pai(tally).item() == pytest.approx(0.4 / (2 / 12))
    assert ppe.pai(tally, area="budget").item() == pytest.approx(0.4 / (4 / 12))
    assert ppe.lift(tally) == 2
    assert ppe.pei(tally) == 0.8
    assert ppe.precision(tally) == 0.15
    assert ppe.search_efficiency(tally) == 2
    assert ppe.search_efficiency(tally, area="budget") == 1
    for alpha in (0, 0.3, 1):
        assert ppe.ppai(tally, alpha).item() == pytest.approx(0.4 / (2 / 12) ** alpha)
        assert ppe.ppai(tally, alpha, area="budget").item() == pytest.approx(0.4 / (4 / 12) ** alpha)


counts = st.lists(st.integers(0, 5), min_size=4, max_size=4)


@given(counts, counts)
def test_sums_come_before_ratios(hits, more):
    events = np.array(hits) + np.array(more)
    tally = made(hits=("window", np.array(hits, float)), events=("window", events.astype(float)),
                 flagged_m2=("window", np.full(4, 2.0)), total_m2=("window", np.full(4, 12.0)))  # fmt: skip
    rate = ppe.hit_rate(tally.sum("window"))
    if events.sum() == 0:
        assert np.isnan(rate)
    else:
        assert rate.item() == pytest.approx(sum(hits) / events.sum())
        assert ppe.pai(tally.sum("window")).item() == pytest.approx(6 * sum(hits) / events.sum())


@pytest.mark.parametrize(
    ("zero", "undefined"),
    [
        ("events", {"hit_rate", "pai", "ppai"}),
        ("flagged_m2", {"pai", "ppai", "search_efficiency"}),
        ("chance_hits", {"lift"}),
        ("oracle_hits", {"pei"}),
        ("boxes", {"precision"}),
    ],
)
def test_undefined_is_nan_and_nothing_else_is(zero, undefined):
    tally = made(**{zero: 0.0, "hits": 0.0, "boxes_hit": 0.0})
    found = {metric(tally).name for metric in METRICS if np.isnan(metric(tally))}
    assert found == undefined
    assert all(metric(tally) == 0 for metric in METRICS if metric(tally).name not in undefined)


def test_a_night_that_failed_is_left_out_above_and_below():
    tally = made(hits=("window", [4.0, np.nan]), events=("window", [10.0, np.nan]))
    assert ppe.hit_rate(tally).to_numpy().tolist() == [0.4, pytest.approx(np.nan, nan_ok=True)]
    assert ppe.hit_rate(tally.sum("window")) == 0.4


def test_every_ratio_explains_itself():
    for metric in METRICS:
        result = metric(made())
        assert {"long_name", "units", "better", "definition", "reference"} <= set(result.attrs)
        assert result.attrs["better"] == "higher"
        assert result.name
    assert ppe.ppai(made(), 0.3).attrs["alpha"] == 0.3
    assert ppe.pai(made(), area="budget").attrs["area"] == "budget"
    assert ppe.search_efficiency(made()).attrs["units"] == "crimes per km2"


def test_bad_arguments():
    for alpha in (-0.1, 1.1, np.nan):
        with pytest.raises(InputError, match="alpha="):
            ppe.ppai(made(), alpha)
    for metric in (ppe.pai, ppe.search_efficiency):
        with pytest.raises(InputError, match="'flagged'"):
            metric(made(), area="used")
    with pytest.raises(InputError, match=r"lacks events.*ppe\.tally"):
        ppe.hit_rate(made().drop_vars("events"))
    with pytest.raises(InputError, match="lacks"):
        ppe.lift(xr.Dataset())


def test_pei_by_area_is_undefined_under_a_city_wide_budget():
    """The city's optimum is not that of its areas; sums over areas are, and a budget per area has its own."""
    city = city_of([[4, 3, 2, 1]] * 2, [[1, 0, 0, 2], [1, 1, 0, 0]], [4] * 4, label=[0, 0, 1, 1], labels=2)
    budgets = [ppe.TopCells(1), ppe.TopCells(1, per="area"), ppe.Coverage(0.5), ppe.Coverage(0.5, per="area")]
    tally = ppe.tally(city.risk, city.crimes, budgets, city.grid)
    by_area = ppe.pei(tally.sum("window"))
    assert by_area.isnull().all("area").to_numpy().tolist() == [True, False, True, False]
    assert ppe.pei(tally.sum("window").sel(area="A")).isnull().to_numpy().tolist() == [True, False, True, False]
    assert ppe.pei(tally.sum(["window", "area"])).notnull().all()
    assert ppe.pei(tally.sum("area")).notnull().all()
    alone = city_of([[4, 3, 2, 1]], [[1, 0, 0, 2]], [4] * 4)
    assert ppe.pei(ppe.tally(alone.risk, alone.crimes, ppe.TopCells(1), alone.grid)).item() == 0.5


def test_dimensions_are_kept():
    city = city_of([[4, 3, 2, 1]] * 2, [[1, 0, 0, 2], [1, 1, 0, 0]], [4] * 4, label=[0, 0, 1, 1], labels=2)
    tally = ppe.tally(city.risk, city.crimes, [ppe.TopCells(1), ppe.Coverage(0.5)], city.grid)
    for metric in METRICS:
        assert set(metric(tally).dims) == {"area", "budget", "window"}
        assert metric(tally.sum("window")).budget.to_numpy().tolist() == ["top 1", "50 % of the ground"]
