"""Ratios of tallies: sums before division, and NaN where nothing is defined."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
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
        assert all(result.attrs[key] for key in ("long_name", "definition", "reference"))
        assert result.attrs["better"] == "higher"
        assert result.name
    assert ppe.ppai(made(), 0.3).attrs["alpha"] == 0.3
    assert ppe.pai(made(), area="budget").attrs["area"] == "budget"
    assert ppe.search_efficiency(made()).attrs["units"] == "crimes per km2"


def test_bad_arguments():
    for alpha in (-0.1, 1.1, np.nan, "x", None, True):
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


# Levine's recapture rate index ----------------------------------------------------------------------------


def period(hits, events, **numbers) -> xr.Dataset:
    """A tally of nights, the same 2 of 12 km2 flagged in each."""
    ground = {"flagged_m2": 2e6, "total_m2": 12e6} | numbers
    wide = {name: ("window", np.broadcast_to(np.asarray(m2, float), len(hits))) for name, m2 in ground.items()}
    return xr.Dataset(
        {"hits": ("window", np.array(hits, float)), "events": ("window", np.array(events, float)), **wide}
    )


def test_rri_levine_by_hand_and_never_aligned_by_night():
    """4 of 10 crimes before, 6 of 30 after: half the share, whatever the number and the dates of the nights."""
    before, after = period([1, 3], [4, 6]), period([2, 0, 4], [10, 0, 20])
    assert ppe.rri_levine(after, before).item() == pytest.approx((6 / 30) / (4 / 10))
    assert ppe.rri_levine(before, before).item() == 1

    def dated(tally, start):
        days = np.arange(tally.sizes["window"]) * np.timedelta64(1, "D")
        return tally.assign_coords(window=np.datetime64(start, "ns") + days)

    for start in ("2018-06-01", "2018-05-02"):  # a later month, and overlapping dates
        found = ppe.rri_levine(dated(after, start), dated(before, "2018-05-01"))
        assert found.dims == ()
        assert found.item() == pytest.approx(0.5)
    same_length = after.isel(window=[0, 2]).sum(), before.sum()
    assert ppe.rri_levine(*same_length).item() == pytest.approx(0.5)
    assert {"long_name", "units", "better", "definition", "reference"} <= set(found.attrs)
    assert found.name == "rri_levine"


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4),
    st.floats(0.1, 1e6),
)
def test_rri_levine_is_the_ratio_of_two_pais(later, earlier, scale):
    tallies = [
        period([n for n, _ in nights], [n + m for n, m in nights], flagged_m2=2 * scale, total_m2=12 * scale)
        for nights in (later, earlier)
    ]
    two, one = (ppe.pai(tally.sum("window")).item() for tally in tallies)
    expected = two / one if one > 0 else np.nan
    assert ppe.rri_levine(*tallies).item() == pytest.approx(expected, nan_ok=True)
    turned = [tally.isel(window=slice(None, None, -1)).astype("float32") for tally in tallies]
    assert ppe.rri_levine(*turned).item() == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_rri_levine_is_undefined_without_crime():
    some, none, missed = period([1], [4]), period([0], [0]), period([0], [4])
    for pair in ((none, some), (some, none), (some, missed), (period([np.nan], [np.nan]), some)):
        assert np.isnan(ppe.rri_levine(*pair))
    assert ppe.rri_levine(missed, some) == 0
    empty = some.isel(window=slice(0, 0))
    assert np.isnan(ppe.rri_levine(empty, some))


def test_rri_levine_leaves_failed_nights_out_above_and_below():
    before = period([1, 3], [4, 6])
    failed = period([2, np.nan, 4], [10, np.nan, 20], flagged_m2=[2e6, np.nan, 2e6])
    assert ppe.rri_levine(failed, before).item() == pytest.approx(0.5)
    # Only what was caught is missing: the night's crimes do not count either.
    assert ppe.rri_levine(period([2, np.nan, 4], [10, 99, 20]), before).item() == pytest.approx(0.5)


def test_rri_levine_refuses_other_ground():
    before = period([1, 3], [4, 6])
    with pytest.raises(NotComparableError, match="total area differs"):
        ppe.rri_levine(period([1], [4], total_m2=13e6), before)
    with pytest.raises(NotComparableError, match="flagged area differs"):
        ppe.rri_levine(period([1], [4], flagged_m2=2.1e6), before)
    with pytest.raises(NotComparableError, match=r"differs.*before \.sum\('window'\)"):
        ppe.rri_levine(period([1], [4]).sum(), before.sum())
    with pytest.raises(NotComparableError, match="flagged_m2 changes from window to window"):
        ppe.rri_levine(period([1, 2], [4, 4], flagged_m2=[2e6, 1e6]), before)
    with pytest.raises(NotComparableError, match="other grids"):
        ppe.rri_levine(before.assign_attrs(grid="a"), before.assign_attrs(grid="b"))
    with pytest.raises(InputError, match="summed over its windows"):
        ppe.rri_levine(before.sum(), before)
    with pytest.raises(InputError, match="lacks total_m2"):
        ppe.rri_levine(before, before.drop_vars("total_m2"))


def test_rri_levine_keeps_dimensions_and_drops_none_of_them_silently():
    city = city_of([[1, 1, 0, 0]] * 3, [[1, 0, 0, 2], [1, 1, 0, 0], [3, 0, 1, 1]], [4] * 4, "flags", [0, 0, 1, 1], 2)
    tally = ppe.tally(city.risk, city.crimes, [ppe.TopCells(2), ppe.Flags(8.0)], city.grid)
    before, after = tally.isel(window=[0]), tally.isel(window=[1, 2])
    found = ppe.rri_levine(after.sum("area"), before.sum("area"))
    assert found.dims == ("budget",)
    # 5 of 7 crimes in the two flagged cells of four, after 1 of 3.
    np.testing.assert_allclose(found, (5 / 7) / (1 / 3))
    assert ppe.rri_levine(after, before).dims == ("area", "budget")
    turned = before.isel(budget=[1, 0])
    xr.testing.assert_allclose(ppe.rri_levine(after, turned), ppe.rri_levine(after, before))
    with pytest.raises(NotComparableError, match=r"differ along budget.*only one of them has top 2"):
        ppe.rri_levine(after, before.isel(budget=[1]))
    with pytest.raises(NotComparableError, match="differ along area"):
        ppe.rri_levine(after.isel(area=[0]), before)
    broad = xr.concat([after, after], "forecaster")
    assert set(ppe.rri_levine(broad, before).dims) == {"forecaster", "area", "budget"}
