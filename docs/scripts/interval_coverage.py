"""Do intervals cover, and do tests call wrong only as often as they say? Writes docs/tables/coverage.md.

    python docs/scripts/interval_coverage.py

2,000 simulated trials a cell, from fixed seeds; about an hour on two cores. What is finished is kept in
build/coverage.json, so that an interrupted run goes on where it was; `--fresh` begins anew. tests/test_coverage_page.py
plays some cells again, and holds the page's words to its numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# One thread of linear algebra for each process: two processes already fill the cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.scripts import coverage_differences, coverage_page, coverage_surfaces  # noqa: E402
from docs.scripts.coverage_surfaces import City  # noqa: E402
from docs.scripts.coverage_worlds import RATES, World  # noqa: E402

TARGET = ROOT / "docs" / "tables" / "coverage.md"
KEPT = ROOT / "build" / "coverage.json"
RUNS = 2000
SEED = 20260101
NIGHTS = ("independent", "clustered", "0.25", "0.5")
LOOKS = (60, 120, 180)


def cells() -> Iterator[tuple[str, Any]]:
    """Name of every cell of the tables, and what makes it: a function and its arguments."""
    for crimes in RATES:
        for number in (60, 180):
            for nights in NIGHTS:
                for differ in (False, True):
                    world = World(crimes, nights, number, differ)
                    yield f"difference/{crimes}/{nights}/{number}/{differ}", ("judge", (world, RUNS, SEED))
        for number in (60, 184):
            for nights in NIGHTS:
                for block in (1, 7):
                    yield (
                        f"sequence/{crimes}/{nights}/{number}/{block}",
                        ("follow", (World(crimes, nights, number), RUNS, SEED, block)),
                    )
                    better = World(crimes, nights, number, differ=True)
                    yield f"sequence/{crimes}/{nights}/{number}/{block}/better", ("follow", (better, RUNS, SEED, block))
        for nights in NIGHTS:
            for plan in coverage_page.PLANS:
                name = "None" if plan is None else "-".join(plan)
                yield f"looks/{crimes}/{nights}/{name}", ("peek", (World(crimes, nights, 180), RUNS, SEED, LOOKS, plan))
        for nights in ("independent", "clustered"):
            for number in (60, 180):
                for method in ("formula", "simulation"):
                    world = World(crimes, nights, number)
                    yield f"detectable/{crimes}/{nights}/{number}/{method}", ("detect", (world, RUNS, SEED, method))
        for nights in ("independent", "clustered"):
            yield f"map/{crimes}/{nights}/right", ("of_one_map", (City(crimes, nights), RUNS, SEED))
        yield f"map/{crimes}/independent/level", ("of_one_map", (City(crimes, "independent", level=1.2), RUNS, SEED))
        yield f"map/{crimes}/independent/place", ("of_one_map", (City(crimes, "independent", tilt=0.5), RUNS, SEED))
        for nights in ("independent", "clustered", "one-sided"):
            yield f"maps/{crimes}/{nights}/alike", ("of_two_maps", (City(crimes, nights), RUNS, SEED))
        yield f"maps/{crimes}/independent/better", ("of_two_maps", (City(crimes, "independent", tilt=0.2), RUNS, SEED))


def play(name: str, task: tuple[str, tuple[Any, ...]]) -> tuple[str, Any]:
    """Make one cell."""
    what, given = task
    if what == "of_one_map":
        return name, coverage_surfaces.of_one_map(*given, coverage_surfaces.even_and_tilted()[0])
    if what == "of_two_maps":
        return name, coverage_surfaces.of_two_maps(*given, coverage_surfaces.even_and_tilted())
    return name, getattr(coverage_differences, what)(*given)


def main() -> None:
    """Make all cells that are not there yet, and write the page."""
    from joblib import Parallel, delayed

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="forget what an interrupted run has left")
    parser.add_argument("--only", default="", help="only the cells whose name begins with this; writes no page")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    found = {} if chosen.fresh or not KEPT.exists() else json.loads(KEPT.read_text(encoding="utf-8"))
    waiting = [(name, task) for name, task in cells() if name not in found and name.startswith(chosen.only)]
    KEPT.parent.mkdir(exist_ok=True)
    for name, numbers in Parallel(n_jobs=chosen.jobs, return_as="generator_unordered")(
        delayed(play)(name, task) for name, task in waiting
    ):
        found[name] = numbers
        KEPT.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(name, json.dumps(numbers), flush=True)
    if not chosen.only:
        TARGET.write_text(coverage_page.page(found, RUNS), encoding="utf-8")
        print(TARGET)


if __name__ == "__main__":
    main()
