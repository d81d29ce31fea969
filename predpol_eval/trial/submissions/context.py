"""What all checks of one file look at: its rows, and what the plan and the grid make of each of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions.cell_names import cell_named
from predpol_eval.trial.submissions.ground import Ground

if TYPE_CHECKING:
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.submissions.predictions import Predictions
    from predpol_eval.trial.submissions.rows import Rows

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BLANK, UNKNOWN, OUTSIDE = -1, -2, -3
NAMED_ROWS = 10
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that a check found: in words, the first rows that have it, and how many have it in all."""

    text: str
    rows: tuple[int, ...] = ()
    count: int = 0


class Skip(NamedTuple):
    """A check that does not apply to this file, and why."""

    reason: str


class Column(NamedTuple):
    """A column of texts: of every row the number of its text, -1 where it is blank, and the texts."""

    code: IntArray
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class Case:
    """One submission to be checked.

    Parameters
    ----------
    size : int
        Bytes of the file.
    load : function
        Reads the file: gives its rows, or raises InputError where there is no table.
    plan : TrialPlan
    grid : Grid
        Of the plan.
    nights : tuple of str
        Nights that the file is submitted for.
    earlier : mapping of str to str
        Of nights submitted before, the fingerprint of what was predicted (`Predictions.fingerprint`).
    """

    size: int
    load: Callable[[], Rows]
    plan: TrialPlan
    grid: Grid
    nights: tuple[str, ...]
    earlier: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def loaded(self) -> Rows | InputError:
        """The table of the file, or why there is none: read once, also if it fails."""
        try:
            return self.load()
        except InputError as error:
            return error

    @property
    def rows(self) -> Rows:
        """The table of the file.

        Raises
        ------
        InputError
            If there is none.
        """
        if isinstance(self.loaded, InputError):
            raise self.loaded
        return self.loaded

    @property
    def source(self) -> str:
        """What the file is (csv, parquet, geojson); blank as long as it was not read."""
        return str(getattr(self.__dict__.get("loaded"), "source", ""))

    @property
    def form(self) -> str:
        """Whether the file lists ``cells`` or draws ``boxes``; blank as long as it was not read."""
        if not self.source:
            return ""
        return "boxes" if self.of_boxes else "cells"

    @cached_property
    def ground(self) -> Ground:
        """Cells and borders of the plan's areas."""
        return Ground(self.grid, tuple(self.plan.areas))

    @cached_property
    def predictions(self) -> Predictions:
        """What the file predicts; only of a file in which nothing is wrong."""
        from predpol_eval.trial.submissions.laying_out import lay_out

        return lay_out(self)

    @cached_property
    def box_parts(self) -> dict[tuple[str, str, str], Any]:
        """What of the polygons counts, by night, kind and area (see `laying_out.box_parts`)."""
        from predpol_eval.trial.submissions.laying_out import box_parts

        return box_parts(self)

    @cached_property
    def box_reaches(self) -> Mask:
        """Whether the polygon of every row has ground in each area (see `laying_out.box_reaches`)."""
        from predpol_eval.trial.submissions.laying_out import box_reaches

        return box_reaches(self)

    @property
    def many(self) -> int:
        """Number of rows."""
        return len(self.rows.row)

    @cached_property
    def has_box(self) -> Mask:
        """Which rows have a polygon."""
        if self.rows.box is None:
            return np.zeros(self.many, dtype=np.bool_)
        return np.array([shape is not None for shape in self.rows.box], dtype=np.bool_)

    @property
    def of_boxes(self) -> bool:
        """Whether the file draws polygons (True) or lists cells."""
        return self.rows.box is not None

    # Texts ----------------------------------------------------------------------------------------------------

    def texts(self, name: str) -> Column | None:
        """Column of texts without blanks round them; None if the file has no such column, or it is blank all down."""
        import pandas as pd

        values = getattr(self.rows, name)
        if values is None:
            return None
        code, found = pd.factorize(np.asarray(values, dtype=object))
        stripped = [str(text).strip() for text in found]
        place = {text: number for number, text in enumerate(sorted({text for text in stripped if text}))}
        code = np.array([*(place.get(text, BLANK) for text in stripped), BLANK], dtype=np.int64)[code]
        return Column(code, tuple(place)) if place else None

    def _known(self, column: Column | None, labels: tuple[str, ...], alone: bool) -> IntArray:
        """Of every row the position of its label; `BLANK` or `UNKNOWN`. A column left out means the only label."""
        if column is None:
            return np.full(self.many, 0 if alone and len(labels) == 1 else BLANK, dtype=np.int64)
        place = {label: number for number, label in enumerate(labels)}
        # As our own tables have them, in which no text can be taken for a formula.
        place.update({as_cell(label): number for label, number in place.items() if as_cell(label) != label})
        found = np.array([*(place.get(text, UNKNOWN) for text in column.texts), BLANK], dtype=np.int64)
        return found[column.code]

    @cached_property
    def night_column(self) -> Column | None:
        """The column night."""
        return self.texts("night")

    @cached_property
    def kind_column(self) -> Column | None:
        """The column kind."""
        return self.texts("kind")

    @cached_property
    def area_column(self) -> Column | None:
        """The column area."""
        return self.texts("area")

    @cached_property
    def cell_column(self) -> Column | None:
        """The column cell."""
        return self.texts("cell")

    @cached_property
    def night(self) -> IntArray:
        """Position of every row's night in `nights`."""
        return self._known(self.night_column, self.nights, alone=True)

    @cached_property
    def kind(self) -> IntArray:
        """Position of every row's kind in the plan's."""
        return self._known(self.kind_column, tuple(self.plan.kinds), alone=True)

    @cached_property
    def area_named(self) -> IntArray:
        """Position of every row's area in the plan's, where the file names it."""
        return self._known(self.area_column, tuple(self.plan.areas), alone=False)

    # Places ---------------------------------------------------------------------------------------------------

    @cached_property
    def cell_said(self) -> IntArray:
        """Cell that every row names; `BLANK`, `UNKNOWN` (no name of a cell) or `OUTSIDE` the areas."""
        column = self.cell_column
        if column is None:
            return np.full(self.many, BLANK, dtype=np.int64)
        found = np.array([*(cell_named(self.grid, text) for text in column.texts), BLANK], dtype=np.int64)
        outside = (found >= 0) & (self.ground.code[np.maximum(found, 0)] < 0)
        return np.where(outside, OUTSIDE, found)[column.code]

    @cached_property
    def has_place(self) -> Mask:
        """Which rows have both x and y."""
        if self.rows.x is None or self.rows.y is None:
            return np.zeros(self.many, dtype=np.bool_)
        return np.isfinite(self.rows.x) & np.isfinite(self.rows.y)

    @cached_property
    def cell_at(self) -> IntArray:
        """Cell in which every row's x, y lies; `BLANK` or `OUTSIDE`."""
        found = np.full(self.many, BLANK, dtype=np.int64)
        if self.rows.x is None or self.rows.y is None:
            return found
        here = self.has_place
        cell = self.grid.cell_of(self.rows.x[here], self.rows.y[here])
        found[here] = np.where((cell >= 0) & (self.ground.code[np.maximum(cell, 0)] >= 0), cell, OUTSIDE)
        return found

    @cached_property
    def cell(self) -> IntArray:
        """Cell of every row, by its name or else by its place; below 0 where there is none."""
        return np.where(self.cell_said == BLANK, self.cell_at, self.cell_said)

    @cached_property
    def area(self) -> IntArray:
        """Area of every row's cell; -1 where the row has no cell."""
        return np.where(self.cell >= 0, self.ground.code[np.maximum(self.cell, 0)], -1)

    @cached_property
    def known(self) -> Mask:
        """Rows that say of which night, kind and cell they are."""
        return (self.night >= 0) & (self.kind >= 0) & (self.cell >= 0)

    @cached_property
    def scope(self) -> IntArray:
        """Number of the night, kind and area of every row, counted through; -1 where it is not known."""
        kinds, areas = len(self.plan.kinds), len(self.plan.areas)
        return np.where(self.known, (self.night * kinds + self.kind) * areas + self.area, -1)

    @property
    def scopes(self) -> int:
        """How many combinations of night, kind and area there are."""
        return len(self.nights) * len(self.plan.kinds) * len(self.plan.areas)

    def scope_name(self, scope: int) -> str:
        """Name a combination of night, kind and area."""
        rest, area = divmod(int(scope), len(self.plan.areas))
        night, kind = divmod(rest, len(self.plan.kinds))
        return f"{self.nights[night]}, {self.plan.kinds[kind]}, {self.plan.areas[area]}"

    # Numbers --------------------------------------------------------------------------------------------------

    @cached_property
    def risk(self) -> FloatArray | None:
        """The column risk, NaN where blank; None if it is not there or blank all down."""
        return self._number("risk")

    @cached_property
    def rank(self) -> FloatArray | None:
        """The column rank, NaN where blank; None if it is not there or blank all down."""
        return self._number("rank")

    def _number(self, name: str) -> FloatArray | None:
        # All polygons within the budget are flagged, so that nothing is ranked.
        values = None if self.of_boxes else getattr(self.rows, name)
        return None if values is None or np.isnan(values).all() else np.asarray(values, dtype=np.float64)

    # Words ----------------------------------------------------------------------------------------------------

    def fault(self, text: str, where: Mask | IntArray | list[int]) -> Fault:
        """Make a fault of the rows where something is wrong, in the order of the file."""
        chosen = np.flatnonzero(where) if getattr(where, "dtype", None) == np.bool_ else np.asarray(where, dtype=int)
        numbers = np.sort(self.rows.row[chosen])
        return Fault(text, tuple(int(number) for number in numbers[:NAMED_ROWS]), len(numbers))


def as_cell(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula; files may name labels in this way, too.

    Examples
    --------
    >>> as_cell("=1+1"), as_cell("burglary")
    ("'=1+1", 'burglary')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def close(word: str, words: Iterable[str]) -> str:
    """Say which known word may have been meant, with a blank before; nothing if none is close."""
    known = [word for word in words if word]
    folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word[:100].casefold(), list(folded), n=1, cutoff=0.6)
    return f" Did you mean {folded[found[0]]!r}?" if found else ""
