"""Laying many polygons over each other and cutting them: what may take long is done by a process that is stopped.

How long it takes cannot be told from any count: a few thousand rings within each other, or a long row of triangles that
touch at their corners, take minutes, within all limits of a plan and without a single crossing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions.box_overlay import cut, union
from predpol_eval.trial.submissions.sandbox import Stopped, run_limited

_TASK = "predpol_eval.trial.submissions.box_laying:lay_in_child"
# Corners that are laid at once, in a fraction of the time that a process takes to begin.
_AT_ONCE = 500
# Of processor time. Honest polygons take a hundredth of it; those that take longer would do so at every scoring, too.
SECONDS = 0.5
_UNSOUND = "The polygons cannot be laid over each other: what comes out crosses itself."


class Intricate(InputError):  # noqa: N818
    """Polygons that take too long to be laid over each other."""


class Job(NamedTuple):
    """Polygons that count together, and the territory that they are cut to, by its position."""

    shapes: npt.NDArray[Any]
    territory: int


def lay(jobs: Sequence[Job], territories: Sequence[Any], *, seconds: float = SECONDS) -> list[Any]:
    """What of each job's polygons counts: their union, cut to its territory.

    Parameters
    ----------
    jobs : sequence of Job
    territories : sequence of shapely geometry
    seconds : float
        Processor time that it may take.

    Returns
    -------
    list of shapely MultiPolygon
        One for each job, empty where nothing of it lies inside.

    Raises
    ------
    Intricate
        If that takes too long, or is no sound geometry.
    SandboxBroken
        If the child process could not be started.

    Examples
    --------
    >>> import numpy as np, shapely
    >>> boxes = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 5, 1)], dtype=object)
    >>> [shape.area for shape in lay([Job(boxes, 0)], [shapely.box(0, 0, 4, 4)])]
    [4.0]
    """
    import shapely

    corners = sum(int(shapely.get_num_coordinates(job.shapes).sum()) for job in jobs)
    if corners <= _AT_ONCE:
        found = [_laid(job.shapes, territories[job.territory]) for job in jobs]
        if not all(shapely.is_valid(shape) for shape in found):
            raise Intricate(_UNSOUND)
    else:
        orders = {"territories": len(territories), "jobs": [[job.territory, len(job.shapes)] for job in jobs]}
        everything = shapely.geometrycollections([*territories, *(shape for job in jobs for shape in job.shapes)])
        data = json.dumps(orders).encode("ascii") + b"\n" + shapely.to_wkb(everything)
        try:
            answer = run_limited(_TASK, data, libraries=("shapely",), seconds=seconds)
        except Stopped as error:
            raise Intricate(f"The polygons are too intricate to be laid over each other ({error}).") from None
        found = list(shapely.get_parts(shapely.from_wkb(answer)))
    return found


def lay_in_child(data: bytes, options: Mapping[str, int]) -> bytes:
    """`lay` for the child process: orders as a line of JSON, geometries as one collection in well-known binary."""
    import shapely

    line, _, rest = data.partition(b"\n")
    orders = json.loads(line)
    shapes = shapely.get_parts(shapely.from_wkb(rest))
    at = int(orders["territories"])
    found = []
    for territory, many in orders["jobs"]:
        found.append(_laid(shapes[at : at + many], shapes[territory]))
        at += many
    # Whoever reads the predictions asks this again, so that its time counts here; it fails like any other work.
    if not all(shapely.is_valid(shape) for shape in found):
        raise ValueError(_UNSOUND)
    return bytes(shapely.to_wkb(shapely.geometrycollections(found)))


def _laid(shapes: npt.NDArray[Any], territory: Any) -> Any:
    import shapely

    shapely.prepare(territory)
    here = shapes[shapely.intersects(territory, shapes)]
    return cut(union(here), territory) if len(here) else shapely.MultiPolygon()
