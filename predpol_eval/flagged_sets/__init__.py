"""The flagged ground itself: which cells, of what shape, how they change, and what two methods share."""

from __future__ import annotations

from predpol_eval.flagged_sets.change import dvi
from predpol_eval.flagged_sets.overlap import complementarity
from predpol_eval.flagged_sets.sets import flagged_cells
from predpol_eval.flagged_sets.shape import area_to_perimeter, clumpiness, compactness

__all__ = ["area_to_perimeter", "clumpiness", "compactness", "complementarity", "dvi", "flagged_cells"]
