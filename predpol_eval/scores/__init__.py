"""Scores of a surface of expected counts: how well it fits all the crimes of all the cells, whatever the budget."""

from __future__ import annotations

from predpol_eval.scores.box_probability import brier
from predpol_eval.scores.gains import information_gain
from predpol_eval.scores.level import calibration_ratio
from predpol_eval.scores.log_scores import (
    LOG_SCORES,
    check_floor,
    location_log_score,
    log_score_by_window,
    poisson_log_score,
)

__all__ = [
    "LOG_SCORES",
    "brier",
    "calibration_ratio",
    "check_floor",
    "information_gain",
    "location_log_score",
    "log_score_by_window",
    "poisson_log_score",
]
