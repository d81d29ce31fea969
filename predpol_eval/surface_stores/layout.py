"""What lies where in a store of surfaces: one Zarr group (format 3), of which every array has one fixed form.

A store may come from somebody else. So its metadata are compared with what this module would write for the sizes that
they state, and nothing else is understood: no other codec, no other place of a chunk, no sizes beyond the limits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.grid import MOST_CELLS
from predpol_eval.schedule import MOST_WINDOWS

SCHEMA = "predpol_eval.surfaces/1"
METADATA = "zarr.json"
INSTALL = "python -m pip install 'predpol-eval[cluster]'"
SURFACES, FINISHED = "risk", "finished"
NANOSECONDS = {"units": "nanoseconds since 1970-01-01", "calendar": "proleptic_gregorian"}
# What the surfaces hold besides their axes: an attribute of theirs by which other software finds it.
COORDINATES = {"coordinates": "window_end until inside_m2"}
MOST_METADATA_BYTES = 16_000_000
# What a chunk that is not there would hold; none that is written holds nothing else.
FILL = {"float64": "NaN", "int64": -(2**63), "uint8": 0}


class Sizes(NamedTuple):
    """Windows, rows and columns of a store."""

    window: int
    y: int
    x: int


class Form(NamedTuple):
    """Form of one array: its dimensions, how its numbers are stored, and the lengths of its chunks."""

    dims: tuple[str, ...]
    stored: str
    chunks: tuple[int, ...]


def forms(sizes: Sizes) -> dict[str, Form]:
    """Every array of a store: a chunk of `SURFACES` is one night, one of `FINISHED` the mark that it is whole."""
    return {
        "window": Form(("window",), "int64", (sizes.window,)),
        "window_end": Form(("window",), "int64", (sizes.window,)),
        "until": Form(("window",), "int64", (sizes.window,)),
        "y": Form(("y",), "float64", (sizes.y,)),
        "x": Form(("x",), "float64", (sizes.x,)),
        "inside_m2": Form(("y", "x"), "float64", (sizes.y, sizes.x)),
        SURFACES: Form(("window", "y", "x"), "float64", (1, sizes.y, sizes.x)),
        FINISHED: Form(("window",), "uint8", (1,)),
    }


def metadata(form: Form, sizes: Sizes, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of an array, as the file beside its chunks has them."""
    size = np.dtype(form.stored).itemsize
    codecs: list[dict[str, Any]] = [{"name": "bytes"}]
    if size > 1:
        packing = {"typesize": size, "cname": "zstd", "clevel": 1, "shuffle": "shuffle", "blocksize": 0}
        codecs = [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "blosc", "configuration": packing},
            # A chunk that is cut short or changed is noticed.
            {"name": "crc32c"},
        ]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [getattr(sizes, dim) for dim in form.dims],
        "data_type": form.stored,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(form.chunks)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": FILL[form.stored],
        "codecs": codecs,
        "attributes": dict(attributes),
        "dimension_names": list(form.dims),
        "storage_transformers": [],
    }


def group_metadata(attributes: Mapping[str, Any], arrays: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Metadata of the whole store; those of its arrays once more, so that a reader need not look for them."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": dict(attributes),
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": dict(arrays)},
    }


def encoded(content: Mapping[str, Any]) -> bytes:
    """Metadata as the bytes of their file."""
    return (json.dumps(content, indent=2) + "\n").encode()


def chunk_path(root: Path, name: str, position: tuple[int, ...]) -> Path:
    """File of a chunk."""
    return root.joinpath(name, "c", *map(str, position))


def marked(root: Path) -> set[int]:
    """Nights of which the mark says that they are whole."""
    folder = root / FINISHED / "c"
    if not folder.is_dir():
        return set()
    return {int(path.name) for path in folder.iterdir() if path.name.isdecimal()}


def read_metadata(path: Path, root: Path) -> dict[str, Any]:
    """Metadata of a file of the store.

    Raises
    ------
    InputError
        If it is missing, is no JSON object, is larger than such a file can be, or lies elsewhere.
    """
    refuse_elsewhere(path, root)
    try:
        size = path.stat().st_size
        if size > MOST_METADATA_BYTES:
            raise InputError(f"{path.name} of {root.name!r} has {size:,} bytes, more than any store of surfaces needs.")
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.relative_to(root)} of {root.name!r} cannot be read as metadata: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("attributes"), dict):
        raise InputError(f"{path.relative_to(root)} of {root.name!r} does not hold metadata of Zarr 3.")
    return found


def refuse_elsewhere(path: Path, root: Path) -> None:
    """Refuse a file that lies outside the store, as behind a link.

    Raises
    ------
    InputError
        If it does.
    """
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{path.relative_to(root)} of {root.name!r} is a link to a place outside the store, which is not followed; "
            "copy the file itself there."
        )


def read_group(root: Path) -> dict[str, Any]:
    """Attributes of the whole store.

    Raises
    ------
    InputError
        If there is no such folder, it is not a store of surfaces, or has another schema.
    """
    where = f"There is no store of surfaces {root.name!r} in {root.parent.name or '.'!r}"
    if root.is_file():
        raise InputError(f"{root.name!r} is a file, not a folder of Zarr; open it with ppe.load_surface(path).")
    if not (root / METADATA).is_file():
        raise InputError(f"{where} (a folder with {METADATA}); make one with ppe.forecast_to_zarr(...).")
    attributes: dict[str, Any] = read_metadata(root / METADATA, root)["attributes"]
    if attributes.get("schema") != SCHEMA:
        raise InputError(
            f"{root.name!r} holds schema {attributes.get('schema')!r} but {SCHEMA!r} is expected. A store that other "
            "software wrote can be opened with xarray.open_zarr(path) and made a surface with ppe.make_surface(...)."
        )
    return attributes


def read_arrays(root: Path) -> tuple[Sizes, dict[str, dict[str, Any]]]:
    """Sizes of a store and the attributes of its arrays, after checking that they have the one form they may have.

    Raises
    ------
    InputError
        If an array has another form, or is larger than a grid or schedule may be.
    """
    found = {name: read_metadata(root / name / METADATA, root) for name in forms(Sizes(1, 1, 1))}
    shape = found[SURFACES].get("shape")
    if not (isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and n > 0 for n in shape)):
        raise InputError(f"The surfaces of {root.name!r} have shape {shape!r}; expected (windows, rows, columns).")
    sizes = Sizes(*shape)
    if sizes.window > MOST_WINDOWS or sizes.y * sizes.x > MOST_CELLS:
        raise InputError(
            f"{root.name!r} says that it holds {sizes.window:,} windows of {sizes.y * sizes.x:,} cells; the most are "
            f"{MOST_WINDOWS:,} and {MOST_CELLS:,}, so nothing of it is loaded."
        )
    for name, form in forms(sizes).items():
        expected = metadata(form, sizes, found[name]["attributes"])
        other = sorted(key for key in {*expected, *found[name]} if found[name].get(key) != expected.get(key))
        if other:
            raise InputError(
                f"The array {name!r} of {root.name!r} has another {', '.join(other)} than this version writes "
                f"({_short(found[name].get(other[0]))} instead of {_short(expected.get(other[0]))}), so it is not "
                "read. Make it again with ppe.forecast_to_zarr(...)."
            )
    return sizes, {name: found[name]["attributes"] for name in found}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
