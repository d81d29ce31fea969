"""A released extract is read back as what was known, and nothing more."""

from __future__ import annotations

import numpy as np
import pytest

from predpol_eval.trial.outcomes.release import make_release
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.plan import read_plan
from predpol_eval.trial.rehearsal.extract import read_extract
from tests.trial.plan.town import X, Y
from tests.trial.rehearsal.town import crimes, write_rules
from tests.trial.scoring.nights import crime, events_of

SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return read_plan(write_rules(tmp_path_factory.mktemp("plan")))


def given(events, plan, secret=SECRET):
    made = make_release(events, plan, plan.make_grid(), plan.nights[0], secret)
    return read_extract(made.data, made.told)


def test_it_is_what_was_known_at_the_cut(plan):
    events = crimes()
    known = events.known_at(utc64(plan.nights[0].cut, "cut"))
    found = given(events, plan)
    assert len(found) == len(known)
    assert (np.sort(found.happened) == np.sort(known.happened)).all()
    assert (np.sort(found.recorded) == np.sort(known.recorded)).all()
    assert found.kinds == known.kinds
    assert found.observed[-1][1] == utc64(plan.nights[0].cut, "cut")
    assert found.observed[0][0] <= found.happened[0]
    grid = plan.make_grid()
    assert (np.bincount(grid.cells_of(found)) == np.bincount(grid.cells_of(known))).all()


def test_the_secret_of_the_pseudonyms_does_not_matter(plan):
    events = crimes()
    assert given(events, plan).fingerprint == given(events, plan, bytes(range(1, 33))).fingerprint


def test_without_recording_times(plan):
    events = crimes(recorded=False)
    found = given(events, plan)
    assert found.information_set == "happened"
    assert len(found) == int((events.happened < utc64(plan.nights[0].cut, "cut")).sum())


def test_uncertain_moments_and_odd_kinds(plan, tmp_path):
    text = (tmp_path / "odd", '"burglary", "robbery"', '"=1+1", "\'quoted, \\"so\\""')
    from tests.trial.rehearsal.town import RULES

    odd = read_plan(write_rules(text[0], RULES.replace(text[1], text[2])))
    place = X + 100, Y + 100
    events = events_of(
        [crime(place, "2018-06-20 12:00", "=1+1", u="2018-06-22 08:00"), crime(place, "2018-06-21", '\'quoted, "so"')]
    )
    found = given(events, odd)
    assert sorted(found.kind.tolist()) == ['\'quoted, "so"', "=1+1"]
    assert (found.midpoint == events.midpoint).all()


def test_nothing_known_is_nothing(plan):
    late = events_of([crime((X + 100, Y + 100), "2018-07-20 12:00")])
    assert given(late, plan) is None
