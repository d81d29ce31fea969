"""A tally of saved surfaces by plain numpy, for whole cities: from the publisher's columns, polygons and a file."""

import numpy as np
import shapely
import xarray as xr

COUNTS = ("hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "flagged_m2", "boxes", "boxes_hit")


def lay_cells(polygons, side):
    """Inside-area and number of the area of every cell, as {(row, column): (m2, area)}."""
    found = {}
    for number, polygon in enumerate(polygons):
        west, south, east, north = np.array(polygon.bounds) / side
        row, column = np.mgrid[int(south) : int(north) + 1, int(west) : int(east) + 1].reshape(2, -1)
        box = shapely.box(column * side, row * side, (column + 1) * side, (row + 1) * side)
        part = shapely.area(shapely.intersection(polygon, box))
        for cell, m2 in zip(zip(row.tolist(), column.tolist(), strict=True), part.tolist(), strict=True):
            if m2 > 0:
                whole, most, owner = found.get(cell, (0.0, 0.0, -1))
                found[cell] = (whole + m2, max(m2, most), number if m2 > most else owner)
    return {cell: (whole, owner) for cell, (whole, _, owner) in found.items()}


def ranked(key):
    """Cells by falling key, and which of them agree with the one before to 12 significant digits."""
    order = np.argsort(-key, kind="stable")
    high, low = key[order][:-1], key[order][1:]
    digit = 10.0 ** (np.floor(np.log10(np.where(high > 0, high, 1.0))) - 11)
    return order, np.concatenate([[False], high - low <= 0.5 * np.where(high > 0, digit, 0.0)])


def spend(key, size, room):
    """Share of every cell, the tied cells that share what is left, and how much that is."""
    order, tied = ranked(key)
    share, unsure, left = np.zeros(len(key)), np.zeros(0, dtype=int), 0.0
    first = np.flatnonzero(~tied)
    for start, end in zip(first, [*first[1:], len(order)], strict=True):
        some = order[start:end]
        together = size[some].sum()
        if together <= room * (1 + 1e-12):
            share[some] = 1.0
            room -= together
            if room <= 1e-9 * together:
                break
        else:
            share[some], unsure, left = room / together, some, room
            break
    return share, unsure, left


def greedy(some, worth, size, y, room):
    """Crimes in these cells, taken by rising worth until the room is used up."""
    some = some[np.argsort(worth[some], kind="stable")]
    before = np.concatenate([[0.0], np.cumsum(size[some])[:-1]])
    return float((np.clip((room - before) / size[some], 0.0, 1.0) * y[some]).sum())


def tally_night(value, y, inside, area, areas, budget):
    """Counts of one night and budget by area; worst and best stand with the first area of their scope."""
    coin, amount, per_area = budget
    one = np.ones(len(value))
    size, key = (one, value) if coin == "top" else (inside, value / inside)
    worth = y if coin == "top" else y / inside
    out = dict(zip(COUNTS, np.zeros((len(COUNTS), areas)), strict=True))
    share, sure, best_share = np.zeros(len(value)), np.zeros(len(value)), np.zeros(len(value))
    for number in range(areas) if per_area else [None]:
        scope = np.flatnonzero(area == number) if per_area else np.arange(len(value))
        room = float(amount) if coin == "top" else amount * inside[scope].sum()
        part, unsure, left = spend(key[scope], size[scope], room)
        share[scope] = sure[scope] = part
        sure[scope[unsure]] = 0.0
        here = (worth[scope], size[scope], y[scope])
        slot = number or 0
        out["hits_worst"][slot] += greedy(unsure, *here, left)
        out["hits_best"][slot] += greedy(unsure, -here[0], *here[1:], left)
        used = room if coin == "top" else float((part * inside[scope]).sum())
        crimes = scope[y[scope] > 0]
        best_share[crimes] = spend(worth[crimes], size[crimes], used)[0]
    for name, numbers in {
        "hits": share * y,
        "hits_worst": sure * y,
        "hits_best": sure * y,
        "oracle_hits": best_share * y,
        "flagged_m2": share * inside,
        "boxes": share,
        "boxes_hit": share * (y > 0),
    }.items():
        out[name] += np.bincount(area, numbers, minlength=areas)
    total, flagged = np.bincount(area, inside, minlength=areas), out["flagged_m2"]
    out["chance_hits"] = np.bincount(area, y, minlength=areas) * flagged / total
    return out


def recount(path, polygons, side, x, y, moment, budgets):
    """Counts by name, shape (areas, budgets, nights), of the surfaces in a file; crimes inside and outside by night.

    `x`, `y` in metres and `moment` in UTC are the publisher's columns.
    """
    cells = lay_cells(polygons, side)
    with xr.open_dataset(path, engine="h5netcdf") as file:
        risk = file["risk"].transpose("window", "y", "x")
        rows, columns = (np.floor(risk[name].to_numpy() / side).astype(int) for name in ("y", "x"))
        start, end = (risk[name].to_numpy().astype("datetime64[ns]") for name in ("window", "window_end"))
        surface = risk.to_numpy()
    place = {(int(row), int(column)): (i, j) for i, row in enumerate(rows) for j, column in enumerate(columns)}
    known = list(cells)
    position = {cell: number for number, cell in enumerate(known)}
    inside, area = (np.array(part) for part in zip(*(cells[cell] for cell in known), strict=True))
    at = tuple(np.array([place[cell] for cell in known]).T)
    assert np.isnan(surface).sum() == len(surface) * (len(place) - len(known))
    side_mm = side * 1000
    row, column = (np.rint(part * 1000).astype(np.int64) // side_mm for part in (y, x))
    where = np.array([position.get(cell, -1) for cell in zip(row.tolist(), column.tolist(), strict=True)])
    counts = {name: np.zeros((len(polygons), len(budgets), len(start))) for name in COUNTS}
    within, outside = np.zeros((len(polygons), len(start))), np.zeros(len(start))
    for night in range(len(start)):
        tonight = where[(moment >= start[night]) & (moment < end[night])]
        crimes = np.bincount(tonight[tonight >= 0], minlength=len(known)).astype(float)
        within[:, night], outside[night] = np.bincount(area, crimes, minlength=len(polygons)), (tonight < 0).sum()
        for number, budget in enumerate(budgets):
            for name, found in tally_night(surface[night][at], crimes, inside, area, len(polygons), budget).items():
                counts[name][:, number, night] = found
    return counts, within, outside
