"""What flags caught, by trying every order that the tied cells may have.

A cell is a dict with value, inside (m2), crimes, hit and label. Nothing is ranked cleverly and no formula for ties is
used where orders can be tried: hits are a mean over orders, the best and worst case their extremes, the oracle the
best over all orders of all cells. Only a group of tied cells of unequal size that an area cuts through is shared out
by area, as the definition has it: all its ground is equally likely to be flagged.
"""

import itertools
import math
from fractions import Fraction


def orders(cells, key):
    """Every order by falling key."""
    keys = sorted({key(cell) for cell in cells}, reverse=True)
    alike = [[cell for cell in cells if key(cell) == value] for value in keys]
    for parts in itertools.product(*(itertools.permutations(group) for group in alike)):
        yield [cell for part in parts for cell in part]


def flag_cells(order, k):
    """Share of each cell of an order, as pairs, if the first k are flagged."""
    return [(cell, Fraction(1)) for cell in order[:k]]


def flag_ground(order, m2):
    """The same if m2 of ground are flagged, the last cell in part."""
    flagged = []
    for cell in order:
        part = min(Fraction(1), m2 / Fraction(cell["inside"]))
        if part <= 0:
            break
        flagged.append((cell, part))
        m2 -= part * Fraction(cell["inside"])
    return flagged


def flag_whole(order, m2, rounding):
    """The same with whole cells only: at most, or at least, m2; for cells of equal size."""
    cells = Fraction(m2) / Fraction(order[0]["inside"])
    return flag_cells(order, math.floor(cells) if rounding == "floor" else math.ceil(cells))


def caught(flagged, what="crimes", label=None):
    mine = [(cell, part) for cell, part in flagged if label in (None, cell["label"])]
    return sum((part * (1 if what == "boxes" else Fraction(cell[what])) for cell, part in mine), Fraction(0))


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers, Fraction(0)) / len(numbers)


def spread(cells, key, m2):
    """Share of every cell when m2 are spent from the top and tied ground is shared evenly."""
    flagged = []
    for value in sorted({key(cell) for cell in cells}, reverse=True):
        group = [cell for cell in cells if key(cell) == value]
        ground = sum(Fraction(cell["inside"]) for cell in group)
        part = max(Fraction(0), min(Fraction(1), m2 / ground))
        flagged += [(cell, part) for cell in group]
        m2 -= part * ground
    return flagged


def one_scope(cells, kind, budget):
    """Tally of one window within one budget's scope.

    `budget` is ("top", k), ("coverage", fraction, rounding) or ("flags",); fraction is a Fraction.
    """
    never_filled_up = kind == "flags" or budget[0] == "flags"
    ranked = [cell for cell in cells if cell["value"] > 0 or not never_filled_up]
    ground = sum(Fraction(cell["inside"]) for cell in cells)

    def key(cell):
        if budget[0] == "coverage" and kind == "expected_count":
            return Fraction(cell["value"]) / Fraction(cell["inside"])
        return Fraction(cell["value"])

    if budget[0] == "flags":
        tried = [[(cell, Fraction(1)) for cell in ranked]]
        expected = tried[0]
    elif budget[0] == "top":
        tried = [flag_cells(order, budget[1]) for order in orders(ranked, key)]
        expected = None
    elif budget[2] == "exact":
        m2 = budget[1] * ground
        tried = [flag_ground(order, m2) for order in orders(ranked, key)]
        expected = spread(ranked, key, m2)
    else:
        tried = [flag_whole(order, budget[1] * ground, budget[2]) for order in orders(ranked, key) if order] or [[]]
        expected = None

    def total(what, label=None):
        if expected is not None:
            return caught(expected, what, label)
        return mean(caught(flagged, what, label) for flagged in tried)

    flagged_m2 = total("inside")
    everything = [list(order) for order in itertools.permutations(cells)]
    if budget[0] == "top":
        best = max(caught(flag_cells(order, budget[1])) for order in everything)
    else:
        best = max(caught(flag_ground(order, flagged_m2)) for order in everything)
    names = {"hits": "crimes", "flagged_m2": "inside", "boxes": "boxes", "boxes_hit": "hit"}
    labels = sorted({cell["label"] for cell in cells})
    return {
        **{name: total(what) for name, what in names.items()},
        "hits_worst": min(caught(flagged) for flagged in tried),
        "hits_best": max(caught(flagged) for flagged in tried),
        "oracle_hits": best,
        "mean_of_orders": mean(caught(flagged) for flagged in tried),
        "by_label": {label: {name: total(what, label) for name, what in names.items()} for label in labels},
    }
