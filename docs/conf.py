"""How the manual is built: `make docs`. No network is needed, neither for building nor for reading it."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

import predpol_eval

project = "predpol_eval"
author = "The predpol_eval developers"
project_copyright = f"2026, {author}"
version = release = predpol_eval.__version__

sys.path.insert(0, str(Path(__file__).parent))
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "mathml", "numpydoc"]
html_math_renderer = "mathml"
myst_enable_extensions = ["deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

exclude_patterns = ["_build"]

autosummary_generate = True
autodoc_default_options = {"members": True}
autodoc_typehints = "none"  # the docstrings name types, shapes and units
numpydoc_show_class_members = False

html_theme = "furo"
html_title = f"predpol_eval {release}"
html_copy_source = False
html_static_path = ["_static"]
# On paper the page for vendors is two sides of A4.
html_css_files = ["print.css"]


def _write_api_page() -> None:
    """List the public names in reading order, by module; the one list is the package's own table."""
    lines = ["Public names", "============", "", "``import predpol_eval as ppe``", ""]
    for module, names in groupby(predpol_eval._HOME.items(), key=lambda entry: entry[1]):
        listed = [name for name, _ in names]
        lines += [module, "-" * len(module), "", ".. currentmodule:: predpol_eval", ""]
        lines += [".. autosummary::", "   :toctree:", "", *(f"   {name}" for name in listed), ""]
    page = Path(__file__).parent / "api" / "index.rst"
    page.parent.mkdir(exist_ok=True)
    text = "\n".join(lines)
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


_write_api_page()
