"""The results in a page of text: what each forecaster caught, how sure that is, and what can be said in words."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from predpol_eval.civil_time import to_wall
from predpol_eval.comparisons import bootstrap_by_night, compare, comparisons_in_words
from predpol_eval.errors import InputError
from predpol_eval.plot.risk_map import BLURRED

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.cli.prepare import Prepared
    from predpol_eval.schedule import Windows

RATIOS = ("hit_rate", "pai")
WIDTH = 90
ALPHA = 0.05
# Many, since the ends of intervals for several differences lie far out.
DRAWS = 9999
READING = (
    "Hits are crimes in flagged boxes; boxes tied for the last places count by chance. PAI is the hit rate over the "
    "share of the ground flagged. The intervals of this table draw whole nights, as if independent; none: too few "
    "crimes, nights or catches."
)
COLUMNS = (
    "forecaster", "kind", "budget", "hits", "crimes", "outside", "hit_rate", "hit_rate_low", "hit_rate_high", "pai",
    "pai_low", "pai_high", "nights", "nights_failed",
)  # fmt: skip


class Row(NamedTuple):
    """What one forecaster did with one budget against one kind of crime, all areas and nights together."""

    forecaster: str
    kind: str
    budget: str
    hits: float
    crimes: float
    outside: float
    hit_rate: float
    hit_rate_low: float
    hit_rate_high: float
    pai: float
    pai_low: float
    pai_high: float
    nights: int
    nights_failed: int


def summary_rows(result: xr.Dataset, *, seed: int, resamples: int) -> list[Row]:
    """Sum areas and nights, and put the ratios with their intervals beside them."""
    total = result.sum(["window", "area"])
    ratios = {name: bootstrap_by_night(result, name, seed=seed, resamples=resamples) for name in RATIOS}
    failed = (result["status"] != "ok").sum("window")
    rows = []
    for kind in result["kind"].to_numpy():
        for budget in result["budget"].to_numpy():
            for forecaster in result["forecaster"].to_numpy():
                where = {"forecaster": forecaster, "kind": kind}
                here = {**where, "budget": budget}
                rate, rate_low, rate_high = _parts(ratios["hit_rate"], here)
                index, index_low, index_high = _parts(ratios["pai"], here)
                bad = int(failed.sel(where))
                rows.append(
                    Row(
                        forecaster=str(forecaster),
                        kind=str(kind),
                        budget=str(budget),
                        hits=float(total["hits"].sel(here)),
                        crimes=float(total["events"].sel(where)),
                        outside=float(total["outside"].sel(where)),
                        hit_rate=rate,
                        hit_rate_low=rate_low,
                        hit_rate_high=rate_high,
                        pai=index,
                        pai_low=index_low,
                        pai_high=index_high,
                        nights=result.sizes["window"] - bad,
                        nights_failed=bad,
                    )
                )
    return rows


def _parts(found: xr.Dataset, here: dict[str, str]) -> tuple[float, float, float]:
    """Estimate and interval at one place."""
    one = found.sel(here)
    return float(one["estimate"]), float(one["low"]), float(one["high"])


def table_text(rows: Sequence[Row]) -> str:
    """Lay the rows out in a table for each kind of crime."""
    lines: list[str] = []
    width = max(len(row.forecaster) for row in rows)
    for kind in dict.fromkeys(row.kind for row in rows):
        of_kind = [row for row in rows if row.kind == kind]
        outside = f"; {of_kind[0].outside:,.6g} more outside it" if of_kind[0].outside else ""
        title = "All crimes" if kind == "all" else kind
        lines += [f"{title}: {max(row.crimes for row in of_kind):,.6g} crimes in the study area{outside}", ""]
        head = f"{'hits':>7}  {'crimes':>6}  {'hit rate (95 % interval)':>24}  {'PAI (95 % interval)':>21}  failed"
        lines.append(f"  {'':<{width}}  {head}")
        for budget in dict.fromkeys(row.budget for row in of_kind):
            lines.append(f"  {budget}")
            for row in of_kind:
                if row.budget != budget:
                    continue
                rate = _with_interval(100 * row.hit_rate, 100 * row.hit_rate_low, 100 * row.hit_rate_high, 1, " %")
                index = _with_interval(row.pai, row.pai_low, row.pai_high, 2, "")
                lines.append(
                    f"  {row.forecaster:<{width}}  {row.hits:>7,.1f}  {row.crimes:>6,.6g}  {rate:>24}  {index:>21}  "
                    f"{row.nights_failed or '-':>6}"
                )
        lines.append("")
    return "\n".join(lines)


def words(result: xr.Dataset, baseline: str, *, seed: int) -> list[str]:
    """Compare all forecasters with one, under the first budget; never more than the intervals can bear."""
    if result.sizes["forecaster"] < 2:
        return []
    budget = result["budget"].to_numpy()[0]
    kinds = [str(kind) for kind in result["kind"].to_numpy()]
    others = [str(name) for name in result["forecaster"].to_numpy() if name != baseline]
    number = len(kinds) * len(others)
    first = result.sel(budget=budget)
    lines = []
    try:
        for kind in kinds:
            of_kind = first.sel(kind=kind)
            # Each interval is widened for their number, so that all hold at once (Bonferroni).
            found = [
                compare(
                    of_kind.sel(forecaster=name), of_kind.sel(forecaster=baseline), "hit_rate", "bootstrap",
                    alpha=ALPHA / number, draws=DRAWS, seed=seed,
                )
                for name in others
            ]  # fmt: skip
            lines.append(f"{'All crimes' if kind == 'all' else kind}, {budget}. {comparisons_in_words(found)}")
    except InputError as error:
        return [f"The forecasters are not compared. {error}"]
    several = f"The {number} intervals of these differences are" if number > 1 else "The interval of this difference is"
    lines.append(
        f"{several} by a bootstrap of blocks of nights, since nights resemble their neighbours, "
        + ("and wide enough that all hold at once in 95 of 100 such results. " if number > 1 else "of level 95 %. ")
        + "One that covers zero shows no clear difference."
    )
    return lines


def failures(result: xr.Dataset, limit: int = 8) -> list[str]:
    """Nights that failed, gathered by forecaster, kind and reason."""
    bad = result["status"].to_numpy() != "ok"
    counted: dict[tuple[str, str, str], int] = {}
    for f, k, w in np.argwhere(bad):
        key = (
            str(result["forecaster"].to_numpy()[f]),
            str(result["kind"].to_numpy()[k]),
            str(result["reason"].to_numpy()[f, k, w]).split("\n")[0],
        )
        counted[key] = counted.get(key, 0) + 1
    lines = [f"{name}, {kind}: {number:,} nights failed: {reason}" for (name, kind, reason), number in counted.items()]
    return lines[:limit] + ([f"and {len(lines) - limit:,} more (results.nc, reason)"] if len(lines) > limit else [])


def summary_text(result: xr.Dataset, prepared: Prepared, rows: Sequence[Row]) -> str:
    """Write the page."""
    from predpol_eval.schedule import as_windows

    windows = as_windows(prepared.schedule)
    grid = prepared.grid.summary()
    parts = [
        *_wrapped(f"Crimes: {prepared.events.summary()['crimes']}, observed {prepared.events.summary()['observed']}."),
        *_wrapped(f"Study area: {grid['area']} in {_areas(len(prepared.grid.labels))}; boxes: {grid['cells']}."),
        *_wrapped(f"Windows: {len(windows)}, the first from {_span(windows, 0)}, the last from {_span(windows, -1)}."),
        "",
        table_text(rows),
    ]
    for line in words(result, prepared.baseline, seed=prepared.seed):
        parts += [*_wrapped(line), ""]
    failed = failures(result)
    if failed:
        parts += [*(part for line in failed for part in _wrapped(line)), ""]
    if _moved(result):
        parts += _wrapped(_moved(result))
    parts += _wrapped(READING)
    parts += _wrapped(BLURRED)
    parts += _wrapped(prepared.attribution)
    return "\n".join(parts) + "\n"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _areas(number: int) -> str:
    return "one area" if number == 1 else f"{number} areas"


def _span(windows: Windows, which: int) -> str:
    """First and last moment of a window, by the wall clock."""
    start, end = (str(moment)[:16].replace("T", " ") for moment in to_wall(_both(windows, which), windows.tz))
    return f"{start} to {end}"


def _both(windows: Windows, which: int) -> Any:
    return np.array([windows.start[which], windows.end[which]])


def _moved(result: xr.Dataset) -> str:
    """Crimes that count in another area than their own point lies in."""
    if "elsewhere" not in result.coords:
        return ""
    number = np.asarray(result["elsewhere"].to_numpy())
    if number.size == 0 or (number < 1).all():
        return ""
    moved = int(number[number > 0].sum())
    return f"{moved:,} crimes lie in another area than most of their box, which decides where they count."


def _with_interval(value: float, low: float, high: float, digits: int, unit: str) -> str:
    if not np.isfinite(value):
        return "undefined"
    number = f"{value:.{digits}f}{unit}"
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{number} (none)"
    return f"{number} ({low:.{digits}f} to {high:.{digits}f})"
