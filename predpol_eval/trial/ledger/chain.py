"""A walk along the chain of records that goes on where something is wrong, and says what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment
from predpol_eval.trial.ledger.blame import Row, Search, changed_content
from predpol_eval.trial.ledger.differences import Difference
from predpol_eval.trial.ledger.heads import Head, compare_head, cut_off, plan_in
from predpol_eval.trial.ledger.records import (
    NO_RECORD,
    is_hash,
    is_kind,
    named_blobs,
    parsed_body,
    printable,
    shown,
    wrong_names,
)

_MOST_GAPS = 100  # missing numbers that a later row is tried under


class Walk:
    """Takes the rows of the ledger one after the other.

    Parameters
    ----------
    heads : sequence of Head
        To compare with.

    Attributes
    ----------
    differences : list of Difference
    blobs : dict
        Of every SHA-256 that a record names: the first record, its key, and how many records name it.
    """

    def __init__(self, heads: Sequence[Head] = ()) -> None:
        self.differences: list[Difference] = []
        self.blobs: dict[str, tuple[int, str, int]] = {}
        self.last: Row | None = None
        self._heads = sorted(heads, key=lambda head: head.number)
        self._kinds: set[str] = set()
        self._search = Search()
        self._doubtful = False  # whether the last row's hash does not fit its content
        self._latest: tuple[str, int] | None = None  # the latest moment so far, and whose
        self._plan: str | None = None
        self._sure = True  # whether all so far is as written, so that the plan is the one in force
        self._numbers = {head.number for head in heads}
        self._met: dict[int, tuple[str, tuple[str, str | None] | None]] = {}  # hash, and moment and plan
        self._unread: set[int] = set()
        self._gaps: list[int] = []
        self._forms_told: list[Difference] = []

    def unreadable(self, number: int, why: str) -> None:
        """Go past a record that cannot be read."""
        self._unread.add(number)
        self._tell(number, "record", f"one that cannot be read ({printable(why)})", "a record")

    def take(self, row: Row) -> None:
        """Look at the next row."""
        expected = 1 if self.last is None else self.last.number + 1
        if row.number != expected and row.own_hash(number=expected) == row.hash:
            self._tell(expected, "number", f"{row.number}", f"{expected}, as the hash of the record tells")
            row = replace(row, number=expected)
        if row.number < expected:
            self._tell(row.number, "number", f"{row.number} behind {expected - 1}", f"{expected}")
            return
        own = row.own_hash()
        fits = own is not None and own == row.hash
        if not fits and self._belongs_before(row):
            return
        if row.number > expected:
            self._missing(expected, row.number)
        link = None if row.number > expected else NO_RECORD if self.last is None else self.last.hash
        if self._doubtful and self.last is not None:
            self._settle(self.last, None if link is None else row.previous)
        if link is not None and row.previous != link:
            self._broken_link(row, link, fits)
            # Where `previous` alone was changed, that is all that is wrong with the record.
            fits = fits or row.own_hash(previous=link) == row.hash
        self._doubtful = not fits
        self._sure = self._sure and fits and link is not None
        self._forms(row)
        if row.number in self._numbers:
            kept = row.hash if is_hash(row.hash) else shown(row.hash)
            self._met[row.number] = (kept, (row.at, self._plan) if self._sure else None)
        self.last = row

    def end(self) -> list[Difference]:
        """Look at the last row once more, compare the heads, and give all differences."""
        if self.last is None:
            self._tell(None, "records", "none", "one at least")
        elif self._doubtful:
            told = next((head.hash for head in self._heads if head.number == self.last.number), None)
            self._settle(self.last, told)
        last, agrees = 0 if self.last is None else self.last.number, 0
        for head in self._heads:
            if head.number in self._met:
                kept, others = self._met[head.number]
                found = compare_head(head, kept, *(others or (head.at, head.plan)), agrees)
                agrees = agrees if found else head.number
                self.differences += found
            elif head.number > last and head.number not in self._unread:
                self.differences.append(cut_off(last, head))
        # Where it is known what stood in a field, it need not be said that it has not the right form.
        known = {(one.record, one.what) for one in self.differences}
        self.differences += [one for one in self._forms_told if (one.record, one.what) not in known]
        return self.differences

    def _belongs_before(self, row: Row) -> bool:
        """Whether a row is one that is missing further before."""
        for number in self._gaps:
            if row.own_hash(number=number) == row.hash:
                self._tell(number, "number", f"{row.number}", f"{number}, as the hash of the record tells")
                return True
        return False

    def _missing(self, expected: int, number: int) -> None:
        # Among more numbers than were unreadable there is one that was not.
        within = range(expected, min(number, expected + len(self._unread) + 1))
        missing = next((one for one in within if one not in self._unread), None)
        if missing is not None:
            until = "" if missing == number - 1 else f" to {number - 1}"
            self._tell(missing, "record", "none", f"record {missing}{until}: deleted, or its number was changed")
            self._gaps += range(missing, min(number, missing + _MOST_GAPS - len(self._gaps)))

    def _broken_link(self, row: Row, link: str, fits: bool) -> None:
        if not fits and row.own_hash(previous=link) == row.hash:
            self._tell(row.number, "previous", shown(row.previous), f"{link}, as the hash of the record tells")
        elif self.last is None:
            self._tell(row.number, "previous", shown(row.previous), f"{NO_RECORD}, for it is the first")
        elif not self._doubtful and fits:
            self._tell(
                self.last.number,
                "hash",
                f"{shown(self.last.hash)}, which fits what the record holds now",
                f"{shown(row.previous)}, as record {row.number} tells: the record was written anew",
            )
        elif self._doubtful and self.last.own_hash() == row.previous:
            return  # the hash alone of the record before was changed, which has been told
        else:
            self._tell(row.number, "previous", shown(row.previous), f"{shown(link)}, the hash of the record before")

    def _settle(self, row: Row, told: str | None) -> None:
        """Say which part of a row is wrong whose hash does not fit, given what the next row holds to be its hash."""
        own = row.own_hash()
        if own is not None and (own == told or (told is None and _one_off(own, row.hash))):
            self._tell(row.number, "hash", shown(row.hash), f"{own}, the hash of what the record holds")
            return
        self.differences.append(changed_content(row, self._latest, self._kinds, self._search))

    def _forms(self, row: Row) -> None:
        if is_kind(row.kind):
            # Only kinds of records that are as written: others are no candidates for what stood there.
            self._kinds |= set() if self._doubtful else {row.kind}
        else:
            self._ill_formed(row.number, "kind", shown(row.kind), "small letters, digits, blanks and hyphens")
        for name in ("previous", "hash"):
            if not is_hash(getattr(row, name)):
                self._ill_formed(row.number, name, shown(getattr(row, name)), "64 hexadecimal digits")
        try:
            utc_moment(row.at)
        except InputError:
            self._ill_formed(row.number, "at", shown(row.at), "a moment like 2018-07-01T18:00:00.000000Z")
        else:
            if self._latest is not None and row.at < self._latest[0]:
                if not self._doubtful:
                    self._ill_formed(
                        row.number, "at", row.at, f"not before {self._latest[0]} of record {self._latest[1]}"
                    )
            else:
                self._latest = (row.at, row.number)
        try:
            body = parsed_body(row.body)
        except InputError as error:
            self._ill_formed(
                row.number, "body", f"{shown(row.body)}: {printable(error)}", "a JSON object in canonical form"
            )
            return
        if row.kind == "plan":
            self._plan = plan_in(body) or self._plan
        for wrong in wrong_names(body):
            self._ill_formed(row.number, "body", wrong, "a SHA-256, for it names a blob")
        for key, name in named_blobs(body):
            number, first, times = self.blobs.get(name, (row.number, key, 0))
            self.blobs[name] = (number, first, times + 1)

    def _ill_formed(self, record: int, what: str, found: str, expected: str) -> None:
        self._forms_told.append(Difference(record, what, found, expected))

    def _tell(self, record: int | None, what: str, found: str, expected: str) -> None:
        self.differences.append(Difference(record, what, found, expected))


def _one_off(own: str, found: object) -> bool:
    """Whether two hashes differ in one character: a byte of the hash itself was flipped."""
    return (
        isinstance(found, str) and len(found) == len(own) and sum(a != b for a, b in zip(own, found, strict=True)) == 1
    )
