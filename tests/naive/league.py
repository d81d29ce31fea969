"""Five forecasters on a square city, night after night, from raw columns, in plain loops."""

import numpy as np

from tests.naive import kde, near_repeat, prospective
from tests.naive.backtest import groups, spend


def counted(x, y, cells, side):
    """Crimes per cell, shape (cells, cells)."""
    out = np.zeros((cells, cells))
    for east, north in zip(x, y, strict=True):
        out[int(north // side), int(east // side)] += 1.0
    return out


def caught(value, crimes, k):
    """Crimes in the k cells of highest value; those tied for the last places are flagged with equal chance."""
    cells = list(np.ndindex(value.shape))
    share, _, _ = spend(groups(cells, lambda cell: value[cell]), lambda cell: 1.0, float(k))
    return sum(part * crimes[cell] for cell, part in share.items())


def caught_by_night(city):
    """What each forecaster catches on each night; `city` has columns and sizes as plain attributes."""
    place = (0.0, 0.0, float(city.side), city.cells, city.cells)
    out = np.zeros((5, city.nights))
    for night in range(city.nights):
        until = city.history + night
        known = city.days < until
        x, y, age = city.x[known], city.y[known], until - city.days[known]
        lately = age <= 21
        tonight = (city.days >= until) & (city.days < until + 1)
        crimes = counted(city.x[tonight], city.y[tonight], city.cells, city.side)
        values = (
            counted(x[lately], y[lately], city.cells, city.side),
            counted(x, y, city.cells, city.side),
            kde.gaussian_cell_mass(x, y, np.ones(len(x)), *place, 500.0),
            prospective.continuous(x, y, age / 7, *place, 400.0, 8.0, 50.0),
            near_repeat.cocoon(x, y, np.maximum(1 - age / 21, 0.0), *place, 400.0, 0),
        )
        out[:, night] = [caught(value, crimes, city.k) for value in values]
    return out
