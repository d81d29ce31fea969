"""The folder of results: nobody else's files are touched, and nothing is left half-written."""

from __future__ import annotations

import csv
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError
from predpol_eval.cli.folder import RECORD, OutputFolder, cell_text


def made(path, command="backtest", fingerprint="a", complete=True):
    """A folder with a finished run."""
    folder = OutputFolder(path, command)
    folder.begin({"command": command, "fingerprint": fingerprint})
    folder.write_text("summary.txt", "text\n")
    if complete:
        folder.finish({"command": command, "fingerprint": fingerprint})
    return folder


def test_a_new_or_empty_folder_is_fine(tmp_path):
    OutputFolder(tmp_path / "a" / "b", "backtest").check("a")
    (tmp_path / "empty").mkdir()
    OutputFolder(tmp_path / "empty", "backtest").check("a")
    assert not (tmp_path / "a").exists()


def test_the_same_run_may_be_written_again_whole_or_not(tmp_path):
    for complete in (True, False):
        made(tmp_path / str(complete), complete=complete)
        OutputFolder(tmp_path / str(complete), "backtest").check("a")


def test_another_run_is_refused_unless_overwritten(tmp_path):
    made(tmp_path / "out")
    OutputFolder(tmp_path / "out", "backtest").check()
    with pytest.raises(InputError, match=r"holds another run .* --overwrite"):
        OutputFolder(tmp_path / "out", "backtest").check("b")
    with pytest.raises(InputError, match="holds a run of another command"):
        OutputFolder(tmp_path / "out", "demo").check()
    OutputFolder(tmp_path / "out", "demo", overwrite=True).check("b")


def test_a_folder_of_somebody_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"is in use and holds no run of predpol-eval; .*--overwrite"):
        OutputFolder(tmp_path, "demo").check()
    (tmp_path / RECORD).write_text('{"schema": "another"}', encoding="utf-8")
    with pytest.raises(InputError, match="holds no run of predpol-eval"):
        OutputFolder(tmp_path, "demo").check()
    with pytest.raises(InputError, match=r"is a file; name a folder"):
        OutputFolder(tmp_path / "thesis.txt", "demo", overwrite=True).check()


def test_overwriting_leaves_other_files_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    folder = OutputFolder(tmp_path, "demo", overwrite=True)
    folder.check()
    folder.begin({})
    folder.write_text("summary.txt", "text\n")
    folder.finish({})
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_the_record_is_the_last_word(tmp_path):
    folder = OutputFolder(tmp_path / "out", "backtest")
    folder.begin({"command": "backtest"})
    assert json.loads((tmp_path / "out" / RECORD).read_text(encoding="utf-8"))["complete"] is False
    folder.write_text("summary.txt", "é\n")
    folder.finish({"command": "backtest"})
    record = json.loads((tmp_path / "out" / RECORD).read_text(encoding="utf-8"))
    assert record["complete"] is True
    assert record["files"] == ["summary.txt"]
    assert (tmp_path / "out" / "summary.txt").read_bytes() == "é\n".encode()


def test_a_file_that_fails_leaves_the_old_one_and_no_rest(tmp_path):
    folder = made(tmp_path / "out")

    def fail(path):
        path.write_text("half", encoding="utf-8")
        raise RuntimeError("disk full")

    with pytest.raises(RuntimeError):
        folder.write("summary.txt", fail)
    assert (tmp_path / "out" / "summary.txt").read_text(encoding="utf-8") == "text\n"
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == [RECORD, "summary.txt"]


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-", "=", "+North"])
def test_a_spreadsheet_runs_nothing(text):
    assert cell_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+3.5", "a=b", "North", ""])
def test_harmless_text_stays(text):
    assert cell_text(text) == text


@given(st.floats(allow_infinity=False))
def test_numbers_come_back_to_the_bit(number):
    text = cell_text(number)
    if math.isnan(number):
        assert text == ""
    else:
        assert float(text) == number
        assert not text.startswith("'")


def test_tables_are_csv(tmp_path):
    folder = made(tmp_path / "out")
    rows = [["=a", 1.5, float("nan")], ['two\n"lines", and', 3, -0.25]]
    folder.write_table("t.csv", ["x", "y", "z"], rows)
    with (tmp_path / "out" / "t.csv").open(encoding="utf-8", newline="") as stream:
        assert list(csv.reader(stream)) == [["x", "y", "z"], ["'=a", "1.5", ""], ['two\n"lines", and', "3", "-0.25"]]
