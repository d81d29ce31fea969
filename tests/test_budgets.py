"""Budgets: what can be asked for, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from predpol_eval import Coverage, Flags, InputError, TopCells
from predpol_eval.budgets import read_budgets


@pytest.mark.parametrize("k", [0, -1, 2.5, 10.0, "10", None, True, np.nan])
def test_no_number_of_cells(k):
    with pytest.raises(InputError, match="whole number of cells"):
        TopCells(k)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, 5, np.nan, np.inf, "0.1", None, True])
def test_no_share_of_the_ground(fraction):
    with pytest.raises(InputError, match=r"0\.01 for 1 %"):
        Coverage(fraction)


@pytest.mark.parametrize("m2", [0, -1, np.nan, np.inf, "1", None])
def test_no_area(m2):
    with pytest.raises(InputError, match="above 0"):
        Flags(m2)


def test_words_that_are_none():
    with pytest.raises(InputError, match="per="):
        TopCells(1, per="borough")
    with pytest.raises(InputError, match="per="):
        Coverage(0.1, per="city")
    with pytest.raises(InputError, match="rounding="):
        Coverage(0.1, rounding="round")


def test_labels_are_readable():
    given = [
        TopCells(10), TopCells(10, per="area"), Coverage(0.01), Coverage(0.025, per="area"),
        Coverage(0.05, rounding="floor"), Coverage(1.0, per="area", rounding="ceil"), Flags(625000),
    ]  # fmt: skip
    assert [str(budget) for budget in given] == [
        "top 10", "top 10 per area", "1 % of the ground", "2.5 % of each area",
        "5 % of the ground, whole cells (floor)",
        "100 % of each area, whole cells (ceil)", "flags up to 0.625 km2",
    ]  # fmt: skip
    assert read_budgets(given) == tuple(given)
    assert read_budgets(TopCells(3)) == (TopCells(3),)
    assert TopCells(np.int64(3)) == TopCells(3)
    assert hash(Coverage(0.1)) == hash(Coverage(0.1))


def test_the_same_budget_twice_or_none():
    with pytest.raises(InputError, match="top 3"):
        read_budgets([TopCells(3), Coverage(0.1), TopCells(3)])
    with pytest.raises(InputError, match="No budget"):
        read_budgets([])
    with pytest.raises(InputError, match="not a budget"):
        read_budgets([TopCells(3), 0.1])
    with pytest.raises(InputError, match="10 is not a budget"):
        read_budgets(10)
