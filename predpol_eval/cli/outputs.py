"""What a run leaves behind: the tally, tables, figures, a page of text and the record of the run."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.cli.folder import OutputFolder
from predpol_eval.cli.summary import COLUMNS, summary_rows, summary_text
from predpol_eval.errors import InputError, PredPolError

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.cli.prepare import Prepared

SUMS = (
    "hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "events", "flagged_m2", "budget_m2", "total_m2",
    "boxes", "boxes_hit",
)  # fmt: skip
RATIOS = ("hit_rate", "pai", "lift", "pei", "precision", "search_efficiency")
_LIBRARIES = ("numpy", "scipy", "numba", "xarray", "pandas", "geopandas", "shapely", "pyproj", "matplotlib", "joblib")


def plan_of(prepared: Prepared) -> dict[str, Any]:
    """All that decides the numbers, and a fingerprint of it.

    Raises
    ------
    InputError
        If the backtest cannot be run, or the risk map that is asked for cannot be drawn.
    """
    from predpol_eval.backtests.job import make_job
    from predpol_eval.cli.prepare import CURVE

    job = make_job(
        prepared.forecasters,
        prepared.events,
        prepared.grid,
        prepared.schedule,
        budgets=prepared.budgets,
        kinds=prepared.kinds,
        method=prepared.method,
        curve=CURVE,
    )
    if prepared.map_kind is not None and prepared.map_kind not in job.kinds:
        raise InputError(
            f"[output] map_kind is {prepared.map_kind!r}; choose one of {', '.join(map(repr, job.kinds))}."
        )
    _night(prepared)
    drawn = {"baseline": prepared.baseline, "seed": prepared.seed, "resamples": prepared.resamples}
    drawn |= {"map": [prepared.map_forecaster, prepared.map_kind, prepared.map_night]}
    plan = {**job.record, "output": drawn}
    return {"fingerprint": hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest(), "plan": plan}


def write_outputs(
    result: xr.Dataset,
    prepared: Prepared,
    folder: OutputFolder,
    *,
    plan: dict[str, Any],
    command_line: list[str],
    started: datetime,
    say: Callable[[str], None],
) -> str:
    """Write all results and give back the page of text."""
    from predpol_eval.plot import plot_capture, plot_metric, save_figure
    from predpol_eval.tally_files import save_tally

    record = {
        "command": folder.command,
        "command_line": command_line,
        "fingerprint": plan["fingerprint"],
        "started": started.isoformat(timespec="seconds"),
        "plan": plan["plan"],
        "versions": versions(),
        "platform": platform.platform(),
        "crimes": {"fingerprint": prepared.events.fingerprint, "notes": list(prepared.notes)},
        "grid": {"fingerprint": prepared.grid.fingerprint, "crs": prepared.grid.crs, "cell": prepared.grid.cell},
        "attribution": prepared.attribution,
        "nights_failed": int((result["status"] != "ok").sum()),
    }
    folder.begin(record)
    rows = summary_rows(result, seed=prepared.seed, resamples=prepared.resamples)
    text = summary_text(result, prepared, rows)
    folder.write("results.nc", lambda path: save_tally(result, path))
    folder.write_table("tallies.csv", tally_header(), tally_rows(result))
    folder.write_table("summary.csv", COLUMNS, rows)
    folder.write_text("summary.txt", text)
    note = prepared.attribution
    draws: dict[str, Any] = {"seed": prepared.seed, "resamples": prepared.resamples}
    drawings: dict[str, Callable[[], Any]] = {
        "risk_map.png": lambda: risk_map(result, prepared),
        "capture_curves.png": lambda: plot_capture(result, note=note),
        "pai.png": lambda: plot_metric(result, "pai", note=note, **draws),
        "hit_rate.png": lambda: plot_metric(result, "hit_rate", note=note, **draws),
    }
    for name, draw in drawings.items():
        try:
            figure = draw()
        except PredPolError as error:
            # A map that cannot be drawn, because its forecaster failed that night, is no reason to lose the rest.
            say(f"{name} was not drawn: {error}")
            continue
        folder.write(name, lambda path, figure=figure: save_figure(figure, path))  # type: ignore[misc]
    folder.finish({**record, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
    return text


def risk_map(result: xr.Dataset, prepared: Prepared) -> Any:
    """Draw the night of the map: the last one, of the first kind, by the last forecaster, unless told otherwise."""
    from predpol_eval.forecasters import forecast
    from predpol_eval.plot import plot_risk

    kind = prepared.map_kind or str(result["kind"].to_numpy()[0])
    events = prepared.events if prepared.kinds is None else prepared.events.select(kinds=kind)
    window = _night(prepared)
    risk = forecast(prepared.forecasters[prepared.map_forecaster], events, prepared.grid, window)
    night = str(np.datetime64(_local(window), "D"))
    title = f"{prepared.map_forecaster}, {'all crimes' if kind == 'all' else kind}: risk for {night} and what happened"
    return plot_risk(
        risk, prepared.grid, flagged=prepared.budgets[0], crimes=events, title=title, note=prepared.attribution
    )


def tally_header() -> list[str]:
    """Columns of tallies.csv."""
    return ["forecaster", "kind", "area", "budget", *SUMS, *RATIOS, "nights", "nights_failed"]


def tally_rows(result: xr.Dataset) -> Iterator[list[Any]]:
    """One row for every forecaster, kind, area and budget: sums over the nights, and the ratios made of them."""
    from predpol_eval import metrics

    total = result.sum("window")
    order = ("forecaster", "kind", "area", "budget")
    like = total["hits"].transpose(*order)
    columns = [total[name].broadcast_like(like).transpose(*order).to_numpy() for name in SUMS]
    columns += [getattr(metrics, name)(total).broadcast_like(like).transpose(*order).to_numpy() for name in RATIOS]
    failed = (result["status"] != "ok").sum("window").transpose("forecaster", "kind").to_numpy()
    labels = [[str(label) for label in total[name].to_numpy()] for name in order]
    for place in np.ndindex(*like.shape):
        bad = int(failed[place[0], place[1]])
        names = [labels[axis][position] for axis, position in enumerate(place)]
        yield [*names, *(column[place] for column in columns), result.sizes["window"] - bad, bad]


def versions() -> dict[str, str]:
    """Versions of this library and of what it stands on."""
    from predpol_eval import __version__

    found = {"predpol_eval": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found


def _night(prepared: Prepared) -> Any:
    """Window of the risk map."""
    from predpol_eval.schedule import as_windows

    windows = as_windows(prepared.schedule)
    if prepared.map_night is None:
        return windows[len(windows) - 1]
    for window in windows:
        if str(np.datetime64(_local(window), "D")) == str(prepared.map_night):
            return window
    first, last = _local(windows[0]), _local(windows[len(windows) - 1])
    raise InputError(
        f"[output] map_night is {prepared.map_night!r}, but no window begins on that day; the first begins on "
        f"{first:.10}, the last on {last:.10}."
    )


def _local(window: Any) -> str:
    from predpol_eval.civil_time import to_wall

    return str(to_wall(window.start, window.tz)[0])
