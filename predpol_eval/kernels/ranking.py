"""Who is flagged: ranking cells, sharing a budget among ties, and counting what the flags caught.

All functions work on the cells of the study area in one fixed order (``cell`` is a position in it). A *scope* is a set
of cells that has a budget of its own: the whole city or one area.
"""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels.compiling import njit

TOP = 0  # amount = number of cells
EXACT = 1  # amount = m2, the last cell counted in part
FLOOR = 2  # amount = m2, whole cells, at most
CEIL = 3  # amount = m2, whole cells, at least

SAMPLE = 512  # keys that are looked at to guess where the upper end begins
CHUNK = 64  # keys that are compared with it together


@njit(cache=True)
def agree(a: float, b: float) -> bool:
    """Whether two keys agree to 12 significant digits."""
    if a == b:
        return True
    size = max(abs(a), abs(b))
    gap = abs(a - b)
    if not gap < 1e-11 * size:
        return False
    return bool(gap <= 0.5 * 10.0 ** (np.floor(np.log10(size)) - 11.0))


@njit(cache=True)
def _falling(keys):  # type: ignore[no-untyped-def]
    """Positions of the keys, falling, equal ones in order; here once, since a sort takes seconds to compile."""
    return np.argsort(-keys, kind="mergesort")


@njit(cache=True)
def by_scope(order, key, scope, scopes):  # type: ignore[no-untyped-def]
    """Deal cells, given in falling order of key, to their scopes, and mark those tied with the one before.

    Parameters
    ----------
    order : array of int64, shape (cells,)
        Cells by falling key.
    key : array of float64, shape (cells,)
    scope : array of int64, shape (cells,)
        Scope of each cell; -1 leaves it out.
    scopes : int

    Returns
    -------
    dealt : array of int64
        Cells by scope, then by falling key.
    start : array of int64, shape (scopes + 1,)
        Where each scope begins in `dealt`.
    tied : array of bool
        Whether the key of ``dealt[i]`` agrees with that of ``dealt[i - 1]`` in the same scope.
    """
    start = np.zeros(scopes + 1, dtype=np.int64)
    for cell in order:
        if scope[cell] >= 0:
            start[scope[cell] + 1] += 1
    for s in range(scopes):
        start[s + 1] += start[s]
    place = start[:scopes].copy()
    dealt = np.empty(start[scopes], dtype=np.int64)
    tied = np.zeros(start[scopes], dtype=np.bool_)
    for cell in order:
        s = scope[cell]
        if s < 0:
            continue
        i = place[s]
        dealt[i] = cell
        if i > start[s]:
            tied[i] = agree(key[dealt[i - 1]], key[cell])
        place[s] = i + 1
    return dealt, start, tied


