"""Ranking cells, sharing a budget and counting what it caught, against numpy."""

import pytest

from benchmarks.twins import workloads

TALLY = [*workloads("ranking."), *workloads("spending."), *workloads("crimes_by_cell")]


@pytest.mark.parametrize("workload", TALLY, ids=str)
def test_tally(workload, race):
    race(workload)
