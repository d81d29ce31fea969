"""New files put in place whole, and never over another."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

from predpol_eval.resumable_folders import PARTIAL, flush_folder

_OWNER = 0o600


def partial_in(folder: Path, name: str = "") -> Path:
    """A name of its own for a file that is being written."""
    return folder / f"{name}.{uuid.uuid4().hex}{PARTIAL}"


def place_new(folder: Path, path: Path, content: bytes, *, mode: int | None = None, by_content: bool = False) -> bool:
    """Write a file in a folder for unfinished ones, flush it to disk, and give it its name if that is free.

    Parameters
    ----------
    folder : path
        For unfinished files; on the same disk.
    path : path
        Where it belongs.
    content : bytes
    mode : int, optional
        Who may read and write it, such as ``0o600``; nobody else can before. Default: as other files of the user.
    by_content : bool
        See `give_name`.

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
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(partial, flags, 0o666 if mode is None else _OWNER), "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        if mode is not None:
            partial.chmod(mode)
        placed = give_name(partial, path, by_content=by_content)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    # Also where somebody else was first: the name may not have reached the disk yet.
    flush_folder(path.parent)
    return placed


def give_name(partial: Path, path: Path, *, by_content: bool = False) -> bool:
    """Give a finished file its name if that is free, in one step; never does it take the place of another.

    Parameters
    ----------
    partial, path : path
    by_content : bool
        Whether the name tells the content, so that a file in its place is the same. It matters on disks that know no
        second names: such a file is put there at once, though another may be there by then; for others the name is
        held by an empty file first, which a crash at that very moment leaves behind.
    """
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        if by_content:
            if os.path.lexists(path):
                return False
        else:
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER))
            except FileExistsError:
                return False
        partial.replace(path)
    return True
