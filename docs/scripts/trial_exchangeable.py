"""How often does a trial find one of three equal vendors better? Writes docs/tables/trial_exchangeable.md.

    python -m docs.scripts.trial_exchangeable DATA [--n-jobs 2] [--store FOLDER] [--times 1000]

DATA is the folder that holds the publishers' files (`toronto/`, `seattle/`). The scoring of six months on real past
crimes is rehearsed again and again with vendors who are as good as each other by construction; with --store finished
rehearsals are kept, and an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import predpol_eval as ppe
from predpol_eval.trial.plan import TrialPlan, read_plan
from predpol_eval.trial.rehearsal.exchangeable_told import ScoreRehearsals
from predpol_eval.trial.rehearsal.score_only import rehearse_scores

TABLE = Path(__file__).resolve().parents[1] / "tables" / "trial_exchangeable.md"
SEATTLE = """
[trial]
name = "Six months in Seattle"
seed = 1

[place]
areas = "spd_precincts.geojson"
label = "name"
crs = "EPSG:32610"
cell = 250

[crimes]
kinds = ["Burglary"]
tz = "America/Los_Angeles"

[nights]
first = 2017-10-01
number = 184
at = "20:00"
cut = "17:00"
deadline = "19:00"

[test]
looks = [61, 122, 184]

