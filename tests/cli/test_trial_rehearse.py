"""A rehearsal from the command line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from predpol_eval.cli import app
from tests.trial.rehearsal.town import crimes, write_rules

READ = ("x=x", "y=y", "happened=happened", "recorded=recorded", "kind=kind", "id=id", "crs=EPSG:27700",
        "tz=Europe/London")  # fmt: skip


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("town")
    write_rules(folder)
    events = crimes()
    events.frame().assign(id=events.id).to_csv(folder / "crimes.csv", index=False)
    return folder


def run(town: Path, folder: Path, *words: object) -> Result:
    options = [f"--read={text}" for text in READ]
    told = ["trial", "rehearse", town / "plan.toml", folder, "--events", town / "crimes.csv", "--format", "generic"]
    return CliRunner().invoke(app, [*map(str, told), *options, "--no-progress", *map(str, words)])


def test_it_runs_and_says_what_came_out(town, tmp_path):
    words = ("--vendors", "A=strong", "--vendors", "B=random", "--until", "2018-07-02", "--report", tmp_path / "r.html")
    result = run(town, tmp_path / "rehearsal", *words)
    assert result.exit_code == 0, result.output
    assert "Rehearsed 2 nights, 2018-07-01 to 2018-07-02, with A is strong, B is random, in-house is count-map." in (
        result.output
    )
    assert "Verified: chain, plan, signatures, verdicts, closings, scores and looks are as recorded." in result.output
    assert "Rehearsal: A trial" in (tmp_path / "r.html").read_text(encoding="utf-8")
    other = run(town, tmp_path / "rehearsal", "--vendors", "A=strong", "--until", "2018-07-02")
    assert other.exit_code == 2
    assert "vendors > B" in other.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vendors", "strong"], "--vendors 'strong' cannot be read; write it like A=strong."),
        (["--vendors", "A=weak"], "There is no synthetic vendor 'weak'"),
        (["--vendors", "A=strong", "--vendors", "A=random"], "--vendors gives A twice"),
        (["--times", "5"], "--times goes only with --score-only."),
        (["--score-only", "--vendors", "A=strong"], "--vendors cannot be given with --score-only."),
        (["--first", "2030-01-01"], "do not tell of 2030-01-01"),
    ],
)
def test_what_cannot_be_is_said(town, tmp_path, words, message):
    result = run(town, tmp_path / "rehearsal", *words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_the_scoring_alone(town, tmp_path):
    result = run(town, tmp_path / "store", "--score-only", "--times", "20", "--until", "2018-07-09")
    assert result.exit_code == 0, result.output
    assert "20" in result.output
    assert (tmp_path / "store").is_dir()


def test_what_is_not_as_it_should_be_ends_with_1(town, tmp_path, monkeypatch):
    found = SimpleNamespace(in_words=lambda: "The known order did not come out:", as_it_should_be=False)
    monkeypatch.setattr("predpol_eval.trial.rehearsal.rehearse", lambda *given, **words: found)
    result = run(town, tmp_path / "rehearsal")
    assert result.exit_code == 1
    assert result.output == "The known order did not come out:\n"
