"""Dated records of whoever runs the trial: keys, names, amendments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment
from predpol_eval.trial.folder import Trial, hand_out
from predpol_eval.trial.history import History
from predpol_eval.trial.keys import commitment, read_public, seal_names
from predpol_eval.trial.plan import Amendment, amend

NAMES = "names.sealed"


def register_key(trial: Trial, label: str, public: bytes, reason: str = "first key") -> str:
    """Register the public key of a submitter; from then on what it signs is taken in.

    Parameters
    ----------
    trial : Trial
    label : str
        One of the plan's submitters.
    public : bytes
        Content of its file of the public key.
    reason : str
        In plain words, for the record.

    Returns
    -------
    str
        Fingerprint, to be read out and compared.

    Raises
    ------
    InputError
        If the label takes no part, has a key in force, or the key was used before.
    """
    key = read_public(public)
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        plan = trial.plan(history)
        if label not in plan.submitters:
            raise InputError(f"{label!r} takes no part; the submitters are {', '.join(plan.submitters)}.")
        body = history.register.new_key(label, key, reason)
        ledger.append("key", body)
    return body["fingerprint"]


def revoke_key(trial: Trial, label: str, fingerprint: str, reason: str) -> None:
    """Revoke a key: what it signs is refused from now on; what was received before stays.

    Raises
    ------
    InputError
        If it is not in force.
    """
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        ledger.append("key revoked", history.register.revocation(label, fingerprint, reason))


def amend_plan(trial: Trial, changes: Mapping[str, Any], reason: str) -> Amendment:
    """Amend the plan by a dated record, and put it into the folder for vendors; see `plan.amend` for what may be.

    Raises
    ------
    InputError, PlanLockedError
        If it may not be, or cannot be read.
    """
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        # As its record will have it: that of the last one, where the clock is behind it.
        at = max(trial.clock(), utc_moment(history.last_at))
        _, made = amend(trial.plan(history), changes, reason=reason, at=at)
        ledger.append("amendment", {"blob": trial.blobs.put(made.to_bytes()), "reason": made.reason})
    # What vendors check their files by; should it fail, it is recorded all the same, and can be handed out again.
    hand_out(trial)
    return made


def seal(trial: Trial, names: Mapping[str, str], passphrase: str, path: str | Path | None = None) -> Path:
    """Write who is who into a sealed file, and its hash into the ledger, so that no label can change hands later.

    Parameters
    ----------
    trial : Trial
    names : mapping
        Name of every vendor by label.
    passphrase : str
        Opens the file; it is kept nowhere.
    path : path, optional
        By default ``names.sealed`` in the folder of the trial.

    Raises
    ------
    InputError
        If names were sealed before, a label is missing or unknown, or the file exists.
    """
    from predpol_eval.resumable_folders import write_whole

    place = trial.folder / NAMES if path is None else Path(path)
    with trial.ledger() as ledger, ledger.writing():
        history = History().read(ledger.records())
        if history.names is not None:
            raise InputError("The names were sealed before; a label does not change hands.")
        vendors = trial.plan(history).vendors
        if set(names) != set(vendors):
            raise InputError(
                f"Give the name of every vendor: found {', '.join(sorted(names)) or 'none'}, expected "
                f"{', '.join(vendors)}."
            )
        if place.exists():
            raise InputError(f"There is a file {place.name!r} already; it is not replaced.")
        sealed = seal_names(names, passphrase)
        # First the file: a hash without it would promise what nobody can open.
        write_whole(place, sealed)
        ledger.append("names sealed", {"sha256": commitment(sealed)})
    return place
