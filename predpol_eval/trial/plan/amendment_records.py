"""What an amendment is: which keys it changes, from which night on, when it was made, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_moment, utc_text
from predpol_eval.trial.plan.nights import Night

SCHEMA = "predpol_eval.amendment/1"
MOST_BYTES = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key before and after.

    Attributes
    ----------
    table, key : str
    old, new : object
        In the form in which values are kept.
    """

    table: str
    key: str
    old: Any
    new: Any

    def in_words(self) -> str:
        """Say what changes."""
        return f"[{self.table}] {self.key} from {_told(self.old)} to {_told(self.new)}"


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A dated change of a plan.

    Attributes
    ----------
    number : int
        From 1.
    plan : str
        Hash of the plan that it changes, with all amendments before it.
    at : datetime
    reason : str
    changes : tuple of Change
    night : str
        The first night for which it holds.
    number_from : int
        The number of that night.
    nights : tuple of Night
        Those whose moments it moves, as they are after it.
    zones : str
        Version of the time zone database by which they were worked out.
    """

    number: int
    plan: str
    at: datetime
    reason: str
    changes: tuple[Change, ...]
    night: str
    number_from: int
    nights: tuple[Night, ...]
    zones: str

    def to_bytes(self) -> bytes:
        """Canonical form, for the ledger."""
        changes = [{"table": one.table, "key": one.key, "old": one.old, "new": one.new} for one in self.changes]
        return canonical_json(
            {
                "schema": SCHEMA,
                "number": self.number,
                "plan": self.plan,
                "at": utc_text(self.at),
                "reason": self.reason,
                "changes": changes,
                "night": self.night,
                "number_from": self.number_from,
                "nights": [night.to_dict() for night in self.nights],
                "zones": self.zones,
            }
        )

    @property
    def sha256(self) -> str:
        """Hash of its canonical form."""
        return sha256_of(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> Amendment:
        """Read what `to_bytes` gave.

        Raises
        ------
        InputError
            If it is anything else.
        """
        wrong = InputError(f"These bytes are no amendment that this version can read (schema {SCHEMA!r}).")
        if len(data) > MOST_BYTES:
            raise wrong
        try:
            told = json.loads(data)
            if told.pop("schema") != SCHEMA:
                raise wrong
            made = cls(
                **told
                | {
                    "at": utc_moment(told["at"]),
                    "changes": tuple(Change(**one) for one in told["changes"]),
                    "nights": tuple(map(Night.from_dict, told["nights"])),
                }
            )
            same = made.to_bytes() == data and made._is_plain()
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise wrong from error
        if not same:
            raise wrong
        return made

    def _is_plain(self) -> bool:
        """Whether every part is of its kind."""
        texts = [self.plan, self.reason, self.night, self.zones, *(one.table for one in self.changes)]
        numbers = [self.number, self.number_from]
        return (
            all(isinstance(text, str) for text in [*texts, *(one.key for one in self.changes)])
            and all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
        )  # fmt: skip

    def in_words(self) -> str:
        """Say what it changes, from when on, and why."""
        changes = "; ".join(one.in_words() for one in self.changes)
        return (
            f"Amendment {self.number} of {utc_text(self.at)[:16]}Z, from the night {self.night} on: {changes}. "
            f"Reason: {self.reason}"
        )
