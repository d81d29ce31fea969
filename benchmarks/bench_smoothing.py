"""Smoothing of count maps against scipy's filters and products of matrices."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("smoothing."), ids=str)
def test_smoothing(workload, race):
    race(workload)
