"""Folders that a run fills bit by bit: locked while it writes, resumed only for what they were begun for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from predpol_eval.errors import InputError, PlanLockedError

LOCK, PARTIAL = "lock", ".partial"


@contextlib.contextmanager
def locked(folder: Path, record: str, own: Collection[str], given_as: str) -> Iterator[None]:
    """Make a folder if need be, and keep other runs out of it; a killed run leaves no lock behind.

    Parameters
    ----------
    folder : path
    record : str
        Name of the file that says what the folder was begun for.
    own : collection of str
        What a run that was killed before its record was whole may have left.
    given_as : str
        Name of the argument, for messages.

    Raises
    ------
    InputError
        If the folder holds other things, cannot be written, or another run is writing to it.
    """
    with contextlib.ExitStack() as stack:
        try:
            # Before anything is made there: a folder of somebody else's is left as it is.
            _refuse_foreign(folder, record, {LOCK, *own}, given_as)
            folder.mkdir(parents=True, exist_ok=True)
            handle = stack.enter_context((folder / LOCK).open("a+"))
        except OSError as error:
            raise InputError(
                f"The folder {str(folder)!r} cannot be used as {given_as}= ({error}); give one in which files may be "
                "written."
            ) from error
        try:
            _lock(handle.fileno())
        except (BlockingIOError, PermissionError) as error:
            raise InputError(
                f"Another run is writing to the {given_as} {folder.name!r}; wait for it, end the workers it may have "
                "left behind, or give another folder."
            ) from error
        except OSError as error:
            raise InputError(
                f"The folder {str(folder)!r} cannot be locked ({error}), so another run could write to it at the same "
                "time; give one on another disk."
            ) from error
        yield


def _refuse_foreign(folder: Path, record: str, own: Collection[str], given_as: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file; give a new or empty folder as {given_as}=.")
    if not folder.exists() or (folder / record).is_file():
        return
    present = {path.name for path in folder.iterdir()}
    # The lock is the first thing that a run makes, so without it nothing there is a run's.
    others = sorted(present - set(own)) if LOCK in present else sorted(present)
    if others:
        named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
        raise InputError(
            f"The folder {folder.name!r} holds other files ({named}) and no store; give an empty or "
            f"new folder as {given_as}=."
        )


def _lock(descriptor: int) -> None:
    # Both systems drop these locks when the process ends, however it ends.
    if os.name == "nt":  # pragma: no cover - Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to disk, and put it in place in one step."""
    partial = path.with_name(path.name + PARTIAL)
    try:
        with partial.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """See to it that new names in a folder reach the disk, too."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def refuse_other(found: Any, wanted: Any, what: str, remedy: str) -> None:
    """Refuse to go on with a folder that was begun for something else, and say what differs.

    Parameters
    ----------
    found, wanted : mapping
        Records, as JSON gives them.
    what : str
        The folder and what it is begun for, to open the message.
    remedy : str
        What to do, to end it.

    Raises
    ------
    PlanLockedError
        If the records differ.
    """
    different = list(_differences(found, wanted))
    if different:
        listed = "\n".join(f"  - {line}" for line in different[:20])
        raise PlanLockedError(f"{what} and is not resumed; these differ:\n{listed}\n{remedy}")


def _differences(found: Any, wanted: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            yield from _differences(found.get(key), wanted.get(key), f"{path} > {key}" if path else str(key))
    elif found != wanted:
        yield f"{path}: the store has {_shorten(found)}, this run {_shorten(wanted)}"


def _shorten(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else text[:117] + "..."
