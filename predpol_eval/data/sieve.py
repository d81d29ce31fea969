"""Keep the rows that can be used, count the others by reason, and refuse what is plainly wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.data.report import Dropped, number_list
from predpol_eval.data.table import Table
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Malformed = Literal["raise", "drop"]
_NAMED = 5


class Sieve:
    """Which rows of a table are still kept.

    A row is *dropped* for something that publishers do on purpose (a blank place), and *refused* for
    something that nobody meant (a thirteenth month). Refused rows stop the reading, all of them named at
    once, unless the caller asked to have them dropped.
    """

    def __init__(self, table: Table, malformed: Malformed) -> None:
        if malformed not in ("raise", "drop"):
            raise InputError(f"malformed={malformed!r}; choose 'raise' or 'drop'.")
        self.table = table
        self.malformed = malformed
        self.keep: npt.NDArray[np.bool_] = np.ones(len(table.frame), dtype=bool)
        self.dropped: list[Dropped] = []
        self.problems: list[str] = []
        if len(table.ragged):
            self._refuse_ragged()

    def drop(self, rows: npt.NDArray[np.bool_], reason: str) -> None:
        """Leave rows out, under this reason unless they are out already."""
        out = np.flatnonzero(rows & self.keep)
        if len(out):
            self._count(self.table.numbers[out], reason)
            self.keep[out] = False

    def refuse(
        self, rows: npt.NDArray[np.bool_], what: str, remedy: str, written: Sequence[pd.Series[Any]] = ()
    ) -> None:
        """Note rows that are wrong, quoting the first (or drop them, if the caller asked for that)."""
        if self.malformed == "drop":
            self.drop(rows, what)
            return
        out = np.flatnonzero(rows & self.keep)
        if len(out):
            found = ", ".join(repr(str(column.iloc[out[0]])) for column in written)
            quoted = f" (found {found})" if found else ""
            self.problems.append(f"{self._name(self.table.numbers[out])}: {what}{quoted}; {remedy}")

    def forbid(self, rows: npt.NDArray[np.bool_], what: str, remedy: str) -> None:
        """Note rows that a policy chosen by the caller forbids; they are never dropped instead."""
        out = np.flatnonzero(rows & self.keep)
        if len(out):
            self.problems.append(f"{self._name(self.table.numbers[out])}: {what}; {remedy}")

    def stop(self) -> None:
        """Raise `InputError` if rows were refused, or none is left."""
        if self.problems:
            counted = "lines are counted from 1" if self.table.where == "line" else "rows are counted from 0"
            listed = "\n".join(f"  - {problem}" for problem in self.problems)
            way_out = (
                "\nCorrect them, or read with malformed='drop' to leave such rows out, counted in the report."
                if self.malformed == "raise"
                else ""
            )
            raise InputError(f"{self.table.source} cannot be used as it is ({counted}):\n{listed}{way_out}")
        if not self.keep.any():
            why = "; ".join(f"{entry.rows:,} because {entry.reason}" for entry in self.dropped)
            raise InputError(
                f"No row of {self.table.source} is left: of {self.table.rows_read:,} read, dropped were "
                f"{why}. "
                "Check the column names, or the filter, against the file."
            )

    def _refuse_ragged(self) -> None:
        what = f"wrong number of fields (the first has {self.table.ragged_example})"
        if self.malformed == "drop":
            self._count(self.table.ragged, "wrong number of fields")
        else:
            named = self._name(self.table.ragged)
            self.problems.append(f"{named}: {what}; a text that holds the separator must stand in double quotes")

    def _count(self, numbers: npt.NDArray[np.int64], reason: str) -> None:
        first = tuple(int(number) for number in numbers[:_NAMED])
        self.dropped.append(Dropped(reason, len(numbers), first))

    def _name(self, numbers: npt.NDArray[np.int64]) -> str:
        return number_list([int(number) for number in numbers[:_NAMED]], len(numbers), self.table.where)
