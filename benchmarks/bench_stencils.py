"""Stencils kept from night to night against trees and windows."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("stencils."), ids=str)
def test_stencils(workload, race):
    race(workload)
