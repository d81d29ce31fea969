"""Build notebooks/first_backtest.ipynb: run its cells and keep what they show.

python docs/scripts/build_notebook.py           writes it
python docs/scripts/build_notebook.py --check   says whether the committed one has these cells
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "first_backtest.ipynb"

TEXT, CODE = "markdown", "code"
CELLS: tuple[tuple[str, str], ...] = (
    (
        TEXT,
        """# A first backtest

Which forecaster would have flagged tomorrow's crimes, night after night, at the same cost? This notebook answers it
for break-ins and vehicle thefts in Toronto: load the crimes, fit a forecaster, look at its map, run several of them
over many nights, and say how sure the answer is.

The crimes are real records. Their publisher moved every point to the nearest intersection: nobody's home is in here.
The five areas were drawn for this sample and have no other meaning.""",
    ),
    (TEXT, "## Crimes"),
    (
        CODE,
        """import predpol_eval as ppe

events = ppe.sample_events()
events""",
    ),
    (
        TEXT,
        """Every reader leaves a report: what was read, what was dropped and why, and what to know before using the
rest. `ppe.read_events("my_file.csv", format="generic", ...)` reads a file of your own.""",
    ),
    (CODE, "print(events.report)"),
    (
        TEXT,
        """## Places

Square boxes of 250 m over the areas. A box that a border cuts keeps the part inside, and every box belongs to the
area that holds most of it.""",
    ),
    (
        CODE,
        """grid = ppe.Grid.from_areas(ppe.sample_areas(), cell=250, label="area")
grid""",
    ),
    (
        TEXT,
        """## One forecast

A forecaster *is* its configuration. `fit` is handed what was known by `until`, and nothing else; `predict` gives the
expected number of crimes in every box and window.""",
    ),
    (
        CODE,
        """burglaries = events.select(kinds="Break and Enter")
night = ppe.Schedule(start="2018-06-08", end="2018-06-09", tz="America/Toronto").windows
fitted = ppe.KDE(bandwidth=500).fit(burglaries, grid, until="2018-06-08")
risk = fitted.predict(night)
print(risk.attrs["forecaster"], "learnt from", f"{risk.attrs['crimes_used']:,} crimes")
print("crimes expected in the study area that night:", round(float(risk.sum()), 1))""",
    ),
    (
        TEXT,
        """The map shows the risk, the ten boxes of each area that a budget of ten would flag, and the break-ins that
then happened.""",
    ),
    (
        CODE,
        """budget = ppe.TopCells(10, per="area")
ppe.plot_risk(risk, grid, flagged=budget, crimes=burglaries, note=events.report.attribution)""",
    ),
    (
        TEXT,
        """One night says next to nothing: a handful of crimes, caught or missed by luck. Hence many nights.

## Many nights

The same for 45 nights, five forecasters and two kinds of crime. Each is fitted afresh for every night. The budgets make
the comparison fair: ten boxes in each area, or 1 % of the ground.""",
    ),
    (
        CODE,
        """forecasters = {
    "everywhere alike": ppe.Uniform(),
    "three-week map": ppe.CountMap(lookback="21D"),
    "KDE": ppe.KDE(bandwidth=500),
    "prospective": ppe.ProspectiveHotspot(),
    "self-exciting": ppe.SelfExciting(lookback="730D"),
}
nights = ppe.Schedule(start="2018-06-01", end="2018-07-16", tz="America/Toronto")
result = ppe.backtest(
    forecasters,
    events,
    grid,
    nights,
    budgets=[budget, ppe.Coverage(0.01)],
    kinds=["Break and Enter", "Auto Theft"],
    curve=[0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7],
    progress=False,
)
dict(result.sizes)""",
    ),
    (
        TEXT,
        """The result is a table of counts, and counts can be summed: over nights and areas first, then one
division. `hits` can be a fraction, because boxes that are tied for the last places count by chance.""",
    ),
    (
        CODE,
        """total = result.sum(["window", "area"])
table = total.sel(budget="1 % of the ground", kind="Break and Enter")
table[["hits", "events"]].to_dataframe()[["hits", "events"]].assign(
    hit_rate=ppe.hit_rate(table), pai=ppe.pai(table), pei=ppe.pei(table)
).round(3)""",
    ),
    (
        TEXT,
        """## How sure is that?

Crimes of one night are not independent, so the intervals draw whole nights, not crimes. They take nights as
independent of each other; where one night resembles the next they are too narrow.""",
    ),
    (
        CODE,
        """note = events.report.attribution
ppe.plot_metric(result, "hit_rate", seed=1, resamples=2000, note=note)""",
    ),
    (
        TEXT,
        """Bars that overlap do not mean "equal": all forecasters met the same nights, so the difference by night is
what counts. Where its interval covers zero there is no clear difference, and that is what the sentence says.""",
    ),
    (
        CODE,
        """for kind in ["Break and Enter", "Auto Theft"]:
    chosen = result.sel(kind=[kind], budget=["1 % of the ground"])
    found = ppe.difference_by_night(chosen, "hit_rate", baseline="three-week map", seed=1)
    print(f"{kind}. {ppe.differences_in_words(found)}")""",
    ),
    (
        TEXT,
        """Patrols seldom cover exactly 1 % of the ground. The capture curve shows all budgets at once: the share of the
crimes against the share of the ground, the riskiest first.""",
    ),
    (CODE, "ppe.plot_capture(result, note=note)"),
    (
        TEXT,
        """## What this does not say

It says which map would have named the right boxes, not whether patrolling them prevents crime. It is one city, 45
nights of one summer, and *recorded* crime: the file is not complete, and how late crimes become known cannot be told
from it. The settings are defaults, chosen before looking; tuning them to these nights would make the numbers better
and worth less.""",
    ),
)


def build() -> nbformat.NotebookNode:
    """Make the notebook and run it."""
    book = nbformat.v4.new_notebook()
    for number, (kind, source) in enumerate(CELLS):
        cell = nbformat.v4.new_markdown_cell(source) if kind == TEXT else nbformat.v4.new_code_cell(source)
        # Ids are random by default, and every build would then differ from the last.
        cell["id"] = f"cell-{number:02d}"
        book.cells.append(cell)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    strip(book)
    return book


def strip(book: nbformat.NotebookNode) -> None:
    """Drop what differs from one run or machine to the next."""
    book.metadata = nbformat.NotebookNode(
        kernelspec=book.metadata["kernelspec"], language_info=nbformat.NotebookNode(name="python")
    )
    for cell in book.cells:
        cell.metadata = nbformat.NotebookNode()


def same_cells() -> bool:
    """Whether the committed notebook has the cells of this file."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    return [(cell.cell_type, cell.source) for cell in book.cells] == list(CELLS)


def main() -> int:
    """Write the notebook, or check it."""
    if "--check" in sys.argv[1:]:
        return 0 if same_cells() else 1
    NOTEBOOK.parent.mkdir(exist_ok=True)
    NOTEBOOK.write_text(nbformat.writes(build()) + "\n", encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
