"""Flagging the first boxes that a file lists, by trying all orders of those that are equal."""

import itertools
from fractions import Fraction


def shares(listed, area_of, k):
    """Share of each cell that is flagged: a mean over all orders in which the listed cells fall.

    `listed` maps a cell to its key, `area_of` every cell to its area.
    """
    flagged = dict.fromkeys(area_of, Fraction(0))
    for area in set(area_of.values()):
        mine = [cell for cell in listed if area_of[cell] == area]
        groups = [
            [cell for cell in mine if round_12(listed[cell]) == key]
            for key in sorted({round_12(listed[cell]) for cell in mine}, reverse=True)
        ]
        orders = [
            [cell for group in order for cell in group]
            for order in itertools.product(*(itertools.permutations(group) for group in groups))
        ]
        for order in orders:
            for cell in order[:k]:
                flagged[cell] += Fraction(1, len(orders))
    return flagged


def round_12(number):
    return 0.0 if number == 0 else float(f"{number:.11e}")


def union_area(rectangles):
    """Area of a union of rectangles (west, south, east, north), by adding and taking away all their intersections."""
    total = Fraction(0)
    for many in range(1, len(rectangles) + 1):
        for chosen in itertools.combinations(rectangles, many):
            west, south, east, north = (
                max(Fraction(r[0]) for r in chosen),
                max(Fraction(r[1]) for r in chosen),
                min(Fraction(r[2]) for r in chosen),
                min(Fraction(r[3]) for r in chosen),
            )
            if east > west and north > south:
                total += (-1) ** (many + 1) * (east - west) * (north - south)
    return total
