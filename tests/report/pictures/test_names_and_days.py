"""Names that fit, labels that keep apart, and days worth a mark."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from predpol_eval.report.pictures.date_axis import day_of, round_days
from predpol_eval.report.pictures.keys import KeyEntry, lay_key
from predpol_eval.report.pictures.paper import new_sheet, panel, percents, plain_settings
from predpol_eval.report.pictures.short_names import clean, distinct, fitted, widest, width_of
from predpol_eval.report.pictures.spreading import spread

names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"], max_codepoint=0x24F), max_size=60)


@given(names, st.floats(30, 200), st.integers(1, 4))
def test_fitted_fits(name, points, lines):
    made = fitted(name, points, lines=lines)
    assert made.count("\n") < lines
    assert widest([made]) <= points + 1e-6 or len(made) <= 2 * lines
    if width_of(clean(name)) <= points:
        assert made == clean(name)
    whole = made.replace("\n", "").replace(" ", "").removesuffix("…")
    assert clean(name).replace(" ", "").startswith(whole) or not made.endswith("…")


@given(st.lists(names, min_size=1, max_size=8, unique_by=clean))
def test_distinct_names_are_never_alike(many):
    kept = [name for name in many if clean(name)]
    made = distinct(kept, 80.0)
    assert len(made) == len(kept)
    assert len(set(made)) == len(set(map(clean, kept)))


def test_names_alike_at_both_ends_get_numbers():
    made = distinct([f"a long name of an area with a {middle} and a long end of a name" for middle in "xyz"], 90.0)
    assert len(set(made)) == 3
    assert made[1].endswith(" (2)")


def test_percent_signs_stay_with_their_number():
    for points in range(60, 200, 3):
        assert "\n%" not in fitted("intervals of 95 % and of 99 % for all", points, lines=9)


def test_all_of_a_long_note_is_kept():
    note = " ".join(f"word{number}" for number in range(80))
    assert fitted(note, 100, lines=60).replace("\n", " ") == note


@given(st.lists(st.floats(0, 100), min_size=1, max_size=9), st.floats(1, 9))
def test_spread_is_ordered_apart_and_inside(places, gap):
    moved = spread(places, gap, 0.0, 100.0)
    order = np.argsort(places, kind="stable")
    assert (np.diff(moved[order]) >= gap - 1e-9).all()
    assert (moved >= -1e-9).all()
    assert (moved <= 100 + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_spread_moves_as_little_as_can_be(seed):
    places = np.sort(np.random.default_rng(seed).uniform(0, 40, 6))
    moved = spread(places, 7.0, 0.0, 45.0)
    apart = [{"type": "ineq", "fun": lambda x, i=i: x[i + 1] - x[i] - 7.0} for i in range(5)]
    found = minimize(
        lambda x: ((x - places) ** 2).sum(), np.linspace(1, 44, 6), bounds=[(0, 45)] * 6, constraints=apart
    )
    assert ((moved - places) ** 2).sum() <= found.fun + 1e-4


def test_no_room_for_all_makes_the_gap_smaller():
    assert spread([1.0, 1.0, 1.0], 50.0, 0.0, 10.0).tolist() == [0.0, 5.0, 10.0]
    assert spread([], 5.0, 0.0, 10.0).size == 0


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 2500), st.integers(2, 8))
def test_days_worth_a_mark(first, length, count):
    days = round_days(day_of(first.isoformat()), day_of((first + timedelta(length)).isoformat()), count)
    assert days
    assert len(days) <= count + 1
    assert days == sorted(set(days))
    assert day_of(first.isoformat()) <= days[0]
    assert days[-1] <= day_of(first.isoformat()) + length


@given(st.floats(0.004, 1.0), st.integers(2, 6))
def test_percents_are_round_and_several(most, count):
    with plain_settings():
        figure, _ = new_sheet(100)
        axes = panel(figure, 20, 20, 200, 50)
        percents(axes.xaxis, most, count)
        ticks = axes.get_xticks()
    assert len(ticks) >= 2
    assert len(ticks) <= count + 1
    assert ticks[0] == 0
    assert ticks[-1] <= most + 1e-9


@given(st.lists(st.text("abcdefgh ", min_size=1, max_size=70), max_size=12))
def test_keys_stay_on_the_sheet(texts):
    key = lay_key([KeyEntry(text, lambda *_: None) for text in texts], width=300)
    right = [x + 17 + width_of(entry.text) for entry, x, _ in key.entries]
    assert all(end <= 300 + 1e-6 for end in right)
    lines = {}
    for (_, x, y), end in zip(key.entries, right, strict=True):
        assert x >= lines.get(y, 0.0)
        lines[y] = end
    assert key.height == pytest.approx(14 * len(lines))
