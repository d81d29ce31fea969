"""A trial from the command line: from the plan to a verified ledger."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from predpol_eval.cli import app
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.plan import example
from predpol_eval.trial.waiting import wait
from tests.trial.plan.town import PLAN, write_town


def run(*words: object, answers: str = "") -> Result:
    return CliRunner().invoke(app, ["trial", *map(str, words)], input=answers)


def done(*words: object, answers: str = "") -> str:
    result = run(*words, answers=answers)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def tomorrow() -> str:
    return str(datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=2))


@pytest.fixture
def town(tmp_path: Path, tomorrow: str) -> Path:
    (tmp_path / "plan").mkdir()
    return write_town(tmp_path / "plan", PLAN.replace("first = 2018-07-01", f"first = {tomorrow}"))


def test_an_example_plan_is_printed():
    assert done("example") == example()


def test_from_plan_to_verified_ledger(town, tmp_path, tomorrow):
    trial, key = tmp_path / "trial", tmp_path / "A.private.pem"
    assert "Hash of the plan" in done("lock", town, trial)
    plan = trial / "for-vendors" / "plan.json"
    assert "Fingerprint" in done("keygen", tmp_path, "--label", "A", "--no-passphrase")
    assert "compare this" in done("register-key", trial, "A", tmp_path / "A.public.pem")
    file = tmp_path / "tonight.csv"
    night = ("--night", tomorrow)
    assert "3 areas, 2 kinds, 1 nights" in done("template", "--plan", plan, *night, "-o", file)
    assert run("template", "--plan", plan, *night, "-o", file).exit_code == 2
    done("check", file, "--plan", plan, "--label", "A", *night)
    done("sign", file, "--plan", plan, "--label", "A", *night, "--key", key, "--no-passphrase")
    assert f"{tomorrow}: accepted" in done("submit", trial, file)
    assert "was received before" in done("submit", trial, file)
    # A file that is none is signed and taken in, and rejected with what to do.
    broken = tmp_path / "broken.csv"
    broken.write_text(file.read_text().replace("burglary", "burglery"))
    assert run("check", broken, "--plan", plan, "--label", "A", *night).exit_code == 1
    done("sign", broken, "--plan", plan, "--label", "A", *night, "--key", key, "--no-passphrase")
    rejected = run("submit", trial, broken)
    assert rejected.exit_code == 1
    assert "burglery" in rejected.output
    assert f"{tomorrow}: rejected" in rejected.output
    told = done("status", trial, "--night", tomorrow)
    assert "A: record 3" in told
    assert "B: nothing so far" in told
    assert run("judge-held", trial, 3).exit_code == 2
    assert "no head" in run("verify", trial, "--head", tmp_path / "none.txt").output
    unsigned = run("submit", trial, town)
    assert unsigned.exit_code == 2
    assert "not signed" in unsigned.output or "envelope" in unsigned.output
    assert run("close", trial, tomorrow).exit_code == 2
    done("void", trial, tomorrow, "--reason", "our server was down")
    assert "All is as it was recorded" in done("verify", trial)
    revoked = json.loads((tmp_path / "tonight.csv.envelope").read_text())["key"]
    done("revoke-key", trial, "A", revoked, "--reason", "lost")
    assert "All is as it was recorded" in done("verify", trial)


def test_a_ledger_that_was_changed_is_named(town, tmp_path):
    trial = tmp_path / "trial"
    done("lock", town, trial)
    (blob,) = [path for path in (trial / "blobs").rglob("*") if path.is_file() and b'"schema"' in path.read_bytes()]
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes().replace(b"burglary", b"burglery"))
    result = run("verify", trial)
    assert result.exit_code == 1
    assert "Record 1" in result.output


def test_names_are_sealed_and_not_repeated(town, tmp_path):
    trial, names = tmp_path / "trial", tmp_path / "names.toml"
    done("lock", town, trial)
    names.write_text('A = "Alpha Ltd"\nB = "Beta plc"\nC = Gamma\n', encoding="utf-8")
    refused = run("seal-names", trial, names, answers="correct horse\ncorrect horse\n")
    assert refused.exit_code == 2
    assert "Gamma" not in refused.output
    names.write_text('A = "Alpha Ltd"\nB = "Beta plc"\nC = "Gamma GmbH"\n', encoding="utf-8")
    told = done("seal-names", trial, names, answers="correct horse\ncorrect horse\n")
    assert "Alpha" not in told
    assert "B: Beta plc" in done("open-names", trial / "names.sealed", answers="correct horse\n")
    assert run("open-names", trial / "names.sealed", answers="another\n").exit_code == 2
    assert (trial.stat().st_mode & 0o077) == 0


def test_an_amendment(town, tmp_path):
    trial, changes = tmp_path / "trial", tmp_path / "changes.toml"
    done("lock", town, trial)
    changes.write_text('[nights]\ndeadline = "19:30"\n', encoding="utf-8")
    assert "19:30" in done("amend", trial, changes, "--reason", "vendors asked for it")
    changes.write_text("[budget]\nboxes = 20\n", encoding="utf-8")
    assert run("amend", trial, changes, "--reason", "more boxes").exit_code == 2


def test_vendors_check_and_sign_under_an_amendment(town, tmp_path, tomorrow):
    trial, changes, file = tmp_path / "trial", tmp_path / "changes.toml", tmp_path / "tonight.csv"
    done("lock", town, trial)
    done("keygen", tmp_path, "--label", "A", "--no-passphrase")
    done("register-key", trial, "A", tmp_path / "A.public.pem")
    plan, night = trial / "for-vendors" / "plan.json", ("--night", tomorrow)
    done("template", "--plan", plan, *night, "-o", file)
    done("check", file, "--plan", plan, "--label", "A", *night)
    changes.write_text("[limits]\nrows = 5\n", encoding="utf-8")
    done("amend", trial, changes, "--reason", "smaller files")
    assert run("check", file, "--plan", plan, "--label", "A", *night).exit_code == 1
    # What is signed names the plan as it was locked, so that it is taken in, and told the same.
    done("sign", file, "--plan", plan, "--label", "A", *night, "--key", tmp_path / "A.private.pem", "--no-passphrase")
    told = run("submit", trial, file)
    assert told.exit_code == 1
    assert f"{tomorrow}: rejected" in told.output
    done("verify", trial)


def test_a_clock_is_waited_for(town, tmp_path, monkeypatch):
    trial = tmp_path / "trial"
    done("lock", town, trial)
    assert done("wait", trial) == "Records can be added.\n"
    now = datetime.datetime.now(datetime.UTC)
    here = Trial(trial, lambda: now + datetime.timedelta(hours=2))
    with here.ledger() as ledger:
        ledger.append("refused", {"code": "not admitted"})
    moments = iter([now, now + datetime.timedelta(hours=2)])
    monkeypatch.setattr(Trial.__init__, "__defaults__", (lambda: next(moments),))
    monkeypatch.setattr(wait, "__kwdefaults__", {"pause": lambda seconds: None, "say": None})
    told = done("wait", trial)
    assert "The clock is 2 hours 0 minutes behind the last record." in told
    assert "Records can be added. The clock was 2 hours 0 minutes behind." in told


def test_a_secret_a_release_and_a_snapshot(town, tmp_path, tomorrow):
    trial, secret, crimes = tmp_path / "trial", tmp_path / "secret", tmp_path / "crimes.csv"
    done("lock", town, trial)
    done("make-secret", secret)
    crimes.write_text(
        "id,x,y,t,kind\n1,430100,433100,2018-06-01 12:00,burglary\n2,431100,433100,2018-06-02 12:00,robbery\n",
        encoding="utf-8",
    )
    columns = [f"{name}={value}" for name, value in (("x", "x"), ("y", "y"), ("happened", "t"), ("kind", "kind"))]
    told = [*columns, "id=id", "crs=EPSG:27700", "tz=Europe/London"]
    read = ["--events", crimes, "--format", "generic", *(word for one in told for word in ("--read", one))]
    early = run("release", trial, tomorrow, *read, "--secret", secret, "-o", tmp_path / "out.csv")
    assert early.exit_code == 2
    assert "cut" in early.output
    moment = datetime.datetime.now(datetime.UTC).isoformat()
    assert "crimes" in done("snapshot", trial, *read, "--taken-at", moment)
    assert run("snapshot", trial, *read, "--taken-at", "yesterday").exit_code == 2
    assert "All is as it was recorded" in done("verify", trial)
