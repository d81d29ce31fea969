"""Findings made by hand of any number of nights, submitters, kinds and areas, for pictures that must bear them all."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from predpol_eval.grid import Grid
from predpol_eval.report.pictures.marks import role_of
from predpol_eval.trial.findings import Findings, NightTold
from predpol_eval.trial.findings.flagged import FlaggedNights
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings import League, Standing, league, look, sequences
from predpol_eval.trial.standings.places import ALL
from tests.trial.standings.worlds import plan_of, tally_from

BASELINES = {"three-week map": 0.21, "kernel": 0.22, "uniform": 0.08}


def plan_with(
    folder: Path,
    nights: int = 184,
    vendors: tuple[str, ...] = ("A", "B", "C"),
    in_house: tuple[str, ...] = ("in-house",),
    kinds: tuple[str, ...] = ("burglary", "robbery"),
    areas: tuple[str, ...] = ("South", "mid", "=North"),
    pairs: tuple[tuple[str, str], ...] | None = None,
) -> TrialPlan:
    """The plan of the made-up town with other names in it."""
    folder.mkdir(parents=True, exist_ok=True)
    looks = tuple(dict.fromkeys(max(1, round(share * nights)) for share in (1 / 3, 2 / 3, 1)))
    plan = plan_of(folder, nights, looks)
    who = (*vendors, *in_house)
    chosen = tuple((a, b) for number, a in enumerate(vendors) for b in who[number + 1 :]) if pairs is None else pairs
    return replace(
        plan, vendors=vendors, in_house=in_house, kinds=kinds, areas=areas, test=replace(plan.test, pairs=chosen)
    )


def grid_with(areas: tuple[str, ...], across: int = 5, cells: int = 8, ragged: bool = True) -> Grid:
    """Areas in rows of so many, each some cells wide, with borders that are not straight."""
    import shapely

    side, polygons = cells * 250.0, []
    rows = -(-len(areas) // across)

    def corner(column: int, row: int) -> tuple[float, float]:
        turn = 180.0 * ragged * np.sin([7.0 * column + 3 * row, 5.0 * row + 2 * column])
        return (430_000 + side * column + turn[0], 430_000 + side * row + turn[1])

    for number in range(len(areas)):
        row, column = divmod(number, across)
        row = rows - 1 - row
        around = ((column, row), (column + 1, row), (column + 1, row + 1), (column, row + 1))
        polygons.append(shapely.Polygon([corner(*place) for place in around]))
    return Grid.from_polygons(list(areas), polygons, cell=250, crs="EPSG:27700")


def tally_with(
    plan: TrialPlan, seed: int = 1, rate: float = 1.2, rates: dict[str, float] | None = None, **more: Any
) -> xr.Dataset:
    """Crimes at random, and what everybody catches of them."""
    generator = np.random.default_rng(seed)
    shape = (len(plan.kinds), len(plan.areas), len(plan.nights))
    events = generator.poisson(rate * np.linspace(0.6, 1.6, shape[1])[None, :, None], shape).astype(float)
    chosen = {name: 0.24 - 0.015 * place for place, name in enumerate(plan.submitters)} | BASELINES | (rates or {})
    hits = {name: generator.binomial(events.astype(int), min(share, 1.0)) for name, share in chosen.items()}
    return tally_from(plan, hits, events, oracle=np.ceil(0.7 * events), **more)


def nights_of(
    plan: TrialPlan, states: dict[str, str] | None = None, outcomes: dict[tuple[str, str], str] | None = None
) -> tuple[NightTold, ...]:
    """Every night settled and everybody in, but what is told."""
    told = []
    for night in plan.nights:
        state = (states or {}).get(night.name, "settled")
        known = state in ("settled", "provisional", "closed")
        own = {name: (outcomes or {}).get((name, night.name), "in") if known else "" for name in plan.submitters}
        told.append(NightTold(night=night.name, state=state, reason="", outcomes=own, received={}, files={}))
    return tuple(told)


def flagged_with(plan: TrialPlan, grid: Grid, seed: int = 1, boxes: int = 3, rate: float = 0.02) -> FlaggedNights:
    """Boxes drawn about hot spots that everybody knows more or less."""
    generator = np.random.default_rng(seed)
    cells = np.flatnonzero(grid.mask.ravel())
    areas = grid.label_code.ravel()[cells].astype(np.int64)
    nights, kinds = len(plan.nights), len(plan.kinds)
    risk = generator.gamma(0.25, 4.0, len(cells))
    shares = {}
    for place, name in enumerate(plan.submitters):
        made = np.zeros((nights, kinds, len(cells)))
        for night in range(nights):
            noisy = risk + generator.gamma(1.0, 0.2 + place, len(cells))
            for code in range(len(grid.labels)):
                own = np.flatnonzero(areas == code)
                made[night, :, own[np.argsort(-noisy[own])[:boxes]]] = 1.0
        shares[name] = made
    crimes = generator.poisson(rate * risk, (nights, kinds, len(cells))).astype(float)
    return FlaggedNights(
        cells=cells, areas=areas, nights=tuple(night.name for night in plan.nights), kinds=plan.kinds, shares=shares,
        ranks={}, crimes=crimes,
    )  # fmt: skip


def plain_league(tally: xr.Dataset, plan: TrialPlan, void: tuple[str, ...] = ()) -> League:
    """Standings with rates and rough intervals, at once where the true ones take a minute."""
    rows = []
    scopes = [(ALL, ALL), *((kind, ALL) for kind in plan.kinds), *((ALL, area) for area in plan.areas)]
    for kind, area in scopes if len(scopes) > 3 else scopes[:1]:
        part = tally.isel(budget=0) if "budget" in tally.dims else tally
        part = part if kind == ALL else part.sel(kind=[kind])
        part = part if area == ALL else part.sel(area=[area])
        crimes = float(part["events"].isel(forecaster=0).sum())
        caught = {str(name): float(part["hits"].sel(forecaster=name).sum()) for name in part["forecaster"].to_numpy()}
        caught["oracle"] = float(part["oracle_hits"].isel(forecaster=0).sum())
        order = sorted(caught, key=lambda name: -caught[name])
        for place, name in enumerate(order):
            rate = caught[name] / crimes if crimes else math.nan
            half = 2 * math.sqrt(max(rate * (1 - rate), 0) / crimes) if crimes > 20 else math.nan
            rows.append(standing(name, role_of(name, plan), rate, half, kind, area, place, crimes))
    nights = tuple(night.name for night in plan.nights if night.name not in void)
    return League(plan=plan.sha256, nights=nights, void=void, waiting=(), missing_rule="zero", rows=tuple(rows))


def standing(
    name: str,
    role: str,
    rate: float,
    half: float,
    kind: str = ALL,
    area: str = ALL,
    rank: int = 1,
    crimes: float = 100.0,
) -> Standing:
    """One row of a league: its rate, and half the width of its interval."""
    ratios = dict.fromkeys(
        (f"{ratio}{end}" for ratio in ("pai", "pei", "lift") for end in ("", "_low", "_high")), math.nan
    )
    return Standing(
        kind=kind, area=area, forecaster=name, role=role, hits=rate * crimes, crimes=crimes, hit_rate=rate,
        hit_rate_low=max(rate - half, 0.0) if half == half else math.nan, hit_rate_high=rate + half, by_the_rule=rate,
        nights=10, missing=0, late=0, rejected=0, failed=0, held=0, rank=0 if role == "oracle" else rank, rank_low=1,
        rank_high=1, **ratios,
    )  # fmt: skip


def findings_with(
    plan: TrialPlan,
    tally: xr.Dataset | None,
    *,
    plain: bool = False,
    grid: Grid | None = None,
    nights: tuple[NightTold, ...] | None = None,
    flagged: FlaggedNights | None = None,
    taken: tuple[int, ...] = (),
) -> Findings:
    """Put findings together; looks are taken by number."""
    told = nights_of(plan) if nights is None else nights
    void = tuple(night.night for night in told if night.state == "void")
    some = tally is not None
    places = None
    if tally is not None:
        places = plain_league(tally, plan, void) if plain else league(tally, plan, void=void, draws=99)
    return Findings(
        plan=plan,
        grid=plan.make_grid() if grid is None else grid,
        at=datetime(2019, 2, 1, tzinfo=UTC),
        head="0" * 64,
        records=1,
        settled_only=True,
        nights=told,
        tally=tally,
        league=places,
        looks=tuple(look(tally, plan, number, void=void) for number in taken) if some else (),
        due=(),
        courses=sequences(tally, plan, void=void) if some else (),
        suspicions=(),
        together=(),
        patrols=None,
        flagged=flagged,
        revisions=(),
    )
