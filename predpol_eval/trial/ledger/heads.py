"""The head of a night: a page for the vendors to keep, against which the ledger can be checked ever after."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_moment
from predpol_eval.trial.ledger.differences import Difference
from predpol_eval.trial.ledger.ledger import Ledger
from predpol_eval.trial.ledger.records import Record, is_hash, shown
from predpol_eval.trial.placing import place_new

LARGEST_HEAD = 65_536  # bytes
_MARK = "predpol_eval.head/1"
_NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Head:
    """The last record of the ledger as it was after a night.

    Parameters
    ----------
    number : int
        Of the record.
    hash : str
        Of the record; it stands for all records up to this one.
    at : str
        Moment of the record, in UTC.
    plan : str or None
        SHA-256 of the plan in force, from the ledger's last record of kind ``"plan"``.
    night : str
        For instance ``"2018-07-01"``.
    """

    number: int
    hash: str
    at: str
    plan: str | None
    night: str

    def __post_init__(self) -> None:
        wrong = [f"{name} is {shown(getattr(self, name))}" for name, right in _right(self).items() if not right]
        if wrong:
            raise InputError(f"This is no head of a ledger: {'; '.join(wrong)}. Take the one that was handed out.")


def head_of(ledger: Ledger, night: str) -> Head:
    """The head of a ledger as it is now."""
    last = ledger.head
    return Head(last.number, last.hash, last.at, _plan_at(ledger, last.number), night)


def export_head(ledger: Ledger, where: str | Path, night: str) -> Path:
    """Write the head of a ledger as a page of text.

    Parameters
    ----------
    ledger : Ledger
    where : path
        A folder, or the file to write. A file that is there already is left alone, unless it is the same.
    night : str
        After which it is taken: ``"2018-07-01"``.

    Returns
    -------
    path
        The file; in a folder it is named by night and record.

    Raises
    ------
    InputError
        If the night is no date, or the file cannot be written or is another one.
    """
    head = head_of(ledger, night)
    place = Path(where)
    try:
        path = place / f"head-{head.night}-record-{head.number}.txt" if place.is_dir() else place
        content = head_text(head).encode()
        if not place_new(path.absolute().parent, path, content):
            with path.open("rb") as handle:
                same = handle.read(len(content) + 1) == content
            if not same:
                raise InputError(f"There is another file {path.name!r} already; give another name, or a folder.")
    except OSError as error:
        raise InputError(
            f"The head cannot be written to {str(place)!r} ({error}); make room, or give another place."
        ) from error
    return path


def head_text(head: Head) -> str:
    """The page: for a person to read and print, with one line for `read_head` at its end."""
    line = canonical_json(asdict(head))
    return f"""Head of the ledger after the night of {head.night}

  records   {head.number}
  last one  {head.at} (UTC)
  hash      {_in_groups(head.hash)}
  plan      {"none" if head.plan is None else _in_groups(head.plan)}

Keep this page. The hash stands for all records up to number {head.number}: if any of them is
changed, removed or slipped in between, the ledger no longer agrees with it. To check, give
this file to `predpol-eval trial verify`.

