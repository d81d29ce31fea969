"""Importing the library, and its first result in a fresh process, against importing the libraries beneath."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("start_up."), ids=str)
def test_start_up(workload, race):
    race(workload)
