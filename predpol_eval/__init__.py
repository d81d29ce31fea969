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
    "capture_curve": "capture",
    "capture_auc": "capture",
    # scores of a surface of expected counts
    "poisson_log_score": "scores",
    "location_log_score": "scores",
    # how sure, and which is better
    "bootstrap_by_night": "comparisons",
    "difference_by_night": "comparisons",
    "differences_in_words": "comparisons",
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
    "save_fit": "forecasters",
    "load_fit": "forecasters",
    # putting them to the test
    "backtest": "backtests",
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
    from predpol_eval.budgets import Coverage as Coverage
    from predpol_eval.budgets import Flags as Flags
    from predpol_eval.budgets import TopCells as TopCells
    from predpol_eval.capture import capture_auc as capture_auc
    from predpol_eval.capture import capture_curve as capture_curve
    from predpol_eval.checks import check_forecaster as check_forecaster
    from predpol_eval.comparisons import bootstrap_by_night as bootstrap_by_night
    from predpol_eval.comparisons import difference_by_night as difference_by_night
    from predpol_eval.comparisons import differences_in_words as differences_in_words
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
    from predpol_eval.metrics import search_efficiency as search_efficiency
    from predpol_eval.near_repeats import knox as knox
    from predpol_eval.plot import plot_capture as plot_capture
    from predpol_eval.plot import plot_metric as plot_metric
    from predpol_eval.plot import plot_risk as plot_risk
    from predpol_eval.schedule import Schedule as Schedule
    from predpol_eval.schedule import Windows as Windows
    from predpol_eval.scores import location_log_score as location_log_score
    from predpol_eval.scores import poisson_log_score as poisson_log_score
    from predpol_eval.simulate import simulate_background as simulate_background
    from predpol_eval.simulate import simulate_near_repeats as simulate_near_repeats
    from predpol_eval.simulate import simulate_self_exciting as simulate_self_exciting
    from predpol_eval.simulate import with_interval_times as with_interval_times
    from predpol_eval.simulate import with_recording_delay as with_recording_delay
    from predpol_eval.simulate import with_reporting as with_reporting
    from predpol_eval.surface import check_surface as check_surface
    from predpol_eval.surface import load_surface as load_surface
    from predpol_eval.surface import make_surface as make_surface
    from predpol_eval.surface import save_surface as save_surface
    from predpol_eval.tallies import credits as credits
    from predpol_eval.tallies import tally as tally
    from predpol_eval.tally_files import load_tally as load_tally
    from predpol_eval.tally_files import save_tally as save_tally


def __getattr__(name: str) -> object:
    """Load a public name from its module on first use, and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; dir({__name__}) lists its names")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return sorted({*globals(), *__all__})