{_MARK} {sha256_of(line)[:16]} {line.decode()}
"""


def read_head(data: bytes) -> Head:
    """Read the page of a head, as it came back from whoever kept it.

    Lines may have been wrapped anew, and there may be text before and after; the page itself may not have changed.

    Raises
    ------
    InputError
        If it is no such page, was mistyped, or what a person reads on it is not what its last line says.
    """
    if not isinstance(data, bytes):
        raise InputError(f"Expected bytes, found {type(data).__name__}; give the content of the file.")
    if len(data) > LARGEST_HEAD:
        raise InputError(f"A head has at most {LARGEST_HEAD} bytes, found {len(data)}; take the one handed out.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("This is no head of a ledger: it is no UTF-8 text; take the one handed out.") from error
    # By words, not by lines: on its way a page may have been wrapped anew.
    words = text.split()
    if words.count(_MARK) != 1:
        raise InputError(
            f"A head of a ledger has {_MARK!r} on it once, found {words.count(_MARK)} times; take the one handed out."
        )
    check, line = [*words[words.index(_MARK) + 1 :], "", ""][:2]
    if sha256_of(line.encode())[:16] != check:
        raise InputError(
            "The last line of this head was changed since it was handed out (its check does not fit); take the one "
            "handed out."
        )
    head = _head_from(line)
    if " ".join(head_text(head).split()) not in " ".join(words):
        raise InputError(
            "The page of this head and its last line say different things: it was changed since it was handed out; "
            "take the one handed out."
        )
    return head


def check_head(ledger: Ledger, head: Head) -> list[Difference]:
    """Whether a head is still one of this ledger's chain; walks all records up to it.

    Returns
    -------
    list of Difference
        Empty if so.

    Raises
    ------
    InputError
        If a record on the way is not as it was written; then `verify_chain` says what is wrong.
    """
    last: Record | None = None
    plan = None
    for last in ledger.records(until=head.number + 1):
        plan = _plan_of(last) or plan
    if last is None or last.number < head.number:
        return [cut_off(0 if last is None else last.number, head)]
    return compare_head(head, last.hash, last.at, plan)


def compare_head(head: Head, found: str, at: object, plan: str | None, agrees: int = 0) -> list[Difference]:
    """Compare a head with the record that bears its number.

    Parameters
    ----------
    head : Head
    found, at
        The record's hash and moment.
    plan : str or None
        SHA-256 of the plan in force then.
    agrees : int
        Number of the last record that agrees with an older head.
    """
    what = f"head of {head.night}"
    if found != head.hash:
        since = f"after record {agrees}" if agrees else "from some record on"
        wanted = f"{head.hash} as handed out: the chain was rewritten {since}, at this record at the latest"
        return [Difference(head.number, what, f"hash {found}", wanted)]
    if (at, plan) != (head.at, head.plan):
        wanted = f"{head.at} and {head.plan}: this page was never handed out, or the record was edited"
        return [Difference(head.number, what, f"moment {shown(at)} and plan {plan} in the ledger", wanted)]
    return []


def cut_off(last: int, head: Head) -> Difference:
    """The difference of a head whose record is not there any more."""
    return Difference(
        head.number,
        f"head of {head.night}",
        f"no such record, the last is {last}",
        f"the record of hash {head.hash} as handed out: the tail of the ledger was cut off",
    )


def plan_in(body: dict[str, Any]) -> str | None:
    """SHA-256 of the plan that a record of kind ``"plan"`` holds."""
    found = body.get("sha256")
    return found if is_hash(found) else None


def _head_from(line: str) -> Head:
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or set(found) != {field.name for field in fields(Head)}:
            raise InputError("This is no head of a ledger: its last line has other fields; take the one handed out.")
        if canonical_json(found) != line.encode():
            raise InputError("This is no head of a ledger: its last line is not as written; take the one handed out.")
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"This is no head of a ledger: its last line is no JSON ({error}).") from error
    return Head(**found)


def _right(head: Head) -> dict[str, bool]:
    return {
        "number": isinstance(head.number, int) and not isinstance(head.number, bool) and 1 <= head.number < 2**63,
        "hash": is_hash(head.hash),
        "at": _reads(utc_moment, head.at),
        "plan": head.plan is None or is_hash(head.plan),
        "night": isinstance(head.night, str)
        and _NIGHT.fullmatch(head.night) is not None
        and _reads(date.fromisoformat, head.night),
    }


def _reads(reader: Any, text: Any) -> bool:
    try:
        reader(text)
    except (ValueError, TypeError):
        return False
    return True


def _plan_at(ledger: Ledger, number: int) -> str | None:
    plan = None
    for record in ledger.records(kind="plan", until=number + 1):
        plan = _plan_of(record) or plan
    return plan


def _plan_of(record: Record) -> str | None:
    return plan_in(record.body) if record.kind == "plan" else None


def _in_groups(digits: str) -> str:
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))
