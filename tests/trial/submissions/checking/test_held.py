"""A check of ours that breaks holds a file; it never rejects one."""

from __future__ import annotations

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.submissions import checked as checking
from predpol_eval.trial.submissions.check_table import CHECKS
from predpol_eval.trial.submissions.checked import judge
from predpol_eval.trial.submissions.context import Case
from tests.trial.submissions.checking.town import (
    GRID,
    NIGHTS,
    PLAN,
    StandIn,
    as_rows,
    box,
    check,
    csv,
    drawn,
    geojson,
    limited,
    rows,
)


def breaks(case):
    raise KeyError(f"no such thing as {object()}")


def with_broken(name):
    return tuple(rule._replace(run=breaks) if rule.name == name else rule for rule in CHECKS)


def judged(table, found):
    case = Case(size=0, load=lambda: found, plan=PLAN, grid=GRID, nights=NIGHTS[:1])
    return judge(case, label="A", name="", file="0" * 64, table=table)


@pytest.mark.parametrize("name", [rule.name for rule in CHECKS])
def test_a_broken_check_holds_the_file_and_the_others_go_on(name):
    (rule,) = (rule for rule in CHECKS if rule.name == name)
    # One of three boxes is missing, or a little of the ground, which is told if it can be.
    thin = [*drawn()[:-1], drawn()[-1] | {"shape": box(100, 100, 800, 350)}]
    found = as_rows(thin if rule.form == "boxes" else rows()[:-2])
    checked = judged(with_broken(name), found)
    assert checked.outcome == "held"
    assert checked.predictions is None
    assert [result.name for result in checked.broke] == [name]
    assert checked[name].reason == "KeyError: 'no such thing as <object object at 0x...>'"
    words = checked.in_words()
    assert "our fault" in words
    assert f"{name}: " in words
    told = "box_area_used" if rule.form == "boxes" else "enough_boxes"
    (few,) = (rule for rule in CHECKS if rule.name == told)
    outcome = "broke" if name == few.name else "skipped" if rule.stops or name in few.needs else "fail"
    assert checked[few.name].outcome == outcome


@pytest.mark.parametrize("name", ["plan_nights", "one_form", "filled", "cells_known", "risk_number", "duplicates"])
def test_a_wrong_file_is_held_too_and_told_what_is_wrong(name):
    checked = judged(with_broken(name), as_rows([*rows(), rows()[0] | {"kind": "theft", "risk": 5.0}]))
    assert checked.outcome == "held"
    assert checked["kinds_known"].outcome == "fail"
    assert "theft" in checked.in_words()


def test_a_good_file_is_held_as_well():
    assert judged(CHECKS, as_rows(rows())).outcome == "accepted"
    assert judged(with_broken("box_plain"), as_rows(rows())).outcome == "accepted", "it is not for this file"
    for name in ("told_apart", "another_night", "box_plain"):
        assert judged(with_broken(name), as_rows(drawn() if name == "box_plain" else rows())).outcome == "held"


def test_predictions_that_cannot_be_made_hold_the_file(monkeypatch):
    from predpol_eval.trial.submissions import laying_out

    monkeypatch.setattr(laying_out, "lay_out", breaks)
    checked = check(csv(rows()))
    assert checked.outcome == "held"
    assert [result.name for result in checked.broke] == ["another_night"]


def test_a_reader_that_breaks_holds_the_file(monkeypatch):
    from predpol_eval.trial.submissions import reading

    def no_process(*args, **options):
        raise RuntimeError("the child could not begin")

    monkeypatch.setattr(reading, "read_rows", no_process)
    checked = check(csv(rows()))
    assert checked.outcome == "held"
    assert [result.name for result in checked.broke] == ["limits"]
    assert {result.outcome for result in checked.results} == {"pass", "broke", "skipped"}


def test_the_file_is_read_once_and_not_at_all_if_it_is_too_large(monkeypatch):
    from predpol_eval.trial.submissions import reading

    called = []
    real = reading.read_rows

    def counting(*args, **options):
        called.append(1)
        return real(*args, **options)

    monkeypatch.setattr(reading, "read_rows", counting)
    for data, plan, times in ((csv(rows()), PLAN, 1), (b"\x1f\x8b", PLAN, 1), (csv(rows()), limited(bytes=10), 0)):
        called.clear()
        check(data, plan)
        assert len(called) == times


def test_every_outcome_comes_up():
    checked = check(geojson(drawn()))
    assert {result.outcome for result in checked.results} == {"pass", "skipped"}
    assert "Accepted." in checked.in_words()
    assert "did not apply" in checked.in_words()
    assert "polygons" in checked["told_apart"].reason


def test_a_fault_of_the_call_is_no_fault_of_the_file():
    with pytest.raises(InputError, match="Did you mean 'in-house'"):
        checking.check_submission(b"", PLAN, GRID, label="inhouse", nights=NIGHTS[:1])
    with pytest.raises(InputError, match="no name of a night"):
        check(csv(rows()), nights=("2018\x1b[2J",))
    with pytest.raises(InputError, match="no area 'South'"):
        check(csv(rows()), StandIn(areas=("East", "South")))


def test_a_submission_for_no_night_is_rejected_in_words():
    checked = check(csv(rows()), nights=())
    assert checked.outcome == "rejected"
    assert "no night" in checked.in_words()


def test_cells_of_areas_that_the_plan_leaves_out_are_outside():
    plan = StandIn(areas=("East", "West"))
    kept = [row for row in rows() if row["area"] != "North"]
    assert check(csv(kept), plan).outcome == "accepted"
    checked = check(csv(rows(), ("kind", "cell", "risk")), plan)
    assert [result.name for result in checked.failed()] == ["cells_known"]
    checked = check(csv(rows(), ("kind", "x", "y", "risk")), plan)
    assert [result.name for result in checked.failed()] == ["places_inside"]


def test_the_report_knows_its_checks():
    checked = check(csv(rows()))
    assert checked["size"].outcome == "pass"
    with pytest.raises(InputError, match="no check 'sise'"):
        checked["sise"]
    assert "accepted" in repr(checked)
