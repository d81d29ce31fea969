"""What permutations say, against plain Python."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from predpol_eval.kernels import permutations

ROWS = st.integers(1, 40).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(0, 9) | st.integers(0, 10**12), min_size=width, max_size=width), min_size=1, max_size=4
    )
)


@given(rows=ROWS, seed=st.integers(0, 99))
@example(rows=[[0, 65_535], [0, 65_536], [7, 7]], seed=1)
@example(rows=[[5], [10**12]], seed=1)
def test_mean_median_and_how_many_reach_it(rows, seed):
    observed = [int(np.random.default_rng(seed).choice(row)) for row in rows]
    mean, median, at_least = permutations.summarise(rows, observed)
    assert median.tolist() == [statistics.median(row) for row in rows]
    assert mean.tolist() == pytest.approx([statistics.fmean(row) for row in rows], rel=1e-12)
    assert at_least.tolist() == [sum(value >= seen for value in row) for row, seen in zip(rows, observed, strict=True)]


def test_any_shape():
    dealt = np.random.default_rng(1).poisson(30, (3, 2, 999))
    mean, median, at_least = permutations.summarise(dealt, dealt[..., 0])
    np.testing.assert_allclose(mean, dealt.mean(axis=-1), rtol=1e-12)
    np.testing.assert_array_equal(median, np.median(dealt, axis=-1))
    np.testing.assert_array_equal(at_least, (dealt >= dealt[..., :1]).sum(axis=-1))
