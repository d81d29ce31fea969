"""A fitted regression: what it was trained on, and its expected counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import span
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.base import Known, describe, ready, surface_of
from predpol_eval.forecasters.features.asked import Asked, FloatArray
from predpol_eval.forecasters.learning import estimators
from predpol_eval.forecasters.learning.steps import pieces
from predpol_eval.forecasters.learning.training import Trained, answered
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

if TYPE_CHECKING:
    import xarray as xr

NOT_SAVED = (
    "A fitted Regression cannot be saved: the estimator inside is somebody else's object, which only pickle could "
    "store, and a pickle runs whatever code it holds when it is opened. Save the crimes (events.to_parquet) and the "
    "line that makes the forecaster: fitting again gives the same to the bit. Its surfaces are saved with "
    "ppe.save_surface(...)."
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class FittedRegression:
    """A regression as of one moment.

    Attributes
    ----------
    forecaster : Regression
        What was fitted.
    until : datetime64
        The moment up to which crimes were known, UTC.
    known : Known
        The crimes that the features are made of.
    trained : Trained
        The trained estimator and what it was trained on.
    """

    forecaster: Any
    known: Known
    trained: Trained

    @property
    def until(self) -> np.datetime64:
        """The moment up to which crimes were known, UTC."""
        return self.known.until

    @property
    def coefficients(self) -> dict[str, float] | None:
        """Intercept and coefficients of a linear estimator by feature (before any StandardScaler); None of others.

        With a base they are on top of the base's.
        """
        return estimators.coefficients(self.trained.estimator, self.trained.names)

    @property
    def not_saved_because(self) -> str:
        """Why `save_fit` refuses it."""
        return NOT_SAVED

    def predict(self, windows: Windows) -> xr.DataArray:
        """Expected count of every window, shape (window, y, x).

        Raises
        ------
        InputError
            If a window starts before `until`, a feature was not known, or the estimator predicts numbers that are
            missing, infinite or negative.
        """
        chosen = ready(windows, self.until, self.known.events.resolution, self.known.events)
        asked_from = np.full(len(chosen), self.until)
        as_of_now = Windows(chosen.start.copy(), chosen.end.copy(), asked_from, self.known.events.tz)
        values, clipped = expected(self.forecaster, self.known.events, self.known.grid, as_of_now, [self.trained])
        return surface_with(self.forecaster, values, self.known, chosen, self.trained, clipped)

    def summary(self) -> dict[str, str]:
        """Describe the fit in words, one entry per line."""
        trained = self.trained
        described = {
            "forecaster": describe(self.forecaster),
            "features as of": f"{self.until} UTC, of {len(self.known.events):,} crimes",
            "trained at": f"{trained.anchor} UTC",
            "trained on": f"{len(trained.windows):,} windows of {self.forecaster.step}, {trained.rows:,} rows, of them "
            f"{trained.positives:,} with crime",
            "features": ", ".join(trained.names),
        }
        if trained.base is not None:
            described["times"] = estimators.one_line(trained.base)
        if trained.left_out:
            described["left out"] = f"{trained.left_out:,} windows for which too little was known"
        if trained.seeded:
            described["seeded"] = f"{', '.join(trained.seeded)} = {self.forecaster.seed}"
        slopes = self.coefficients
        if slopes is not None:
            described["coefficients"] = ", ".join(f"{name} {value:.4g}" for name, value in slopes.items())
        return described

    def __repr__(self) -> str:
        return as_text("FittedRegression", self.summary())

    def _repr_html_(self) -> str:
        return as_html("FittedRegression", self.summary())


def expected(
    regression: Any, events: Events, grid: Grid, windows: Windows, trained: list[Trained]
) -> tuple[FloatArray, int]:
    """Expected counts, shape (windows, ny, nx), and how many negative predictions were set to 0.

    Parameters
    ----------
    trained : list of Trained
        One for all windows, or one for each.
    """
    ground = np.flatnonzero(grid.mask.ravel())
    features = regression.features
    cut = pieces(windows, span(regression.step).days, daily=any(feature.daily for feature in features))
    cells = (ground,) * len(cut.asked)
    asked = Asked(events=events, grid=grid, windows=cut.asked, cells=cells, lookback=regression.lookback)
    values = np.zeros((len(windows), grid.mask.size))
    share = asked.share.ravel()[ground]
    clipped = 0
    with estimators.one_thread():
        for window, days, rows in zip(cut.window.tolist(), cut.days, answered(features, asked), strict=True):
            if isinstance(rows, InputError):
                raise rows
            model = trained[window if len(trained) > 1 else 0]
            rate, low = estimators.predicted(model.estimator, rows, clip=regression.clip)
            if model.base is not None:
                rate = rate * estimators.base_level(model.base, rows)
            values[window, ground] += rate * share * days
            clipped += low
    return values.reshape(len(windows), *grid.shape), clipped


def surface_with(
    regression: Any, values: FloatArray, past: Known, windows: Windows, trained: Trained, clipped: int
) -> xr.DataArray:
    """The surface, with what it was made by in its attrs."""
    attrs: dict[str, Any] = {
        "trained_at": str(trained.anchor),
        "training_windows": len(trained.windows),
        "training_windows_left_out": trained.left_out,
        "training_rows": trained.rows,
        "training_rows_with_crime": trained.positives,
        "features": ", ".join(trained.names),
        "estimator": estimators.one_line(regression.estimator),
        "base": "none" if trained.base is None else estimators.one_line(trained.base),
        "seeded_parameters": ", ".join(trained.seeded),
        "clipped_predictions": clipped,
    }
    slopes = estimators.coefficients(trained.estimator, trained.names)
    if slopes is not None:
        attrs["coefficients"] = json.dumps(slopes)
    return surface_of(regression, values, past, windows, "expected_count", **attrs)
