"""Flagged sets by the book: sorting cells one by one, walking round their sides, and counting crimes one by one."""

import itertools
import math
from fractions import Fraction

WORD = 2**64


def mixed(number):
    """SplitMix64, as published, on one number."""
    z = (number + 0x9E3779B97F4A7C15) % WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WORD
    return z ^ (z >> 31)


def lot(seed, x_mm, y_mm):
    """The lot of the cell whose corner lies there."""
    return mixed(mixed(seed ^ (x_mm % WORD)) ^ (y_mm % WORD))


def chosen(cells, kind, budget, seed):
    """Numbers of the cells that are flagged.

    A cell is a dict with value, inside, label, x_mm, y_mm; a budget ("top", k, per), ("coverage", fraction, per,
    rounding) or ("flags",).
    """
    if kind == "flags" or budget[0] == "flags":
        return {number for number, cell in enumerate(cells) if cell["value"] > 0}
    scopes = [{cell["label"]} for cell in cells] if budget[2] == "area" else [{cell["label"] for cell in cells}]
    flagged = set()
    for labels in {tuple(sorted(scope)) for scope in scopes}:
        mine = [number for number, cell in enumerate(cells) if cell["label"] in labels]

        def key(number):
            cell = cells[number]
            if budget[0] == "coverage" and kind == "expected_count":
                return cell["value"] / cell["inside"]
            return cell["value"]

        def place(number):
            value = key(number)
            rounded = 0.0 if value == 0 else float(f"{value:.11e}")
            return -rounded, lot(seed, cells[number]["x_mm"], cells[number]["y_mm"])

        order = sorted(mine, key=place)
        if budget[0] == "top":
            flagged |= set(order[: budget[1]])
            continue
        left = Fraction(budget[1]) * sum(Fraction(cells[number]["inside"]) for number in mine)
        for number in order:
            size = Fraction(cells[number]["inside"])
            if (left <= 0) if budget[3] == "ceil" else (size > left):
                break
            flagged.add(number)
            left -= size
    return flagged


def neighbours(cell):
    y, x = cell
    return [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]


def adjacencies(cells):
    """Like adjacencies and all adjacencies of the class, counted double, with a border of no class all round."""
    like = sum(1 for cell in cells for other in neighbours(cell) if other in cells)
    unlike = sum(1 for cell in cells for other in neighbours(cell) if other not in cells)
    return like, like + unlike


def least_outline(count):
    """FRAGSTATS min_e, in its own words: the largest whole square, and what is left over."""
    n = math.isqrt(count)
    m = count - n * n
    if m == 0:
        return 4 * n
    return 4 * n + 2 if m <= n else 4 * n + 4


def area_to_perimeter(cells, side):
    like, everything = adjacencies(cells)
    return len(cells) * side**2 / ((everything - like) * side) if cells else math.nan


def clumpiness(cells, study_area):
    like, everything = adjacencies(cells)
    if len(cells) < 2 or len(cells) == study_area:
        return math.nan
    g = Fraction(like, everything - least_outline(len(cells)))
    p = Fraction(len(cells), study_area)
    if g < p and p < Fraction(1, 2):
        return float((g - p) / p)
    return float((g - p) / (1 - p))


def compactness(cells):
    if len(cells) < 2:
        return math.nan
    like, everything = adjacencies(cells)
    most, least = 4 * len(cells), least_outline(len(cells))
    return float(Fraction(most - (everything - like), most - least))


def change(nights):
    """(emerging, repeating) cells of every night but the first; a night is a set of cells."""
    return [(len(now - before), len(now & before)) for before, now in itertools.pairwise(nights)]


def shared(first, second, crimes, ground):
    """Crimes by who captured them, and m2 of the union, of one window; crimes and ground are by cell."""
    found = {"both": 0, "first_only": 0, "second_only": 0, "neither": 0, "union_m2": 0}
    for cell, number in crimes.items():
        if cell in first:
            found["both" if cell in second else "first_only"] += Fraction(number)
        else:
            found["second_only" if cell in second else "neither"] += Fraction(number)
    for cell, m2 in ground.items():
        if cell in first or cell in second:
            found["union_m2"] += Fraction(m2)
    return found
