"""Build the notebooks: run the cells of notebooks/*.py and keep what they show in notebooks/*.ipynb.

python docs/scripts/build_notebook.py                  writes all of them
python docs/scripts/build_notebook.py first_backtest   writes this one
python docs/scripts/build_notebook.py --check          says whether the committed ones have these cells

A source is plain Python: a line `# %%` begins a cell of code, `# %% [markdown]` one of text in comments.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
TEXT, CODE = "markdown", "code"


def cells_of(source: str) -> list[tuple[str, str]]:
    """Kind and content of every cell."""
    begins = re.split(r"^# %%(.*)\n", source, flags=re.MULTILINE)
    if begins[0].strip():
        raise ValueError(f"There is something before the first '# %%': {begins[0].strip()[:60]!r}.")
    cells = []
    for mark, content in zip(begins[1::2], begins[2::2], strict=True):
        if mark.strip() not in ("", "[markdown]"):
            raise ValueError(f"'# %%{mark}' begins no cell; write '# %%' or '# %% [markdown]'.")
        text = content.strip("\n")
        if mark.strip():
            lines = text.split("\n")
            bare = [line for line in lines if not line.startswith("#")]
            if bare:
                raise ValueError(f"A cell of text has a line that is no comment: {bare[0]!r}.")
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in lines)
        cells.append((TEXT if mark.strip() else CODE, text))
    return cells


def build(source: Path) -> nbformat.NotebookNode:
    """Make a notebook and run it."""
    book = nbformat.v4.new_notebook()
    for number, (kind, text) in enumerate(cells_of(source.read_text(encoding="utf-8"))):
        cell = nbformat.v4.new_markdown_cell(text) if kind == TEXT else nbformat.v4.new_code_cell(text)
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


def same_cells(source: Path) -> bool:
    """Whether the committed notebook has the cells of its source."""
    if not source.with_suffix(".ipynb").is_file():
        return False
    book = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    return [(cell.cell_type, cell.source) for cell in book.cells] == cells_of(source.read_text(encoding="utf-8"))


def main() -> int:
    """Write the notebooks, or check them."""
    names = [argument for argument in sys.argv[1:] if argument != "--check"]
    sources = [NOTEBOOKS / f"{name}.py" for name in names] or sorted(NOTEBOOKS.glob("*.py"))
    if "--check" in sys.argv[1:]:
        other = [source.stem for source in sources if not same_cells(source)]
        print("\n".join(other), end="")
        return 1 if other else 0
    for source in sources:
        text = nbformat.writes(build(source)) + "\n"
        source.with_suffix(".ipynb").write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
