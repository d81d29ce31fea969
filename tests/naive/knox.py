"""The Knox test by the book: every pair, every permutation, one by one, in exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from statistics import mean, median

import numpy as np

NANOSECONDS = 86_400 * 10**9


def shuffled(values, draws):
    """Fisher and Yates: from the last down, exchange with the element that the next 32 random bits point at."""
    mixed = list(values)
    for draw, i in zip(draws, range(len(mixed) - 1, 0, -1), strict=False):
        j = int(draw) * (i + 1) >> 32
        mixed[i], mixed[j] = mixed[j], mixed[i]
    return mixed


def band_of(value, edges):
    """The band [a, b) that holds the value, or None."""
    for band, (low, high) in enumerate(pairwise(edges)):
        if low <= value < high:
            return band
    return None


def exact(edge):
    """The number as it is written."""
    return edge if edge == math.inf else Fraction(str(edge))


def space_of(one, two, edges, metric):
    """Band of the distance between two places, on whole millimetres."""
    dx, dy = (abs(round(a * 1000) - round(b * 1000)) for a, b in zip(one, two, strict=True))
    if metric == "manhattan":
        return band_of(Fraction(dx + dy, 1000), [exact(edge) for edge in edges])
    return band_of(Fraction(dx * dx + dy * dy, 10**6), [exact(edge) ** 2 for edge in edges])


def counts(places, times, space_edges, time_edges, metric):
    """Unordered pairs by band of distance and of days; `times` in days, exact."""
    out = [[0] * (len(time_edges) - 1) for _ in space_edges[1:]]
    edges = [exact(edge) for edge in time_edges]
    for i in range(len(times)):
        for j in range(i):
            where = space_of(places[i], places[j], space_edges, metric)
            when = band_of(abs(times[i] - times[j]), edges)
            if where is not None and when is not None:
                out[where][when] += 1
    return out


def roles(places, times, ids, space_edges, time_edges, metric):
    """Events that a pair begins with, and that follow in one, as sets by (space, time) band."""
    first, later = {}, {}
    edges = [exact(edge) for edge in time_edges]
    for i in range(len(times)):
        for j in range(i):
            where = space_of(places[i], places[j], space_edges, metric)
            when = band_of(abs(times[i] - times[j]), edges)
            if where is None or when is None:
                continue
            sooner, after = (j, i) if (times[j], ids[j], j) < (times[i], ids[i], i) else (i, j)
            first.setdefault((where, when), set()).add(sooner)
            later.setdefault((where, when), set()).add(after)
    return first, later


def knox(places, times, space_edges, time_edges, metric, permutations, seed, order=None):
    """Observed, mean, median and p-value, as nested lists.

    `order` is the order of the crimes in which the times are dealt out; a permutation permutes whatever it is.
    """
    order = list(range(len(times))) if order is None else order
    rng = np.random.Generator(np.random.SFC64(seed))
    observed = counts(places, times, space_edges, time_edges, metric)
    dealt = []
    for _ in range(permutations):
        mixed = shuffled(times, rng.integers(0, 2**32, len(times) // 2 * 2, dtype=np.uint32))
        dealt.append(counts([places[k] for k in order], mixed, space_edges, time_edges, metric))
    shape = [(s, t) for s in range(len(space_edges) - 1) for t in range(len(time_edges) - 1)]
    tables = {"observed": observed, "expected": {}, "median": {}, "p_value": {}}
    for s, t in shape:
        sims = [table[s][t] for table in dealt]
        tables["expected"][s, t] = mean(sims)
        tables["median"][s, t] = median(sims)
        tables["p_value"][s, t] = (1 + sum(sim >= observed[s][t] for sim in sims)) / (1 + permutations)
    return tables


def tables_of(events, space_edges, time_edges, permutations, seed):
    """Observed and expected pairs of crimes dated in UTC, as arrays: what the benchmarks ask for."""
    times = [Fraction(int(t), NANOSECONDS) for t in (events.happened - events.happened.min()).astype(np.int64)]
    found = knox(
        list(zip(events.x, events.y, strict=True)), times, space_edges, time_edges, "euclidean", permutations, seed,
        column_order(events.x, events.y, space_edges),
    )  # fmt: skip
    expected = [
        [float(found["expected"][s, t]) for t in range(len(time_edges) - 1)] for s in range(len(space_edges) - 1)
    ]
    return np.array(found["observed"], dtype=float), np.array(expected)


def column_order(x, y, space_edges):
    """The order in which times are dealt out: columns as wide as the last finite edge, each from south to north."""
    finite = [edge for edge in space_edges if 0 < edge < math.inf]
    if not finite:
        return list(range(len(x)))
    reach = math.ceil(exact(max(finite)) * 1000)
    whole = [(round(a * 1000), round(b * 1000)) for a, b in zip(x, y, strict=True)]
    return sorted(range(len(x)), key=lambda i: (whole[i][0] // reach, whole[i][1], whole[i][0]))
