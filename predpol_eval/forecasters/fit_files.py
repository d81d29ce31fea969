"""Fits on disk: the tree of what was learnt as JSON, its arrays as NetCDF, never pickle."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.netcdf import read_netcdf, write_netcdf

SCHEMA = "predpol_eval.fit/1"
# What is found elsewhere, or is not needed to predict.
_LEFT_OUT = {"report"}


def _classes() -> dict[str, type[Any]]:
    """The only classes that a file can name: nothing else is ever made from one."""
    from predpol_eval import budgets
    from predpol_eval.events import Events
    from predpol_eval.forecasters import (
        base,
        baseline,
        blend,
        kde,
        near_repeat,
        prospective,
        self_exciting,
        tuned,
    )
    from predpol_eval.forecasters.hawkes import (
        cell_fit,
        cell_forecast,
        cells,
        continuous_crimes,
        continuous_fit,
        continuous_fitted,
        declustering,
        nonparametric_fitted,
        nonparametric_trigger,
    )
    from predpol_eval.grid import Grid

    made = [
        Events, Grid, base.Known, base.FittedRate, base.FittedScore, baseline.Uniform, baseline.CountMap, kde.KDE,
        prospective.ProspectiveHotspot, near_repeat.NearRepeat,
        self_exciting.SelfExciting, cell_forecast.FittedSelfExciting,
        cells.CellCrimes, cell_fit.CellFit,
        continuous_fitted.FittedContinuous, continuous_fit.ContinuousFit, continuous_crimes.ContinuousCrimes,
        nonparametric_fitted.FittedNonparametric, nonparametric_trigger.TriggerBins, declustering.DeclusteringRun,
        blend.Blend, blend.FittedBlend, blend.Learnt, tuned.Tuned, tuned.FittedTuned, tuned.Choice,
        budgets.TopCells, budgets.Coverage, budgets.Flags,
    ]  # fmt: skip
    return {kind.__name__: kind for kind in made}


def save_fit(fitted: Any, path: str | Path) -> None:
    """Save what a forecaster of this library learnt; `load_fit` gives back what predicts the same to the bit.

    Parameters
    ----------
    fitted : Fitted
        What ``fit`` returned.
    path : path
        NetCDF file to write; one that is there is replaced only when the new one is whole. It holds the places and
        times of the crimes that the fit knows: keep it as you keep those.

    Raises
    ------
    InputError
        If the fit is of a class of somebody else's, or replays surfaces (save those with `save_surface`).
    """
    import xarray as xr

    refusal = getattr(fitted, "not_saved_because", None)
    if isinstance(refusal, str):
        raise InputError(refusal)
    arrays: list[npt.NDArray[Any]] = []
    tree = _taken_apart(fitted, arrays, _classes())
    variables = {f"array_{number}": (f"size_{number}", values) for number, values in enumerate(arrays)}
    attrs = {"schema": SCHEMA, "tree": json.dumps(tree, sort_keys=True)}
    write_netcdf(xr.Dataset(variables, attrs=attrs), Path(path))


def load_fit(path: str | Path) -> Any:
    """Load what `save_fit` wrote.

    Raises
    ------
    InputError
        If the file is missing, is not a saved fit, or names a class that is not one of this library's fits.
    """
    data = read_netcdf(Path(path), SCHEMA)
    try:
        return _put_together(json.loads(data.attrs["tree"]), data, _classes())
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{Path(path).name} is not a whole saved fit ({error}); save it again.") from error


def _taken_apart(value: Any, arrays: list[npt.NDArray[Any]], classes: dict[str, type[Any]]) -> Any:
    name = type(value).__name__
    if classes.get(name) is type(value):
        fields = value._fields if hasattr(value, "_fields") else [part.name for part in dataclasses.fields(value)]
        parts = {
            field: None if field in _LEFT_OUT else _taken_apart(getattr(value, field), arrays, classes)
            for field in fields
        }
        return {"class": name, "fields": parts}
    if isinstance(value, np.datetime64):
        return {"moment": str(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "UO":
            return {"texts": [str(text) for text in value.ravel()], "shape": value.shape}
        arrays.append(value.ravel().view(np.int64) if value.dtype.kind == "M" else value.ravel())
        if value.dtype.kind == "b":
            arrays[-1] = arrays[-1].astype(np.uint8)
        return {"array": len(arrays) - 1, "dtype": str(value.dtype), "shape": value.shape}
    if isinstance(value, np.generic):
        return _taken_apart(value.item(), arrays, classes)
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, tuple | list):
        return {"list": [_taken_apart(part, arrays, classes) for part in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _taken_apart(part, arrays, classes) for key, part in value.items()}}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise InputError(
        f"A fit with a {name} cannot be saved: only fits of this library's own forecasters can. Surfaces made by "
        "somebody else are saved with ppe.save_surface(...)."
    )


def _put_together(tree: Any, data: Any, classes: dict[str, type[Any]]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "class" in tree:
        if tree["class"] not in classes:
            raise InputError(f"The file names the class {tree['class']!r}, which is not part of a fit; it is refused.")
        fields = {name: _put_together(part, data, classes) for name, part in tree["fields"].items()}
        return classes[tree["class"]](**fields)
    if "moment" in tree:
        return np.datetime64(tree["moment"], "ns")
    if "texts" in tree:
        return _sealed(np.array(tree["texts"], dtype=str).reshape(tree["shape"]))
    if "array" in tree:
        values = data[f"array_{int(tree['array'])}"].to_numpy()
        kind = np.dtype(tree["dtype"])
        return _sealed((values.view(kind) if kind.kind == "M" else values.astype(kind)).reshape(tree["shape"]))
    if "bytes" in tree:
        return base64.b64decode(tree["bytes"])
    if "dict" in tree:
        return {name: _put_together(part, data, classes) for name, part in tree["dict"].items()}
    return tuple(_put_together(part, data, classes) for part in tree["list"])


def _sealed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    result = np.array(values)
    result.setflags(write=False)
    return result
