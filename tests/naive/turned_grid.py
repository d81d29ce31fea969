"""Which crimes share a box of a turned grid, by walking along its two axes on the ground as it is."""

from __future__ import annotations

import math


def box_of(x, y, corner, cell, degrees):
    """Column and row of a point, counted from a corner of a grid whose rows run at `degrees` to the east."""
    along = (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    across = (-along[1], along[0])
    steps = [((x - corner[0]) * axis[0] + (y - corner[1]) * axis[1]) / cell for axis in (along, across)]
    return math.floor(steps[0]), math.floor(steps[1])


def shared_boxes(points, corner, cell, degrees):
    """The points that share a box, as a set of sets of their numbers."""
    boxes = {}
    for number, (x, y) in enumerate(points):
        boxes.setdefault(box_of(x, y, corner, cell, degrees), set()).add(number)
    return {frozenset(members) for members in boxes.values()}
