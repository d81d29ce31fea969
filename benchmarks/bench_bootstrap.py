"""The stationary bootstrap of nights."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("stationary_bootstrap"), ids=str)
def test_stationary_bootstrap(workload, race):
    race(workload)
