"""The self-exciting process against pairs in numpy, root finders and a quasi-Newton fit."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("self_exciting."), ids=str)
def test_self_exciting(workload, race):
    race(workload)
