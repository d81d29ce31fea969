"""Killed at random moments, a run goes on where it was and ends the same to the bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

pytestmark = pytest.mark.linux_only

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reports(tmp_path_factory, full_run):
    """Twenty children killed, two interrupted, one that ends; in a full run five times so many."""
    found = []
    for seed in range(5 if full_run else 1):
        folder = tmp_path_factory.mktemp("killed")
        command = [sys.executable, "-m", "tests.backtests.kill_loop", str(folder), "--seed", str(seed)]
        # What workers share lies in this folder too, so that nothing of it is left behind.
        environment = {**os.environ, "JOBLIB_TEMP_FOLDER": str(folder), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        found.append(json.loads(done.stdout))
    return found


def test_kills_fall_while_a_block_is_computed_or_written(reports):
    for report in reports:
        assert len(report["attempts"]) == 20
        assert sum(one["doing"] in ("computing", "writing") for one in report["attempts"]) >= 15
        assert {one["n_jobs"] for one in report["attempts"]} == {1, 2}


def test_every_resumption_reuses_all_that_was_finished(reports):
    for report in reports:
        attempts = report["attempts"]
        assert attempts[0]["blocks"] >= 1
        for before, one in pairwise(attempts):
            # A child killed at its very start had not said yet what it found.
            if one["doing"] != "other" or one["reused"]:
                assert one["reused"] == before["blocks"] >= 1
            assert one["blocks"] >= before["blocks"]
        assert report["last_reused"] == report["interrupts"][-1]["blocks"] >= attempts[-1]["blocks"]
        assert report["last_reused"] < report["blocks"]


def test_a_kill_leaves_whole_blocks_and_orphans_leave_the_store_alone(reports):
    for report in reports:
        assert all(one["whole"] for one in report["attempts"])
        assert all(one["still"] for one in report["attempts"])


def test_an_interruption_from_the_keyboard_leaves_whole_blocks_and_nothing_else(reports):
    for report in reports:
        assert [one["n_jobs"] for one in report["interrupts"]] == [1, 2]
        for one in report["interrupts"]:
            assert one["ended"].startswith("KeyboardInterrupt")
            assert one["whole"]
            assert one["blocks"] >= one["reused"] >= 1


def test_the_store_and_the_tally_end_the_same_to_the_bit(reports):
    for report in reports:
        assert report["same_store"]
        assert report["digests"] == [report["without_store"]]
        assert report["blocks"] == len(report["files"]) - 2
        assert {"manifest.json", "lock"} < set(report["files"])
