"""The upper end of a ranking is that of the whole ranking, whatever ties, zeros and cut cells there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from predpol_eval.kernels import ranking, spending

KEYS = ("all differ", "few counts", "rounded", "nearly tied", "chained", "nothing", "tiny", "negative")


def keys(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers to rank by, with ties of every sort."""
    if kind == "few counts":
        return rng.poisson(0.05, n).astype(float)
    if kind == "rounded":
        return rng.normal(size=n).round(1)
    if kind == "nearly tied":
        return 1 + rng.integers(0, 5, n) * 1e-12
    if kind == "chained":
        # Each is tied with the next, and the first with none of the last.
        return 1 + rng.permutation(n) * 1e-13
    if kind == "nothing":
        return np.zeros(n)
    if kind == "tiny":
        return np.exp(-rng.uniform(0, 60, n))
    return rng.normal(size=n) if kind == "negative" else rng.uniform(size=n)


@given(
    seed=st.integers(0, 10**6), kind=st.sampled_from(KEYS), n=st.integers(1, 300) | st.integers(4_096, 9_000),
    scopes=st.integers(1, 4), mode=st.sampled_from([spending.TOP, spending.EXACT, spending.FLOOR, spending.CEIL]),
    share=st.sampled_from([0.0, 0.003, 0.02, 0.1, 0.5, 0.9, 1.0, 1.2]), slivers=st.booleans(),
)  # fmt: skip
@example(seed=1, kind="few counts", n=8_000, scopes=1, mode=spending.TOP, share=0.003, slivers=False)
@example(seed=1, kind="few counts", n=8_000, scopes=1, mode=spending.TOP, share=0.1, slivers=False)
@example(seed=1, kind="nearly tied", n=8_000, scopes=1, mode=spending.CEIL, share=0.02, slivers=False)
@example(seed=1, kind="chained", n=8_000, scopes=1, mode=spending.TOP, share=0.003, slivers=False)
@example(seed=1, kind="all differ", n=300, scopes=1, mode=spending.EXACT, share=0.1, slivers=True)
def test_the_upper_end_is_that_of_the_whole(seed, kind, n, scopes, mode, share, slivers):
    rng = np.random.default_rng(seed)
    key, scope = keys(kind, n, rng), rng.integers(0, scopes, n)
    inside = np.where(rng.random(n) < 0.3, rng.uniform(1, 62_500, n), 62_500.0)
    if slivers:
        # Much of the riskiest ground is cut off: far more cells are reached than the area tells.
        inside[key > np.median(key)] = 10.0
    members = np.argsort(scope, kind="stable")
    first, total = np.searchsorted(scope[members], np.arange(scopes + 1)), np.bincount(scope, inside, scopes)
    amount = np.floor(np.full(scopes, share * n / scopes)) if mode == spending.TOP else share * total
    nothing = np.zeros(scopes)
    asked = (amount, nothing) if mode == spending.TOP else (nothing, amount)
    whole = ranking.by_scope(np.argsort(-key, kind="stable"), key, scope, scopes)
    upper = ranking.top(key, members, first, inside, total, *asked)
    expected, found = (spending.fill(*dealt, inside, amount, mode) for dealt in (whole, upper))
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-9)
    for s in range(scopes):
        tied = [
            set(dealt[slice(*group[s])].tolist()) for dealt, group in ((upper[0], found[1]), (whole[0], expected[1]))
        ]
        assert tied[0] == tied[1]
        # Falling, and tied just as they are in the whole.
        ours, theirs = (slice(start[s], start[s + 1]) for start in (upper[1], whole[1]))
        size = ours.stop - ours.start
        np.testing.assert_array_equal(key[upper[0][ours]], key[whole[0][theirs]][:size])
        np.testing.assert_array_equal(upper[2][ours], whole[2][theirs][:size])


def test_little_of_a_large_city_is_ranked():
    key = np.random.default_rng(1).uniform(size=25_600)
    members, first = np.arange(key.size), np.array([0, key.size])
    inside, total = np.full(key.size, 62_500.0), np.array([62_500.0 * key.size])
    dealt, _, _ = ranking.top(key, members, first, inside, total, np.array([100.0]), np.zeros(1))
    assert 100 <= len(dealt) < 200
    dealt, _, _ = ranking.top(key, members, first, inside, total, np.zeros(1), 0.01 * total)
    assert 256 <= len(dealt) < 400


@pytest.mark.parametrize("many", [1, 2, 50, 99, 100])
def test_the_largest(many):
    values = np.random.default_rng(many).integers(0, 9, 100).astype(float)
    assert ranking._largest(values.copy(), many) == np.sort(values)[::-1][many - 1]
