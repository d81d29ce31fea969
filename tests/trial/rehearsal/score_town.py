"""The made-up town with enough crimes that vendors differ, rehearsed by its scores alone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xarray as xr

from predpol_eval import Events
from predpol_eval.trial.plan import TrialPlan, read_plan
from predpol_eval.trial.rehearsal.cached_surfaces import CachedSurfaces, cached_surfaces
from predpol_eval.trial.rehearsal.exchangeable import Cast, Rehearsal
from tests.trial.plan.town import write_town
from tests.trial.scoring.nights import random_crimes
from tests.trial.standings.worlds import tally_from

CAST = Cast(("A", "B", "C", "in-house"), 3, (0.2, 0.2, 0.2, 0.0), 0.0, 1)


@cache
def plan() -> TrialPlan:
    with TemporaryDirectory() as folder:
        return read_plan(write_town(Path(folder)))


@cache
def crimes(uncertain: bool = False) -> Events:
    return random_crimes(5, "2018-05-05", 90, 3_000, uncertain=uncertain)


@cache
def ground(uncertain: bool = False) -> CachedSurfaces:
    return cached_surfaces(plan(), crimes(uncertain), forecaster="kernel")


def plan_with(**test: Any) -> TrialPlan:
    """The plan with other parts of its test."""
    return replace(plan(), test=replace(plan().test, **test))


def as_tally(made: Rehearsal, cast: Cast = CAST) -> xr.Dataset:
    """Hits of a rehearsal as a tally of the trial, all kinds and areas together."""
    gone = {
        name: {int(night): "missing" for night in np.flatnonzero(np.isnan(hits))}
        for name, hits in zip(cast.labels, made.hits, strict=True)
    }
    hits = {name: np.nan_to_num(row)[None, None] for name, row in zip(cast.labels, made.hits, strict=True)}
    return tally_from(plan(), hits, made.events, status=gone)
