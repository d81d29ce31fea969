"""A trial of thirty nights in a made-up town, its submitters with their keys, and a clock that is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from predpol_eval.trial.administration import register_key
from predpol_eval.trial.folder import Trial, lock
from predpol_eval.trial.intake import Taken, receive
from predpol_eval.trial.keys import sign_submission
from predpol_eval.trial.submissions.template import template
from tests.trial.plan.town import PLAN, write_town

FIRST, SECOND = "2018-07-01", "2018-07-02"
# The first deadline is 19:00 by the clock of London, which is an hour ahead in summer.
DEADLINE = datetime(2018, 7, 1, 18, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def set(self, day: int, hour: int, minute: int = 0, second: int = 0, month: int = 7) -> None:
        self.now = datetime(2018, month, day, hour, minute, second, tzinfo=UTC)


class Evening:
    """A locked trial, with a private key for every submitter."""

    def __init__(self, folder: Path, text: str = PLAN) -> None:
        self.clock = Clock(datetime(2018, 6, 1, tzinfo=UTC))
        (folder / "plan").mkdir()
        self.trial = lock(write_town(folder / "plan", text), folder / "trial", clock=self.clock)
        self.keys = {label: Ed25519PrivateKey.generate() for label in self.trial.locked.submitters}
        for label, key in self.keys.items():
            register_key(self.trial, label, pem(key))
        self.clock.set(1, 16)
        self._serial = dict.fromkeys(self.keys, 0)

    def file(self, *nights: str, form: Any = "csv") -> bytes:
        return template(self.trial.locked, self.trial.grid, nights or (FIRST,), form=form)

    def other_file(self, *nights: str) -> bytes:
        """Another valid file: the risks are ten times as high."""
        lines = self.file(*nights).decode().splitlines()
        return "\n".join([lines[0], *(line + "0" for line in lines[1:])]).encode()

    def envelope(self, label: str, data: bytes, *nights: str, **changes: Any) -> bytes:
        self._serial[label] += 1
        asked: dict[str, Any] = {
            "plan": self.trial.locked.sha256,
            "label": label,
            "nights": nights or (FIRST,),
            "serial": self._serial[label],
            "now": self.clock(),
        }
        key = changes.pop("key", self.keys[label])
        return sign_submission(data, key, **{**asked, **changes}).to_bytes()

    def hand_in(self, label: str, data: bytes | None = None, *nights: str) -> Taken:
        content = self.file(*nights) if data is None else data
        return receive(self.trial, content, self.envelope(label, content, *nights), "tonight.csv")

    def again(self) -> Trial:
        """The same trial, opened anew."""
        return Trial(self.trial.folder, self.clock)


def pem(key: Ed25519PrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
