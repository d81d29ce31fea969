"""Alpha spending: against published boundaries, multivariate normals, simulated trials and a plain grid."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.comparisons import spending
from predpol_eval.comparisons.spending import alpha_spending
from tests.naive import spending as naive

KINDS = ("obrien_fleming", "pocock")
shares = st.lists(st.integers(1, 20), min_size=1, max_size=3, unique=True).map(
    lambda looks: [k / 20 for k in sorted(looks)]
)


def stays_inside(boundary, information) -> float:
    """Chance that no look passes its boundary."""
    times = np.asarray(information)
    covariance = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    law = stats.multivariate_normal(np.zeros(len(times)), covariance, abseps=1e-9, releps=1e-9, maxpts=2_000_000)
    edge = np.minimum(np.asarray(boundary), 12.0)
    return float(law.cdf(edge, lower_limit=-edge, rng=np.random.default_rng(1)))


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("obrien_fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
    ],
)
def test_five_equal_looks_are_the_published_ones(kind, published):
    """Published to four digits, of which the last is off by one in places."""
    np.testing.assert_allclose(alpha_spending(5, spending=kind).boundary, published, atol=1.5e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_digits_are_those_of_the_exact_chance(kind):
    """At the boundary that is told, the chance of going on is 1 - spent; to 1e-5 of the boundary, at every look."""
    plan = alpha_spending(5, spending=kind)
    for looks in range(1, 4):
        upto = plan.isel(look=slice(0, looks))
        assert stays_inside(upto.boundary, upto.information) == pytest.approx(1 - float(upto.spent[-1]), abs=2e-8)
        # And a boundary that is off by 1e-5 is seen.
        moved = upto.boundary.to_numpy().copy()
        moved[-1] += 1e-5 * (100 if looks == 1 and kind == "obrien_fleming" else 1)
        if kind == "pocock":
            assert abs(stays_inside(moved, upto.information) - (1 - float(upto.spent[-1]))) > 5e-8


@settings(max_examples=25)
@given(shares, st.sampled_from(KINDS), st.sampled_from([0.001, 0.05, 0.2, 0.9]))
def test_any_looks_are_those_of_the_multivariate_normal(information, kind, alpha):
    plan = alpha_spending(information, alpha=alpha, spending=kind)
    assert stays_inside(plan.boundary, information) == pytest.approx(1 - float(plan.spent[-1]), abs=1e-6)


@pytest.mark.parametrize(
    ("information", "kind", "alpha"),
    [
        ([0.3, 0.55, 0.6, 1.0], "obrien_fleming", 0.05),
        ([0.1, 0.2, 0.9, 1.0], "pocock", 0.01),
        ([0.2, 0.4, 0.7], "pocock", 0.5),
    ],
)
def test_the_boundaries_are_those_of_a_plain_grid(information, kind, alpha):
    spent = [getattr(naive, kind)(share, alpha) for share in information]
    plan = alpha_spending(information, alpha=alpha, spending=kind)
    np.testing.assert_allclose(plan.spent, spent, rtol=1e-9)
    np.testing.assert_allclose(plan.boundary, naive.boundaries(information, spent), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_million_trials_are_wrong_as_often_as_planned(kind):
    plan = alpha_spending([0.15, 0.4, 0.45, 0.8, 1.0], spending=kind)
    generator = np.random.default_rng(1)
    position, wrong, trials = 0.0, np.zeros(1_000_000, dtype=bool), 1_000_000
    steps = np.diff(plan.information, prepend=0.0)
    for look, step in enumerate(steps):
        position = position + np.sqrt(step) * generator.normal(size=trials)
        wrong |= np.abs(position) >= float(plan.boundary[look] * np.sqrt(plan.information[look]))
        spent = float(plan.spent[look])
        assert wrong.mean() == pytest.approx(spent, abs=4 * np.sqrt(spent / trials) + 1e-9)


def test_more_nodes_change_nothing(monkeypatch):
    looks = [0.1, 0.101, 0.4, 0.9, 1.0]
    before = alpha_spending(looks, spending="pocock").boundary
    monkeypatch.setattr(spending, "_rule", lambda: np.polynomial.legendre.leggauss(24))
    np.testing.assert_allclose(alpha_spending(looks, spending="pocock").boundary, before, rtol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_one_look_is_a_plain_test(kind, alpha):
    plan = alpha_spending(1, alpha=alpha, spending=kind)
    assert plan.boundary.item() == pytest.approx(stats.norm.isf(alpha / 2), abs=1e-12)
    assert plan.nominal_alpha.item() == pytest.approx(alpha, rel=1e-12)
    assert plan.spent.item() == pytest.approx(alpha, rel=1e-12)
    xr.testing.assert_equal(plan, alpha_spending([1.0], alpha=alpha, spending=kind))


@given(shares, st.sampled_from(KINDS))
def test_levels_lie_between_what_is_spent_and_alpha(information, kind):
    plan = alpha_spending(information, spending=kind)
    spent = plan.spent.to_numpy()
    assert (np.diff(spent) > 0).all()
    assert spent[-1] <= 0.05 * (1 + 1e-12)
    # A test at its level alone spends that; having looked before, a part of it was spent already.
    assert (plan.nominal_alpha.to_numpy() >= np.diff(spent, prepend=0) * (1 - 1e-9) - 1e-15).all()
    assert (plan.nominal_alpha.to_numpy() <= spent * (1 + 1e-6)).all()
    np.testing.assert_allclose(plan.nominal_alpha, 2 * stats.norm.sf(plan.boundary), rtol=1e-12)


@given(shares)
def test_a_later_look_changes_no_earlier_one(information):
    """What Lan and DeMets allow: looks not planned, as long as the shares are those of the looks taken."""
    plan = alpha_spending(information)
    if information[-1] < 1:
        longer = alpha_spending([*information, 1.0])
        np.testing.assert_array_equal(longer.boundary[:-1], plan.boundary)
        assert longer.spent[-1] == pytest.approx(0.05)


def test_nights_of_a_total_are_shares():
    nights = alpha_spending([61, 122, 184], total=184)
    np.testing.assert_allclose(nights.information, np.array([61, 122, 184]) / 184, rtol=1e-15)
    np.testing.assert_allclose(nights["at"], [61, 122, 184], rtol=1e-15)
    np.testing.assert_array_equal(nights.boundary, alpha_spending(np.array([61, 122, 184]) / 184).boundary)
    np.testing.assert_allclose(alpha_spending(4, total=184)["at"], [46, 92, 138, 184])
    assert nights.attrs["total"] == 184


@pytest.mark.parametrize("kind", KINDS)
def test_a_look_every_night_for_half_a_year(kind):
    plan = alpha_spending(184, spending=kind)
    boundary = plan.boundary.to_numpy()
    assert not np.isnan(boundary).any()
    finite = boundary[np.isfinite(boundary)]
    assert (np.diff(finite) < 0).mean() > 0.9
    assert plan.spent[-1] == pytest.approx(0.05)
    # Pocock's is between that of 20 looks and a boundary that never ends.
    assert 2.0 < finite[-1] < 2.7


def test_looks_too_early_to_spend_anything_have_an_infinite_boundary():
    plan = alpha_spending([0.001, 0.01, 0.02, 1.0])
    assert np.isposinf(plan.boundary[:3]).all()
    assert (plan.nominal_alpha[:3] == 0).all()
    assert plan.boundary[-1].item() == pytest.approx(1.959964, abs=1e-6)
    far = alpha_spending([0.09, 1.0])
    assert 7.2 < far.boundary[0] < 8


def test_a_function_of_the_share():
    linear = alpha_spending([0.5, 1.0], spending=lambda share: 0.05 * share)
    np.testing.assert_allclose(linear.spent, [0.025, 0.05])
    assert linear.boundary[0].item() == pytest.approx(stats.norm.isf(0.0125), abs=1e-12)
    assert stays_inside(linear.boundary, [0.5, 1.0]) == pytest.approx(0.95, abs=1e-7)
    # All at the first look, nothing after.
    first = alpha_spending([0.5, 1.0], spending=lambda share: 0.05)
    assert first.boundary[0].item() == pytest.approx(1.959964, abs=1e-6)
    assert np.isposinf(first.boundary[1])


def test_it_explains_itself():
    plan = ppe.alpha_spending(3)
    assert list(plan.data_vars) == ["information", "spent", "boundary", "nominal_alpha"]
    assert plan.look.to_numpy().tolist() == [1, 2, 3]
    assert all({"long_name", "units", "definition"} <= set(plan[name].attrs) for name in plan.data_vars)
    assert plan.attrs["spending"] == "obrien_fleming"
    assert plan.attrs["alpha"] == 0.05
    assert "Lan & DeMets 1983" in plan.attrs["reference"]


@pytest.mark.parametrize(
    ("looks", "options", "said"),
    [
        ([0.5, 0.4], {}, "put them in order"),
        ([0.5, 0.5, 1.0], {}, "found 0"),
        ([0.5, 0.50001], {}, "at least 0.0001"),
        ([0.5, 1.1], {}, "at most 1"),
        ([0.0, 1.0], {}, "above 0"),
        ([-0.1, 1.0], {}, "above 0"),
        ([60, 184], {}, "give total="),
        ([60, 190], {"total": 184}, "ran longer than planned"),
        ([60, 184], {"total": 0}, "total=0"),
        ([0.5, np.nan], {}, "share of the trial at each look"),
        ([], {}, "share of the trial at each look"),
        ([[0.5, 1.0]], {}, "share of the trial at each look"),
        (["half"], {}, "share of the trial at each look"),
        (0, {}, "from 1 to 400"),
        (401, {}, "from 1 to 400"),
        (True, {}, "looks=True"),
        (2.5, {}, "looks=2.5"),
        (3, {"alpha": 0}, "alpha=0"),
        (3, {"alpha": 1.0}, "alpha=1.0"),
        (3, {"alpha": float("nan")}, "alpha=nan"),
        (3, {"alpha": 5}, "alpha=5"),
        (3, {"spending": "haybittle"}, "'obrien_fleming' or 'pocock'"),
        (3, {"spending": lambda share: 0.1 * share}, "at most alpha=0.05"),
        (3, {"spending": lambda share: 0.05 * (1 - share)}, "never falling"),
        (3, {"spending": lambda share: float("nan")}, "never falling"),
        (3, {"spending": lambda share: share - 0.5}, "never below 0"),
        (3, {"spending": lambda share: "x"}, r"spending\(share\)='x'; give a function"),
        (3, {"spending": lambda share: None}, r"spending\(share\)=None; give a function"),
    ],
)
def test_what_is_refused(looks, options, said):
    with pytest.raises(InputError, match=said):
        alpha_spending(looks, **options)
