"""The register of keys: which key of a submitter was in force when, read from the records of a ledger."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_moment, utc_text
from predpol_eval.trial.keys.envelope import Envelope, verify
from predpol_eval.trial.keys.envelope_form import shown
from predpol_eval.trial.keys.labels import check_label
from predpol_eval.trial.keys.public_keys import fingerprint, raw_public
from predpol_eval.trial.keys.refusal import SignatureRefused

if TYPE_CHECKING:
    from predpol_eval.trial.keys.public_keys import PublicKey

KEY, REVOKED = "key", "key revoked"
_RAW_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)


class DatedRecord(Protocol):
    """What the register reads of a record."""

    @property
    def number(self) -> int:
        """Place in the ledger."""

    @property
    def kind(self) -> str:
        """Only ``"key"`` and ``"key revoked"`` matter here."""

    @property
    def at(self) -> str | datetime:
        """When it was written."""

    @property
    def body(self) -> Mapping[str, Any]:
        """What it says."""


@dataclass(frozen=True, kw_only=True)
class RegisteredKey:
    """One key of one submitter, in force from the moment of its record to that of its revocation.

    Attributes
    ----------
    label, fingerprint : str
    public : bytes
        The raw 32 bytes.
    record : int
        Number of the record that registered it.
    since : datetime
        From this moment it counts.
    until : datetime or None
        From this moment on it does not; None if it was not revoked.
    """

    label: str
    fingerprint: str
    public: bytes
    record: int
    since: datetime
    until: datetime | None = None

    def in_force(self, moment: datetime) -> bool:
        """Whether a file received at this moment may be signed with it."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True)