[submitters]
vendors = ["A", "B", "C"]
in_house = ["in-house"]
"""


class City(NamedTuple):
    """A plan with past crimes; `noise` is that with which two vendors have about half of their boxes in common."""

    name: str
    about: str
    plan: TrialPlan
    events: ppe.Events
    noise: float


class Row(NamedTuple):
    """One set of rehearsals and what is told of it."""

    city: str
    what: str
    found: ScoreRehearsals


def toronto(data: Path) -> City:
    """The example plan, as it stands."""
    text = resources.files("predpol_eval.trial.plan").joinpath("example.toml").read_text(encoding="utf-8")
    plan = _plan(text, data / "toronto" / "neighbourhoods_140.geojson")
    events = ppe.read_events(
        data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=list(plan.kinds)
    )
    return City("Toronto", "five areas and three kinds of crime", plan, events, 0.3)


def seattle(data: Path) -> City:
    """Burglary in the five precincts."""
    from docs.scripts.league_cities import seattle as of_league

    plan = _plan(SEATTLE, data / "seattle" / "spd_precincts.geojson")
    # A plan names its kinds, and the file holds one without saying so.
    events = replace(of_league(data).events, kinds=plan.kinds)
    return City("Seattle", "five precincts and burglary alone", plan, events, 0.12)


def _plan(text: str, areas: Path) -> TrialPlan:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "plan.toml").write_text(text, encoding="utf-8")
        shutil.copy(areas, folder)
        return read_plan(Path(folder) / "plan.toml")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--store", type=Path, help="folder for surfaces and finished rehearsals")
    parser.add_argument("--times", type=int, default=1000)
    given = parser.parse_args()
    cities = [toronto(given.data), seattle(given.data)]
    rows: list[Row] = []
    for city in cities:
        rows += of_city(city, given)
    TABLE.write_text(page(cities, rows), encoding="utf-8", newline="\n")


def of_city(city: City, given: argparse.Namespace) -> list[Row]:
    """All sets of one city; any but Toronto has fewer."""
    times = given.times

    def rehearsed(what: str, share: float = 1.0, test: dict[str, str] | None = None, **more: Any) -> Row:
        plan = replace(city.plan, test=replace(city.plan.test, **(test or {})))
        store = None if given.store is None else given.store / city.name
        asked = {"noise": city.noise, "times": max(20, round(share * times)), **more}
        found = rehearse_scores(plan, city.events, store=store, n_jobs=given.n_jobs, progress=True, **asked)
        print(city.name, what, found.rejections, "of", found.times, flush=True)
        return Row(city.name, what, found)

    first = rehearsed("as planned, seed 1")
    rows = [first, *(again(first, *other) for other in OTHERWISE)]
    if city.name != "Toronto":
        return [*rows, rehearsed("B and C have five times the noise", 0.1, noise=(city.noise, *[5 * city.noise] * 2))]
    return [
        *rows,
        rehearsed("seed 2", seed=2),
        rehearsed("the map of the house has noise, too", 0.5, house_noise=city.noise),
        rehearsed("5 % of nights missing, at random", 0.5, missing=0.05),
        rehearsed("sign flips", 0.1, {"method": "signflip"}),
        rehearsed("bootstrap", 0.1, {"method": "bootstrap"}),
        *(
            rehearsed(f"A has noise {low:g}, B and C {high:g}", 0.1, noise=(low, high, high))
            for low, high in ((0.3, 0.6), (0.3, 1.0), (0.0, 1.0))
        ),
    ]


OTHERWISE = (
    ("Benjamini and Hochberg", {"correction": "bh"}),
    ("Pocock's spending", {"spending": "pocock"}),
)


def again(first: Row, what: str, other: dict[str, str]) -> Row:
    """The same p-values, decided as another plan would."""
    return Row(first.city, what, first.found.judged(**other))


def page(cities: list[City], rows: list[Row]) -> str:
    """The whole page, made from the numbers."""
    equal = [row for row in rows if row.found.exchangeable]
    better = [row for row in rows if not row.found.exchangeable]
    planned = [row for row in rows if row.what.startswith("as planned")]
    careless = [(row, row.found.careless()) for row in planned]
    first = planned[0].found
    paragraphs = [
        " ".join(told(row) for row in planned),
        "Each vendor hands in the density of past crimes known at the cut of each night (bandwidth 500 m), the risk of "
        "every cell multiplied by exp(noise x z), z standard normal and fresh for every vendor, night, kind and cell. "
        "So none is better, and every finding of one against another is false. The map of the house hands in the "
        "density as it is, which catches more; its comparisons are in Holm's correction and not counted here. The "
        "nights and crimes are those that were: "
        + "; ".join(f"{city.name}, {city.about}, {len(city.plan.nights)} nights" for city in cities)
        + ". Intervals by Clopper and Pearson, 95 %. Allowed is what 95 of 100 sets would not exceed if the chance "
        "were 5 % exactly.",
    ]
    after = [
        "If the same p-values are read as they must not be, more come out: "
        + "; ".join(misread(row, found) for row, found in careless)
        + f". The correction is over {len(cities[0].plan.test.pairs)} pairs, of which {first.between_vendors.sum()} "
        "are counted, and keeps part of the harm away where only the looks are misread.",
        "That the test can find what is there, vendors who are not as good as each other:",
    ]
    return (
        "---\norphan: true\n---\n\n# Three vendors who are as good as each other\n\n"
        + "\n\n".join(map(_filled, paragraphs))
        + "\n\n"
        + table(equal, _allowed, "allowed")
        + "\n\n"
        + "\n\n".join(map(_filled, after))
        + "\n\n"
        + table(better, _caught, "caught by A, B, C")
        + "\n\n"
        + _filled(
            "Contains information licensed under the Open Government Licence - Ontario. Source: Toronto Police "
            "Service. Seattle: City of Seattle open data."
        )
        + "\n\nMade by `docs/scripts/trial_exchangeable.py`.\n"
    )


def told(row: Row) -> str:
    """The answer for one city."""
    found = row.found
    low, high = found.interval()
    verdict = "within" if found.holds else "MORE THAN"
    return (
        f"{row.city}: of {found.times:,} rehearsals of {found.nights} nights, the planned test finds a vendor better "
        f"than another in {found.rejections}, {100 * found.rejections / found.times:.1f} % "
        f"({100 * low:.1f} to {100 * high:.1f} %), {verdict} the {found.bound} that alpha {found.test.alpha:g} allows."
    )


def misread(row: Row, found: dict[str, int]) -> str:
    """What careless reading makes of the same numbers."""
    return (
        f"{row.city}, {found['every look at alpha']} of {row.found.times:,} with each look taken for the only one, "
        f"{found['every pair at alpha']} with each pair taken for the only one, {found['both']} with both"
    )


def table(rows: list[Row], last: Callable[[ScoreRehearsals], str], title: str) -> str:
    """One line for each set of rehearsals."""
    lines = [
        f"| city | what | rehearsals | told apart | at each look | % (interval) | boxes in common, % | {title} |",
        "| --- | --- | ---: | ---: | --- | --- | ---: | ---: |",
    ]
    for row in rows:
        found = row.found
        low, high = (100 * end for end in found.interval())
        looks = ", ".join(map(str, found.by_look))
        share = f"{100 * found.rejections / found.times:.1f} ({low:.1f} to {high:.1f})"
        lines.append(
            f"| {row.city} | {row.what} | {found.times:,} | {found.rejections} | {looks} | {share} | "
            f"{100 * found.overlap.mean():.0f} | {last(found)} |"
        )
    return "\n".join(lines)


def _allowed(found: ScoreRehearsals) -> str:
    return f"{found.bound}"


def _caught(found: ScoreRehearsals) -> str:
    shares = 100 * found.hits.mean(axis=0)[: len(found.vendors)] / found.crimes
    return ", ".join(f"{share:.1f} %" for share in shares)


def _filled(paragraph: str) -> str:
    return textwrap.fill(paragraph, 120)


if __name__ == "__main__":
    main()
