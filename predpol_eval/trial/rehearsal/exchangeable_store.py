"""A folder of cached surfaces and finished rehearsals: written whole or not at all, reused only for the very same."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.resumable_folders import PARTIAL, locked, refuse_other, write_whole
from predpol_eval.trial.canonical import canonical_json, sha256_of

SCHEMA = "predpol_eval.rehearsals/1"
MANIFEST, SURFACES, RUNS = "manifest.json", "surfaces.npz", "runs"
Arrays = dict[str, npt.NDArray[Any]]
# All that a damaged archive may raise while its checksums are read.
_DAMAGE = (OSError, ValueError, KeyError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


class RehearsalStore:
    """A folder that was locked for this run; make one with `opened`.

    Parameters
    ----------
    folder : path

    Notes
    -----
    The surfaces are of one set of nights, crimes and forecaster, and the folder is refused for any other. Rehearsals
    are kept by what else decides them (test, noise, seed and so on), each set in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run: Path | None = None

    def begin(self, record: Mapping[str, Any], shape: tuple[int, ...]) -> npt.NDArray[np.float64] | None:
        """Begin or go on with a set of surfaces; give those that are kept, if any.

        Raises
        ------
        InputError
            If a file of the store was damaged.
        PlanLockedError
            If the store was begun with other nights, crimes, versions or another forecaster.
        """
        wanted = json.loads(json.dumps({"schema": SCHEMA, **record}, sort_keys=True))
        manifest = self.folder / MANIFEST
        if manifest.is_file():
            refuse_other(
                _read_manifest(manifest),
                wanted,
                f"The store {self.folder.name!r} holds other surfaces",
                "Give another folder as store=, or go back to what the store was begun with.",
            )
        for left_over in self.folder.rglob("*" + PARTIAL):
            left_over.unlink()
        if not manifest.is_file():
            self._write(manifest, (json.dumps(wanted, indent=2, sort_keys=True) + "\n").encode())
        found = _read(self.folder / SURFACES)
        if found is None:
            return None
        risk = found.get("risk")
        if risk is None or risk.shape != shape or risk.dtype != np.float64:
            raise _damaged(self.folder / SURFACES, f"the risk has not the shape {shape}")
        return risk

    def keep(self, risk: npt.NDArray[np.float64]) -> None:
        """Keep surfaces.

        Raises
        ------
        InputError
            If they cannot be written.
        """
        self._write(self.folder / SURFACES, _packed({"risk": risk}))

    def choose(self, settings: Mapping[str, Any]) -> None:
        """Choose the set of rehearsals to go on with, or begin one."""
        content = canonical_json(dict(settings))
        self._run = self.folder / RUNS / sha256_of(content)[:16]
        self._run.mkdir(parents=True, exist_ok=True)
        self._write(self._run / "settings.json", content + b"\n")

    def write(self, first: int, parts: Arrays) -> None:
        """Keep finished rehearsals, numbered from `first`: after this returns, no crash can lose them.

        Raises
        ------
        InputError
            If they cannot be written; those before are kept.
        """
        self._write(self._path(first), _packed(parts))

    def read(self, first: int) -> Arrays | None:
        """Finished rehearsals, or None.

        Raises
        ------
        InputError
            If their file was damaged after it was written.
        """
        return _read(self._path(first))

    def _path(self, first: int) -> Path:
        if self._run is None:
            raise InputError("No set of rehearsals was chosen; call choose(...) first.")
        return self._run / f"from-{first:06d}.npz"

    def _write(self, path: Path, content: bytes) -> None:
        try:
            write_whole(path, content)
        except OSError as error:
            raise InputError(
                f"The store {self.folder.name!r} cannot be written ({error}). What was finished before is kept: make "
                "room, or allow writing there, and run it again."
            ) from error


@contextlib.contextmanager
def opened(folder: str | Path) -> Iterator[RehearsalStore]:
    """Open or begin a store, and keep other runs out while this one writes; a killed run leaves no lock behind.

    Raises
    ------
    InputError
        If the folder holds other things, cannot be written, or another run is writing to it.
    """
    place = Path(folder)
    with locked(place, MANIFEST, {MANIFEST + PARTIAL}, "store"):
        yield RehearsalStore(place)


def _packed(parts: Arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **parts)  # type: ignore[arg-type]
    return buffer.getvalue()


def _read(path: Path) -> Arrays | None:
    if not path.is_file():
        return None
    try:
        # All checksums first: what a damaged header means may be anything.
        with zipfile.ZipFile(path) as archive:
            wrong = archive.testzip()
        if wrong is not None:
            raise zipfile.BadZipFile(f"the checksum of {wrong} is wrong")
        with np.load(path, allow_pickle=False) as parts:
            return {name: parts[name] for name in parts.files}
    except _DAMAGE as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> InputError:
    return InputError(
        f"{path.name} of the store is damaged ({why}); delete this file ({path}), and the next run makes it again."
    )


def _read_manifest(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} of the store cannot be read ({error}); give another folder.") from error
