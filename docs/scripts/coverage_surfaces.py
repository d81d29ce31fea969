"""How often the tests of a surface, and of two, call something wrong that is right, in simulated cities."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import xarray as xr

import predpol_eval as ppe

SIDE = 10
NIGHTS = 60
ALPHA = 0.05
PHI = 3.0
SIMULATIONS = 99
RATES = {"sparse": 2.0, "dense": 10.0}


@dataclass(frozen=True, slots=True)
class City:
    """How crimes fall on a map whose expectation is known.

    Attributes
    ----------
    crimes : str
        ``"sparse"`` (2 a night) or ``"dense"`` (10).
    nights : str
        ``"independent"``; ``"clustered"``: counts of a cell and night vary three times as much as Poisson;
        ``"one-sided"``: every night leans to the east or to the west.
    level, tilt : float
        How many times as many crimes happen as the map says; how far they lean to the east of it.
    """

    crimes: str
    nights: str
    level: float = 1.0
    tilt: float = 0.0


def even_and_tilted() -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Maps that expect one crime a night in all: busier in the middle, leaning east, leaning west."""
    grid = ppe.Grid.from_bounds(0, 0, 250 * SIDE, 250 * SIDE, cell=250, crs="EPSG:27700")
    nights = ppe.Schedule(start="2018-01-01", end="2018-03-02", tz="Europe/London").windows
    east = np.linspace(-1, 1, SIDE)
    shapes = (np.exp(-2 * (east**2 + east[:, None] ** 2)), np.exp(0.5 * east + 0 * east[:, None]))
    shapes = (*shapes, shapes[1][:, ::-1])
    return tuple(
        ppe.make_surface(np.tile(shape / shape.sum(), (NIGHTS, 1, 1)), grid, nights, kind="expected_count")
        for shape in shapes
    )


def crimes_of(city: City, expected: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Counts by night and cell, shape of `expected`."""
    east = np.linspace(-1, 1, SIDE)
    lean = np.exp(city.tilt * east)
    rates = expected * lean
    rates *= city.level * expected.sum() / rates.sum()
    if city.nights == "clustered":
        # Negative binomial of variance PHI times the mean.
        return generator.negative_binomial(rates / (PHI - 1), 1 / PHI).astype(float)
    if city.nights == "one-sided":
        towards = generator.choice([-1.5, 1.5], NIGHTS)
        leaning = rates * np.exp(towards[:, None, None] * east)
        rates = leaning * (rates.sum(axis=(1, 2)) / leaning.sum(axis=(1, 2)))[:, None, None]
    return generator.poisson(rates).astype(float)


def of_one_map(city: City, runs: int, seed: int, risk: xr.DataArray) -> dict[str, float]:
    """Share of the runs in which each test of one map rejects it."""
    generator = np.random.default_rng(seed)
    surface = risk * RATES[city.crimes]
    surface.attrs = risk.attrs
    expected = surface.to_numpy()
    rejected: dict[str, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for run in range(runs):
            crimes = surface.copy(data=crimes_of(city, expected, generator)).rename("count")
            crimes.attrs = {"grid": surface.attrs["grid"]}
            for phi in (1.0, PHI) if city.nights == "clustered" else (1.0,):
                name = "" if phi == 1 else ", phi 3"
                rejected[f"n{name}"] = rejected.get(f"n{name}", 0) + bool(
                    ppe.n_test(surface, crimes, dispersion=phi)["p"] <= ALPHA
                )
                for short, test in (("s", ppe.s_test), ("cl", ppe.cl_test), ("l", ppe.l_test)):
                    found = test(surface, crimes, seed=run, simulations=SIMULATIONS, dispersion=phi)
                    rejected[f"{short}{name}"] = rejected.get(f"{short}{name}", 0) + bool(found["p"] <= ALPHA)
    return {name: number / runs for name, number in rejected.items()}


def of_two_maps(
    city: City, runs: int, seed: int, maps: tuple[xr.DataArray, xr.DataArray, xr.DataArray]
) -> dict[str, float]:
    """Share of the runs in which the map leaning east is called better or worse than the one leaning west."""
    generator = np.random.default_rng(seed)
    even, east, west = maps
    names = ("t", "t, nights", "w", "w, nights")
    rejected = dict.fromkeys(names, 0)
    told = dict.fromkeys(names, 0)
    expected = np.full(even.shape, RATES[city.crimes] / SIDE**2)
    for _ in range(runs):
        crimes = even.copy(data=crimes_of(city, expected, generator)).rename("count")
        crimes.attrs = {"grid": even.attrs["grid"]}
        t, w = ppe.t_test(east, west, crimes), ppe.w_test(east, west, crimes)
        for name, p in zip(names, (t["p"], t["night_p"], w["p"], w["night_p"]), strict=True):
            told[name] += not np.isnan(p)
            rejected[name] += bool(p <= ALPHA)
    return {name: rejected[name] / told[name] if told[name] else np.nan for name in names}
