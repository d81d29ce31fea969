"""From a configuration to the things a backtest needs; what is wrong is said all at once, before any work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.budget_phrases import read_budget
from predpol_eval.cli.config import RunConfig, refuse
from predpol_eval.data.formats import FORMATS
from predpol_eval.errors import InputError, PredPolError
from predpol_eval.forecasters.phrases import read_forecaster

if TYPE_CHECKING:
    import geopandas as gpd

    from predpol_eval.budgets import Budget
    from predpol_eval.events import Events
    from predpol_eval.grid import Grid
    from predpol_eval.schedule import Schedule

# Shares of the ground at which capture curves are counted; closer together where patrols can be.
CURVE = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A backtest that can start.

    Attributes
    ----------
    notes : tuple of str
        What was done to the input on the way, to be told.
    attribution : str
        The line that the publisher of the crimes asks to be shown.
    """

    events: Events
    grid: Grid
    schedule: Schedule
    forecasters: Mapping[str, Any]
    budgets: tuple[Budget, ...]
    kinds: tuple[str, ...] | None
    baseline: str
    method: Any = "aoristic"
    jobs: int | None = None
    store: Path | None = None
    seed: int = 1
    resamples: int = 2000
    map_forecaster: str
    map_kind: str | None = None
    map_night: str | None = None
    notes: tuple[str, ...] = ()
    attribution: str = ""


def prepare(config: RunConfig, known: Sequence[str] = ()) -> Prepared:
    """Read and check everything.

    Parameters
    ----------
    config : RunConfig
    known : sequence of str
        Problems found already.

    Raises
    ------
    InputError
        With every problem that can be seen before the crimes are read, each in a line; then with those of the crimes.
    """
    from predpol_eval.budgets import read_budgets

    problems = list(known)

    def attempt(task: Callable[[], Any]) -> Any:
        """Do a part, or note why it cannot be done."""
        try:
            return task()
        except PredPolError as error:
            problems.append(str(error))
            return None

    forecasters = {
        name: attempt(lambda name=name, text=text: read_forecaster(text, folder=config.folder, name=name))  # type: ignore[misc]
        for name, text in config.tables["forecasters"].items()
    }
    budgets = tuple(
        attempt(lambda text=text: read_budget(text))  # type: ignore[misc]
        for text in config.get("backtest", "budgets", ())
    )
    if budgets and None not in budgets:
        attempt(lambda: read_budgets(budgets))
    names = tuple(forecasters)
    baseline, drawn = _chosen(config, names, problems)
    schedule: Any = attempt(lambda: _schedule(config)) if {"start", "end"} <= set(config.tables["schedule"]) else None
    crimes = attempt(lambda: _existing(config, "events", "crimes", "--events"))
    areas = attempt(lambda: _areas(config)) if config.tables["areas"] else None
    problems += _odd_values(config)
    refuse(problems)
    kinds = config.get("events", "kinds")
    events, notes = _events(config, crimes)
    grid, more = _grid(config, areas, events)
    attribution = str(getattr(events.report, "attribution", "") or "")
    return Prepared(
        events=events,
        grid=grid,
        schedule=schedule,
        forecasters=forecasters,
        budgets=budgets,
        kinds=None if not kinds or config.get("events", "pool", False) else tuple(kinds),
        baseline=baseline,
        method=config.get("backtest", "method", "aoristic"),
        jobs=config.get("backtest", "jobs"),
        store=config.path("backtest", "store"),
        seed=config.get("output", "seed", 1),
        resamples=config.get("output", "resamples", 2000),
        map_forecaster=drawn,
        map_kind=config.get("output", "map_kind"),
        map_night=config.get("output", "map_night"),
        notes=(*notes, *more),
        attribution=attribution,
    )


def _chosen(config: RunConfig, names: Sequence[str], problems: list[str]) -> tuple[str, str]:
    """Baseline, and the forecaster of the map."""
    if not names:
        return "", ""
    baseline = config.get("backtest", "baseline", names[0])
    drawn = config.get("output", "map_forecaster", names[-1])
    for what, name in (("[backtest] baseline", baseline), ("[output] map_forecaster", drawn)):
        if name not in names:
            problems.append(f"{what} is {name!r}; choose one of the forecasters {', '.join(map(repr, names))}.")
    return baseline, drawn


