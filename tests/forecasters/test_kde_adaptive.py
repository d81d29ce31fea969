"""A bandwidth for every crime: by the naive twin, its mass and its edge, its odd cases, and Toronto's break-ins."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.spatial import cKDTree

import predpol_eval as ppe
from tests.forecasters.ten_days import FAR, FULL, crimes, layer, night, some_crimes
from tests.forecasters.towns import GROUND, towns
from tests.naive import forecasters as naive
from tests.naive import kde as naive_kde

pytestmark = pytest.mark.filterwarnings("ignore:KDE's bandwidth is smaller than a cell")
INSIDE = np.array(GROUND.inside_m2)


@given(towns(most=8), st.sampled_from([None, "7D", "3W"]), st.sampled_from([None, 5]), st.integers(1, 6))
def test_it_is_the_naive_one(town, lookback, half_life, k):
    form = ppe.KDE(adaptive_k=k, lookback=lookback, half_life=None if half_life is None else f"{half_life}D")
    compare(form, town, lookback, half_life)


@given(towns(most=4), st.integers(1, 2))
def test_the_quartic_one_is_too(town, k):
    compare(ppe.KDE(adaptive_k=k, kernel="quartic"), town, None, None)


def compare(form, town, lookback, half_life):
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            form.fit(town.events(), GROUND.grid, until=town.cut)
        return
    used, periods = expected
    x, y = [x for x, _, _ in used], [y for _, y, _ in used]
    weight = [naive.weight(moment, town.until, half_life) for _, _, moment in used]
    place = (GROUND.x0, GROUND.y0, GROUND.cell, GROUND.nx, GROUND.ny)
    surface = form.fit(town.events(), GROUND.grid, until=town.cut).predict(town.windows)
    if len(used) > form.adaptive_k:
        mass = naive_kde.adaptive_cell_mass(x, y, weight, *place, form.adaptive_k, 100.0, form.kernel)
        distance = naive_kde.kth_distance(x, y, form.adaptive_k)
        assert surface.attrs["bandwidth"] == pytest.approx(np.median(np.maximum(distance, 100.0)))
        assert surface.attrs["bandwidths_raised"] == (distance < 100.0).sum()
        assert (surface.attrs["bandwidth_rule"], surface.attrs["bandwidth_note"]) == ("adaptive", "")
    else:
        one_for_all = {"gaussian": naive_kde.gaussian_cell_mass, "quartic": naive_kde.quartic_cell_mass}
        mass = one_for_all[form.kernel](x, y, weight, *place, 500.0)
        assert surface.attrs["bandwidth_rule"] == "fixed"
        note = f"{len(used)} crimes known, not more than adaptive_k={form.adaptive_k}: one bandwidth for all"
        assert surface.attrs["bandwidth_note"] == note
    mass = mass * INSIDE / GROUND.cell**2
    rate = mass / naive.weighted_days(periods, town.until, half_life)
    for values, length in zip(surface.to_numpy(), town.lengths, strict=True):
        assert_allclose(values, rate * naive.days(length), rtol=1e-9, atol=1e-10 * max(rate.max(), 1e-3))
    if used:
        assert surface.attrs["edge_mass"] == pytest.approx(1 - mass.sum() / sum(weight), abs=1e-9)


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_the_mass_and_its_edge_are_all_there_is(kernel):
    form = ppe.KDE(adaptive_k=5, kernel=kernel)
    far = layer(form, some_crimes(80, beyond=3_000), FAR)
    assert float(far.sum()) == pytest.approx(8.0, rel=1e-9)
    assert far.attrs["edge_mass"] == pytest.approx(0, abs=1e-9)
    near = layer(form, some_crimes(80))
    assert 0.4 < near.attrs["edge_mass"] < 0.6  # a third of the crimes lie outside
    assert float(near.sum()) + 8.0 * near.attrs["edge_mass"] == pytest.approx(8.0, rel=1e-12)


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_renormalised_maps_expect_the_crimes_inside(kernel):
    events = some_crimes(60)
    inside = int((FULL.cells_of(events) >= 0).sum())
    plain, scaled = (layer(ppe.KDE(adaptive_k=4, kernel=kernel, renormalise=r), events) for r in (False, True))
    assert float(scaled.sum()) == pytest.approx(inside / 10)
    assert scaled.attrs["edge_mass"] == plain.attrs["edge_mass"]
    ratio = (scaled / plain).to_numpy()
    assert_allclose(ratio, ratio[0, 0], rtol=1e-12)


def test_by_hand():
    """Along a line at 0, 300 and 700 m: the nearest other crime is 300, 300 and 400 m away."""
    events = crimes([500.0, 800.0, 1200.0], [700.0] * 3)
    parts = [layer(ppe.KDE(bandwidth=h), events.take(np.arange(3) == i)) for i, h in enumerate((300, 300, 400))]
    surface = layer(ppe.KDE(adaptive_k=1), events)
    assert_allclose(surface, sum(parts), rtol=1e-12)
    assert surface.attrs["bandwidth"] == 300.0
    assert surface.attrs["adaptive_k"] == 1


def test_old_crimes_weigh_less_but_are_neighbours_like_any_other():
    times = np.array(["2018-05-02", "2018-05-10", "2018-05-10"])
    x = [500.0, 800.0, 1400.0]
    surface = layer(ppe.KDE(adaptive_k=1, half_life="1D"), crimes(x, [700.0] * 3, times=times))
    assert surface.attrs["bandwidth"] == 300.0
    one = layer(ppe.KDE(bandwidth=300, half_life="1D"), crimes(x[:2], [700.0] * 2, times=times[:2]))
    other = layer(ppe.KDE(bandwidth=600, half_life="1D"), crimes(x[2:], [700.0], times=times[2:]))
    assert_allclose(surface, one + other, rtol=1e-12)


def test_dense_places_are_sharp_and_lonely_ones_broad():
    rng = np.random.default_rng(2)
    x, y = np.r_[rng.normal(500, 150, 100), 1500.0], np.r_[rng.normal(500, 150, 100), 1100.0]
    surface, fixed = (layer(form, crimes(x, y)) for form in (ppe.KDE(adaptive_k=15), ppe.KDE(bandwidth=300)))
    assert float(surface.max()) > 1.5 * float(fixed.max())
    assert float(surface.sel(x=1500, y=1100)) < 0.7 * float(fixed.sel(x=1500, y=1100))


def test_crimes_on_crossings_are_raised_to_half_a_cell():
    x, y = np.r_[[700.0] * 20, 1500.0], np.r_[[700.0] * 20, 700.0]
    surface = layer(ppe.KDE(adaptive_k=15), crimes(x, y))
    assert surface.attrs["bandwidths_raised"] == 20
    assert surface.attrs["bandwidth"] == 100.0
    rest = layer(ppe.KDE(bandwidth=100), crimes(x[:20], y[:20])) + layer(ppe.KDE(bandwidth=800), crimes(x[20:], y[20:]))
    assert_allclose(surface, rest, rtol=1e-12)


@pytest.mark.parametrize("bandwidth", [300.0, "scott", "cv"])
def test_too_few_crimes_take_the_bandwidth(bandwidth):
    events = some_crimes(15)
    surface = layer(ppe.KDE(adaptive_k=15, bandwidth=bandwidth), events)
    plain = layer(ppe.KDE(bandwidth=bandwidth), events)
    assert np.array_equal(surface, plain)
    assert surface.attrs["bandwidth"] == plain.attrs["bandwidth"]
    assert surface.attrs["bandwidth_note"] == "15 crimes known, not more than adaptive_k=15: one bandwidth for all"
    assert layer(ppe.KDE(adaptive_k=14), events).attrs["bandwidth_rule"] == "adaptive"


def test_the_future_changes_nothing():
    rng = np.random.default_rng(10)
    x, y = rng.uniform(0, 2000, 30), rng.uniform(0, 1600, 30)
    now = np.full(30, "2018-05-05")
    later = crimes(np.r_[x, x[:9] + 1], np.r_[y, y[:9]], times=np.r_[now, np.full(9, "2018-05-08")])
    windows = ppe.Schedule(start="2018-05-07", end="2018-05-09", tz="UTC").windows
    one, two = (
        ppe.KDE(adaptive_k=3).fit(events, FULL, until="2018-05-07").predict(windows)
        for events in (crimes(x, y, times=now), later)
    )
    assert one.identical(two)


def test_a_fit_can_be_saved(tmp_path):
    fitted = ppe.KDE(adaptive_k=3).fit(some_crimes(), FULL, until="2018-05-11")
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    assert ppe.load_fit(tmp_path / "fit.nc").predict(night()).identical(fitted.predict(night()))


# What any forecaster must bear -----------------------------------------------------------------------------

FORMS = [
    ppe.KDE(bandwidth="scott"),
    ppe.KDE(bandwidth="cv", half_life="5D", renormalise=True),
    ppe.KDE(bandwidth="cv", kernel="quartic"),
    ppe.KDE(adaptive_k=3, lookback="7D"),
    ppe.KDE(adaptive_k=1, bandwidth="scott", kernel="quartic", renormalise=True),
]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_the_checks_pass(form):
    assert ppe.check_forecaster(form).passed


ODD = {
    "no crime": ([], [], 0),
    "one": ([700.0], [700.0], 1),
    "one beyond the border": ([9_700.0], [700.0], 1),
    "two": ([700.0, 900.0], [700.0, 700.0], 2),
    "all at one point": ([700.0] * 30, [700.0] * 30, 30),
    "all at two points": ([700.0] * 20 + [1300.0] * 20, [700.0] * 40, 40),
    "all on a line": (np.arange(40) * 40.0, [700.0] * 40, 40),
    "duplicates of every row": (np.tile(np.arange(20) * 90.0 + 9, 2), np.tile(np.arange(20) * 70.0 + 9, 2), 40),
    "one far away": (np.r_[np.arange(20) * 90.0 + 9, 4e6], np.r_[np.arange(20) * 70.0 + 9, 5e6], 21),
}


@pytest.mark.parametrize("form", FORMS, ids=repr)
@pytest.mark.parametrize("name", ODD)
def test_odd_crimes_give_a_sound_map(form, name):
    """All of one moment, too. The lookback of a week sees none of them, and is zero."""
    x, y, number = ODD[name]
    events = crimes(x, y) if number else some_crimes().take(np.zeros(40, dtype=bool))
    values = layer(form, events).to_numpy()
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    nothing = number == 0 or form.lookback is not None or (name == "one beyond the border" and form.renormalise)
    if nothing or name == "one beyond the border":
        assert values.sum() == pytest.approx(0.0, abs=1e-12)
    else:
        assert values.sum() > 0


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_lookback_longer_than_the_data_is_all_history(form):
    longer, all_of_it = (ppe.KDE(**{**fields(form), "lookback": back}) for back in ("9000D", None))
    assert np.array_equal(layer(longer, some_crimes()), layer(all_of_it, some_crimes()))


def fields(form):
    return {name: getattr(form, name) for name in form.__dataclass_fields__}


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_backtest_with_nights_before_the_first_crime(form):
    rng = np.random.default_rng(3)
    times = pd.Timestamp("2018-05-04") + pd.to_timedelta(rng.integers(0, 150, 60), unit="h")
    events = crimes(rng.uniform(0, 2000, 60), rng.uniform(0, 1600, 60), times=times.to_numpy())
    schedule = ppe.Schedule(start="2018-05-02", end="2018-05-10", tz="UTC")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ppe.PredPolWarning)
        out = ppe.backtest({"KDE": form}, events, FULL, schedule, budgets=[ppe.TopCells(5)], progress=False)
    assert (out.status == "ok").all()
    quiet = out.reason.isel(window=slice(0, 3)).to_numpy().astype(str)
    assert (quiet == "").all(), "nothing known, nothing spread, nothing to warn of"


# Toronto ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def toronto(shared_data):
    import geopandas as gpd

    table = pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")
    options = {"ambiguous": "earlier", "nonexistent": "shift_forward"}
    zone, crs = "America/Toronto", "EPSG:32617"
    events = ppe.Events.from_frame(table, happened="occurred", kind="offence", crs=crs, tz=zone, **options)
    areas = gpd.read_file(shared_data / "toronto" / "neighbourhoods_140.geojson").to_crs(crs)
    grid = ppe.Grid.from_areas(areas, cell=250, label="AREA_SHORT_CODE")
    part = table[(table.offence == "Break and Enter") & table.occurred.between("2017-06-15", "2018-06-14 23:59")]
    return events.select(kinds="Break and Enter"), grid, part


def test_a_year_of_torontos_break_ins(toronto):
    events, grid, part = toronto
    tonight = ppe.Schedule(start="2018-06-15", end="2018-06-16", tz="America/Toronto").windows
    maps = {}
    for name, options in {
        "15th": {"adaptive_k": 15},
        "scott": {"bandwidth": "scott"},
        "cv": {"bandwidth": "cv"},
    }.items():
        form = ppe.KDE(lookback="365D", **options)
        maps[name] = form.fit(events, grid, until=tonight.until[0]).predict(tonight)[0]
        assert maps[name].attrs["crimes_used"] == len(part) > 6_000
        total = float(maps[name].sum()) / (1 - maps[name].attrs["edge_mass"])
        assert total == pytest.approx(len(part) / 365, rel=1e-9)
    own = cKDTree(part[["x", "y"]]).query(part[["x", "y"]], k=[16])[0][:, 0]
    assert maps["15th"].attrs["bandwidths_raised"] == (own < 125).sum() > 100
    assert maps["15th"].attrs["bandwidth"] == pytest.approx(np.median(np.maximum(own, 125)), rel=1e-9)
    # A city is no normal density: the rule for one blurs it, and what its crimes themselves say is far less.
    assert maps["cv"].attrs["cv_optimum"] == "inside"
    assert 250 < maps["cv"].attrs["bandwidth"] < 0.5 * maps["scott"].attrs["bandwidth"] < 1_500
    assert float(maps["15th"].max()) > 2 * float(maps["scott"].max())
