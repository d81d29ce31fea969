"""The commands as a person runs them: what they print, write, refuse and return."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import predpol_eval as ppe
from predpol_eval.cli import app
from tests.cli.town import READ, write_town

OURS = [
    "capture_curves.png", "hit_rate.png", "pai.png", "results.nc", "risk_map.png", "run.json", "summary.csv",
    "summary.txt", "tallies.csv",
]  # fmt: skip


def run(*words):
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "100", "NO_COLOR": "1"})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A town, and the results of a run in it."""
    folder = tmp_path_factory.mktemp("town")
    config = write_town(folder)
    done = run("backtest", config, "--no-progress", "--store", folder / "store")
    assert done.exit_code == 0, done.output
    return folder, done


def test_a_run_leaves_all_its_files(finished):
    folder, done = finished
    assert sorted(entry.name for entry in (folder / "results").iterdir()) == OURS
    for name in OURS:
        if name.endswith(".png"):
            assert (folder / "results" / name).read_bytes().startswith(b"\x89PNG"), name
    record = json.loads((folder / "results" / "run.json").read_text(encoding="utf-8"))
    assert record["complete"] is True
    assert sorted([*record["files"], "run.json"]) == OURS
    assert record["versions"]["predpol_eval"] == ppe.__version__
    assert set(record["plan"]["configuration"]["forecasters"]) == {"nothing known", "@map"}
    assert f"Results are in {folder / 'results'}" in done.stderr


