"""One table of twins: each fast kernel, the naive code that judges it, and the peers it is measured against.

Both `tests/kernels/test_twins.py` (do they agree?) and `benchmarks/bench_*.py` (how much faster?) read it. To
add a kernel: a function that makes its arguments for a size, a `Twin` in the table of its subject (`*_twins.py`) whose
first rival is the naive one, and a floor for every size of every rival in `floors.toml`.
"""

from __future__ import annotations

from benchmarks import density_twins, recent_crime_twins, self_exciting_twins, start_up_twins, tally_twins
from benchmarks.twin import Twin, Workload

TWINS: tuple[Twin, ...] = (
    *density_twins.TWINS,
    *recent_crime_twins.TWINS,
    *self_exciting_twins.TWINS,
    *tally_twins.TWINS,
)

# Raced like the others, but no kernels: the time before anything appears.
START_UPS = start_up_twins.TWINS


def workloads(prefix: str) -> list[Workload]:
    """Every race of the kernels, and of the start-up, whose name begins so."""
    return [
        Workload(twin, rival, size)
        for twin in (*TWINS, *START_UPS)
        if twin.name.startswith(prefix)
        for rival in twin.rivals
        for size in rival.sizes
    ]
