"""The areas of a trial: from the bytes of their file to the grid, so that nothing but these bytes decides it."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.trial.plan.keys import close
from predpol_eval.trial.plan.values import plain_text, shown

if TYPE_CHECKING:
    import geopandas as gpd

    from predpol_eval.grid import Grid

MOST_BYTES = 200_000_000
_GEOPACKAGE = b"SQLite format 3\x00"
# Where SQLite keeps the mark of an application, and those of GeoPackage.
_MARK, _MARKS = slice(68, 72), (b"GPKG", b"GP10", b"GP11")


def read_bytes(path: Path, what: str, most: int) -> bytes:
    """Bytes of a plain file, of a size that can be a file of this kind.

    Raises
    ------
    InputError
        If there is none, it is a folder or no file at all, is too large, or cannot be read.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path.name} is a folder; give the {what} itself.")
        if not path.is_file():
            raise InputError(f"There is no {what} {str(path)!r}; check the path.")
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The {what} {path.name!r} cannot be read: {error}.") from error
    if len(data) > most:
        raise InputError(f"The {what} {path.name!r} is larger than {most:,} bytes; give a smaller one.")
    return data


def lay_grid(data: bytes, place: Mapping[str, Any]) -> Grid:
    """Lay the grid of a trial over its areas.

    Parameters
    ----------
    data : bytes
        File of the areas: GeoJSON or GeoPackage, in any system, as it is converted to that of the plan.
    place : mapping
        The keys of [place].

    Returns
    -------
    Grid

    Raises
    ------
    InputError
        If the file cannot be used, or names are not in it.
    """
    from predpol_eval.grid import Grid

    areas, label = _polygons(data), place["label"]
    if areas.crs is None:
        raise InputError("The file of areas tells no coordinate system; save it with one.")
    if label is not None and place["use"] is not None:
        areas = _used(areas, label, place["use"])
    if areas.crs != place["crs"]:
        areas = areas.to_crs(place["crs"])
    x, y = place["origin"]
    grid = Grid.from_areas(areas, cell=place["cell"], label=label, origin=(x, y))
    odd = [name for name in grid.labels if not _is_plain(name)]
    if odd:
        raise InputError(
            f"Areas are called {', '.join(map(shown, odd[:5]))}; give names of one line, up to 200 signs, without "
            "blanks around them."
        )
    return grid


def refuse_small_areas(grid: Grid, boxes: int) -> None:
    """Refuse areas that have fewer boxes than are to be chosen in each: all their ground would be flagged.

    Raises
    ------
    InputError
        Naming them.
    """
    small = [f"{name!r} ({cells})" for name, cells in zip(grid.labels, grid.label_cells, strict=True) if cells < boxes]
    if small:
        more = f" and {len(small) - 5} more" if len(small) > 5 else ""
        raise InputError(
            f"[budget] boxes is {boxes:,}, but there are areas with fewer boxes: {', '.join(small[:5])}{more}. Choose "
            "fewer boxes, a smaller cell, or leave these areas out with use."
        )


def _is_plain(name: str) -> bool:
    try:
        plain_text(name)
    except ValueError:
        return False
    return True


def _used(areas: gpd.GeoDataFrame, label: str, use: list[str]) -> gpd.GeoDataFrame:
    if label not in areas.columns:
        columns = [str(name) for name in areas.columns if name != areas.geometry.name]
        raise InputError(
            f"The areas have no column {label!r}.{close(label, columns)} The columns are "
            f"{', '.join(map(repr, columns))}."
        )
    names = areas[label].map(str)
    here = set(names)
    unknown = [name for name in use if name not in here]
    if unknown:
        told = "; ".join(f"{name!r}{close(name, here)}" for name in unknown[:5])
        more = f" And {len(unknown) - 5} more." if len(unknown) > 5 else ""
        raise InputError(f"[place] use names areas that are not in column {label!r}: {told}{more}")
    return areas[names.isin(use).to_numpy()]


def _polygons(data: bytes) -> gpd.GeoDataFrame:
    import geopandas as gpd
    from pyogrio.errors import DataLayerError, DataSourceError

    # Other formats may name further files, or places in the net, and are not even tried.
    if not (data.startswith(_GEOPACKAGE) and data[_MARK] in _MARKS) and not _is_geojson(data):
        raise InputError(
            "The file of areas is neither GeoJSON (a FeatureCollection) nor GeoPackage. Save it as one of these; a "
            "shapefile is several files, so that one hash could not tell whether it was changed."
        )
    try:
        with warnings.catch_warnings():
            # It misses the ending of a file's name, which bytes do not have.
            warnings.simplefilter("ignore", RuntimeWarning)
            areas = gpd.read_file(io.BytesIO(data))
    except (DataSourceError, DataLayerError, ValueError, OSError) as error:
        raise InputError(f"The file of areas cannot be read: {error}") from error
    if not isinstance(areas, gpd.GeoDataFrame):
        raise InputError("The file of areas holds no polygons.")
    return areas


def _is_geojson(data: bytes) -> bool:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("type") == "FeatureCollection"
