"""Spending a budget on a surface: which share of every cell is flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.budgets import Budget, Coverage, Flags, TopCells
from predpol_eval.errors import InputError
from predpol_eval.grid import Grid

FloatArray = npt.NDArray[np.float64]


class Scene(NamedTuple):
    """The cells of the study area in one fixed order: what every window of a tally shares.

    `position` has the place of each of the grid's cells in this order, or -1; `total` the inside-area of each label.
    """

    cells: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    inside: FloatArray
    labels: int
    total: FloatArray


def make_scene(grid: Grid) -> Scene:
    """List the cells of the study area."""
    cells = np.flatnonzero(grid.mask.ravel())
    position = np.full(grid.mask.size, -1, dtype=np.int64)
    position[cells] = np.arange(len(cells))
    label = grid.label_code.ravel()[cells].astype(np.int64)
    inside = np.ascontiguousarray(grid.inside_m2.ravel()[cells])
    total = np.asarray(np.bincount(label, inside, minlength=len(grid.labels)), dtype=np.float64)
    return Scene(cells, position, label, inside, len(grid.labels), total)


@dataclass(frozen=True, slots=True, eq=False)
class Flagging:
    """Which share of every cell one budget flags in one window, and where ties were shared.

    Attributes
    ----------
    dealt : array of int
        Cells by scope, riskiest first, at least as far down as any is flagged.
    own : array of float
        Share of each of these that is flagged; of all other cells nothing is.
    group, room
        Where the tied cells that share what was left stand in `dealt`, and what they share, for each scope.
    cells : int
        How many cells there are.
    amount : array of float, shape (scopes,)
    mode : int
        In which coin `amount` and `room` are.
    """

    dealt: npt.NDArray[np.int64]
    own: FloatArray
    group: npt.NDArray[np.int64]
    room: FloatArray
    cells: int
    amount: FloatArray
    mode: int

    @property
    def share(self) -> FloatArray:
        """Share of every cell that is flagged, shape (cells,)."""
        whole = np.zeros(self.cells)
        whole[self.dealt] = self.own
        return whole


class _Spending(NamedTuple):
    """What of a budget is the same every night."""

    budget: Budget
    amount: FloatArray
    mode: int
    ranking: int


class _Ranking(NamedTuple):
    """Budgets that rank cells alike share a ranking, as far down as the largest of them reaches."""

    by_area: bool
    members: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    total: FloatArray
    cells: FloatArray
    ground: FloatArray


class Spender:
    """Budgets made ready for one city, to be spent on one surface after another.

    Parameters
    ----------
    budgets : sequence of budgets
    scene : Scene

    Examples
    --------
    >>> from predpol_eval import Grid, TopCells
    >>> scene = make_scene(Grid.from_bounds(0, 0, 750, 250, cell=250, crs="EPSG:27700"))
    >>> Spender([TopCells(1)], scene).flag(np.array([0.2, 0.5, 0.1]), "score")[0].share.tolist()
    [0.0, 1.0, 0.0]
    """

    def __init__(self, budgets: Sequence[Budget], scene: Scene) -> None:
        self.scene = scene
        self.rankings: list[_Ranking] = []
        self.spendings: list[_Spending] = []
        places: dict[tuple[bool, bool], int] = {}
        for budget in budgets:
            amount, mode = amounts(budget, scene)
            # The key must say all that decides the ranking: what is ranked by, and whether each area has its own.
            alike = isinstance(budget, Coverage), budget.per == "area"
            if alike not in places:
                places[alike] = len(self.rankings)
                scope, scopes = scope_of(budget, scene)
                members = np.argsort(scope, kind="stable")
                self.rankings.append(
                    _Ranking(
                        alike[0],
                        members,
                        np.searchsorted(scope[members], np.arange(scopes + 1)),
                        np.asarray(np.bincount(scope, scene.inside, minlength=scopes), dtype=np.float64),
                        np.zeros(scopes),
                        np.zeros(scopes),
                    )
                )
            shared = self.rankings[places[alike]]
            most = shared.cells if isinstance(budget, TopCells) else shared.ground
            np.maximum(most, amount, out=most)
            self.spendings.append(_Spending(budget, amount, mode, places[alike]))

    def flag(self, values: FloatArray, kind: str) -> list[Flagging]:
        """Spend each budget on one surface; see `flag`."""
        from predpol_eval.kernels import ranking, spending

        # Of any type: flags may be true and false, and a rounded number must tie as it would in full.
        values = np.asarray(values, dtype=np.float64)
        inside = self.scene.inside
        dealt_by: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]] = {}
        result = []
        for budget, amount, mode, number in self.spendings:
            if kind == "flags" or isinstance(budget, Flags):
                result.append(_flag_above_zero(values, kind, budget, amount, mode, self.scene))
                continue
            if number not in dealt_by:
                shared = self.rankings[number]
                key = values / inside if shared.by_area and kind == "expected_count" else values
                dealt_by[number] = ranking.top(
                    key, shared.members, shared.first, inside, shared.total, shared.cells, shared.ground
                )
            dealt, start, tied = dealt_by[number]
            # Only the cells that were dealt: most are not.
            own, group, room = spending.spend(dealt, start, tied, inside, amount, mode)
            result.append(Flagging(dealt, own, group, room, len(inside), amount, mode))
        return result


def _flag_above_zero(
    values: FloatArray,
    kind: str,
    budget: Budget,
    amount: FloatArray,
    mode: int,
    scene: Scene,
) -> Flagging:
    """Zeros of a flagging mean "not here": they are never used to fill a budget up."""
    from predpol_eval.kernels import ranking, spending

    scope = np.where(values > 0, scope_of(budget, scene)[0], -1)
    _refuse_excess(budget, scope, scene, amount, mode)
    key = values / scene.inside if isinstance(budget, Coverage) and kind == "expected_count" else values
    dealt, start, tied = ranking.by_scope(np.argsort(-key, kind="stable"), key, scope, len(amount))
    own, group, room = spending.spend(dealt, start, tied, scene.inside, amount, mode)
    if isinstance(budget, Flags):
        # They are flagged one and all.
        own, group = np.ones(len(dealt)), np.zeros_like(group)
    return Flagging(dealt, own, group, room, len(scope), amount, mode)


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
    return Spender(budgets, scene).flag(values, kind)


def scope_of(budget: Budget, scene: Scene) -> tuple[npt.NDArray[np.int64], int]:
    """Scope of every cell, and the number of scopes."""
    return (scene.label, scene.labels) if budget.per == "area" else (np.zeros_like(scene.label), 1)


def amounts(budget: Budget, scene: Scene) -> tuple[FloatArray, int]:
    """What each scope may spend, and in which coin (cells or m2)."""
    from predpol_eval.kernels import spending

    scope, scopes = scope_of(budget, scene)
    if isinstance(budget, TopCells):
        return np.full(scopes, float(budget.k)), spending.TOP
    if isinstance(budget, Flags):
        return np.full(scopes, float(budget.max_m2)), spending.EXACT
    total = np.asarray(np.bincount(scope, scene.inside, minlength=scopes), dtype=np.float64)
    mode = {"exact": spending.EXACT, "floor": spending.FLOOR, "ceil": spending.CEIL}[budget.rounding]
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
    from predpol_eval.kernels import spending

    flagged = scope >= 0
    size = np.ones_like(scene.inside) if mode == spending.TOP else scene.inside
    used = np.bincount(scope[flagged], size[flagged], minlength=len(amount))
    over = np.flatnonzero(used > amount * (1 + 1e-9))
    if len(over):
        unit = "cells" if mode == spending.TOP else "m2"
        raise InputError(
            f"{used[over[0]]:,.0f} {unit} are flagged but '{budget}' allows {amount[over[0]]:,.0f}: flagging more "
            "than the budget is refused. Flag fewer boxes, or tally under a budget that allows them."
        )
