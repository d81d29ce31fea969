"""How much of each cell lies in which area: one box per cell, one intersection per cell and area."""

import numpy as np
import shapely


def overlap(areas, x0, y0, cell, nx, ny):
    inside, code = np.zeros((ny, nx)), np.full((ny, nx), -1, dtype=np.int32)
    for row in range(ny):
        for col in range(nx):
            left, low = x0 + col * cell, y0 + row * cell
            box = shapely.box(left, low, left + cell, low + cell)
            parts = [area.intersection(box) for area in areas]
            if not any(part.area > 0 for part in parts):
                continue
            inside[row, col] = shapely.union_all(parts).area
            # Equal to the square millimetre: the first wins.
            code[row, col] = int(np.argmax([round(part.area, 6) for part in parts]))
    return inside, code
