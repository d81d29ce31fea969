"""Ranking cells and sharing a budget among ties, by the book: plain loops over one scope after another."""

import math

import numpy as np

TOP, EXACT, FLOOR, CEIL = range(4)


def significant(number):
    """The twelve significant digits that decide a tie."""
    return 0.0 if number == 0 else float(f"{number:.11e}")


def by_scope(order, key, scope, scopes):
    """Cells by scope and falling key, where each scope begins, and who is tied with the one before."""
    dealt, start, tied = [], [0], []
    for s in range(scopes):
        before = None
        for cell in order:
            if scope[cell] != s:
                continue
            tied.append(before is not None and significant(key[before]) == significant(key[cell]))
            dealt.append(cell)
            before = cell
        start.append(len(dealt))
    return np.array(dealt, dtype=np.int64), np.array(start, dtype=np.int64), np.array(tied, dtype=bool)


def _groups(dealt, start, tied, s):
    """Lists of tied cells of one scope, from the top, each with where it stands."""
    groups = []
    for i in range(start[s], start[s + 1]):
        if i > start[s] and tied[i]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def fill(dealt, start, tied, inside, amount, mode):
    """Share of every cell flagged, the tied cells at the edge, and what they share."""
    scopes = len(start) - 1
    share, group, room = np.zeros(len(inside)), np.zeros((scopes, 2), dtype=np.int64), np.zeros(scopes)
    for s in range(scopes):
        left = amount[s]
        for places in _groups(dealt, start, tied, s):
            ground = sum(inside[dealt[i]] for i in places)
            mean = ground / len(places)
            if left <= 0:
                break
            if mode == TOP:
                part = left / len(places)
            elif mode == EXACT:
                part = left / ground
            elif mode == FLOOR:
                part = math.floor(left / mean + 1e-9) / len(places)
            else:
                part = math.ceil(left / mean - 1e-9) / len(places)
            whole = part > 1 - 1e-12
            for i in places:
                share[dealt[i]] = 1.0 if whole else part
            if not whole:
                group[s] = places[0], places[-1] + 1
                room[s] = part * (len(places) if mode == TOP else ground)
                break
            left -= len(places) if mode == TOP else ground
            if mode != TOP and left < 1e-9 * ground:
                left = 0.0
    return share, group, room


def sums(share, inside, count, hit, label, labels):
    """Crimes caught, m2, boxes and boxes with a crime, by label."""
    out = np.zeros((4, labels))
    for cell in range(len(share)):
        for row, what in enumerate((count[cell], inside[cell], 1.0, hit[cell])):
            out[row, label[cell]] += share[cell] * what
    return out


def _spend(cells, key, size, count, label, left, out):
    """Fill `left` from the highest key; equal cells share what there is."""
    cells = sorted(cells, key=key, reverse=True)
    while cells and left > 0:
        alike = [cell for cell in cells if significant(key(cell)) == significant(key(cells[0]))]
        together = sum(size(cell) for cell in alike)
        for cell in alike:
            out[label[cell]] += min(1.0, left / together) * count[cell]
        left -= together
        cells = [cell for cell in cells if cell not in alike]


def extremes(dealt, share, group, room, inside, count, label, labels, mode):
    """Crimes caught with the ties at their worst, and at their best, by label."""
    out = np.zeros((2, labels))
    edge = [int(cell) for i, j in group for cell in dealt[i:j]]
    for cell in range(len(share)):
        if cell not in edge and share[cell] > 0:
            out[:, label[cell]] += count[cell]
    for (i, j), left in zip(group, room, strict=True):
        for best, sign in ((0, -1.0), (1, 1.0)):
            _spend(
                [int(cell) for cell in dealt[i:j]],
                lambda cell, sign=sign: sign * (count[cell] if mode == TOP else count[cell] / inside[cell]),
                lambda cell: 1.0 if mode == TOP else inside[cell],
                count,
                label,
                left,
                out[best],
            )
    return out


def oracle(count, inside, scope, scopes, amount, label, labels, by_area):
    """The most crimes that each scope's amount could have caught, by label."""
    out = np.zeros(labels)
    for s in range(scopes):
        _spend(
            [cell for cell in range(len(count)) if scope[cell] == s],
            lambda cell: count[cell] / inside[cell] if by_area else count[cell],
            lambda cell: inside[cell] if by_area else 1.0,
            count,
            label,
            amount[s],
            out,
        )
    return out


def topped(key, label, areas, inside, amount):
    """Share of every cell when each area spends its number of cells from the top, all cells ranked."""
    order = sorted(range(len(key)), key=lambda cell: -key[cell])
    return fill(*by_scope(order, key, label, areas), inside, amount, TOP)[0]


def crimes_by_cell(first, place, weight, cells):
    """Night by night, the cells with crimes, how many, and how probably one at least."""
    start, where, crimes, hit = [0], [], [], []
    for night in range(len(first) - 1):
        here = [(place[i], weight[i]) for i in range(first[night], first[night + 1]) if place[i] >= 0 and weight[i] > 0]
        for cell in sorted({cell for cell, _ in here}):
            parts = [part for other, part in here if other == cell]
            where.append(cell)
            crimes.append(sum(parts))
            hit.append(1 - math.prod(1 - part for part in parts))
        start.append(len(where))
    return np.array(start), np.array(where), np.array(crimes), np.array(hit)
