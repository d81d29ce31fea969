"""Single chunks of a store: put in place for good, and never taken for whole when they are not."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.resumable_folders import flush_folder, write_whole
from predpol_eval.surface_stores.layout import (
    FINISHED,
    INSTALL,
    SURFACES,
    Form,
    Sizes,
    chunk_path,
    forms,
    refuse_elsewhere,
)

if TYPE_CHECKING:
    import zarr

FloatArray = npt.NDArray[np.float64]
# The packed chunk begins with 16 bytes, of which the second four say how much it unpacks to.
HEADER = struct.Struct("<4xI8x")
MARK = b"\x01"


def need_extra() -> None:
    """See to it that what reads and writes stores is there, before any work is done.

    Raises
    ------
    InputError
        If zarr or dask is not installed.
    """
    try:
        import dask.array  # noqa: F401
        import zarr  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Stores of surfaces need zarr and dask, which are not installed ({error}); install the extra: {INSTALL}"
        ) from error


def opened(root: Path, name: str, mode: str) -> zarr.Array[Any]:
    """Open an array of the store, in ``"r"`` or ``"r+"``."""
    import zarr
    from zarr.storage import LocalStore

    store = LocalStore(root / name, read_only=mode == "r")
    return zarr.open_array(store, mode=mode, zarr_format=3)


def write_night(root: Path, array: zarr.Array[Any], night: int, values: FloatArray) -> None:
    """Write the surface of a night, and mark it as whole: after this returns, no crash can lose it.

    Raises
    ------
    InputError
        If it cannot be written; the nights before it are kept.
    """
    path = chunk_path(root, SURFACES, (night, 0, 0))
    mark = chunk_path(root, FINISHED, (night,))
    for place in (path, mark):
        refuse_elsewhere(place, root)
    try:
        array[night] = values
        with path.open("rb+") as handle:
            os.fsync(handle.fileno())
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            flush_folder(folder)
        # Only now: a mark must never reach the disk before what it stands for.
        mark.parent.mkdir(exist_ok=True)
        write_whole(mark, MARK)
    except OSError as error:
        raise InputError(
            f"The store {root.name!r} cannot be written ({error}). The nights finished before are kept: make room, or "
            "allow writing there, and run it again."
        ) from error


def read_chunk(root: Path, array: zarr.Array[Any], name: str, position: tuple[int, ...], sizes: Sizes) -> Any:
    """Give one chunk, shape as its form says.

    Raises
    ------
    InputError
        If it is missing, is damaged, lies outside the store, or would unpack to another size than stated.
    """
    form = forms(sizes)[name]
    path = chunk_path(root, name, position)
    refuse_elsewhere(path, root)
    where = tuple(slice(n * length, (n + 1) * length) for n, length in zip(position, form.chunks, strict=True))
    try:
        _refuse_other_size(path, form)
        return np.asarray(array[where])
    except (OSError, ValueError, RuntimeError, KeyError, struct.error) as error:
        remedy = (
            f"delete the mark {chunk_path(root, FINISHED, position[:1]).relative_to(root)}, and run "
            "ppe.forecast_to_zarr(...) as before: it makes this night again"
            if name == SURFACES
            else "make the store again"
        )
        raise InputError(f"{path.relative_to(root)} of {root.name!r} is damaged ({error}); {remedy}.") from error


def _refuse_other_size(path: Path, form: Form) -> None:
    """Refuse what would unpack to more memory than its array states: before it does."""
    expected = int(np.prod(form.chunks)) * np.dtype(form.stored).itemsize
    with path.open("rb") as handle:
        (size,) = HEADER.unpack(handle.read(HEADER.size))
    if size != expected:
        raise ValueError(f"it says that it holds {size:,} bytes, not {expected:,}")
