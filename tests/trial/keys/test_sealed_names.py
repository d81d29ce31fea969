"""Sealed names: opened by one passphrase only, and silent until then."""

from __future__ import annotations

import base64
import hashlib
import json
import traceback

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.keys import commitment, open_names, seal_names, sealed_names

NAMES = {"A": "Crime Maps Ltd; CriMa", "B": "Nächtliche Eule GmbH", "C": "日立"}
PASSPHRASE = "four words and more"


@pytest.fixture(scope="module", autouse=True)
def cheap():
    # The least that a file may ask for; one test below takes the real number.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_names, "N", sealed_names.LEAST_N)
        yield


@pytest.fixture(scope="module")
def sealed(cheap):
    return seal_names(NAMES, PASSPHRASE)


@pytest.fixture(scope="module")
def parts(sealed):
    return json.loads(sealed)


def test_names_come_out_as_they_went_in(sealed):
    assert open_names(sealed, PASSPHRASE) == NAMES


def test_at_its_real_cost(monkeypatch):
    monkeypatch.setattr(sealed_names, "N", 2**17)
    data = seal_names({"A": "Crime Maps"}, PASSPHRASE)
    found = json.loads(data)
    assert (found["n"], found["r"], found["p"]) == (131072, 8, 1)
    assert open_names(data, PASSPHRASE) == {"A": "Crime Maps"}


def test_the_commitment_is_the_hash_of_the_file(sealed):
    assert commitment(sealed) == hashlib.sha256(sealed).hexdigest()
    with pytest.raises(InputError, match="damaged or no such file"):
        commitment(b"names")


def test_every_sealing_differs_and_has_one_length(sealed):
    longest = {f"label-{number}": "x" * 200 for number in range(50)}
    again = [seal_names(NAMES, PASSPHRASE), seal_names({"A": "abc"}, PASSPHRASE), seal_names(longest, PASSPHRASE)]
    assert {len(data) for data in again} == {len(sealed)}
    for name in ("salt", "nonce", "check", "sealed"):
        assert len({json.loads(data)[name] for data in [sealed, *again]}) == 4


def test_names_do_not_stand_in_the_file(sealed, parts):
    raw = base64.b64decode(parts["sealed"])
    for word in ("Crime", "Eule", "日立", '"A"', 'names":'):
        assert word.encode() not in sealed
        assert word.encode() not in raw


@pytest.mark.parametrize("wrong", ["Four words and more", PASSPHRASE + " ", "x"])
def test_another_passphrase_is_refused(sealed, wrong):
    with pytest.raises(InputError, match="passphrase is wrong"):
        open_names(sealed, wrong)


@pytest.mark.parametrize("passphrase", ["", None, 5, b"four words and more", "half \ud800 of"])
def test_what_is_no_passphrase_is_refused(sealed, passphrase):
    with pytest.raises(InputError, match="passphrase"):
        open_names(sealed, passphrase)
    with pytest.raises(InputError, match="passphrase"):
        seal_names(NAMES, passphrase)


def test_short_passphrases_seal_nothing():
    with pytest.raises(InputError, match="8 or more"):
        seal_names(NAMES, "seven77")


def test_accents_count_however_they_are_typed():
    assert open_names(seal_names(NAMES, "caf\u00e9 noir"), "cafe\u0301 noir") == NAMES


# Damage -----------------------------------------------------------------------------------------------------


def test_every_damaged_byte_is_noticed(sealed, monkeypatch):
    # With the slow step kept, thousands of bytes can be tried: of the long part every 50th, of the others all.
    kept = {}
    derive = sealed_names._derived

    def derived(secret, salt, n):
        return kept[salt, n] if (salt, n) in kept else kept.setdefault((salt, n), derive(secret, salt, n))

    monkeypatch.setattr(sealed_names, "_derived", derived)
    assert open_names(sealed, PASSPHRASE) == NAMES
    start = sealed.index(b'"sealed":"') + 10
    end = sealed.index(b'"', start)
    salt = range(sealed.index(b'"salt":"') + 8, sealed.index(b'"salt":"') + 32)
    places = [place for place in range(len(sealed)) if not start <= place < end or place % 50 == 0]
    tried = 0
    for place in [*places, end - 3, end - 2, end - 1]:
        # Every other salt costs a derivation: one bit of some bytes.
        for bit in range(8) if place not in salt else range(place % 4 == 0):
            damaged = bytearray(sealed)
            damaged[place] ^= 1 << bit
            with pytest.raises(InputError, match="damaged"):
                open_names(bytes(damaged), PASSPHRASE)
            tried += 1
    assert tried > 8 * 600


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -2])
def test_a_file_cut_off_is_refused(sealed, cut):
    with pytest.raises(InputError, match="damaged"):
        open_names(sealed[:cut], PASSPHRASE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2**30), ("n", 2**19), ("n", 2**14), ("n", 2**15 + 1), ("n", 0), ("n", -(2**16)), ("n", 65536.0),
        ("n", True), ("n", "65536"), ("n", 10**300), ("n", None), ("n", [65536]), ("r", 2**20), ("r", 1), ("r", 8.0),
        ("p", 2**20), ("p", 2), ("p", True),
    ],
)  # fmt: skip
def test_absurd_costs_are_refused_before_memory_is_taken(parts, monkeypatch, name, value):
    def never(*_):
        raise AssertionError("the slow step was taken")

    monkeypatch.setattr(sealed_names, "_derived", never)
    with pytest.raises(InputError, match="scrypt numbers"):
        open_names(canonical_json({**parts, name: value}), PASSPHRASE)


