"""The committed table of what the nonparametric model finds in simulated cities: its claims, found again."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "scripts")
        return importlib.import_module("recovery_nonparametric")


@pytest.fixture(scope="module")
def committed(script):
    """Rows of the committed table: by city, what stands in each column."""
    text = (DOCS / "tables" / "recovery_nonparametric.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    rows = [[part.strip() for part in line.strip("|").split("|")] for line in lines]
    assert rows[0] == script.HEADS
    return {row[0]: dict(zip(script.HEADS, row, strict=True)) for row in rows[2:]}


def pair(cell):
    """A mean and its Monte Carlo error."""
    value, error = re.fullmatch(r"([+-]?[\d.]+) ± ([\d.]+)", cell).groups()
    return float(value), float(error)


def test_the_table_has_every_row_and_its_introduction(script, committed):
    assert list(committed) == [city.name for city in script.CITIES]
    text = (DOCS / "tables" / "recovery_nonparametric.md").read_text(encoding="utf-8")
    assert script.INTRODUCTION in text
    assert script.CLOSING in text


def test_what_is_claimed_holds_in_the_table(script, committed):
    for city in script.CITIES:
        row = committed[city.name]
        bias, _ = pair(row["bias"])
        assert float(row["found"]) == pytest.approx(city.theta + bias, abs=2e-4)
        assert abs(bias) < 0.05, city
        assert float(row["RMSE"]) < 0.08, city
        # One answer from both starts, in every city, and all came to rest.
        assert float(row["starts"]) < 0.01, city
        assert row["converged"] == f"{script.RUNS} of {script.RUNS}"
        for days in script.AHEAD:
            ratio, error = pair(row[f"expected, {days} d"])
            assert abs(ratio - 1) < 3 * error + 0.02, (city, days)


def test_no_repeats_are_found_where_there_are_none(committed):
    assert float(committed["no repeats"]["found"]) < 0.005


def test_the_first_cities_of_a_row_are_found_again(script, committed):
    city = script.CITIES[-1]
    line = script.recover(city, runs=script.FIRST)
    found = [float(part) for part in committed[city.name]["first cities"].split(", ")]
    # Another build of numpy may move the last digits, and with them where the iterations stop.
    assert line.first == pytest.approx(found, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["no repeats", "some repeats", "many repeats, 1,500 crimes"])
def test_a_whole_row_is_found_again(script, committed, name):
    city = next(city for city in script.CITIES if city.name == name)
    fresh, row = dict(zip(script.HEADS, script.written(script.recover(city)), strict=True)), committed[name]
    assert fresh["crimes"] == row["crimes"]
    for head in ("found", "RMSE"):
        assert float(fresh[head]) == pytest.approx(float(row[head]), abs=0.002)
    for head in ("background share", *(f"expected, {days} d" for days in script.AHEAD)):
        assert pair(fresh[head])[0] == pytest.approx(pair(row[head])[0], abs=0.005)
