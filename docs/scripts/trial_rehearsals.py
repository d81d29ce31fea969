"""Rehearses whole trials on past crimes of three cities and writes docs/tables/trial_rehearsals.md.

    python -m docs.scripts.trial_rehearsals DATA FOLDER

DATA holds the publishers' files, FOLDER the rehearsals: interrupted and run again, it goes on. Everything is seeded but
keys and pseudonyms, so that all numbers but the seconds come out again.
"""

from __future__ import annotations

import json
import math
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import predpol_eval as ppe
from docs.scripts import league_cities
from predpol_eval.trial.plan import example
from predpol_eval.trial.rehearsal import Rehearsal, rehearse

PAGE = Path(__file__).resolve().parents[1] / "tables" / "trial_rehearsals.md"
SEATTLE = """
[trial]
name = "Six months in Seattle"

[place]
areas = "spd_precincts.geojson"
label = "name"
crs = "EPSG:32610"

[crimes]
kinds = ["Burglary"]
tz = "America/Los_Angeles"

[nights]
first = 2017-09-01
number = 184
at = "20:00"
cut = "17:00"
deadline = "19:00"

[test]
looks = [61, 122, 184]

[submitters]
vendors = ["A", "B", "C"]
in_house = ["in-house"]

[baselines]
"three-week map" = "CountMap(lookback='21D')"
"year map" = "CountMap(lookback='365D')"
"KDE" = "KDE(bandwidth=500)"
"prospective" = "ProspectiveHotspot()"
"""
CHICAGO = """
[trial]
name = "Two months in Chicago"

[place]
areas = "police_districts.geojson"
label = "district"
use = ["2", "3", "6", "7", "8", "10", "11", "25"]
crs = "EPSG:32616"

[crimes]
kinds = ["BURGLARY", "MOTOR VEHICLE THEFT", "ROBBERY"]
tz = "America/Chicago"

[nights]
first = 2018-04-15
number = 70
at = "20:00"
cut = "17:00"
deadline = "19:00"

[test]
looks = [35, 70]

[submitters]
vendors = ["A", "B", "C"]
in_house = ["in-house"]

[baselines]
"three-week map" = "CountMap(lookback='21D')"
"KDE" = "KDE(bandwidth=500)"
"""
THREE = {"A": "leaked", "B": "strong", "C": "count-map"}


class Trial(NamedTuple):
    """One rehearsal: what it is called, its plan, its areas within the data, its crimes, and who takes part."""

    name: str
    plan: str
    areas: str
    crimes: Callable[[Path], ppe.Events]
    vendors: dict[str, str] | None


def _toronto(data: Path) -> ppe.Events:
    return league_cities.toronto(data).events


def _seattle(data: Path) -> ppe.Events:
    found = league_cities.seattle(data).events
    # A file of one kind does not say which.
    frame = found.frame().assign(kind="Burglary")
    observed = [("2015-02-01", "2018-05-01")]
    return ppe.Events.from_frame(
        frame, happened="happened", kind="kind", crs=found.crs, tz=found.tz, observed=observed,
        resolution=found.resolution,
    )  # fmt: skip


def _chicago(data: Path) -> ppe.Events:
    kinds = ["BURGLARY", "MOTOR VEHICLE THEFT", "ROBBERY"]
    path = data / "chicago" / "chicago_crimes_2018_jan_aug.parquet"
    return ppe.read_events(path, format="chicago", kinds=kinds, crs="EPSG:32616")


TRIALS = (
    Trial("Toronto, three vendors", example(), "toronto/neighbourhoods_140.geojson", _toronto, THREE),
    Trial("Toronto, five vendors", example(), "toronto/neighbourhoods_140.geojson", _toronto, None),
    Trial("Seattle, five vendors", SEATTLE, "seattle/spd_precincts.geojson", _seattle, None),
    Trial("Chicago, five vendors", CHICAGO, "chicago/police_districts.geojson", _chicago, None),
)


def run(trial: Trial, data: Path, folder: Path) -> tuple[Rehearsal, float]:
    """Rehearse, and say how many seconds of processor time it took in all runs together."""
    place = folder / trial.name.replace(", ", "-").replace(" ", "-").lower()
    place.mkdir(parents=True, exist_ok=True)
    (place / "plan.toml").write_text(trial.plan, encoding="utf-8")
    shutil.copyfile(data / trial.areas, place / Path(trial.areas).name)
    spent = place / "processor.json"
    done = (place / "done").exists()
    before = _processor()
    try:
        found = rehearse(
            place / "plan.toml", trial.crimes(data), place / "rehearsal", vendors=trial.vendors, progress=True
        )
    finally:
        earlier = json.loads(spent.read_text()) if spent.exists() else 0.0
        seconds = earlier if done else earlier + _processor() - before
        spent.write_text(json.dumps(seconds))
    (place / "done").touch()
    return found, seconds


