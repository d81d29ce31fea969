"""Envelopes: one form, every part checked, and nothing accepted that was not signed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.keys import Envelope, SignatureRefused, fingerprint, read_envelope, sign_submission, verify
from tests.trial.keys import naive_ed25519 as naive
from tests.trial.keys.vectors import NOW, PLAN, RFC_8032, SEEDS, private_key

DATA = b"area,kind,cell,rank\nE09000007,burglary,12,1\n"
PRIVATE, OTHER = private_key(0), private_key(1)
PUBLIC = PRIVATE.public_key()
NIGHTS = ("2018-07-01", "2018-07-02")


def signed(data=DATA, private=PRIVATE, **changed):
    given_parts = {"plan": PLAN, "label": "A", "nights": NIGHTS, "serial": 7, "now": NOW, **changed}
    return sign_submission(data, private, **given_parts)


ENVELOPE = signed()
BYTES = ENVELOPE.to_bytes()
PARTS = json.loads(BYTES)


def code_of(envelope, data=DATA, public=PUBLIC, **expected):
    with pytest.raises(SignatureRefused) as caught:
        verify(envelope, data, public, **expected)
    assert str(caught.value) == caught.value.reason
    assert len(caught.value.reason) > 40
    return caught.value.code


def rewritten(**changed):
    """The envelope with other parts, in the one form, with the old signature."""
    return canonical_json({**PARTS, **changed})


# One form ---------------------------------------------------------------------------------------------------


def test_an_envelope_as_it_was_always_written():
    # Written by hand, signed by the judge: a change of the form would make all envelopes handed in before worthless.
    mark = hashlib.sha256(bytes.fromhex(RFC_8032[0][1])).hexdigest()
    key = "-".join(mark[start : start + 4] for start in range(0, 64, 4))
    before = (
        f'{{"file":"{hashlib.sha256(DATA).hexdigest()}","key":"{key}","label":"A","nights":["2018-07-01","2018-07-02"],'
        f'"plan":"{PLAN}","schema":"predpol_eval.envelope/1","serial":7,'
    )
    after = '"signed_at":"2018-07-01T17:59:59.123456Z"}'
    message = "predpol_eval: signature of a submission, version 1\n" + before + after
    signature = base64.b64encode(naive.sign(SEEDS[0], message.encode())).decode()
    assert f'{before}"signature":"{signature}",{after}'.encode() == BYTES
    assert ENVELOPE.sha256 == hashlib.sha256(BYTES).hexdigest()


def test_it_is_read_as_it_was_written():
    assert read_envelope(BYTES) == ENVELOPE
    verify(read_envelope(BYTES), DATA, PUBLIC)
    verify(ENVELOPE, DATA, PUBLIC.public_bytes_raw(), plan=PLAN, label="A", nights=NIGHTS[::-1], last_serial=6)


def test_nights_are_put_in_order_each_once():
    assert signed(nights=[NIGHTS[1], NIGHTS[0], NIGHTS[1]]).nights == NIGHTS
    assert signed(nights=iter(NIGHTS)) == ENVELOPE


def test_the_moment_is_written_in_utc():
    assert signed(now=NOW.astimezone(timezone(timedelta(hours=-7)))) == ENVELOPE
    with pytest.raises(InputError, match="no time zone"):
        signed(now=datetime(2018, 7, 1))


@pytest.mark.parametrize(
    "other",
    [
        BYTES + b"\n",
        b" " + BYTES,
        BYTES.replace(b'":', b'": '),
        json.dumps(PARTS).encode(),
        json.dumps(dict(reversed(PARTS.items())), separators=(",", ":")).encode(),
        BYTES.replace(b'"A"', b'"\\u0041"'),
        BYTES.replace(b"envelope/1", b"envelope\\/1"),
    ],
    ids=["newline", "blank", "blanks", "spread", "other order", "escaped", "slash"],
)
def test_a_second_form_of_the_same_content_is_refused(other):
    assert json.loads(other) == PARTS
    with pytest.raises(InputError, match="another form"):
        read_envelope(other)


@pytest.mark.parametrize("other", ["\ufeff", "utf-16", "latin-1", "broken"])
def test_other_encodings_are_refused(other):
    text = BYTES.decode()
    data = {
        "\ufeff": b"\xef\xbb\xbf" + BYTES,
        "utf-16": text.encode("utf-16"),
        "latin-1": text.replace('"A"', '"Ä"').encode("latin-1"),
        "broken": BYTES[:50] + b"\xff" + BYTES[50:],
    }[other]
    with pytest.raises(InputError, match="no JSON in UTF-8"):
        read_envelope(data)


# Parts ------------------------------------------------------------------------------------------------------

BAD_PARTS = [
    ("schema", ["predpol_eval.envelope/2", "", 1, None, "predpol_eval.envelope/1 "]),
    ("plan", ["ab" * 31, "AB" * 32, "ab" * 33, "zz" * 32, None, 5, ["ab" * 32], "ab" * 32 + "\n", "٣" * 64]),
    ("file", ["", "ab" * 31, True, {}]),
    ("label", ["", "../A", "A" * 21, "A\n", None, 7, "Ä"]),
    ("nights", [
        [], "2018-07-01", None, {}, ["2018-07-02", "2018-07-01"], ["2018-07-01", "2018-07-01"], ["2018-02-29"],
        ["2018-7-1"], ["20180701"], [20180701], [None], [["2018-07-01"]], ["2018-07-01\n"], ["2018-W27-7"],
        ["٢٠١٨-07-01"],
        [f"{year}-01-01" for year in range(1000, 2001)],
    ]),
    ("serial", [0, -1, 1.0, True, "7", None, 2**53, 10**400, [7]]),
    ("signed_at", ["2018-07-01T17:59:59Z", "2018-07-01T17:59:59.123456+00:00", "2018-13-01T17:59:59.123456Z", 5, None,
                   "2018-07-01T17:59:59.123456Z\n", "x" * 50]),
    ("key", ["", PARTS["key"].upper(), PARTS["key"].replace("-", ""), PARTS["key"] + "-0000", None, 5]),
    ("signature", [
        PARTS["signature"][:-1], PARTS["signature"][:-2], PARTS["signature"] + "=", PARTS["signature"] + "\n", "!" * 88,
        "AAAA", base64.b64encode(bytes(65)).decode(), base64.b64encode(bytes(63)).decode(), 5, [], "ä" * 88,
        PARTS["signature"][:40] + "\n" + PARTS["signature"][40:], base64.urlsafe_b64encode(b"\xff" * 64).decode(),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD_PARTS for value in values])
def test_a_part_of_another_form_is_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"(?m)^  - {name}"):
        read_envelope(json.dumps({**PARTS, name: value}, sort_keys=True, separators=(",", ":")).encode())
    plain = tuple(value) if name == "nights" and isinstance(value, list) else value
    with pytest.raises(InputError, match=f"(?m)^  - {name}"):
        dataclasses.replace(ENVELOPE, **{name: plain})


def test_the_bits_left_over_at_the_end_of_base64_are_zero():
    # 64 bytes leave 4 bits over: 15 other texts stand for the same bytes.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = PARTS["signature"][85]
    others = [letter for letter in letters if letters.index(letter) // 16 == letters.index(last) // 16]
    others.remove(last)
    assert len(others) == 15
    for letter in others:
        text = PARTS["signature"][:85] + letter + "=="
        assert base64.b64decode(text) == base64.b64decode(PARTS["signature"])
        with pytest.raises(InputError, match="signature"):
            read_envelope(rewritten(signature=text))


def test_the_greatest_and_least_parts_are_read():
    for changed in ({"serial": 1}, {"serial": 2**53 - 1}, {"label": "a" * 20}, {"nights": ["2020-02-29"]}):
        name, value = next(iter(changed.items()))
        found = getattr(signed(**changed), name)
        assert found == (tuple(value) if name == "nights" else value)
    nights = [(datetime(2018, 1, 1) + timedelta(days=day)).strftime("%Y-%m-%d") for day in range(1000)]
    many = signed(nights=nights)
    assert read_envelope(many.to_bytes()) == many


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as caught:
        read_envelope(canonical_json({"signature": "x", "serial": 0, "label": "../A", "vendor": "?"}))
    for fault in (
        "'vendor' is not known",
        "'plan' is missing",
        "'key' is missing",
        "- label",
        "- serial",
        "- signature",
    ):
        assert fault in str(caught.value)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_part_that_is_missing_is_refused(name):
    parts = {key: value for key, value in PARTS.items() if key != name}
    with pytest.raises(InputError, match="no signature" if name == "signature" else f"'{name}' is missing"):
        read_envelope(canonical_json(parts))


@pytest.mark.parametrize("name", [*sorted(PARTS), "vendor"])
def test_a_part_that_is_there_twice_is_refused(name):
    pair = json.dumps({name: PARTS.get(name, 1)}, separators=(",", ":"))[1:-1].encode()
    with pytest.raises(InputError, match=f"(vendor|{name}).*(more than once|not known)"):
        read_envelope(b"{" + pair + b"," + BYTES[1:])


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 30_000,
        b'{"serial":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"a":' * 10_000,
        b'{"serial":' + b"9" * 60_000 + b"}",
        b'{"serial":1e999,"signature":"x"}',
        b'{"serial":NaN,"signature":"x"}',
        b'{"serial":-Infinity,"signature":"x"}',
        b"null",
        b"[]",
        b'"text"',
        b"7",
        b"{}x",
        b"\x00" * 100,
        b'{"' + b'":0,"'.join(str(number).encode() for number in range(5000)) + b'":0,"signature":"x"}',
        b"{" + b'"a":0,' * 9000 + b'"signature":"x"}',
    ],
    ids=lambda data: data[:12].decode(),
)
def test_hostile_texts_are_refused_in_few_words(data):
    with pytest.raises(InputError) as caught:
        read_envelope(data)
    assert len(str(caught.value)) < 3000


def test_more_than_64_kib_are_not_looked_at():
    with pytest.raises(InputError, match="at most 65536"):
        read_envelope(BYTES + b" " * 65536)
    with pytest.raises(InputError, match="another form"):
        read_envelope(BYTES + b" " * (65536 - len(BYTES)))


@pytest.mark.parametrize("other", [BYTES.decode(), 5, [BYTES]])
def test_what_is_no_bytes_is_refused(other):
    with pytest.raises(InputError, match="give the bytes"):
        read_envelope(other)


# Signatures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, b""])
def test_no_envelope_is_not_signed(nothing):
    with pytest.raises(SignatureRefused) as caught:
        read_envelope(nothing)
    assert caught.value.code == "not signed"
    assert code_of(None) == "not signed"


@pytest.mark.parametrize("signature", ["", None])
def test_no_signature_is_not_signed(signature):
    with pytest.raises(SignatureRefused) as caught:
        read_envelope(rewritten(signature=signature))
    assert caught.value.code == "not signed"


def test_each_refusal_has_its_code():
    assert code_of(ENVELOPE, public=OTHER.public_key()) == "wrong key"
    # Another vendor's signature under the registered key's name.
    theirs = dataclasses.replace(signed(private=OTHER), key=fingerprint(PUBLIC))
    assert code_of(theirs) == "wrong signature"
    assert code_of(ENVELOPE, data=DATA + b"\n") == "other file"
    assert code_of(ENVELOPE, data=b"") == "other file"
    assert code_of(ENVELOPE, plan="cd" * 32) == "other plan"
    assert code_of(ENVELOPE, label="B") == "other label"
    assert code_of(ENVELOPE, nights=NIGHTS[:1]) == "other nights"
    assert code_of(ENVELOPE, nights=[*NIGHTS, "2018-07-03"]) == "other nights"
    assert code_of(ENVELOPE, nights=[]) == "other nights"
    assert code_of(ENVELOPE, last_serial=7) == "replayed"
    assert code_of(ENVELOPE, last_serial=8) == "replayed"


@pytest.mark.parametrize(
    "changed",
    [
        {"plan": "cd" * 32},
        {"label": "B"},
        {"nights": NIGHTS[:1]},
        {"file": hashlib.sha256(b"other").hexdigest()},
        {"serial": 8},
        {"signed_at": "2018-07-01T17:59:59.123457Z"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_part_is_signed(changed):
    data = b"other" if "file" in changed else DATA
    assert code_of(dataclasses.replace(ENVELOPE, **changed), data=data) == "wrong signature"


def test_a_signature_made_for_something_else_does_not_fit():
    bare = base64.b64encode(PRIVATE.sign(canonical_json({k: v for k, v in PARTS.items() if k != "signature"}))).decode()
    assert code_of(dataclasses.replace(ENVELOPE, signature=bare)) == "wrong signature"
    of_file = base64.b64encode(PRIVATE.sign(DATA)).decode()
    assert code_of(dataclasses.replace(ENVELOPE, signature=of_file)) == "wrong signature"


def test_a_signature_cannot_be_written_in_a_second_way():
    # S and S + order solve the same equation; only the first is allowed, else one file had two envelopes.
    raw = base64.b64decode(ENVELOPE.signature)
    second = int.from_bytes(raw[32:], "little") + naive.ORDER
    text = base64.b64encode(raw[:32] + second.to_bytes(32, "little")).decode()
    assert code_of(dataclasses.replace(ENVELOPE, signature=text)) == "wrong signature"


def test_every_flipped_bit_of_a_signature_is_refused():
    raw = base64.b64decode(ENVELOPE.signature)
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        text = base64.b64encode(bytes(flipped)).decode()
        assert code_of(dataclasses.replace(ENVELOPE, signature=text)) == "wrong signature", bit


def test_every_flipped_bit_of_an_envelope_is_refused():
    read = 0
    for bit in range(8 * len(BYTES)):
        flipped = bytearray(BYTES)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            envelope = read_envelope(bytes(flipped))
        except InputError:
            continue
        read += 1
        assert code_of(envelope) in {"wrong key", "wrong signature"}, bit
    # Digits of hashes become other digits, and so on: these are left to the signature.
    assert read > 500


def test_every_flipped_bit_of_a_file_is_refused():
    for bit in range(8 * len(DATA)):
        flipped = bytearray(DATA)
        flipped[bit // 8] ^= 1 << bit % 8
        assert code_of(ENVELOPE, data=bytes(flipped)) == "other file", bit


def test_a_file_whose_hash_is_nearly_the_same_is_refused():
    right = hashlib.sha256(DATA).hexdigest()
    files = [DATA + str(number).encode() for number in range(3000)]
    for same in (lambda other: other[:2] == right[:2], lambda other: other[-2:] == right[-2:]):
        near = next(data for data in files if same(hashlib.sha256(data).hexdigest()))
        assert code_of(ENVELOPE, data=near) == "other file"


def test_a_weak_key_verifies_nothing():
    with pytest.raises(InputError, match="not safe"):
        verify(ENVELOPE, DATA, naive.encoded(naive.NEUTRAL))


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"data": "text"}, "str was given"),
        ({"private": PUBLIC}, "private Ed25519 key"),
        ({"private": SEEDS[0]}, "bytes was given"),
        ({"plan": "x"}, "plan is 'x'"),
        ({"label": "../A"}, "no label"),
        ({"nights": "2018-07-01"}, "give a list of nights"),
        ({"nights": 5}, "give a list of nights"),
        ({"nights": [5]}, "no text"),
        ({"nights": []}, "0 nights"),
        ({"nights": ["tonight"]}, "tonight"),
        ({"serial": 0}, "serial is 0"),
    ],
)
def test_nothing_is_signed_that_could_not_be_read(changed, found):
    with pytest.raises(InputError, match=found):
        signed(**changed)


def test_verify_asks_for_bytes():
    with pytest.raises(InputError, match="str was given"):
        verify(ENVELOPE, DATA.decode(), PUBLIC)


def test_refusals_come_back_whole_from_another_process():
    refusal = pickle.loads(pickle.dumps(SignatureRefused("It was replayed.", "replayed")))
    assert (refusal.reason, refusal.code, str(refusal)) == ("It was replayed.", "replayed", "It was replayed.")
    with pytest.raises(InputError, match="no code"):
        SignatureRefused("Why not.", "bad")


# Any bytes --------------------------------------------------------------------------------------------------

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
names = st.sampled_from([*PARTS, "vendor"])
written = st.dictionaries(names, values | st.sampled_from(list(PARTS.values())), max_size=10).map(
    lambda parts: json.dumps({**PARTS, **parts}, sort_keys=True, separators=(",", ":")).encode()
)


@st.composite
def cut_and_pasted(draw):
    start, end = sorted((draw(st.integers(0, len(BYTES))), draw(st.integers(0, len(BYTES)))))
    return BYTES[:start] + draw(st.binary(max_size=20)) + BYTES[end:]


@given(st.binary(max_size=200) | written | cut_and_pasted())
def test_any_bytes_are_refused_or_written_again_the_same(data):
    try:
        envelope = read_envelope(data)
    except InputError:
        return
    assert envelope.to_bytes() == data
    assert isinstance(envelope, Envelope)
    if data != BYTES:
        assert code_of(envelope) in {"wrong key", "wrong signature"}


DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{number}" for port in ("COM", "LPT") for number in range(10))}
night = st.dates().filter(lambda day: day.year >= 1000).map(str)


@given(
    st.binary(max_size=100),
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}", fullmatch=True).filter(
        lambda label: label.lower() not in "con prn"
    ),
    st.sets(night, min_size=1, max_size=5),
    st.integers(1, 2**53 - 1),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)),
)
def test_whatever_is_signed_is_read_and_verified(data, label, nights, serial, now):
    envelope = signed(data, label=label, nights=nights, serial=serial, now=now)
    assert read_envelope(envelope.to_bytes()) == envelope
    verify(envelope, data, PUBLIC, plan=PLAN, label=label, nights=nights, last_serial=serial - 1)
    assert code_of(envelope, data=data, last_serial=serial) == "replayed"
