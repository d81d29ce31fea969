"""Estimators of scikit-learn: told apart, copied, seeded, trained with weights, and held to their word."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.learning.binning import binned

FloatArray = npt.NDArray[np.float64]
INSTALL = "python -m pip install 'predpol-eval[models]'"
# The least number of crimes per day and whole cell that anything is multiplied with.
LEAST = 1e-12
# What arithmetic and checks inside an estimator raise.
_FAILURES = (ValueError, TypeError, ArithmeticError, AttributeError, IndexError, np.linalg.LinAlgError)


def adopt(estimator: Any) -> Any:
    """Give an unfitted copy of an estimator, so that nobody else holds the one that is kept.

    Raises
    ------
    InputError
        If scikit-learn is missing, or this is no regressor.
    """
    try:
        from sklearn.base import clone, is_classifier
    except ImportError as error:
        raise InputError(
            f"Regression needs scikit-learn, which is not installed ({error}); install the extra: {INSTALL}"
        ) from error

    lacking = [name for name in ("fit", "predict", "get_params") if not callable(getattr(estimator, name, None))]
    if isinstance(estimator, type) or lacking:
        what = f"the class {estimator.__name__}" if isinstance(estimator, type) else repr(estimator)
        raise InputError(
            f"The estimator is {what}{'' if isinstance(estimator, type) else ' without ' + ', '.join(lacking)}; give "
            "an instance of a scikit-learn regressor, for instance "
            "sklearn.ensemble.HistGradientBoostingRegressor(loss='poisson')."
        )
    if is_classifier(estimator):
        raise InputError(
            f"{one_line(estimator)} is a classifier; counts of crimes need a regressor, for instance "
            "sklearn.linear_model.PoissonRegressor()."
        )
    try:
        return clone(estimator)
    except (RuntimeError, TypeError) as error:
        raise InputError(f"{one_line(estimator)} cannot be copied: {one_line(error)}") from error


def one_line(thing: Any) -> str:
    """What something is, in one line."""
    return " ".join((str(thing) if isinstance(thing, BaseException) else repr(thing)).split())


def told(estimator: Any) -> str:
    """All that is set in an estimator, as text that is the same in every process.

    Raises
    ------
    InputError
        If a parameter is something whose content cannot be told, such as a function.

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> told(PoissonRegressor(alpha=0.5)) == told(PoissonRegressor(alpha=0.5))
    True
    """
    return json.dumps(_plain(estimator, type(estimator).__name__), sort_keys=True)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    if isinstance(value, list | tuple):
        return [_plain(part, f"{where}[{position}]") for position, part in enumerate(value)]
    if isinstance(value, dict):
        return {repr(key): _plain(part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, set | frozenset):
        return {"set": sorted(json.dumps(_plain(part, where)) for part in value)}
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {"array": fingerprint_of(value)}
    if isinstance(value, type):
        return {"class": f"{value.__module__}.{value.__qualname__}"}
    if isinstance(value, slice):
        return {"slice": [_plain(part, where) for part in (value.start, value.stop, value.step)]}
    if callable(getattr(value, "get_params", None)):
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        parts = value.get_params(deep=False)
        return {"class": name, "params": {key: _plain(part, f"{where}.{key}") for key, part in sorted(parts.items())}}
    own = getattr(value, "fingerprint", None)
    if isinstance(own, str):
        return {"fingerprint": own}
    raise InputError(
        f"{where} of the estimator is {one_line(value)}, a {type(value).__name__}: what it does cannot be told from "
        "another, so a stored result could not say what made it. Use numbers, texts, arrays and other estimators "
        "(random_state=0 rather than a generator; a small estimator class with parameters of its own rather than a "
        "function)."
    )


def seeded(estimator: Any, seed: int) -> tuple[Any, tuple[str, ...]]:
    """Copy an estimator, with `seed` put wherever it would otherwise throw dice; and where that was."""
    from sklearn.base import clone

    copy = clone(estimator)
    params = copy.get_params(deep=True)
    open_ones = tuple(sorted(name for name, value in params.items() if _rolls(name) and value is None))
    if open_ones:
        copy.set_params(**dict.fromkeys(open_ones, seed))
    return copy, open_ones


def _rolls(name: str) -> bool:
    return name == "random_state" or name.endswith("__random_state")


def weight_name(estimator: Any) -> str | None:
    """Name under which the weights of the rows reach an estimator, also inside pipelines; None if they cannot.

    Examples
    --------
    >>> from sklearn.linear_model import PoissonRegressor
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> weight_name(make_pipeline(StandardScaler(), PoissonRegressor()))
    'poissonregressor__sample_weight'
    """
    steps = getattr(estimator, "steps", None)
    if isinstance(steps, list) and steps:
        name, last = steps[-1]
        inner = None if last is None or isinstance(last, str) else weight_name(last)
        return None if inner is None else f"{name}__{inner}"
    takes = inspect.signature(estimator.fit).parameters
    if "sample_weight" in takes:
        return "sample_weight"
    if any(part.kind is inspect.Parameter.VAR_KEYWORD for part in takes.values()):
        # A search or a transformed target hands on what it is given.
        for name in ("estimator", "regressor"):
            inner_one = getattr(estimator, name, None)
            if inner_one is not None:
                return weight_name(inner_one)
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute by one thread: sums by several depend on how many there are, and workers wait for each other's."""
    import sklearn
    from threadpoolctl import threadpool_limits

    # Weights are handed on by name; metadata routing, a setting of the whole process, would refuse that.
    with threadpool_limits(limits=1), sklearn.config_context(enable_metadata_routing=False):
        yield


