"""What recent crimes do to their surroundings: prospective hotspots, cocooning, Knox."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import near_repeat_peers, peers
from benchmarks.twin import FINE_CITY, SMALL, Rival, Twin, city
from predpol_eval.kernels import near_repeat, prospective, rings, stencils
from tests.naive import knox as naive_knox
from tests.naive import near_repeat as naive_near_repeat
from tests.naive import prospective as naive_prospective
from tests.naive import rings as naive_rings


def prospective_continuous(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Crimes of the last ten weeks; radius 400 m, 8 weeks, unit 50 m."""
    x, y, place = city(crimes, cells, cell)
    return x, y, np.random.default_rng(1).uniform(0.0, 10.0, crimes), *place, 400.0, 8.0, 50.0


def prospective_grid(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """The same by cell, Chebyshev distance."""
    x, y, age, *_ = prospective_continuous(crimes, cells, cell)
    return (x // cell).astype(np.int64), (y // cell).astype(np.int64), age, cells, cells, float(cell), 400.0, 8.0, 0


def cocoon(crimes: int, cells: int, cell: int) -> tuple[Any, ...]:
    """Crimes of the last three weeks; radius 400 m, exponential."""
    x, y, place = city(crimes, cells, cell)
    return x, y, np.random.default_rng(1).uniform(0.0, 1.0, crimes), *place, 400.0, near_repeat.EXPONENTIAL


# Of 25 000 crimes of ten weeks 20 000 are of the last eight.
RECENT, RECENT_FINE = (25_000, 160, 250), (25_000, 800, 50)
# Crimes, permutations.
KNOX = ((1_000, 999), (10_000, 199))
KNOX_IN_FULL = (*KNOX, (10_000, 999))
# With 999 permutations a pair list takes ten minutes or more for 100 000 crimes. What is compared is the cost of an
# arrangement of the times: the peer counts 4 where we count 256, the observed one included, so that 64 times the ratio
# is that of the arrangements. Its pairs are found beforehand, since they would count 64 times; ours are on the clock.
ONE_OF_64 = ((10_000, 255), (100_000, 255))
POINTPATS = ((300, 99), (1_000, 99), (1_000, 999), (1_000, 999, 50))


def kept_prospective(x, y, age_weeks, *more: Any) -> np.ndarray:
    """`prospective.continuous` from stencils that are kept from night to night."""
    *place, radius, weeks, unit = more
    made = stencils.stencils(x, y, *place, radius, stencils.PROSPECTIVE, unit)
    young = np.flatnonzero(age_weeks < weeks)
    return stencils.add_up(*made, young, 1 / (1 + age_weeks[young]), place[3] * place[4]).reshape(place[4], place[3])


def kept_cocoon(x, y, weight, *more: Any) -> np.ndarray:
    """`near_repeat.cocoon` from stencils that are kept from night to night."""
    *place, radius, kernel = more
    made = stencils.stencils(x, y, *place, radius, 1 + kernel, 1.0)
    return stencils.add_up(*made, np.arange(len(x)), weight, place[3] * place[4]).reshape(place[4], place[3])


TWINS: tuple[Twin, ...] = (
    Twin(
        "prospective.continuous",
        prospective.continuous,
        prospective_continuous,
        (
            Rival("naive", naive_prospective.continuous, SMALL, (50, 16, 250), 1e-12),
            Rival("pairs of two trees", peers.tree_pairs, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "prospective.grid",
        prospective.grid,
        prospective_grid,
        (
            Rival("naive", naive_prospective.grid, SMALL, (50, 16, 250), 1e-12),
            Rival("histogram and convolve", peers.histogram_and_convolve, (*FINE_CITY, RECENT), (500, 40, 50), 1e-12),
            Rival(
                "histogram and fftconvolve",
                peers.histogram_and_fftconvolve,
                (RECENT, RECENT_FINE),
                (500, 40, 50),
                1e-12,
            ),
        ),
    ),
    Twin(
        "near_repeat.cocoon",
        near_repeat.cocoon,
        cocoon,
        (
            Rival("naive", naive_near_repeat.cocoon, SMALL, (50, 16, 250), 1e-12),
            Rival("window by window", peers.window_by_window, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "near_repeat.rings",
        rings.rings,
        near_repeat_peers.ringing,
        (
            Rival("naive", naive_rings.rings, ((10, 8, 250), (20, 12, 250)), (10, 8, 250), 1e-4),
            Rival("points of a finer grid", near_repeat_peers.finer_points, FINE_CITY, (500, 40, 50), 0.02),
        ),
    ),
    # No kernel but the whole test, from the crimes to the table.
    Twin(
        "knox",
        near_repeat_peers.with_the_library,
        near_repeat_peers.scene,
        (
            Rival("naive", naive_knox.tables_of, ((40, 19), (60, 19)), (40, 19), 1e-12),
            # With other permutations, so that the expected pairs differ by their Monte Carlo error.
            Rival("numpy pair list", near_repeat_peers.numpy_pair_list, KNOX_IN_FULL, (1_000, 999), 0.05),
            Rival("numpy lookup", near_repeat_peers.numpy_lookup, KNOX_IN_FULL, (1_000, 999), 0.05),
            Rival("numpy pair list, 1 of 64", near_repeat_peers.numpy_pair_list_one_of_64, ONE_OF_64, (300, 255), None),
            Rival("numpy lookup, 1 of 64", near_repeat_peers.numpy_lookup_one_of_64, ONE_OF_64, (300, 255), None),
            # For one of the 80 band pairs.
            Rival("pointpats", near_repeat_peers.pointpats_one_of_all, POINTPATS, (300, 99), None),
        ),
    ),
    Twin(
        "stencils.prospective",
        kept_prospective,
        prospective_continuous,
        (
            Rival("naive", naive_prospective.continuous, SMALL, (50, 16, 250), 1e-12),
            Rival("pairs of two trees", peers.tree_pairs, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
    Twin(
        "stencils.cocoon",
        kept_cocoon,
        cocoon,
        (
            Rival("naive", naive_near_repeat.cocoon, SMALL, (50, 16, 250), 1e-12),
            Rival("window by window", peers.window_by_window, FINE_CITY, (500, 40, 50), 1e-12),
        ),
    ),
)
