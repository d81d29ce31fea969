"""Forecasters: from the crimes known by tonight to a risk surface for tomorrow, one file for each idea.

Each is loaded on first use, so that a forecast costs only the import of its own forecaster.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

# Name -> the module here that holds it.
_HOME = {
    "KDE": "kde",
    "Blend": "blend",
    "Calendar": "features",
    "CellCovariate": "features",
    "CountMap": "baseline",
    "DailyCovariate": "features",
    "External": "external",
    "Fitted": "base",
    "ForecastTerm": "features",
    "Forecaster": "base",
    "LaggedCounts": "features",
    "NearRepeat": "near_repeat",
    "ProspectiveHotspot": "prospective",
    "Regression": "regression",
    "SelfExciting": "self_exciting",
    "Tuned": "tuned",
    "Uniform": "baseline",
    "cocoons": "cocooning",
    "describe": "base",
    "forecast": "base",
    "identity": "base",
    "load_fit": "fit_files",
    "save_fit": "fit_files",
    "tune": "tuned",
}

__all__ = [*_HOME]

if TYPE_CHECKING:
    # The same names for type checkers and editors; a test holds the two lists together.
    from predpol_eval.forecasters.base import Fitted as Fitted
    from predpol_eval.forecasters.base import Forecaster as Forecaster
    from predpol_eval.forecasters.base import describe as describe
    from predpol_eval.forecasters.base import forecast as forecast
    from predpol_eval.forecasters.base import identity as identity
    from predpol_eval.forecasters.baseline import CountMap as CountMap
    from predpol_eval.forecasters.baseline import Uniform as Uniform
    from predpol_eval.forecasters.blend import Blend as Blend
    from predpol_eval.forecasters.cocooning import cocoons as cocoons
    from predpol_eval.forecasters.external import External as External
    from predpol_eval.forecasters.features import Calendar as Calendar
    from predpol_eval.forecasters.features import CellCovariate as CellCovariate
    from predpol_eval.forecasters.features import DailyCovariate as DailyCovariate
    from predpol_eval.forecasters.features import ForecastTerm as ForecastTerm
    from predpol_eval.forecasters.features import LaggedCounts as LaggedCounts
    from predpol_eval.forecasters.fit_files import load_fit as load_fit
    from predpol_eval.forecasters.fit_files import save_fit as save_fit
    from predpol_eval.forecasters.kde import KDE as KDE
    from predpol_eval.forecasters.near_repeat import NearRepeat as NearRepeat
    from predpol_eval.forecasters.prospective import ProspectiveHotspot as ProspectiveHotspot
    from predpol_eval.forecasters.regression import Regression as Regression
    from predpol_eval.forecasters.self_exciting import SelfExciting as SelfExciting
    from predpol_eval.forecasters.tuned import Tuned as Tuned
    from predpol_eval.forecasters.tuned import tune as tune


def __getattr__(name: str) -> object:
    """Load a name from its module on first use, and keep it."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public, loaded or not."""
    return sorted({*globals(), *__all__})
