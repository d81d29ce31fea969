"""Budgets: how many boxes, or how much ground, can be patrolled in a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.grid import Grid

Per = Literal["area"]


@dataclass(frozen=True, slots=True)
class TopCells:
    """The `k` cells of highest risk, in the whole city or in each area.

    Parameters
    ----------
    k : int
        Number of cells.
    per : {None, "area"}
        Whether each area has a budget of its own.

    Examples
    --------
    >>> str(TopCells(10, per="area"))
    'top 10 per area'
    """

    k: int
    per: Per | None = None

    def __post_init__(self) -> None:
        _check_per(self.per)
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise InputError(f"TopCells({self.k!r}); give a whole number of cells, at least 1.")

    def __str__(self) -> str:
        return f"top {self.k}" + (" per area" if self.per else "")


@dataclass(frozen=True, slots=True)
class Coverage:
    """A share of the ground, taken from the cells of highest risk per m2.

    Parameters
    ----------
    fraction : float
        Share of the inside-area, above 0 and at most 1.
    per : {None, "area"}
        Whether each area has a budget of its own.
    rounding : {"exact", "floor", "ceil"}
        Count the last cell in part, or flag whole cells only: at most, or at least, the share. Of tied cells of
        unequal size, the mean size decides how many fit.

    Examples
    --------
    >>> str(Coverage(0.01))
    '1 % of the ground'
    """

    fraction: float
    per: Per | None = None
    rounding: Literal["exact", "floor", "ceil"] = "exact"

    def __post_init__(self) -> None:
        _check_per(self.per)
        if not _is_number(self.fraction) or not 0 < self.fraction <= 1:
            raise InputError(
                f"Coverage({self.fraction!r}); give a share above 0 and at most 1, for instance 0.01 for 1 %."
            )
        if self.rounding not in ("exact", "floor", "ceil"):
            raise InputError(f"rounding={self.rounding!r}; choose 'exact', 'floor' or 'ceil'.")

    def __str__(self) -> str:
        whole = "" if self.rounding == "exact" else f", whole cells ({self.rounding})"
        return f"{100 * self.fraction:.6g} % of {'each area' if self.per else 'the ground'}{whole}"


@dataclass(frozen=True, slots=True)
class Flags:
    """Exactly what was flagged (risk above 0), which must not exceed `max_m2`.

    Parameters
    ----------
    max_m2 : float
        The most ground that may be flagged per window: what a comparison charges.

    Examples
    --------
    >>> str(Flags(625000))
    'flags up to 0.625 km2'
    """

    max_m2: float

    def __post_init__(self) -> None:
        if not _is_number(self.max_m2) or not self.max_m2 > 0 or not np.isfinite(self.max_m2):
            raise InputError(f"Flags({self.max_m2!r}); give the most m2 that may be flagged, above 0.")

    def __str__(self) -> str:
        return f"flags up to {self.max_m2 / 1e6:g} km2"

    @property
    def per(self) -> None:
        """Flags are counted over the whole city."""
        return


Budget = TopCells | Coverage | Flags


def read_budgets(budgets: Any) -> tuple[Budget, ...]:
    """Check budgets given as one or several.

    Raises
    ------
    InputError
        If there is none, one is of another type, or two have the same label.
    """
    one = isinstance(budgets, TopCells | Coverage | Flags) or not isinstance(budgets, Iterable)
    given = (budgets,) if one else tuple(budgets)
    if not given:
        raise InputError("No budget was given; give at least one, for instance budgets=[ppe.TopCells(10, per='area')].")
    for budget in given:
        if not isinstance(budget, TopCells | Coverage | Flags):
            raise InputError(
                f"{budget!r} is not a budget; give ppe.TopCells(...), ppe.Coverage(...) or ppe.Flags(...)."
            )
    labels = [str(budget) for budget in given]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"These budgets are given more than once: {'; '.join(twice)}.")
    return given


def warn_small_areas(budgets: Sequence[Budget], grid: Grid) -> None:
    """Warn where a budget has more cells than an area, so that all of it is flagged."""
    import warnings

    for budget in budgets:
        if not isinstance(budget, TopCells):
            continue
        cells = grid.label_cells if budget.per else np.array([grid.label_cells.sum()])
        small = np.flatnonzero(cells < budget.k)
        if len(small):
            names = [grid.labels[code] for code in small[:5]] if budget.per else ["the whole grid"]
            more = f" and {len(small) - 5} more" if len(small) > 5 else ""
            warnings.warn(
                f"'{budget}' asks for more cells than there are in {', '.join(names)}{more}: all of them are flagged.",
                PredPolWarning,
                stacklevel=3,
            )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _check_per(per: Any) -> None:
    if per not in (None, "area"):
        raise InputError(f"per={per!r}; choose None (one budget for the whole city) or 'area' (one for each area).")
