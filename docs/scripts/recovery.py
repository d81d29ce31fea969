"""What the self-exciting models find in simulated cities of known truth: writes docs/tables/recovery_*.md.

    python docs/scripts/recovery.py

50 cities a row, each from a seed of its own; about an hour on one core. A table can be made by itself with the script
of its name; the tests rerun one row or some cities of each.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MODELS = ("self_exciting", "continuous", "nonparametric")


def main() -> None:
    """Make all tables."""
    for model in MODELS:
        subprocess.run([sys.executable, str(Path(__file__).with_name(f"recovery_{model}.py"))], check=True)


if __name__ == "__main__":
    main()
