"""A file that lists boxes: those that the budget may reach, as CSV or Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.trial.submissions.cell_names import cell_name
from predpol_eval.trial.submissions.context import as_cell
from predpol_eval.trial.submissions.template import COLUMNS

if TYPE_CHECKING:
    from predpol_eval.flagging import Scene
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan import TrialPlan

FileForm = Literal["csv", "parquet"]
Row = tuple[str, str, str, str, float]
# Values that agree to 12 digits are tied, and some more are listed to be sure of all of them.
_TIED = 1e-9


class Listed(NamedTuple):
    """Rows of a file: night, area, kind, cell and risk; and where a cell of theirs is, for those who give places."""

    rows: tuple[Row, ...]

    def csv(self) -> bytes:
        """Write them as CSV, as the template is written."""
        return as_csv(COLUMNS, [(*map(as_cell, row[:4]), repr(row[4])) for row in self.rows])

    def parquet(self) -> bytes:
        """Write them as Parquet."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = zip(*self.rows, strict=True)
        kinds = (*[pa.string()] * 4, pa.float64())
        table = pa.table(
            {name: pa.array(column, kind) for name, column, kind in zip(COLUMNS, columns, kinds, strict=True)}
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        return bytes(sink.getvalue().to_pybytes())

    def written(self, form: FileForm) -> bytes:
        """Write them in a form."""
        return self.csv() if form == "csv" else self.parquet()


def as_csv(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> bytes:
    """Write rows of texts."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8")


def listed(
    risks: Mapping[str, npt.NDArray[np.float64]], plan: TrialPlan, grid: Grid, scene: Scene, night: str
) -> Listed:
    """List the boxes that the budget may reach: in every area the first ones, and all that are tied with the last.

    Parameters
    ----------
    risks : mapping of str to array, shape (cells,)
        Risk of every cell of the study area, by kind.
    plan : TrialPlan
    grid : Grid
    scene : Scene
    night : str

    Returns
    -------
    Listed
        What is left out could not be flagged, so that it counts as the whole map would.
    """
    rows: list[Row] = []
    for area in plan.areas:
        own = np.flatnonzero(scene.label == grid.labels.index(area))
        for kind in plan.kinds:
            values = risks[kind][own]
            falling = np.argsort(-values, kind="stable")
            edge = values[falling[min(plan.k, len(own)) - 1]]
            chosen = falling[values[falling] >= edge - _TIED * abs(edge)]
            rows += [
                (night, area, kind, cell_name(grid, int(scene.cells[own[place]])), float(values[place]))
                for place in chosen
            ]
    return Listed(tuple(rows))