class KeyRegister:
    """All keys that were ever registered; read it with `from_records`.

    Parameters
    ----------
    keys : tuple of RegisteredKey
        In the order of their records.
    """

    keys: tuple[RegisteredKey, ...] = ()

    @classmethod
    def from_records(cls, records: Iterable[DatedRecord]) -> KeyRegister:
        """Read the register from the records of a ledger.

        Parameters
        ----------
        records : iterable
            In the order of their numbers; other kinds than "key" and "key revoked" are passed over.

        Returns
        -------
        KeyRegister

        Raises
        ------
        InputError
            If a record breaks a rule, all of them at once by number: a key for two labels, a second key for a label
            whose first was not revoked, a key registered again, the revocation of a key that is not in force, a
            weak or damaged key, or records out of order.
        """
        found = cls()
        faults = []
        last_number, last_at = -1, datetime.min.replace(tzinfo=UTC)
        for record in records:
            if record.kind not in (KEY, REVOKED):
                continue
            try:
                at = _moment(record.at)
                if record.number <= last_number or at < last_at:
                    raise InputError("it stands after a record with a higher number or a later moment")
                last_number, last_at = record.number, at
                found = found._with(record, at)
            except InputError as error:
                faults.append(f"  - record {record.number} ({record.kind}): {error}")
        if faults:
            raise InputError("The keys cannot be read from the ledger:\n" + "\n".join(faults))
        return found

    def of(self, label: str, moment: datetime | str) -> RegisteredKey | None:
        """Key of a label that is in force at a moment, or None.

        Parameters
        ----------
        label : str
        moment : datetime or str
            With a time zone, or as records have it.
        """
        at = _moment(moment)
        return next((key for key in self.keys if key.label == label and key.in_force(at)), None)

    def new_key(self, label: str, public: PublicKey, reason: str) -> dict[str, str]:
        """Body of a record of the kind "key", if that key may be registered now.

        Parameters
        ----------
        label : str
        public : Ed25519PublicKey or bytes
        reason : str
            In plain words, for the record.

        Returns
        -------
        dict
            ``label``, ``public`` (64 hexadecimal digits), ``fingerprint`` and ``reason``.

        Raises
        ------
        InputError
            If it may not: see `from_records`.
        """
        raw = raw_public(public)
        body = {"label": label, "public": raw.hex(), "fingerprint": fingerprint(raw), "reason": reason}
        self._refuse_key(body)
        return body

    def revocation(self, label: str, fingerprint: str, reason: str) -> dict[str, str]:
        """Body of a record of the kind "key revoked", if that key is in force.

        Raises
        ------
        InputError
            If it is not.
        """
        body = {"label": label, "fingerprint": fingerprint, "reason": reason}
        self._revoked_key(body)
        return body

    def check(
        self,
        envelope: Envelope | None,
        data: bytes,
        *,
        received_at: datetime | str,
        plan: str,
        last_serial: int,
        label: str | None = None,
        nights: Iterable[str] | None = None,
    ) -> None:
        """Refuse a file that was not signed, for this trial, by the key of its label that was in force.

        Parameters
        ----------
        envelope : Envelope or None
        data : bytes
            The file.
        received_at : datetime or str
            The moment of the receipt: a key revoked later does no harm to what was received before.
        plan : str
            SHA-256 of the plan.
        last_serial : int
            Highest serial number accepted before from this label, 0 if there was none.
        label : str, optional
            Under which the file was handed in; default: what the envelope says.
        nights : iterable of str, optional
            For which it was handed in; default likewise.

        Raises
        ------
        SignatureRefused
            With a reason that can be sent back, and a code.
        InputError
            If an argument cannot be used, or `cryptography` is missing.
        """
        at = _moment(received_at)
        if type(last_serial) is not int or last_serial < 0:
            raise InputError(f"last_serial={shown(last_serial)}; give the highest serial number accepted, or 0.")
        if not isinstance(plan, str):
            raise InputError(f"plan= is of type {type(plan).__name__}; give the SHA-256 of the plan.")
        if envelope is None:
            verify(None, data, b"")
            return
        key = next((key for key in self.keys if key.fingerprint == envelope.key), None)
        # Whose key it is instead is not told: it is nobody else's business.
        if key is None or key.label != envelope.label:
            raise SignatureRefused(
                f"The key {envelope.key} is not registered for {envelope.label!r}; sign with the registered key, or "
                "have this one registered.",
                "wrong key",
            )
        if at < key.since:
            raise SignatureRefused(
                f"The key {envelope.key} was registered at {utc_text(key.since)}, after the file was received at "
                f"{utc_text(at)}; hand it in again.",
                "wrong key",
            )
        if key.until is not None and at >= key.until:
            raise SignatureRefused(
                f"The key {envelope.key} was revoked at {utc_text(key.until)}, and the file was received at "
                f"{utc_text(at)}; sign with the key that replaced it.",
                "wrong key",
            )
        verify(envelope, data, key.public, plan=plan, label=label, nights=nights, last_serial=last_serial)

    def _with(self, record: DatedRecord, at: datetime) -> KeyRegister:
        body = record.body
        if not isinstance(body, Mapping):
            raise InputError("its body holds no keys and values")
        if record.kind == REVOKED:
            revoked = self._revoked_key(body)
            return KeyRegister(tuple(replace(key, until=at) if key is revoked else key for key in self.keys))
        self._refuse_key(body)
        new = RegisteredKey(
            label=body["label"],
            fingerprint=body["fingerprint"],
            public=bytes.fromhex(body["public"]),
            record=record.number,
            since=at,
        )
        return KeyRegister((*self.keys, new))

    def _refuse_key(self, body: Mapping[str, Any]) -> None:
        label = check_label(_text(body, "label"))
        public, mark = _text(body, "public"), _text(body, "fingerprint")
        _text(body, "reason")
        if not _RAW_HEX.fullmatch(public):
            raise InputError(f"its public key is {shown(public)}; expected are 64 hexadecimal digits in small letters.")
        if fingerprint(bytes.fromhex(public)) != mark:
            raise InputError(f"its fingerprint is {shown(mark)}, that of its public key is another.")
        for key in self.keys:
            if key.fingerprint == mark and key.label != label:
                raise InputError(f"the key {mark} was registered for {key.label!r}; every label has its own key.")
            if key.fingerprint == mark:
                state = "is registered" if key.until is None else "was revoked"
                raise InputError(f"the key {mark} {state} already and cannot be registered again; make a new pair.")
            if key.label == label and key.until is None:
                raise InputError(f"{label!r} has the key {key.fingerprint}; revoke it before another is registered.")

    def _revoked_key(self, body: Mapping[str, Any]) -> RegisteredKey:
        label, mark = _text(body, "label"), _text(body, "fingerprint")
        _text(body, "reason")
        for key in self.keys:
            if key.fingerprint == mark and key.label == label:
                if key.until is not None:
                    raise InputError(f"the key {mark} was revoked already, at {utc_text(key.until)}.")
                return key
        raise InputError(f"the key {shown(mark)} is not registered for {shown(label)}, so it cannot be revoked.")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} is {shown(value)}; a text is expected.")
    return value


def _moment(value: datetime | str) -> datetime:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InputError(f"The moment {value.isoformat()} has no time zone; give one, for instance UTC.")
        return value.astimezone(UTC)
    return utc_moment(value)
