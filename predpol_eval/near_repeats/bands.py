"""Bands of distance and of time, `[a, b)`, whose edges are exact numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from predpol_eval.civil_time import NANOSECONDS_PER_DAY, span
from predpol_eval.errors import InputError

# Metres; up to here the squares of whole millimetres stay whole numbers of 64 bits.
FARTHEST_EDGE = 1_000_000
MICROSECONDS_PER_DAY = NANOSECONDS_PER_DAY // 1000


@dataclass(frozen=True, slots=True)
class Bands:
    """Rising edges as they are written, in metres or days; the last band may be without end."""

    finite: tuple[Fraction, ...]
    endless: bool
    unit: str

    @property
    def edges(self) -> tuple[float, ...]:
        """Edges as numbers, infinity included."""
        return (*(float(edge) for edge in self.finite), *((math.inf,) if self.endless else ()))

    @property
    def labels(self) -> tuple[str, ...]:
        """One text per band.

        Examples
        --------
        >>> read_space([0, 0.01, 200, float("inf")]).labels
        ('[0, 0.01) m', '[0.01, 200) m', '[200, inf) m')
        """
        edges = [format(edge, ".12g") for edge in self.edges]
        return tuple(f"[{low}, {high}) {self.unit}" for low, high in pairwise(edges))

    def __len__(self) -> int:
        return len(self.edges) - 1

    def limits(self, scale: int, power: int = 1) -> list[int]:
        """Give the finite edges above 0 in smaller steps, such that a whole number is below one just if it is within.

        Examples
        --------
        >>> read_space([0, 0.5, 400]).limits(1000, power=2)
        [250000, 160000000000]
        """
        return [math.ceil((edge * scale) ** power) for edge in self.finite if edge]


def read_space(edges: Any) -> Bands:
    """Read the edges of bands of distance, in metres.

    Raises
    ------
    InputError
        If there are fewer than two, they do not rise from 0 or more, or one other than the last is not finite.

    Examples
    --------
    >>> read_space([0, 200, 400]).edges
    (0.0, 200.0, 400.0)
    """
    bands = _read(edges, "space_bands", "m", "[0, 200, 400]", lambda edge: edge)
    if bands.finite[-1] > FARTHEST_EDGE:
        raise InputError(
            f"space_bands has the edge {float(bands.finite[-1]):g} m; the farthest is {FARTHEST_EDGE:,} m. For a last "
            "band without end write float('inf')."
        )
    return bands


def read_time(edges: Any) -> Bands:
    """Read the edges of bands of time: numbers of days, or texts such as ``"7D"``, ``"2W"`` and ``"36h"``.

    Numbers are taken to the microsecond.

    Raises
    ------
    InputError
        As `read_space` does.

    Examples
    --------
    >>> read_time([0, "36h", "1W", float("inf")]).edges
    (0.0, 1.5, 7.0, inf)
    """
    return _read(edges, "time_bands", "days", "[0, 7, 14] or ['0D', '7D', '14D']", _days)


def nanoseconds(bands: Bands) -> list[int]:
    """Finite edges above 0 of bands of time, in nanoseconds."""
    return bands.limits(NANOSECONDS_PER_DAY)


def _days(edge: Any) -> Any:
    if isinstance(edge, str):
        if edge.strip().lower() in {"inf", "infinity"}:
            return math.inf
        length = span(edge, "an edge of time_bands", zero=True)
        # A length of 36 h is 129 600 s, however few digits of 1.5 days are written.
        return length.days + Fraction(int(length.elapsed / np.timedelta64(1, "ns")), NANOSECONDS_PER_DAY)
    if isinstance(edge, int | float | np.number) and not isinstance(edge, bool) and math.isfinite(edge):
        # An hour is no finite fraction of a day; what is written as 1/24 means the hour.
        return Fraction(round(Fraction(repr(float(edge))) * MICROSECONDS_PER_DAY), MICROSECONDS_PER_DAY)
    return edge


def _read(edges: Any, name: str, unit: str, example: str, convert: Any) -> Bands:
    if isinstance(edges, str) or not isinstance(edges, Iterable):
        raise InputError(f"{name} is {edges!r}; give the edges of the bands, for instance {name}={example}.")
    read = [_number(convert(edge), name, unit, example) for edge in edges]
    if len(read) < 2:
        raise InputError(f"{name} has {len(read)} edges; two make a band, for instance {name}={example}.")
    fall = [place for place in range(1, len(read)) if not read[place - 1] < read[place]]
    if fall:
        shown = [format(float(edge), ".12g") for edge in read]
        raise InputError(
            f"{name} must rise, but edge {fall[0]} ({shown[fall[0]]}) is not above the one before it "
            f"({shown[fall[0] - 1]}); edges are counted from 0. Sort them and give each once."
        )
    if read[0] < 0:
        raise InputError(f"{name} begins at {float(read[0]):g}; differences are never below 0. Begin at 0.")
    finite = tuple(edge for edge in read if isinstance(edge, Fraction))
    return Bands(finite, len(finite) < len(read), unit)


def _number(edge: Any, name: str, unit: str, example: str) -> Fraction | float:
    """Exactly the number that is written: 0.1 is a tenth."""
    if isinstance(edge, Fraction):
        return edge
    if isinstance(edge, bool) or not isinstance(edge, int | float | np.number) or math.isnan(edge):
        raise InputError(f"{name} has the edge {edge!r}; give numbers of {unit}, for instance {name}={example}.")
    value = float(edge)
    return value if math.isinf(value) else Fraction(repr(value))
