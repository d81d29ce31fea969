"""Many nights in a row, each made from the one before instead of from all crimes again."""

from predpol_eval.forecasters.sliding.rates import sliding_rates
from predpol_eval.forecasters.sliding.values import InTurn, forecast_in_turn, in_turn, slides

__all__ = ["InTurn", "forecast_in_turn", "in_turn", "slides", "sliding_rates"]
