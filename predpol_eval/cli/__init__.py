"""The command line: ``predpol-eval demo``, ``backtest``, ``formats`` and ``forecasters``."""

from __future__ import annotations

from predpol_eval.cli.app import app

__all__ = ["app"]
