"""Who is flagged and what is caught: sharing an amount among the cells that come first, and counting what they hold.

Cells and scopes are those of `ranking`.
"""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.ranking import agree, by_scope, falling

TOP = 0  # amount = number of cells
EXACT = 1  # amount = m2, the last cell counted in part
FLOOR = 2  # amount = m2, whole cells, at most
CEIL = 3  # amount = m2, whole cells, at least


@njit(cache=True)
def fill(dealt, start, tied, inside, amount, mode):  # type: ignore[no-untyped-def]
    """Share of every cell that is flagged when each scope spends its amount from the top.

    Parameters
    ----------
    dealt, start, tied
        From `by_scope`.
    inside : array of float64, shape (cells,)
        Inside-area of each cell.
    amount : array of float64, shape (scopes,)
        Cells (TOP) or m2 (otherwise).
    mode : int

    Returns
    -------
    share : array of float64, shape (cells,)
        1 above the threshold, the chance of being flagged among the cells tied at it, 0 below.
    group : array of int64, shape (scopes, 2)
        Where the tied cells that share what was left stand in `dealt`; empty if none do.
    room : array of float64, shape (scopes,)
        What they share: cells if the mode is TOP, else m2.
    """
    scopes = len(start) - 1
    share = np.zeros(len(inside))
    group = np.zeros((scopes, 2), dtype=np.int64)
    room = np.zeros(scopes)
    for s in range(scopes):
        i, left = start[s], amount[s]
        while i < start[s + 1] and left > 0:
            j = i + 1
            together = inside[dealt[i]]
            while j < start[s + 1] and tied[j]:
                together += inside[dealt[j]]
                j += 1
            count = j - i
            if mode == EXACT:
                size, taken = together, min(left, together)
                # An amount that equals the group but for rounding takes the whole group.
                if together <= left * (1 + 1e-12):
                    taken = together
            else:
                size, mean = float(count), together / count
                if mode == TOP:
                    places = left
                elif mode == FLOOR:
                    places = np.floor(left / mean + 1e-9)
                else:
                    places = np.ceil(left / mean - 1e-9)
                taken = min(places, size)
            for k in range(i, j):
                share[dealt[k]] = taken / size
            if taken < size:
                group[s, 0], group[s, 1] = i, j
                room[s] = taken * together / count if mode == FLOOR or mode == CEIL else taken  # noqa: SIM109
                break
            if mode == TOP:
                left -= count
            else:
                left -= together
                if left < 1e-9 * together:
                    left = 0.0
            i = j
    return share, group, room


@njit(cache=True)
def sums(share, inside, count, hit, label, labels):  # type: ignore[no-untyped-def]
    """Per label: crimes caught, m2 flagged, boxes, boxes with a crime; shape (4, labels)."""
    out = np.zeros((4, labels))
    for cell in range(len(share)):
        part = share[cell]
        if part > 0:
            where = label[cell]
            out[0, where] += part * count[cell]
            out[1, where] += part * inside[cell]
            out[2, where] += part
            out[3, where] += part * hit[cell]
    return out


@njit(cache=True)
def extremes(dealt, share, group, room, inside, count, label, labels, mode):  # type: ignore[no-untyped-def]
    """Per label: crimes caught if ties fall as badly, and as well, as they can; shape (2, labels).

    Among tied cells the best case takes the fullest first, by crimes (TOP) or by crimes per m2, and the worst case the
    emptiest. Cells that are equal in this too share what is left, so that the order of the cells never matters.
    """
    out = np.zeros((2, labels))
    shared = np.zeros(len(share), dtype=np.bool_)
    for s in range(len(group)):
        for k in range(group[s, 0], group[s, 1]):
            shared[dealt[k]] = True
    for cell in range(len(share)):
        if share[cell] > 0 and not shared[cell]:
            out[:, label[cell]] += count[cell]
    for s in range(len(group)):
        i, j = group[s]
        with_crime = dealt[i:j][count[dealt[i:j]] > 0]
        empty = 0.0
        for k in range(i, j):
            if not count[dealt[k]] > 0:
                empty += 1.0 if mode == TOP else inside[dealt[k]]
        key = count[with_crime] if mode == TOP else count[with_crime] / inside[with_crime]
        order = np.argsort(key, kind="mergesort")
        for best in range(2):
            if best:
                order = order[::-1]
            left = room[s] if best else room[s] - empty
            first = 0
            while first < len(order) and left > 0:
                last, together = first, 0.0
                while last < len(order) and (last == first or agree(key[order[last - 1]], key[order[last]])):
                    together += 1.0 if mode == TOP else inside[with_crime[order[last]]]
                    last += 1
                part = min(1.0, left / together)
                for k in range(first, last):
                    cell = with_crime[order[k]]
                    out[best, label[cell]] += part * count[cell]
                left -= together
                first = last
    return out


