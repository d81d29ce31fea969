"""Crimes with known truth: what a method finds in them can be held against what was put in.

`simulate_background`, `simulate_self_exciting` and `simulate_near_repeats` make crimes; `with_interval_times`,
`with_recording_delay` and `with_reporting` do to them what happens on the way into a table. All give a `Simulation`.
"""

from __future__ import annotations

from predpol_eval.simulate.background import BackgroundTruth, simulate_background
from predpol_eval.simulate.near_repeats import NearRepeatTruth, simulate_near_repeats
from predpol_eval.simulate.recording import RecordingTruth, with_recording_delay
from predpol_eval.simulate.reporting import ReportingTruth, with_reporting
from predpol_eval.simulate.self_exciting import SelfExcitingTruth, simulate_self_exciting
from predpol_eval.simulate.simulation import Simulation, Truth
from predpol_eval.simulate.uncertain import UncertainTruth, with_interval_times
from predpol_eval.simulate.waits import Waits

__all__ = [
    "BackgroundTruth",
    "NearRepeatTruth",
    "RecordingTruth",
    "ReportingTruth",
    "SelfExcitingTruth",
    "Simulation",
    "Truth",
    "UncertainTruth",
    "Waits",
    "simulate_background",
    "simulate_near_repeats",
    "simulate_self_exciting",
    "with_interval_times",
    "with_recording_delay",
    "with_reporting",
]
