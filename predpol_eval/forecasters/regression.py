"""Regression: any scikit-learn regressor, on what was known of each cell before each of many past days."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.civil_time import span
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.anchors import anchor, check_period
from predpol_eval.forecasters.base import check_length, check_positive, identity, known, ready
from predpol_eval.forecasters.features import Calendar, LaggedCounts
from predpol_eval.forecasters.features.asked import Feature
from predpol_eval.forecasters.learning import estimators
from predpol_eval.forecasters.learning.fitted import FittedRegression, expected, surface_with
from predpol_eval.forecasters.learning.training import names_of, train_at
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.schedule import Windows, as_windows

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """Expected crimes by a scikit-learn regressor, trained on past days and what was known before each of them.

    Every past day and cell is a row: its features are those that a forecast made as the day began would have had
    (crimes recorded by then, covariates known by then), its target is the crimes that followed, as far as known when
    the model is trained. The regressor learns crimes per day and whole cell of ground; a forecast is that rate, times
    the part of the cell inside the study area, times the length of the window.

    Training happens at anchors, civil midnights a whole number of `refit` after 2000-01-01, on what is known at the
    latest anchor before ``until``; the features are always as of ``until``. A forecast therefore depends on ``until``
    alone, never on which other nights are asked for.

    Parameters
    ----------
    estimator : scikit-learn regressor
        Anything with ``fit``, ``predict`` and ``get_params``, pipelines included. A copy is kept. Parameters called
        ``random_state`` that are None are set to `seed`. Counts want a Poisson loss.
    features : tuple of features
        `LaggedCounts`, `ForecastTerm`, `Calendar`, `CellCovariate`, `DailyCovariate`, or a class of your own with the
        same three members (`predpol_eval.forecasters.features.Feature`).
    training : str or None
        How far back from an anchor past windows reach; None is all observed time. Windows in gaps of observation are
        left out, and so are those before which too little was known for a feature.
    step : str
        Length of a past window: whole civil days, counted from 2000-01-01. Longer windows are forecast as the sum of
        such steps.
    refit : str or None
        Whole days between anchors; None trains at every ``until``.
    sample : float or None
        Rows without crime per row with crime: that many are drawn, and weigh for those left out, so that expected
        counts stay right. None trains on all rows.
    seed : int
        Of the draw, and of the estimator.
    lookback : str, optional
        Crimes older than this at a window's ``until`` are not used for its features; None is all history.
    settle : str
        The latest windows before an anchor to leave out, for instance ``"14D"`` where crimes are recorded days late:
        without it their targets are too low.
    base : scikit-learn regressor, None or "auto"
        A regressor trained first, on the same rows; the estimator then learns by which factor the crimes differ from
        what it expects, and the forecast is the product. ``"auto"``: for
        ``HistGradientBoostingRegressor(loss="poisson")`` a log-linear fit, without which its steps overshoot where
        crime is dense; for all others None.
    clip : bool
        Set negative predictions to 0 instead of refusing them; attrs tell how many.

    Raises
    ------
    InputError
        If scikit-learn is missing, a parameter is out of range, or what an estimator holds cannot be told apart.

    References
    ----------
    King, G. and Zeng, L. (2001). Logistic regression in rare events data. Political Analysis 9, 137-163 (sampling of
    rows without events, with weights).

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> Regression(PoissonRegressor(alpha=0.001)).training
    '365D'
    """

    estimator: Any
    features: tuple[Any, ...] = (LaggedCounts(), Calendar())
    training: str | None = field(default="365D", kw_only=True)
    step: str = field(default="1D", kw_only=True)
    refit: str | None = field(default="28D", kw_only=True)
    sample: float | None = field(default=5.0, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    lookback: str | None = field(default=None, kw_only=True)
    settle: str = field(default="0D", kw_only=True)
    base: Any = field(default="auto", kw_only=True)
    clip: bool = field(default=False, kw_only=True)
    _told: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimator", estimators.adopt(self.estimator))
        if self.base is not None and not (isinstance(self.base, str) and self.base == "auto"):
            object.__setattr__(self, "base", estimators.adopt(self.base))
        object.__setattr__(self, "_told", self._tell())
        given = self.features if isinstance(self.features, tuple | list) else (self.features,)
        for feature in given:
            if isinstance(feature, type) or not isinstance(feature, Feature):
                raise InputError(
                    f"features holds {estimators.one_line(feature)}; give instances of ppe.LaggedCounts, "
                    "ppe.ForecastTerm, ppe.Calendar, ppe.CellCovariate or ppe.DailyCovariate."
                )
            identity(feature)
        if not given:
            raise InputError("features is empty; give at least one, for instance features=(ppe.LaggedCounts(),).")
        object.__setattr__(self, "features", tuple(given))
        names_of(self.features)
        check_length(self.training, "training")
        check_length(self.lookback, "lookback")
        check_period(self.refit)
        check_period(self.step, "step")
        if self.step is None:
            raise InputError("step=None; give the length of a past window in whole days, for instance '1D'.")
        span(self.settle, "settle", zero=True)
        if self.sample is not None:
            check_positive(self.sample, "sample", "rows without crime per row with crime, for instance 5")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int | np.integer) or self.seed < 0:
            raise InputError(f"seed={self.seed!r}; give a whole number of at least 0.")
        if not isinstance(self.clip, bool):
            raise InputError(f"clip={self.clip!r}; choose True or False.")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the estimator's parameters, of all features and of all else that decides a forecast."""
        sample = None if self.sample is None else float(self.sample)
        plain = (self.training, self.step, self.refit, sample, int(self.seed), self.lookback, self.settle, self.clip)
        return fingerprint_of(self._told, *(identity(feature) for feature in self.features), plain)

    @property
    def base_estimator(self) -> Any:
        """What is trained first, or None."""
        return estimators.usual_base(self.estimator) if isinstance(self.base, str) else self.base

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regression) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedRegression:
        """Train at the latest anchor before `until`, and take the features as of `until`.

        Raises
        ------
        InputError
            If no time was observed before `until`, there is no past window or no crime to learn from, a covariate has
            gaps, or the estimator refuses the rows.

        Warns
        -----
        PredPolWarning
            If the estimator warns, for instance that it has not converged.
        """
        self._refuse_changed()
        past = known(events, grid, until, self.lookback)
        trained = train_at(self, events, grid, anchor(past.until, self.refit, events.tz))
        return FittedRegression(forecaster=self, known=past, trained=trained)

    def forecast(self, events: Events, grid: Grid, windows: Any) -> xr.DataArray:
        """Fit and predict for every window: one training for all nights with the same anchor, features night by night.

        The same as the plain loop (`predpol_eval.forecast`), but for the order of some sums.

        Raises
        ------
        InputError
            As `fit` and ``predict`` do.
        """
        self._refuse_changed()
        check_events(events)
        check_grid(grid)
        chosen = as_windows(windows)
        if not len(chosen):
            raise InputError("There is no window to forecast; give a schedule with at least one.")
        models = {}
        for until in np.unique(chosen.until):
            moment = anchor(until, self.refit, events.tz)
            if moment not in models:
                models[moment] = train_at(self, events, grid, moment)
        trained = [models[anchor(until, self.refit, events.tz)] for until in chosen.until]
        for position, window in enumerate(chosen):
            ready(window, chosen.until[position], events.resolution, events)
        by_clock = Windows(chosen.start.copy(), chosen.end.copy(), chosen.until.copy(), events.tz)
        values, clipped = expected(self, events, grid, by_clock, trained)
        past = known(events, grid, chosen.until[0], self.lookback)
        risk = surface_with(self, values, past, chosen, trained[0], clipped)
        return risk.assign_attrs(until=str(chosen.until.max()))

    def _tell(self) -> str:
        base = self.base if self.base is None or isinstance(self.base, str) else estimators.told(self.base)
        return f"{estimators.told(self.estimator)} {base}"

    def _refuse_changed(self) -> None:
        if self._tell() != self._told:
            raise InputError(
                "The estimator of this Regression was changed after it was made, so its identity no longer says what "
                "it does. Make a new one: ppe.Regression(estimator, ...)."
            )
