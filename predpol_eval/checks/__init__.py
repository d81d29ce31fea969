"""A conformance suite that anyone can run on their own forecaster."""

from predpol_eval.checks.city import City, make_city
from predpol_eval.checks.report import CheckError, CheckReport, CheckResult
from predpol_eval.checks.run import check_forecaster
from predpol_eval.checks.table import CHECKS, Check

__all__ = ["CHECKS", "Check", "CheckError", "CheckReport", "CheckResult", "City", "check_forecaster", "make_city"]
