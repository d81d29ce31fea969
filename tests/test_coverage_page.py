"""The committed table of coverage: complete, its words those of its numbers, and its cells found again."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "tables" / "coverage.md"


@pytest.fixture(scope="module")
def scripts():
    """The scripts that made the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        names = ("interval_coverage", "coverage_page", "coverage_differences", "coverage_surfaces", "coverage_worlds")
        yield {name: importlib.import_module(f"docs.scripts.{name}") for name in names}


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text(encoding="utf-8")


def table(page: str, title: str, number: int = 0) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the table under a title."""
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0] if number == 0 else page.split(f"\n### {title}\n")[1]
    lines = [line for line in section.split("\n## ")[0].split("\n### ")[0].splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], [row for row in rows[2:] if not set("".join(row)) <= set("-: ")]


def share(cell: str) -> float:
    return float(re.match(r"\**([\d.]+)", cell)[1]) / 100


def test_every_world_is_there(page, scripts):
    worlds = scripts["coverage_worlds"]
    for title, number in (("Intervals of a difference", 0), ("Where one is better", 1)):
        heads, rows = table(page, title, number)
        assert len(rows) == len(worlds.RATES) * 2 * len(scripts["coverage_page"].NIGHTS)
        assert heads[4:9] == [f"`{name}`" for name in scripts["coverage_differences"].COLUMNS]
    assert f"{scripts['interval_coverage'].RUNS:,} simulated trials" in page


def test_what_is_marked_is_outside_and_nothing_else(page):
    for title, number in (("Intervals of a difference", 0), ("Where one is better", 1)):
        _, rows = table(page, title, number)
        for row in rows:
            for cell in row[4:]:
                if cell == "none given":
                    continue
                told = share(cell)
                # A share is rounded to .1 %; at an edge either may be right.
                if abs(told - 0.93) > 6e-4:
                    assert cell.startswith("**") == (told < 0.93), row
                if abs(told - 0.97) > 6e-4:
                    assert (cell.startswith("*") and cell[1] != "*") == (told > 0.97), row


def test_the_short_table_names_the_methods_that_cover(page):
    _, short = table(page, "In short")
    heads, alike = table(page, "Intervals of a difference")
    _, better = table(page, "Where one is better", 1)
    names = [head.strip("`") for head in heads[4:9]]
    for row, one, other in zip(short, alike, better, strict=True):
        assert row[:3] == one[:3] == other[:3]
        good = []
        for name, *both in zip(names, one[4:9], other[4:9], strict=True):
            if not any(cell.startswith("**") for cell in both):
                wide = any(cell.startswith("*") for cell in both)
                good.append(f"(`{name}`)" if wide else f"`{name}`")
        assert row[3] == (", ".join(good) or "none")


def test_what_the_library_promises_stands_in_the_table(page):
    """Everywhere some method covers; independent and clustered nights keep the sequence's promise."""
    _, rows = table(page, "Looking every night")
    for row in rows:
        if row[1] in ("independent", "clustered"):
            assert not row[4].startswith("**"), row
            assert not row[5].startswith("**"), row
    _, short = table(page, "In short")
    assert all(row[3] != "none" for row in short), "there is a world in which no method covers"
    for row in short:
        if row[1] in ("independent", "clustered", "correlation .25"):
            assert "`dm`" in row[3], row
        assert "`bootstrap`" in row[3], row


def test_cells_are_found_again(page, scripts, full_run):
    """A few hundred trials of some worlds (all 2,000 in the long run) come out as the table says, but for chance."""
    runs = 2000 if full_run else 250
    judge, World = scripts["coverage_differences"].judge, scripts["coverage_worlds"].World
    heads, rows = table(page, "Intervals of a difference")
    for crimes, nights, number, columns in (
        ("dense", "independent", 60, ("dm", "bootstrap", "signflip")),
        ("dense", "clustered", 180, ("dm", "signflip")),
        ("sparse", "independent", 180, ("dm", "bootstrap")),
    ):
        found = judge(World(crimes, nights, number), runs, 7, columns)
        (row,) = [row for row in rows if row[:3] == [crimes, nights, str(number)]]
        for name in columns:
            told = share(row[heads.index(f"`{name}`")])
            error = 4 * (told * (1 - told) * (1 / runs + 1 / 2000)) ** 0.5
            assert found[name].covers == pytest.approx(told, abs=error), (crimes, nights, number, name)


def test_the_worlds_are_what_they_say(scripts, full_run):
    worlds = scripts["coverage_worlds"]
    for nights in ("independent", "clustered", "0.5"):
        # To find the bells of correlated counts takes seconds; one kind of them is enough here.
        last = len(worlds.RATES) if full_run or nights != "0.5" else 1
        for crimes, (alone, both, neither) in list(worlds.RATES.items())[:last]:
            world = worlds.World(crimes, nights, 60, differ=nights in ("independent", "clustered"))
            a, b, n = worlds.trials(world, 2000, 3)
            chance = (10 * alone / 120_000) ** 0.5 / (2 * alone)
            assert (a - b).sum() / n.sum() == pytest.approx(world.delta, abs=4 * chance)
            assert n.mean() == pytest.approx(2 * alone + both + neither, rel=0.03)
            alike = worlds.World(crimes, nights, 60)
            d = worlds.trials(alike, 2000, 3)
            z = d[0] - d[1]
            near = (z[:, 1:] * z[:, :-1]).mean() / (z * z).mean()
            assert near == pytest.approx(world.correlation, abs=0.02)
            stretch = 5 if nights == "clustered" else 1
            assert (z * z).mean() == pytest.approx(stretch * 2 * alone, rel=0.06)
