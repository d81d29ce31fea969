"""What twice as many crimes cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

MOST = 2.3  # what doubling may cost at most
ATTEMPTS = 4


def doublings(call: Callable[[int], Callable[[], object]], smallest: int, doubled: int = 2) -> list[float]:
    """Time on the processor over that of half the size; of the best attempt, since noise only ever adds.

    `call` makes, for a size, what is timed. In every attempt each size is run five times, in turns with the others.
    """
    sizes = [smallest * 2**step for step in range(doubled + 1)]
    calls = [call(size) for size in sizes]
    for each in calls:
        each()
    found: list[float] = []
    for _ in range(ATTEMPTS):
        best = [float("inf")] * len(sizes)
        for _ in range(5):
            for i, each in enumerate(calls):
                start = time.process_time()
                each()
                best[i] = min(best[i], time.process_time() - start)
        growth = [after / before for before, after in pairwise(best)]
        if not found or max(growth) < max(found):
            found = growth
        if max(found) <= MOST:
            break
    return found
