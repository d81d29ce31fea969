"""Every kernel against every rival of the table that the benchmarks race."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.twin import Rival, Twin
from benchmarks.twins import TWINS

PAIRS = [(twin, rival) for twin in TWINS for rival in twin.rivals if rival.agrees is not None]


def as_arrays(result):
    """One array or several, always as a list."""
    return [np.asarray(part, dtype=float) for part in (result if isinstance(result, tuple) else (result,))]


@pytest.mark.parametrize(("twin", "rival"), PAIRS, ids=[f"{twin.name}/{rival.name}" for twin, rival in PAIRS])
def test_kernel_and_rival_agree(twin: Twin, rival: Rival):
    arguments = twin.make(*rival.check)
    ours = as_arrays(twin.kernel(*arguments))
    theirs = as_arrays(rival.run(*arguments))
    assert len(ours) == len(theirs)
    for found, expected in zip(ours, theirs, strict=True):
        peak = np.abs(expected).max()
        assert peak > 0
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= rival.agrees * peak


@pytest.mark.parametrize("twin", TWINS, ids=[twin.name for twin in TWINS])
def test_every_kernel_has_a_naive_twin_and_a_peer_at_two_sizes(twin: Twin):
    naive, *peers = twin.rivals
    assert naive.name == "naive"
    assert naive.run.__module__.startswith("tests.naive.")
    assert naive.agrees is not None
    assert peers
    assert all(len(set(rival.sizes)) == len(rival.sizes) >= 2 for rival in twin.rivals)
