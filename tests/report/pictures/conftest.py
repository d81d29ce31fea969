"""Findings to draw, made once: a usual trial, one of many, one of odd names, one night, and what is empty."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from predpol_eval.report import pictures
from predpol_eval.trial.findings import Findings
from tests.report.pictures.made import findings_with, flagged_with, grid_with, nights_of, plan_with, tally_with

DRAW = {name.removeprefix("draw_"): getattr(pictures, name) for name in pictures.__all__ if name.startswith("draw_")}
LONG = "a very long name of a baseline, the map of the last three weeks with a kernel of "
ODD = ("$A_1$", '<b>&"x"</b>', "الف")


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Half a year of three vendors and a map of the house, so far: one look, nights void, missing and not settled."""
    plan = plan_with(
        tmp_path_factory.mktemp("usual"), kinds=("Break and Enter", "Robbery"), areas=("70", "73", "75", "76", "77")
    )
    grid = grid_with(plan.areas, across=3)
    names = [night.name for night in plan.nights]
    states = dict.fromkeys([*names[40:43], names[100]], "void") | dict.fromkeys(names[164:180], "provisional")
    states |= {names[180]: "closed", names[181]: "open", names[182]: "to come", names[183]: "to come"}
    outcomes = {
        ("A", names[5]): "missing", ("B", names[9]): "late", ("C", names[19]): "rejected", ("C", names[33]): "held",
    }  # fmt: skip
    told = nights_of(plan, states, outcomes)
    tally = tally_with(plan, status={"A": {5: "missing"}, "B": {9: "late"}, "C": {19: "rejected"}})
    counts = [place for place in range(164) if names[place] not in states and place != 33]
    tally = tally.isel(window=counts)
    # As the tally of a trial tells it: our checks broke, so that the night is left out for everybody.
    tally.attrs["left_out"] = json.dumps({names[33]: "held"})
    return findings_with(
        plan, tally, grid=grid, nights=told, flagged=flagged_with(plan, grid, rate=0.005),
        taken=(1,), plain=True,
    )  # fmt: skip


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Thirty nights of one vendor with some missing, with the true league, one void night, and all looks."""
    plan = plan_with(tmp_path_factory.mktemp("small"), nights=30, vendors=("A", "B"), kinds=("burglary",))
    names = [night.name for night in plan.nights]
    tally = tally_with(plan, rate=3, status={"A": {3: "missing", 20: "late"}}, rates={"A": 0.46})
    tally = tally.isel(window=[place for place in range(30) if place != 7])
    told = nights_of(plan, {names[7]: "void"}, {("A", names[3]): "missing", ("A", names[20]): "late"})
    grid = grid_with(plan.areas, across=3)
    return findings_with(plan, tally, grid=grid, nights=told, flagged=flagged_with(plan, grid), taken=(1, 2, 3))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Eight submitters, 13 pairs, ten kinds and 32 areas, with long names that begin or end alike."""
    areas = tuple(
        f"{start} and the {end}"
        for start in ("Barking", "Kensington", "Hammersmith", "Richmond", "Tower", "Kingston", "Waltham", "Hounslow")
        for end in ("North", "South", "Marshes", "Hamlets upon Thames")
    )
    plan = plan_with(
        tmp_path_factory.mktemp("many"), nights=8, vendors=tuple("ABCDEFG"), areas=areas,
        kinds=tuple(f"kind of crime number {number}" for number in range(10)),
        pairs=tuple((a, b) for a in "AB" for b in (*"ABCDEFG", "in-house") if a < b),
    )  # fmt: skip
    tally = tally_with(plan, rate=0.3, rates={f"{LONG}500 m": 0.2, f"{LONG}900 m": 0.2})
    grid = grid_with(areas, across=7, cells=6)
    return findings_with(plan, tally, grid=grid, flagged=flagged_with(plan, grid), taken=(3,), plain=True)


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Names that are formulas, tags and of another script."""
    plan = plan_with(
        tmp_path_factory.mktemp("odd"), nights=20, vendors=ODD, in_house=("in-house map of the intelligence unit",)
    )
    grid = grid_with(("South $x^2$", "<mid>", "North & Łódź"), across=3)
    tally = tally_with(plan, rate=3)
    return findings_with(plan, tally, grid=grid, flagged=flagged_with(plan, grid), taken=(3,), plain=True)


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """One night of one vendor in one area."""
    plan = plan_with(
        tmp_path_factory.mktemp("one"), nights=1, vendors=("A",), in_house=(), kinds=("burglary",), areas=("South",)
    )
    grid = grid_with(plan.areas, across=1)
    return findings_with(plan, tally_with(plan, rate=9), grid=grid, flagged=flagged_with(plan, grid))


@pytest.fixture(scope="session")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Two nights of two: nobody has an interval."""
    plan = plan_with(tmp_path_factory.mktemp("two"), nights=2, vendors=("A", "B"), in_house=())
    grid = grid_with(plan.areas, across=3)
    return findings_with(plan, tally_with(plan), grid=grid, flagged=flagged_with(plan, grid), taken=(1,))


@pytest.fixture(scope="session")
def no_crime(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Ten nights on which nothing happened."""
    plan = plan_with(tmp_path_factory.mktemp("none"), nights=10)
    grid = grid_with(plan.areas, across=3)
    return findings_with(plan, tally_with(plan, rate=0), grid=grid, flagged=flagged_with(plan, grid, rate=0))


@pytest.fixture(scope="session")
def all_void(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Ten nights, none of which counts."""
    plan = plan_with(tmp_path_factory.mktemp("void"), nights=10)
    return findings_with(plan, None, nights=nights_of(plan, {night.name: "void" for night in plan.nights}))


@pytest.fixture(scope="session")
def drawn() -> Callable[[Findings], dict[str, Figure | None]]:
    """All pictures of findings, by what they show, drawn once."""
    kept: dict[int, dict[str, Figure | None]] = {}

    def pictures_of(findings: Findings) -> dict[str, Figure | None]:
        if id(findings) not in kept:
            kept[id(findings)] = {what: draw(findings) for what, draw in DRAW.items()}
        return kept[id(findings)]

    return pictures_of


CASES = ("usual", "small", "many", "odd", "one", "two_nights", "no_crime", "all_void")


@pytest.fixture(params=CASES)
def each_case(request: pytest.FixtureRequest) -> tuple[str, Findings]:
    """Every one of them, with its name."""
    return request.param, request.getfixturevalue(request.param)
