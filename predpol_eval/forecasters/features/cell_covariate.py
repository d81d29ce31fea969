"""A number per cell that does not change: population, land use, distance to a station."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from predpol_eval.civil_time import moment
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.features.asked import Answer, Asked, FloatArray
from predpol_eval.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class CellCovariate:
    """A number for every cell of the study area, the same on every day.

    Parameters
    ----------
    values : array of shape (ny, nx), xarray.DataArray with dimensions (y, x), or mapping
        Numbers by cell, row 0 in the south; or by the label of the area that a cell belongs to. They are copied.
    name : str
        What the numbers are.
    fill : float or "mean", optional
        What to put where a number is missing inside the study area: a number, or the mean of those that are there.
        None refuses missing numbers.
    known : str, optional
        Civil date or time at which the numbers were known, such as the day on which a census was published. Forecasts
        made before, and training windows before, do not use them. None: they were known all along (ground, streets).

    Raises
    ------
    InputError
        If the numbers cannot be read, or there is none.

    Examples
    --------
    >>> CellCovariate({"West": 12_000, "East": 7_500}, "residents", known="2017-02-08").names
    ('residents',)
    """

    values: Any = field(repr=False)
    name: str
    fill: float | str | None = None
    known: str | None = None
    _x: FloatArray | None = field(init=False, repr=False, default=None)
    _y: FloatArray | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"The name of a covariate is {self.name!r}; give a text such as 'residents'.")
        if self.fill is not None and self.fill != "mean":
            object.__setattr__(self, "fill", _number(self.fill, f"fill of {self.name!r}", "a number or 'mean'"))
        if self.known is not None:
            moment(self.known, "UTC", f"known of {self.name!r}")
            object.__setattr__(self, "known", str(self.known))
        if isinstance(self.values, Mapping | tuple):
            given = dict(self.values)  # a tuple of pairs where `dataclasses.replace` hands on what was read before
            if not given:
                raise InputError(f"{self.name!r} has no values; give a number for every area, or an array (ny, nx).")
            pairs = {str(label): _number(value, f"{self.name!r} of {label!r}") for label, value in given.items()}
            object.__setattr__(self, "values", tuple(sorted(pairs.items())))
            return
        dims = getattr(self.values, "dims", None)
        if dims is not None:
            if set(dims) != {"y", "x"}:
                raise InputError(f"{self.name!r} has dimensions {dims}; expected ('y', 'x').")
            for axis in ("x", "y"):
                if axis in self.values.coords:
                    object.__setattr__(self, f"_{axis}", _sealed(self.values[axis]))
        table = self.values if dims is None else self.values.transpose("y", "x")
        try:
            numbers = _sealed(table)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.name!r} is not made of numbers ({error}); give an array (ny, nx).") from error
        if numbers.ndim != 2:
            raise InputError(
                f"{self.name!r} has shape {numbers.shape}; give an array (ny, nx), or a mapping from area to number."
            )
        object.__setattr__(self, "values", numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the number."""
        return (self.name,)

    @property
    def daily(self) -> bool:
        """It is the same on every day."""
        return False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the numbers and all that decides how they are used."""
        return fingerprint_of(self.name, self.fill, self.known, self.values, self._x, self._y)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CellCovariate) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def answers(self, asked: Asked) -> Iterator[Answer]:
        """The same numbers on every day, once they are known."""
        numbers = self.on(asked.grid).ravel()
        since = None if self.known is None else moment(self.known, asked.windows.tz, f"known of {self.name!r}")
        for until, cells in zip(asked.windows.until, asked.cells, strict=True):
            if since is not None and not since < until:
                yield InputError(
                    f"{self.name!r} was not known at {until} UTC, but from {self.known}; forecast later, or leave it "
                    "out."
                )
            else:
                yield numbers[None, cells]

    def on(self, grid: Grid) -> FloatArray:
        """Numbers of the cells of a grid, shape (ny, nx).

        Raises
        ------
        InputError
            If some areas have none, or numbers are missing inside the study area.
        NotComparableError
            If they are of the cells or areas of another grid.
        """
        numbers = self._by_label(grid) if isinstance(self.values, tuple) else self._by_cell(grid)
        missing = grid.mask & ~np.isfinite(numbers)
        if missing.any():
            if self.fill is None:
                row, column = (int(place[0]) for place in np.nonzero(missing))
                raise InputError(
                    f"{self.name!r} is missing or infinite in {int(missing.sum()):,} of {int(grid.mask.sum()):,} cells "
                    f"of the study area, the first in row {row}, column {column}; complete it, or say what to put "
                    "there: CellCovariate(..., fill=0.0) or fill='mean'."
                )
            there = grid.mask & ~missing
            if self.fill == "mean" and not there.any():
                raise InputError(f"{self.name!r} is missing in every cell of the study area, so it has no mean.")
            numbers[missing] = float(numbers[there].mean()) if self.fill == "mean" else float(self.fill)
        return numbers

    def _by_label(self, grid: Grid) -> FloatArray:
        given = dict(self.values)
        absent = [label for label in grid.labels if label not in given]
        if len(absent) == len(grid.labels):
            raise NotComparableError(
                f"{self.name!r} has numbers for other areas ({', '.join(map(repr, list(given)[:5]))}) than the grid "
                f"({', '.join(map(repr, grid.labels[:5]))}); give a number for each area of the grid by its label."
            )
        if absent and self.fill is None:
            raise InputError(
                f"{self.name!r} has no number for {len(absent)} of {len(grid.labels)} areas: "
                f"{', '.join(map(repr, absent[:5]))}{' ...' if len(absent) > 5 else ''}; complete it, or say what to "
                "put there: CellCovariate(..., fill=0.0) or fill='mean'."
            )
        by_area = np.array([given.get(label, np.nan) for label in grid.labels])
        return np.where(grid.mask, by_area[grid.label_code], np.nan)

    def _by_cell(self, grid: Grid) -> FloatArray:
        if self.values.shape != grid.shape:
            raise NotComparableError(
                f"{self.name!r} has shape {self.values.shape}, the grid {grid.shape}; give one number per cell of "
                "this grid, row 0 in the south."
            )
        for axis, given, centres in (("x", self._x, grid.x), ("y", self._y, grid.y)):
            if given is not None and not np.allclose(given, centres, rtol=0, atol=1e-3):
                raise NotComparableError(
                    f"{self.name!r} is on other cells than the grid: its {axis} runs from {given[0]:g} to "
                    f"{given[-1]:g}, the centres of the grid from {centres[0]:g} to {centres[-1]:g}; lay it on this "
                    "grid first."
                )
        return np.array(self.values)


def _number(value: Any, what: str, wanted: str = "a number") -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InputError(f"{what} is {value!r}; give {wanted}.")
    return float(value)


def _sealed(values: Any) -> FloatArray:
    result = np.array(values, dtype=np.float64)
    result.setflags(write=False)
    return result
