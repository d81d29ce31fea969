"""Taking in what submitters send: the receipt first, on the disk before anything is said; then the checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_text
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.history import History, Receipt, Verdict
from predpol_eval.trial.keys import SignatureRefused, read_envelope
from predpol_eval.trial.keys.cryptography_extra import need_cryptography
from predpol_eval.trial.submissions.checked import check_submission, clean_name

if TYPE_CHECKING:
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.submissions.checked import Checked

LARGEST_ENVELOPE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Taken:
    """What was said to a submitter at once: their file is kept.

    Attributes
    ----------
    receipt : Receipt
    again : bool
        Whether the very same envelope was taken in before; then this is the receipt of that time.
    """

    receipt: Receipt
    again: bool

    def in_words(self) -> str:
        """Say it, with what the submitter is to keep."""
        one = self.receipt
        first = "was received before, as" if self.again else "is received as"
        return (
            f"The file of {one.label} for {', '.join(one.nights)} {first} record {one.number}, at {one.at}.\n"
            f"SHA-256 of the file: {one.file}\nHash of the record: {one.hash}"
        )


def read_submitted(trial: Trial, path: str | Path) -> bytes:
    """Read a file of a submitter, never more than one byte over what the plan allows.

    Raises
    ------
    InputError
        If it is none, or too large.
    """
    place = Path(path)
    plan = trial.plan(trial.history())
    # For nights before an amendment what was promised for them holds; which nights it is for, its envelope says.
    limit = max(plan.in_force(night).limits.bytes for night in plan.nights)
    try:
        if not place.is_file():
            raise InputError(f"{place.name!r} is no file; give a CSV, Parquet or GeoJSON file.")
        with place.open("rb") as handle:
            data = handle.read(limit + 1)
    except OSError as error:
        raise InputError(f"{place.name!r} cannot be read ({error}).") from error
    return data


def receive(trial: Trial, data: bytes, envelope: bytes | None, name: str = "") -> Taken:
    """Take in a signed file. Once this returns, no crash can lose it.

    Parameters
    ----------
    trial : Trial
    data : bytes
        The file.
    envelope : bytes or None
        What its submitter signed.
    name : str
        Of the file; for messages.

    Returns
    -------
    Taken

    Raises
    ------
    SignatureRefused
        If it is not signed by its submitter, for this trial; this is recorded, the file is not kept.
    InputError
        If it is too large, for a night that the plan does not have, or by nobody who takes part; likewise. If
        `cryptography` is missing, or the trial cannot be read, nothing is recorded.
    """
    history = trial.history()
    # What fails here is our fault, and no submitter is refused for it.
    need_cryptography("Taking in a file")
    plan = trial.plan(history)
    try:
        sealed = _read(envelope)
        _refuse_foreign(trial, plan, sealed, data)
        before = history.of_envelope(sealed.sha256)
        # With another file it is no repetition: to say that it was received would be an acknowledgement of that one.
        if before is not None and before.file == sha256_of(data):
            return Taken(before, again=True)
        # Looked at before anything is kept: strangers fill no disk.
        _check(trial, history, sealed, data)
    except InputError as error:
        _record_refusal(trial, data, envelope, error)
        raise
    kept = {"file": trial.blobs.put(data), "envelope": trial.blobs.put(sealed.to_bytes())}
    body = {
        "label": sealed.label,
        "nights": list(sealed.nights),
        **kept,
        "serial": sealed.serial,
        "name": clean_name(name),
    }
    refused: InputError | None = None
    with trial.ledger() as ledger:
        with ledger.writing():
            # What came in since counts too: nobody else writes now.
            history.read(ledger.records(since=history.last + 1))
            before = history.of_envelope(sealed.sha256)
            if before is not None:
                return Taken(before, again=True)
            try:
                _check(trial, history, sealed, data)
            except InputError as error:
                refused = error
            else:
                ledger.append("receipt", body)
        if refused is None:
            history.read(ledger.records(since=history.last + 1))
    if refused is not None:
        _record_refusal(trial, data, envelope, refused)
        raise refused
    receipt = history.of_envelope(sealed.sha256)
    if receipt is None:  # pragma: no cover - it was recorded a moment ago
        raise InputError("The receipt that was recorded is not in the ledger; verify it.")
    return Taken(receipt, again=False)


def judge(trial: Trial) -> list[Verdict]:
    """Check all files that wait for it, in the order in which they came, also those that a crash left behind.

    Several processes may do so at once: the first verdict on a receipt is the one that is kept.

    Returns
    -------
    list of Verdict
        Those that were given now.
    """
    history = trial.history()
    given = []
    while history.waiting:
        receipt = history.waiting[0]
        verdict = _give_verdict(trial, history, receipt, None)
        if verdict is not None:
            given.append(verdict)
    return given


def judge_held(trial: Trial, receipt: int) -> Verdict:
    """Check a file again whose checks broke, now that the library is mended; its receipt stays what it was.

    Raises
    ------
    InputError
        If it is not held.
    """
    history = trial.history()
    before = history.verdicts.get(receipt)
    if receipt not in {one.number for one in history.held}:
        raise InputError(
            f"Record {receipt} is no receipt that is held. Held are "
            f"{', '.join(str(one.number) for one in history.held) or 'none'}."
        )
    # Should somebody else be doing so at this moment, theirs is the verdict.
    return _give_verdict(trial, history, history.receipts[receipt], before) or history.verdicts[receipt]


def _give_verdict(trial: Trial, history: History, receipt: Receipt, before: Verdict | None) -> Verdict | None:
    """Check a file and record what became of it; None if somebody else did so meanwhile."""
    while True:
        earlier = history.prints(receipt.label, receipt.number)
        checked, kept = _checked(trial, history, receipt)
        with trial.ledger() as ledger, ledger.writing():
            history.read(ledger.records(since=history.last + 1))
            if history.verdicts.get(receipt.number) != before:
                return None
            # The checks are to know all that was predicted before: a file that was held may have been checked since.
            if history.prints(receipt.label, receipt.number) == earlier:
                ledger.append("verdict", _verdict(trial, history, receipt, checked, kept))
                # Before it is recorded for good: a verdict that cannot be read would be in the way of all that follow.
                history.read(ledger.records(since=history.last + 1))
                return history.verdicts[receipt.number]


def outcomes_of(
    trial: Trial, history: History, receipt: Receipt, checked: Checked, standing: Mapping[str, Receipt | None]
) -> dict[str, str]:
    """What a receipt means for each of its nights, by its moment and its checks.

    Parameters
    ----------
    trial : Trial
    history : History
    receipt : Receipt
    checked : Checked
    standing : mapping
        Of each night, the receipt of the same label that stood before this one.

    Returns
    -------
    dict
        Outcome of each night: ``rejected`` if the file cannot be used; ``late`` from the deadline on, whatever was
        there before; ``held`` if our checks broke; else ``accepted``, ``identical`` or ``supersedes``.
    """
    plan = trial.plan(history, receipt.amendments)
    found = {}
    for night in receipt.nights:
        before = standing[night]
        if checked.outcome == "rejected":
            found[night] = "rejected"
        elif receipt.at >= utc_text(plan.night(night).deadline):
            found[night] = "late"
        elif checked.outcome == "held":
            found[night] = "held"
        elif before is None:
            found[night] = "accepted"
        else:
            found[night] = "identical" if before.file == receipt.file else "supersedes"
    return found


def check_receipt(trial: Trial, history: History, receipt: Receipt) -> Checked:
    """Run the checks on a file that was received, under the plan of that moment; the same whenever it is asked for."""
    return check_submission(
        trial.blobs.get(receipt.file),
        rules_for(trial.plan(history, receipt.amendments), receipt.nights, receipt.at),
        trial.grid,
        label=receipt.label,
        nights=receipt.nights,
        name=receipt.name,
        earlier=history.prints(receipt.label, receipt.number),
    )


def rules_for(plan: TrialPlan, nights: Iterable[str], at: str) -> TrialPlan:
    """The plan that a file is held against: that in force for the first of its nights for which it is in time.

    An amendment holds from a night on; what is handed in for a night before it is judged as was promised for that one.

    Parameters
    ----------
    plan : TrialPlan
        With the amendments made by then.
    nights : iterable of str
        For which it is handed in; those that the plan does not have are passed over.
    at : str
        Moment of the receipt.
    """
    wanted = set(nights)
    asked = [night for night in plan.nights if night.name in wanted]
    if not asked:
        return plan
    open_ones = (night for night in asked if at < utc_text(night.deadline))
    return plan.in_force(next(open_ones, asked[0]))


def _checked(trial: Trial, history: History, receipt: Receipt) -> tuple[Checked, dict[str, Any]]:
    checked = check_receipt(trial, history, receipt)
    predictions = None if checked.predictions is None else trial.blobs.put(checked.predictions.to_bytes())
    prints = {} if checked.predictions is None else {n: checked.predictions.fingerprint(n) for n in receipt.nights}
    results = trial.blobs.put(canonical_json(checked.to_dict()))
    return checked, {"results": results, "blob": predictions, "prints": prints}


def _verdict(
    trial: Trial, history: History, receipt: Receipt, checked: Checked, kept: Mapping[str, Any]
) -> dict[str, Any]:
    standing = {night: history.standing(receipt.label, night, before=receipt.number) for night in receipt.nights}
    nights = outcomes_of(trial, history, receipt, checked, standing)
    return {"receipt": receipt.number, "label": receipt.label, "nights": nights, **kept}


def _read(envelope: bytes | None) -> Any:
    if envelope is not None and len(envelope) > LARGEST_ENVELOPE:
        raise SignatureRefused(
            f"The envelope has {len(envelope):,} bytes; one is never larger than {LARGEST_ENVELOPE:,}.", "not signed"
        )
    return read_envelope(envelope)


def _refuse_foreign(trial: Trial, plan: TrialPlan, sealed: Any, data: bytes) -> None:
    faults: list[str] = []
    names: Sequence[str] = [night.name for night in plan.nights]
    others = [night for night in sealed.nights if night not in names]
    limits = rules_for(plan, sealed.nights, utc_text(trial.clock())).limits
    if len(data) > limits.bytes:
        faults.append(f"the file has more than the {limits.bytes:,} bytes that the plan allows")
    if sealed.label not in plan.submitters:
        faults.append(f"{sealed.label!r} takes no part; the submitters are {', '.join(plan.submitters)}")
    if others:
        faults.append(f"the plan has no night {', '.join(others[:5])}; its nights are {names[0]} to {names[-1]}")
    if len(sealed.nights) > limits.nights:
        faults.append(f"it is for {len(sealed.nights)} nights, and the plan allows {limits.nights} at once")
    if faults:
        raise InputError(f"The submission is refused: {'; '.join(faults)}.")


def _check(trial: Trial, history: History, sealed: Any, data: bytes) -> None:
    history.register.check(
        sealed,
        data,
        # As its record will have it: that of the last one, where the clock is behind it.
        received_at=max(utc_text(trial.clock()), history.last_at),
        plan=trial.locked.sha256,
        last_serial=history.last_serial(sealed.label),
    )


def _record_refusal(trial: Trial, data: bytes, envelope: bytes | None, error: InputError) -> None:
    """A refusal is recorded, too; not the file, so that strangers cannot fill the disk."""
    body = {
        "code": error.code if isinstance(error, SignatureRefused) else "not admitted",
        "reason": str(error)[:1000],
        "submitted": sha256_of(data),
        "signed": None if envelope is None else sha256_of(envelope),
    }
    with trial.ledger() as ledger:
        ledger.append("refused", body)
