"""The notebooks run, and the committed ones show what they showed when they were built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from docs.scripts.build_notebook import CODE, TEXT, cells_of

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# Those that read the real crime files say where they look for them.
OF_REAL_DATA = [path for path in NOTEBOOKS if "PREDPOL_SHARED_DATA" in path.read_text(encoding="utf-8")]
OF_THE_SAMPLE = [path for path in NOTEBOOKS if path not in OF_REAL_DATA]


def each(paths):
    """Run a test once for each notebook."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


each_notebook = each(NOTEBOOKS)


def test_there_are_notebooks_of_both_sorts():
    assert [path.name for path in OF_THE_SAMPLE] == ["first_backtest.ipynb"]
    assert [path.name for path in OF_REAL_DATA] == ["uncertain_times.ipynb"]
    assert {path.stem for path in NOTEBOOKS} == {path.stem for path in (ROOT / "notebooks").glob("*.py")}


@each(OF_THE_SAMPLE)
# What the kernel's own libraries warn of is not ours to mend.
@pytest.mark.filterwarnings("default")
def test_it_runs(path):
    run(path)


@each(OF_REAL_DATA)
@pytest.mark.filterwarnings("default")
def test_it_runs_on_the_real_data(path, shared_data, monkeypatch):
    monkeypatch.setenv("PREDPOL_SHARED_DATA", str(shared_data))
    run(path)


def run(path):
    """Run a notebook from the top; neither an error nor a warning may show."""
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    faults = [
        output for cell in book.cells for output in cell.get("outputs", []) if output.get("output_type") == "error"
    ]
    assert faults == []
    told = [output.text for cell in book.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"]
    assert told == [], "a notebook that warns"


@each_notebook
def test_it_was_committed_with_its_outputs(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) < 1_000_000
    book = nbformat.reads(text, as_version=4)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run from the top"
    assert all(cell.outputs for cell in code)
    assert sum("image/png" in output.get("data", {}) for cell in code for output in cell.outputs) >= 3
    assert all(output.get("name") != "stderr" for cell in code for output in cell.outputs)
    # Nothing of the machine it was made on, and nothing that differs from one build to the next.
    assert str(ROOT) not in text
    assert not re.search(r"(/home/|/Users/|/tmp/|[A-Z]:\\\\)", text)
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in book.cells)


def test_the_committed_cells_are_those_of_the_script():
    script = ROOT / "docs" / "scripts" / "build_notebook.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run python docs/scripts/build_notebook.py {done.stdout}"


def test_a_source_is_cut_into_cells():
    source = "# %% [markdown]\n# # Title\n#\n# Two\n# lines\n\n# %%\nx = 1\n\ny = 2  # %% no mark\n\n# %%\nx\n"
    assert cells_of(source) == [(TEXT, "# Title\n\nTwo\nlines"), (CODE, "x = 1\n\ny = 2  # %% no mark"), (CODE, "x")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\n# %%\nx\n", "before the first '# %%': 'import os'"),
        ("# %% [raw]\nx\n", "begins no cell"),
        ("# %% [markdown]\n# text\nx = 1\n", "no comment: 'x = 1'"),
    ],
)
def test_a_source_that_is_not_cut_right_is_refused(source, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        cells_of(source)


def test_the_attribution_is_shown():
    text = (ROOT / "notebooks" / "first_backtest.ipynb").read_text(encoding="utf-8")
    assert "Contains information licensed under the Open Government Licence - Ontario" in text
    assert "nobody's home is in here" in text


def shown(name):
    """All texts that a committed notebook shows, its tables as plain text."""
    book = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_the_words_on_uncertain_times_are_those_of_its_numbers():
    told = shown("uncertain_times.ipynb")
    assert "Crime Open Database (Ashby 2018, doi:10.17605/OSF.IO/ZYAQN)" in told
    # "every rule puts the one-year map first", "about one and a half to two points"
    rules = r"(aoristic|start|end|midpoint|exclude)"
    rates = {name: list(map(float, line.split())) for name, line in re.findall(rf"^{rules} +(0\.02 .*)$", told, re.M)}
    assert len(rates) == 5
    assert all(max(row) == row[2] for row in rates.values())
    gains = [(rule, float(points)) for rule, points in re.findall(rf"{rules} +(\d\.\d+) +\S+ +\S+ +\S+ +70", told)]
    assert len(gains) == 10
    assert all(1.4 < points < 2.0 for rule, points in gains if rule != "exclude")
    # "to within a few tenths of a point", "about twice the share", "a tenth of the thefts"
    assert all(max(part) - min(part) < 0.003 for part in zip(*(rates[r] for r in rates if r != "exclude"), strict=True))
    assert all(1.7 < rates["exclude"][k] / rates["aoristic"][k] < 2.3 for k in (1, 2))
    counted = {rule: float(number) for rule, _, number in re.findall(rf"^{rules} +(\d+) +(\d+\.\d)$", told, re.M)}
    assert 0.08 < counted["exclude"] / counted["start"] < 0.12
    # "somebody who picked the rule after looking could have either verdict"
    for other in ("three-week map", "KDE of a year"):
        verdicts = told.split(f"one-year map against {other}:")[1].split("one-year map against")[0]
        assert re.search("no clear difference: aoristic", verdicts)
        assert re.search("higher: start", verdicts)
