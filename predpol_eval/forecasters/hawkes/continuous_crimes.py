"""Crimes in continuous space: where, when, what of their repeats could be seen, and which are close to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.kernels.crowding import crowded_pairs
from predpol_eval.kernels.inside_mass import inside_mass
from predpol_eval.kernels.pair_sums import PairRows, in_rows
from predpol_eval.kernels.pairs import close_pairs, count_pairs
from predpol_eval.kernels.points import FloatArray, IntArray

# Beyond so many sigma lie 1.5e-8 of a crime's repeats, beyond so many 1/omega 2e-9: counted as none.
REACH = 6.0
PATIENCE = 20.0
# A list of pairs is made with so much to spare, and made anew when a fit has moved out of it or far into it.
_SLACK = 1.25
_TOO_WIDE = 2.5
# 320 MB, twice that while they are laid out in rows. Where there would be more, pairs are listed up to a shorter
# distance.
MOST_PAIRS = 20_000_000
# A decay over ten times the observed time cannot be told from none.
_SLOWEST = 0.1


class Seen(NamedTuple):
    """Sum over crimes of the share of their repeats that can be seen, and its derivatives by log omega and log sigma.

    In the order: value; by omega, by sigma; twice by omega, twice by sigma, by both.
    """

    value: float
    omega: float
    sigma: float
    omega2: float
    sigma2: float
    both: float


@dataclass(frozen=True, slots=True, eq=False)
class ContinuousCrimes:
    """Crimes in order of time, and the study area; times are days since the first observed moment.

    Attributes
    ----------
    x, y, t : array of float, shape (n,)
        Metres and days.
    inside : array of int, shape (n,)
        1 for crimes in the study area; the others only set off repeats in it.
    starts, ends : array of float, shape (periods,)
        Observed periods.
    min_step, min_distance : float
        Two crimes are at least so far apart, in days and metres.
    x0, y0, cell : float
        Lower left corner of the grid and side of its cells, metres.
    share : array of float, shape (ny, nx)
        Share of each cell that lies in the study area.
    """

    x: FloatArray
    y: FloatArray
    t: FloatArray
    inside: IntArray
    starts: FloatArray
    ends: FloatArray
    min_step: float
    min_distance: float
    x0: float
    y0: float
    cell: float
    share: FloatArray

    @property
    def days(self) -> float:
        """Observed time."""
        return float((self.ends - self.starts).sum())

    @property
    def area(self) -> float:
        """Study area, square metres."""
        return float(self.share.sum()) * self.cell**2

    @property
    def number(self) -> int:
        """Crimes in the study area."""
        return int(self.inside.sum())

    def inner_mass(self, x: FloatArray, y: FloatArray, sigma: float) -> FloatArray:
        """Share of a Gaussian in the study area and its derivatives by log sigma, shape (3, n)."""
        return inside_mass(x, y, self.x0, self.y0, self.cell, self.share, sigma)

    def seen_in_time(self, omega: float) -> FloatArray:
        """Share of each crime's repeats that falls into observed time, its derivatives by log omega; shape (3, n)."""
        out = np.zeros((3, self.t.size))
        for start, end in zip(self.starts, self.ends, strict=True):
            near = omega * np.maximum(start - self.t, 0.0)
            far = omega * np.maximum(end - self.t, 0.0)
            # expm1: for a slow decay the exponentials at both ends agree to all digits but the last.
            if near.any():
                begun = np.exp(-near)
                lost = begun * np.expm1(near - far)
                out[1] -= near * begun
                out[2] -= near * (1.0 - near) * begun
            else:
                begun, lost = 1.0, np.expm1(-far)
            left = begun + lost
            out[0] -= lost
            out[1] += far * left
            out[2] += far * (1.0 - far) * left
        return out

    def seen(self, omega: float, sigma: float) -> Seen:
        """How many repeats could be seen if every crime had one."""
        time, space = self.seen_in_time(omega), self.inner_mass(self.x, self.y, sigma)

        def total(a: int, b: int) -> float:
            return float((time[a] * space[b]).sum())

        return Seen(total(0, 0), total(1, 0), total(0, 1), total(2, 0), total(0, 2), total(1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """The pairs that count for some omega and sigma (`made_for`), and how far they were looked for."""

    pairs: PairRows
    radius: float
    span: float
    cut: bool
    made_for: tuple[float, float]

    def serves(self, crimes: ContinuousCrimes, omega: float, sigma: float) -> bool:
        """Whether a fit at omega and sigma needs no other list."""
        radius, span = REACH * sigma, min(PATIENCE / omega, crimes.t[-1])
        if self.cut:
            # A longer list there is not; after a long way towards the small a full one may be had.
            return self.radius <= _TOO_WIDE * radius and self.span >= span
        wide = self.radius <= _TOO_WIDE * _SLACK * radius and self.span <= _TOO_WIDE * _SLACK * max(
            span, crimes.min_step
        )
        return self.radius >= radius and self.span >= span and wide


def near(crimes: ContinuousCrimes, omega: float, sigma: float) -> Near:
    """List the pairs that count at omega and sigma, with some to spare."""
    radius = max(_SLACK * REACH * sigma, 1.001 * crimes.min_distance)
    span = max(_SLACK * PATIENCE / omega, 1.001 * crimes.min_step)
    cut = False
    # Before pairs are counted one by one: where crimes pile up, that alone would take too long.
    places = crimes.x[crimes.inside > 0], crimes.y[crimes.inside > 0], crimes.t[crimes.inside > 0]
    while (
        crowded_pairs(*places, radius, span) > MOST_PAIRS
        or count_pairs(crimes.x, crimes.y, crimes.t, radius, span, crimes.inside) > MOST_PAIRS
    ):
        if radius < crimes.min_distance:
            raise InputError(
                f"More than {MOST_PAIRS:,} pairs of crimes lie within {crimes.min_distance:.3g} m and {span:.3g} days "
                f"of each other: the {crimes.number:,} crimes are piled on too few places for model='continuous'. Use "
                "model='cell', which takes any number of crimes in a cell, or a shorter lookback; if the place stands "
                "for an unknown one, drop its crimes."
            )
        radius, cut = 0.8 * radius, True
    floors = {"least_days": crimes.min_step, "least_distance": crimes.min_distance}
    listed = close_pairs(crimes.x, crimes.y, crimes.t, radius, span, crimes.inside, **floors)
    return Near(in_rows(listed), radius, span, cut, (omega, sigma))


def decays(crimes: ContinuousCrimes) -> tuple[float, float]:
    """Slowest and fastest decay that the crimes can show.

    Beyond one over the shortest time between any two, every repeat becomes less likely with every rise of omega.
    """
    steps = np.diff(crimes.t)
    fastest = 1.0 / max(float(steps[steps > 0].min(initial=crimes.days)), crimes.min_step)
    return min(_SLOWEST / crimes.days, fastest), fastest
