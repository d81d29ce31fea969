"""Weights of a mixture: the maximum a general optimiser finds, a score that never falls, a bound that holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from predpol_eval.forecasters.mixing import TOLERANCE, mixture_weights


def problem(seed, cells=60, parts=3, level=1.0):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(0.5, 1.0, (cells, parts)) * rng.uniform(0.2, 2.0, parts) * level
    crimes = rng.poisson(rates @ rng.dirichlet(np.full(parts, 0.7))).astype(float)
    rows = crimes > 0
    return rates[rows], crimes[rows], rates.sum(axis=0)


def score(weights, rates, crimes, totals, base):
    return crimes @ np.log(np.maximum(base + rates @ weights, 1e-300)) - weights @ totals


def referee(rates, crimes, totals, base, normalised):
    """The greatest score a general optimiser finds from several starts."""
    count = len(totals)
    rng = np.random.default_rng(0)
    best = -np.inf
    for start in [np.full(count, 1 / count), *rng.dirichlet(np.ones(count), 3)]:
        found = minimize(
            lambda w: -score(w, rates, crimes, totals, base),
            start,
            bounds=[(0, None)] * count,
            constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1}] if normalised else [],
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 500},
        )
        best = max(best, -found.fun)
    return best


@given(st.integers(0, 10**6), st.integers(1, 5), st.booleans(), st.booleans())
def test_it_is_the_maximum_and_never_falls_on_the_way(seed, parts, normalised, with_base):
    rates, crimes, totals = problem(seed, parts=parts)
    if not len(crimes):
        return
    base = 0.05 * np.random.default_rng(seed).gamma(1.0, 1.0, len(crimes)) if with_base else np.zeros(len(crimes))
    found = mixture_weights(rates, crimes, totals, base=base, normalised=normalised)
    assert found.converged
    assert (found.weights >= 0).all()
    assert (np.diff(found.path) >= -1e-12 * np.abs(found.path[:-1])).all()
    number = crimes.sum()
    ours, theirs = score(found.weights, rates, crimes, totals, base), referee(rates, crimes, totals, base, normalised)
    assert ours == pytest.approx(found.path[-1] * number, rel=1e-9, abs=1e-9)
    # The bound holds, and the optimiser finds nothing better than it allows.
    assert theirs - ours <= found.gap * number + 1e-7 * number
    if normalised:
        assert found.weights.sum() == pytest.approx(1.0, abs=1e-9)
    elif not with_base:
        # At the maximum the mixture expects as many crimes as there were.
        assert found.weights @ totals == pytest.approx(number, rel=1e-6)


@given(st.integers(0, 10**6), st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_parts_does_not_matter(seed, normalised, random):
    rates, crimes, totals = problem(seed, cells=200, parts=4)
    order = list(range(4))
    random.shuffle(order)
    one = mixture_weights(rates, crimes, totals, normalised=normalised)
    other = mixture_weights(rates[:, order], crimes, totals[order], normalised=normalised)
    np.testing.assert_allclose(other.weights, one.weights[order], atol=2e-3)
    assert other.path[-1] == pytest.approx(one.path[-1], abs=2e-6)


def test_equal_parts_share_a_weight():
    rates, crimes, totals = problem(1, parts=2)
    twice = mixture_weights(rates[:, [0, 1, 0]], crimes, totals[[0, 1, 0]])
    once = mixture_weights(rates, crimes, totals)
    assert twice.weights[0] == pytest.approx(twice.weights[2], rel=1e-9)
    np.testing.assert_allclose(twice.weights[0] * 2, once.weights[0], atol=1e-3)


def test_by_hand_half_and_half():
    # One part sees where two thirds of the crimes fall and the other where the rest does, each expecting as many.
    rates, crimes = np.array([[3.0, 0.0], [0.0, 3.0]]), np.array([2.0, 1.0])
    for normalised, weights in ((True, [2 / 3, 1 / 3]), (False, [2 / 3, 1 / 3])):
        found = mixture_weights(rates, crimes, np.array([3.0, 3.0]), normalised=normalised)
        np.testing.assert_allclose(found.weights, weights, atol=1e-6)
    # At twice the level of crime only weights that need not sum to 1 follow.
    free = mixture_weights(rates, 2 * crimes, np.array([3.0, 3.0]), normalised=False)
    np.testing.assert_allclose(free.weights, [4 / 3, 2 / 3], atol=1e-6)
    tied = mixture_weights(rates, 2 * crimes, np.array([3.0, 3.0]))
    np.testing.assert_allclose(tied.weights, [2 / 3, 1 / 3], atol=1e-6)


def test_too_few_steps_are_told():
    rates, crimes, totals = problem(3, cells=500, parts=5)
    found = mixture_weights(rates, crimes, totals, most_steps=3)
    assert found.steps == 3
    assert not found.converged
    assert found.gap > TOLERANCE
    whole = mixture_weights(rates, crimes, totals)
    # What it says is lacking is no less than what is.
    assert 0 < whole.path[-1] - found.path[-1] <= found.gap + 1e-9


def test_without_crimes_or_expectations_all_weights_are_alike():
    nothing = mixture_weights(np.zeros((0, 3)), np.zeros(0), np.ones(3))
    assert nothing.weights.tolist() == [1 / 3] * 3
    assert nothing.converged
    assert mixture_weights(np.zeros((2, 2)), np.ones(2), np.zeros(2), base=np.ones(2)).weights.tolist() == [0.5, 0.5]


def test_a_part_that_expects_nothing_gets_nothing():
    rates, crimes, totals = problem(5, parts=2)
    padded = np.column_stack([rates, np.zeros(len(rates))])
    found = mixture_weights(padded, crimes, np.append(totals, 0.0))
    assert found.weights[2] == 0
    np.testing.assert_allclose(found.weights[:2], mixture_weights(rates, crimes, totals).weights, rtol=1e-12)
