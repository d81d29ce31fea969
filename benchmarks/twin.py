"""What a race is made of: a fast kernel, the naive code that judges it, and the peers it is measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Size = tuple[int, ...]


@dataclass(frozen=True)
class Rival:
    """Another way to the same numbers.

    `sizes` are what the benchmarks run, the first of them also in the short form; at size `check` the results
    may differ by at most `agrees` of the peak. None where the rival cannot be asked the very same question.
    """

    name: str
    run: Callable[..., Any]
    sizes: tuple[Size, ...]
    check: Size
    agrees: float | None


@dataclass(frozen=True)
class Twin:
    """A kernel, what makes its arguments for a size, and its rivals: the naive one first, then a peer or more.

    `clock` is another than that of this process, where the work is done in others.
    """

    name: str
    kernel: Callable[..., Any]
    make: Callable[..., tuple[Any, ...]]
    rivals: tuple[Rival, ...]
    clock: Callable[[], float] | None = None


@dataclass(frozen=True)
class Workload:
    """One race: a kernel against one rival at one size."""

    twin: Twin
    rival: Rival
    size: Size

    def __str__(self) -> str:
        return "/".join((self.twin.name, self.rival.name, "-".join(map(str, self.size)))).removesuffix("/")

    @property
    def short(self) -> bool:
        """Whether the short form runs it."""
        return self.size == self.rival.sizes[0]


def city(crimes: int, cells: int, cell: int) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float, int, int]]:
    """Crimes in and around twenty centres of a square city, all on places of their own, and its grid."""
    rng = np.random.default_rng(crimes)
    side = float(cells * cell)
    centres = rng.uniform(0.1 * side, 0.9 * side, (20, 2))
    spread = rng.normal(0.0, 0.05 * side, (crimes, 2))
    clustered = centres[rng.integers(20, size=crimes)] + spread
    points = np.where(rng.random((crimes, 1)) < 0.5, rng.uniform(0, side, (crimes, 2)), clustered)
    x, y = np.ascontiguousarray(np.clip(points, 0.0, np.nextafter(side, 0.0)).T)
    return x, y, (0.0, 0.0, float(cell), cells, cells)


SMALL = ((50, 16, 250), (200, 24, 250))
FINE_CITY = ((1_000, 160, 250), (10_000, 800, 50))
