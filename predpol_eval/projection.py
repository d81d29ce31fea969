"""Metres or nothing: which coordinate systems the library computes in.

Distances, areas and densities are only right in a projected CRS whose unit is the metre, so every other
one is refused with the call that converts it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError

FloatArray = npt.NDArray[np.float64]


@lru_cache(maxsize=64)
def _parsed(crs: str) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise InputError(
            f"{crs!r} is not a coordinate reference system that PROJ knows ({error}). "
            "Give an EPSG code of a projected system in metres, for instance crs='EPSG:27700'."
        ) from error


def crs_text(crs: Any) -> str:
    """Text that PROJ reads: of a text itself, of the number of an EPSG code, or of a CRS object.

    Examples
    --------
    >>> crs_text(27700)
    'EPSG:27700'
    """
    if isinstance(crs, str):
        return crs
    if isinstance(crs, int | np.integer) and not isinstance(crs, bool):
        return f"EPSG:{crs}"
    if not hasattr(crs, "to_wkt"):
        raise InputError(f"The coordinate reference system is {crs!r}; give an EPSG code, for instance 'EPSG:27700'.")
    return str(crs.to_wkt())


def metric_crs(crs: Any) -> str:
    """Name of a projected CRS in metres; anything else is refused.

    Parameters
    ----------
    crs : str or pyproj.CRS
        The coordinate reference system.

    Returns
    -------
    str
        Its short name (``"EPSG:27700"``) or, where it has none, its WKT.

    Raises
    ------
    InputError
        If it is missing, unknown, in degrees, or in a unit other than the metre.

    Examples
    --------
    >>> metric_crs("epsg:27700")
    'EPSG:27700'
    """
    if crs is None:
        raise InputError(
            "No coordinate reference system was given. Say which one the coordinates are in, "
            "for instance crs='EPSG:27700' (Great Britain) or crs='EPSG:32617' (UTM zone 17 north)."
        )
    parsed = _parsed(crs_text(crs))
    authority = parsed.to_authority(min_confidence=100)
    name = ":".join(authority) if authority else parsed.to_wkt()
    shown = ":".join(authority) if authority else parsed.name
    if parsed.is_geographic or not (parsed.is_projected or parsed.is_engineering or parsed.is_bound):
        raise InputError(
            f"The coordinates are in {shown} ({parsed.name}), which is in degrees; distances and areas need a "
            f"projected system in metres. Pass source_crs={shown!r} and crs='EPSG:...' of a projected system to "
            "Events.from_frame, or call .to_crs('EPSG:...') on a GeoDataFrame; "
            "geodataframe.estimate_utm_crs() suggests one."
        )
    operation = parsed.coordinate_operation
    if operation is not None and "Pseudo Mercator" in operation.method_name:
        raise InputError(
            f"The coordinates are in {shown} ({parsed.name}), a system for web maps whose metres are stretched (by "
            "1.6 in London); distances and areas need a local system. Convert with .to_crs('EPSG:...'); "
            "geodataframe.estimate_utm_crs() suggests one."
        )
    units = {axis.unit_name for axis in parsed.axis_info[:2]}
    if not units <= {"metre", "meter"}:
        raise InputError(
            f"The coordinates are in {shown} ({parsed.name}), whose unit is {' and '.join(sorted(units))}; "
            f"metres are needed. Pass source_crs={shown!r} and crs='EPSG:...' of a system in metres to "
            "Events.from_frame, or call .to_crs('EPSG:...') on a GeoDataFrame."
        )
    return name


def project(x: FloatArray, y: FloatArray, source_crs: str, crs: str) -> tuple[FloatArray, FloatArray]:
    """Convert coordinates (longitude or easting first) from one CRS to another."""
    from pyproj import Transformer

    _parsed(source_crs)
    transformer = Transformer.from_crs(source_crs, crs, always_xy=True)
    east, north = transformer.transform(x, y)
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)


def looks_like_degrees(x: FloatArray, y: FloatArray, crs: str) -> bool:
    """Whether coordinates said to be metres are longitudes and latitudes.

    They are when all of them fit on the globe and, read as degrees in either order, lie where the CRS is
    meant to be used, or when some are negative and none lies in the CRS's own extent. A small made-up city
    near the origin is left alone.
    """
    if len(x) == 0 or np.abs(x).max() > 180 or np.abs(y).max() > 180:
        return False
    area = _parsed(crs).area_of_use
    if area is None:
        return bool((x < 0).any() or (y < 0).any())
    margin = 2.0

    def inside(longitude: FloatArray, latitude: FloatArray) -> bool:
        return bool(
            (longitude >= area.west - margin).all()
            and (longitude <= area.east + margin).all()
            and (latitude >= area.south - margin).all()
            and (latitude <= area.north + margin).all()
        )

    return inside(x, y) or inside(y, x) or bool((x < 0).any() or (y < 0).any())


def refuse_degrees(x: FloatArray, y: FloatArray, crs: str, what: str) -> None:
    """Raise `InputError` if coordinates said to be metres look like degrees."""
    if looks_like_degrees(x, y, crs):
        raise InputError(
            f"{what} have x from {x.min():.6g} to {x.max():.6g} and y from {y.min():.6g} to {y.max():.6g}: these look "
            f"like degrees, but crs={crs!r} is in metres. If they are longitude (x) and latitude (y), convert them: "
            f"Events.from_frame(..., source_crs='EPSG:4326', crs={crs!r}), or .to_crs({crs!r}) on a GeoDataFrame."
        )


def refuse_mixed(first: str, second: str, what: str, other: str) -> None:
    """Raise `InputError` if two things that must share a CRS do not."""
    if first != second:
        raise InputError(
            f"{what} are in {first[:60]} but {other} is in {second[:60]}; both must be in the same projected system. "
            f"Convert one: pass source_crs={first[:60]!r} and crs={second[:60]!r} to Events.from_frame, or .to_crs() "
            "the areas."
        )
