"""A page of the manual, run from its top: commands, files and Python, as a reader would, with a clock set by hand.

Blocks of `sh` and `py` are run; a block of `text` after one is what it says. A comment before a block, unseen on the
page, tells what goes with it: `clock: MOMENT`, `answer: TEXT` (typed at a prompt), `exit: CODE`, `file: NAME` (the
block is written to it), `is: NAME` and `starts: NAME` (the block is that file, or its beginning), `run: COMMAND`,
`fingerprint: ENVELOPE` (its key is put for FINGERPRINT), `broken: CHECK` and `mended: CHECK`.
"""

from __future__ import annotations

import contextlib
import doctest
import getpass
import importlib.util
import io
import json
import re
import shlex
import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from predpol_eval.cli import app
from predpol_eval.trial import folder
from predpol_eval.trial.submissions import checked

DOCS = Path(__file__).resolve().parents[2] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PROMPT = re.compile(r"^(?:Passphrase|Repeat for confirmation): ", re.MULTILINE)
PART = re.compile(
    r"^<!-- (?P<note>[a-z]+)(?:: (?P<value>.*?))? -->$|^```(?P<form>\w*)\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL
)


def script(name: str) -> ModuleType:
    """One of the scripts of the manual."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "scripts" / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(name)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def demand(right: bool, message: str) -> None:
    """Fail with a message: pytest explains the assertions of tests only, and this is none."""
    if not right:
        raise AssertionError(message)


class Reader:
    """Somebody who does what a page says, in an empty folder."""

    def __init__(self, place: Path, patch: pytest.MonkeyPatch) -> None:
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.patch = patch
        self.said: str | None = None
        self.done: list[str] = []
        self.answers: list[str] = []
        self.exit = 0
        self.fingerprint = ""
        self._tried = checked._tried
        patch.chdir(place)
        patch.setattr(folder.Trial.__init__, "__defaults__", (self.clock,))
        patch.setattr(folder.lock, "__kwdefaults__", {"clock": self.clock})
        patch.setattr(getpass, "getpass", lambda *_: self.answers.pop(0))

    def clock(self) -> datetime:
        return self.now

    def read(self, text: str) -> None:
        """Follow a page to its end."""
        target = ("", "")
        for part in PART.finditer(text):
            note, value = part["note"], part["value"] or ""
            if part["form"] is not None:
                self.block(part["form"], part["block"], target)
                target = ("", "")
            elif note in ("file", "is", "starts"):
                target = (note, value)
            else:
                self.obey(note, value)
        demand(not self.answers, f"nobody asked for {self.answers}")
        demand(target == ("", ""), f"no block follows {target}")

    def obey(self, note: str, value: str) -> None:
        if note == "clock":
            self.now = datetime.fromisoformat(value).astimezone(UTC)
        elif note == "answer":
            self.answers.append(value)
        elif note == "exit":
            self.exit = int(value)
        elif note == "fingerprint":
            self.fingerprint = json.loads(Path(value).read_bytes())["key"]
        elif note == "run":
            self.command(value)
            self.said = None
        elif note == "broken":
            self.patch.setattr(checked, "_tried", self.breaking(value))
        elif note == "mended":
            self.patch.setattr(checked, "_tried", self._tried)
        else:
            raise ValueError(f"a comment says {note!r}")

    def block(self, form: str, block: str, target: tuple[str, str]) -> None:
        what, name = target
        if what == "file":
            Path(name).write_text(block, encoding="utf-8", newline="\n")
        elif what == "is":
            demand(Path(name).read_text(encoding="utf-8") == block, f"{name} is not\n{block}")
        elif what == "starts":
            demand(Path(name).read_text(encoding="utf-8").startswith(block), f"{name} does not begin with\n{block}")
        elif form == "sh":
            self.said = "".join(map(self.command, block.replace("\\\n", " ").splitlines()))
        elif form == "py":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(compile(block, "page", "exec"), {"__name__": "page"})
            self.said = said.getvalue()
            self.done.append(block)
        elif form == "text":
            said = self.said or ""
            demand(self.said is not None, f"nothing was run that could say {block!r}")
            demand(doctest.OutputChecker().check_output(block, said, FLAGS), f"{block}\n--- but:\n{said}")
            self.said = None
        else:
            raise ValueError(f"a block of {form!r} that nobody runs:\n{block}")

    def command(self, line: str) -> str:
        """Run one command; give what it says."""
        words = shlex.split(line.replace("FINGERPRINT", self.fingerprint))
        self.done.append(line)
        if words[0] == "predpol-eval":
            result = CliRunner().invoke(app, words[1:], input="".join(f"{answer}\n" for answer in self.answers))
            del self.answers[: len(PROMPT.findall(result.output))]
            demand(result.exit_code == self.exit, f"{line}: {result.exit_code}\n{result.output}")
            demand(isinstance(result.exception, SystemExit | None), f"{line}: {result.exception!r}")
            self.exit = 0
            return result.output
        if words[0] == "python" and words[1] == "-m":
            demand(words[1:4] == ["-m", "pip", "install"], f"only what is installed is left out, not {line}")
        elif words[0] == "python":
            path = Path(words[1])
            demand((DOCS.parent / path).is_file(), f"there is no script {path}")
            script(path.stem).main(words[2:])
        elif words[0] == "cp":
            shutil.copytree(words[-2], words[-1])
        elif words[0] == "rm":
            Path(words[1]).unlink()
        else:
            raise ValueError(f"a command that nobody runs: {line}")
        return ""

    def breaking(self, name: str):
        def tried(check, case):
            return self._tried(check._replace(run=_broken) if check.name == name else check, case)

        return tried


def _broken(case: object) -> None:
    raise ZeroDivisionError("division by zero")
