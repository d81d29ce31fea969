"""Scoring that is killed at any moment loses nothing that was recorded, and goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta

import numpy as np
import pytest

from predpol_eval.trial.folder import LEDGER
from predpol_eval.trial.ledger import verify_chain
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.rescoring import Rescorer
from tests.trial.scoring.nights import CROWD, SETTLED, six_nights
from tests.trial.scoring.scoring_child import NOW

ROUNDS = [pytest.param(2, id="2"), pytest.param(60, id="60", marks=pytest.mark.slow)]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_killed_while_scoring(tmp_path, rounds):
    draw = np.random.default_rng(rounds)
    nights = six_nights(tmp_path)
    nights.clock.now = NOW
    # A newer snapshot each round, so that there is something to score.
    told = []
    for number in range(rounds):
        nights.keep(CROWD, SETTLED - timedelta(days=15) + timedelta(hours=number))
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.trial.scoring.scoring_child", str(nights.trial.folder)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout is not None
        with child.stdout:
            # Killed at some moment after the first record.
            told.append(child.stdout.readline())
            time.sleep(float(draw.random()) * 0.1)
            child.kill()
            told += child.stdout.readlines()
        child.wait()
    acknowledged = [line.split() for line in told if line.endswith("\n")]
    assert len(acknowledged) >= rounds
    with nights.trial.ledger(read_only=True) as ledger:
        kept = {str(record.number): record.hash for record in ledger.records("score")}
    assert all(kept[number] == mark for number, mark in acknowledged)
    score(nights.again())
    history = nights.trial.history()
    newest = history.snapshots[-1]["blob"]
    assert {record.body["night"] for record in history.scores if record.body["snapshot"] == newest} == set(
        nights.names(6)
    )
    places = [(record.body["night"], record.body["snapshot"], record.body["settled"]) for record in history.scores]
    assert len(set(places)) == len(places)
    assert verify_chain(nights.trial.folder / LEDGER, nights.trial.blobs, ()) == []
    rescorer = Rescorer(nights.trial)
    for record in history.scores[:: max(1, len(places) // 20)]:
        assert rescorer.differences(nights.before(record.number), record) == []
