"""Study areas as polygons: checked, mended where that changes nothing, and dissolved by name."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, row_list
from predpol_eval.projection import metric_crs

if TYPE_CHECKING:
    import geopandas as gpd

ONE_AREA = "all"


def read_areas(areas: gpd.GeoDataFrame, label: str | None) -> tuple[tuple[str, ...], npt.NDArray[Any], str]:
    """Names and valid, dissolved polygons of the areas, in a stable order, and their CRS."""
    import shapely

    if not hasattr(areas, "geometry"):
        raise InputError(f"The areas are a {type(areas).__name__}; give a geopandas.GeoDataFrame of polygons.")
    if len(areas) == 0:
        raise InputError("There is no area, so the grid would have no cells; give at least one polygon.")
    if areas.crs is None:
        raise InputError(
            "The areas have no coordinate reference system; set it with areas.set_crs('EPSG:4326') (what the numbers "
            "are in), then convert with .to_crs('EPSG:...') to metres."
        )
    crs = metric_crs(areas.crs)
    geometry = np.asarray(areas.geometry.to_numpy(), dtype=object)
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    if missing.any():
        raise InputError(f"{row_list(np.flatnonzero(missing))} of the areas have no geometry; drop or correct them.")
    wrong = ~np.isin(shapely.get_type_id(geometry), [3, 6])
    if wrong.any():
        raise InputError(f"{row_list(np.flatnonzero(wrong))} of the areas are not polygons; drop or buffer them.")
    geometry = _mended(geometry)
    if label is None:
        return (ONE_AREA,), np.array([shapely.union_all(geometry)], dtype=object), crs
    if label not in areas.columns:
        names = [str(name) for name in areas.columns if name != areas.geometry.name]
        close = difflib.get_close_matches(str(label), names, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"The areas have no column {label!r}.{hint} The columns are {', '.join(map(repr, names))}; give the one "
            "with the names of the areas as label=, or none for one area."
        )
    column = areas[label]
    if column.isna().any():
        raise InputError(f"{row_list(np.flatnonzero(column.isna()))} of the areas have a blank {label!r}; name them.")
    values = sorted(set(column.tolist()), key=lambda value: (isinstance(value, str), value))
    text = np.array([str(value) for value in column.tolist()], dtype=object)
    names_in_order = tuple(dict.fromkeys(str(value) for value in values))
    polygons = np.array([shapely.union_all(geometry[text == name]) for name in names_in_order], dtype=object)
    total, union = float(shapely.area(polygons).sum()), float(shapely.area(shapely.union_all(polygons)))
    if total > 1.01 * union:
        raise InputError(
            f"The areas overlap: together they measure {total / 1e6:,.2f} km2 but cover only {union / 1e6:,.2f} km2. "
            f"A square metre can belong to one area only: cut them, or choose another label than {label!r}."
        )
    return names_in_order, polygons, crs


def _mended(geometry: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mend polygons that touch themselves at a point, as projecting rounded borders leaves them; refuse worse ones."""
    import shapely

    invalid = ~shapely.is_valid(geometry)
    if not invalid.any():
        return geometry
    where = np.flatnonzero(invalid)
    valid = shapely.make_valid(geometry[where])
    before, after = shapely.area(geometry[where]), shapely.area(valid)
    worse = np.abs(after - before) > 1e-6 * np.maximum(after, before)
    if worse.any():
        first = where[worse][0]
        raise InputError(
            f"{row_list(where[worse])} of the areas are not valid polygons "
            f"({shapely.is_valid_reason(geometry[first])}), and mending would change their area; look at them, then "
            "use areas.geometry = areas.make_valid()."
        )
    result = geometry.copy()
    result[where] = valid
    return result
