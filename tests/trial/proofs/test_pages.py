"""The pages of the proofs say what the figures say, and are those of the script."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("trial_proofs", DOCS / "scripts" / "trial_proofs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def killed(name, kills):
    return {"name": name, "kills": kills, "acknowledged": 7, "ended": 2, "seconds": 1.25}


def test_reliability_is_told_from_the_figures(script):
    told = {
        "kills": {name: killed(name, kills) for name, kills in (("submit", 200), ("score", 190), ("close", 20))},
        "edits": {"a row": {"said": f"Record 3, record: found {'ab' * 32} | none.", "heads": True}},
    }
    page = script.reliability(told)
    assert "410 kills, 200 of them in `submit` and 190 in `score`: of 21 acknowledgements none was lost" in " ".join(
        page.split()
    )
    assert "All 1 things that were done are named, 1 of them with the help of a head" in " ".join(page.split())
    assert "| a row | Record 3, record: found abababab... \\| none. |" in page


def test_security_is_told_from_the_figures(script):
    attack = {"name": "teeth", "bytes": 1234, "outcome": "rejected", "seconds": 0.5, "mebibytes": 20.0}
    told = {
        "fuzz": {
            "files": 10, "outcomes": {"csv rejected": 6, "csv supersedes": 1, "envelope refused": 3}, "seconds": 0.25,
            "mebibytes": 3.0, "outside": [],
        },
        "attacks": [attack],
    }  # fmt: skip
    page = " ".join(script.security(told).split())
    assert "10 spoiled files" in page
    assert "nothing was written outside" in page
    assert "| CSV | 0 | 6 | 1 |" in page
    assert "All are within 2 s and 512 MiB; the slowest is teeth (0.50 s)" in page
    assert "No runs guided by coverage were made." in page
    told["attacks"].append({**attack, "name": "combs", "seconds": 2.5})
    page = " ".join(script.security(told).split())
    assert "All but combs are within 2 s" in page


@pytest.mark.parametrize("name", ["trial_reliability.md", "trial_security.md"])
def test_the_pages_are_there_and_say_who_made_them(name):
    text = (DOCS / "tables" / name).read_text(encoding="utf-8")
    assert text.startswith("---\norphan: true\n---\n")
    assert "`docs/scripts/trial_proofs.py`" in text
