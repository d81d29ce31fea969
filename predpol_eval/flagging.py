"""Spending a budget on a surface: which share of every cell is flagged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, Coverage, Flags, TopCells
from predpol_eval.errors import InputError
from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


class Scene(NamedTuple):
    """The cells of the study area in one fixed order: what every window of a tally shares."""

    cells: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    inside: FloatArray
    labels: int


def make_scene(grid: Grid) -> Scene:
    """List the cells of the study area."""
    cells = np.flatnonzero(grid.mask.ravel())
    position = np.full(grid.mask.size, -1, dtype=np.int64)
    position[cells] = np.arange(len(cells))
    label = grid.label_code.ravel()[cells].astype(np.int64)
    return Scene(cells, position, label, np.ascontiguousarray(grid.inside_m2.ravel()[cells]), len(grid.labels))


class Flagging(NamedTuple):
    """Which share of every cell one budget flags in one window, and where ties were shared."""

    share: FloatArray
    dealt: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    room: FloatArray
    scope: npt.NDArray[np.int64]
    amount: FloatArray
    mode: int


def flag(values: FloatArray, kind: str, budgets: Sequence[Budget], scene: Scene) -> list[Flagging]:
    """Spend each budget on one surface.

    Parameters
    ----------
    values : array, shape (cells,)
        The surface's numbers, in the order of `scene`.
    kind : str
        Kind of the surface.
    budgets : sequence of budgets
    scene : Scene

    Raises
    ------
    InputError
        If more is flagged than a budget allows.
    """
    from predpol_eval.kernels import ranking

    # Of any type: flags may be true and false, and a rounded number must tie as it would in full.
    values = np.asarray(values, dtype=np.float64)
    orders: dict[bool, tuple[FloatArray, npt.NDArray[np.int64]]] = {}
    dealt_cells: dict[tuple[bool, bool], Any] = {}
    result = []
    for budget in budgets:
        by_area = isinstance(budget, Coverage) and kind == "expected_count"
        if by_area not in orders:
            key = values / scene.inside if by_area else values
            orders[by_area] = key, np.argsort(-key, kind="stable")
        scope, scopes = scope_of(budget, scene)
        if kind == "flags" or isinstance(budget, Flags):
            # Zeros of a flagging mean "not here": they are never used to fill a budget up.
            scope = np.where(values > 0, scope, -1)
        # The key must say all that decides the dealing: what is ranked by, and whether each area has a budget of its
        # own.
        dealing = by_area, budget.per is not None
        if isinstance(budget, Flags) or kind == "flags" or dealing not in dealt_cells:
            dealt_cells[dealing] = ranking.by_scope(orders[by_area][1], orders[by_area][0], scope, scopes)
        dealt, start, tied = dealt_cells[dealing]
        amount, mode = amounts(budget, scene)
        if kind == "flags" or isinstance(budget, Flags):
            _refuse_excess(budget, scope, scene, amount, mode)
        share, group, room = ranking.fill(dealt, start, tied, scene.inside, amount, mode)
        if isinstance(budget, Flags):
            share, group = (values > 0).astype(np.float64), np.zeros_like(group)
        result.append(Flagging(share, dealt, group, room, scope, amount, mode))
    return result


def scope_of(budget: Budget, scene: Scene) -> tuple[npt.NDArray[np.int64], int]:
    """Scope of every cell, and the number of scopes."""
    return (scene.label, scene.labels) if budget.per == "area" else (np.zeros_like(scene.label), 1)


def amounts(budget: Budget, scene: Scene) -> tuple[FloatArray, int]:
    """What each scope may spend, and in which coin (cells or m2)."""
    from predpol_eval.kernels import ranking

    scope, scopes = scope_of(budget, scene)
    if isinstance(budget, TopCells):
        return np.full(scopes, float(budget.k)), ranking.TOP
    if isinstance(budget, Flags):
        return np.full(scopes, float(budget.max_m2)), ranking.EXACT
    total = np.asarray(np.bincount(scope, scene.inside, minlength=scopes), dtype=np.float64)
    mode = {"exact": ranking.EXACT, "floor": ranking.FLOOR, "ceil": ranking.CEIL}[budget.rounding]
    return budget.fraction * total, mode


def budget_m2(budget: Budget, scene: Scene) -> FloatArray:
    """Area that a budget allows, shared among the labels in proportion to their ground; shape (labels,)."""
    area = np.asarray(np.bincount(scene.label, scene.inside, minlength=scene.labels), dtype=np.float64)
    cells = np.bincount(scene.label, minlength=scene.labels)
    if isinstance(budget, Coverage):
        return budget.fraction * area
    if isinstance(budget, Flags):
        return area * (budget.max_m2 / float(area.sum()))
    if budget.per == "area":
        return np.asarray(np.minimum(budget.k, cells) * area / np.maximum(cells, 1))
    return area * (min(budget.k, int(cells.sum())) / int(cells.sum()))


def _refuse_excess(budget: Budget, scope: npt.NDArray[np.int64], scene: Scene, amount: FloatArray, mode: int) -> None:
    from predpol_eval.kernels import ranking

    flagged = scope >= 0
    size = np.ones_like(scene.inside) if mode == ranking.TOP else scene.inside
    used = np.bincount(scope[flagged], size[flagged], minlength=len(amount))
    over = np.flatnonzero(used > amount * (1 + 1e-9))
    if len(over):
        unit = "cells" if mode == ranking.TOP else "m2"
        raise InputError(
            f"{used[over[0]]:,.0f} {unit} are flagged but '{budget}' allows {amount[over[0]]:,.0f}: flagging more "
            "than the budget is refused. Flag fewer boxes, or tally under a budget that allows them."
        )
