"""Cocooning against numpy windows."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("near_repeat."), ids=str)
def test_near_repeat(workload, race):
    race(workload)
