"""What somebody might do to a trial after the fact, each on a copy, with the record and field that has to be named."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from predpol_eval.trial.administration import NAMES
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.keys import seal_names
from predpol_eval.trial.ledger import Head, Record
from tests.trial.proofs.small_trial import heads_in, whole_trial
from tests.trial.proofs.tampering import copy_of, edited, records_of, spoil_blob, with_part, write_anew


@dataclass(frozen=True)
class Ended:
    """The trial that is over, its records, and the heads that a vendor kept."""

    trial: Trial
    records: tuple[Record, ...]
    heads: tuple[Head, ...]
    kept: Path

    def one(self, kind: str, which: int = 0) -> Record:
        return [record for record in self.records if record.kind == kind][which]

    def late(self) -> Record:
        """The receipt of a file that came late."""
        verdicts = [record for record in self.records if record.kind == "verdict"]
        found = next(record for record in verdicts if "late" in record.body["nights"].values())
        return self.records[found.body["receipt"] - 1]


class Done(NamedTuple):
    """A copy that was spoiled, what to verify it against, and what has to be named first."""

    trial: Trial
    record: int
    field: str
    heads: Sequence[Head] = ()


Spoil = Callable[[Ended, Path], Done]


def ended_trial(folder: Path) -> Ended:
    kept = folder / "heads"
    kept.mkdir()
    trial = whole_trial(folder / "run", kept).trial
    return Ended(trial, tuple(records_of(trial)), tuple(heads_in(kept)), kept)


def by_hand(trial: Trial, statement: str, *values: Any) -> None:
    """Change the database as somebody would who knows how: without the triggers, which are put back."""
    connection = sqlite3.connect(trial.folder / LEDGER)
    with connection:
        kept = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in kept:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement, values)
        for _, text in kept:
            connection.execute(text)
    connection.close()


# In the files, where hashes do not fit any more ---------------------------------------------------------------


def flipped_byte(ended: Ended, place: Path) -> Done:
    copy, record = copy_of(ended.trial, place), ended.one("closed")
    path, text = copy.folder / LEDGER, canonical_json(record.body)
    content = bytearray(path.read_bytes())
    content[content.find(text) + len(text) // 2] ^= 1
    path.write_bytes(content)
    return Done(copy, record.number, "body")


def deleted_row(ended: Ended, place: Path) -> Done:
    copy, record = copy_of(ended.trial, place), ended.one("closed", 2)
    by_hand(copy, "DELETE FROM record WHERE number = ?", record.number)
    return Done(copy, record.number, "record")


def tail_cut_off(ended: Ended, place: Path) -> Done:
    copy, (last, lost) = copy_of(ended.trial, place), ended.heads[3:5]
    by_hand(copy, "DELETE FROM record WHERE number > ?", last.number)
    return Done(copy, lost.number, f"head of {lost.night}", ended.heads)


def dated_back(ended: Ended, place: Path) -> Done:
    copy, record = copy_of(ended.trial, place), ended.late()
    by_hand(copy, "UPDATE record SET at = ? WHERE number = ?", record.at.replace("T18:30", "T17:59"), record.number)
    return Done(copy, record.number, "kind, at or body")


def swapped_blob(ended: Ended, place: Path) -> Done:
    copy, record = copy_of(ended.trial, place), ended.one("receipt", 3)
    spoil_blob(copy, record.body["file"], copy.blobs.get(ended.one("receipt").body["file"]))
    return Done(copy, record.number, "file")


def names_swapped(ended: Ended, place: Path) -> Done:
    copy = copy_of(ended.trial, place)
    (copy.folder / NAMES).write_bytes(
        seal_names({"A": "Beta plc", "B": "Alpha Ltd", "C": "Gamma GmbH"}, "another horse")
    )
    return Done(copy, ended.one("names sealed").number, "sha256")


# Written anew as a whole, so that every hash is right again ----------------------------------------------------


def anew(kind: str, which: int, path: Sequence[str | int], value: Any, field: str) -> Spoil:
    """One part of one record is another."""

    def spoil(ended: Ended, place: Path) -> Done:
        record = ended.one(kind, which)
        return Done(write_anew(ended.trial, place, edited(record.number, path, value)), record.number, field)

    return spoil


def left_out(kind: str, which: int = 0) -> Callable[[Ended, Path], Trial]:
    """One record is left out."""

    def spoil(ended: Ended, place: Path) -> Trial:
        number = ended.one(kind, which).number
        return write_anew(ended.trial, place, lambda record: None if record.number == number else record)

    return spoil


def key_removed(ended: Ended, place: Path) -> Done:
    copy = left_out("key")(ended, place)
    # Its first receipt, whose number is one less now, was signed with a key that nobody knows.
    label = ended.one("key").body["label"]
    first = next(one for one in ended.records if one.kind == "receipt" and one.body["label"] == label)
    return Done(copy, first.number - 1, "receipt")


def missing_row_removed(ended: Ended, place: Path) -> Done:
    night = ended.one("missing").body["night"]
    closed = next(one for one in ended.records if one.kind == "closed" and one.body["night"] == night)
    return Done(left_out("missing")(ended, place), closed.number - 1, "absent")


def void_moved(ended: Ended, place: Path) -> Done:
    """The night that was void counts, and another does not: so their scores are others."""
    void = ended.one("void")
    scored = next(one for one in ended.records if one.kind == "score" and one.body["night"] in void.body["nights"])
    return Done(write_anew(ended.trial, place, edited(void.number, ["nights"], ["2018-07-06"])), scored.number, "")


def chain_against_head(ended: Ended, place: Path) -> Done:
    """Under the name of a file, which decides nothing: the chain is sound, and all can be made again."""
    record = ended.one("receipt", 5)
    copy = write_anew(ended.trial, place, edited(record.number, ["name"], "another.csv"))
    head = ended.heads[1]
    return Done(copy, head.number, f"head of {head.night}", ended.heads[1:])


def dated_back_anew(ended: Ended, place: Path) -> Done:
    """Receipt, verdict and closing alike say that the late file was in time: only who kept a head knows."""
    late = ended.late()
    (night,) = late.body["nights"]
    verdict = next(one for one in ended.records if one.kind == "verdict" and one.body["receipt"] == late.number)
    closed = next(one for one in ended.records if one.kind == "closed" and one.body["night"] == night)
    changes = {
        late.number: replace(late, at=ended.records[late.number - 2].at),
        verdict.number: replace(verdict, body=with_part(verdict.body, ["nights", night], "supersedes")),
        closed.number: replace(closed, body=with_part(closed.body, ["standing", late.body["label"]], late.number)),
    }
    head = ended.heads[0]
    # Only up to the head of that night: the scores that follow would be others.
    copy = write_anew(
        ended.trial, place, lambda one: changes.get(one.number, one) if one.number <= head.number else None
    )
    return Done(copy, head.number, f"head of {head.night}", ended.heads[:1])


def score_edited(ended: Ended, place: Path) -> Done:
    """A vendor has caught a crime more: the content of the score is another, and so is the hash in its record."""
    record = ended.one("score", -1)
    content = json.loads(ended.trial.blobs.get(record.body["blob"]))
    row = next(row for row in content["rows"] if row["forecaster"] == "A" and row["kind"] == "burglary")
    row["caught"]["hits"][0] += 1.0
    name = ended.trial.blobs.put(canonical_json(content))
    copy = write_anew(ended.trial, place, edited(record.number, ["blob"], name))
    return Done(copy, record.number, "rows of A, burglary, caught, hits number 1")


def look_edited(ended: Ended, place: Path) -> Done:
    """What a look found is another."""
    record = ended.one("look")
    content = json.loads(ended.trial.blobs.get(record.body["blob"]))
    content["pairs"][0]["found"] = True
    name = ended.trial.blobs.put(canonical_json(content))
    return Done(write_anew(ended.trial, place, edited(record.number, ["blob"], name)), record.number, "blob")


def snapshot_swapped(ended: Ended, place: Path) -> Done:
    """The crimes of another snapshot stand under the first one."""
    first, second = ended.one("snapshot"), ended.one("snapshot", 1)
    copy = write_anew(ended.trial, place, edited(first.number, ["blob"], second.body["blob"]))
    return Done(copy, first.number, "")


QUICK: dict[str, Spoil] = {
    "one byte of the ledger is flipped": flipped_byte,
    "a row is deleted": deleted_row,
    "the tail is cut off": tail_cut_off,
    "a receipt is dated back": dated_back,
    "a blob is swapped for another": swapped_blob,
    "the whole chain is written anew": chain_against_head,
    "the plan is another": anew("plan", 0, ["sha256"], "0" * 64, "plan"),
    "a score is edited": score_edited,
}
SLOW: dict[str, Spoil] = {
    "a receipt is dated back, and all that follows from it": dated_back_anew,
    "the sealed names are swapped": names_swapped,
    "the name of the plan": anew("plan", 0, ["name"], "Another trial", "name"),
    "an amendment": anew("amendment", 0, ["reason"], "because", "reason"),
    "a key": anew("key", 0, ["public"], "0" * 64, "key"),
    "a key is removed": key_removed,
    "a receipt is another's": anew("receipt", 0, ["label"], "B", "label"),
    "a receipt is for another night": anew("receipt", 0, ["nights"], ["2018-07-02"], "nights"),
    "a verdict": anew("verdict", -1, ["nights", "2018-07-08"], "late", "nights"),
    "who is missing": anew("missing", 0, ["why"], "late", "why"),
    "a missing night is removed": missing_row_removed,
    "a closing": anew("closed", 0, ["standing", "B"], 11_000, "standing"),
    "a void night is another": void_moved,
    "a snapshot's number of crimes": anew("snapshot", 0, ["snapshot", "crimes"], 701, "snapshot, crimes"),
    "a snapshot's crimes": snapshot_swapped,
    "a provisional score called settled": anew("score", 3, ["settled"], True, "settled"),
    "a look's nights": anew("look", 0, ["settled"], 4, "settled"),
    "what a look found": look_edited,
    "the hash of the sealed names": anew("names sealed", 0, ["sha256"], "0" * 64, "sha256"),
}
# What no plan and no file can be asked about, whoever writes the chain anew: a head that was kept tells.
ONLY_HEADS = {
    ("key", "reason"), ("key revoked", "reason"), ("receipt", "name"), ("void", "reason"), ("snapshot", "forced"),
    ("release", "night"), ("release", "sha256"), ("release", "crimes"), ("release", "left_out"), ("release", "told"),
    ("refused", "code"), ("refused", "reason"), ("refused", "submitted"), ("refused", "signed"),
}  # fmt: skip
