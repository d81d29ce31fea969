"""A trial of eight nights with a record of every kind, small enough to be made again for every proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from predpol_eval.errors import InputError
from predpol_eval.trial.administration import amend_plan, register_key, revoke_key, seal
from predpol_eval.trial.closing import declare_void, keep_head
from predpol_eval.trial.data_exchange import release_night
from predpol_eval.trial.intake import judge, receive
from predpol_eval.trial.keys import fingerprint
from predpol_eval.trial.ledger import Head, read_head
from predpol_eval.trial.look_records import take_look
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.scoring.nightly import score
from tests.trial.evenings import pem
from tests.trial.plan.town import changed
from tests.trial.scoring.nights import MID, SOUTH, TIED, Nights, drawn, listed, random_crimes, rectangle

PLAN = changed(("number = 30", "number = 8"), ("looks = [10, 20, 30]", "looks = [3, 8]"))
CRIMES = random_crimes(11, "2018-06-01", 45, 700)
SECRET = bytes(range(32))
NAMES = {"A": "Alpha Ltd", "B": "Beta plc", "C": "Gamma GmbH"}
# Four weeks after some nights, and after all of them.
PART, WHOLE = datetime(2018, 8, 2, 12, tzinfo=UTC), datetime(2018, 8, 20, 12, tzinfo=UTC)
VOID, MISSED, REVOKED = 4, 2, 6


def files_of(number: int, night: str) -> dict[str, bytes]:
    """What each submitter hands in for a night."""
    found = {
        "A": listed(TIED, night=night),
        "in-house": listed([(MID, 2, 1.0), (SOUTH, 1, 0.5)], night=night),
        "C": drawn([rectangle(0, 0, 125, 125)], night=night),
    }
    if number != MISSED:
        found["B"] = listed([(SOUTH + 3, 0, 1.0), (MID, 1, 0.5)], night=night)
    return found


def evenings(nights: Nights, heads: Path | None = None) -> Nights:
    """All evenings up to the last deadline: submissions of every outcome, closings, records of the office."""
    trial = nights.trial
    seal(trial, NAMES, "correct horse")
    for number, name in enumerate(nights.names(8)):
        nights.clock.set(1 + number, 16)
        release_night(trial, CRIMES.known_at(utc64(nights.clock(), "at")), name, SECRET)
        for label, data in files_of(number, name).items():
            nights.hand_in(label, data, name)
        if number == 0:
            # A second file of A supersedes the first, a third says the same; what B means to hand in late comes late.
            again = listed([*TIED[:-1], (MID, 0, 2.0)], night=name)
            nights.hand_in("A", again, name)
            nights.hand_in("A", again, name)
            nights.hand_in("B", b"neither table nor polygons", name)
            for signed in (None, nights.envelope("A", again, name, key=nights.keys["B"])):
                try:
                    receive(trial, again, signed)
                except InputError:
                    continue
            nights.clock.set(1, 18, 30)
            nights.hand_in("B", listed(TIED, night=name), name)
        elif number == 1:
            amend_plan(trial, {"nights": {"deadline": "19:30"}}, "vendors asked for half an hour")
        elif number == VOID:
            declare_void(trial, [name], "our server was down")
        elif number == REVOKED:
            revoke_key(trial, "C", fingerprint(nights.keys["C"].public_key()), "a laptop was stolen")
            nights.keys["C"] = Ed25519PrivateKey.generate()
            register_key(trial, "C", pem(nights.keys["C"]), "a new laptop")
        judge(trial)
        nights.close(name)
        if heads is not None:
            keep_head(trial, heads, name)
    return nights


def whole_trial(folder: Path, heads: Path | None = None) -> Nights:
    """The trial to its end: evenings, two snapshots, provisional and settled scores, both looks."""
    nights = evenings(Nights(folder, PLAN), heads)
    nights.keep(CRIMES, PART)
    score(nights.trial)
    take_look(nights.trial, 1)
    nights.keep(CRIMES, WHOLE)
    score(nights.trial)
    take_look(nights.trial, 2)
    if heads is not None:
        keep_head(nights.trial, heads, nights.names(8)[-1])
    return nights


def heads_in(folder: Path) -> list[Head]:
    return [read_head(path.read_bytes()) for path in sorted(folder.glob("head-*.txt"))]


def bodies(nights: Nights, kind: str) -> list[dict[str, Any]]:
    """Bodies of all records of a kind."""
    with nights.trial.ledger(read_only=True) as ledger:
        return [record.body for record in ledger.records(kind)]


def later(moment: datetime, **by: float) -> datetime:
    return moment + timedelta(**by)
