"""A folder of finished blocks: written whole or not at all, reused only for the very same job."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from predpol_eval.backtests.counting import BlockResult
from predpol_eval.backtests.job import Block, Job
from predpol_eval.errors import InputError
from predpol_eval.resumable_folders import PARTIAL, locked, refuse_other, write_whole
from predpol_eval.tallies import CAUGHT

SCHEMA = "predpol_eval.store/4"
PARTS = ("caught", "curve", "scores", "shares", "status", "reason")
MANIFEST = "manifest.json"
# All that a damaged archive may raise while its checksums are read.
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


class Store:
    """A folder of finished blocks; open it with `opened`.

    Parameters
    ----------
    folder : path
    job : Job
        What is to be computed.

    Raises
    ------
    InputError
        If the record of the folder cannot be read.
    PlanLockedError
        If the folder was begun with other data, another configuration or another version, and which.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder = folder
        self.job = job
        self.blocks = folder / "blocks"
        manifest = folder / MANIFEST
        record = json.loads(json.dumps({"schema": SCHEMA, **job.record}, sort_keys=True))
        if manifest.is_file():
            refuse_other(
                _read_manifest(manifest),
                record,
                f"The store {folder.name!r} was begun for another backtest",
                "Give another folder as store=, or go back to what the store was begun with.",
            )
        for left_over in [*folder.glob("*" + PARTIAL), *self.blocks.glob("*" + PARTIAL)]:
            left_over.unlink()
        if not manifest.is_file():
            write_whole(manifest, (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
        self.blocks.mkdir(exist_ok=True)

    def path(self, block: Block) -> Path:
        """File of a block."""
        return self.blocks / f"f{block.forecaster:03d}-k{block.kind:03d}-b{block.number:05d}.npz"

    def write(self, block: Block, result: BlockResult) -> None:
        """Keep a finished block: after this returns, no crash can lose it.

        Raises
        ------
        InputError
            If it cannot be written; nothing of it is left, and the blocks before it are.
        """
        buffer = io.BytesIO()
        np.savez(buffer, **{name: getattr(result, name) for name in PARTS})
        try:
            write_whole(self.path(block), buffer.getvalue())
        except OSError as error:
            raise InputError(
                f"The store {self.folder.name!r} cannot be written ({error}). The blocks finished before are kept: "
                "make room, or allow writing there, and run it again."
            ) from error

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
            # All checksums first: what a damaged header means may be anything.
            with zipfile.ZipFile(path) as archive:
                wrong = archive.testzip()
            if wrong is not None:
                raise zipfile.BadZipFile(f"the checksum of {wrong} is wrong")
            with np.load(path, allow_pickle=False) as parts:
                found = BlockResult(*(parts[name] for name in PARTS))
        except _DAMAGE as error:
            raise _damaged(path, str(error)) from error
        nights = block.nights.stop - block.nights.start
        budgets, parted = len(self.job.budgets), self.job.parted(block.kind)
        expected = {
            "caught": (len(self.job.methods), len(CAUGHT), len(self.job.grid.labels), budgets, nights),
            "shares": (budgets, 0 if parted is None else len(parted.of(block.nights).window)),
            "status": (nights,),
        }
        for name, shape in expected.items():
            if getattr(found, name).shape != shape:
                raise _damaged(path, f"{name} has shape {getattr(found, name).shape}, expected {shape}")
        return found


@contextlib.contextmanager
def opened(folder: str | Path, job: Job) -> Iterator[Store]:
    """Open or begin a store, and keep other runs out while this one writes; a killed run leaves no lock behind.

    Raises
    ------
    InputError
        If the folder holds other things, cannot be written, or another run is writing to it.
    PlanLockedError
        If it was begun for another job (see `Store`).
    """
    place = Path(folder)
    with locked(place, MANIFEST, {MANIFEST + PARTIAL}, "store"):
        yield Store(place, job)


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"The block {path.name} of the store is damaged ({why}); delete this file ({path}), and the next run makes it "
        "again."
    )


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} of the store cannot be read ({error}); give another folder.") from error
    if not isinstance(found, dict):
        raise InputError(f"{path.name} of the store is not a record; give another folder.")
    return found
