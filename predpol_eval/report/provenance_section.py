"""Hashes, versions and dated records: what anybody needs who wants to make this report again, or to doubt it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.report.blocks import Block, Code, Facts, Row, Section, Table, Words, folded, words
from predpol_eval.report.numbers_told import counted
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_text

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.outcomes.snapshots import Snapshot

_LONG = 12


class Kept(NamedTuple):
    """What the ledger says besides: rows of tables, and the hash of the sealed names."""

    snapshots: tuple[tuple[str, ...], ...]
    keys: tuple[tuple[str, ...], ...]
    looks: tuple[tuple[str, ...], ...]
    names: str


def kept_in(trial: Trial, findings: Findings) -> Kept:
    """Read what the ledger says up to the last record of the findings.

    Raises
    ------
    InputError
        If the findings are not of this trial.
    """
    snapshots, keys, looks, names, last = [], [], [], "", ""
    with trial.ledger(read_only=True) as ledger:
        for record in ledger.records(until=findings.records + 1):
            body, at = record.body, _minute(record.at)
            last = record.hash
            if record.kind == "snapshot":
                told = body["snapshot"]
                snapshots.append((_minute(told["taken_at"]), f"{told['crimes']:,}", told["forced"] or "", told["blob"]))
            elif record.kind == "key":
                keys.append((at, body["label"], "registered", body["reason"], body["fingerprint"]))
            elif record.kind == "key revoked":
                keys.append((at, body["label"], "revoked", body["reason"], body["fingerprint"]))
            elif record.kind == "look":
                looks.append((f"Look {body['number']}", at, f"{record.number:,}", body["blob"]))
            elif record.kind == "names sealed":
                names = body["sha256"]
    if last != findings.head:
        raise InputError(
            f"Record {findings.records:,} of this trial has another hash than the findings tell: they are of another "
            "trial, or its ledger was changed. Gather the findings of this trial, and verify it."
        )
    return Kept(tuple(snapshots), tuple(keys), tuple(looks), names)


def provenance_section(findings: Findings, kept: Kept | None) -> Section:
    """All hashes, and how to verify with them."""
    plan = findings.plan
    facts = [
        ("Last record", f"{findings.records:,}"),
        ("Head: hash of the last record", findings.head),
        ("Plan as locked", plan.locked.sha256),
        ("Plan in force, with its amendments", plan.sha256),
        ("File of areas", plan.areas_sha256),
        ("Grid", plan.grid_fingerprint),
        *_scores(findings),
        *([("Sealed names", kept.names)] if kept is not None and kept.names else []),
        ("As of", utc_text(findings.at)),
    ]
    blocks: list[Block] = [
        *words("All hashes are SHA-256; all moments here are UTC."),
        Facts("What this report stands on", tuple(facts)),
        *_verifying(findings),
    ]
    blocks += _snapshots(findings, kept)
    if kept is not None:
        blocks += _table("Looks as recorded", ("Look", "Recorded", "Record", "SHA-256"), kept.looks, (1, 3))
    blocks += _amendments(findings)
    if kept is not None:
        head = ("At", "Submitter", "Key", "Reason", "Fingerprint")
        blocks += _table("Keys", head, kept.keys, (1, 2, 3, 4))
    blocks.append(_versions(findings))
    return Section("provenance", "Provenance, and how to verify it", tuple(blocks))


def score_digest(findings: Findings) -> str:
    """One hash for all scores that count: of their hashes by night, in the canonical form of records; blank if none."""
    if findings.tally is None or "record" not in findings.tally.attrs:
        return ""
    return sha256_of(canonical_json(json.loads(findings.tally.attrs["record"])["scores"]))


def _scores(findings: Findings) -> list[tuple[str, str]]:
    found = score_digest(findings)
    if not found or findings.tally is None:
        return []
    count = len(json.loads(findings.tally.attrs["record"])["scores"])
    return [(f"Scores of {counted(count, 'night')} that count, all together", found)]


def _verifying(findings: Findings) -> list[Block]:
    return [
        Words(
            "Whoever holds the ledger makes every signature, verdict, closing, score and look again with one command. "
            "FOLDER is the folder of the trial, HEAD.txt a head that a vendor kept; --head may be given several times.",
            "To verify.",
        ),
        Code("predpol-eval trial verify FOLDER --head HEAD.txt"),
        Words(
            "The same findings give the same report, byte for byte, with the same versions. This makes one of the "
            "records as they stand by then, whose numbers and hashes can be compared:"
        ),
        Code(f"predpol-eval trial report FOLDER -o report.html{'' if findings.settled_only else ' --provisional'}"),
        Words(
            f"After every night a head is handed out: a page with the number and the hash of the last record. This "
            f"report stands on record {findings.records:,} and all before it. A vendor asks for each head that it kept "
            "to be given to the command above, in its own presence or by an auditor: if a record up to that head was "
            "changed, removed or slipped in, the command says which head no longer fits. Without a head that somebody "
            "else kept, nobody can tell a ledger that was written anew as a whole. A head whose record number is that "
            "of the last record bears the same hash as this report.",
            "For vendors.",
        ),
    ]


def _snapshots(findings: Findings, kept: Kept | None) -> list[Block]:
    if kept is not None:
        rows = kept.snapshots
    else:
        every: dict[str, Snapshot] = {}
        for one in findings.revisions:
            every |= {one.old.sha256: one.old, one.new.sha256: one.new}
        rows = tuple(
            (_minute(utc_text(one.taken_at)), f"{one.crimes:,}", one.forced or "", one.sha256) for one in every.values()
        )
    head = ("Taken at", "Crimes", "Kept although crimes were gone, because", "SHA-256")
    return _table("Snapshots of recorded crime", head, rows, (2, 3))


def _amendments(findings: Findings) -> list[Block]:
    rows = tuple(
        (
            f"{one.number}", _minute(utc_text(one.at)), one.night,
            "; ".join(change.in_words() for change in one.changes), one.reason, one.sha256,
        )
        for one in findings.plan.amendments
    )  # fmt: skip
    if not rows:
        return [Words("The plan was not amended.", "Amendments.")]
    head = ("Amendment", "At", "From the night", "What", "Reason", "SHA-256")
    return _table("Amendments of the plan", head, rows, (1, 2, 3, 4, 5))


def _versions(findings: Findings) -> Table:
    from predpol_eval.trial.plan.versions import versions

    locked, here = findings.plan.locked.versions, versions(findings.plan.tz)
    rows = tuple(Row((name, locked.get(name, "–"), here.get(name, "–"))) for name in sorted({*locked, *here}))
    return Table("Versions", ("Of", "When the plan was locked", "When this report was made"), rows, texts=(1, 2))


def _minute(at: str) -> str:
    return at[:16].replace("T", " ")


def _table(
    caption: str, head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], texts: tuple[int, ...]
) -> list[Block]:
    if not rows:
        return []
    table = Table(caption, head, tuple(Row(cells) for cells in rows), texts=texts)
    return list(folded(f"{caption} ({len(rows):,})", [table], len(rows) > _LONG))
