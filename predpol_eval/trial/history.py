"""What the records of a trial add up to: read in their order, nothing is kept that they do not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.trial.keys.register import KeyRegister

if TYPE_CHECKING:
    from predpol_eval.trial.ledger.records import Record

# Outcomes of a submission for one night with which it stands, until a later one does.
STANDING = ("accepted", "supersedes", "identical")
OUTCOMES = (*STANDING, "late", "rejected", "held")


class Receipt(NamedTuple):
    """One file that was taken in.

    Attributes
    ----------
    number : int
        Of its record.
    at : str
        When it was received: written once, and read ever after.
    label : str
    nights : tuple of str
    file, envelope : str
        SHA-256 of the bytes of the file, and of what was signed about it.
    serial : int
    name : str
        Name of the file as it was given, cleaned; decides nothing.
    hash : str
        Of the record: what the submitter keeps.
    amendments : int
        How many amendments were in force when it was received.
    """

    number: int
    at: str
    label: str
    nights: tuple[str, ...]
    file: str
    envelope: str
    serial: int
    name: str
    hash: str
    amendments: int


class Verdict(NamedTuple):
    """What became of a receipt, night by night; blobs of the report of its checks, and of what it predicts.

    `prints` tells, of each night, content that is the same from content that is not.
    """

    number: int
    receipt: int
    nights: Mapping[str, str]
    results: str
    predictions: str | None
    prints: Mapping[str, str]


class Closing(NamedTuple):
    """A night whose deadline has passed: the receipt that stands for each label, if one does, or why none does."""

    number: int
    at: str
    night: str
    standing: Mapping[str, int]
    absent: Mapping[str, str]


@dataclass(slots=True)
class History:
    """The state of a trial after some records; `read` adds those that follow.

    Attributes
    ----------
    register : KeyRegister
    amendments : list of str
        Blobs of the amendments, in their order.
    receipts : dict
        By number.
    verdicts : dict
        By the number of the receipt: the last one, should a held file have been looked at again.
    closings, void : dict
        By night; of a void night its reason.
    missing : dict
        By night and label: why nothing stands, as it was written down before the closing.
    snapshots : list of mapping
        Outcomes, as `Snapshot.record` writes them.
    released : list of str
        Nights for which an extract was given out.
    scores, looks : list of Record
    names : str or None
        SHA-256 of the sealed names.
    last : int
        Number of the last record that was read.
    last_at : str
        Its moment.
    """

    register: KeyRegister = field(default_factory=KeyRegister)
    amendments: list[str] = field(default_factory=list)
    receipts: dict[int, Receipt] = field(default_factory=dict)
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    closings: dict[str, Closing] = field(default_factory=dict)
    void: dict[str, str] = field(default_factory=dict)
    missing: dict[str, dict[str, str]] = field(default_factory=dict)
    snapshots: list[Mapping[str, Any]] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    scores: list[Record] = field(default_factory=list)
    looks: list[Record] = field(default_factory=list)
    names: str | None = None
    last: int = 0
    last_at: str = ""
    _keys: list[Record] = field(default_factory=list)
    _by_envelope: dict[str, int] = field(default_factory=dict)
    _stands: dict[tuple[str, str], int] = field(default_factory=dict)

    def read(self, records: Iterable[Record]) -> History:
        """Go on with the records that follow.

        Raises
        ------
        InputError
            If one is left out, or does not say what its kind has to say.
        """
        for record in records:
            if record.number != self.last + 1:
                raise InputError(
                    f"Record {record.number} follows record {self.last} in what is read of the ledger; verify it, and "
                    "restore a copy."
                )
            try:
                self._take(record)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                if isinstance(error, InputError):
                    raise
                raise InputError(
                    f"Record {record.number} ({record.kind}) does not say what such a record says "
                    f"({type(error).__name__}: {error}); it was written by another program. Verify the ledger."
                ) from error
            self.last, self.last_at = record.number, record.at
        return self

    def copy(self) -> History:
        """The same state, which may be read on by itself."""
        made = copy(self)
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, list | dict):
                setattr(made, part.name, value.copy())
        return made

    @property
    def waiting(self) -> list[Receipt]:
        """Receipts without a verdict, in their order."""
        return [receipt for number, receipt in sorted(self.receipts.items()) if number not in self.verdicts]

    @property
    def held(self) -> list[Receipt]:
        """Receipts whose checks broke: our fault, to be looked at again."""
        return [
            self.receipts[number]
            for number, verdict in sorted(self.verdicts.items())
            if "held" in verdict.nights.values()
        ]

    def standing(self, label: str, night: str, before: int | None = None) -> Receipt | None:
        """Receipt that counts for a label and a night: the last that was accepted; or as it was before a receipt."""
        if before is None:
            found = self._stands.get((label, night))
            return None if found is None else self.receipts[found]
        numbers = [
            number
            for number, verdict in self.verdicts.items()
            if number < before and verdict.nights.get(night) in STANDING and self.receipts[number].label == label
        ]
        return self.receipts[max(numbers)] if numbers else None

    def absence(self, label: str, night: str) -> str:
        """Why nothing stands for a label and a night: ``held``, ``late``, ``rejected`` or ``missing``."""
        outcomes = {
            verdict.nights[night]
            for number, verdict in self.verdicts.items()
            if self.receipts[number].label == label and night in verdict.nights
        }
        return next((word for word in ("held", "late", "rejected") if word in outcomes), "missing")

    def prints(self, label: str, before: int) -> dict[str, str]:
        """What a label predicted before a receipt, night by night: see `Verdict`."""
        found: dict[str, str] = {}
        for number, verdict in sorted(self.verdicts.items()):
            if number < before and self.receipts[number].label == label:
                found.update(verdict.prints)
        return found

    def of_envelope(self, sha256: str) -> Receipt | None:
        """Receipt of the very same envelope, if it was handed in before."""
        found = self._by_envelope.get(sha256)
        return None if found is None else self.receipts[found]

    def last_serial(self, label: str) -> int:
        """Highest serial number that was received from a label, 0 if none was."""
        return max((one.serial for one in self.receipts.values() if one.label == label), default=0)

    def _take(self, record: Record) -> None:
        body = record.body
        if record.kind in ("key", "key revoked"):
            self._keys.append(record)
            self.register = KeyRegister.from_records(self._keys)
        elif record.kind == "amendment":
            self.amendments.append(body["blob"])
        elif record.kind == "receipt":
            receipt = Receipt(
                record.number, record.at, body["label"], tuple(body["nights"]), body["file"], body["envelope"],
                int(body["serial"]), body["name"], record.hash, len(self.amendments),
            )  # fmt: skip
            self.receipts[record.number] = receipt
            self._by_envelope[receipt.envelope] = record.number
        elif record.kind == "verdict":
            self._judge(record)
        elif record.kind == "closed":
            closing = Closing(record.number, record.at, body["night"], dict(body["standing"]), dict(body["absent"]))
            # What was said first holds; a second one, which nothing here writes, is named by whoever verifies.
            self.closings.setdefault(closing.night, closing)
        elif record.kind == "missing":
            self.missing.setdefault(body["night"], {})[body["label"]] = body["why"]
        elif record.kind == "void":
            self.void = dict.fromkeys(body["nights"], body["reason"]) | self.void
        elif record.kind == "snapshot":
            self.snapshots.append(body["snapshot"])
        elif record.kind == "release":
            self.released.append(body["night"])
        elif record.kind == "score":
            self.scores.append(record)
        elif record.kind == "look":
            self.looks.append(record)
        elif record.kind == "names sealed":
            self.names = body["sha256"]

    def _judge(self, record: Record) -> None:
        body = record.body
        receipt = self.receipts[body["receipt"]]
        nights = dict(body["nights"])
        if set(nights) != set(receipt.nights) or not set(nights.values()) <= set(OUTCOMES):
            raise ValueError(f"outcomes {nights} of a receipt for {', '.join(receipt.nights)}")
        before = self.verdicts.get(receipt.number)
        if before is not None and "held" not in before.nights.values():
            raise ValueError(f"a second verdict on receipt {receipt.number}")
        self.verdicts[receipt.number] = Verdict(
            record.number, receipt.number, nights, body["results"], body["blob"], dict(body["prints"])
        )
        for night, outcome in nights.items():
            place = receipt.label, night
            if outcome in STANDING and receipt.number > self._stands.get(place, 0):
                self._stands[place] = receipt.number
