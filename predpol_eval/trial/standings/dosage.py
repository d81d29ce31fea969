"""Where patrols went, beside what was caught: shown together, and never one explained by the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.trial.standings.flagged_arrays import FloatArray, check_arrays

WARNING = (
    "Patrols change what forecasts are scored on: a crime that a patrol prevented counts as one that was wrongly "
    "forecast, and one that a patrol discovered counts as one rightly forecast. These numbers stand beside each other; "
    "none of them shows what patrols did."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolRow:
    """One submitter's boxes and the patrols, on logged nights that it has.

    Attributes
    ----------
    label : str
    nights : int
    boxes, boxes_patrolled : float
        Flagged, over nights and kinds; and those with a minute of patrol.
    coverage : float
        Share of the flagged boxes that were patrolled; NaN where none was flagged.
    minutes_per_box : float
        Mean over flagged boxes.
    hits_patrolled, hits_unpatrolled : float
        Crimes in flagged boxes with and without patrol.
    crimes : float
        All crimes of these nights.
    hit_rate : float
        On these nights.
    """

    label: str
    nights: int
    boxes: float
    boxes_patrolled: float
    coverage: float
    minutes_per_box: float
    hits_patrolled: float
    hits_unpatrolled: float
    crimes: float
    hit_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolReport:
    """Patrols beside accuracy.

    Attributes
    ----------
    nights, logged : int
        Nights in all, and nights that were logged.
    rows : tuple of PatrolRow
    warning : str
        To be shown wherever the numbers are.
    """

    nights: int
    logged: int
    rows: tuple[PatrolRow, ...]
    warning: str = WARNING

    def attribute(self) -> NoReturn:
        """Refuse to say what patrols did to crime.

        Raises
        ------
        NotComparableError
            Always, with what would be needed.
        """
        raise NotComparableError(
            "What patrols did to crime cannot be told from a trial of forecasts: boxes were patrolled because they "
            "were thought risky, so that patrolled and unpatrolled boxes differ anyway. It takes boxes that are "
            "patrolled or not by lot, over the same nights, and a comparison of those."
        )


def patrol_report(minutes: npt.ArrayLike, flagged: Mapping[str, npt.ArrayLike], crimes: npt.ArrayLike) -> PatrolReport:
    """Put patrols beside what each submitter's boxes caught.

    Parameters
    ----------
    minutes : array, shape (nights, cells)
        As `Dosage.dense` gives it; NaN on nights that were not logged.
    flagged : mapping of str to array, shape (nights, kinds, cells)
        Share of each cell that is flagged, NaN where there is nothing.
    crimes : array of the same shape

    Returns
    -------
    PatrolReport

    Raises
    ------
    InputError
        If the arrays do not fit each other, or minutes are negative.
    """
    patrol: Any = np.asarray(minutes, dtype=np.float64)
    if patrol.ndim != 2 or (patrol < 0).any() or np.isinf(patrol).any():
        raise InputError(
            f"minutes has shape {patrol.shape}; expected (nights, cells), 0 or more, NaN where not logged."
        )
    logged = ~np.isnan(patrol).any(axis=1)
    rows = []
    for label, given in flagged.items():
        shares, counts = check_arrays(given, crimes, label)
        if patrol.shape != (shares.shape[0], shares.shape[2]):
            raise InputError(
                f"minutes has shape {patrol.shape}, the boxes of {label!r} are of {shares.shape[0]} nights and "
                f"{shares.shape[2]} cells; lay out minutes over the same."
            )
        rows.append(_row(label, shares, counts, patrol, logged))
    return PatrolReport(nights=len(patrol), logged=int(logged.sum()), rows=tuple(rows))


def _row(
    label: str, shares: FloatArray, counts: FloatArray, patrol: FloatArray, logged: npt.NDArray[np.bool_]
) -> PatrolRow:
    usable = logged[:, None] & ~np.isnan(shares).any(axis=-1) & ~np.isnan(counts).any(axis=-1)
    mine, here = (np.where(usable[..., None], values, 0.0) for values in (shares, counts))
    minutes = np.nan_to_num(patrol)[:, None, :]
    visited = minutes > 0
    boxes, crimes = float(mine.sum()), float(here.sum())
    patrolled, hits = float((mine * visited).sum()), float((mine * here).sum())
    seen = float((mine * here * visited).sum())
    return PatrolRow(
        label=label,
        nights=int(usable.any(axis=1).sum()),
        boxes=boxes,
        boxes_patrolled=patrolled,
        coverage=patrolled / boxes if boxes > 0 else math.nan,
        minutes_per_box=float((mine * minutes).sum()) / boxes if boxes > 0 else math.nan,
        hits_patrolled=seen,
        hits_unpatrolled=hits - seen,
        crimes=crimes,
        hit_rate=hits / crimes if crimes > 0 else math.nan,
    )
