"""The self-exciting process in continuous space against pairs of a tree and sums in numpy."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("continuous."), ids=str)
def test_continuous(workload, race):
    race(workload)
