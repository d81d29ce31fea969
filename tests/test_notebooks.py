"""The notebooks run, and the committed ones show what they showed when they were built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def test_there_is_a_notebook():
    assert "first_backtest.ipynb" in {path.name for path in NOTEBOOKS}


@each_notebook
# What the kernel's own libraries warn of is not ours to mend.
@pytest.mark.filterwarnings("default")
def test_it_runs(path):
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
    assert done.returncode == 0, "run python docs/scripts/build_notebook.py"


def test_the_attribution_is_shown():
    text = (ROOT / "notebooks" / "first_backtest.ipynb").read_text(encoding="utf-8")
    assert "Contains information licensed under the Open Government Licence - Ontario" in text
    assert "nobody's home is in here" in text
