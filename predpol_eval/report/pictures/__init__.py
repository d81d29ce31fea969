"""The pictures of the report of a trial, each drawn from the same findings, and how they come into a page."""

from __future__ import annotations

from predpol_eval.report.pictures.course_picture import draw_course
from predpol_eval.report.pictures.league_picture import draw_league
from predpol_eval.report.pictures.map_picture import draw_map
from predpol_eval.report.pictures.nights_picture import draw_nights
from predpol_eval.report.pictures.pairs_picture import draw_pairs
from predpol_eval.report.pictures.sequence_picture import draw_sequences
from predpol_eval.report.pictures.strata_picture import draw_strata
from predpol_eval.report.pictures.svg import as_svg

__all__ = [
    "as_svg",
    "draw_course",
    "draw_league",
    "draw_map",
    "draw_nights",
    "draw_pairs",
    "draw_sequences",
    "draw_strata",
]
