"""Polygons laid over each other: the same here and in the child process, and stopped where they take too long."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from predpol_eval.trial.submissions import box_laying
from predpol_eval.trial.submissions.box_laying import Intricate, Job, lay

pytestmark = pytest.mark.linux_only
TERRITORIES = [shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)]


def shapes(*every):
    return np.array([*every, None], dtype=object)[:-1]


def jobs():
    draw = np.random.default_rng(1)
    circles = [shapely.Point(*draw.random(2) * 200).buffer(1 + draw.random() * 9, quad_segs=4) for _ in range(60)]
    holed = shapely.Polygon([(10, 10), (60, 10), (60, 60), (10, 60)], [[(20, 20), (30, 20), (30, 30)]])
    return [
        Job(shapes(*circles[:30], holed), 0),
        Job(shapes(*circles[20:]), 1),
        Job(shapes(shapely.box(300, 300, 310, 310)), 0),
        # It touches the territory and has no ground in it.
        Job(shapes(shapely.box(200, 0, 210, 10)), 1),
    ]


def test_the_child_lays_them_as_they_are_laid_here(monkeypatch):
    by_child = lay(jobs(), TERRITORIES)
    monkeypatch.setattr(box_laying, "run_limited", lambda *_, **__: pytest.fail("the child was asked"))
    monkeypatch.setattr(box_laying, "_AT_ONCE", 10**9)
    here = lay(jobs(), TERRITORIES)
    assert [shape.wkb for shape in by_child] == [shape.wkb for shape in here]
    assert [shape.is_empty for shape in here] == [False, False, True, True]
    assert {shape.geom_type for shape in here} == {"MultiPolygon"}


def test_a_few_corners_are_laid_at_once(monkeypatch):
    monkeypatch.setattr(box_laying, "run_limited", lambda *_, **__: pytest.fail("the child was asked"))
    (found,) = lay([Job(shapes(shapely.box(90, 0, 110, 10), shapely.box(95, 5, 99, 20)), 0)], TERRITORIES)
    assert found.area == pytest.approx(10 * 10 + 4 * 10)
    assert lay([], TERRITORIES) == []


def test_rings_within_each_other_are_stopped():
    rings = [
        shapely.box(far, far, 100 - far, 100 - far).difference(shapely.box(*[far + 0.001] * 2, *[99.999 - far] * 2))
        for far in np.arange(3_000) / 100
    ]
    with pytest.raises(Intricate, match=r"it takes more than 0\.5 s"):
        lay([Job(shapes(*rings), 0)], TERRITORIES)


def test_what_crosses_itself_is_not_laid(monkeypatch):
    bow_tie = shapely.MultiPolygon([shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])])
    monkeypatch.setattr(box_laying, "cut", lambda *_: bow_tie)
    with pytest.raises(Intricate, match="crosses itself"):
        lay([Job(shapes(shapely.box(1, 1, 2, 2)), 0)], TERRITORIES)
