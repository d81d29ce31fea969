"""Ranking and tallying as a practitioner writes it in numpy, and a city to do it on.

Every function takes the arguments of the kernel it competes with. A budget per area, so that the sums of an area do
not depend on how equal cells of different areas share what is left.
"""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels import ranking, spending


def ranked(cells, areas, crimes):
    """Cells by falling risk, a small number of past crimes, so that ties abound; a tenth of the cells is cut."""
    rng = np.random.default_rng(cells)
    risk = np.bincount(rng.integers(cells, size=2 * crimes), minlength=cells).astype(float)
    inside = np.where(rng.random(cells) < 0.1, rng.uniform(1.0, 62_500.0, cells), 62_500.0)
    label = np.sort(rng.integers(areas, size=cells))
    count = np.bincount(rng.integers(cells, size=crimes), minlength=cells).astype(float)
    return np.argsort(-risk, kind="stable"), risk, inside, label, count


def dealing(cells, areas, crimes):
    """Arguments of `by_scope`."""
    order, risk, _, label, _ = ranked(cells, areas, crimes)
    return order, risk, label, areas


def filling(cells, areas, crimes):
    """Arguments of `fill`: a twentieth of the ground of every area."""
    _, _, inside, label, _ = ranked(cells, areas, crimes)
    dealt, start, tied = ranking.by_scope(*dealing(cells, areas, crimes))
    return dealt, start, tied, inside, 0.05 * np.bincount(label, inside, minlength=areas), spending.EXACT


def summing(cells, areas, crimes):
    """Arguments of `sums`."""
    _, _, inside, label, count = ranked(cells, areas, crimes)
    share, _, _ = spending.fill(*filling(cells, areas, crimes))
    return share, inside, count, (count > 0).astype(float), label, areas


def straining(cells, areas, crimes):
    """Arguments of `extremes`."""
    dealt, _, _, inside, _, mode = filling(cells, areas, crimes)
    share, group, room = spending.fill(*filling(cells, areas, crimes))
    _, _, _, label, count = ranked(cells, areas, crimes)
    return dealt, share, group, room, inside, count, label, areas, mode


def foreseeing(cells, areas, crimes):
    """Arguments of `oracle`."""
    _, _, inside, label, count = ranked(cells, areas, crimes)
    return count, inside, label, areas, filling(cells, areas, crimes)[4], label, areas, True


def by_scope(order, key, scope, scopes):
    """A stable sort by scope, and a comparison with the cell before."""
    order = order[scope[order] >= 0]
    dealt = order[np.argsort(scope[order], kind="stable")]
    start = np.searchsorted(scope[dealt], np.arange(scopes + 1))
    tied = np.zeros(len(dealt), dtype=bool)
    tied[1:] = np.isclose(key[dealt[1:]], key[dealt[:-1]], rtol=5e-12, atol=0.0)
    tied[start[:-1][start[:-1] < len(dealt)]] = False
    return dealt, start, tied


def fill(dealt, start, tied, inside, amount, mode):
    """Sums over runs of tied cells, and what is left before each."""
    size = inside[dealt] if mode == spending.EXACT else np.ones(len(dealt))
    first = np.flatnonzero(~tied)
    together = np.add.reduceat(size, first)
    scope = np.searchsorted(start, first, side="right") - 1
    before = np.cumsum(together) - together
    before -= before[np.searchsorted(first, start[scope])]
    part = np.clip((amount[scope] - before) / together, 0.0, 1.0)
    part[part > 1 - 1e-12] = 1.0
    last = np.append(first[1:], len(dealt))
    share = np.zeros(len(inside))
    share[dealt] = np.repeat(part, last - first)
    group, room = np.zeros((len(amount), 2), dtype=np.int64), np.zeros(len(amount))
    edge = (part > 0) & (part < 1)
    group[scope[edge]] = np.column_stack([first[edge], last[edge]])
    room[scope[edge]] = (part * together)[edge]
    return share, group, room


