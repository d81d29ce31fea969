"""Which versions of the libraries, and of the time zone database, a plan was locked with."""

from __future__ import annotations

import platform
import zoneinfo
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("numpy", "scipy", "numba", "scikit-learn", "pandas", "shapely", "pyproj")
UNKNOWN = "not told"
NOT_INSTALLED = "not installed"


def versions(tz: str) -> dict[str, str]:
    """Versions of what computes the numbers and the moments here.

    Parameters
    ----------
    tz : str
        IANA zone, of which the database is told.
    """
    from predpol_eval import __version__

    found = {"predpol_eval": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = NOT_INSTALLED
    return found | {"time zones": zones_of(tz)}


def zones_of(tz: str) -> str:
    """Version of the time zone database that knows this zone, where the system tells it."""
    for folder in map(Path, zoneinfo.TZPATH):
        if not (folder / tz).is_file():
            continue
        try:
            with (folder / "tzdata.zi").open(encoding="ascii", errors="replace") as lines:
                first = lines.readline(100).strip()
        except OSError:
            return UNKNOWN
        return first.removeprefix("# version ") if first.startswith("# version ") else UNKNOWN
    try:
        return version("tzdata")
    except PackageNotFoundError:
        return UNKNOWN


def told_apart(locked: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, ...]:
    """Say which versions differ.

    Examples
    --------
    >>> told_apart({"numpy": "2.1.0", "python": "3.11"}, {"numpy": "2.2.0", "python": "3.11"})
    ('numpy is 2.2.0 here; the plan was locked with 2.1.0.',)
    """
    return tuple(
        f"{name} is {here.get(name, UNKNOWN)} here; the plan was locked with {locked.get(name, UNKNOWN)}."
        for name in sorted({*locked, *here})
        if locked.get(name) != here.get(name)
    )
