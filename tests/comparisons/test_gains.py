"""T-test and W-test of a gain: loops, pyCSEP and scipy; and what clusters of crimes leave of the customary ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError, Schedule
from predpol_eval.comparisons.long_run import studentised_ratio
from predpol_eval.comparisons.signed_ranks import signed_ranks
from tests.consistency import pycsep
from tests.consistency.scenes import many_nights, scene
from tests.naive import gains as naive
from tests.naive import scores as naive_scores
from tests.strategies import CRS, TZ, nights, row_of_cells

BY_CRIME = ("s", "t", "low", "high", "p")
BY_NIGHT = ("night_low", "night_high", "night_p")


def trial(seed, windows=12, cells=6, level=1.0):
    """Two surfaces and crimes of the first, random."""
    rng = np.random.default_rng(seed)
    a, b = rng.gamma(2.0, 0.5, (2, windows, cells))
    crimes = rng.poisson(level * a)
    (first, counted), (second, _) = scene(a, crimes), scene(b, crimes)
    return a, b, crimes, (first, second, counted)


def as_cells(rates, crimes):
    return [[(rate, 1.0, y) for rate, y in zip(*rows, strict=True)] for rows in zip(rates, crimes, strict=True)]


@pytest.mark.parametrize("seed", range(4))
def test_by_crime_they_are_those_of_pycsep(seed):
    a, b, crimes, surfaces = trial(seed)
    forecast, catalog = pycsep.forecast_and_catalog(a, crimes)
    benchmark, _ = pycsep.forecast_and_catalog(b, crimes)
    theirs = pycsep.poisson.paired_t_test(forecast, benchmark, catalog, alpha=0.1)
    found = ppe.t_test(*surfaces, alpha=0.1)
    assert found.information_gain.item() == pytest.approx(theirs.observed_statistic, abs=1e-9)
    assert found.t.item() == pytest.approx(theirs.quantile[0], abs=1e-9)
    np.testing.assert_allclose([found.low, found.high], theirs.test_distribution, atol=1e-9)
    assert found.df.item() == crimes.sum() - 1
    ranks = pycsep.poisson.w_test(forecast, benchmark, catalog)
    told = ppe.w_test(*surfaces)
    # Theirs is the smaller sum of ranks, so never above 0; ours has the sign of the better surface.
    assert -abs(told.z.item()) == pytest.approx(ranks.observed_statistic, abs=1e-9)
    assert told.p.item() == pytest.approx(ranks.quantile, abs=1e-9)
    assert np.sign(told.z.item()) == np.sign(found.information_gain.item())


@pytest.mark.parametrize("seed", range(3))
def test_by_crime_they_are_those_of_scipy_and_of_loops(seed):
    a, b, crimes, surfaces = trial(seed)
    told = naive_scores.log_ratios(as_cells(a, crimes), as_cells(b, crimes))
    excess = naive_scores.excess(as_cells(a, crimes), as_cells(b, crimes))
    ratios = np.array([ratio for _, ratio in told])
    gain, spread, t = naive.t_statistic(ratios.tolist(), sum(excess))
    found = ppe.t_test(*surfaces)
    np.testing.assert_allclose([found.information_gain, found.s, found.t], [gain, spread, t], rtol=1e-10)
    peer = stats.ttest_1samp(ratios - sum(excess) / len(ratios), 0.0)
    assert found.p.item() == pytest.approx(peer.pvalue, rel=1e-9)
    np.testing.assert_allclose([found.low, found.high], peer.confidence_interval(0.95), rtol=1e-9)
    ranked = stats.wilcoxon(ratios - sum(excess) / len(ratios), correction=False, method="approx")
    assert ppe.w_test(*surfaces).p.item() == pytest.approx(ranked.pvalue, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_by_night_they_are_sums_of_whole_nights(seed):
    a, b, crimes, surfaces = trial(seed)
    excess = naive_scores.excess(as_cells(a, crimes), as_cells(b, crimes))
    gains, number = naive.nightly(naive_scores.log_ratios(as_cells(a, crimes), as_cells(b, crimes)), excess)
    found, ranked = ppe.t_test(*surfaces, alpha=0.1, lags=3), ppe.w_test(*surfaces)
    expected = studentised_ratio(np.array(gains), np.array(number, dtype=float), alpha=0.1, lags=3)
    np.testing.assert_allclose([found[name] for name in BY_NIGHT], expected[2:], rtol=1e-9)
    assert found.information_gain.item() == pytest.approx(sum(gains) / sum(number), rel=1e-12)
    assert ranked.night_p.item() == pytest.approx(stats.wilcoxon(gains, method="exact").pvalue, abs=1e-12)
    for result in (found, ranked):
        assert (result.nights.item(), result.nights_apart.item(), result.enough.item()) == (12, 12, True)


def test_by_hand():
    """ln 1.5 twice and ln .9: gain .235190, s .294925, T 1.381234; ranks 2.5, 2.5 and 1 of the other sign."""
    a, b = [[0.5, 0.3, 0.2]], [[1 / 3] * 3]
    (first, crimes), (second, _) = scene(a, [[2, 1, 0]]), scene(b, [[2, 1, 0]])
    found = ppe.t_test(first, second, crimes)
    assert [f"{found[name]:.6f}" for name in ("information_gain", "s", "t", "df")] == [
        "0.235190", "0.294925", "1.381234", "2.000000",
    ]  # fmt: skip
    assert found.p.item() == pytest.approx(2 * stats.t.sf(1.381234, 2), abs=1e-6)
    ranked = ppe.w_test(first, second, crimes)
    assert ranked.z.item() == pytest.approx(2 / math.sqrt(13.5 / 4), abs=1e-12)
    assert ranked.crimes_apart.item() == 3
    for result in (found, ranked):
        assert (result.crimes.item(), result.nights.item(), result.enough.item()) == (3, 1, False)
    assert np.isnan([found[name] for name in BY_NIGHT]).all()
    assert np.isnan([ranked.night_z, ranked.night_p]).all()


@given(st.lists(st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0]), min_size=1, max_size=9))
def test_ranks_by_the_coin_equal_all_ways_to_sign_them(differences):
    found = signed_ranks(np.array(differences), 1.0, exact=True)
    told = naive.ranks(differences)
    assert found.number == len(told)
    if not told:
        assert np.isnan([found.z, found.exact_p, found.normal_p]).all()
        return
    assert found.above == sum(rank for rank, above in told if above)
    assert found.exact_p == pytest.approx(naive.signed_rank_chance(differences), abs=1e-12)
    turned = signed_ranks(-np.array(differences)[::-1], 1.0, exact=True)
    assert (turned.z, turned.exact_p) == (pytest.approx(-found.z), pytest.approx(found.exact_p))
    # Only the order of sizes counts, and rounding makes no ranks.
    stretched = signed_ranks(8 * np.array(differences) * (1 + 1e-15), 8.0, exact=True)
    assert stretched.exact_p == pytest.approx(found.exact_p)


def test_exact_and_normal_chances_meet_at_fifty():
    differences = np.random.default_rng(1).normal(0.2, 1.0, 50)
    counted = signed_ranks(differences, 1.0, exact=True)
    assert counted.exact_p == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, abs=1e-12)
    assert counted.exact_p == pytest.approx(counted.normal_p, abs=0.005)
    more = signed_ranks(np.append(differences, 0.1), 1.0, exact=True)
    assert more.exact_p == more.normal_p
    assert signed_ranks(np.array([-np.inf, 1.0, 2.0, 2.0]), 1.0).above == 1 + 2.5 + 2.5


@settings(max_examples=15)
@given(st.integers(0, 30), st.randoms(use_true_random=False))
def test_signs_turn_and_order_does_not_matter(seed, random):
    a, b, crimes, (first, second, counted) = trial(seed, windows=7, cells=4)
    cells = list(range(4))
    random.shuffle(cells)
    moved = [scene(rates[:, cells], crimes[:, cells])[0] for rates in (a, b)]
    for test in (ppe.t_test, ppe.w_test):
        found = test(first, second, counted)
        xr.testing.assert_allclose(found, test(*moved, scene(a[:, cells], crimes[:, cells])[1]), rtol=1e-8)
        back = test(second, first, counted)
        names = [name for name in ("information_gain", "t", "z", "night_z") if name in found]
        np.testing.assert_allclose([back[name] for name in names], [-found[name] for name in names], rtol=1e-8)
        np.testing.assert_allclose([back.p, back.night_p], [found.p, found.night_p], rtol=1e-8)
        rough = [(risk.astype("float32")).assign_attrs(risk.attrs) for risk in (first, second)]
        np.testing.assert_allclose(test(*rough, counted).p, found.p, rtol=2e-2, atol=1e-4)
    # Nights out of order are put in the order of time, which the version by night needs.
    rows = list(range(7))
    random.shuffle(rows)
    shuffled = [data.isel(window=rows) for data in (first, second, counted)]
    xr.testing.assert_allclose(ppe.t_test(first, second, counted), ppe.t_test(*shuffled), rtol=1e-8)


def test_a_surface_against_itself_and_one_that_never_varies():
    _, _, _, (first, _, counted) = trial(1)
    for test in (ppe.t_test, ppe.w_test):
        same = test(first, first, counted)
        assert (same.information_gain.item(), same.nights_apart.item(), same.enough.item()) == (0, 0, False)
        assert np.isnan([same.p, same.night_p]).all()
        # The same but for rounding is the same.
        nearly = test(first, first.copy(data=first * (1 + 1e-15)), counted)
        assert nearly.nights_apart.item() == 0
        assert np.isnan(nearly.p)
    # All crimes in cells of one ratio: no spread, so no t-test, however many crimes there are.
    (one, crime), (other, _) = scene([[1.0, 1.0]], [[9, 0]]), scene([[0.5, 1.5]], [[9, 0]])
    found = ppe.t_test(one, other, crime)
    assert found.information_gain.item() == pytest.approx(math.log(2), abs=1e-15)
    assert found.s.item() == 0
    assert np.isnan([found[name] for name in ("t", "low", "high", "p")]).all()


def test_zeros_leave_a_gain_and_no_verdict():
    _, _, _, (first, second, counted) = trial(2)
    where = tuple(np.argwhere(counted.to_numpy() > 0)[0])
    spoiled = first.copy(data=first.to_numpy().copy())
    spoiled.to_numpy()[where] = 0.0
    for test in (ppe.t_test, ppe.w_test):
        assert test(spoiled, second, counted).information_gain.item() == -math.inf
        assert test(second, spoiled, counted).information_gain.item() == math.inf
        assert np.isnan(test(spoiled, spoiled, counted).information_gain)
        for found in (test(spoiled, second, counted), test(second, spoiled, counted), test(spoiled, spoiled, counted)):
            assert not found.enough
            assert np.isnan([found.p, found.night_p]).all()
        floored = test(spoiled, second, counted, floor=1e-3)
        assert np.isfinite([floored.p, floored.night_p]).all()
        assert floored.attrs["floor"] == 1e-3


@pytest.mark.parametrize(
    ("windows", "each_night", "enough"), [(6, 4, True), (5, 10, False), (10, 2, True), (19, 1, False), (20, 1, True)]
)
def test_too_few_crimes_or_nights_give_no_verdict_by_night(windows, each_night, enough):
    rng = np.random.default_rng(1)
    crimes = np.zeros((windows, 4), dtype=int)
    for row in crimes:
        np.add.at(row, rng.integers(0, 4, each_night), 1)
    a, b = rng.gamma(2.0, 0.5, (2, windows, 4))
    (first, counted), (second, _) = scene(a, crimes), scene(b, crimes)
    for test in (ppe.t_test, ppe.w_test):
        found = test(first, second, counted)
        assert (found.enough.item(), bool(np.isfinite(found.night_p))) == (enough, enough)
        assert np.isfinite(found.p)
    # Nights on which the two say the same do not count as apart.
    alike = second.copy(data=np.where(np.arange(windows)[:, None, None] < 5, second, first))
    found = ppe.t_test(first, alike, counted)
    assert (found.nights_apart.item(), found.enough.item()) == (5, False)


def test_no_crime_one_crime_and_no_window():
    _, _, _, (first, second, counted) = trial(3)
    one = counted * 0
    one[0, 0, 0] = 1.0
    for test in (ppe.t_test, ppe.w_test):
        for crimes in (counted * 0, one.assign_attrs(counted.attrs)):
            found = test(first, second, crimes)
            assert np.isnan([found.information_gain, found.p, found.night_p]).all()
            assert not found.enough
        none = test(*(data.isel(window=slice(0, 0)) for data in (first, second, counted)))
        assert np.isnan(none.information_gain)
        assert none.nights.item() == 0


def test_pairs_are_tested_side_by_side():
    rng = np.random.default_rng(4)
    _, _, _, (first, second, counted) = trial(4)
    many = first.expand_dims(forecaster=["A", "B", "C"]).copy(data=rng.gamma(2.0, 0.5, (3, *first.shape)))
    kinds = second.expand_dims(kind=["x", "y"]).copy(data=rng.gamma(2.0, 0.5, (2, *first.shape)))
    for test in (ppe.t_test, ppe.w_test):
        found = test(many, kinds, counted)
        assert dict(found.sizes) == {"forecaster": 3, "kind": 2}
        single = test(many.sel(forecaster="B", drop=True), kinds.sel(kind="y", drop=True), counted)
        xr.testing.assert_equal(found.sel(forecaster="B", kind="y", drop=True), single)
        assert found.nights.dims == ()
        for name, variable in found.data_vars.items():
            assert variable.attrs["long_name"], name
            assert variable.attrs["units"], name
    with pytest.raises(NotComparableError, match="Along 'forecaster'"):
        ppe.t_test(many, many.isel(forecaster=[1, 0, 2]), counted)


def test_crimes_that_cluster_deceive_the_version_by_crime():
    """Surfaces equally good; each night's crimes fall together, where one of them is better. By crime a difference is
    found in far more than 5 % of trials, by night in about as many as claimed.
    """
    rng = np.random.default_rng(7)
    windows, cells, trials = 30, 8, 120
    a = np.full((windows, cells), 0.75)
    a[:, ::2] = 0.25
    b = np.roll(a, 1, axis=1)
    misses = {"p": 0, "night_p": 0, "ranks": 0, "night_ranks": 0}
    for _ in range(trials):
        crimes = np.zeros((windows, cells), dtype=int)
        crimes[np.arange(windows), rng.integers(0, cells, windows)] = 1 + rng.poisson(4.0, windows)
        first, counted = many_nights(a, crimes)
        second = first.copy(data=b[:, None])
        found, ranked = ppe.t_test(first, second, counted), ppe.w_test(first, second, counted)
        misses["p"] += found.p.item() <= 0.05
        misses["night_p"] += found.night_p.item() <= 0.05
        misses["ranks"] += ranked.p.item() <= 0.05
        misses["night_ranks"] += ranked.night_p.item() <= 0.05
    assert min(misses["p"], misses["ranks"]) > 0.25 * trials
    assert max(misses["night_p"], misses["night_ranks"]) < 0.12 * trials


def test_they_explain_themselves():
    surfaces = trial(3)[3]
    ours, ranked = ppe.t_test(*surfaces), ppe.w_test(*surfaces)
    for found in (ours, ranked):
        for name in found.data_vars:
            assert all(found[name].attrs[key] for key in ("long_name", "units", "better", "definition", "reference"))
    assert ours.p.attrs["reference"] != ranked.p.attrs["reference"] == "Wilcoxon 1945"
    assert ours.night_low.attrs["reference"] == "Kiefer and Vogelsang 2005"


def test_what_cannot_be_tested_is_refused():
    _, _, _, (first, second, counted) = trial(5)
    frame = pd.DataFrame({"x": [1.0, 1.0], "y": 1.0, "t": "2018-05-01 18:00", "last": "2018-05-02 06:00"})
    events = ppe.Events.from_frame(
        frame, happened="t", happened_until="last", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-13")]
    )
    days = Schedule(start="2018-05-01", end="2018-05-03", horizon="2D", tz=TZ)
    grid = row_of_cells([1.0, 1.0])
    twice = ppe.make_surface(np.full((2, 1, 2), 0.5), grid, days, kind="expected_count")
    counts = twice.copy(data=np.ones((2, 1, 2))).assign_attrs(grid=grid.fingerprint)
    for test, name in ((ppe.t_test, "t-test"), (ppe.w_test, "W-test")):
        with pytest.raises(InputError, match=rf"2 cells .* fractions of crimes.*the {name} counts whole.*'midpoint'"):
            test(first, second, events)
        assert test(first, second, events, method="midpoint").crimes.item() == 2
        with pytest.raises(InputError, match="windows begin before"):
            test(twice, twice, counts)
        with pytest.raises(InputError, match="has no information gain"):
            test(first.assign_attrs(kind="score"), second, counted)
        with pytest.raises(InputError, match="floor=-1"):
            test(first, second, counted, floor=-1)
        other = ppe.make_surface(np.full((12, 1, 6), 0.5), row_of_cells([2.0] * 6), nights(12), kind="expected_count")
        with pytest.raises(NotComparableError, match="different grids"):
            test(first, other, counted)
    for alpha in (0, 1, -0.1, True, "5%", None):
        with pytest.raises(InputError, match=r"alpha=.*0\.05 for intervals of 95 %"):
            ppe.t_test(first, second, counted, alpha=alpha)
    with pytest.raises(InputError, match="lags=99"):
        ppe.t_test(first, second, counted, lags=99)
