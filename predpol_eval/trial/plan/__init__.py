"""The plan of a trial: what is fixed beforehand, its hash, its amendments, and what it can detect."""

from __future__ import annotations

from predpol_eval.trial.plan.amendment_records import Amendment, Change
from predpol_eval.trial.plan.amendments import amend, apply
from predpol_eval.trial.plan.keys import KEYS, as_markdown
from predpol_eval.trial.plan.limits import Limits
from predpol_eval.trial.plan.nights import Night, windows_of
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.plan_power import power
from predpol_eval.trial.plan.planned_test import PlannedTest
from predpol_eval.trial.plan.power_told import PlanPower, PowerRow
from predpol_eval.trial.plan.reading import example, load_plan, read_plan

__all__ = [
    "KEYS",
    "Amendment",
    "Change",
    "Limits",
    "Night",
    "PlanPower",
    "PlannedTest",
    "PowerRow",
    "TrialPlan",
    "amend",
    "apply",
    "as_markdown",
    "example",
    "load_plan",
    "power",
    "read_plan",
    "windows_of",
]