@njit(cache=True)
def _largest(values, many):  # type: ignore[no-untyped-def]
    """The `many`-th largest of some numbers, which are put into another order."""
    low, high, target = 0, values.size - 1, many - 1
    while low < high:
        # The middle one of three, so that sorted numbers are no worst case.
        a, b, c = values[low], values[(low + high) // 2], values[high]
        pivot = max(min(a, b), min(max(a, b), c))
        left, i, right = low, low, high
        while i <= right:
            value = values[i]
            if value > pivot:
                values[i], values[left] = values[left], value
                left += 1
                i += 1
            elif value < pivot:
                values[i], values[right] = values[right], value
                right -= 1
            else:
                i += 1
        if target < left:
            high = left - 1
        elif target > right:
            low = right + 1
        else:
            return pivot
    return values[target]


@njit(cache=True)
def _sorted_from(keys, edge):  # type: ignore[no-untyped-def]
    """Positions of all keys from `edge`, which is one of them, upwards, and of all that are tied with it; falling."""
    higher, equal = np.empty(keys.size, dtype=np.int64), np.empty(keys.size, dtype=np.int64)
    highs, equals, rest = 0, 0, -np.inf
    for i in range(keys.size):
        if keys[i] > edge:
            higher[highs] = i
            highs += 1
        elif keys[i] == edge:
            # Mostly cells without any crime: there may be very many of them, and they need no sorting.
            equal[equals] = i
            equals += 1
        elif keys[i] > rest:
            rest = keys[i]
    if agree(edge, rest):
        return _falling(keys)
    return np.concatenate((higher[:highs][_falling(keys[higher[:highs]])], equal[:equals]))


@njit(cache=True)
def _sorted_top(keys, many):  # type: ignore[no-untyped-def]
    """Positions of at least the `many` largest keys, falling, and of all that are tied with the last of them."""
    n = keys.size
    if many >= n:
        return _falling(keys)
    if n < 8 * SAMPLE or many > n // 4:
        return _sorted_from(keys, _largest(keys.copy(), many))
    # A sample tells what is too low for certain, nearly always: the rest is sifted in one pass.
    sample = keys[:: n // SAMPLE].copy()
    share = many * sample.size / n
    guess = _largest(sample, min(sample.size, int(share + 3.0 * np.sqrt(share) + 4.0)))
    found = np.empty(n, dtype=np.int64)
    highs, equals = 0, 0
    for begin in range(0, n, CHUNK):
        # Counting is done many keys at a time; hardly any chunk has a key so high.
        chunk = keys[begin : min(n, begin + CHUNK)]
        reaching = 0
        for key in chunk:
            reaching += key >= guess
        if reaching > 0:
            for i in range(chunk.size):
                if chunk[i] > guess:
                    found[highs] = begin + i
                    highs += 1
                elif chunk[i] == guess:
                    equals += 1
    if highs >= many:
        sifted = keys[found[:highs]]
        order = _sorted_from(sifted, _largest(sifted.copy(), many))
        # None of those that were left out may be tied with the last.
        if not agree(sifted[order[-1]], guess):
            return found[order]
    elif highs + equals >= many:
        return _sorted_from(keys, guess)
    return _sorted_from(keys, _largest(keys.copy(), many))


@njit(cache=True)
def top(key, members, first, inside, total, cells, ground):  # type: ignore[no-untyped-def]
    """Deal the upper end of every scope's ranking: all that an amount can reach, and no more.

    Parameters
    ----------
    key : array of float64, shape (cells,)
    members : array of int64
        Cells by scope, then in order.
    first : array of int64, shape (scopes + 1,)
        Where each scope begins in `members`.
    inside : array of float64, shape (cells,)
        Inside-area of each cell.
    total : array of float64, shape (scopes,)
        Inside-area of each scope.
    cells, ground : array of float64, shape (scopes,)
        So many cells, and so many m2, have to be among those dealt, with all that are tied with the last.

    Returns
    -------
    dealt, start, tied
        As from `by_scope`, without the lower end.
    """
    scopes = first.size - 1
    start = np.zeros(scopes + 1, dtype=np.int64)
    dealt = np.empty(members.size, dtype=np.int64)
    tied = np.zeros(members.size, dtype=np.bool_)
    place = 0
    for s in range(scopes):
        own = members[first[s] : first[s + 1]]
        n = own.size
        # A scope of all cells has them in order.
        keys = key if n == key.size else key[own]
        many = int(min(float(n), np.ceil(cells[s])))
        if ground[s] > 0 and n:
            many = max(many, int(min(float(n), 1.05 * ground[s] * n / total[s] + 4.0)))
        while many > 0:
            order = _sorted_top(keys, many)
            if order.size == n:
                break
            reached = 0.0
            for i in order:
                reached += inside[own[i]]
            # A little more than asked for, since sums in another order differ in the last digits.
            if order.size >= cells[s] and reached >= ground[s] * (1.0 + 1e-9):
                break
            many = min(n, 2 * order.size + 16)
        if many > 0:
            for k in range(order.size):
                dealt[place + k] = own[order[k]]
                if k > 0:
                    tied[place + k] = agree(keys[order[k - 1]], keys[order[k]])
            place += order.size
        start[s + 1] = place
    return dealt[:place], start, tied[:place]


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
    order = cells[_falling(key)]
    rank = np.zeros(len(count))
    for k in range(len(cells)):
        rank[cells[k]] = key[k]
    dealt, start, tied = by_scope(order, rank, scope, scopes)
    share, _, _ = fill(dealt, start, tied, inside, amount, EXACT if by_area else TOP)
    for cell in cells:
        out[label[cell]] += share[cell] * count[cell]
    return out


@njit(cache=True)
def caught(dealt, own, group, room, inside, crimes, hit, label, labels, mode):  # type: ignore[no-untyped-def]
    """`sums` and `extremes` of the cells that were dealt alone, shape (6, labels).

    `own` is the share of each of them; the others as for `sums` and `extremes`, told for all cells.
    """
    out = np.empty((6, labels))
    ground, there, code = inside[dealt], crimes[dealt], label[dealt]
    out[:4] = sums(own, ground, there, hit[dealt], code, labels)
    out[4:] = extremes(np.arange(dealt.size), own, group, room, ground, there, code, labels, mode)
    return out


@njit(cache=True)
def foreseen(where, crimes, inside, label, labels, per_label, scopes, amount, by_area):  # type: ignore[no-untyped-def]
    """`oracle` of the cells with a crime, `where`, which have so many `crimes`; `inside` and `label` of all cells."""
    code = label[where]
    scope = code if per_label else np.zeros_like(code)
    return oracle(crimes, inside[where], scope, scopes, amount, code, labels, by_area)
