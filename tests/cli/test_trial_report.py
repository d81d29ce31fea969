"""The report from the command line: names, files and refusals, on a trial that has only begun."""

from __future__ import annotations

import datetime

import pytest
from typer.testing import CliRunner, Result

from predpol_eval.cli import app
from predpol_eval.trial.administration import seal
from predpol_eval.trial.folder import Trial, lock
from tests.trial.plan.town import PLAN, write_town

PASSPHRASE = "correct horse battery"


def run(*words: object, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["trial", "report", *map(str, words)], input=answers)


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> Trial:
    """Locked today, with its names sealed; no night has come."""
    folder = tmp_path_factory.mktemp("begun")
    first = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2)
    (folder / "plan").mkdir()
    text = PLAN.replace("first = 2018-07-01", f"first = {first}")
    trial = lock(write_town(folder / "plan", text), folder / "trial")
    seal(trial, {"A": "Quarrymap Ltd", "B": "Zephyr Nightworks", "C": "A trial"}, PASSPHRASE)
    return trial


def test_a_trial_that_has_only_begun(begun, tmp_path):
    place = tmp_path / "report.html"
    result = run(begun.folder, "-o", place)
    assert result.exit_code == 0, result.output
    assert "Nothing counts yet: None of the 30 nights" in result.output
    assert "Names were not looked for" in result.output
    assert place.read_text(encoding="utf-8").endswith("</html>\n")


def test_a_name_in_it_is_refused_and_not_told(begun, tmp_path):
    place = tmp_path / "report.html"
    result = run(begun.folder, "-o", place, "--names", begun.folder / "names.sealed", answers=f"{PASSPHRASE}\n")
    assert result.exit_code == 2
    assert "sealed name of 'C'" in result.output
    assert "A trial" not in result.output
    assert not place.exists()


@pytest.mark.parametrize("case", ["wrong passphrase", "other names", "no such file", "no trial"])
def test_refusals(begun, tmp_path, case):
    place, names, folder, answers = tmp_path / "report.html", begun.folder / "names.sealed", begun.folder, PASSPHRASE
    if case == "wrong passphrase":
        answers, told = "another horse", "passphrase is wrong"
    elif case == "other names":
        from predpol_eval.trial.keys import seal_names

        names, told = tmp_path / "other.sealed", "other.sealed is not the sealed file of this trial"
        names.write_bytes(seal_names({"A": "Somebody"}, PASSPHRASE))
    elif case == "no such file":
        names, told = tmp_path / "nowhere.sealed", "nowhere.sealed"
    else:
        folder, told = tmp_path, "holds no trial"
    result = run(folder, "-o", place, "--names", names, answers=f"{answers}\n")
    assert result.exit_code == 2, result.output
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert list(tmp_path.glob("report*")) == []


def test_a_log_of_patrols_that_is_none(begun, tmp_path):
    log = tmp_path / "patrols.csv"
    log.write_text("night,area\n", encoding="utf-8")
    result = run(begun.folder, "-o", tmp_path / "report.html", "--patrols", log)
    assert result.exit_code == 2
    assert "minutes" in result.output
