"""Rehearsals on the publishers' own data: the plan of the example, whole and cut short."""

from __future__ import annotations

import shutil

import pytest

import predpol_eval as ppe
from predpol_eval.trial.plan import example
from predpol_eval.trial.rehearsal import rehearse

THREE = {"A": "count-map", "B": "leaked", "C": "strong"}
KINDS = ["Break and Enter", "Auto Theft", "Robbery"]


@pytest.fixture(scope="module")
def toronto(shared_data, tmp_path_factory):
    """The example's plan beside its file of areas, and the crimes of Toronto."""
    folder = tmp_path_factory.mktemp("toronto")
    shutil.copyfile(shared_data / "toronto" / "neighbourhoods_140.geojson", folder / "neighbourhoods_140.geojson")
    (folder / "plan.toml").write_text(example(), encoding="utf-8")
    path = shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz"
    return folder / "plan.toml", ppe.read_events(path, format="toronto", kinds=KINDS)


def processor() -> float:
    """Seconds of processor time, those of children that have ended among them."""
    import resource

    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def test_five_nights_of_toronto(toronto, tmp_path):
    """Ids are numbers of rows here, and no recording time is known."""
    plan, events = toronto
    soon = plan.with_name("soon.toml")
    soon.write_text(example().replace("# settling_days = 28 ", "settling_days = 2 "), encoding="utf-8")
    found = rehearse(soon, events, tmp_path / "rehearsal", vendors=THREE, until="2018-06-05")
    assert all(one.came_out for one in found.equals)
    assert len(found.equals) == 3
    assert all(pair.came_out is not False for pair in found.pairs)
    assert found.only_cheats_flagged is None
    assert found.differences == ()
    assert found.as_it_should_be


@pytest.mark.slow
@pytest.mark.linux_only
def test_six_months_of_toronto(toronto, tmp_path):
    """Five areas, three kinds, 184 nights, three vendors, four baselines: in under five minutes, order and all."""
    plan, events = toronto
    before = processor()
    found = rehearse(plan, events, tmp_path / "rehearsal", vendors=THREE)
    seconds = processor() - before
    assert (len(found.plan.nights), len(found.plan.areas), len(found.plan.kinds)) == (184, 5, 3)
    assert len(found.plan.baselines) == 4
    assert found.order_came_out is True
    assert [pair.verdict for pair in found.pairs] == ["a finding"] * 5
    assert found.only_cheats_flagged is True
    assert found.differences == ()
    assert found.as_it_should_be
    # Other work on the machine is none of ours, so it is processor time that is held to five minutes.
    assert seconds < 300
    evening = next(one for one in found.spent if one.what.startswith("intake, snapshot"))
    assert evening.median < 10
