"""Keys of the submitters of a rehearsal, and envelopes: signed once and kept, so that what is done again is the same.

The keys, and the secret of the pseudonyms, are drawn anew for every rehearsal as they are in a trial, into files that
only their owner can read. The seed does not decide them, so that hashes in the ledger differ from one rehearsal to the
next, and files, scores and findings do not.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.trial.administration import register_key
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.keys import keygen, read_private, sign_submission
from predpol_eval.trial.outcomes.pseudonyms import make_secret, read_secret
from predpol_eval.trial.rehearsal.quick_files import write_quickly

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.rehearsal.attempts import Signing

KEYS, SECRET = "keys", "secret"
ENVELOPE = ".envelope"


def make_keys(trial: Trial, folder: Path) -> None:
    """Make the keys that are not there yet, and register them."""
    register = trial.history().register
    place = folder / KEYS
    place.mkdir(mode=0o700, exist_ok=True)
    for label in trial.locked.submitters:
        if register.of(label, trial.clock()) is not None:
            continue
        private, public = (place / f"{label}.{part}.pem" for part in ("private", "public"))
        if not (private.exists() and public.exists()):
            # Half a pair is left by a run that was killed; it was never registered.
            for path in (private, public):
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
            keygen(place, label)
        register_key(trial, label, public.read_bytes())


def secret_of(folder: Path) -> bytes:
    """Read the secret of the pseudonyms, or make it."""
    path = folder / SECRET
    return read_secret(path) if path.exists() else make_secret(path)


class Signer:
    """Signs what submitters hand in, rightly or as an attempt has it.

    Parameters
    ----------
    trial : Trial
    folder : path
        Of the rehearsal, with the keys.
    """

    def __init__(self, trial: Trial, folder: Path) -> None:
        self._trial, self._folder = trial, folder
        self._key = cache(self._read_key)

    def sign(self, path: Path, data: bytes, label: str, night: str, signing: Signing, now: datetime) -> bytes | None:
        """Write a file and its envelope, and give the envelope; what was written before is taken as it is.

        Raises
        ------
        InputError
            If the file was another: then the vendor's forecast is not decided by what it is said to know.
        """
        if path.exists() and path.read_bytes() != data:
            raise InputError(
                f"The file {path.name!r} of {night} was another when it was made before: its vendor does not give the "
                "same for the same evening. Begin the rehearsal in a new folder."
            )
        beside = path.with_name(path.name + ENVELOPE)
        if not path.exists():
            write_quickly(path, data)
        if signing == "none":
            return None
        if beside.exists():
            return beside.read_bytes()
        last = self._trial.history().last_serial(label)
        signed = sign_submission(
            data,
            _stranger() if signing == "other key" else self._key(label),
            plan=self._trial.locked.sha256,
            label=label,
            nights=[night],
            serial=max(last, 1) if signing == "used number" else last + 1,
            now=now,
        ).to_bytes()
        write_quickly(beside, signed)
        return signed

    def as_sent(self, data: bytes, envelope: bytes | None, signing: Signing) -> tuple[bytes, bytes | None]:
        """What arrives at the office."""
        return (data + b"\n" if signing == "other file" else data), envelope

    def sent(self, path: Path, signing: Signing) -> tuple[bytes, bytes | None]:
        """What arrived at the office, from the files that were kept."""
        beside = path.with_name(path.name + ENVELOPE)
        return self.as_sent(path.read_bytes(), beside.read_bytes() if beside.exists() else None, signing)

    def handed_in(self, path: Path, history: History, refused: set[tuple[str, str | None]]) -> bool:
        """Whether a file is in the ledger: received and checked, or refused."""
        if not path.exists():
            return False
        beside = path.with_name(path.name + ENVELOPE)
        signed = sha256_of(beside.read_bytes()) if beside.exists() else None
        data = path.read_bytes()
        if {(sha256_of(sent), signed) for sent in (data, data + b"\n")} & refused:
            return True
        receipt = None if signed is None else history.of_envelope(signed)
        return receipt is not None and receipt.number in history.verdicts

    def _read_key(self, label: str) -> Ed25519PrivateKey:
        return read_private(self._folder / KEYS / f"{label}.private.pem")


def _stranger() -> Ed25519PrivateKey:
    """A key that nobody registered."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()
