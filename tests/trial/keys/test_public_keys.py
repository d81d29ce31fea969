"""Which 32 bytes may be a public key, and its fingerprint."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.keys import fingerprint, read_public
from predpol_eval.trial.keys.public_keys import raw_public
from tests.trial.keys import naive_ed25519 as naive
from tests.trial.keys.vectors import RFC_8032, private_key, public_pem

WEAK = [naive.encoded(point) for point in naive.small_points()]
GOOD = [bytes.fromhex(public) for _, public, *_ in RFC_8032]


@pytest.mark.parametrize("vector", RFC_8032, ids=["test 1", "test 2", "test 3"])
def test_the_judge_gives_the_known_answers(vector):
    seed, public, message, signature = (bytes.fromhex(part) for part in vector)
    assert naive.public(seed) == public
    assert naive.sign(seed, message) == signature


@pytest.mark.parametrize("raw", GOOD)
def test_a_fingerprint_is_the_sha256_in_groups(raw):
    mark = fingerprint(raw)
    assert mark.replace("-", "") == hashlib.sha256(raw).hexdigest()
    assert [len(group) for group in mark.split("-")] == [4] * 16


def test_a_key_and_its_bytes_have_one_fingerprint():
    public = private_key(1).public_key()
    assert fingerprint(public) == fingerprint(public.public_bytes_raw()) == fingerprint(GOOD[1])
    assert len({fingerprint(raw) for raw in GOOD}) == 3


def test_under_a_weak_key_one_signature_fits_every_file():
    # Why weak keys are refused: the library behind takes this one.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    neutral = naive.encoded(naive.NEUTRAL)
    for message in (b"one file", b"another"):
        Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), message)
    assert neutral in WEAK


def test_there_are_eight_points_of_small_order():
    assert len(set(WEAK)) == 8
    assert bytes(32) in WEAK


@pytest.mark.parametrize("raw", WEAK, ids=[raw.hex()[:8] for raw in WEAK])
def test_points_of_small_order_are_refused(raw):
    with pytest.raises(InputError, match="no secret key alone"):
        fingerprint(raw)
    with pytest.raises(InputError, match="no secret key alone"):
        read_public(public_pem(raw))


@pytest.mark.parametrize("number", range(1, 8))
def test_points_of_mixed_order_are_refused(number):
    honest = naive.times(12345, naive.BASE)
    assert raw_public(naive.encoded(honest)) == naive.encoded(honest)
    mixed = naive.add(honest, naive.small_points()[number])
    with pytest.raises(InputError, match="no secret key alone"):
        raw_public(naive.encoded(mixed))


@pytest.mark.parametrize(
    "number",
    [naive.P, naive.P + 1, naive.P | 1 << 255, naive.P + 1 | 1 << 255, 1 | 1 << 255, naive.P - 1 | 1 << 255],
    ids=["p", "p+1", "p, odd", "p+1, odd", "1, odd", "-1, odd"],
)
def test_second_forms_of_a_point_are_refused(number):
    with pytest.raises(InputError, match="second form"):
        raw_public(number.to_bytes(32, "little"))


def test_bytes_off_the_curve_are_refused():
    off = [y for y in range(2, 40) if naive.on_curve(y) is None]
    assert len(off) > 5
    for y in off:
        with pytest.raises(InputError, match="no point of the curve"):
            raw_public(y.to_bytes(32, "little"))


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), GOOD[0] + b"\n"])
def test_another_length_is_refused(raw):
    with pytest.raises(InputError, match=f"{len(raw)} bytes"):
        fingerprint(raw)


@pytest.mark.parametrize("other", [None, "d75a", private_key(0), 5])
def test_what_is_no_public_key_is_refused(other):
    with pytest.raises(InputError, match="public Ed25519 key"):
        fingerprint(other)


@given(st.binary(min_size=32, max_size=32))
def test_only_points_of_the_full_order_pass(raw):
    number = int.from_bytes(raw, "little")
    x, y = naive.on_curve((number % 2**255) % naive.P), number % 2**255
    honest = x is not None and y < naive.P and naive.times(naive.ORDER, (x, y)) == naive.NEUTRAL
    try:
        assert raw_public(raw) == raw
    except InputError:
        assert not honest
    else:
        assert honest


@given(st.integers(1, 2**252))
def test_every_multiple_of_the_base_passes(number):
    raw = naive.encoded(naive.times(number, naive.BASE))
    assert raw_public(raw) == raw