def test_costs_at_the_limits_are_tried(parts, monkeypatch):
    asked = []

    def counted(secret, salt, n):
        asked.append(n)
        return bytes(32), bytes(32)

    monkeypatch.setattr(sealed_names, "_derived", counted)
    for n in (2**15, 2**16, 2**17, 2**18):
        with pytest.raises(InputError, match="passphrase is wrong"):
            open_names(canonical_json({**parts, "n": n}), PASSPHRASE)
    assert asked == [2**15, 2**16, 2**17, 2**18]


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "predpol_eval.sealed_names/2"}, {"kdf": "none"}, {"cipher": "none"}, {"salt": ""}, {"salt": 5},
        {"salt": "A" * 24}, {"nonce": "AAAA"}, {"check": None}, {"sealed": ""}, {"sealed": "AAAA"}, {"sealed": "ä"},
        {"sealed": [1]}, {"more": 1}, {"sealed": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_parts_of_another_form_are_refused(parts, changed):
    with pytest.raises(InputError, match="damaged or no such file"):
        open_names(canonical_json({**parts, **changed}), PASSPHRASE)


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"[" * 50_000, b"x" * 70_000, b"\xff\xfe", b'{"n":' + b"9" * 5000 + b"}", b'{"a":NaN}'],
    ids=["empty", "list", "null", "deep", "long", "no text", "number", "NaN"],
)
def test_other_files_are_refused(data):
    with pytest.raises(InputError, match="damaged or no such file"):
        open_names(data, PASSPHRASE)


def test_a_missing_part_and_a_second_form_are_refused(sealed, parts):
    for name in parts:
        with pytest.raises(InputError, match="damaged"):
            open_names(canonical_json({key: value for key, value in parts.items() if key != name}), PASSPHRASE)
    for other in (sealed + b"\n", json.dumps(parts).encode(), sealed.replace(b'"kdf"', b'"kdf":"none","kdf"')):
        with pytest.raises(InputError, match="damaged"):
            open_names(other, PASSPHRASE)
    with pytest.raises(InputError, match="give the bytes"):
        open_names(sealed.decode(), PASSPHRASE)


def resealed(parts, plain, *, check=None, nonce=None):
    """A file that its maker's passphrase opens, with whatever content."""
    key, right = sealed_names._derived(PASSPHRASE.encode(), base64.b64decode(parts["salt"]), parts["n"])
    head = {name: value for name, value in parts.items() if name != "sealed"}
    head["check"] = base64.b64encode(right if check is None else check).decode()
    body = ChaCha20Poly1305(key).encrypt(base64.b64decode(parts["nonce"]), plain, canonical_json(head))
    return canonical_json({**head, "sealed": base64.b64encode(body).decode()})


def test_one_file_is_tied_to_one_passphrase(parts):
    # The cipher alone does not tie it: a maker could prepare two passphrases that open it to different names.
    plain = canonical_json({"names": NAMES}).ljust(sealed_names.ROOM)
    assert open_names(resealed(parts, plain), PASSPHRASE) == NAMES
    with pytest.raises(InputError, match="passphrase is wrong"):
        open_names(resealed(parts, plain, check=bytes(32)), PASSPHRASE)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"5", b'{"names":{}}', b'{"names":5}', b'{"names":{"A":"abc"},"more":1}', b'{"names":{"../A":"abc"}}',
     b'{"names":{"A":5}}', b'{"names":{"A":"Secret Ltd"', b'{"names":{"A":"\\ud800Secret"}}', b"\xff",
     b"[" * 9000, b"[[]]"],
)  # fmt: skip
def test_whatever_was_sealed_by_other_means_is_judged_when_opened(parts, content):
    with pytest.raises(InputError, match="holds no names") as caught:
        open_names(resealed(parts, content.ljust(sealed_names.ROOM)), PASSPHRASE)
    assert "Secret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


# Names that cannot be sealed --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "  ", None, 5, ["Secret"], "Secret" * 40, "Se", "S-e!", "Secret;", "Secret; X", "Secret\n", "Sec\x00ret",
     "Secret\ud800", "Secret\ue000", "; Secret"],
)  # fmt: skip
def test_names_that_will_not_do(name):
    with pytest.raises(InputError, match="'B'") as caught:
        seal_names({"A": "Crime Maps", "B": name}, PASSPHRASE)
    # Whole chains of errors, as a program prints them, but for the lines of this file.
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    for word in ("Secret", "Crime Maps", "'A'"):
        assert not [error for error in chain if error is not None and word in repr(error)]


@pytest.mark.parametrize("names", [{}, None, "A", ["A"], {"../A": "Crime Maps"}, {5: "Crime Maps"}])
def test_labels_that_will_not_do(names):
    with pytest.raises(InputError) as caught:
        seal_names(names, PASSPHRASE)
    assert "Crime" not in str(caught.value)


def test_too_many_names_are_refused():
    with pytest.raises(InputError, match="at most 50"):
        seal_names({f"V{number}": "Crime Maps" for number in range(51)}, PASSPHRASE)
    long = {f"V{number}": "\U00020000" * 200 for number in range(50)}
    with pytest.raises(InputError, match="room for 16384"):
        seal_names(long, PASSPHRASE)


def test_all_names_that_will_not_do_are_told_at_once():
    with pytest.raises(InputError) as caught:
        seal_names({"A": "", "B": "Fine Maps", "C": "x"}, PASSPHRASE)
    assert "'A'" in str(caught.value)
    assert "'B'" not in str(caught.value)
    assert "'C'" in str(caught.value)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused(data):
    with pytest.raises(InputError):
        open_names(data, PASSPHRASE)
    with pytest.raises(InputError):
        commitment(data)
