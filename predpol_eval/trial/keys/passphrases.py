"""Passphrases, as bytes that are the same on every machine they are typed on."""

from __future__ import annotations

import unicodedata
from typing import Any

from predpol_eval.errors import InputError

SHORTEST, LONGEST = 8, 1000


def passphrase_bytes(passphrase: Any, *, new: bool) -> bytes:
    """Turn a passphrase into bytes; no message ever holds it.

    Parameters
    ----------
    passphrase : str
        Letters with accents count the same whether typed as one sign or as two.
    new : bool
        Whether something is to be protected with it, which asks for 8 characters or more.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If it is no text, empty, or too short to protect anything.

    Examples
    --------
    >>> passphrase_bytes("two for tea", new=True)
    b'two for tea'
    """
    if not isinstance(passphrase, str):
        raise InputError(f"A passphrase of type {type(passphrase).__name__} was given; give a text.")
    if not passphrase or len(passphrase) > LONGEST:
        raise InputError(f"A passphrase has 1 to {LONGEST} characters, this one {len(passphrase)}; give another.")
    if new and len(passphrase) < SHORTEST:
        raise InputError(f"The passphrase has {len(passphrase)} characters; give {SHORTEST} or more.")
    # Halves of characters cannot be written as bytes.
    if any("\ud800" <= sign <= "\udfff" for sign in passphrase):
        raise InputError("The passphrase holds half of a character; give one that can be typed.")
    return unicodedata.normalize("NFC", passphrase).encode("utf-8")
