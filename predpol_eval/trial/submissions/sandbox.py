"""Work on hostile bytes in a process of its own, which may take only so much memory and time, and may crash.

Libraries in C and C++ are asked here for things that their authors did not foresee. The child gets bytes and gives
bytes; what it gives is read without pickle, and believed no more than the file itself.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

# Beyond what the libraries themselves take; with those it stays under 512 MiB.
MEGABYTES = 384
# Of processor time, after the libraries are loaded; with loading and the rest it stays under 2 s.
SECONDS = 1.25
# Of the clock on the wall. It says nothing about the file: a machine may be busy with other things.
PATIENCE = 30.0
_MOST_ANSWERED = 160 << 20
_READY = b"ready\n"
_DONE = b"done\n"
_TOO_MUCH_MEMORY = 70
_FAILED = 71
_TOO_MUCH_TO_WRITE = 72
_NOT_WRITTEN = 73
_FAILURE = b"\nfailed: "
_LONGEST_NAME = 100
_PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_SETTINGS = {
    # Plain malloc: the others reserve address space far beyond what they use, and the limit counts all of it.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LC_ALL": "C.UTF-8",
}
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from predpol_eval.trial.submissions.sandbox import _child; _child()"
)


class Stopped(Exception):  # noqa: N818
    """The work was stopped, or crashed, after it had begun: because of the bytes that it was given."""


class SandboxBroken(RuntimeError):  # noqa: N818
    """The child could not begin, or the machine kept it from ending: our fault, whatever the bytes are."""


def run_limited(
    task: str,
    data: bytes,
    options: Mapping[str, int] | None = None,
    *,
    libraries: Sequence[str] = (),
    megabytes: int = MEGABYTES,
    seconds: float = SECONDS,
    patience: float = PATIENCE,
) -> bytes:
    """Let a child process do some work, within limits.

    Parameters
    ----------
    task : str
        A function of this package that takes bytes and a mapping and gives bytes, as ``"module:function"``. Never
        anything out of a file.
    data : bytes
        What it gets.
    options : mapping of str to int, optional
        What else it gets.
    libraries : sequence of str
        What it loads before the limits count.
    megabytes : int
        Memory that it may take beyond the libraries. Not held on Windows and macOS.
    seconds : float
        Processor time that it may take after loading. Not held on Windows.
    patience : float
        Seconds on the clock after which it is killed whatever it does.

    Returns
    -------
    bytes

    Raises
    ------
    Stopped
        If it took more than allowed, crashed or failed.
    SandboxBroken
        If it could not begin, could not hand back its answer, or the clock ran out.
    """
    orders = json.dumps([task, dict(options or {}), list(libraries), megabytes, seconds])
    root = str(Path(__file__).resolve().parents[3])
    environment = _SETTINGS | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as answer:
            given.write(data)
            given.seek(0)
            # -I: nothing of the surroundings, neither the folder one stands in nor variables, decides what is loaded.
            child = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, root, orders],
                stdin=given,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                env=environment,
            )
            try:
                code = child.wait(patience)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                child.kill()
                child.wait()
            size = answer.seek(0, os.SEEK_END)
            answer.seek(0)
            begun = answer.read(len(_READY)) == _READY
            if code == 0 and begun and size <= _MOST_ANSWERED:
                given_back = answer.read(_MOST_ANSWERED)
            else:
                answer.seek(max(0, size - len(_DONE) - _LONGEST_NAME))
                given_back = answer.read(len(_DONE) + _LONGEST_NAME)
    except OSError as error:
        raise SandboxBroken(f"The process that reads files could not be started: {error}.") from error
    if not begun:
        raise SandboxBroken("The process that reads files did not start; is the library installed whole?")
    if code is None:
        raise SandboxBroken(
            f"The process that reads files had not ended after {patience:g} s, although it may take only {seconds:g} s "
            "of processor time: the machine is busy. Try again."
        )
    if code == 0 and given_back.endswith(_DONE):
        return given_back[: -len(_DONE)]
    if code == _NOT_WRITTEN:
        raise SandboxBroken("The process that reads files could not hand back what it read; is the disk full?")
    raise Stopped(_why(code, given_back, megabytes, seconds))


def _why(code: int, left: bytes, megabytes: int, seconds: float) -> str:
    if code == _TOO_MUCH_MEMORY:
        return f"it takes more than {megabytes} MiB of memory to read"
    if -code in {getattr(signal, name, None) for name in ("SIGPROF", "SIGXCPU")}:
        return f"it takes more than {seconds:g} s to read"
    if code == _TOO_MUCH_TO_WRITE:
        return f"what it holds takes more than {_MOST_ANSWERED >> 20} MiB"
    if code == _FAILED:
        name = left.rpartition(_FAILURE)[2].decode("ascii", "replace")
        return f"the reading program failed on it ({name if name.isidentifier() else 'nobody knows why'})"
    return f"the reading program crashed on it (code {code})"


def _child() -> None:
    """What the child does: load, set its own limits, say that it is ready, work, and answer."""
    task, options, libraries, megabytes, seconds = json.loads(sys.argv[2])
    module, _, name = task.partition(":")
    work: Callable[[bytes, Mapping[str, int]], bytes] = getattr(import_module(module), name)
    for library in libraries:
        import_module(library)
    data = sys.stdin.buffer.read()
    _limit(megabytes, seconds)
    out = sys.stdout.buffer
    out.write(_READY)
    out.flush()
    code = 0
    try:
        answer = work(data, options)
    except MemoryError:
        code = _TOO_MUCH_MEMORY
    except BaseException as error:  # noqa: BLE001 - whatever a hostile file makes a library raise is told, not passed on
        answer, code = _FAILURE + type(error).__name__[:_LONGEST_NAME].encode("ascii", "replace"), _FAILED
    try:
        if code != _TOO_MUCH_MEMORY:
            out.write(answer if code else answer + _DONE)
            out.flush()
    except OSError as error:
        code = _TOO_MUCH_TO_WRITE if error.errno == errno.EFBIG else _NOT_WRITTEN
    # Without the clearing up of libraries that may be in any state by now.
    os._exit(code)


def _limit(megabytes: int, seconds: float) -> None:
    if os.name == "nt":  # pragma: no cover - Windows
        return
    import resource

    def lower(which: int, value: int) -> None:
        _, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        # macOS refuses some of these; the others still hold.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(which, (value, value))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_FSIZE, _MOST_ANSWERED)
    lower(resource.RLIMIT_NOFILE, 64)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # The timer is exact; the limit behind it stands also where a library takes the timer for itself.
    lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 2)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    size = Path("/proc/self/statm")
    if size.exists():
        pages = int(size.read_text(encoding="ascii").split()[0])
        lower(resource.RLIMIT_AS, pages * resource.getpagesize() + (megabytes << 20))
