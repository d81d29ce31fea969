"""What a check of the ledger found: one sentence for each thing that is not as it was written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be.

    Parameters
    ----------
    record : int or None
        Number of the record; None where it is about the file as a whole.
    what : str
        Which field or part: ``"body"``, ``"previous"``, ``"record"``, ``"triggers"``, ``"head of 2018-07-01"``...
    found, expected : str
        In words.

    Examples
    --------
    >>> str(Difference(12, "record", "none", "one: it was deleted"))
    'Record 12, record: found none, expected one: it was deleted.'
    """

    record: int | None
    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        where = "The ledger" if self.record is None else f"Record {self.record}"
        return f"{where}, {self.what}: found {self.found}, expected {self.expected}."


def in_order(differences: list[Difference]) -> list[Difference]:
    """The first record first; what is about the file as a whole comes last. Each is told once."""
    once = list(dict.fromkeys(differences))
    return sorted(once, key=lambda one: (one.record is None, one.record or 0))
