"""Commands of a trial, killed at random moments: nothing acknowledged is lost, and a rerun ends the same to the bit."""

from __future__ import annotations

import pytest

from tests.trial.proofs.commands import Server
from tests.trial.proofs.killing import AFTERWARDS, EVENING, evening_scenes, kill_again_and_again, later_scenes

pytestmark = pytest.mark.linux_only


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def first_evening(tmp_path_factory):
    return evening_scenes(tmp_path_factory.mktemp("evening"))


@pytest.fixture(scope="module")
def weeks_later(tmp_path_factory):
    return later_scenes(tmp_path_factory.mktemp("later"))


def test_killed_while_files_are_submitted(first_evening, server, tmp_path):
    seen = kill_again_and_again(first_evening["submit"], server, tmp_path, kills=2, seed=1)
    assert seen.acknowledged >= 7


def test_killed_while_nights_are_scored(weeks_later, server, tmp_path):
    seen = kill_again_and_again(weeks_later["score"], server, tmp_path, kills=1, seed=2)
    assert seen.acknowledged >= 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["submit", "score"])
def test_killed_two_hundred_times(first_evening, weeks_later, server, tmp_path, name):
    seen = kill_again_and_again({**first_evening, **weeks_later}[name], server, tmp_path, kills=200, seed=3)
    assert seen.kills == 200
    assert seen.acknowledged > 200


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in (*EVENING, *AFTERWARDS) if name not in ("submit", "score")])
def test_every_other_command_killed_twenty_times(first_evening, weeks_later, server, tmp_path, name):
    seen = kill_again_and_again({**first_evening, **weeks_later}[name], server, tmp_path, kills=20, seed=4)
    assert seen.kills == 20
    assert seen.ended >= 1
