"""The demonstration: all six forecasters on the built-in sample, with what its licence asks for."""

from __future__ import annotations

import json

import pytest

import predpol_eval as ppe
from predpol_eval.cli.demo import AREAS, BASELINE, prepare_demo
from tests.cli.test_app import OURS, run


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Results of the quick demonstration."""
    folder = tmp_path_factory.mktemp("demo") / "demo-output"
    done = run("demo", "--quick", "--output", folder, "--no-progress")
    assert done.exit_code == 0, done.output
    return folder, done


def test_the_demo_is_the_main_job():
    whole = prepare_demo()
    assert {type(forecaster).__name__ for forecaster in whole.forecasters.values()} == {
        "Uniform", "CountMap", "KDE", "ProspectiveHotspot", "NearRepeat", "SelfExciting",
    }  # fmt: skip
    assert [str(budget) for budget in whole.budgets] == [
        "top 10 per area", "1 % of the ground", "2 % of the ground", "5 % of the ground",
    ]  # fmt: skip
    assert 30 <= len(whole.schedule.windows) <= 60
    assert whole.kinds == ("Auto Theft", "Break and Enter")
    assert len(whole.grid.labels) == 5
    assert whole.grid.cell == 250
    assert whole.baseline == BASELINE
    assert BASELINE in whole.forecasters


def test_the_demo_leaves_its_files(demo):
    folder, done = demo
    assert sorted(entry.name for entry in folder.iterdir()) == OURS
    assert done.stdout == (folder / "summary.txt").read_text(encoding="utf-8")
    result = ppe.load_tally(folder / "results.nc")
    assert dict(result.sizes) | {"coverage": 0} == {
        "forecaster": 6, "kind": 2, "area": 5, "budget": 4, "window": 14, "coverage": 0,
    }  # fmt: skip
    assert (result["status"] == "ok").all()


def test_attribution_and_disclaimers_are_shown(demo):
    folder, done = demo
    line = ppe.sample_events().report.attribution
    assert line in " ".join(done.stdout.split())
    assert line == json.loads((folder / "run.json").read_text(encoding="utf-8"))["attribution"]
    assert AREAS in " ".join(done.stderr.split())
    assert "no dot is an address" in " ".join(done.stdout.split())
    assert "Demonstration area 1 (not official)" in (folder / "tallies.csv").read_text(encoding="utf-8")


def test_the_demo_replaces_its_own_results_only(demo, tmp_path):
    folder, done = demo
    again = run("demo", "--quick", "--output", folder, "--no-progress")
    assert again.exit_code == 0
    assert again.stdout == done.stdout
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    other = run("demo", "--quick", "--output", tmp_path, "--no-progress")
    assert other.exit_code == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_words_bear_no_more_than_the_numbers(demo):
    folder, done = demo
    result = ppe.load_tally(folder / "results.nc")
    text = " ".join(done.stdout.split())
    for kind in result["kind"].to_numpy():
        (said,) = text.split(f"{kind}, top 10 per area. ")[1:]
        sentence = said.split(". ")[0]
        here = result.sel(budget="top 10 per area", kind=kind)
        others = [name for name in here["forecaster"].to_numpy() if name != BASELINE]
        alpha = 0.05 / (len(others) * result.sizes["kind"])
        for name in others:
            two = (here.sel(forecaster=one) for one in (name, BASELINE))
            found = ppe.compare(*two, method="bootstrap", alpha=alpha, draws=9999, seed=1)
            clear = found.verdict in ("higher", "lower")
            claimed = any(
                name in part and part.strip().startswith(("higher", "lower"))
                for part in sentence.replace("hit rate:", ";").split(";")
            )
            assert claimed == clear, (kind, name)
