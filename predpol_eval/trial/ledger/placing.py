"""New databases put in place whole, and what killed writers left behind."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from predpol_eval.errors import InputError
from predpol_eval.resumable_folders import PARTIAL, flush_folder
from predpol_eval.trial.placing import give_name, partial_in

LEFT_BEHIND = 3600.0  # seconds; no writer takes so long, and one that does is told that its file has gone
_BESIDE = ("-wal", "-shm", "-journal")  # what a database may leave beside its file


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Let a database be made under a name of its own, then flush it and give it its name; or leave nothing.

    Raises
    ------
    InputError
        If there is something of this name, or it cannot be written.
    """
    folder = path.absolute().parent
    for suffix in ("", *_BESIDE):
        # A log that another database left behind would be read into this one.
        if os.path.lexists(path.with_name(path.name + suffix)):
            raise InputError(f"There is {path.name + suffix!r} already; begin the ledger under another name.")
    if not folder.is_dir():
        raise InputError(f"There is no folder {str(folder)!r}; make it, or give another path.")
    sweep(folder, path.name)
    partial = partial_in(folder, path.name)
    try:
        yield partial
        _flush(partial)
        if not give_name(partial, path):
            raise InputError(f"There is {path.name!r} already; begin the ledger under another name.")
        partial.unlink(missing_ok=True)
        flush_folder(folder)
    except OSError as error:
        raise InputError(
            f"The ledger {str(path)!r} cannot be written ({error}); make room, or give another place."
        ) from error
    finally:
        for suffix in ("", *_BESIDE):
            with contextlib.suppress(OSError):
                partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, name: str = "") -> None:
    """Remove what killed writers left behind long ago; a file that may still be written is left alone."""
    own = re.compile(re.escape(name) + r"\.[0-9a-f]{32}" + re.escape(PARTIAL) + "(-wal|-shm|-journal)?", re.ASCII)
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if own.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    if time.time() - path.lstat().st_mtime > LEFT_BEHIND:
                        path.unlink()
