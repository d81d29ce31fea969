"""What a regression may know of a cell and a day, one idea per file; none of it is known early."""

from predpol_eval.forecasters.features.asked import Asked, Feature
from predpol_eval.forecasters.features.calendar_days import Calendar
from predpol_eval.forecasters.features.cell_covariate import CellCovariate
from predpol_eval.forecasters.features.daily_covariate import DailyCovariate
from predpol_eval.forecasters.features.forecast_term import ForecastTerm
from predpol_eval.forecasters.features.lagged_counts import LaggedCounts

__all__ = ["Asked", "Calendar", "CellCovariate", "DailyCovariate", "Feature", "ForecastTerm", "LaggedCounts"]
