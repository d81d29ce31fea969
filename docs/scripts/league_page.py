"""The page of one city's league: what it shows in short, and tables with intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import xarray as xr

import predpol_eval as ppe
from docs.scripts.league_cities import City
from docs.scripts.league_words import FLOOR_OF_ALL, LEVEL, SEED, Verdict, equal_budget_pai, log_score, verdict
from predpol_eval.forecasters.base import describe

# Name in the table: what is drawn, and how many digits are told.
RATIOS: dict[str, tuple[Any, int]] = {
    "hit rate": ("hit_rate", 3),
    "PAI": (equal_budget_pai, 2),
    "lift": ("lift", 2),
    "PEI": ("pei", 3),
}


def page(
    city: City, forecasters: Mapping[str, Any], counts: tuple[str, ...], league: xr.Dataset, before: xr.Dataset
) -> str:
    """The whole page, from the tallies of all forecasters and of the simple counts on the nights before."""
    short, parts = [], []
    for kind in league["kind"].to_numpy():
        here, earlier = league.sel(kind=[kind]), before.sel(kind=[kind])
        failed = int((here["status"] != "ok").sum())
        crimes = float(here["events"].isel(forecaster=0).sum())
        outside = float(here["outside"].isel(forecaster=0).sum())
        parts += [f"## {city.title(kind)}", ""]
        parts += [f"{crimes:,.0f} crimes in the cells, {outside:,.0f} outside; nights failed: {failed}.", ""]
        for budget in league["budget"].to_numpy():
            one, past = here.sel(budget=[budget]), earlier.sel(budget=[budget])
            said = verdict(one, past, "hit_rate", counts)
            parts += [f"### {city.title(kind)}, {budget}", "", *ratio_table(one), "", _fill(said.words), ""]
            short.append(_short(city.title(kind), f"hit rate, {budget}", said, 3))
        one = here.isel(budget=0, forecaster=_scored(here))
        said = verdict(one, earlier.isel(budget=0), log_score, counts)
        parts += [f"### {city.title(kind)}, log score", "", *score_table(one), "", _fill(said.words), ""]
        short.append(_short(city.title(kind), "log score", said, 2))
    first, *others, source = (_fill(text) + "\n" for text in setting(city, league, before))
    lines = ["---", "orphan: true", "---", "", f"# League: {city.name}", "", first]
    lines += [
        "## In short",
        "",
        "<!-- short -->",
        "| kind | number | simple count | highest | clearly above the count | so |",
    ]
    lines += ["| --- | --- | --- | --- | --- | --- |", *short, "", "<!-- end of short -->", "", *others, *parts]
    lines += ["## Who played", "", "| name | configuration |", "| --- | --- |"]
    lines += [f"| {name} | `{describe(forecaster)}` |" for name, forecaster in forecasters.items()]
    return "\n".join([*lines, "", source])


def setting(city: City, league: xr.Dataset, before: xr.Dataset) -> list[str]:
    """What was played, how to read it, and whose data these are."""
    grid, nights = city.grid, league.sizes["window"]
    cut = int(((grid.inside_m2 > 0) & (grid.inside_m2 < grid.cell**2)).sum())
    small = int((grid.label_cells < 10).sum())
    first, last = (str(league["window"].dt.strftime("%Y-%m-%d").to_numpy()[end]) for end in (0, -1))
    return [
        f"{nights} nights from {first} to {last}; {city.areas}; {grid.mask.sum():,} cells of {grid.cell:g} m, "
        f"{cut:,} of them cut by the border; areas with fewer than ten cells: {small}. Every forecaster is run for "
        f"every night and each kind by itself, from what was known at midnight. {city.beware}",
        f"The simple count is the one that had done best, by the same number, on the {before.sizes['window']} nights "
        "before, so that nobody chose with hindsight. All differences from it are drawn by whole nights, together: "
        f"in {100 * LEVEL:.0f} % of such leagues all intervals of one row cover. Only an interval that lies above zero "
        f"is called clearly above. ({FLOOR_OF_ALL!r} is in the tables, not in the comparisons.)",
        "In the tables below, in brackets: 95 % intervals, one by one. Ratios are sums over all nights and areas, "
        'divided once; PAI charges the area of the budget. Ties count by their expectation; where "at worst to best" '
        "is wide, the order of the tied cells would have decided.",
        "The log score is in nats per night, higher is better. With the floor every cell of every map expects at least "
        f"{league['log_score'].attrs['floor']:g} crimes a night; without it, one crime where none was expected makes "
        "the score -inf. Maps that are only scores have none.",
        f"{city.events.report.attribution} Made by `docs/scripts/league.py`.",
    ]


def ratio_table(one: xr.Dataset) -> list[str]:
    """Rows of one kind and budget."""
    total = one.sum(["window", "area"]).squeeze(["kind", "budget"])
    found = {name: intervals(one, metric) for name, (metric, _) in RATIOS.items()}
    lines = [
        f"| forecaster | caught | at worst to best | {' | '.join(RATIOS)} |",
        f"| --- | ---: | ---: |{' ---: |' * len(RATIOS)}",
    ]
    for name in one["forecaster"].to_numpy():
        row = total.sel(forecaster=name)
        cells = [told(found[ratio].sel(forecaster=name), digits) for ratio, (_, digits) in RATIOS.items()]
        spread = f"{float(row.hits_worst):,.0f} to {float(row.hits_best):,.0f}"
        lines.append(f"| {name} | {float(row.hits):,.1f} | {spread} | {' | '.join(cells)} |")
    return lines


def score_table(one: xr.Dataset) -> list[str]:
    """Log scores of one kind, with the floor and without."""
    floored = intervals(one, log_score)
    bare = one["log_score_unfloored"].mean("window").squeeze("kind")
    lines = [f"| forecaster | floor {one['log_score'].attrs['floor']:g} | no floor |", "| --- | ---: | ---: |"]
    names = one["forecaster"].to_numpy()
    numbers = [(told(floored.sel(forecaster=name), 2), float(bare.sel(forecaster=name))) for name in names]
    return lines + [f"| {name} | {text} | {alone:.2f} |" for name, (text, alone) in zip(names, numbers, strict=True)]


def intervals(one: xr.Dataset, metric: Any) -> xr.Dataset:
    """Estimate and interval of every forecaster, for one kind and budget."""
    found = ppe.bootstrap_by_night(one, metric, seed=SEED, level=LEVEL)
    return found.squeeze([name for name in ("kind", "budget") if name in found.dims])


def told(found: xr.Dataset, digits: int) -> str:
    """A number with its interval."""
    estimate, low, high = (f"{float(found[name]):.{digits}f}" for name in ("estimate", "low", "high"))
    return f"{estimate} (too few)" if low == "nan" else f"{estimate} ({low} to {high})"


def _short(kind: str, number: str, said: Verdict, digits: int) -> str:
    above = ", ".join(said.above) or "nothing"
    chosen, highest = f"{said.chosen}: {said.level:.{digits}f}", f"{said.top}: {said.highest:.{digits}f}"
    return f"| {kind} | {number} | {chosen} | {highest} | {above} | {said.winner} |"


def _scored(one: xr.Dataset) -> list[int]:
    """Places of the forecasters that have a log score."""
    nights = one["log_score_nights"].sum([name for name in one["log_score_nights"].dims if name != "forecaster"])
    return [place for place, number in enumerate(nights.to_numpy()) if number > 0]


def _fill(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)
