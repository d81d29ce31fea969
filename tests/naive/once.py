"""Crimes of uncertain time counted once: the windows of each crime put together, one crime at a time."""

import math
from collections import defaultdict


def once(rows, windows, areas, failed=()):
    """Hits by (area, budget, window) and crimes by (area, window), each crime on its last window only.

    `rows` are dicts with crime, window, weight, area ("" outside), credit (one per budget) and uncertain; `windows` are
    the starts of all windows, and those in `failed` know nothing, neither hits nor crimes.
    """
    budgets = len(rows[0]["credit"]) if rows else 0
    hits = {(area, budget, window): 0.0 for area in areas for budget in range(budgets) for window in windows}
    crimes = {(area, window): 0.0 for area in areas for window in windows}
    together = defaultdict(list)
    for number, row in enumerate(rows):
        if row["window"] not in failed and row["area"] != "":
            # An exact crime stands by itself, also where windows overlap.
            together[row["crime"] if row["uncertain"] else ("alone", number)].append(row)
    for parts in together.values():
        last = max(part["window"] for part in parts)
        for part in parts:
            crimes[part["area"], last] += part["weight"]
            for budget in range(budgets):
                hits[part["area"], budget, last] += part["weight"] * part["credit"][budget]
    for window in failed:
        for key in [*hits, *crimes]:
            if key[-1] == window:
                (hits if len(key) == 3 else crimes)[key] = math.nan
    return hits, crimes
