"""The committed comparison of the blend with simple maps: its rows add up, and its words are those of its numbers."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
ROW = re.compile(
    r"\| (?P<city>[^|]+) \| (?P<kind>[^|]+) \| (?P<nights>[\d,]+) \| (?P<crimes>[\d,]+) \| (?P<weeks>[\d,.]+) "
    r"\| (?P<best>[\d,.]+) \| (?P<blend>[\d,.]+) \| "
    r"(?P<gap>[+-][\d.]+) \((?P<low>[+-][\d.]+) to (?P<high>[+-][\d.]+)\) \|"
)


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "scripts")
        return importlib.import_module("skill")


@pytest.fixture(scope="module")
def page():
    return (DOCS / "tables" / "skill.md").read_text(encoding="utf-8")


def rows(page):
    """Numbers of every row, by city and kind."""
    found = {}
    for match in ROW.finditer(page):
        parts = match.groupdict()
        name = parts.pop("city").strip("*"), parts.pop("kind")
        found[name] = {part: float(text.replace(",", "")) for part, text in parts.items()}
    return found


def test_the_rows_add_up(page):
    every = rows(page)
    total = every.pop(("all", "all"))
    single = {name: row for name, row in every.items() if name[1] != "all"}
    assert {name[0] for name in single} == {"Toronto", "Chicago", "Seattle", "New York"}
    for part in ("crimes", "weeks", "best", "blend"):
        assert sum(row[part] for row in single.values()) == pytest.approx(total[part], abs=len(single))
    assert total["crimes"] > 10_000
    for row in (*single.values(), total):
        assert row["gap"] == pytest.approx(100 * (row["blend"] - row["best"]) / row["crimes"], abs=0.01)
        assert row["low"] < row["gap"] < row["high"]


def test_the_words_are_those_of_the_numbers(page):
    text = " ".join(page.split())
    total = rows(page)["all", "all"]
    said = (
        "catches more than"
        if total["low"] > 0
        else "catches fewer than"
        if total["high"] < 0
        else "cannot be told from"
    )
    assert f"the blend {said} the simple map that did best on the windows before" in text
    assert f"95 % interval {total['low']:+.2f} to {total['high']:+.2f}" in text
    for (city, kind), row in rows(page).items():
        if kind != "all" and row["blend"] < row["best"] - 0.1:
            assert re.search(rf"Where the simple map caught more: .*{city}", text), (city, kind)


@pytest.mark.slow
@pytest.mark.shared_data
def test_seattle_comes_out_again(script, page, shared_data):
    city = script.seattle(shared_data)
    (line,) = script.rows(city, script.run(city, n_jobs=1))
    fresh, committed = rows(line)["Seattle", "Burglary"], rows(page)["Seattle", "Burglary"]
    assert fresh["crimes"] == committed["crimes"]
    for part in ("weeks", "best", "blend"):
        assert fresh[part] == pytest.approx(committed[part], abs=3.0)


def test_both_sides_can_be_run(script):
    import predpol_eval as ppe

    events = ppe.sample_events(kinds="Break and Enter")
    grid = ppe.Grid.from_areas(ppe.sample_areas(), cell=250)
    nights = ppe.Schedule(start="2018-06-01", end="2018-06-04", tz=events.tz)
    city = script.City("Sample", events, grid, nights, ("Break and Enter",))
    tally = script.run(city, n_jobs=1)
    assert (tally["status"] == "ok").all()
    assert script.pooled([(city, tally)]).sizes["window"] == 3
    assert "too few" in script.rows(city, tally)[0]
