"""Kernel density against numpy, scipy, scikit-learn and KDEpy."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("kde."), ids=str)
def test_kde(workload, race):
    race(workload)
