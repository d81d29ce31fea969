"""A whole trial on past crimes, with synthetic vendors of known quality: whether what is known comes out."""

from __future__ import annotations

from predpol_eval.trial.rehearsal.known_result import Rehearsal
from predpol_eval.trial.rehearsal.months import rehearse
from predpol_eval.trial.rehearsal.vendors import VENDORS, SyntheticVendor, synthetic_vendor

__all__ = ["VENDORS", "Rehearsal", "SyntheticVendor", "rehearse", "synthetic_vendor"]
