"""Trials made of plain numbers: a plan, and tallies of its nights whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from predpol_eval.trial.plan import TrialPlan
from tests.trial.plan.town import made

VENDORS = ("A", "B", "C")
EVERYBODY = (*VENDORS, "in-house", "three-week map", "kernel", "uniform")
CELL = 62_500.0


def plan_of(folder: Path, nights: int = 30, looks: tuple[int, ...] = (10, 20, 30), **test: Any) -> TrialPlan:
    """The plan of the made-up town, with other nights, looks and parts of its test."""
    plan = made(
        folder,
        ("number = 30", f"number = {nights}"),
        ("looks = [10, 20, 30]", f"looks = [{', '.join(map(str, looks))}]"),
    )
    return replace(plan, test=replace(plan.test, **test)) if test else plan


def starts(plan: TrialPlan) -> npt.NDArray[np.datetime64]:
    return np.array([night.start.replace(tzinfo=None) for night in plan.nights], dtype="datetime64[ns]")


def tally_from(plan: TrialPlan, hits: dict[str, Any], events: Any, **more: Any) -> xr.Dataset:
    """A tally from hits of each forecaster and crimes, arrays over (kind, area, night) or what fits them.

    `status` may be given as a mapping from forecaster to night to text; those nights are NaN.
    """
    crimes = np.asarray(events, dtype=float)
    while crimes.ndim < 3:
        crimes = crimes[None]
    kinds, areas, nights = crimes.shape
    names = list(hits)
    caught = np.stack([np.broadcast_to(np.asarray(hits[name], dtype=float), crimes.shape) for name in names])
    shape = caught.shape
    boxes = 3.0
    ground = {"budget_m2": boxes * CELL, "flagged_m2": boxes * CELL, "total_m2": 16 * CELL}
    oracle = more.pop("oracle", None)
    status = np.full((len(names), kinds, nights), "ok", dtype=object)
    for name, told in more.pop("status", {}).items():
        for night, text in told.items():
            status[names.index(name), :, night] = text
    data = {
        "hits": caught.copy(),
        "oracle_hits": np.broadcast_to(crimes if oracle is None else np.asarray(oracle, dtype=float), shape).copy(),
        "chance_hits": np.broadcast_to(crimes * boxes / 16, shape).copy(),
        "events": np.broadcast_to(crimes, shape).copy(),
        **{name: np.full(shape, value) for name, value in ground.items()},
    }
    gone = np.broadcast_to((status != "ok")[:, :, None, :], shape)
    for values in data.values():
        values[gone] = np.nan
    dims = ("forecaster", "kind", "area", "window")
    made_of = {
        name: (dims, values)
        if name in ("events", "total_m2")
        else ((*dims[:3], "budget", "window"), values[..., None, :])
        for name, values in data.items()
    }
    return xr.Dataset(
        {**made_of, "status": (("forecaster", "kind", "window"), status)},
        coords={
            "forecaster": np.array(names, dtype=object),
            "kind": np.array(plan.kinds[:kinds], dtype=object),
            "area": np.array(plan.areas[:areas], dtype=object),
            "budget": np.array(["3 cells"], dtype=object),
            "window": starts(plan)[:nights],
            **more,
        },
        attrs={"grid": plan.grid_fingerprint},
    )


def random_hits(
    generator: np.random.Generator, events: npt.NDArray[Any], rates: dict[str, float]
) -> dict[str, npt.NDArray[np.float64]]:
    """Hits of forecasters that each catch a share of the crimes."""
    return {name: generator.binomial(events.astype(int), rate).astype(float) for name, rate in rates.items()}


def random_tally(plan: TrialPlan, seed: int, rates: dict[str, float] | None = None, **more: Any) -> xr.Dataset:
    """Crimes at random over two kinds and three areas, and what everybody catches of them."""
    generator = np.random.default_rng(seed)
    events = generator.poisson(more.pop("rate", 4.0), (len(plan.kinds), len(plan.areas), len(plan.nights))).astype(
        float
    )
    chosen = dict.fromkeys(EVERYBODY, 0.3) if rates is None else rates
    return tally_from(plan, random_hits(generator, events, chosen), events, **more)
