"""Which forecaster would have flagged tomorrow's crimes in three real cities? Writes docs/tables/league_*.md.

    python -m docs.scripts.league DATA [--city toronto] [--n-jobs 2] [--store FOLDER] [--slow NAME]

DATA is the folder that holds the publishers' files (`toronto/`, `chicago/`, `seattle/`). Every forecaster is asked for
every night and kind of crime, from what was known when the night began. The only random draws are the
nights of the intervals, by a fixed seed, so that the same files give the same tables. With --store, what was counted is
kept, one folder per forecaster, and a forecaster that is added is the only one to be run.
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr
from sklearn.linear_model import PoissonRegressor

import predpol_eval as ppe
from docs.scripts.league_cities import CITIES, City
from docs.scripts.league_page import page

TABLES = Path(__file__).resolve().parents[1] / "tables"
BUDGETS = (ppe.Coverage(0.01), ppe.TopCells(10, per="area"))
# One crime per cell in 27 years. Put on every map, it adds at most a crime a night to a city of ten thousand cells.
FLOOR = 1e-4

# The bar: counts that need no library. The best of them on the nights before is what the others are measured against.
COUNTS: dict[str, Any] = {
    "count 21 days": ppe.CountMap(lookback="21D"),
    "count 90 days": ppe.CountMap(lookback="90D"),
    "count 365 days": ppe.CountMap(lookback="365D"),
    "count all history": ppe.CountMap(lookback=None),
    "count fading in 180 days": ppe.CountMap(lookback=None, half_life="180D"),
}
FEATURES = (ppe.LaggedCounts(), ppe.ForecastTerm(ppe.KDE(bandwidth=500)), ppe.Calendar())
FORECASTERS: dict[str, Any] = {
    "uniform": ppe.Uniform(),
    **COUNTS,
    "KDE 250 m": ppe.KDE(bandwidth=250),
    "KDE 500 m": ppe.KDE(bandwidth=500),
    "KDE 15th neighbour": ppe.KDE(adaptive_k=15),
    "prospective hot spots": ppe.ProspectiveHotspot(),
    "near repeat": ppe.NearRepeat(),
    "self-exciting cells": ppe.SelfExciting(),
    "log-linear regression": ppe.Regression(PoissonRegressor(alpha=0.001), FEATURES),
    "blend": ppe.Blend(),
}

# Seconds for every night and kind, hours in all: only when asked for.
SLOW: dict[str, Any] = {
    "KDE cross-validated": ppe.KDE(bandwidth="cv", lookback="365D"),
    "self-exciting in space": ppe.SelfExciting(model="continuous", lookback="365D", starts=1),
    "self-exciting without a formula": ppe.SelfExciting(model="nonparametric", lookback="365D"),
}


class Results(NamedTuple):
    """Tallies over (forecaster, kind, area, budget, window): of the league, and of the counts on the nights before."""

    league: xr.Dataset
    before: xr.Dataset | None


def play(
    city: City,
    forecasters: Mapping[str, Any] = FORECASTERS,
    *,
    before: bool = True,
    n_jobs: int | None = None,
    store: Path | None = None,
) -> Results:
    """Tally all forecasters on the city's nights, and the simple counts on the nights before."""
    return Results(
        _tally(city, forecasters, city.schedule, n_jobs, store and store / "league"),
        _tally(city, COUNTS, city.before, n_jobs, store and store / "before") if before else None,
    )


def _tally(
    city: City, forecasters: Mapping[str, Any], schedule: ppe.Schedule, n_jobs: int | None, store: Path | None
) -> xr.Dataset:
    tallies = []
    for name, forecaster in forecasters.items():
        begun = time.perf_counter()
        with warnings.catch_warnings():
            # One neighbourhood of Toronto has fewer than ten cells; the table says so.
            warnings.filterwarnings("ignore", message=".*asks for more cells", category=ppe.PredPolWarning)
            folder = store and store / re.sub(r"\W+", "_", f"{city.name} {name}".lower())
            if folder:
                folder.parent.mkdir(parents=True, exist_ok=True)
            tallies.append(
                ppe.backtest(
                    {name: forecaster},
                    city.events,
                    city.grid,
                    schedule,
                    budgets=BUDGETS,
                    kinds=city.events.kinds,
                    n_jobs=n_jobs,
                    store=folder,
                    progress=False,
                    log_score_floor=FLOOR,
                )
            )
        print(f"  {name}: {time.perf_counter() - begun:.1f} s", flush=True)
    return xr.concat(tallies, "forecaster", combine_attrs="override")


def main() -> None:
    """Play the league of each city, write its page, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--city", choices=CITIES, action="append")
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--slow", choices=SLOW, action="append", default=[], help="also play this one")
    parser.add_argument("--target", type=Path, default=TABLES)
    chosen = parser.parse_args()
    chosen.target.mkdir(exist_ok=True)
    playing = {**FORECASTERS, **{name: SLOW[name] for name in chosen.slow}}
    for name in chosen.city or CITIES:
        begun = time.perf_counter()
        city = CITIES[name](chosen.data)
        found = play(city, playing, n_jobs=chosen.n_jobs, store=chosen.store)
        text = page(city, playing, tuple(COUNTS), found.league, found.before)
        (chosen.target / f"league_{name}.md").write_text(text, encoding="utf-8")
        print(f"{city.name}: {time.perf_counter() - begun:.0f} s on {chosen.n_jobs} workers", flush=True)


if __name__ == "__main__":
    main()
