"""Who is who, in a sealed file of its own: its hash stands in the ledger, its content nowhere until it is opened."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import unicodedata
from collections.abc import Mapping
from typing import Any

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.keys.blinding import spellings_of
from predpol_eval.trial.keys.cryptography_extra import need_cryptography
from predpol_eval.trial.keys.labels import check_label
from predpol_eval.trial.keys.passphrases import passphrase_bytes

SCHEMA = "predpol_eval.sealed_names/1"
KDF, CIPHER = "scrypt", "ChaCha20-Poly1305"
# 128 MiB and some tenths of a second for every guess of the passphrase.
N, R, P = 2**17, 8, 1
# Asked of a file to be opened: not more than 256 MiB, and not so little that guessing is cheap.
LEAST_N, MOST_N = 2**15, 2**18
SALT_LENGTH, NONCE_LENGTH, TAG_LENGTH, HALF = 16, 12, 16, 32
# Whatever the names, the file has one length.
ROOM = 16 * 1024
LARGEST = 64 * 1024
LONGEST_NAME, MOST_NAMES = 200, 50
_DAMAGED = "The file of sealed names is damaged or no such file ({}); take it from where it was kept first."


def seal_names(names: Mapping[str, str], passphrase: str) -> bytes:
    """Seal who is who.

    Parameters
    ----------
    names : mapping of str to str
        Name by label. Several spellings of a name are parted by semicolons, ``"Crime Maps Ltd; CriMa"``; all of them
        are kept out of outputs (see `find_names`).
    passphrase : str
        8 characters or more. Without it nobody can open the file again.

    Returns
    -------
    bytes
        A JSON text, always of the same length, with all that opening needs but the passphrase.

    Raises
    ------
    InputError
        If a label or a name will not do (no message holds a name), or `cryptography` is missing.
    """
    need_cryptography("Sealing names")
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    secret = passphrase_bytes(passphrase, new=True)
    plain = canonical_json({"names": _checked(names)})
    if len(plain) > ROOM:
        raise InputError(f"The names take {len(plain)} bytes, and there is room for {ROOM}; shorten them.")
    salt, nonce = os.urandom(SALT_LENGTH), os.urandom(NONCE_LENGTH)
    key, check = _derived(secret, salt, N)
    head = {
        "schema": SCHEMA,
        "kdf": KDF,
        "n": N,
        "r": R,
        "p": P,
        "salt": _written(salt),
        "cipher": CIPHER,
        "nonce": _written(nonce),
        # It ties the file to one passphrase: else a file could be made that two passphrases open to different names.
        "check": _written(check),
    }
    sealed = ChaCha20Poly1305(key).encrypt(nonce, plain.ljust(ROOM), canonical_json(head))
    return canonical_json({**head, "sealed": _written(sealed)})


def open_names(data: bytes, passphrase: str) -> dict[str, str]:
    """Open sealed names.

    Parameters
    ----------
    data : bytes
        As `seal_names` gave them.
    passphrase : str

    Returns
    -------
    dict
        Name by label; several spellings are parted by semicolons.

    Raises
    ------
    InputError
        If the passphrase is wrong, the file is damaged, or opening it would take more memory than it should.
    """
    secret = passphrase_bytes(passphrase, new=False)
    head, sealed = _parsed(data)
    need_cryptography("Opening sealed names")
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    key, check = _derived(secret, _raw(head, "salt", SALT_LENGTH), head["n"])
    if not hmac.compare_digest(check, _raw(head, "check", HALF)):
        raise InputError("The passphrase is wrong, or the file of sealed names is damaged; try the passphrase again.")
    try:
        plain = ChaCha20Poly1305(key).decrypt(_raw(head, "nonce", NONCE_LENGTH), sealed, canonical_json(head))
    except InvalidTag as error:
        raise InputError(_DAMAGED.format("its seal is broken")) from error
    names = _names_in(plain)
    if names is None:
        raise InputError(_DAMAGED.format("it holds no names"))
    return names


def commitment(data: bytes) -> str:
    """SHA-256 of sealed names, for the ledger: later nobody can say that others were sealed.

    Parameters
    ----------
    data : bytes
        As `seal_names` gave them.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If it is no file of sealed names.
    """
    _parsed(data)
    return sha256_of(data)


def _checked(names: Any) -> dict[str, str]:
    """Refuse names that cannot be sealed; say whose, never which."""
    if not isinstance(names, Mapping) or not names:
        raise InputError("No names were given; give a name by label, such as {'A': '...'}.")
    if len(names) > MOST_NAMES:
        raise InputError(f"{len(names)} names were given; at most {MOST_NAMES} are sealed.")
    faults = []
    for label, name in names.items():
        check_label(label)
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            faults.append(f"the name of {label!r} is no text of 1 to {LONGEST_NAME} characters")
        elif any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in name):
            faults.append(f"the name of {label!r} holds characters that cannot be printed")
        else:
            try:
                spellings_of(label, name)
            except InputError as error:
                faults.append(str(error))
    if faults:
        listed = "\n".join(f"  - {fault}" for fault in faults)
        raise InputError(f"The names cannot be sealed:\n{listed}")
    return dict(names)


def _derived(secret: bytes, salt: bytes, n: int) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    try:
        both = Scrypt(salt=salt, length=2 * HALF, n=n, r=R, p=P).derive(secret)
    except MemoryError as error:
        raise InputError(f"Sealed names need {128 * R * n // 2**20} MiB of memory to be opened; free some.") from error
    return both[:HALF], both[HALF:]


def _parsed(data: Any) -> tuple[dict[str, Any], bytes]:
    """Read the parts of a file; refuse any but the one form in which it is written."""
    if not isinstance(data, bytes):
        raise InputError(f"{type(data).__name__} was found; give the bytes of the file of sealed names.")
    if len(data) > LARGEST:
        raise InputError(_DAMAGED.format(f"{len(data)} bytes, at most {LARGEST} are read"))
    try:
        parts = json.loads(data.decode("utf-8"))
        same = isinstance(parts, dict) and canonical_json(parts) == data
    except (ValueError, RecursionError) as error:
        raise InputError(_DAMAGED.format("it is no JSON in UTF-8")) from error
    expected = {"schema", "kdf", "n", "r", "p", "salt", "cipher", "nonce", "check", "sealed"}
    if not same or set(parts) != expected:
        raise InputError(_DAMAGED.format("its parts are not as they were written"))
    fixed = {"schema": SCHEMA, "kdf": KDF, "cipher": CIPHER}
    for name, wanted in fixed.items():
        if parts[name] != wanted:
            raise InputError(_DAMAGED.format(f"its {name} is not {wanted}"))
    n, r, p = (parts[name] for name in ("n", "r", "p"))
    whole = all(type(number) is int for number in (n, r, p))
    # Judged before any memory is taken.
    if not whole or (r, p) != (R, P) or not LEAST_N <= n <= MOST_N or n & (n - 1):
        raise InputError(
            _DAMAGED.format(f"its scrypt numbers are not n a power of 2 from {LEAST_N} to {MOST_N}, r {R}, p {P}")
        )
    for name, length in (("salt", SALT_LENGTH), ("nonce", NONCE_LENGTH), ("check", HALF)):
        _raw(parts, name, length)
    sealed = _raw(parts, "sealed", ROOM + TAG_LENGTH)
    return {name: value for name, value in parts.items() if name != "sealed"}, sealed


def _raw(parts: Mapping[str, Any], name: str, length: int) -> bytes:
    try:
        raw = base64.b64decode(parts[name], validate=True) if isinstance(parts[name], str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != length or _written(raw) != parts[name]:
        raise InputError(_DAMAGED.format(f"its {name} is not base64 of {length} bytes"))
    return raw


def _names_in(plain: bytes) -> dict[str, str] | None:
    # No error leaves here: one from the reader of JSON would carry the names with it.
    try:
        content = json.loads(plain.decode("utf-8"))
        return _checked(content["names"]) if set(content) == {"names"} else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _written(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
