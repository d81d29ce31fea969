"""Assert how many tests ran: `check_counts.py SUMMARY.json EXPECTED.toml SHARED_DATA`."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path


def problems(summary: dict[str, object], expected: dict[str, int], data_exist: bool) -> list[str]:
    """Say what differs from what is expected; nothing if all is well."""
    found = []
    if summary["collected"] < expected["collected_at_least"]:
        found.append(f"collected {summary['collected']} tests, expected {expected['collected_at_least']} or more")
    of_data = set(summary["skipped_shared_data"])
    others = [name for name in summary["skipped_tests"] if name not in of_data]
    if len(others) > expected["skipped_at_most"]:
        found.append(f"{len(others)} tests skipped, allowed {expected['skipped_at_most']}: {', '.join(others)}")
    if data_exist and of_data:
        found.append(f"skipped although the real data are there: {', '.join(sorted(of_data))}")
    if summary["failed"] or summary["error"] or summary["exit_status"]:
        found.append(f"{summary['failed']} failed, {summary['error']} errors, exit {summary['exit_status']}")
    return found


def main() -> int:
    """Print the counts; return 1, with the reasons, if they are not as expected."""
    summary = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    expected = tomllib.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    found = problems(summary, expected, Path(sys.argv[3]).is_dir())
    counts = ", ".join(
        f"{summary[name]} {name}"
        for name in ("collected", "passed", "failed", "error", "skipped", "xfailed", "deselected")
    )
    print(
        f"tests: {counts} (at least {expected['collected_at_least']} collected, "
        f"at most {expected['skipped_at_most']} skipped but for missing data)"
    )
    for problem in found:
        print(f"tests: {problem}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
