"""What a submitter signs about one file: whose it is, for which plan and nights, and which bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of, utc_text
from predpol_eval.trial.keys.cryptography_extra import need_cryptography
from predpol_eval.trial.keys.envelope_form import (
    SCHEMA,
    SIGNATURE_LENGTH,
    base64_of,
    faults_of,
    listed,
    nights_of,
    shown,
)
from predpol_eval.trial.keys.public_keys import fingerprint, fingerprint_of, raw_public
from predpol_eval.trial.keys.refusal import SignatureRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from predpol_eval.trial.keys.public_keys import PublicKey

LARGEST = 64 * 1024
# Before what is signed, so that a signature made for anything else never fits an envelope.
SEPARATOR = b"predpol_eval: signature of a submission, version 1\n"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What was signed about one file, and the signature. An object of this class is well formed, not yet verified.

    Parameters
    ----------
    schema : str
        Always ``"predpol_eval.envelope/1"``.
    plan : str
        SHA-256 of the plan, 64 hexadecimal digits.
    label : str
        Of the submitter.
    nights : tuple of str
        What the file predicts, such as ``"2018-07-01"``, in order and each once.
    file : str
        SHA-256 of the file's bytes.
    serial : int
        From 1; each file of a submitter has a higher one than the file before.
    signed_at : str
        By the submitter's clock, in UTC, such as ``"2018-07-01T17:59:59.123456Z"``. No decision rests on it.
    key : str
        Fingerprint of the key that signed.
    signature : str
        Base64 of 64 bytes.

    Raises
    ------
    InputError
        If a part is of another form; all faults at once.
    """

    schema: str
    plan: str
    label: str
    nights: tuple[str, ...]
    file: str
    serial: int
    signed_at: str
    key: str
    signature: str

    def __post_init__(self) -> None:
        faults = faults_of({field.name: getattr(self, field.name) for field in fields(self)})
        if faults:
            raise InputError(listed(faults))

    @property
    def signed_bytes(self) -> bytes:
        """What the signature is of: a line that says what it is for, and everything but the signature."""
        return _signed_bytes({name: value for name, value in asdict(self).items() if name != "signature"})

    @property
    def sha256(self) -> str:
        """SHA-256 of the envelope's bytes."""
        return sha256_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Give the one form in which this envelope is written.

        Returns
        -------
        bytes
        """
        return canonical_json(asdict(self))


def sign_submission(
    data: bytes,
    private: Ed25519PrivateKey,
    *,
    plan: str,
    label: str,
    nights: Iterable[str],
    serial: int,
    now: datetime,
) -> Envelope:
    """Sign a file of predictions.

    Parameters
    ----------
    data : bytes
        The file, as it will be handed in.
    private : Ed25519PrivateKey
        See `read_private`.
    plan : str
        SHA-256 of the plan.
    label : str
        Of the submitter.
    nights : iterable of str
        What the file predicts, in any order.
    serial : int
        Higher than that of every file before.
    now : datetime
        With a time zone.

    Returns
    -------
    Envelope

    Raises
    ------
    InputError
        If something is of another form, or `cryptography` is missing.
    """
    need_cryptography("Signing")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not isinstance(private, Ed25519PrivateKey):
        raise InputError(f"{type(private).__name__} was given; sign with a private Ed25519 key, see read_private.")
    signed: dict[str, Any] = {
        "schema": SCHEMA,
        "plan": plan,
        "label": label,
        "nights": nights_of(nights),
        "file": sha256_of(_bytes_of(data)),
        "serial": serial,
        "signed_at": utc_text(now),
        "key": fingerprint(private.public_key()),
    }
    # Checked before it is signed: a signature of 64 zero bytes stands in for the one to come.
    Envelope(**signed, signature=base64_of(bytes(SIGNATURE_LENGTH)))
    return Envelope(**signed, signature=base64_of(private.sign(_signed_bytes(signed))))


def read_envelope(data: bytes | None) -> Envelope:
    """Read an envelope from its bytes, in the one form in which it is written.

    Parameters
    ----------
    data : bytes or None
        Up to 64 KiB.

    Returns
    -------
    Envelope
        Well formed, not yet verified: see `verify` and `KeyRegister.check`.

    Raises
    ------
    SignatureRefused
        If there is nothing, or no signature in it (code "not signed").
    InputError
        If it is anything else; all faults at once.
    """
    if not data:
        raise SignatureRefused("There is no envelope; sign the file with `trial sign` and hand in both.", "not signed")
    if not isinstance(data, bytes):
        raise InputError(f"{type(data).__name__} was found; give the bytes of the envelope.")
    if len(data) > LARGEST:
        raise InputError(f"The envelope has {len(data)} bytes, at most {LARGEST} are read; is it the right file?")
    parts = _parsed(data)
    if parts.get("signature") in (None, ""):
        raise SignatureRefused("The envelope has no signature; sign the file with `trial sign`.", "not signed")
    names = [field.name for field in fields(Envelope)]
    faults = [f"the key {shown(name)} is not known" for name in sorted(set(parts) - set(names))[:20]]
    faults += [f"the key {name!r} is missing" for name in names if name not in parts]
    nights = parts.get("nights")
    if isinstance(nights, list):
        parts["nights"] = tuple(nights)
    faults += faults_of(parts)
    if faults:
        raise InputError(listed(faults))
    envelope = Envelope(**parts)
    if envelope.to_bytes() != data:
        raise InputError(
            "The envelope is written in another form than `trial sign` writes it; hand it in as it is, not opened and "
            "saved again."
        )
    return envelope


def verify(
    envelope: Envelope | None,
    data: bytes,
    public: PublicKey,
    *,
    plan: str | None = None,
    label: str | None = None,
    nights: Iterable[str] | None = None,
    last_serial: int = 0,
) -> None:
    """Refuse an envelope that this key did not sign, or that covers something else.

    Parameters
    ----------
    envelope : Envelope or None
        None if the file came without.
    data : bytes
        The file handed in.
    public : Ed25519PublicKey or bytes
        The submitter's public key.
    plan, label : str, optional
        What the envelope has to be for.
    nights : iterable of str, optional
        Likewise; all of them and no others.
    last_serial : int
        The highest serial number accepted before from this submitter.

    Raises
    ------
    SignatureRefused
        With a reason and a code; the signature is judged first, as without it nothing else can be believed.
    InputError
        If an argument cannot be used, or `cryptography` is missing.
    """
    if envelope is None:
        raise SignatureRefused("There is no envelope; sign the file with `trial sign` and hand in both.", "not signed")
    raw = raw_public(public)
    if (known := fingerprint_of(raw)) != envelope.key:
        raise SignatureRefused(
            f"The envelope names the key {envelope.key}, expected was {known}; sign with the key that is registered.",
            "wrong key",
        )
    if not _fits(envelope, raw):
        raise SignatureRefused(
            "The signature does not fit the envelope: it was made with another key, or something was changed after "
            "signing. Sign the file again.",
            "wrong signature",
        )
    if plan is not None and envelope.plan != plan:
        raise SignatureRefused(
            f"The envelope is for the plan {envelope.plan}, this trial has {plan}; sign for the plan of this trial.",
            "other plan",
        )
    if label is not None and envelope.label != label:
        raise SignatureRefused(
            f"The envelope is for {envelope.label!r}, the file came as {label!r}; hand it in under its own label.",
            "other label",
        )
    if nights is not None and envelope.nights != (wanted := nights_of(nights)):
        raise SignatureRefused(
            f"The envelope is for {_few(envelope.nights)}, the file came for {_few(wanted)}; sign for the nights that "
            "it is handed in for.",
            "other nights",
        )
    if (found := sha256_of(_bytes_of(data))) != envelope.file:
        raise SignatureRefused(
            f"The envelope is for a file with the SHA-256 {envelope.file}, this one has {found}; hand in the file that "
            "was signed, unchanged, or sign this one.",
            "other file",
        )
    if envelope.serial <= last_serial:
        raise SignatureRefused(
            f"The envelope has the serial number {envelope.serial}, and {last_serial} came before; sign the file again "
            f"with {last_serial + 1} or higher.",
            "replayed",
        )


def _fits(envelope: Envelope, raw: bytes) -> bool:
    need_cryptography("Checking a signature")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(envelope.signature), envelope.signed_bytes)
    except InvalidSignature:
        return False
    return True


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        parts = json.loads(data.decode("utf-8"), object_pairs_hook=_each_once)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"The envelope is no JSON in UTF-8 ({str(error)[:100]}); hand in the file that `trial sign` wrote."
        ) from error
    if not isinstance(parts, dict):
        raise InputError("The envelope holds no keys and values; hand in the file that `trial sign` wrote.")
    return parts


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(names) < 100 else names[:1]
        raise InputError(
            f"The envelope has the key {shown(twice[0])} more than once, so that it can be read in two ways; hand in "
            "the file that `trial sign` wrote."
        )
    return found


def _signed_bytes(signed: Mapping[str, Any]) -> bytes:
    return SEPARATOR + canonical_json(dict(signed))


def _bytes_of(data: Any) -> bytes:
    if not isinstance(data, bytes):
        raise InputError(f"{type(data).__name__} was given; give the bytes of the file.")
    return data


def _few(nights: tuple[str, ...]) -> str:
    more = f" and {len(nights) - 3} more" if len(nights) > 3 else ""
    return f"{', '.join(nights[:3])}{more}" if nights else "no night"