def train(estimator: Any, rows: FloatArray, target: FloatArray, weight: FloatArray | None) -> None:
    """Fit an estimator; what it warns of is said in words that tell what to do.

    Raises
    ------
    InputError
        If the estimator refuses the rows.
    """
    named = {} if weight is None else {str(weight_name(estimator)): weight}
    rows = rows if weight is None else binned(estimator, rows)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            estimator.fit(rows, target, **named)
        except _FAILURES as error:
            raise InputError(
                f"{one_line(estimator)} could not be trained on {len(target):,} rows of {rows.shape[1]} features: "
                f"{type(error).__name__}: {one_line(error)}"
            ) from error
    _pass_on(estimator, heard)


def _pass_on(estimator: Any, heard: list[warnings.WarningMessage]) -> None:
    from sklearn.exceptions import ConvergenceWarning

    for message in {(one_line(entry.message), entry.category): entry for entry in heard}.values():
        text = one_line(message.message)
        if issubclass(message.category, ConvergenceWarning):
            text = (
                f"{one_line(estimator)} has not converged, so its forecasts depend on where it stopped. Raise its "
                "max_iter, or put the features on one scale: sklearn.pipeline.make_pipeline(StandardScaler(), "
                f"estimator). It said: {text}"
            )
        else:
            text = f"{one_line(estimator)} warned while it was trained: {text}"
        warnings.warn(text, PredPolWarning, stacklevel=2)


def predicted(estimator: Any, rows: FloatArray, *, clip: bool) -> tuple[FloatArray, int]:
    """Predictions of a trained estimator, and how many of them were negative and set to 0 because of `clip`.

    Raises
    ------
    InputError
        If some are missing or infinite, or negative and not to be clipped.
    """
    try:
        values = np.asarray(estimator.predict(rows), dtype=np.float64)
    except _FAILURES as error:
        raise InputError(
            f"{one_line(estimator)} could not predict: {type(error).__name__}: {one_line(error)}"
        ) from error
    if values.shape != (len(rows),):
        raise InputError(
            f"{one_line(estimator)} predicted numbers of shape {values.shape}; expected one for each of {len(rows):,} "
            "cells. Use a regressor with a single target."
        )
    odd = ~np.isfinite(values)
    if odd.any():
        raise InputError(
            f"{one_line(estimator)} predicted no finite number for {int(odd.sum()):,} of {len(values):,} cells. Put "
            "the features on one scale (make_pipeline(StandardScaler(), estimator)), regularise it more, or use "
            "another."
        )
    low = values < 0
    if low.any() and not clip:
        raise InputError(
            f"{one_line(estimator)} predicted less than no crime in {int(low.sum()):,} of {len(values):,} cells, down "
            f"to {values.min():.3g} per day. Use an estimator of counts (PoissonRegressor, "
            "HistGradientBoostingRegressor(loss='poisson')), or say Regression(..., clip=True) to have 0 there."
        )
    return np.maximum(values, 0.0), int(low.sum())


def base_level(base: Any, rows: FloatArray) -> FloatArray:
    """Predictions of a trained base, above 0 so that they can be multiplied.

    Raises
    ------
    InputError
        If some are negative, missing or infinite.
    """
    return np.maximum(predicted(base, rows, clip=False)[0], LEAST)


def usual_base(estimator: Any) -> Any:
    """What gradient boosting of Poisson counts starts from: a log-linear fit; None for all other estimators.

    From one constant for all places its first steps overshoot without end: where crime is a hundred times as dense as
    on average, a step of a tenth of that in the logarithm is a factor of 20,000.
    """
    if not type(estimator).__name__.startswith("HistGradientBoosting") or estimator.get_params()["loss"] != "poisson":
        return None
    from sklearn.linear_model import PoissonRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-4, solver="newton-cholesky"))


def coefficients(estimator: Any, names: tuple[str, ...]) -> dict[str, float] | None:
    """Intercept and coefficients of a trained linear estimator by feature; None of any other.

    Behind a StandardScaler they are given for the features as they were before it.
    """
    steps = getattr(estimator, "steps", None)
    before, last = ([step for _, step in steps[:-1]], steps[-1][1]) if isinstance(steps, list) else ([], estimator)
    slope = np.asarray(getattr(last, "coef_", np.empty(0)), dtype=np.float64)
    if slope.shape != (len(names),) or any(type(step).__name__ != "StandardScaler" for step in before):
        return None
    start = float(np.asarray(getattr(last, "intercept_", 0.0)).ravel()[0])
    for scaler in reversed(before):
        if scaler.scale_ is not None:
            slope = slope / scaler.scale_
        if scaler.mean_ is not None and scaler.with_mean:
            start -= float(slope @ scaler.mean_)
    return {"intercept": start, **dict(zip(names, slope.tolist(), strict=True))}
