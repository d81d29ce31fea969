"""Bandwidths by rule: against scipy, scikit-learn and the naive twin; few crimes; the warning of too small a one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import dblquad, quad
from scipy.stats import gaussian_kde

import predpol_eval as ppe
from predpol_eval.forecasters import bandwidths
from predpol_eval.forecasters.bandwidths import bandwidth_by, left_out_score, normal_reference
from tests.forecasters.ten_days import FULL, crimes, layer, night, some_crimes
from tests.forecasters.towns import CRS
from tests.kernels.scenes import scenes
from tests.naive import kde as naive

FINE = ppe.Grid.from_bounds(999.9, 799.9, 1000.1, 800.1, cell=0.01, crs=CRS)
ignore_small = pytest.mark.filterwarnings("ignore:KDE's bandwidth is smaller than a cell")


def round_sample(n=60, spread=700.0, weight=None, seed=1):
    """Points whose (weighted) covariance is `spread` squared in every direction: scipy's kernels are then round."""
    points = np.random.default_rng(seed).normal(size=(2, n))
    weight = np.ones(n) if weight is None else weight
    root = np.linalg.cholesky(np.linalg.inv(np.cov(points, aweights=weight)))
    middle = np.average(points, axis=1, weights=weight)[:, None]
    return spread * root.T @ (points - middle) + [[1000.0], [800.0]]


# Scott and Silverman --------------------------------------------------------------------------------------


@given(scenes(most=12), st.sampled_from(["scott", "silverman"]))
def test_scott_and_silverman_are_scipys_factor_times_the_root_of_the_mean_variance(scene, rule):
    assume((scene.weight > 1e-3).sum() >= 2)
    x, y, w = scene.crimes
    try:
        peer = gaussian_kde(np.stack([x, y]), bw_method=rule, weights=w)
    except np.linalg.LinAlgError:
        assume(False)  # crimes on a line, which scipy refuses and we do not
    expected = peer.factor * np.sqrt(np.trace(peer.covariance / peer.factor**2) / 2)
    assert normal_reference(x, y, w) == pytest.approx(expected, rel=1e-9)
    assert bandwidth_by(rule, x, y, w, 1e-6).metres == pytest.approx(expected, rel=1e-9)


