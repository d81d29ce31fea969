"""Crimes with known truth: what a method finds in them can be held against what was put in."""

from __future__ import annotations

from predpol_eval.simulate.background import BackgroundTruth, simulate_background
from predpol_eval.simulate.self_exciting import SelfExcitingTruth, simulate_self_exciting
from predpol_eval.simulate.simulation import Simulation, Truth

__all__ = [
    "BackgroundTruth",
    "SelfExcitingTruth",
    "Simulation",
    "Truth",
    "simulate_background",
    "simulate_self_exciting",
]
