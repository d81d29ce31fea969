"""A whole backtest against plain loops, and against the few lines of numpy that leave out ties, areas and failures."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("backtest"), ids=str)
def test_backtest(workload, race):
    race(workload)
