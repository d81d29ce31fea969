"""The calendar of nights: one sign for each night of everybody, and a key of those that occur."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.path import Path

from predpol_eval.report.pictures import draw_nights
from predpol_eval.report.pictures.nights_picture import MEANINGS, state_of
from predpol_eval.trial.findings import NightTold


def told(state="settled", outcome="in"):
    return NightTold(night="2018-07-01", state=state, reason="", outcomes={"A": outcome}, received={}, files={})


@pytest.mark.parametrize(
    ("state", "outcome", "sign"),
    [
        ("settled", "in", "in"),
        ("provisional", "in", "in, not settled"),
        ("closed", "in", "in, not settled"),
        ("settled", "late", "late"),
        ("closed", "rejected", "rejected"),
        ("provisional", "missing", "missing"),
        ("settled", "held", "held"),
        ("void", "", "void"),
        ("void", "in", "void"),
        ("open", "", "to come"),
        ("to come", "", "to come"),
    ],
)
def test_the_sign_of_a_night(state, outcome, sign):
    assert state_of(told(state, outcome), "A") == sign
    assert sign in MEANINGS


def signs(figure):
    """Signs drawn in the calendar, the key's among them: by look, how many."""
    page = figure.axes[0]
    found = Counter()
    for patch in page.patches:
        # A path begins anew at every box.
        count = int((patch.get_path().codes == Path.MOVETO).sum())
        corners = len(patch.get_path().codes) // count
        found[to_hex(patch.get_facecolor()), corners] += count
    for line in page.lines:
        found[line.get_marker()] += len(line.get_xdata())
    return found


def test_every_night_has_its_sign_and_each_is_another(usual):
    states = Counter(state_of(night, name) for night in usual.nights for name in usual.plan.submitters)
    found = signs(draw_nights(usual))
    assert set(states) == set(MEANINGS)
    assert sorted(found.values()) == sorted(count + 1 for count in states.values()), "one more of each, in the key"
    # Told apart without colour: markers, corners, or light from dark.
    assert len(found) == len(MEANINGS)


def test_a_sign_stands_on_its_day_and_row(usual):
    page = draw_nights(usual).axes[0]
    (cross,) = [line for line in page.lines if line.get_marker() == "x" and len(line.get_xdata()) == 1][:1]
    days = {text.get_text(): text for text in page.texts}
    rows = [text for text in page.texts if text.get_text() == "C"]
    # C was rejected on 20 July, the first month.
    assert cross.get_xdata()[0] == pytest.approx(days["20"].get_position()[0], abs=0.01)
    assert cross.get_ydata()[0] == pytest.approx(rows[0].get_position()[1], abs=0.01)
    months = [text.get_text() for text in page.texts if text.get_text().endswith(" 2018")]
    assert months == ["Jul 2018", "Aug 2018", "Sep 2018", "Oct 2018", "Nov 2018", "Dec 2018"]


def test_the_key_names_what_occurs_alone(one, all_void):
    texts = {text.get_text() for text in draw_nights(one).axes[0].texts}
    assert MEANINGS["in"] in texts
    assert not texts & {text for state, text in MEANINGS.items() if state != "in"}
    texts = {text.get_text() for text in draw_nights(all_void).axes[0].texts}
    assert texts & set(MEANINGS.values()) == {MEANINGS["void"]}


def test_nobody_and_no_night(one):
    nobody = replace(one, plan=replace(one.plan, vendors=(), in_house=()))
    assert draw_nights(nobody) is None
    assert draw_nights(replace(one, nights=())) is None


def test_boxes_of_a_row_do_not_touch(usual):
    page = draw_nights(usual).axes[0]
    boxes = max((patch.get_path() for patch in page.patches), key=lambda path: len(path.vertices))
    left = np.sort(boxes.vertices.reshape(-1, 5, 2)[:, 0, 0])
    right = np.sort(boxes.vertices.reshape(-1, 5, 2)[:, 1, 0])
    assert (left[1:] > right[:-1]).all()