def _processor() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def page(found: list[tuple[Trial, Rehearsal, float]]) -> str:
    """The page, every sentence of it from the numbers."""
    lines = ["---", "orphan: true", "---", "", "# Rehearsals of a trial", ""]
    order = [trial.name for trial, one, _ in found if one.order_came_out]
    flagged = [trial.name for trial, one, _ in found if one.only_cheats_flagged]
    lines += _wrapped(
        f"Of {len(found)} rehearsed trials the known order came out in {len(order)}, and both rules flagged the cheat "
        f"and neither anybody else in {len(flagged)}. Whole trials on past crimes: plan, keys, releases, files, "
        "receipts, checks, closings, weekly snapshots, scores, looks, findings and verification, nothing mocked but "
        "the clock. What each kind of vendor is: [the guide](../guides/trial_rehearsal.md)."
    )
    lines += ["", "## What was run", ""]
    lines += [
        "| trial | nights | areas, kinds, cells | baselines | crimes counted | records | files | differences found by "
        "`verify` |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for trial, one, _ in found:
        plan, history = one.plan, one.trial.history()
        lines.append(
            f"| {trial.name} | {len(plan.nights)} | {len(plan.areas)}, {len(plan.kinds)}, "
            f"{int(one.trial.grid.mask.sum()):,} | {len(plan.baselines)} | {_crimes(one):,.0f} | "
            f"{one.findings.records:,} | {len(history.receipts):,} | {len(one.differences)} |"
        )
    lines += ["", "## Time", ""]
    lines += _wrapped(
        "Seconds. Processor time is of everything, findings and verification among it, on one core. The others are "
        "wall time on two cores, beside some other work; the forecasts of all vendors are in the intake."
    )
    lines += [
        "",
        "| trial | processor time | release, median | most | intake of an evening, median | most | with snapshot and "
        "scores, most | findings | verification |",
        "| --- | " + "---: | " * 7 + "---: |",
    ]
    lines += [f"| {trial.name} | {seconds:.0f} | {_times(one)} |" for trial, one, seconds in found]
    for trial, one, _ in found:
        lines += ["", f"## {trial.name}", "", *_one(one)]
    return "\n".join(lines) + "\n"


def _crimes(one: Rehearsal) -> float:
    return max(row.crimes for row in one.findings.league.scope())


def _times(one: Rehearsal) -> str:
    release, intake, evening, findings, verification = one.spent
    told = [release.median, release.most, intake.median, intake.most, evening.most, findings.most, verification.most]
    return " | ".join(f"{seconds:.2f}" for seconds in told)


def _one(one: Rehearsal) -> Iterator[str]:
    yield (
        "| label | what it is | caught | of crimes | hit rate | 95 % interval | by the missing rule | nights in | "
        "placebo date | hindsight |"
    )
    yield "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | --- | --- |"
    rules = {(row.label, row.rule): row for row in one.findings.suspicions}
    for row in one.findings.league.scope():
        kind = one.kinds.get(row.forecaster, row.role)
        ends = "n/a" if math.isnan(row.hit_rate_low) else f"{row.hit_rate_low:.3f} to {row.hit_rate_high:.3f}"
        told = "n/a | n/a"
        if row.forecaster in one.kinds:
            placebo, hindsight = (rules[row.forecaster, rule] for rule in ("placebo date", "hindsight"))
            told = (
                f"{placebo.verdict}, {placebo.estimate:.2f} times, at least {placebo.low:.2f} | {hindsight.verdict}, "
                f"{hindsight.estimate:.1f}, at least {hindsight.low:.1f} of {hindsight.threshold:.1f}"
            )
        yield (
            f"| {row.forecaster} | {kind} | {row.hits:.1f} | {row.crimes:.0f} | {row.hit_rate:.3f} | {ends} | "
            f"{row.by_the_rule:.3f} | {row.nights} | {told} |"
        )
    yield ""
    yield "Known beforehand, and what came out at the looks:"
    yield ""
    metric = one.plan.test.metric
    yield from (line for pair in one.pairs for line in _wrapped(f"* {pair.in_words(metric)}", "  "))
    yield from (line for pair in one.equals for line in _wrapped(f"* {pair.in_words()}", "  "))
    odd = sum(len(way.odd) for way in one.ways)
    evenings = sum(way.evenings for way in one.ways)
    yield ""
    yield from _wrapped(
        f"{evenings:,} evenings ("
        + ", ".join(f"{way.name} {way.evenings}" for way in one.ways)
        + f"); {odd} were judged otherwise than they should be."
    )


def _wrapped(text: str, indent: str = "") -> list[str]:
    import textwrap

    return textwrap.wrap(text, 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def main(data: str, folder: str) -> None:
    """Run them all and write the page."""
    found = [(trial, *run(trial, Path(data), Path(folder))) for trial in TRIALS]
    PAGE.write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
