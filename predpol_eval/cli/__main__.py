"""``python -m predpol_eval.cli``: the same as ``predpol-eval``."""

from __future__ import annotations

from predpol_eval.cli.app import app

if __name__ == "__main__":
    app()
