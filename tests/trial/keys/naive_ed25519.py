"""Ed25519 as RFC 8032 states it, slow and obvious: the judge of what was signed and of which keys are weak."""

from __future__ import annotations

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1)


def add(a, b):
    """Add two points by the formula of the curve, with divisions."""
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + t, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, -1, P) % P


def times(number, point):
    """Add a point to itself, so many times."""
    found = NEUTRAL
    while number:
        if number % 2:
            found = add(found, point)
        point = add(point, point)
        number //= 2
    return found


def on_curve(y):
    """Find an even x for a y, or None."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    for root in (pow(square, (P + 3) // 8, P), pow(square, (P + 3) // 8, P) * pow(2, (P - 1) // 4, P) % P):
        if root * root % P == square:
            return root if root % 2 == 0 else P - root
    return None


BASE = (on_curve(4 * pow(5, -1, P) % P), 4 * pow(5, -1, P) % P)


def encoded(point):
    """Write a point as 32 bytes."""
    return (point[1] | (point[0] % 2) << 255).to_bytes(32, "little")


def _secret(seed):
    digest = hashlib.sha512(seed).digest()
    return (int.from_bytes(digest[:32], "little") & (2**254 - 8)) | 2**254, digest[32:]


def public(seed):
    """Public key of a seed."""
    return encoded(times(_secret(seed)[0], BASE))


def sign(seed, message):
    """Signature of a message."""
    number, prefix = _secret(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % ORDER
    first = encoded(times(r, BASE))
    k = int.from_bytes(hashlib.sha512(first + public(seed) + message).digest(), "little") % ORDER
    return first + ((r + k * number) % ORDER).to_bytes(32, "little")


def small_points():
    """List the eight points of small order."""
    for y in range(2, 50):
        x = on_curve(y)
        if x is not None:
            eighth = times(ORDER, (x, y))
            if times(4, eighth) != NEUTRAL:
                return [times(number, eighth) for number in range(8)]
    raise AssertionError("none found")
