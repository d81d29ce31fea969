"""The report of a trial: one self-contained page of HTML, for vendors, lawyers and Londoners."""

from __future__ import annotations

from predpol_eval.report.page import report_html
from predpol_eval.report.writing import write_report

__all__ = ["report_html", "write_report"]
