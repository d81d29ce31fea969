"""Block lengths by the rule of Politis and White: against loops, against arch, and on nights that tell nothing."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError
from predpol_eval.comparisons.block_length import longest_block, politis_white
from tests.naive.stationary_bootstrap import block_length


def nights(seed: int, number: int, rho: float, sparse: bool, ma: float = 0.0) -> np.ndarray:
    """Nights that resemble the one before by `rho`, with moving averages of weight `ma`."""
    generator = np.random.default_rng(seed)
    shock = (
        generator.poisson(0.2, number + 1) - generator.poisson(0.2, number + 1)
        if sparse
        else generator.normal(size=number + 1)
    )
    made = shock[1:] + ma * shock[:-1]
    for t in range(1, number):
        made[t] += rho * made[t - 1]
    return made


rhos = st.sampled_from([-0.6, 0.0, 0.3, 0.5, 0.9, 1.0])


@given(st.integers(0, 100), st.integers(2, 70), rhos, st.booleans(), st.sampled_from([0.0, 0.8, -0.8]))
def test_the_length_is_that_of_loops(seed, number, rho, sparse, ma):
    z = nights(seed, number, rho, sparse, ma).astype(float)
    if np.ptp(z) == 0:
        assert politis_white(z) == 1.0
    else:
        assert politis_white(z) == pytest.approx(block_length(z.tolist()), rel=1e-9)


@pytest.mark.parametrize("number", [8, 9, 10, 20, 60, 184, 1000])
@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("ma", [0.0, 0.8])
def test_the_length_is_that_of_arch(number, rho, ma):
    """arch knows no least length, and fails under 8 nights; all else agrees."""
    compared = 0
    for seed in range(20):
        z = nights(seed, number, rho, bool(seed % 2), ma).astype(float)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # it divides by zero at the last lags of few nights, and nights without crime
            theirs = optimal_block_length(z)["stationary"].iloc[0]
        if np.isfinite(theirs):
            assert politis_white(z) == pytest.approx(max(1.0, theirs), rel=1e-9)
            compared += 1
    assert compared >= 10


@given(st.lists(st.integers(-2, 2), max_size=12), st.sampled_from([1e-200, 1.0, 1e200]))
def test_a_short_series_gives_a_length_within_bounds(values, unit):
    found = politis_white(np.array(values) * unit)
    assert 1 <= found <= longest_block(len(values))
    assert found == pytest.approx(politis_white(np.array(values) * 8.0), rel=1e-9)


@pytest.mark.parametrize(
    "z", [[], [3.0], [0.0] * 40, [0.1] * 7, [1 / 3 - (0.1 + 0.2) + (t % 2) * 1e-17 for t in range(30)]]
)
def test_nights_that_are_alike_give_one_night(z):
    assert politis_white(z) == 1.0


def test_rounding_is_no_difference():
    """Hits over ties differ in the last digit; that is no pattern to draw blocks by."""
    z = 0.3 + 1e-16 * np.repeat([0, 1], 20)
    assert politis_white(z) == 1.0


def test_correlated_nights_need_longer_blocks():
    lengths = [
        np.mean([politis_white(nights(seed, 184, rho, False)) for seed in range(60)]) for rho in (0.0, 0.3, 0.6, 0.8)
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < 2
    # sqrt and cube root of the paper: (2 rho / (1 - rho^2))^(2/3) T^(1/3) = 8.6 for rho .6.
    assert lengths[2] == pytest.approx((2 * 0.6 / (1 - 0.6**2)) ** (2 / 3) * 184 ** (1 / 3), rel=0.25)


def test_the_longest_block():
    assert [longest_block(number) for number in (0, 1, 3, 4, 30, 81, 184, 10000)] == [1, 1, 1, 2, 10, 27, 41, 300]
    # Nights that swing have a long-run variance near 0, for which no block is long enough.
    lengths = [politis_white(nights(seed, 60, -0.6, False)) for seed in range(300)]
    assert max(lengths) == longest_block(60) == 20
    assert 20 < sum(length == 20 for length in lengths) < 80


def test_float32_agrees():
    z = nights(3, 100, 0.5, False)
    assert politis_white(z.astype(np.float32)) == pytest.approx(politis_white(z), rel=1e-4)


@pytest.mark.parametrize(
    ("z", "said"), [([1.0, np.nan], "leaving out the nights that failed"), ([[1.0]], "shape"), (["a"], "no number")]
)
def test_what_is_refused(z, said):
    with pytest.raises(InputError, match=said):
        politis_white(z)
