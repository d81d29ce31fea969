"""What one file costs when it is handed in, and what is written outside the folder of the trial meanwhile."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.trial.intake import check_receipt, judge, receive
from tests.trial.evenings import FIRST, Evening

# At the start of a cell these begin a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_RESET = "/proc/self/clear_refs"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class Cost(NamedTuple):
    """What a file took and what became of it: refused, or the outcome of its night."""

    name: str
    bytes: int
    outcome: str
    seconds: float
    mebibytes: float
    faults: str


def hand_in(evening: Evening, data: bytes, name: str = "tonight.csv", envelope: bytes | None = None) -> Cost:
    """Hand in a file as A's, let it be checked, and measure both: processor time with that of children, and memory.

    Whatever else than an `InputError` comes out is raised; a file that is held is one on which our checks broke.
    """
    signed = evening.envelope("A", data) if envelope is None else envelope
    before, began = _memory(reset=True), _seconds()
    faults = ""
    try:
        taken = receive(evening.trial, data, signed, name)
        verdicts = judge(evening.trial)
        outcome = verdicts[-1].nights[FIRST] if verdicts else "again"
    except InputError as error:
        outcome, faults, taken = "refused", str(error), None
    seconds, peak = _seconds() - began, _memory()
    if taken is not None:
        report = check_receipt(evening.trial, evening.trial.history(), taken.receipt)
        faults = "; ".join(f"{one.name}: {one.faults[0].text}" for one in report.failed())
        refuse_unsafe(report.in_words())
    refuse_unsafe(faults)
    return Cost(name, len(data), outcome, seconds, (peak - before) / 1024, faults)


def refuse_unsafe(text: str) -> None:
    """No line of a text begins a formula, and no screen obeys it."""
    for line in text.split("\n"):
        assert not line.startswith(FORMULA), line
        assert line.isprintable(), ascii(line)


def _seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _memory(reset: bool = False) -> int:
    """Kibibytes: the most since it was reset, or what is held now, once it was reset."""
    if reset:
        Path(_RESET).write_text("5", encoding="ascii")
    wanted = "VmRSS:" if reset else "VmHWM:"
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(wanted))


class Watch:
    """Notes every file that this process opens to write, makes, renames or removes outside a folder.

    A file without a name (`O_TMPFILE`), which is opened by its folder, is nowhere, and gone when it is closed. An audit
    hook stays for good, so this is for processes of their own.
    """

    def __init__(self, inside: Path) -> None:
        self.outside: list[str] = []
        self._inside = inside.resolve()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        for place in _written(event, arguments):
            if isinstance(place, str | bytes | os.PathLike) and not self._allowed(Path(os.fsdecode(place)), event):
                self.outside.append(f"{event} {place}")

    def _allowed(self, place: Path, event: str) -> bool:
        whole = Path(os.path.abspath(place))  # noqa: PTH100 - nothing may be opened in here
        ours = str(whole) in (os.devnull, _RESET)
        if event == "open" and os.path.isdir(whole):  # noqa: PTH112 - a folder is never written by opening it
            return True
        return ours or self._inside == whole or self._inside in whole.parents


def _written(event: str, arguments: tuple[Any, ...]) -> Iterator[Any]:
    if event == "open":
        place, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITING:
            yield place
    elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown"):
        yield arguments[0]
    elif event in ("os.rename", "os.link", "os.symlink"):
        yield from arguments[:2]
    elif event in ("os.system", "os.exec", "os.posix_spawn", "socket.connect", "socket.bind"):
        yield f"{event}: {arguments[0]}"
    elif event == "subprocess.Popen" and arguments[0] != sys.executable:
        yield str(arguments[0])
    elif event == "sqlite3.connect":
        yield str(arguments[0]).removeprefix("file://").partition("?")[0]


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Everything under a folder, with size and moment of its last change."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_size if path.is_file() else 0, path.lstat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
    }