@given(scenes(most=12))
def test_the_normal_reference_is_the_naive_one(scene):
    x, y, w = (column[scene.weight > 1e-3] for column in scene.crimes)
    assume(x.size >= 2)
    assert normal_reference(x, y, w) == pytest.approx(naive.normal_reference(x, y, w), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
@pytest.mark.parametrize("half_life", [None, "3D"])
def test_the_map_is_scipys_integral_over_each_cell(rule, half_life):
    """scipy chooses by its own rule and weights; the same crimes, older ones worth less."""
    times = np.array(["2018-05-02", "2018-05-05", "2018-05-09"])[np.arange(60) % 3]
    age = np.array([9.0, 6.0, 2.0])[np.arange(60) % 3]
    weight = np.ones(60) if half_life is None else 0.5 ** (age / 3)
    sample = round_sample(weight=weight)
    peer = gaussian_kde(sample, bw_method=rule, weights=weight)
    events = crimes(*sample, times=times)
    surface = layer(ppe.KDE(bandwidth=rule, half_life=half_life), events)
    assert surface.attrs["bandwidth"] == pytest.approx(peer.factor * 700.0, rel=1e-10)
    centres = np.array(np.meshgrid(FULL.x, FULL.y)).reshape(2, -1).T
    expected = np.array([peer.integrate_box(middle - 100, middle + 100) for middle in centres])
    days = 10.0 if half_life is None else 3 / np.log(2) * (1 - 0.5 ** (10 / 3))
    found = surface.to_numpy().ravel() * days / weight.sum()
    assert_allclose(found, expected, rtol=0, atol=1e-10 * expected.max())


@pytest.mark.parametrize("form", [{"bandwidth": 400.0}, {"bandwidth": 400.0, "half_life": "3D"}])
def test_tiny_cells_are_scikit_learns_density(form):
    from sklearn.neighbors import KernelDensity

    rng = np.random.default_rng(4)
    x, y = rng.uniform(0, 2000, 30), rng.uniform(0, 1600, 30)
    times = np.array(["2018-05-02", "2018-05-09"])[np.arange(30) % 2]
    weight, days = np.ones(30), 10.0
    if "half_life" in form:
        weight, days = 0.5 ** (np.array([9.0, 2.0])[np.arange(30) % 2] / 3), 3 / np.log(2) * (1 - 0.5 ** (10 / 3))
    found = layer(ppe.KDE(**form), crimes(x, y, times=times), FINE).to_numpy() * days / FINE.cell**2
    peer = KernelDensity(bandwidth=400.0, rtol=1e-14).fit(np.column_stack([x, y]), sample_weight=weight)
    centres = np.array(np.meshgrid(FINE.x, FINE.y)).reshape(2, -1).T
    expected = weight.sum() * np.exp(peer.score_samples(centres)).reshape(FINE.shape)
    assert_allclose(found, expected, rtol=1e-10)


def test_the_quartic_kernel_takes_what_a_quartic_kernel_needs():
    """Where its asymptotic error is least: (roughness / variance^2)^(1/6), by integration, against a Gaussian's."""

    def quartic(r):
        return 3 / np.pi * (1 - r * r) ** 2

    roughness = quad(lambda r: 2 * np.pi * r * quartic(r) ** 2, 0, 1)[0]
    variance = quad(lambda r: np.pi * r**3 * quartic(r), 0, 1)[0]
    normal = dblquad(lambda x, y: (np.exp(-(x * x + y * y) / 2) / (2 * np.pi)) ** 2, -9, 9, -9, 9)[0]
    assert pytest.approx((roughness / variance**2 / normal) ** (1 / 6), rel=1e-8) == bandwidths.QUARTIC
    for rule in ("scott", "cv"):
        one, two = (layer(ppe.KDE(bandwidth=rule, kernel=kernel), some_crimes()) for kernel in ("gaussian", "quartic"))
        assert two.attrs["bandwidth"] == pytest.approx(2.7793 * one.attrs["bandwidth"], rel=1e-4)
    used = two.attrs["bandwidth"]
    assert_allclose(two, layer(ppe.KDE(bandwidth=used, kernel="quartic"), some_crimes()), rtol=1e-12)


# Cross-validation -----------------------------------------------------------------------------------------


@given(scenes(most=12), st.sampled_from([0.3, 1.0, 4.0]))
def test_the_score_is_the_naive_one(scene, ratio):
    x, y, w = (column[scene.weight > 0] for column in scene.crimes)
    assume(len({*zip(x, y, strict=True)}) >= 2)
    found = left_out_score(x, y, w, ratio * scene.cell, 3)
    expected = [naive.left_out_score(x, y, w, ratio * scene.cell * 2 ** (step / 2)) for step in range(3)]
    assert_allclose(found, expected, rtol=1e-10)


def test_of_distinct_places_the_best_is_scikit_learns():
    from sklearn.model_selection import GridSearchCV, LeaveOneOut
    from sklearn.neighbors import KernelDensity

    points = np.random.default_rng(5).normal(0, 1000, (40, 2))
    used = bandwidth_by("cv", *points.T, np.ones(40), 100.0)
    assert used.more["cv_optimum"] == "inside"
    near = used.metres * np.array([0.9, 0.97, 0.99, 1.0, 1.01, 1.03, 1.1])
    search = GridSearchCV(KernelDensity(rtol=1e-14), {"bandwidth": near}, cv=LeaveOneOut()).fit(points)
    assert search.best_params_["bandwidth"] == used.metres
    assert_allclose(
        search.cv_results_["mean_test_score"],
        [left_out_score(*points.T, np.ones(40), h)[0] for h in near],
        rtol=1e-10,
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_best_by_brute_force(seed):
    """Weighted, on places that repeat, in several lumps: no bandwidth of a fine list is likelier."""
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 14, (2, 60)) * 130.0 + rng.choice([0.0, 4000.0], (2, 60))
    w = rng.uniform(0.1, 2, 60)
    used = bandwidth_by("cv", x, y, w, 100.0)
    fine = np.geomspace(50, used.more["cv_highest"], 60)
    scores = [naive.left_out_score(x, y, w, h) for h in fine]
    assert naive.left_out_score(x, y, w, used.metres) >= max(scores) - 1e-9
    assert used.metres == pytest.approx(fine[int(np.argmax(scores))], rel=0.1)


def test_crimes_moved_to_crossings_do_not_draw_it_to_nothing():
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KernelDensity

    rng = np.random.default_rng(6)
    points = np.repeat(np.round(rng.normal(0, 800, (200, 2)) / 200) * 200, 2, axis=0)
    plain = {h: cross_val_score(KernelDensity(bandwidth=h), points, cv=LeaveOneOut()).mean() for h in (1, 10, 300)}
    assert plain[1] > plain[10] > plain[300], "with each crime's own place the likelihood has no end"
    used = bandwidth_by("cv", *points.T, np.ones(400), 20.0)
    assert 150 < used.metres < 500
    assert used.more["cv_optimum"] == "inside"


def test_of_a_normal_sample_it_is_near_the_normal_reference():
    points = np.random.default_rng(7).normal(0, 1000, (2, 800))
    reference = normal_reference(*points, np.ones(800))
    assert bandwidth_by("cv", *points, np.ones(800), 50.0).metres == pytest.approx(reference, rel=0.35)
    assert reference == pytest.approx(1000 * 800 ** (-1 / 6), rel=0.05)


@ignore_small
def test_it_says_when_the_best_is_at_an_end_of_the_range():
    rng = np.random.default_rng(8)
    x, y = rng.uniform(0, 2000, 20), rng.uniform(0, 1600, 20)
    # In pairs a metre apart: the least that may be, half a cell.
    pairs = layer(ppe.KDE(bandwidth="cv"), crimes(np.r_[x, x + 1], np.r_[y, y]))
    assert (pairs.attrs["bandwidth"], pairs.attrs["cv_optimum"], pairs.attrs["cv_lowest"]) == (100.0, "lower", 100.0)
    assert "lower end of the range" in pairs.attrs["bandwidth_note"]
    # Nearly all on one place and one far away: each can only be explained by the other.
    far = layer(ppe.KDE(bandwidth="cv"), crimes([500.0] * 400 + [19_000.0], [500.0] * 401))
    assert far.attrs["cv_optimum"] == "upper"
    assert far.attrs["bandwidth"] == pytest.approx(far.attrs["cv_highest"], rel=2e-3)
    assert "upper end of the range" in far.attrs["bandwidth_note"]


def test_two_crimes_by_hand():
    """The density of each by the other, exp(-d^2/2h^2)/h^2, is highest at h = d/sqrt(2)."""
    used = bandwidth_by("cv", np.array([0.0, 300.0]), np.array([0.0, 400.0]), np.ones(2), 100.0)
    assert used.metres == pytest.approx(500 / np.sqrt(2), rel=1e-3)


# All rules ------------------------------------------------------------------------------------------------

RULES = ["scott", "silverman", "cv"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("factor", [0.5, 8.0])
def test_scaled_moved_turned_and_shuffled(rule, factor):
    rng = np.random.default_rng(9)
    x, y, w = *rng.normal(0, 900, (2, 50)), rng.uniform(0.5, 2, 50)
    used = bandwidth_by(rule, x, y, w, 100.0).metres
    mixed = rng.permutation(50)
    assert bandwidth_by(rule, x * factor, y * factor, w, 100.0 * factor).metres == pytest.approx(used * factor)
    assert bandwidth_by(rule, x + 6e5, y - 3e5, w, 100.0).metres == pytest.approx(used, rel=1e-6)
    assert bandwidth_by(rule, -y, x, w, 100.0).metres == pytest.approx(used, rel=1e-6)
    assert bandwidth_by(rule, x[mixed], y[mixed], w[mixed], 100.0).metres == pytest.approx(used, rel=1e-6)
    assert bandwidth_by(rule, x, y, w * 7, 100.0).metres == pytest.approx(used, rel=1e-6)
    assert bandwidth_by(rule, np.r_[x, 1e7], np.r_[y, 0.0], np.r_[w, 0.0], 100.0).metres == pytest.approx(used)


@ignore_small
@pytest.mark.parametrize("rule", RULES)
def test_the_surface_tells_the_value_and_the_rule_and_is_that_of_the_value(rule):
    events = some_crimes(80)
    surface = layer(ppe.KDE(bandwidth=rule), events)
    assert surface.attrs["bandwidth_rule"] == rule
    assert surface.attrs["bandwidth_note"] == ""
    fixed = layer(ppe.KDE(bandwidth=surface.attrs["bandwidth"]), events)
    assert np.array_equal(surface, fixed)
    assert fixed.attrs["bandwidth_rule"] == "fixed"
    assert surface.attrs["edge_mass"] == fixed.attrs["edge_mass"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kernel", ["gaussian", "quartic"])
def test_no_crime_is_zero_and_says_so(rule, kernel, tmp_path):
    none = some_crimes().take(np.zeros(40, dtype=bool))
    surface = layer(ppe.KDE(bandwidth=rule, kernel=kernel, renormalise=True), none)
    assert (surface.to_numpy() == 0).all()
    assert np.isnan(surface.attrs["bandwidth"])
    assert surface.attrs["bandwidth_note"] == "no crime of any weight is known: nothing was spread"
    ppe.save_surface(surface.to_dataset().risk.expand_dims("window"), tmp_path / "none.nc")
    kept = ppe.load_surface(tmp_path / "none.nc").attrs
    assert {key: str(value) for key, value in kept.items()} == {k: str(v) for k, v in surface.attrs.items()}


@ignore_small
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("many", "note"), [(1, "the only crime known"), (7, "all 7 crimes stand on one place")])
def test_one_place_is_half_a_cell_and_says_so(rule, many, note):
    surface = layer(ppe.KDE(bandwidth=rule), crimes([700.0] * many, [700.0] * many))
    assert surface.attrs["bandwidth"] == 100.0
    assert surface.attrs["bandwidth_note"].startswith(note)
    assert_allclose(surface, layer(ppe.KDE(bandwidth=100), crimes([700.0] * many, [700.0] * many)), rtol=1e-12)


@ignore_small
@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_a_rule_never_says_less_than_half_a_cell(rule):
    surface = layer(ppe.KDE(bandwidth=rule), crimes([700.0, 701.0, 703.0], [700.0] * 3))
    assert surface.attrs["bandwidth"] == 100.0
    assert surface.attrs["bandwidth_note"] == "the rule says 0.899 m, less than half a cell: half a cell"


@pytest.mark.parametrize("rule", RULES)
def test_crimes_so_old_that_they_weigh_nothing(rule):
    """2^-240,000 is 0 to a computer."""
    surface = layer(ppe.KDE(bandwidth=rule, half_life="0.001h"), some_crimes())
    assert (surface.to_numpy() == 0).all()
    assert np.isnan(surface.attrs["bandwidth"])


@pytest.mark.parametrize("rule", RULES)
def test_the_future_changes_nothing(rule):
    rng = np.random.default_rng(10)
    x, y = rng.uniform(0, 2000, 30), rng.uniform(0, 1600, 30)
    now = np.full(30, "2018-05-05")
    later = crimes(np.r_[x, x[:9] / 7], np.r_[y, y[:9] / 5], times=np.r_[now, np.full(9, "2018-05-08")])
    until, windows = "2018-05-07", ppe.Schedule(start="2018-05-07", end="2018-05-09", tz="UTC").windows
    one, two = (
        ppe.KDE(bandwidth=rule).fit(events, FULL, until=until).predict(windows)
        for events in (crimes(x, y, times=now), later)
    )
    assert np.array_equal(one, two)
    assert one.attrs["bandwidth"] == two.attrs["bandwidth"]


@pytest.mark.parametrize("rule", RULES)
def test_a_fit_by_rule_can_be_saved(rule, tmp_path):
    fitted = ppe.KDE(bandwidth=rule).fit(some_crimes(), FULL, until="2018-05-11")
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    one, two = (each.predict(night()) for each in (fitted, ppe.load_fit(tmp_path / "fit.nc")))
    assert one.identical(two)


# The warning ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "events", "message"),
    [
        (ppe.KDE(bandwidth=199), some_crimes(), r"smaller than a cell of 200 m \(fixed: it is 199 m\).*bandwidth=200"),
        (ppe.KDE(bandwidth=93.4), some_crimes(), r"\(fixed: it is 93.4 m\).*Expected at least the side.*smaller cells"),
        (ppe.KDE(bandwidth="scott"), crimes([700.0], [700.0]), r"\(scott: at most 100 m\)"),
        (ppe.KDE(bandwidth="cv"), crimes([700.0] * 3, [700.0] * 3), r"\(cv: at most 100 m\)"),
        (
            ppe.KDE(adaptive_k=1),
            some_crimes(200),
            r"\(adaptive: that of half of all crimes is at most 100 m\).*larger adaptive_k",
        ),
    ],
)
def test_a_bandwidth_below_the_cell_warns(form, events, message):
    with pytest.warns(ppe.PredPolWarning, match=message) as heard:
        form.fit(events, FULL, until="2018-05-11")
    assert len(heard) == 1
    assert heard[0].filename == __file__


def test_no_warning_where_there_is_nothing_to_warn_of():
    """Warnings are errors here."""
    form = ppe.KDE(bandwidth=200)
    assert layer(form, some_crimes()).attrs["bandwidth"] == 200.0
    layer(ppe.KDE(bandwidth=20), some_crimes().take(np.zeros(40, dtype=bool)))


def test_a_backtest_tells_it_once_and_a_loop_of_nights_too():
    schedule = ppe.Schedule(start="2018-05-03", end="2018-05-11", tz="UTC")
    events = some_crimes(60)
    with pytest.warns(ppe.PredPolWarning) as heard:
        out = ppe.backtest(
            {"KDE": ppe.KDE(bandwidth=50)}, events, FULL, schedule, budgets=[ppe.TopCells(3)], progress=False
        )
    assert len(heard) == 1
    assert "KDE warned on 8 of 8 nights (KDE's bandwidth is smaller than a cell of 200 m" in str(heard[0].message)
    assert (out.status == "ok").all()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("default")
        ppe.forecast(ppe.KDE(bandwidth=50), events, FULL, schedule)
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bandwidth": "scot"}, "bandwidth='scot'; give metres, for instance 500, or one of the rules 'scott', 'silv"),
        ({"adaptive_k": 0}, "adaptive_k=0; give the number of the neighbour.*whole number from 1"),
        ({"adaptive_k": 2.0}, "adaptive_k=2.0"),
        ({"adaptive_k": True}, "adaptive_k=True"),
        ({"adaptive_k": "15"}, "adaptive_k='15'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.KDE(**wrong)
