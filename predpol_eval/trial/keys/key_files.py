"""Files of keys: a pair is made once and never written over, and only a lone Ed25519 key is read."""

from __future__ import annotations

import contextlib
import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.trial.keys.cryptography_extra import need_cryptography
from predpol_eval.trial.keys.labels import check_label
from predpol_eval.trial.keys.passphrases import passphrase_bytes
from predpol_eval.trial.keys.public_keys import fingerprint, raw_public
from predpol_eval.trial.placing import place_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LARGEST = 4096
_PRIVATE_MODE, _PUBLIC_MODE = 0o600, 0o644
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\r\n]*-----END \1-----")
_OPENING = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_PLAIN_PRIVATE, _ENCRYPTED_PRIVATE, _PUBLIC = "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PUBLIC KEY"


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """Where a pair of keys was written; it holds nothing secret.

    Attributes
    ----------
    label : str
        Of the submitter.
    fingerprint : str
        To be compared by voice, or on paper, with whoever registers the key.
    private_file, public_file : path
        The first stays with the submitter, the second is sent.
    """

    label: str
    fingerprint: str
    private_file: Path
    public_file: Path


def keygen(folder: str | Path, label: str, *, passphrase: str | None = None) -> KeyPair:
    """Make a pair of Ed25519 keys and write it as ``<label>.private.pem`` and ``<label>.public.pem``.

    Parameters
    ----------
    folder : path
        Made if need be.
    label : str
        Of the submitter, see `check_label`.
    passphrase : str, optional
        Protects the private file, 8 characters or more.

    Returns
    -------
    KeyPair

    Raises
    ------
    InputError
        If one of the files exists (a lost private key cannot be made again), the folder cannot be written, the label
        or the passphrase will not do, or `cryptography` is missing.
    """
    check_label(label)
    secret = None if passphrase is None else passphrase_bytes(passphrase, new=True)
    need_cryptography("Making keys")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    place = Path(folder)
    private_file, public_file = place / f"{label}.private.pem", place / f"{label}.public.pem"
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption() if secret is None else serialization.BestAvailableEncryption(secret),
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for path in (private_file, public_file):
            if os.path.lexists(path):
                raise FileExistsError(path.name)
        _write_new(private_file, private, _PRIVATE_MODE)
        try:
            _write_new(public_file, public, _PUBLIC_MODE)
        except BaseException:
            # Half a pair would be in the way of the next attempt.
            with contextlib.suppress(OSError):
                private_file.unlink()
            raise
    except FileExistsError as error:
        raise InputError(
            f"There are keys of {label!r}, or other files, in the way in {str(place)!r}; keys are never written over. "
            "Give another folder, or move them away if they were never registered."
        ) from error
    except OSError as error:
        raise InputError(
            f"Keys cannot be written to {str(place)!r} ({error.strerror or error}); give a folder in which files may "
            "be written."
        ) from error
    return KeyPair(
        label=label, fingerprint=fingerprint(key.public_key()), private_file=private_file, public_file=public_file
    )


def read_private(path: str | Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """Read a private key, to sign with.

    Parameters
    ----------
    path : path
    passphrase : str, optional
        If the file is protected by one.

    Returns
    -------
    Ed25519PrivateKey

    Raises
    ------
    InputError
        If the file cannot be read, holds anything but one private Ed25519 key, or the passphrase is wrong.

    Warns
    -----
    PredPolWarning
        If other users of the machine may read the file.
    """
    need_cryptography("Reading a key")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    place = Path(path)
    try:
        with place.open("rb") as handle:
            data = handle.read(LARGEST + 1)
            mode = os.fstat(handle.fileno()).st_mode
    except FileNotFoundError as error:
        raise InputError(f"There is no file {str(place)!r}; `trial keygen` makes a pair of keys.") from error
    except OSError as error:
        raise InputError(f"The key {place.name!r} cannot be read: {error.strerror or error}.") from error
    kind = _only_block(data, "private", (_PLAIN_PRIVATE, _ENCRYPTED_PRIVATE))
    if kind == _ENCRYPTED_PRIVATE and passphrase is None:
        raise InputError(f"The key {place.name!r} is protected by a passphrase; give it.")
    if kind == _PLAIN_PRIVATE and passphrase is not None:
        raise InputError(f"The key {place.name!r} is not protected by a passphrase; give none.")
    secret = None if passphrase is None else passphrase_bytes(passphrase, new=False)
    key = _loaded(lambda: serialization.load_pem_private_key(data, password=secret), "private", secret is not None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{_kind_of(key)} was found; a private Ed25519 key was expected, as `trial keygen` makes it.")
    if os.name != "nt" and mode & 0o077:
        warnings.warn(
            f"Other users of this machine may read the private key {place.name!r}; forbid it: chmod 600.",
            PredPolWarning,
            stacklevel=2,
        )
    return key


def read_public(data: bytes) -> Ed25519PublicKey:
    """Read a public key from the bytes of its file.

    Parameters
    ----------
    data : bytes
        PEM, up to 4 KiB, with one public Ed25519 key and nothing else.

    Returns
    -------
    Ed25519PublicKey

    Raises
    ------
    InputError
        If it is anything else, and what was found: a private key, a certificate, a key of another kind, a weak key.
    """
    need_cryptography("Reading a key")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    _only_block(data, "public", (_PUBLIC,))
    key = _loaded(lambda: serialization.load_pem_public_key(data), "public", False)
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{_kind_of(key)} was found; a public Ed25519 key was expected, as `trial keygen` makes it.")
    raw_public(key)
    return key


def _only_block(data: Any, wanted: str, kinds: tuple[str, ...]) -> str:
    expected = f"one {wanted} Ed25519 key was expected, the file that `trial keygen` wrote"
    if not isinstance(data, bytes):
        raise InputError(f"{type(data).__name__} was found; give the bytes of the file with the key.")
    if len(data) > LARGEST:
        raise InputError(f"More than {LARGEST} bytes were found; {expected}.")
    openings = [found.decode("ascii") for found in _OPENING.findall(data)]
    if not openings:
        what = "An OpenSSH public key" if data.lstrip()[:4] == b"ssh-" else "No key in PEM form"
        raise InputError(f"{what} was found; {expected}.")
    if len(openings) > 1:
        raise InputError(f"{len(openings)} parts were found ({', '.join(openings[:5])}); {expected}, alone.")
    kind = str(openings[0])
    if kind not in kinds:
        warning = " Keep the private key to yourself." if "PRIVATE" in kind and wanted == "public" else ""
        raise InputError(f"A part of the kind {kind} was found; {expected}.{warning}")
    if not _BLOCK.fullmatch(data.strip(b" \t\r\n")):
        raise InputError(f"The part {kind} is damaged, or other text stands beside it; {expected}, alone.")
    return kind


def _loaded(load: Any, wanted: str, protected: bool) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load()
    except UnsupportedAlgorithm as error:
        raise InputError(f"A key of an unknown kind was found; a {wanted} Ed25519 key was expected.") from error
    except (ValueError, TypeError) as error:
        why = "The passphrase is wrong, or the key is damaged" if protected else "The key is damaged"
        raise InputError(f"{why}; a {wanted} Ed25519 key was expected, as `trial keygen` makes it.") from error


def _kind_of(key: object) -> str:
    # Names of classes such as RSAPublicKey, with their underscore where they are hidden.
    return f"A key of the kind {type(key).__name__.lstrip('_')}"


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole, and never over another one."""
    if not place_new(path.parent, path, content, mode=mode):
        raise FileExistsError(path.name)
