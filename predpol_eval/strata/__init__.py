"""Any metric by group: area, kind, day of the week, month, or groups of one's own."""

from __future__ import annotations

from predpol_eval.strata.by_group import stratify

__all__ = ["stratify"]
