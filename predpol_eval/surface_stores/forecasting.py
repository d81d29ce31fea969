"""Forecast many nights straight into a store, so that no more than a few are ever held."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.backtests.job import versions
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.events import Events
from predpol_eval.fingerprints import fingerprint_of
from predpol_eval.forecasters.base import describe, identity
from predpol_eval.forecasters.many_nights import has_own_way, surfaces
from predpol_eval.grid import Grid, check_events, check_grid
from predpol_eval.projection import refuse_mixed
from predpol_eval.resumable_folders import locked, refuse_other, write_whole
from predpol_eval.schedule import NIGHTS_PER_BLOCK, Windows, as_windows
from predpol_eval.surface import check_surface, coords_of
from predpol_eval.surface_stores.chunks import need_extra, opened, write_night
from predpol_eval.surface_stores.layout import (
    COORDINATES,
    FINISHED,
    METADATA,
    NANOSECONDS,
    SCHEMA,
    SURFACES,
    Sizes,
    encoded,
    forms,
    group_metadata,
    marked,
    metadata,
    read_arrays,
    read_group,
)
from predpol_eval.surface_stores.opening import open_surfaces

if TYPE_CHECKING:
    import xarray as xr

# Numbers of a block of nights that may be held at once; on larger grids each night is forecast by itself.
MOST_AT_ONCE = 20_000_000


def forecast_to_zarr(
    forecaster: Any, events: Events, grid: Grid, windows: Any, path: str | Path, *, progress: bool = False
) -> xr.DataArray:
    """Forecast every window, night by night, into a Zarr store; never hold them all.

    Every night is on disk, and marked as whole, before the next is begun. A run that was interrupted goes on where it
    was when it is called again with the same arguments.

    Parameters
    ----------
    forecaster : Forecaster
        A frozen dataclass, so that the store can say what it was begun for.
    events : Events
        All crimes; the forecaster is handed only those known at each window's ``until``.
    grid : Grid
    windows : Windows or Schedule
    path : path
        Folder of the store, new, empty, or begun by the same call.
    progress : bool
        Show a progress bar.

    Returns
    -------
    xarray.DataArray
        The surfaces, not loaded: what `open_surfaces` gives.

    Raises
    ------
    InputError
        If the folder holds other things or cannot be written, or the forecaster does not tell its configuration. What
        a forecaster raises is passed on; the nights before are kept.
    PlanLockedError
        If the store was begun with other data, another configuration or another version, and which.

    See Also
    --------
    open_surfaces : Open a store.
    forecast : The same in memory.

    Examples
    --------
    >>> import tempfile, pathlib, pandas as pd, predpol_eval as ppe
    >>> frame = pd.DataFrame({"x": [10.0, 300.0], "y": [10.0, 10.0], "t": ["2018-05-01", "2018-05-02"]})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> grid = ppe.Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    >>> nights = ppe.Schedule(start="2018-05-02", end="2018-05-04", tz="Europe/London")
    >>> folder = tempfile.TemporaryDirectory()
    >>> risk = forecast_to_zarr(ppe.CountMap(), events, grid, nights, pathlib.Path(folder.name, "map.zarr"))
    >>> risk.load().to_numpy().tolist()
    [[[1.0, 0.0]], [[0.5, 0.5]]]
    >>> folder.cleanup()
    """
    need_extra()
    check_events(events)
    check_grid(grid)
    refuse_mixed(events.crs, grid.crs, "The events", "the grid")
    chosen = as_windows(windows)
    if not len(chosen):
        raise InputError("There is no window to forecast; give a schedule with at least one.")
    root = Path(path)
    record = _record(forecaster, events, grid, chosen)
    sizes = Sizes(len(chosen), *grid.shape)
    with locked(root, METADATA, {*forms(sizes), METADATA + ".partial"}, "path"):
        begun = (root / METADATA).is_file()
        if begun:
            remedy = "Give another folder, or go back to what the store was begun with."
            refuse_other(
                read_group(root).get("record"), record, f"The store {root.name!r} was begun for other surfaces", remedy
            )
            if read_arrays(root)[0] != sizes:
                raise InputError(f"The arrays of {root.name!r} were changed since; give another folder.")
        missing = set(range(len(chosen))) - (marked(root) if begun else set())
        with _bar(len(chosen), progress) as bar:
            bar.update(len(chosen) - len(missing))
            array: Any = None
            kind = ""
            for night, risk in _nights(forecaster, events, grid, chosen, missing):
                if array is None:
                    if not begun:
                        _begin(root, sizes, record, chosen, grid, risk)
                    array = opened(root, SURFACES, "r+")
                    kind = array.attrs["kind"]
                if risk.attrs["kind"] != kind:
                    raise NotComparableError(
                        f"The forecaster gives surfaces of kind {kind!r} and {risk.attrs['kind']!r}; one store holds "
                        "one kind."
                    )
                write_night(root, array, night, np.asarray(risk.to_numpy(), dtype=np.float64))
                bar.update(1)
    return open_surfaces(root)


def _record(forecaster: Any, events: Events, grid: Grid, windows: Windows) -> dict[str, Any]:
    """All that decides the surfaces: a store is resumed only under the same record."""
    record = {
        "library": versions(),
        "data": {"grid": grid.fingerprint, "crimes": events.fingerprint},
        "configuration": {
            "forecaster": {"is": describe(forecaster), "identity": identity(forecaster)},
            "windows": fingerprint_of(windows.start, windows.end, windows.until),
            "nights": len(windows),
        },
    }
    plain: dict[str, Any] = json.loads(json.dumps(record))
    return plain


def _nights(
    forecaster: Any, events: Events, grid: Grid, windows: Windows, missing: set[int]
) -> Iterator[tuple[int, xr.DataArray]]:
    """Surfaces (y, x) of the nights that are missing, each the same whichever others are."""
    together = has_own_way(forecaster) and grid.mask.size * NIGHTS_PER_BLOCK <= MOST_AT_ONCE
    for start in range(0, len(windows), NIGHTS_PER_BLOCK):
        nights = range(start, min(start + NIGHTS_PER_BLOCK, len(windows)))
        wanted = [night for night in nights if night in missing]
        if together and wanted:
            # The whole block, as it was forecast before an interruption: a part of it would differ in the last digits.
            block = windows[nights.start : nights.stop]
            risk = _checked(surfaces(forecaster, events, grid, block), grid, block)
            yield from ((night, risk[night - start]) for night in wanted)
            continue
        for night in wanted:
            window = windows[night]
            until = window.until[0]
            fitted = forecaster.fit(events.known_at(until), grid, until=until)
            yield night, _checked(fitted.predict(window), grid, window)[0]


def _checked(risk: Any, grid: Grid, windows: Windows) -> xr.DataArray:
    surface = check_surface(risk, grid)
    found = Windows.from_coords(surface)
    if surface.ndim != 3 or len(found) != len(windows) or (found.start != windows.start).any():
        raise InputError(
            f"The forecaster predicted other windows than the one asked for: dimensions {surface.dims}, windows "
            f"{found!r}; predict(windows) must return exactly those windows."
        )
    return surface


def _begin(root: Path, sizes: Sizes, record: dict[str, Any], windows: Windows, grid: Grid, first: xr.DataArray) -> None:
    """Lay out a new store, with what its first surface tells; the record comes last and makes it one."""
    coords = coords_of(grid, windows)
    attrs = {name: _plain(value, name) for name, value in first.attrs.items()}
    attrs["until"] = str(windows.until.max())
    others = {SURFACES: attrs | COORDINATES, FINISHED: {"long_name": "1 where the night is whole"}}
    arrays = {}
    for name, form in forms(sizes).items():
        known = coords[name][2] if name in coords else others[name]
        arrays[name] = metadata(form, sizes, known | (NANOSECONDS if form.stored == "int64" else {}))
        try:
            (root / name).mkdir(exist_ok=True)
            write_whole(root / name / METADATA, encoded(arrays[name]))
            if name in coords:
                values = np.asarray(coords[name][1])
                opened(root, name, "r+")[...] = values.view(np.int64) if form.stored == "int64" else values
        except OSError as error:
            raise InputError(f"The folder {str(root)!r} cannot be written ({error}); give another as path=.") from error
    write_whole(root / METADATA, encoded(group_metadata({"schema": SCHEMA, "record": record}, arrays)))


def _plain(value: Any, name: str) -> Any:
    """Give an attribute as JSON can hold it."""
    plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(plain, list | tuple):
        return [_plain(part, name) for part in plain]
    if plain is None or isinstance(plain, str | int | float):
        return plain
    raise InputError(f"The surface's attrs[{name!r}] is a {type(value).__name__}; a store holds texts and numbers.")


def _bar(nights: int, progress: bool) -> Any:
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    # A bar that redraws itself is for people at a terminal; `disable=None` leaves it out elsewhere.
    return tqdm(total=nights, unit="night", desc="forecast", disable=None if progress else True)
