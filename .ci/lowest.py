"""Print constraints that pin every core dependency to its lower bound: `lowest.py pyproject.toml`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def lowest(requirements: list[str]) -> list[str]:
    """Turn ``name>=1.2`` into ``name==1.2``, keeping any environment marker."""
    return [re.sub(r">=\s*", "==", requirement, count=1) for requirement in requirements]


if __name__ == "__main__":
    project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
    print("\n".join(lowest(project["dependencies"])))
