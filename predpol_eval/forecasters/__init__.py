"""Forecasters: from the crimes known by tonight to a risk surface for tomorrow, one file for each idea."""

from predpol_eval.forecasters.base import Fitted, Forecaster, describe, forecast, identity
from predpol_eval.forecasters.baseline import CountMap, Uniform
from predpol_eval.forecasters.blend import Blend
from predpol_eval.forecasters.cocooning import cocoons
from predpol_eval.forecasters.external import External
from predpol_eval.forecasters.features import Calendar, CellCovariate, DailyCovariate, ForecastTerm, LaggedCounts
from predpol_eval.forecasters.fit_files import load_fit, save_fit
from predpol_eval.forecasters.kde import KDE
from predpol_eval.forecasters.near_repeat import NearRepeat
from predpol_eval.forecasters.prospective import ProspectiveHotspot
from predpol_eval.forecasters.regression import Regression
from predpol_eval.forecasters.self_exciting import SelfExciting
from predpol_eval.forecasters.tuned import Tuned, tune

__all__ = [
    "KDE",
    "Blend",
    "Calendar",
    "CellCovariate",
    "CountMap",
    "DailyCovariate",
    "External",
    "Fitted",
    "ForecastTerm",
    "Forecaster",
    "LaggedCounts",
    "NearRepeat",
    "ProspectiveHotspot",
    "Regression",
    "SelfExciting",
    "Tuned",
    "Uniform",
    "cocoons",
    "describe",
    "forecast",
    "identity",
    "load_fit",
    "save_fit",
    "tune",
]