def test_the_page_of_text_is_what_the_terminal_shows(finished):
    folder, done = finished
    text = (folder / "results" / "summary.txt").read_text(encoding="utf-8")
    assert done.stdout == text
    assert "burglary: " in text
    assert "Windows: 14, the first from 2018-04-02 00:00 to 2018-04-03 00:00" in text
    assert "no dot is an address" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_tables_agree_with_the_tally(finished):
    folder, _ = finished
    result = ppe.load_tally(folder / "results" / "results.nc")
    assert result["hits"].dims == ("forecaster", "kind", "area", "budget", "window")
    with (folder / "results" / "tallies.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * 2 * 3 * 2
    total = result.sum("window")
    for row in rows:
        # Cells that a spreadsheet would run as formulas have an apostrophe in front.
        where = {key: row[key].removeprefix("'") for key in ("forecaster", "kind", "area", "budget")}
        here = total.sel(where)
        assert float(row["hits"]) == float(here["hits"])
        assert float(row["events"]) == float(here["events"])
        for name in ("hit_rate", "pai", "lift", "precision"):
            expected = float(getattr(ppe, name)(total).sel(where))
            assert (row[name] == "") if np.isnan(expected) else (float(row[name]) == expected)
        assert (row["nights"], row["nights_failed"]) == ("14", "0")
    assert {row["area"] for row in rows} == {"'+North", "Mid", "South"}
    assert {row["kind"] for row in rows} == {"burglary", "'=vehicle crime"}
    with (folder / "results" / "summary.csv").open(encoding="utf-8", newline="") as stream:
        pooled = list(csv.DictReader(stream))
    assert len(pooled) == 2 * 2 * 2
    for row in pooled:
        parts = [r for r in rows if all(r[key] == row[key] for key in ("forecaster", "kind", "budget"))]
        assert float(row["hits"]) == pytest.approx(sum(float(part["hits"]) for part in parts))
        assert float(row["hit_rate"]) == pytest.approx(float(row["hits"]) / float(row["crimes"]))


def test_the_crimes_are_those_of_the_file(finished):
    # Counted from the file itself, by boxes of 250 m on the town's own grid, without the library.
    folder, _ = finished
    result = ppe.load_tally(folder / "results" / "results.nc")
    with (folder / "crimes.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    nights = [row for row in rows if "2018-04-02" <= row["time"][:10] < "2018-04-16"]
    for kind in ("burglary", "=vehicle crime"):
        seen = result.sel(kind=kind, forecaster="@map")
        number = sum(row["what"] == kind for row in nights)
        assert float(seen["events"].sum() + seen["outside"].sum()) == number


def test_the_same_command_runs_again_and_gives_the_same(finished):
    folder, done = finished
    before = {name: (folder / "results" / name).read_bytes() for name in OURS if name not in ("run.json", "results.nc")}
    again = run("backtest", folder / "run.toml", "--no-progress", "--store", folder / "store")
    assert again.exit_code == 0, again.output
    assert again.stdout == done.stdout
    for name, content in before.items():
        assert (folder / "results" / name).read_bytes() == content, name


def test_another_run_is_not_written_over(finished):
    folder, _ = finished
    before = (folder / "results" / "results.nc").read_bytes()
    other = run("backtest", folder / "run.toml", "--no-progress", "--budget", "top 1")
    assert other.exit_code == 2
    assert "holds another run" in other.stderr
    assert (folder / "results" / "results.nc").read_bytes() == before


def test_options_alone_are_enough(tmp_path):
    write_town(tmp_path)
    read = [word for text in READ for word in ("--read", text)]
    done = run(
        "backtest", "--events", tmp_path / "crimes.csv", "--format", "generic", *read, "--areas",
        tmp_path / "areas.geojson", "--cell", "500", "--start", "2018-04-02", "--end", "2018-04-05", "--forecaster",
        "Uniform", "--budget", "5%", "--output", tmp_path / "out", "--no-progress",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    result = ppe.load_tally(tmp_path / "out" / "results.nc")
    assert result["forecaster"].to_numpy().tolist() == ["Uniform"]
    assert result["kind"].to_numpy().tolist() == ["all"]
    assert result["area"].to_numpy().tolist() == ["all"]
    assert result.attrs["cell"] == 500


def test_a_dry_run_writes_nothing(tmp_path):
    config = write_town(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = run("backtest", config, "--dry-run")
    assert done.exit_code == 0, done.output
    assert re.match(r"56 fits \(14 nights, \d+ cells, 8 blocks\): about .* on 1 worker and [\d.]+ GB", done.stdout)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--start", "2017-12-01"], "windows are not (wholly) in the observed time"),
        (["--start", "2018-04-30", "--end", "2018-05-03"], "windows are not (wholly) in the observed time"),
        (["--kind", "arson"], "arson"),
        (["--forecaster", "KDE(bandwidth=0)"], "bandwidth=0"),
        (["--budget", "ten"], "The budget 'ten' cannot be read"),
        (["--read", "crs=EPSG:4326"], "degrees"),
        (["--cell", "0.01"], "cells"),
        (["--read", "lon=x"], "[events] has no key 'lon'"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(words, said, tmp_path):
    config = write_town(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = run("backtest", config, "--no-progress", *words)
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(("predpol-eval: ", "  - "))
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_asked_for():
    done = run("backtest")
    assert done.exit_code == 2
    assert "predpol-eval backtest --example > run.toml" in done.stderr


def test_a_forecaster_that_always_fails_is_a_result_with_its_reason(tmp_path, monkeypatch):
    config = write_town(tmp_path)

    def refuse(self, events, grid, *, until):
        raise ppe.InputError("no such luck")

    monkeypatch.setattr(ppe.CountMap, "fit", refuse)
    monkeypatch.setattr("predpol_eval.backtests.risk.slides", lambda forecaster: False)
    done = run("backtest", config, "--no-progress")
    assert done.exit_code == 0, done.output
    assert "@map, burglary: 14 nights failed: InputError: no such luck" in done.stdout
    assert "risk_map.png was not drawn: " in done.stderr
    assert not (tmp_path / "results" / "risk_map.png").exists()
    result = ppe.load_tally(tmp_path / "results" / "results.nc")
    assert np.isnan(result["hits"].sel(forecaster="@map")).all()
    with (tmp_path / "results" / "tallies.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["forecaster"] == "'@map"]
    assert {(row["nights"], row["nights_failed"], row["hit_rate"]) for row in rows} == {("0", "14", "")}


def test_every_night_failed_is_an_exit_code(tmp_path, monkeypatch):
    config = write_town(tmp_path)

    def refuse(self, events, grid, *, until):
        raise ppe.InputError("no such luck")

    monkeypatch.setattr(ppe.CountMap, "fit", refuse)
    monkeypatch.setattr("predpol_eval.backtests.risk.slides", lambda forecaster: False)
    done = run("backtest", config, "--no-progress", "--forecaster", "CountMap()")
    assert done.exit_code == 1
    assert "Every night of every forecaster failed" in done.stderr


def test_a_warning_is_a_note(tmp_path):
    config = write_town(tmp_path)
    done = run("backtest", config, "--no-progress", "--budget", "top 60 per area")
    assert done.exit_code == 0
    assert "note: 'top 60 per area' asks for more cells than there are in" in done.stderr
    assert "PredPolWarning" not in done.stderr


@pytest.mark.linux_only
def test_stopped_by_hand_it_says_what_was_kept_and_resumes(tmp_path):
    config = write_town(tmp_path)
    words = [
        sys.executable,
        "-m",
        "predpol_eval.cli",
        "backtest",
        config,
        "--no-progress",
        "--store",
        tmp_path / "store",
    ]
    words += ["--forecaster", "SelfExciting()", "--start", "2018-02-01", "--cell", "125"]
    environment = {**os.environ, "NO_COLOR": "1"}
    process = subprocess.Popen(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    store = tmp_path / "store"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline and not list(store.glob("blocks/*")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert out == ""
    assert f"Stopped. Finished blocks are kept in {store}; the same command resumes." in err
    assert "Traceback" not in err
    assert not (tmp_path / "results").exists()
    again = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "results" / "results.nc").exists()


def test_help_needs_no_manual():
    top = run("--help")
    assert top.exit_code == 0
    for word in ("demo", "backtest", "formats", "forecasters", "--version"):
        assert word in top.stdout
    text = run("backtest", "--help").stdout
    for option in (
        "--events", "--format", "--areas", "--label", "--cell", "--start", "--end", "--kind", "--budget",
        "--forecaster", "--observed", "--output", "--store", "--jobs", "--dry-run", "--no-progress", "--overwrite",
        "--example",
    ):  # fmt: skip
        assert option in text, option
    assert "top 10 per area" in text
    assert "predpol-eval backtest --example > run.toml" in text


def test_version():
    assert run("--version").stdout == f"predpol-eval {ppe.__version__}\n"


def test_listings():
    from predpol_eval.data import FORMATS
    from predpol_eval.forecasters.phrases import FORECASTERS

    listed = run("formats")
    assert listed.exit_code == 0
    for name in FORMATS:
        assert f"\n{name}\n" in "\n" + listed.stdout
        full = run("formats", name)
        assert full.exit_code == 0
        plain = " ".join(full.stdout.split())
        for text in (*FORMATS[name].quirks, *FORMATS[name].caveats, FORMATS[name].attribution):
            assert " ".join(text.split()) in plain
    wrong = run("formats", "torono")
    assert wrong.exit_code == 2
    assert "Did you mean 'toronto'?" in wrong.stderr
    named = run("forecasters").stdout
    for name in FORECASTERS:
        assert f"\n{name}(" in "\n" + named


def test_help_is_quick_and_loads_nothing_heavy():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom predpol_eval.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "print([m for m in ('numba', 'pandas', 'xarray', 'matplotlib', 'geopandas', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_console_script_is_this_app():
    import tomllib

    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"predpol-eval": "predpol_eval.cli:app"}
