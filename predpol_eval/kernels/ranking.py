"""Which cells come first: ranked within their scope, as far down as a budget reaches.

All functions work on the cells of the study area in one fixed order (``cell`` is a position in it). A *scope* is a set
of cells that has a budget of its own: the whole city or one area.
"""

from __future__ import annotations

import numpy as np

from predpol_eval.kernels.compiling import njit

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
def falling(keys):  # type: ignore[no-untyped-def]
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
        return falling(keys)
    return np.concatenate((higher[:highs][falling(keys[higher[:highs]])], equal[:equals]))


@njit(cache=True)
def _reaching(keys, low, most):  # type: ignore[no-untyped-def]
    """Positions of the keys from `low` upwards, in order; none of them if there are more than `most`."""
    found = np.empty(most + 1, dtype=np.int64)
    rows = keys.size // CHUNK
    table = keys[: rows * CHUNK].reshape(rows, CHUNK)
    count = 0
    for row in range(rows):
        # Counted many keys at a time; hardly any row has one so high.
        chunk = table[row]
        here = 0
        for i in range(CHUNK):
            here += chunk[i] >= low
        if here > 0:
            if count + here > most:
                return found[:0]
            for i in range(CHUNK):
                found[count] = row * CHUNK + i
                count += chunk[i] >= low
    for i in range(rows * CHUNK, keys.size):
        if keys[i] >= low:
            if count == most:
                return found[:0]
            found[count] = i
            count += 1
    return found[:count]


@njit(cache=True)
def _sorted_top(keys, many):  # type: ignore[no-untyped-def]
    """Positions of at least the `many` largest keys, falling, and of all that are tied with the last of them."""
    n = keys.size
    if many >= n:
        return falling(keys)
    if n < 8 * SAMPLE or many > n // 4:
        return _sorted_from(keys, _largest(keys.copy(), many))
    # A sample tells what is too low for certain, nearly always: the rest is sifted in one pass.
    sample = keys[:: n // SAMPLE].copy()
    share = many * sample.size / n
    guess = _largest(sample, min(sample.size, int(share + 3.0 * np.sqrt(share) + 4.0)))
    # With all that may be tied with it.
    low = guess - 4e-11 * abs(guess)
    found = _reaching(keys, low, 8 * many + 4 * SAMPLE)
    if found.size >= many:
        sifted = keys[found]
        order = _sorted_from(sifted, _largest(sifted.copy(), many))
        # None of those that were left out may be tied with the last.
        last = sifted[order[-1]]
        if last - low > 2e-11 * abs(last):
            return found[order]
    higher, reaching = 0, 0
    for key in keys:
        higher += key > guess
        reaching += key >= guess
    if higher < many <= reaching:
        # Mostly the cells without any crime.
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
    dealt = np.empty(0, dtype=np.int64)
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
            if place + order.size > dealt.size:
                # Never as long as there are cells, if little of them is asked for: that much memory costs time.
                longer = np.empty(place + (order.size if scopes == 1 else 2 * order.size), dtype=np.int64)
                longer[:place] = dealt[:place]
                dealt = longer
            for k in range(order.size):
                dealt[place + k] = own[order[k]]
            place += order.size
        start[s + 1] = place
    tied = np.zeros(place, dtype=np.bool_)
    for s in range(scopes):
        for k in range(start[s] + 1, start[s + 1]):
            tied[k] = agree(key[dealt[k - 1]], key[dealt[k]])
    return dealt[:place], start, tied
