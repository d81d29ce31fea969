"""Figures of matplotlib: a risk map, capture curves, ratios and differences with their intervals.

Each function gives back its figure, which shows itself in a notebook and is saved with ``figure.savefig("name.png")``.
None touches pyplot: no figure stays open, and no setting of the user's is changed.
"""

from __future__ import annotations

from predpol_eval.plot.canvas import save_figure
from predpol_eval.plot.capture import plot_capture
from predpol_eval.plot.differences import plot_comparisons, plot_course
from predpol_eval.plot.ratios import plot_metric
from predpol_eval.plot.risk_map import plot_risk

__all__ = ["plot_capture", "plot_comparisons", "plot_course", "plot_metric", "plot_risk", "save_figure"]
