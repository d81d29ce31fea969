"""What an answer owes to choices that nobody can justify: how uncertain times are counted, where the cells lie."""

from predpol_eval.sensitivity.grids import grid_sensitivity
from predpol_eval.sensitivity.time_rules import time_sensitivity

__all__ = ["grid_sensitivity", "time_sensitivity"]
