"""A zero rate never helps: the property that every score and test of expected counts must have."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import xarray as xr

Judge = Callable[[xr.DataArray, xr.DataArray], float]


def assert_zero_never_helps(judge: Judge, risk: xr.DataArray, crimes: xr.DataArray, *, better: str) -> None:
    """Put a zero at one crime after another: the judgement must get worse, or be none at all.

    `judge` takes surface and counts and returns one number. A tool that leaves out cells of rate zero forgets the crime
    there, and with it what the surface would have been told off for.
    """
    before = judge(risk, crimes)
    sign = {"higher": 1.0, "lower": -1.0}[better]
    for where in np.argwhere(crimes.to_numpy() > 0):
        spoiled = risk.copy(data=risk.to_numpy().copy())
        spoiled.to_numpy()[tuple(where)] = 0.0
        after = judge(spoiled, crimes)
        helped = not math.isnan(after) and sign * after > sign * before + 1e-12
        assert not helped, f"a zero at the crime in {where.tolist()} changed {before} to {after}"


def masking(judge: Judge) -> Judge:
    """The same judgement as made by tools that drop crimes where nothing was expected: it must fail the property."""

    def flawed(risk: xr.DataArray, crimes: xr.DataArray) -> float:
        return judge(risk, crimes.where(risk > 0, 0.0).assign_attrs(crimes.attrs))

    return flawed
