"""A folder of finished blocks: written whole or not at all, reused only for the very same job."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from predpol_eval.backtests.block import BlockResult
from predpol_eval.backtests.job import Block, Job
from predpol_eval.errors import InputError, PlanLockedError

SCHEMA = "predpol_eval.store/1"
PARTS = ("caught", "curve", "status", "reason")


class Store:
    """A folder of finished blocks.

    Parameters
    ----------
    folder : path
        Made if it does not exist.
    job : Job
        What is to be computed; a folder that was begun for another job is refused.

    Raises
    ------
    InputError
        If the folder holds other things, or another run is writing to it.
    PlanLockedError
        If it was begun with other data, another configuration or another version, and which.
    """

    def __init__(self, folder: str | Path, job: Job) -> None:
        self.folder = Path(folder)
        self.blocks = self.folder / "blocks"
        manifest = self.folder / "manifest.json"
        record = json.loads(json.dumps({"schema": SCHEMA, **job.record}, sort_keys=True))
        if manifest.is_file():
            _refuse_other(_read_manifest(manifest), record, self.folder)
        elif self.folder.exists() and any(path.name != "lock" for path in self.folder.iterdir()):
            raise InputError(
                f"The folder {self.folder.name!r} holds other files and no store; give an empty or new folder as "
                "store=."
            )
        self.blocks.mkdir(parents=True, exist_ok=True)
        for left_over in [*self.folder.glob("*.partial"), *self.blocks.glob("*.partial")]:
            left_over.unlink()
        if not manifest.is_file():
            write_whole(manifest, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())

    def path(self, block: Block) -> Path:
        """File of a block."""
        return self.blocks / f"f{block.forecaster:03d}-k{block.kind:03d}-b{block.number:05d}.npz"

    def write(self, block: Block, result: BlockResult) -> None:
        """Keep a finished block: after this returns, no crash can lose it."""
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(result, name) for name in PARTS})
        write_whole(self.path(block), buffer.getvalue())

    def read(self, block: Block) -> BlockResult | None:
        """A finished block, or None.

        Raises
        ------
        InputError
            If its file was damaged after it was written.
        """
        path = self.path(block)
        if not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as parts:
                return BlockResult(*(parts[name] for name in PARTS))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(
                f"The block {path.name} of the store is damaged ({error}); delete this file, and the next run makes "
                "it again."
            ) from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder while this one writes; a killed run leaves no lock behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as handle:
        try:
            _lock(handle.fileno())
        except OSError as error:
            raise InputError(
                f"Another run is writing to the store {folder.name!r}; wait for it, or give another folder."
            ) from error
        yield


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
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    partial.replace(path)
    if os.name != "nt":
        # The new name itself must reach the disk too.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path.name} of the store cannot be read ({error}); give another folder.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} of the store is not a record; give another folder.")
    return found


def _differences(found: Any, wanted: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        for key in sorted({*found, *wanted}):
            yield from _differences(found.get(key), wanted.get(key), f"{path} > {key}" if path else str(key))
    elif found != wanted:
        yield f"{path}: the store has {_shorten(found)}, this run {_shorten(wanted)}"


def _shorten(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _refuse_other(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    different = list(_differences(found, wanted))
    if different:
        listed = "\n".join(f"  - {line}" for line in different[:20])
        raise PlanLockedError(
            f"The store {folder.name!r} was begun for another backtest and is not resumed; these differ:\n{listed}\n"
            "Give another folder as store=, or go back to what the store was begun with."
        )
