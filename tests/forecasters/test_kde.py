"""KDE: the mean over each cell, by the naive twin and by scipy; its mass and its edge; small and large bandwidths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import gaussian_kde

import predpol_eval as ppe
from tests.forecasters.ten_days import FAR, FULL, crimes, layer, night, some_crimes
from tests.forecasters.towns import CRS, GROUND, LOOKBACKS, towns
from tests.naive import forecasters as naive
from tests.naive import kde as naive_kde

pytestmark = pytest.mark.filterwarnings("ignore:KDE's bandwidth is smaller than a cell")

GRID = GROUND.grid
INSIDE = np.array(GROUND.inside_m2)
MASS = {"gaussian": naive_kde.gaussian_cell_mass, "quartic": naive_kde.quartic_cell_mass}


@given(
    towns(most=5),
    st.sampled_from(LOOKBACKS),
    st.sampled_from([None, 5]),
    st.sampled_from([20.0, 150.0, 500.0, 4000.0]),
)
def test_gaussian_is_the_naive_one(town, lookback, half_life, bandwidth):
    form = ppe.KDE(bandwidth=bandwidth, lookback=lookback, half_life=None if half_life is None else f"{half_life}D")
    compare(form, town, lookback, half_life)


@given(towns(most=3), st.sampled_from([60.0, 150.0, 500.0]))
def test_quartic_is_the_naive_one(town, bandwidth):
    compare(ppe.KDE(bandwidth=bandwidth, kernel="quartic"), town, None, None)


def compare(form, town, lookback, half_life):
    expected = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if expected is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            form.fit(town.events(), GRID, until=town.cut)
        return
    used, periods = expected
    x, y = [x for x, _, _ in used], [y for _, y, _ in used]
    weight = [naive.weight(moment, town.until, half_life) for _, _, moment in used]
    mass = MASS[form.kernel](x, y, weight, GROUND.x0, GROUND.y0, GROUND.cell, GROUND.nx, GROUND.ny, form.bandwidth)
    rate = mass * INSIDE / GROUND.cell**2 / naive.weighted_days(periods, town.until, half_life)
    surface = form.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for values, length in zip(surface.to_numpy(), town.lengths, strict=True):
        assert_allclose(values, rate * naive.days(length), rtol=1e-9, atol=1e-10 * max(rate.max(), 1e-3))
    assert surface.attrs["kind"] == "expected_count"
    if used:
        kept = (mass * INSIDE / GROUND.cell**2).sum() / sum(weight)
        assert surface.attrs["edge_mass"] == pytest.approx(1 - kept, abs=1e-9)


def scipys(bandwidth, n=40, spread=500.0):
    """scipy's estimate and its sample, which must be round: its kernels have the shape of the sample's covariance."""
    sample = np.random.default_rng(1).normal(size=(2, n))
    root = np.linalg.cholesky(np.linalg.inv(np.cov(sample)))
    sample = spread * root.T @ (sample - sample.mean(axis=1, keepdims=True)) + [[1000.0], [800.0]]
    return gaussian_kde(sample, bw_method=bandwidth / spread), sample


@pytest.mark.parametrize("bandwidth", [60.0, 250.0, 800.0])
def test_gaussian_is_scipys_integral_over_each_cell(bandwidth):
    peer, sample = scipys(bandwidth)
    centres = np.array(np.meshgrid(FULL.x, FULL.y)).reshape(2, -1).T
    expected = np.array([peer.integrate_box(middle - 100, middle + 100) for middle in centres])
    found = layer(ppe.KDE(bandwidth=bandwidth), crimes(*sample)).to_numpy().ravel() * 10 / 40
    assert_allclose(found, expected, rtol=0, atol=1e-10 * expected.max())


def test_small_cells_are_scipys_density_at_their_centres():
    peer, sample = scipys(120.0)
    grid = ppe.Grid.from_bounds(999, 799, 1001, 801, cell=0.1, crs=CRS)
    found = layer(ppe.KDE(bandwidth=120), crimes(*sample), grid).to_numpy() * 10 / 40 / grid.cell**2
    density = peer(np.array(np.meshgrid(grid.x, grid.y)).reshape(2, -1)).reshape(grid.shape)
    # The mean over a cell of side c differs from the centre by about (c / h)^2 / 24 of the peak: 3e-8 here.
    assert_allclose(found, density, rtol=1e-7)


def test_it_is_the_mean_over_the_cell_not_the_value_at_its_centre():
    # One crime in the middle of a cell five bandwidths wide: the centre's density would say 3.98 crimes.
    found = layer(ppe.KDE(bandwidth=40), crimes([900.0], [900.0])).sel(x=900, y=900)
    assert float(found) == pytest.approx(0.1 * (1 - 2 * 0.006209665) ** 2, rel=1e-6)
    assert 200**2 / (2 * np.pi * 40**2) > 3.9


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
@pytest.mark.parametrize("bandwidth", [0.5, 30.0, 700.0])
def test_all_mass_is_there_where_the_area_is_wide(kernel, bandwidth):
    surface = layer(ppe.KDE(bandwidth=bandwidth, kernel=kernel), some_crimes(), FAR)
    assert float(surface.sum()) == pytest.approx(40 / 10, rel=1e-9)
    assert surface.attrs["edge_mass"] == pytest.approx(0, abs=1e-9)


def test_edge_mass_by_the_digit():
    # On the corner of the area three quarters of the kernel lie outside; on its edge, far from corners, a half.
    assert layer(ppe.KDE(bandwidth=50), crimes([2000.0], [0.0])).attrs["edge_mass"] == pytest.approx(0.75)
    assert layer(ppe.KDE(bandwidth=50), crimes([1000.0], [0.0])).attrs["edge_mass"] == pytest.approx(0.5)
    assert layer(ppe.KDE(bandwidth=50), crimes([9e5], [0.0])).attrs["edge_mass"] == pytest.approx(1.0)


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_renormalised_maps_expect_the_crimes_inside(kernel):
    events = some_crimes(60)
    inside = int((FULL.cells_of(events) >= 0).sum())
    assert inside < 60
    plain = layer(ppe.KDE(bandwidth=400, kernel=kernel), events)
    scaled = layer(ppe.KDE(bandwidth=400, kernel=kernel, renormalise=True), events)
    assert float(scaled.sum()) == pytest.approx(inside / 10)
    assert scaled.attrs["edge_mass"] == plain.attrs["edge_mass"]
    assert (plain.attrs["renormalised"], scaled.attrs["renormalised"]) == (0, 1)
    ratio = (scaled / plain).to_numpy()
    assert_allclose(ratio, ratio[0, 0], rtol=1e-12)


def test_renormalised_with_a_half_life_expects_the_weighted_crimes_inside():
    events = crimes([500.0, 500.0, -50.0], [500.0] * 3, times=np.array(["2018-05-01", "2018-05-10", "2018-05-10"]))
    form = ppe.KDE(bandwidth=300, half_life="5D", renormalise=True)
    days = 5 / np.log(2) * 0.75
    assert float(layer(form, events).sum()) == pytest.approx((0.25 + 0.5**0.2) / days)


def test_a_cut_cell_gets_its_part_of_the_mean():
    events = crimes([1700.0], [2100.0])  # mirrored: one neighbour is whole, the other cut in half
    surface = ppe.KDE(bandwidth=150).fit(events, GRID, until="2018-05-11").predict(night())[0]
    assert float(surface.sel(x=1900, y=2100)) == pytest.approx(float(surface.sel(x=1500, y=2100)) / 2)


def test_quartic_ends_at_its_bandwidth():
    surface = layer(ppe.KDE(bandwidth=300, kernel="quartic"), crimes([900.0], [900.0]))
    reach = np.hypot(*np.meshgrid(np.abs(FULL.x - 900), np.abs(FULL.y - 900)))
    assert (surface.to_numpy()[reach > 300 + 100 * np.sqrt(2)] == 0).all()
    assert (surface.to_numpy()[reach < 300] > 0).all()


@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_a_bandwidth_far_below_the_cell_is_a_count_map(kernel):
    events = crimes([900.0, 901.0, 1300.0], [900.0, 920.0, 500.0])
    found = layer(ppe.KDE(bandwidth=0.01, kernel=kernel), events)
    assert_allclose(found, layer(ppe.CountMap(lookback=None), events), atol=1e-12)


@pytest.mark.parametrize(("kernel", "tolerance"), [("gaussian", 1e-5), ("quartic", 1e-4)])
def test_a_bandwidth_far_above_the_area_is_uniform_in_order(kernel, tolerance):
    found = layer(ppe.KDE(bandwidth=1e6, kernel=kernel, renormalise=True), some_crimes(beyond=0))
    assert_allclose(found, layer(ppe.Uniform(), some_crimes(beyond=0)), rtol=tolerance)


def test_all_crimes_on_one_place_are_one_heap():
    many = layer(ppe.KDE(bandwidth=200), crimes([700.0] * 50, [700.0] * 50))
    one = layer(ppe.KDE(bandwidth=200), crimes([700.0], [700.0]))
    assert_allclose(many, 50 * one, rtol=1e-12)


def test_the_map_is_round():
    found = layer(ppe.KDE(bandwidth=300), crimes([900.0], [900.0])).to_numpy()
    assert_allclose(found[4, 2:7], found[2:7, 4], rtol=1e-12)
    assert_allclose(found[4, 4 - 2], found[4, 4 + 2], rtol=1e-12)


def test_crimes_outside_the_area_count_where_they_are_known():
    assert float(layer(ppe.KDE(bandwidth=300), crimes([-100.0], [800.0])).sum()) > 0.03


def test_no_crime_is_zero():
    none = crimes([900.0], [900.0]).take(np.array([False]))
    for form in (ppe.KDE(), ppe.KDE(kernel="quartic", renormalise=True, half_life="3D")):
        surface = layer(form, none)
        assert (surface.to_numpy() == 0).all()
        assert np.isnan(surface.attrs["edge_mass"])


def test_crimes_that_are_all_far_away_are_zero_when_renormalised_too():
    surface = layer(ppe.KDE(bandwidth=10, renormalise=True), crimes([9e5], [9e5]))
    assert (surface.to_numpy() == 0).all()


def test_the_surface_tells_its_bandwidth():
    assert layer(ppe.KDE(bandwidth=321), some_crimes()).attrs["bandwidth"] == 321.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bandwidth": 0}, "bandwidth=0; give metres, for instance 500, above 0 and finite"),
        ({"bandwidth": -1.0}, "bandwidth=-1.0"),
        ({"bandwidth": np.nan}, "bandwidth=nan"),
        ({"bandwidth": None}, "bandwidth=None"),
        ({"bandwidth": True}, "bandwidth=True"),
        ({"kernel": "box"}, "kernel='box'; choose 'gaussian' or 'quartic'"),
        ({"lookback": "soon"}, "lookback is 'soon'; give a length such as '21D'"),
        ({"half_life": "0D"}, "half_life is '0D'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.KDE(**wrong)
