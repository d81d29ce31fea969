"""The template passes every check, whatever the plan's labels are."""

from __future__ import annotations

import csv as csv_module
import io
import json

import pyarrow.parquet as pq
import pytest

from predpol_eval.errors import InputError
from predpol_eval.grid import Grid
from predpol_eval.trial.submissions.checked import check_submission
from predpol_eval.trial.submissions.template import template
from tests.trial.submissions.checking.town import AREAS, GRID, NIGHTS, PLAN, StandIn, check

FORMS = ("csv", "parquet", "geojson")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("nights", [NIGHTS[:1], NIGHTS[:2]])
@pytest.mark.parametrize("k", [1, 3, 30])
def test_it_passes_every_check(form, nights, k):
    plan = StandIn(k=k)
    checked = check(template(plan, GRID, nights, form=form), plan, nights)
    failed = {result.name for result in checked.results if result.outcome not in ("pass", "skipped")}
    # Made-up risks are the same every night, which is only a note.
    assert failed == ({"another_night"} if len(nights) > 1 else set()), checked.in_words()
    assert checked.outcome == "accepted"
    assert (" 1 gave a note," in checked.in_words()) == (len(nights) > 1)
    for kind in plan.kinds:
        if form != "geojson":
            share = checked.predictions.shares(nights[-1], kind, GRID, k).share
            assert share.sum() == sum(min(k, int(cells)) for cells in GRID.label_cells)
        else:
            assert sorted(checked.predictions.boxes(nights[-1], kind)) == sorted(plan.areas)


def test_labels_that_a_spreadsheet_would_take_for_formulas_are_safe_and_valid():
    areas = AREAS.assign(borough=["=cmd|' /C calc'!A0", "+North", 'We"st, the'])
    grid = Grid.from_areas(areas, cell=250, label="borough")
    plan = StandIn(areas=grid.labels, kinds=("-burglary", "@robbery"))
    data = template(plan, grid, NIGHTS[:1])
    for line in csv_module.reader(io.StringIO(data.decode())):
        assert not any(field.startswith(("=", "+", "-", "@", "\t", "\r")) for field in line)
    for form in FORMS:
        checked = check_submission(
            template(plan, grid, NIGHTS[:1], form=form), plan, grid, label="A", nights=NIGHTS[:1]
        )
        assert [result for result in checked.results if result.outcome == "fail"] == []


def test_it_says_that_it_is_made_up():
    told = json.loads(template(PLAN, GRID, NIGHTS[:1], form="geojson"))
    assert "made up" in told["note"]
    table = pq.read_table(io.BytesIO(template(PLAN, GRID, NIGHTS[:1], form="parquet")))
    assert b"made up" in table.schema.metadata[b"note"]
    lines = template(PLAN, GRID, NIGHTS[:1]).decode().splitlines()
    assert lines[0] == "night,area,kind,cell,risk"
    assert [line.rpartition(",")[2] for line in lines[1:4]] == ["3", "2", "1"]


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_same_every_time(form):
    assert template(PLAN, GRID, NIGHTS[:2], form=form) == template(PLAN, GRID, NIGHTS[:2], form=form)


def test_other_nights_and_forms_are_refused():
    with pytest.raises(InputError, match="no night of the plan"):
        template(PLAN, GRID, ("2017-07-01",))
    with pytest.raises(InputError, match="No night"):
        template(PLAN, GRID, ())
    with pytest.raises(InputError, match="choose 'csv'"):
        template(PLAN, GRID, NIGHTS[:1], form="xlsx")
