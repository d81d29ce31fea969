"""The committed table of what the continuous model finds in simulated cities: its claims, and one row rerun."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(DOCS / "scripts")
        return importlib.import_module("recovery_continuous")


@pytest.fixture(scope="module")
def committed():
    """Rows of the committed table by city."""
    text = (DOCS / "tables" / "recovery_continuous.md").read_text(encoding="utf-8")
    rows = [
        [part.strip() for part in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    return {row[0]: row for row in rows if row[0] not in ("city", "---")}


def pair(cell):
    """A number and its Monte Carlo error."""
    found = re.fullmatch(r"([+-]?[\d.]+) ± ([\d.]+)", cell)
    return float(found[1]), float(found[2])


def covered(row):
    return [tuple(map(int, cell.split(" of "))) for cell in row[14:17]]


def test_the_table_has_every_row(script, committed):
    assert set(committed) == {city.name for city in (*script.CLAIMED, *script.UNCLAIMED)}


def test_what_is_claimed_is_recovered(script, committed):
    for city in script.CLAIMED:
        row = committed[city.name]
        assert city.enough >= 500
        for bias, error in map(pair, row[8:11]):
            assert abs(bias) < 3 + 2 * error, row
        # 42 of 50 are missed by less than one in a thousand of true 95 % intervals.
        assert all(count >= 42 and runs == 50 for count, runs in covered(row)), row


def test_what_is_expected_happens(script, committed):
    """All cities together, within Monte Carlo error: by row, and over all of them."""
    found = [pair(committed[city.name][17]) for city in (*script.CLAIMED, *script.UNCLAIMED)]
    assert all(abs(ratio - 1) < 3 * error for ratio, error in found), found
    ratios, errors = np.array(found).T
    weight = errors**-2.0
    assert abs((weight * ratios).sum() / weight.sum() - 1) < 3 * weight.sum() ** -0.5


def test_slow_repeats_are_where_it_fails(script, committed):
    for city in script.UNCLAIMED:
        assert city.enough < 100
        assert pair(committed[city.name][8])[0] < 0 < pair(committed[city.name][9])[0]


def test_some_cities_of_a_row_are_found_again(script, committed):
    city = script.CLAIMED[1]
    line = script.recover(city, runs=4)
    row = committed[city.name]
    for (bias, error), found, rmse in zip(map(pair, row[8:11]), line.bias, row[11:14], strict=True):
        # Four cities of fifty: within the spread of one city, which the RMSE tells.
        assert 100 * found == pytest.approx(bias, abs=3 * float(rmse) / 2 + error)
    assert min(line.covered) >= 2
    ratio, spread = line.expected
    assert ratio == pytest.approx(1.0, abs=4 * spread + 0.05)


@pytest.mark.slow
def test_all_rows_are_found_again(script, committed):
    for city in (*script.CLAIMED, *script.UNCLAIMED):
        fresh, row = script.written(script.recover(city)), committed[city.name]
        assert fresh[:6] == row[:6]
        for new, old in zip(fresh[8:11], row[8:11], strict=True):
            assert pair(new)[0] == pytest.approx(pair(old)[0], abs=pair(old)[1] + 0.1)
        for (count, _), (before, _) in zip(covered(fresh), covered(row), strict=True):
            assert abs(count - before) <= 3