def sums(share, inside, count, hit, label, labels):
    """Four weighted bincounts."""
    return np.stack([np.bincount(label, share * what, minlength=labels) for what in (count, inside, 1.0, hit)])


def extremes(dealt, share, group, room, inside, count, label, labels, mode):
    """A sort and a cumulative sum for the tied cells of every scope, twice."""
    edge = np.concatenate([dealt[i:j] for i, j in group])
    sure = share > 0
    sure[edge] = False
    out = np.tile(np.bincount(label[sure], count[sure], minlength=labels), (2, 1))
    for (i, j), left in zip(group, room, strict=True):
        cells = dealt[i:j]
        size = inside[cells] if mode == spending.EXACT else np.ones(len(cells))
        for best, order in enumerate((np.argsort(count[cells] / size), np.argsort(-count[cells] / size))):
            before = np.cumsum(size[order]) - size[order]
            part = np.clip((left - before) / size[order], 0.0, 1.0)
            np.add.at(out[best], label[cells[order]], part * count[cells[order]])
    return out


def oracle(count, inside, scope, scopes, amount, label, labels, by_area):
    """One sort of all cells by scope and crimes per m2."""
    size = inside if by_area else np.ones(len(inside))
    order = np.lexsort((-count / size, scope))
    ground = np.cumsum(size[order])
    before = ground - size[order]
    start = np.searchsorted(scope[order], np.arange(scopes))
    before -= before[start[scope[order]]]
    part = np.clip((amount[scope[order]] - before) / size[order], 0.0, 1.0)
    return np.bincount(label[order], part * count[order], minlength=labels)


def topping(cells, areas, k):
    """Arguments of `topped`: every key another, k cells of every area."""
    rng = np.random.default_rng(cells)
    key = rng.exponential(size=cells) * (rng.random(cells) < 0.7)
    inside = np.full(cells, 62_500.0)
    label = np.sort(rng.integers(areas, size=cells))
    return key, label, areas, inside, np.full(areas, float(k))


def topped(key, label, areas, inside, amount):
    """Shares of the cells, from the upper end of the ranking."""
    first = np.searchsorted(label, np.arange(areas + 1))
    total = np.bincount(label, inside, minlength=areas)
    members, nothing = np.arange(len(key)), np.zeros(areas)
    dealt, start, tied = ranking.top(key, members, first, inside, total, amount, nothing)
    return spending.fill(dealt, start, tied, inside, amount, spending.TOP)[0]


def sorted_whole(key, label, areas, inside, amount):
    """Shares of the cells, from a sort of all of them."""
    dealt, start, tied = by_scope(np.argsort(-key, kind="stable"), key, label, areas)
    return fill(dealt, start, tied, inside, amount, spending.TOP)[0]


def happening(nights, cells, crimes):
    """Arguments of `crimes_by_cell`: a third of the crimes are uncertain, a tenth outside."""
    rng = np.random.default_rng(crimes)
    first = np.searchsorted(np.sort(rng.integers(nights, size=crimes)), np.arange(nights + 1))
    place = np.where(rng.random(crimes) < 0.1, -1, (cells * rng.random(crimes) ** 3).astype(np.int64))
    weight = np.where(rng.random(crimes) < 0.3, rng.uniform(0, 1, crimes), 1.0)
    return first, place, weight, cells


def crimes_by_cell(first, place, weight, cells):
    """One sort of all nights' cells."""
    night = np.repeat(np.arange(len(first) - 1), np.diff(first))
    keep = (place >= 0) & (weight > 0)
    key, entry = np.unique(night[keep] * cells + place[keep], return_inverse=True)
    missed = np.ones(len(key))
    np.multiply.at(missed, entry, 1 - weight[keep])
    start = np.searchsorted(key, np.arange(len(first)) * cells)
    return start, key % cells, np.bincount(entry, weight[keep], minlength=len(key)), 1 - missed