@njit(cache=True)
def oracle(count, inside, scope, scopes, amount, label, labels, by_area):  # type: ignore[no-untyped-def]
    """Per label: the most crimes that each scope's amount could have caught; shape (labels,).

    With `by_area` false, `amount` counts cells and the fullest are taken; otherwise it is in m2, cells are taken by
    crimes per m2, and the last is counted in part. Equal cells share what is left, so that labels get exact shares.
    """
    out = np.zeros(labels)
    cells = np.flatnonzero(count > 0)
    key = np.empty(len(cells))
    for k in range(len(cells)):
        key[k] = count[cells[k]] / inside[cells[k]] if by_area else count[cells[k]]
    order = cells[falling(key)]
    rank = np.zeros(len(count))
    for k in range(len(cells)):
        rank[cells[k]] = key[k]
    dealt, start, tied = by_scope(order, rank, scope, scopes)
    share, _, _ = fill(dealt, start, tied, inside, amount, EXACT if by_area else TOP)
    for cell in cells:
        out[label[cell]] += share[cell] * count[cell]
    return out


@njit(cache=True)
def spend(dealt, start, tied, inside, amount, mode):  # type: ignore[no-untyped-def]
    """`fill`, with the share of each of the cells that were dealt instead of that of every cell."""
    return fill(np.arange(dealt.size), start, tied, inside[dealt], amount, mode)


@njit(cache=True)
def counted(  # type: ignore[no-untyped-def]
    dealt, own, group, room, mode, amount, per_label, by_area, inside, crimes, hit, where, label, labels, total
):
    """What a budget caught in one window, shape (labels, 8): all that `tallies.CAUGHT` names, in its order.

    Parameters
    ----------
    dealt, own, group, room
        From `spend`.
    mode : int
    amount : array of float64, shape (scopes,)
    per_label : bool
        Whether each label is a scope of its own; there is one scope otherwise.
    by_area : bool
        Whether the same ground is flagged by the best that could have been done; the same amount of cells otherwise.
    inside, crimes, hit : array of float64, shape (cells,)
        Inside-area, crimes, and the probability that one happened.
    where : array of int64
        The cells with crimes.
    label : array of int64, shape (cells,)
    labels : int
    total : array of float64, shape (labels,)
        Inside-area of each label.
    """
    out = np.empty((labels, 8))
    ground, code = inside[dealt], label[dealt]
    there = crimes[dealt]
    flagged = sums(own, ground, there, hit[dealt], code, labels)
    ends = extremes(np.arange(dealt.size), own, group, room, ground, there, code, labels, mode)
    code, there = label[where], crimes[where]
    everywhere = np.zeros(labels)
    for i in range(where.size):
        everywhere[code[i]] += there[i]
    spent = amount
    if by_area:
        spent = flagged[1] if per_label else np.array([flagged[1].sum()])
    scope = code if per_label else np.zeros_like(code)
    best = oracle(there, inside[where], scope, spent.size, spent, code, labels, by_area)
    for s in range(labels):
        # A label of no ground has no crimes either.
        chance = everywhere[s] * flagged[1, s] / total[s] if total[s] > 0 else 0.0
        out[s] = (flagged[0, s], ends[0, s], ends[1, s], best[s], chance, flagged[1, s], flagged[2, s], flagged[3, s])
    return out
