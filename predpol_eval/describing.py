"""How objects describe themselves: the same few lines in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape


def as_text(name: str, lines: Mapping[str, str]) -> str:
    """Write a name and indented lines.

    Examples
    --------
    >>> print(as_text("Grid", {"cells": "12"}))
    <Grid>
      cells: 12
    """
    return f"<{name}>\n" + "\n".join(f"  {key}: {text}" for key, text in lines.items())


def as_html(name: str, lines: Mapping[str, str]) -> str:
    """Write a table with one row per line."""
    left = "style='text-align:left'"
    rows = "".join(
        f"<tr><th {left}>{escape(key)}</th><td {left}>{escape(text)}</td></tr>" for key, text in lines.items()
    )
    return f"<table><caption>{escape(name)}</caption>{rows}</table>"
