"""Prospective hot-spotting against pairs of trees and a convolution."""

import pytest

from benchmarks.twins import workloads


@pytest.mark.parametrize("workload", workloads("prospective."), ids=str)
def test_prospective(workload, race):
    race(workload)
