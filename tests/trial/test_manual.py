"""The manual of a trial: its commands are run from top to bottom, and its tables are those of the library."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import predpol_eval
from predpol_eval.cli.trial_office import office
from predpol_eval.cli.trial_vendor import vendor
from predpol_eval.trial.history import OUTCOMES
from predpol_eval.trial.keys.refusal import CODES
from predpol_eval.trial.ledger.clock import CLOCK_BEHIND
from tests.trial.manual_page import DOCS, Reader, script

GUIDES = DOCS / "guides"
PACKAGE = Path(predpol_eval.__file__).parent


def page(name: str) -> str:
    return (GUIDES / name).read_text(encoding="utf-8")


def told(text: str, heading: str) -> list[list[str]]:
    """Rows of the table whose first column has this heading, the heading left out."""
    tables = [part for part in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE) if part.startswith(f"| {heading} |")]
    (table,) = tables
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("name", ["trial_analyst.md", "trial_rehearsal.md", "trial_vendor.md", "trial_vendor_files.md"])
def test_a_page_does_what_it_says(name, tmp_path, monkeypatch):
    text = page(name)
    reader = Reader(tmp_path, monkeypatch)
    reader.read(text)
    # Nothing was passed over: every fenced block was met.
    assert text.count("\n```") % 2 == 0
    assert len(reader.done) >= text.count("\n```sh") + text.count("\n```py")


def test_every_command_of_a_trial_is_in_the_manual():
    commands = {
        command.name or command.callback.__name__ for part in (office, vendor) for command in part.registered_commands
    }
    both = page("trial_analyst.md") + page("trial_vendor.md")
    assert len(commands) > 15
    assert [name for name in sorted(commands) if f"predpol-eval trial {name}" not in both] == []


def test_the_list_of_commands_is_whole():
    commands = {
        command.name or command.callback.__name__ for part in (office, vendor) for command in part.registered_commands
    }
    listed = re.findall(r"`predpol-eval trial ([a-z-]+)`", page("command_line.md"))
    assert len(listed) == len(set(listed))
    assert set(listed) == commands


def kinds_written() -> set[str]:
    """Kinds of records that the package adds to a ledger, taken from its source."""
    found = {CLOCK_BEHIND}
    for path in (PACKAGE / "trial").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of_ledger = ast.unparse(node.func) in ("ledger.append", "Ledger.create")
                texts = [part.value for part in node.args if isinstance(part, ast.Constant)]
                found.update(texts[:1] if of_ledger else ())
    return found


def test_every_kind_of_record_is_explained():
    assert len(kinds_written()) > 10
    rows = {row[0].strip("`") for row in told(page("trial_analyst.md"), "kind")}
    assert rows == kinds_written()


def test_every_outcome_and_every_refusal_is_explained_to_vendors():
    assert {row[0] for row in told(page("trial_vendor.md"), "outcome")} == {*OUTCOMES, "missing", "void"}
    codes = {code for row in told(page("trial_vendor_files.md"), "code") for code in row[0].split(", ")}
    assert codes == {*CODES, "not admitted"}


@pytest.mark.parametrize("name", ["trial_checks.md", "trial_plan.md"])
def test_the_tables_are_those_of_the_library(name):
    assert page(name) == script("trial_pages").PAGES[name](), "run python docs/scripts/trial_pages.py"


def test_a_later_export_holds_every_earlier_one(tmp_path):
    town = script("trial_town")
    for name, moment in (("early", "2030-07-01T17:00"), ("late", "2030-07-20T17:00")):
        town.main([str(tmp_path / name), "--as-of", moment])
    early, late = (set((tmp_path / name / "crimes.csv").read_text().splitlines()) for name in ("early", "late"))
    assert early < late
    assert all(line.split(",")[5] < "2030-07-01 17:00" for line in early if not line.startswith("id"))


# The reader of pages itself --------------------------------------------------------------------------------


@pytest.fixture
def reader(tmp_path, monkeypatch):
    return Reader(tmp_path, monkeypatch)


def test_what_a_command_does_not_say_is_seen(reader):
    reader.read("```sh\npredpol-eval formats generic\n```\n\n```text\ngeneric\n...\n```\n")
    with pytest.raises(AssertionError, match="but:"):
        reader.read("```sh\npredpol-eval formats generic\n```\n\n```text\nsomething else\n```\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\npredpol-eval formats nosuch\n```\n", "formats nosuch: 2"),
        ("```sh\nsudo reboot\n```\n", "nobody runs"),
        ("```ini\na = 1\n```\n", "nobody runs"),
        ("```text\nhello\n```\n", "nothing was run"),
        ("<!-- klock: 2030-01-01 -->\n", "klock"),
        ("<!-- file: a.txt -->\n```text\none\n```\n\n<!-- is: a.txt -->\n```text\ntwo\n```\n", "a.txt is not"),
        ("<!-- answer: never asked -->\n", "nobody asked"),
        ("<!-- clock: 2030-01-01T00:00Z -->\n<!-- is: a.txt -->\n", "no block"),
        ("```sh\npython docs/scripts/nosuch.py\n```\n", "no script"),
    ],
)
def test_what_cannot_be_run_is_seen(reader, text, message):
    with pytest.raises((AssertionError, ValueError), match=message):
        reader.read(text)


def test_python_is_run(reader):
    reader.read("```py\nprint(6 * 7)\n```\n\n```text\n42\n```\n")
    with pytest.raises(ZeroDivisionError):
        reader.read("```py\n1 / 0\n```\n")
