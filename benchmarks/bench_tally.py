"""Ranking cells, sharing a budget and counting what it caught, against numpy."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("ranking."), ids=str)
def test_tally(workload, race):
    race(workload)
