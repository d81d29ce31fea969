"""Findings to make reports of: made by hand, and those of a short trial with all that can happen to one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from predpol_eval.trial.administration import amend_plan, register_key, revoke_key, seal
from predpol_eval.trial.closing import close_night, declare_void
from predpol_eval.trial.data_exchange import take_snapshot
from predpol_eval.trial.intake import judge
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.scoring.nightly import score
from tests.report.pictures.made import findings_with, nights_of, plan_with, tally_with
from tests.trial.evenings import Evening, pem
from tests.trial.plan.town import changed

NAMES = {"A": "Quarrymap Ltd; Quarry Maps", "B": "Zephyr Nightworks", "C": "Kettlebrook plc"}
PASSPHRASE = "correct horse battery"
REASON = "<script>alert('void')</script> \"our\" server & ours"


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory):
    """Sixty nights, three looks, three vendors and a map of the house."""
    return plan_with(
        tmp_path_factory.mktemp("plan"),
        60,
        pairs=(("A", "B"), ("A", "C"), ("B", "C"), ("A", "in-house"), ("B", "in-house"), ("C", "in-house")),
    )


@pytest.fixture(scope="session")
def final(plan):
    """All looks taken: A is far ahead, all others are alike; B misses two nights, one is void."""
    names = [night.name for night in plan.nights]
    tally = tally_with(
        plan, 3, rate=2.0, rates={"A": 0.5, "B": 0.2, "C": 0.2, "in-house": 0.2},
        status={"B": {4: "missing", 9: "late"}, **{who: {20: "void"} for who in ("A", "C", "in-house")}},
    )  # fmt: skip
    told = nights_of(plan, {names[20]: "void"}, {("B", names[4]): "missing", ("B", names[9]): "late"})
    return findings_with(plan, tally, nights=told, taken=(1, 2, 3))


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory):
    """A trial of eight nights: an amendment, a key that is replaced, sealed names, two snapshots, a look."""
    from tests.report.towns import crimes_of

    here = Evening(
        tmp_path_factory.mktemp("short"),
        changed(("number = 30", "number = 8"), ("looks = [10, 20, 30]", "looks = [4, 8]")),
    )
    trial, plan = here.trial, here.trial.locked
    seal(trial, NAMES, PASSPHRASE)
    events = crimes_of(trial)
    for night in plan.nights:
        here.clock.now = night.cut
        if night.number == 2:
            declare_void(trial, [night.name], REASON)
            amend_plan(trial, {"nights": {"deadline": "19:30"}}, "Vendors asked for <b>half an hour</b> more.")
        if night.number == 3:
            _new_key(here, "C")
        for label in ("A", "B", "in-house", "C"):
            if (label, night.number) == ("C", 5):
                here.clock.now = night.deadline.replace(minute=45)
            if (label, night.number) != ("B", 4):
                here.hand_in(label, None, night.name)
        judge(trial)
        here.clock.now = max(night.deadline, here.clock.now).replace(hour=20)
        close_night(trial, night.name)
    for month, day in ((7, 20), (9, 15)):
        here.clock.now = datetime(2018, month, day, tzinfo=UTC)
        take_snapshot(trial, events[month], here.clock.now)
        score(trial)
    take_look(trial, 1)
    return here


def _new_key(here: Evening, label: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    old = here.trial.history().register.of(label, here.clock())
    revoke_key(here.trial, label, old.fingerprint, "Their laptop was stolen.")
    here.keys[label] = Ed25519PrivateKey.generate()
    register_key(here.trial, label, pem(here.keys[label]), "Instead of the stolen one.")


@pytest.fixture(scope="session")
def found(short):
    """What the short trial has found."""
    from predpol_eval.trial.findings import findings_of

    return findings_of(short.trial)


@pytest.fixture(scope="module")
def no_pictures():
    """Reports without pictures, which take most of the time and have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("predpol_eval.report.illustrations._drawn", lambda *told: ())
        yield


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a report goes."""
    return tmp_path / "report.html"
