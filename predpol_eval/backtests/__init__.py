"""The backtest: many forecasters, night after night, at the same cost, none of which can look ahead."""

from predpol_eval.backtests.estimate import BacktestEstimate
from predpol_eval.backtests.run import backtest

__all__ = ["BacktestEstimate", "backtest"]
