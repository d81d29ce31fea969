"""The Knox test, from the crimes to the table."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("knox"), ids=str)
def test_knox(workload, race):
    race(workload)
