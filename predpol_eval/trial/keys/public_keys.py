"""Public keys: which 32 bytes may be one, and the fingerprint that people compare."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from predpol_eval.errors import InputError
from predpol_eval.trial.keys.cryptography_extra import need_cryptography

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    PublicKey: TypeAlias = Ed25519PublicKey | bytes

LENGTH = 32
# The curve of Ed25519, as in RFC 8032, section 5.1: -x^2 + y^2 = 1 + d x^2 y^2 modulo _P, and _ORDER the number of
# points that an honest key can be.
_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)

# x, y, z with x/z and y/z on the curve, so that no step has to divide.
_Point: TypeAlias = tuple[int, int, int]
_NEUTRAL: _Point = (0, 1, 1)


def raw_public(public: PublicKey) -> bytes:
    """Give the 32 bytes of a public key that can be relied on.

    Parameters
    ----------
    public : Ed25519PublicKey or bytes
        A key, or its raw 32 bytes.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If it is no such key, or a weak one: under some keys one signature fits many files, so that nobody could say
        which file was signed. Keys of `keygen` never are.
    """
    raw = public if isinstance(public, bytes) else _raw_of(public)
    if len(raw) != LENGTH:
        raise InputError(f"A public key of {len(raw)} bytes was given; an Ed25519 key has {LENGTH}.")
    fault = _fault_of(raw)
    if fault:
        raise InputError(f"The public key is not safe to use: {fault}. Make a new pair of keys.")
    return raw


def fingerprint(public: PublicKey) -> str:
    """SHA-256 of a public key's 32 bytes, in 16 groups of 4 hexadecimal digits that can be read out.

    Parameters
    ----------
    public : Ed25519PublicKey or bytes
        A key, or its raw 32 bytes.

    Returns
    -------
    str
        79 characters.

    Raises
    ------
    InputError
        If it is no Ed25519 key, or a weak one.

    Examples
    --------
    >>> fingerprint(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))[:19]
    '21fe-31df-a154-a261'
    """
    return fingerprint_of(raw_public(public))


def fingerprint_of(raw: bytes) -> str:
    """Fingerprint of 32 bytes that `raw_public` has already judged."""
    digits = hashlib.sha256(raw).hexdigest()
    return "-".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _raw_of(public: Any) -> bytes:
    need_cryptography("Reading a key")
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(public, Ed25519PublicKey):
        raise InputError(f"A public Ed25519 key or its {LENGTH} bytes were expected, found {type(public).__name__}.")
    return public.public_bytes_raw()


@lru_cache(maxsize=1024)
def _fault_of(raw: bytes) -> str | None:
    """Say why 32 bytes are no key, after RFC 8032, section 5.1.3, and with the order checked."""
    number = int.from_bytes(raw, "little")
    x_is_odd, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return "it is written in a second form of the same key"
    above, below = (y * y - 1) % _P, (_D * y * y + 1) % _P
    square = above * pow(below, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - square) % _P:
        return "its bytes are no point of the curve"
    if x == 0 and x_is_odd:
        return "it is written in a second form of the same key"
    # Which of x and -x is meant does not matter here: both points have one order.
    point = (x, y, 1)
    if _is_neutral(point) or not _is_neutral(_times(_ORDER, point)):
        return "it belongs to no secret key alone (a point of small or mixed order)"
    return None


def _add(first: _Point, second: _Point) -> _Point:
    # The addition that holds for any two points of this curve (Bernstein and others 2008, section 6).
    (x1, y1, z1), (x2, y2, z2) = first, second
    a = z1 * z2 % _P
    b = a * a % _P
    c, d = x1 * x2 % _P, y1 * y2 % _P
    e = _D * c * d % _P
    f, g = (b - e) % _P, (b + e) % _P
    cross = ((x1 + y1) * (x2 + y2) - c - d) % _P
    return a * f * cross % _P, a * g * (d + c) % _P, f * g % _P


def _times(number: int, point: _Point) -> _Point:
    found = _NEUTRAL
    for bit in bin(number)[2:]:
        found = _add(found, found)
        if bit == "1":
            found = _add(found, point)
    return found


def _is_neutral(point: _Point) -> bool:
    x, y, z = point
    return x == 0 and (y - z) % _P == 0
