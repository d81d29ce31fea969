"""New files put in place whole, and never over another."""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from predpol_eval.errors import InputError
from predpol_eval.resumable_folders import PARTIAL, flush_folder

LEFT_BEHIND = 3600.0  # seconds; no writer takes so long, and one that does is told that its file has gone
_BESIDE = ("-wal", "-shm", "-journal")  # what a database may leave beside its file


def partial_in(folder: Path, name: str = "") -> Path:
    """A name of its own for a file that is being written."""
    return folder / f"{name}.{uuid.uuid4().hex}{PARTIAL}"


def place_new(folder: Path, path: Path, content: bytes) -> bool:
    """Write a file in a folder for unfinished ones, flush it to disk, and give it its name if that is free.

    Parameters
    ----------
    folder : path
        For unfinished files; on the same disk.
    path : path
        Where it belongs.
    content : bytes

    Returns
    -------
    bool
        False if there is a file of that name already; it is left as it is.

    Raises
    ------
    OSError
        If it cannot be written; nothing of it is left.
    """
    partial = partial_in(folder)
    try:
        with partial.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        placed = give_name(partial, path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    # Also where somebody else was first: the name may not have reached the disk yet.
    flush_folder(path.parent)
    return placed


def give_name(partial: Path, path: Path) -> bool:
    """Give a finished file its name if that is free, in one step."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        # Some disks know no second names.
        if os.path.lexists(path):
            return False
        partial.rename(path)
    return True


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
