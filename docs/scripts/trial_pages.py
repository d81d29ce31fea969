"""Writes the pages of a trial's manual that are tables: docs/guides/trial_checks.md and docs/guides/trial_plan.md.

    python docs/scripts/trial_pages.py

Each table is written from the one that the library itself works by, so that the manual never says anything else.
"""

from __future__ import annotations

from pathlib import Path

from predpol_eval.trial.plan import as_markdown as table_of_keys
from predpol_eval.trial.submissions.check_table import as_markdown as table_of_checks

GUIDES = Path(__file__).resolve().parents[1] / "guides"

CHECKS = """\
# A trial: the checks of a file

Every file meets these checks, in this order, when it is handed in; `predpol-eval trial check` runs the very same
ones beforehand. All that can be tried are tried, so that everything is told at once, with the lines of a CSV file,
the rows of a Parquet file or the features of a GeoJSON file.

Each check ends in one of four ways: it passes; it fails; it is skipped, because it does not apply or something above
it comes first; or it breaks, which is a fault of this library. One broken check holds the whole file: it counts
neither for nor against anybody until it is looked at again.

{table}
Files of vendors are read with care: nothing in them is run, no path is taken from them, what is too large is refused
before it is parsed, and Parquet and intricate polygons are opened in a process of their own with little memory and
time. What cannot be read in time is rejected, and so is what would unpack to more than it says.

How to write a file: [the files of vendors](trial_vendor_files.md).
"""

PLAN = """\
# A trial: the keys of a plan

`predpol-eval trial example` prints a plan to start from. Unknown keys are refused, with the key that was probably
meant; all problems are told at once. What is left out stands as the table says, and enters the hash all the same.

The last column says what an amendment may change once the plan is locked: always from a night on whose cut still lies
ahead, with a reason, as a record of its own. How a trial is run: [for the analyst](trial_analyst.md).

{table}
"""


def checks() -> str:
    """The page of checks."""
    return CHECKS.format(table=table_of_checks())


def plan() -> str:
    """The page of keys."""
    return PLAN.format(table=table_of_keys().strip().replace("### ", "## "))


PAGES = {"trial_checks.md": checks, "trial_plan.md": plan}


def main() -> None:
    for name, make in PAGES.items():
        # The same bytes on every system.
        (GUIDES / name).write_text(make(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
