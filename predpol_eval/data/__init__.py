"""Readers of the publishers' own files, and the built-in sample.

`read_events` reads a file, `FORMATS` describes the formats, `ReadReport` says what was dropped and why;
`sample_events`, `sample_areas` and `sample_grid` need no file at all.
"""

from __future__ import annotations

from predpol_eval.data.formats import FORMATS, Column, Format
from predpol_eval.data.gaps import Stretch, find_gaps
from predpol_eval.data.read import read_events
from predpol_eval.data.report import Dropped, Gap, ReadReport
from predpol_eval.data.sample import sample_areas, sample_events, sample_grid

__all__ = [
    "FORMATS",
    "Column",
    "Dropped",
    "Format",
    "Gap",
    "ReadReport",
    "Stretch",
    "find_gaps",
    "read_events",
    "sample_areas",
    "sample_events",
    "sample_grid",
]