def _odd_values(config: RunConfig) -> list[str]:
    """Values of the right type that cannot be meant."""
    from predpol_eval.counts import TIME_RULES

    problems = []
    kinds = config.get("events", "kinds", [])
    if len(set(kinds)) < len(kinds):
        problems.append(f"[events] kinds is {kinds!r}; name each kind once.")
    if config.get("output", "resamples", 1) < 1:
        problems.append("[output] resamples is less than 1; give the number of draws, for instance 2000.")
    method = config.get("backtest", "method", "aoristic")
    if method not in TIME_RULES:
        problems.append(f"[backtest] method is {method!r}; choose one of {', '.join(TIME_RULES)}.")
    if config.get("backtest", "jobs", 1) == 0:
        problems.append("[backtest] jobs is 0; give the number of worker processes, or -1 for all cores.")
    if not config.get("grid", "cell", 250) > 0:
        problems.append(f"[grid] cell is {config.get('grid', 'cell')}; give the side of a box in metres, such as 250.")
    return problems


def _existing(config: RunConfig, table: str, what: str, option: str) -> Path:
    path = config.path(table, "file")
    if path is None:
        # Said already, with all other keys that are lacking.
        return Path()
    if not path.is_file():
        raise InputError(f"There is no file of {what} {str(path)!r} ({option}); check the path.")
    return path


def _schedule(config: RunConfig) -> Schedule:
    from predpol_eval.schedule import Schedule

    known = FORMATS.get(config.get("events", "format", ""))
    # Where the zone is lacking, that is said elsewhere; the days can be checked by any.
    zone = config.get("events", "tz") or (known.tz if known else "") or "UTC"
    return Schedule(**config.tables["schedule"], tz=zone)


def _areas(config: RunConfig) -> gpd.GeoDataFrame | None:
    import geopandas as gpd
    from pyogrio.errors import DataSourceError

    path = _existing(config, "areas", "areas", "--areas")
    if path == Path():
        return None
    try:
        areas = gpd.read_file(path)
    except (DataSourceError, ValueError, OSError) as error:
        raise InputError(
            f"{path.name} cannot be read as a file of areas (GeoJSON, GeoPackage, shapefile): {error}"
        ) from error
    if not isinstance(areas, gpd.GeoDataFrame):
        raise InputError(f"{path.name} holds no polygons; give a file of areas (GeoJSON, GeoPackage, shapefile).")
    label = config.get("areas", "label")
    if label is not None and label not in areas.columns:
        columns = ", ".join(repr(str(name)) for name in areas.columns if name != areas.geometry.name)
        raise InputError(f"The areas in {path.name} have no column {label!r} (--label); the columns are {columns}.")
    return areas


def _events(config: RunConfig, path: Path) -> tuple[Events, list[str]]:
    from predpol_eval.data import read_events

    options = config.reader_options
    kinds = config.get("events", "kinds")
    if kinds:
        options["kinds"] = kinds
    events = read_events(path, format=config.get("events", "format"), **options)
    return events, [] if events.report is None else str(events.report).splitlines()


def _grid(config: RunConfig, areas: gpd.GeoDataFrame | None, events: Events) -> tuple[Grid, list[str]]:
    from predpol_eval.grid import Grid

    cell = config.get("grid", "cell", 250)
    if areas is None:
        return Grid.from_bounds(*config.get("grid", "bounds"), cell=cell, crs=events.crs), []
    notes = []
    if areas.crs is not None and areas.crs != events.crs:
        notes.append(f"The areas were converted from {areas.crs.to_string()[:40]} to the crimes' {events.crs[:40]}.")
        areas = areas.to_crs(events.crs)
    origin = config.get("grid", "origin", (0.0, 0.0))
    label = config.get("areas", "label")
    return Grid.from_areas(areas, cell=cell, label=label, origin=tuple(origin)), notes
