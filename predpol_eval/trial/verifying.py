"""Making a trial again from its plan and its ledger, to say whether anything was changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import PredPolError
from predpol_eval.trial.administration import NAMES
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_moment, utc_text
from predpol_eval.trial.closing import stands_for, why_not_void
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.history import History
from predpol_eval.trial.intake import check_receipt, outcomes_of
from predpol_eval.trial.keys import commitment, read_envelope
from predpol_eval.trial.keys.cryptography_extra import need_cryptography
from predpol_eval.trial.ledger import Difference, Head, verify_chain
from predpol_eval.trial.look_records import look_at
from predpol_eval.trial.outcomes.snapshots import snapshot_of
from predpol_eval.trial.scoring.rescoring import Rescorer

if TYPE_CHECKING:
    from predpol_eval.trial.ledger import Record


def verify(trial: Trial, heads: Sequence[Head] = ()) -> list[Difference]:
    """Recompute the chain, the plan, every signature, every verdict, every score and every look, and say what differs.

    Parameters
    ----------
    trial : Trial
    heads : sequence of Head
        Nightly heads that vendors kept: without them nobody can tell a chain that was written anew as a whole.

    Returns
    -------
    list of Difference
        The first record first; empty if all is as it was recorded.

    Raises
    ------
    InputError
        If there is no ledger, it is being written to without end, or `cryptography` is missing.
    """
    found = verify_chain(trial.folder / LEDGER, trial.blobs, heads)
    if found:
        # What is built on records that were changed says nothing more.
        return found
    return list(_made_again(trial))


def _made_again(trial: Trial) -> Iterator[Difference]:
    history, rescorer = History(), Rescorer(trial)
    with trial.ledger(read_only=True) as ledger:
        if next(ledger.records("receipt"), None) is not None:
            # Here, where it is told as what is missing, and not as a difference.
            need_cryptography("Verifying signatures")
        for record in ledger.records():
            check = _CHECKS.get(record.kind)
            try:
                if check is not None:
                    yield from check(trial, history, record)
                elif record.kind == "score":
                    yield from rescorer.differences(history, record)
                history.read([record])
            except PredPolError as error:
                yield Difference(record.number, record.kind, str(error), "a record that the rules allow")
                return
            except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
                told = f"a body that does not say what such a record says ({type(error).__name__}: {error})"
                yield Difference(record.number, record.kind, told, "one that this library writes")
                return


def _plan(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    """The plan is held to its hash while it is read, and the grid while it is laid; the rest of its record here."""
    if record.number != 1:
        yield Difference(record.number, "plan", "a second plan", "record 1 alone: a plan is amended, never replaced")
        return
    locked = trial.locked
    trial.grid  # noqa: B018 - refuses to be another than that of the plan
    for name, value in (("name", locked.name), ("versions", locked.versions)):
        if record.body[name] != value:
            yield Difference(record.number, name, str(record.body[name]), str(value))


def _receipt(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    sealed = read_envelope(trial.blobs.get(body["envelope"]))
    told = {"label": sealed.label, "nights": list(sealed.nights), "serial": sealed.serial, "file": sealed.file}
    for name, value in told.items():
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), f"what was signed, {value}")
    before = history.of_envelope(sealed.sha256)
    if before is not None:
        yield Difference(record.number, "envelope", "one that was received before", f"record {before.number} alone")
    history.register.check(
        sealed,
        trial.blobs.get(body["file"]),
        received_at=record.at,
        plan=trial.locked.sha256,
        last_serial=history.last_serial(sealed.label),
    )


def _verdict(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    receipt = history.receipts[body["receipt"]]
    before = history.verdicts.get(receipt.number)
    if before is not None and "held" not in before.nights.values():
        yield Difference(record.number, "receipt", f"a second verdict on record {receipt.number}", "one")
    if body["label"] != receipt.label:
        yield Difference(record.number, "label", str(body["label"]), receipt.label)
    checked = check_receipt(trial, history, receipt)
    told, again = json.loads(trial.blobs.get(body["results"])), json.loads(canonical_json(checked.to_dict()))
    if told["outcome"] == "held":
        # A check that broke then may hold now; that one did break, its report has to say.
        checked = replace(checked, outcome="held", predictions=None)
        again |= {"outcome": "held", "predictions": None, "results": told["results"]}
        if not any(one["outcome"] == "broke" for one in told["results"]):
            yield Difference(record.number, "results, outcome", "held, though every check was carried out", "another")
    for name, found, expected in _substance_apart(told, again):
        yield Difference(record.number, f"results, {name}", found, expected)
    standing = {night: history.standing(receipt.label, night, before=receipt.number) for night in receipt.nights}
    predicted = checked.predictions
    made: dict[str, Any] = {
        "blob": None if predicted is None else predicted.sha256,
        "nights": outcomes_of(trial, history, receipt, checked, standing),
        "prints": {} if predicted is None else {night: predicted.fingerprint(night) for night in receipt.nights},
    }
    for name, value in made.items():
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), str(value))


def _substance_apart(told: Any, again: Any) -> Iterator[tuple[str, str, str]]:
    """Where two reports of checks differ in what they find; another version may find other words for it."""
    for name in ("label", "nights", "file", "plan", "outcome", "predictions"):
        if told[name] != again[name]:
            yield name, str(told[name]), str(again[name])
    found, expected = ({one["name"]: _found(one) for one in report["results"]} for report in (told, again))
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            yield f"check {name}", str(found.get(name, "nothing")), str(expected.get(name, "nothing"))


def _found(result: Any) -> list[Any]:
    return [result["severity"], result["outcome"], [[fault["rows"], fault["count"]] for fault in result["faults"]]]


def _missing(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    label, night, why = (record.body[name] for name in ("label", "night", "why"))
    _, absent = stands_for(trial.plan(history), history, night)
    if absent.get(label) != why:
        yield Difference(record.number, "why", str(why), absent.get(label, f"no such record: {label!r} has a file"))


def _closed(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    night, plan = body["night"], trial.plan(history)
    deadline = utc_text(plan.night(night).deadline)
    if record.at < deadline:
        yield Difference(record.number, "at", record.at, f"not before {deadline}, the deadline of {night}")
    if night in history.closings:
        told = f"a second closing of {night}"
        yield Difference(record.number, "night", told, f"record {history.closings[night].number} alone")
        return
    waiting = [receipt.number for receipt in history.waiting if night in receipt.nights]
    if waiting:
        yield Difference(record.number, "night", f"{night}, though record {waiting[0]} waits", "one that was checked")
    standing, absent = stands_for(plan, history, night)
    for name, value in (("standing", standing), ("absent", absent)):
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), str(value))
    rows = history.missing.get(night, {})
    if rows != absent:
        told = f"records of who is missing: {rows or 'none'}"
        yield Difference(record.number, "absent", told, str(absent or "none"))


def _void(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    plan = trial.plan(history)
    for night in record.body["nights"]:
        fault = why_not_void(plan, history, night)
        if fault:
            yield Difference(record.number, "nights", f"{night}, though {fault}", "nights that could be declared void")


def _amendment(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    after = History().read(())
    after.amendments = [*history.amendments, record.body["blob"]]
    made = trial.plan(after).amendments[-1]
    if made.reason != record.body["reason"]:
        yield Difference(record.number, "reason", str(record.body["reason"]), made.reason)
    yield from _dated(history, record, "moment of the amendment", utc_text(made.at))


def _look(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    yield from _dated(history, record, "until", body["until"])
    again = look_at(trial, history, body["number"], utc_moment(body["until"]))
    made: dict[str, Any] = {"settled": len(again.nights), "blob": sha256_of(canonical_json(again.record()))}
    for name, value in made.items():
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), str(value))


def _release(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    night = record.body["night"]
    cut = utc_text(trial.plan(history).night(night).cut)
    if night in history.released:
        yield Difference(record.number, "night", f"a second extract for {night}", "one, the same for all vendors")
    if record.at < cut:
        yield Difference(record.number, "at", record.at, f"not before {cut}, the cut of {night}")


def _snapshot(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body["snapshot"]
    made = snapshot_of(trial.blobs.get(record.body["blob"]), forced=body["forced"]).record()
    for name, value in made.items():
        if body[name] != value:
            yield Difference(record.number, f"snapshot, {name}", str(body[name]), f"what it holds, {value}")
    before = history.snapshots[-1]["taken_at"] if history.snapshots else body["taken_at"]
    if not before <= body["taken_at"] <= record.at:
        yield Difference(record.number, "snapshot, taken_at", body["taken_at"], f"between {before} and {record.at}")


def _sealed(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    """The names are where whoever seals them wants them; where they are in the folder, they must be those."""
    if history.names is not None:
        yield Difference(record.number, "names sealed", "a second time", "once, since a label does not change hands")
    place = trial.folder / NAMES
    if place.is_file():
        found = commitment(place.read_bytes())
        if found != record.body["sha256"]:
            yield Difference(record.number, "sha256", str(record.body["sha256"]), f"that of {NAMES}, {found}")


def _dated(history: History, record: Record, name: str, moment: str) -> Iterator[Difference]:
    """A moment that stands in a body lies between that of the record before and that of its own."""
    if not history.last_at <= moment <= record.at:
        yield Difference(record.number, name, moment, f"between {history.last_at} and {record.at}")


_CHECKS: dict[str, Callable[[Trial, History, Record], Iterator[Difference]]] = {
    "plan": _plan,
    "receipt": _receipt,
    "verdict": _verdict,
    "missing": _missing,
    "closed": _closed,
    "void": _void,
    "amendment": _amendment,
    "release": _release,
    "snapshot": _snapshot,
    "names sealed": _sealed,
    "look": _look,
}
