"""A report is written whole or not at all, names stay sealed, and hashes are those of the ledger."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from predpol_eval.errors import InputError
from predpol_eval.report import report_html, write_report
from predpol_eval.report.provenance_section import score_digest
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.folder import Trial
from tests.report.conftest import NAMES, PASSPHRASE, REASON
from tests.report.reading import read

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def page(short, found, no_pictures):
    return report_html(found, trial=short.trial)


def test_a_file_is_written_and_replaced(found, place, monkeypatch):
    place.write_text("an older report", encoding="utf-8")
    assert write_report(found, place) == place
    first = place.read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    assert write_report(found, str(place)).read_bytes() == first
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_a_disk_that_is_full_leaves_the_older_one(found, place, monkeypatch):
    place.write_text("an older report", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("predpol_eval.resumable_folders.os.fsync", full)
    with pytest.raises(InputError, match=r"No space left.*make room"):
        write_report(found, place)
    assert place.read_text(encoding="utf-8") == "an older report"
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_a_place_that_is_none(found, tmp_path):
    for wrong in (tmp_path, tmp_path / "nowhere" / "report.html"):
        with pytest.raises(InputError, match="no place for a file"):
            write_report(found, wrong)


def test_a_sealed_name_is_never_written(short, found, place):
    write_report(found, place, trial=short.trial, names=NAMES)
    place.unlink()
    nights = (replace(found.nights[0], state="void", reason="a map by QUARRY maps"), *found.nights[1:])
    with pytest.raises(InputError, match="sealed name of 'A'") as refused:
        write_report(replace(found, nights=nights), place, names=NAMES)
    assert "quarry" not in str(refused.value).lower()
    assert not place.exists()


@pytest.mark.parametrize("where", ["name", "kinds", "areas", "file"])
def test_wherever_the_name_stands(found, place, where):
    plan = found.plan
    odd = {"name": "Zephyr-Nightworks", "kinds": ("zephyr nightworks",), "areas": ("ZEPHYR&shy;nightworks",)}
    told = found if where == "file" else replace(found, plan=replace(plan, **{where: odd[where]}))
    with pytest.raises(InputError, match="sealed name of 'B'") as refused:
        write_report(told, place.with_name("zephyr nightworks.html") if where == "file" else place, names=NAMES)
    assert "zephyr" not in str(refused.value).lower()
    assert list(place.parent.iterdir()) == []


def test_hashes_are_those_of_the_ledger(short, found, page):
    text = read(page).of("provenance")
    history = short.trial.history()
    assert found.head in text
    assert found.plan.sha256 in text
    assert short.trial.locked.sha256 in text
    assert found.plan.areas_sha256 in text
    assert history.names in text
    assert len(history.snapshots) == 2
    for one in history.snapshots:
        assert one["blob"] in text
    for record in history.looks:
        assert record.body["blob"] in text
    assert "predpol-eval trial verify FOLDER --head HEAD.txt" in text
    newest = {record.body["night"]: record.body["blob"] for record in history.scores if record.body["settled"]}
    counting = {name: newest[name] for name in found.league.nights}
    assert score_digest(found) == sha256_of(canonical_json(counting))
    assert score_digest(found) in text


def test_the_command_that_is_named_is_there():
    from typer.testing import CliRunner

    from predpol_eval.cli import app

    told = CliRunner().invoke(app, ["trial", "verify", "--help"]).output
    assert "--head" in told
    assert "Folder of the trial" in told


def test_amendments_keys_and_reasons_stand_in_it(page, found, short):
    text = read(page).of("provenance")
    assert "Vendors asked for <b>half an hour</b> more." in text
    assert "[nights] deadline from 19:00 to 19:30" in text
    assert "Their laptop was stolen." in text
    assert "Instead of the stolen one." in text
    assert text.count("registered") == 5
    assert text.count("revoked") >= 1
    nights = read(page).of("nights")
    assert " ".join(REASON.split()) in nights
    assert "1 void night" in page or "Void nights" in nights
    assert "2018-07-05 B missing 0" in nights
    assert "2018-07-06 C late 1" in nights


def test_revisions_are_told(found, page):
    text = read(page).of("revisions")
    (one,) = found.revisions
    assert one.total("added") == 10
    assert f"{one.total('old'):,} {one.total('new'):,} 10 0 {one.total('changed'):,}" in text
    assert one.words()[0] in text


def test_revisions_without_a_change_are_counted_alone(found, no_pictures):
    from predpol_eval.trial.outcomes.revisions import COLUMNS

    (one,) = found.revisions
    same = replace(one, counts={**one.counts, **{name: 0 * one.counts[name] for name in COLUMNS[2:]}})
    text = read(report_html(replace(found, revisions=(same, one, same)))).of("revisions")
    assert "From one snapshot to the next nothing changed in 2 comparisons." in text
    assert text.count(one.words()[0]) == 1
    alike = read(report_html(replace(found, revisions=(same,)))).of("revisions")
    assert "From one snapshot to the next nothing changed." in alike
    assert "Crimes before" not in alike


def test_without_the_trial_it_says_less(found, page):
    text = read(report_html(found)).of("provenance")
    assert "Fingerprint" not in text
    assert found.head in text
    assert all(one.old.sha256 in text for one in found.revisions)


def test_findings_of_another_trial_are_refused(short, found, tmp_path):
    with pytest.raises(InputError, match="another hash"):
        report_html(replace(found, head="f" * 64), trial=short.trial)
    with pytest.raises(InputError, match="another hash"):
        report_html(replace(found, records=found.records - 1), trial=short.trial)


def test_records_that_came_later_do_not_count(short, found, page, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(short.trial.folder, folder)
    copy = Trial(folder, short.clock)
    with copy.ledger() as ledger:
        ledger.append("key", next(ledger.records("key")).body | {"reason": "a later one"})
    assert report_html(found, trial=copy) == page


def test_from_the_command_line(short, place, tmp_path):
    from typer.testing import CliRunner

    from predpol_eval.cli import app

    log = tmp_path / "patrols.csv"
    log.write_text("night,area,cell,minutes\n2018-07-02,South,r000c000,30\n", encoding="utf-8")
    words = ["trial", "report", str(short.trial.folder), "-o", str(place), "--provisional", "--patrols", str(log)]
    result = CliRunner().invoke(
        app, [*words, "--names", str(short.trial.folder / "names.sealed")], input=f"{PASSPHRASE}\n"
    )
    assert result.exit_code == 0, result.output
    assert "Interim: Look 1 of 2 was made after 4 settled nights" in result.output
    assert "Provisional: " in result.output
    assert result.output.rstrip().endswith(f"Report: {place}")
    assert "Quarry" not in result.output
    reader = read(place.read_text(encoding="utf-8"))
    assert "Patrols were logged on 1 of 8 nights" in reader.of("patrols")
    assert "none of them shows what patrols did" in reader.of("patrols")
    assert "report FOLDER -o report.html --provisional" in reader.of("provenance")


def test_the_template_and_its_style_are_shipped():
    import predpol_eval.report

    folder = Path(predpol_eval.report.__file__).parent / "templates"
    assert sorted(path.name for path in folder.iterdir()) == ["page.css", "page.html"]
