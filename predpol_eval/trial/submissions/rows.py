"""The rows of a file as they stand in it, before anybody asks whether they make sense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
ObjectArray = npt.NDArray[np.object_]
Source = Literal["csv", "parquet", "geojson"]

# In the order in which a file is best written.
TEXTS = ("night", "area", "kind", "cell")
NUMBERS = ("x", "y", "rank", "risk")
# How many problems are kept with their rows; the rest are counted.
PROBLEMS_KEPT = 1000
_SHOWN = 60


class Unreadable(InputError):  # noqa: N818
    """A file that holds no table, or none that may be read; the message says why and what to send instead."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A value that could not be read.

    Attributes
    ----------
    row : int
        Its row, numbered as in `Rows.row`.
    column : str
        Its column; ``""`` if it is the whole row.
    found : str
        What stands there, shortened and safe to show.
    expected : str
        What should stand there.
    """

    row: int
    column: str
    found: str
    expected: str

    def __str__(self) -> str:
        where = f"row {self.row}, {self.column}" if self.column else f"row {self.row}"
        return f"{where}: found {self.found}; expected {self.expected}."


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Rows:
    """The rows of a file, column by column; a column that the file does not have is None.

    Attributes
    ----------
    source : {"csv", "parquet", "geojson"}
        Told by the content of the file.
    row : array of int
        Number of each row as a person finds it: its line in a CSV file, where the first line is 1; its row or feature,
        counted from 1, in the others.
    night, area, kind, cell : array of str or None
        As written, without surrounding blanks; ``""`` where nothing stands or what stands there is a problem.
    x, y, rank, risk : array of float or None
        NaN where nothing stands or what stands there is a problem. All other values are finite.
    box : array of shapely geometry or None
        Polygons of a GeoJSON file, in metres; None where one is a problem.
    problems : tuple of Problem
        What could not be read, by row, at most `PROBLEMS_KEPT`. A row that cannot be cut into fields is a problem and
        is not among the rows.
    problems_left_out : int
        How many more there are.
    """

    source: Source
    row: IntArray
    night: ObjectArray | None = None
    area: ObjectArray | None = None
    kind: ObjectArray | None = None
    cell: ObjectArray | None = None
    x: FloatArray | None = None
    y: FloatArray | None = None
    rank: FloatArray | None = None
    risk: FloatArray | None = None
    box: ObjectArray | None = None
    problems: tuple[Problem, ...] = ()
    problems_left_out: int = 0

    def __post_init__(self) -> None:
        for name in ("row", *self.columns):
            values = getattr(self, name)
            if len(values) != len(self.row):
                raise InputError(f"The column {name} has {len(values)} values for {len(self.row)} rows.")
            values.flags.writeable = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that the file has."""
        return tuple(name for name in (*TEXTS, *NUMBERS, "box") if getattr(self, name) is not None)

    def __len__(self) -> int:
        return len(self.row)

    def __repr__(self) -> str:
        return as_text("Rows", self._lines())

    def _repr_html_(self) -> str:
        return as_html("Rows", self._lines())

    def _lines(self) -> dict[str, str]:
        return {
            "source": self.source,
            "rows": str(len(self)),
            "columns": ", ".join(self.columns) or "none",
            "problems": str(len(self.problems) + self.problems_left_out),
        }


@dataclass(slots=True)
class ProblemList:
    """Problems while a file is read: the first are kept, all are counted."""

    kept: list[Problem] = field(default_factory=list)
    left_out: int = 0

    def add(self, row: int, column: str, found: str, expected: str) -> None:
        """Note a problem; `found` is already safe to show (see `shown`)."""
        if not self.full:
            self.kept.append(Problem(int(row), column, found, expected))
        else:
            self.left_out += 1

    @property
    def full(self) -> bool:
        """Whether more are only counted, so that nobody need write out what was found."""
        return len(self.kept) >= PROBLEMS_KEPT

    def finished(self) -> dict[str, Any]:
        """The fields of `Rows` that tell of problems."""
        return {"problems": tuple(sorted(self.kept)), "problems_left_out": self.left_out}


def shown(text: str) -> str:
    r"""Show a text out of somebody's file in a message: quoted, shortened, with nothing in it that a screen obeys.

    Examples
    --------
    >>> shown("burglary")
    "'burglary'"
    >>> shown("\x1b[2J")
    "'\\x1b[2J'"
    """
    return repr(text) if len(text) <= _SHOWN else repr(text[:_SHOWN]) + " ..."
