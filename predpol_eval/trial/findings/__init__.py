"""All that a trial has found by a moment, gathered from its records: what a report shows."""

from __future__ import annotations

from predpol_eval.trial.findings.flagged import FlaggedNights, flagged_nights
from predpol_eval.trial.findings.gathered import Findings, findings, findings_of
from predpol_eval.trial.findings.nights import NightTold

__all__ = ["Findings", "FlaggedNights", "NightTold", "findings", "findings_of", "flagged_nights"]
