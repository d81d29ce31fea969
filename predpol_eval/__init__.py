"""Does predictive policing work? Forecasters, an honest backtest, and numbers that can be defended.

The public names are listed below in reading order and loaded on first use, so that ``import predpol_eval``
costs next to nothing.

Examples
--------
>>> import predpol_eval as ppe
>>> ppe.__version__ == __version__
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

# Public name -> the module that holds it. No function here may bear the name of a module: once that module
# has been imported, the attribute would be the module.
_HOME = {
    # crimes
    "Events": "events",
    "read_events": "data",
    "sample_events": "data",
    "sample_areas": "data",
    # where, and when
    "Grid": "grid",
    "Schedule": "schedule",
    "Windows": "schedule",
    # risk surfaces
    "make_surface": "surface",
    "check_surface": "surface",
    "save_surface": "surface",
    "load_surface": "surface",
    # budgets, and what they catch
    "TopCells": "budgets",
    "Coverage": "budgets",
    "Flags": "budgets",
    "count": "counts",
    "tally": "tallies",
    "credits": "tallies",
    "save_tally": "tally_files",
    "load_tally": "tally_files",
    # ratios of a tally
    "hit_rate": "metrics",
    "pai": "metrics",
    "lift": "metrics",
    "pei": "metrics",
    "ppai": "metrics",
    "precision": "metrics",
    "search_efficiency": "metrics",
    "rri_levine": "metrics",
    "capture_curve": "capture",
    "capture_auc": "capture",
    "pai_curve": "budget_curves",
    "pei_curve": "budget_curves",
    "stratify": "strata",
    # the flagged ground: its shape, its change, and what two methods share
    "flagged_cells": "flagged_sets",
    "area_to_perimeter": "flagged_sets",
    "clumpiness": "flagged_sets",
    "compactness": "flagged_sets",
    "dvi": "flagged_sets",
    "complementarity": "flagged_sets",
    # scores of a surface of expected counts
    "poisson_log_score": "scores",
    "location_log_score": "scores",
    "brier": "scores",
    "calibration_ratio": "scores",
    "information_gain": "scores",
    # does a surface fit what was recorded?
    "n_test": "consistency",
    "s_test": "consistency",
    "l_test": "consistency",
    "cl_test": "consistency",
    "dispersion": "consistency",
    # how sure, and which is better
    "compare": "comparisons",
    "confidence_sequence": "comparisons",
    "sequence_rho": "comparisons",
    "t_test": "comparisons",
    "w_test": "comparisons",
    "adjust": "comparisons",
    "alpha_spending": "comparisons",
    "detectable_difference": "comparisons",
    "bootstrap_by_night": "comparisons",
    "difference_by_night": "comparisons",
    "differences_in_words": "comparisons",
    "comparisons_in_words": "comparisons",
    # near repeats
    "knox": "near_repeats",
    # forecasters
    "Uniform": "forecasters",
    "CountMap": "forecasters",
    "KDE": "forecasters",
    "ProspectiveHotspot": "forecasters",
    "NearRepeat": "forecasters",
    "SelfExciting": "forecasters",
    "External": "forecasters",
    "Regression": "forecasters",
    "LaggedCounts": "forecasters",
    "ForecastTerm": "forecasters",
    "Calendar": "forecasters",
    "CellCovariate": "forecasters",
    "DailyCovariate": "forecasters",
    "Blend": "forecasters",
    "tune": "forecasters",
    "cocoons": "forecasters",
    "forecast": "forecasters",
    "forecast_to_zarr": "surface_stores",
    "open_surfaces": "surface_stores",
    "save_fit": "forecasters",
    "load_fit": "forecasters",
    # putting them to the test
    "backtest": "backtests",
    "time_sensitivity": "sensitivity",
    "grid_sensitivity": "sensitivity",
    "check_forecaster": "checks",
    "simulate_background": "simulate",
    "simulate_self_exciting": "simulate",
    "simulate_near_repeats": "simulate",
    "with_interval_times": "simulate",
    "with_recording_delay": "simulate",
    "with_reporting": "simulate",
    # looking at it
    "plot_risk": "plot",
    "plot_capture": "plot",
    "plot_metric": "plot",
    "plot_comparisons": "plot",
    "plot_course": "plot",
    # the report of a trial
    "report_html": "report",
    "write_report": "report",
    # what can go wrong
    "PredPolError": "errors",
    "InputError": "errors",
    "NotComparableError": "errors",
    "PlanLockedError": "errors",
    "PredPolWarning": "errors",
}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    # The same names for type checkers and editors; a test holds the two lists together.
    from predpol_eval.backtests import backtest as backtest
    from predpol_eval.budget_curves import pai_curve as pai_curve
    from predpol_eval.budget_curves import pei_curve as pei_curve
    from predpol_eval.budgets import Coverage as Coverage
    from predpol_eval.budgets import Flags as Flags
    from predpol_eval.budgets import TopCells as TopCells
    from predpol_eval.capture import capture_auc as capture_auc
    from predpol_eval.capture import capture_curve as capture_curve
    from predpol_eval.checks import check_forecaster as check_forecaster
    from predpol_eval.comparisons import adjust as adjust
    from predpol_eval.comparisons import alpha_spending as alpha_spending
    from predpol_eval.comparisons import bootstrap_by_night as bootstrap_by_night
    from predpol_eval.comparisons import compare as compare
    from predpol_eval.comparisons import comparisons_in_words as comparisons_in_words
    from predpol_eval.comparisons import confidence_sequence as confidence_sequence
    from predpol_eval.comparisons import detectable_difference as detectable_difference
    from predpol_eval.comparisons import difference_by_night as difference_by_night
    from predpol_eval.comparisons import differences_in_words as differences_in_words
    from predpol_eval.comparisons import sequence_rho as sequence_rho
    from predpol_eval.comparisons import t_test as t_test
    from predpol_eval.comparisons import w_test as w_test
    from predpol_eval.consistency import cl_test as cl_test
    from predpol_eval.consistency import dispersion as dispersion
    from predpol_eval.consistency import l_test as l_test
    from predpol_eval.consistency import n_test as n_test
    from predpol_eval.consistency import s_test as s_test
    from predpol_eval.counts import count as count
    from predpol_eval.data import read_events as read_events
    from predpol_eval.data import sample_areas as sample_areas
    from predpol_eval.data import sample_events as sample_events
    from predpol_eval.errors import InputError as InputError
    from predpol_eval.errors import NotComparableError as NotComparableError
    from predpol_eval.errors import PlanLockedError as PlanLockedError
    from predpol_eval.errors import PredPolError as PredPolError
    from predpol_eval.errors import PredPolWarning as PredPolWarning
    from predpol_eval.events import Events as Events
    from predpol_eval.flagged_sets import area_to_perimeter as area_to_perimeter
    from predpol_eval.flagged_sets import clumpiness as clumpiness
    from predpol_eval.flagged_sets import compactness as compactness
    from predpol_eval.flagged_sets import complementarity as complementarity
    from predpol_eval.flagged_sets import dvi as dvi
    from predpol_eval.flagged_sets import flagged_cells as flagged_cells
    from predpol_eval.forecasters import KDE as KDE
    from predpol_eval.forecasters import Blend as Blend
    from predpol_eval.forecasters import Calendar as Calendar
    from predpol_eval.forecasters import CellCovariate as CellCovariate
    from predpol_eval.forecasters import CountMap as CountMap
    from predpol_eval.forecasters import DailyCovariate as DailyCovariate
    from predpol_eval.forecasters import External as External
    from predpol_eval.forecasters import ForecastTerm as ForecastTerm
    from predpol_eval.forecasters import LaggedCounts as LaggedCounts
    from predpol_eval.forecasters import NearRepeat as NearRepeat
    from predpol_eval.forecasters import ProspectiveHotspot as ProspectiveHotspot
    from predpol_eval.forecasters import Regression as Regression
    from predpol_eval.forecasters import SelfExciting as SelfExciting
    from predpol_eval.forecasters import Uniform as Uniform
    from predpol_eval.forecasters import cocoons as cocoons
    from predpol_eval.forecasters import forecast as forecast
    from predpol_eval.forecasters import load_fit as load_fit
    from predpol_eval.forecasters import save_fit as save_fit
    from predpol_eval.forecasters import tune as tune
    from predpol_eval.grid import Grid as Grid
    from predpol_eval.metrics import hit_rate as hit_rate
    from predpol_eval.metrics import lift as lift
    from predpol_eval.metrics import pai as pai
    from predpol_eval.metrics import pei as pei
    from predpol_eval.metrics import ppai as ppai
    from predpol_eval.metrics import precision as precision
    from predpol_eval.metrics import rri_levine as rri_levine
    from predpol_eval.metrics import search_efficiency as search_efficiency
    from predpol_eval.near_repeats import knox as knox
    from predpol_eval.plot import plot_capture as plot_capture
    from predpol_eval.plot import plot_comparisons as plot_comparisons
    from predpol_eval.plot import plot_course as plot_course
    from predpol_eval.plot import plot_metric as plot_metric
    from predpol_eval.plot import plot_risk as plot_risk
    from predpol_eval.report import report_html as report_html
    from predpol_eval.report import write_report as write_report
    from predpol_eval.schedule import Schedule as Schedule
    from predpol_eval.schedule import Windows as Windows
    from predpol_eval.scores import brier as brier
    from predpol_eval.scores import calibration_ratio as calibration_ratio
    from predpol_eval.scores import information_gain as information_gain
    from predpol_eval.scores import location_log_score as location_log_score
    from predpol_eval.scores import poisson_log_score as poisson_log_score
    from predpol_eval.sensitivity import grid_sensitivity as grid_sensitivity
    from predpol_eval.sensitivity import time_sensitivity as time_sensitivity
    from predpol_eval.simulate import simulate_background as simulate_background
    from predpol_eval.simulate import simulate_near_repeats as simulate_near_repeats
    from predpol_eval.simulate import simulate_self_exciting as simulate_self_exciting
    from predpol_eval.simulate import with_interval_times as with_interval_times
    from predpol_eval.simulate import with_recording_delay as with_recording_delay
    from predpol_eval.simulate import with_reporting as with_reporting
    from predpol_eval.strata import stratify as stratify
    from predpol_eval.surface import check_surface as check_surface
    from predpol_eval.surface import load_surface as load_surface
    from predpol_eval.surface import make_surface as make_surface
    from predpol_eval.surface import save_surface as save_surface
    from predpol_eval.surface_stores import forecast_to_zarr as forecast_to_zarr
    from predpol_eval.surface_stores import open_surfaces as open_surfaces
    from predpol_eval.tallies import credits as credits
    from predpol_eval.tallies import tally as tally
    from predpol_eval.tally_files import load_tally as load_tally
    from predpol_eval.tally_files import save_tally as save_tally


def __getattr__(name: str) -> object:
    """Load a public name from its module on first use, and keep it."""
    if name.lower() == "rri":
        from predpol_eval.errors import AmbiguousNameError

        raise AmbiguousNameError(
            f"{name} means two things; say which: Levine's ratio of two PAIs is rri_levine(t2, t1), the ratio of "
            "predicted to observed crimes is calibration_ratio(risk, observed)."
        )
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; dir({__name__}) lists its names")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return sorted({*globals(), *__all__})
