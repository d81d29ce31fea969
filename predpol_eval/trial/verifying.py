"""Making a trial again from its plan and its ledger, to say whether anything was changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import PredPolError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_moment
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.history import History
from predpol_eval.trial.intake import check_receipt, outcomes_of
from predpol_eval.trial.keys import read_envelope
from predpol_eval.trial.ledger import Difference, Head, verify_chain
from predpol_eval.trial.look_records import look_at
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
        If there is no ledger, or it is being written to without end.
    """
    found = verify_chain(trial.folder / LEDGER, trial.blobs, heads)
    if found:
        # What is built on records that were changed says nothing more.
        return found
    return list(_made_again(trial))


def _made_again(trial: Trial) -> Iterator[Difference]:
    history, rescorer = History(), Rescorer(trial)
    with trial.ledger(read_only=True) as ledger:
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
            except (LookupError, TypeError, AttributeError) as error:
                told = f"a body that does not say what such a record says ({type(error).__name__}: {error})"
                yield Difference(record.number, record.kind, told, "one that this library writes")
                return


def _plan(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    """Nothing by itself: the plan is held to its hash while it is read, and the grid while it is laid."""
    trial.locked, trial.grid  # noqa: B018 - both refuse what is not as it was locked
    yield from ()


def _receipt(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    sealed = read_envelope(trial.blobs.get(body["envelope"]))
    told = {"label": sealed.label, "nights": list(sealed.nights), "serial": sealed.serial, "file": sealed.file}
    for name, value in told.items():
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), f"what was signed, {value}")
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
    if "held" in body["nights"].values():
        # A check that broke then may hold now: its outcome alone could differ.
        return
    checked = check_receipt(trial, history, receipt)
    told = json.loads(trial.blobs.get(body["results"]))
    for name, found, expected in _substance_apart(told, json.loads(canonical_json(checked.to_dict()))):
        yield Difference(record.number, f"results, {name}", found, expected)
    again: dict[str, Any] = {
        "blob": None if checked.predictions is None else checked.predictions.sha256,
        "nights": outcomes_of(
            trial,
            history,
            receipt,
            checked,
            {night: history.standing(receipt.label, night, before=receipt.number) for night in receipt.nights},
        ),
    }
    if before is not None and "held" not in before.nights.values():
        yield Difference(record.number, "receipt", f"a second verdict on record {receipt.number}", "one")
    for name, value in again.items():
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


def _closed(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    night, plan = body["night"], trial.plan(history)
    standing, absent = {}, {}
    for label in plan.submitters:
        receipt = history.standing(label, night)
        if receipt is None:
            absent[label] = history.absence(label, night)
        else:
            standing[label] = receipt.number
    for name, value in (("standing", standing), ("absent", absent)):
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), str(value))


def _amendment(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    after = History().read(())
    after.amendments = [*history.amendments, record.body["blob"]]
    made = trial.plan(after).amendments[-1]
    if made.reason != record.body["reason"]:
        yield Difference(record.number, "reason", str(record.body["reason"]), made.reason)


def _look(trial: Trial, history: History, record: Record) -> Iterator[Difference]:
    body = record.body
    again = look_at(trial, history, body["number"], utc_moment(body["until"]))
    made: dict[str, Any] = {"settled": len(again.nights), "blob": sha256_of(canonical_json(again.record()))}
    for name, value in made.items():
        if body[name] != value:
            yield Difference(record.number, name, str(body[name]), str(value))


_CHECKS: dict[str, Callable[[Trial, History, Record], Iterator[Difference]]] = {
    "plan": _plan,
    "receipt": _receipt,
    "verdict": _verdict,
    "closed": _closed,
    "amendment": _amendment,
    "look": _look,
}
