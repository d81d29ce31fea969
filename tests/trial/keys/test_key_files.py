"""Files of keys: made once, private, and only a lone Ed25519 key is read."""

from __future__ import annotations

import datetime
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError, PredPolWarning
from predpol_eval.trial import placing
from predpol_eval.trial.keys import check_label, fingerprint, keygen, read_private, read_public
from tests.trial.keys.vectors import RFC_8032, SEEDS, private_key, private_pem, public_pem

PASSPHRASE = "a long passphrase"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes of files")


@pytest.fixture
def pair(tmp_path):
    return keygen(tmp_path, "A")


def pem_of(key, passphrase=None):
    if hasattr(key, "private_bytes"):
        protection = serialization.NoEncryption()
        if passphrase:
            protection = serialization.BestAvailableEncryption(passphrase)
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


OTHERS = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed448": ed448.Ed448PrivateKey.generate(),
    "X25519": x25519.X25519PrivateKey.generate(),
    "EC": ec.generate_private_key(ec.SECP256R1()),
}


def certificate():
    from cryptography import x509

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A")])
    start = datetime.datetime(2018, 1, 1, tzinfo=datetime.UTC)
    key = private_key(0)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + datetime.timedelta(days=1))
    return made.sign(key, None).public_bytes(serialization.Encoding.PEM)


def test_a_pair_fits_together(pair, tmp_path):
    private, public = read_private(pair.private_file), read_public(pair.public_file.read_bytes())
    assert pair.private_file == tmp_path / "A.private.pem"
    assert pair.public_file == tmp_path / "A.public.pem"
    public.verify(private.sign(b"file"), b"file")
    assert pair.fingerprint == fingerprint(public) == fingerprint(private.public_key())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["A.private.pem", "A.public.pem"]


def test_two_pairs_differ(tmp_path):
    first, second = keygen(tmp_path, "A"), keygen(tmp_path, "B")
    assert first.fingerprint != second.fingerprint
    assert first.label == "A"
    assert second.label == "B"


@posix
def test_only_the_owner_may_read_the_private_key(tmp_path):
    before = os.umask(0)
    try:
        pair = keygen(tmp_path / "new" / "folder", "A")
    finally:
        os.umask(before)
    assert stat.S_IMODE(pair.private_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(pair.public_file.stat().st_mode) == 0o644


@posix
def test_the_private_key_is_never_open_to_others_while_it_is_written(tmp_path, monkeypatch):
    modes = []
    plain = os.fsync

    def watched(descriptor):
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode):
            modes.append(stat.S_IMODE(found.st_mode))
        plain(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    before = os.umask(0)
    try:
        keygen(tmp_path, "A")
    finally:
        os.umask(before)
    assert modes == [0o600, 0o600]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_private_key_that_others_may_read_is_warned_about(pair, mode):
    pair.private_file.chmod(mode)
    with pytest.warns(PredPolWarning, match="chmod 600"):
        read_private(pair.private_file)


@pytest.mark.parametrize("kept", ["A.private.pem", "A.public.pem"])
@pytest.mark.parametrize("dangling", [False, True])
def test_nothing_is_written_over(tmp_path, kept, dangling):
    if dangling:
        (tmp_path / kept).symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / kept).write_bytes(b"mine")
    with pytest.raises(InputError, match="never written over"):
        keygen(tmp_path, "A")
    assert [path.name for path in tmp_path.iterdir()] == [kept]
    if not dangling:
        assert (tmp_path / kept).read_bytes() == b"mine"


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("rival", ["A.private.pem", "A.public.pem"])
def test_of_two_at_once_one_is_refused(tmp_path, monkeypatch, links, rival):
    # The other one comes in after the look, before the name is taken.
    plain = placing.give_name

    def late(partial, path, **how):
        if path.name == rival:
            path.write_bytes(b"theirs")
        return plain(partial, path, **how)

    def no_links(*places):
        raise PermissionError("no links on this disk")

    monkeypatch.setattr(placing, "give_name", late)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(InputError, match="never written over"):
        keygen(tmp_path, "A")
    assert [path.name for path in tmp_path.iterdir()] == [rival]
    assert (tmp_path / rival).read_bytes() == b"theirs"


def test_keys_are_made_on_a_disk_without_links(tmp_path, monkeypatch):
    def no_links(*places):
        raise PermissionError("no links on this disk")

    monkeypatch.setattr(os, "link", no_links)
    pair = keygen(tmp_path, "A")
    assert fingerprint(read_private(pair.private_file).public_key()) == pair.fingerprint
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("failing", ["A.private.pem", "A.public.pem"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, failing):
    plain = placing.give_name

    def full(partial, path, **how):
        if path.name == failing:
            raise OSError(28, "No space left on device")
        return plain(partial, path, **how)

    monkeypatch.setattr(placing, "give_name", full)
    with pytest.raises(InputError, match="No space left"):
        keygen(tmp_path, "A")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="file"):
        keygen(tmp_path / "file", "A")


BAD_LABELS = [
    "", "-A", "A B", "A/B", "../A", "..", ".", "A.", "A\n", "A\x00", "Ä", "Ⅳ", "A" * 21, "=A", "CON", "nul", "com1",
    "a_b", "٣",
]  # fmt: skip


@pytest.mark.parametrize("label", [*BAD_LABELS, None, 5, b"A", ["A"]])
def test_labels_that_will_not_do(tmp_path, label):
    with pytest.raises(InputError):
        check_label(label)
    with pytest.raises(InputError):
        keygen(tmp_path, label)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["A", "in-house", "9", "a" * 20, "A-", "CONE", "com10"])
def test_labels_that_will_do(label):
    assert check_label(label) == label


@given(st.text(max_size=25) | st.text("ABab09-./\\", max_size=25))
def test_a_label_is_one_part_of_a_path(text):
    try:
        label = check_label(text)
    except InputError:
        return
    assert label == text
    assert Path("folder", f"{label}.private.pem").name == f"{label}.private.pem"
    assert 1 <= len(label.encode()) <= 20
    assert label.isascii()


def test_a_passphrase_protects(tmp_path):
    pair = keygen(tmp_path, "A", passphrase=PASSPHRASE)
    assert pair.private_file.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert fingerprint(read_private(pair.private_file, PASSPHRASE).public_key()) == pair.fingerprint
    with pytest.raises(InputError, match="protected by a passphrase; give it"):
        read_private(pair.private_file)
    for wrong in ("A long passphrase", PASSPHRASE + " ", "x"):
        with pytest.raises(InputError, match="passphrase is wrong") as caught:
            read_private(pair.private_file, wrong)
        assert PASSPHRASE not in str(caught.value)
    with pytest.raises(InputError, match="1 to 1000"):
        read_private(pair.private_file, "")


def test_a_passphrase_for_an_open_key_is_refused(pair):
    with pytest.raises(InputError, match="give none"):
        read_private(pair.private_file, PASSPHRASE)


def test_accents_count_however_they_are_typed(tmp_path):
    pair = keygen(tmp_path, "A", passphrase="caf\u00e9 noir")
    assert fingerprint(read_private(pair.private_file, "cafe\u0301 noir").public_key()) == pair.fingerprint


@pytest.mark.parametrize("passphrase", ["", "seven77", "x" * 1001, "half \ud800 of one", b"bytes of it", 12345678])
def test_passphrases_that_will_not_do(tmp_path, passphrase):
    with pytest.raises(InputError, match="passphrase") as caught:
        keygen(tmp_path, "A", passphrase=passphrase)
    assert not passphrase or str(passphrase) not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("vector", RFC_8032, ids=["test 1", "test 2", "test 3"])
def test_known_answers_of_rfc_8032(tmp_path, vector):
    seed, raw, message, signature = (bytes.fromhex(part) for part in vector)
    path = tmp_path / "key.pem"
    path.write_bytes(private_pem(seed))
    path.chmod(0o600)
    private, public = read_private(path), read_public(public_pem(raw))
    assert private.public_key().public_bytes_raw() == raw == public.public_bytes_raw()
    assert private.sign(message) == signature
    public.verify(signature, message)


GOOD = public_pem(bytes.fromhex(RFC_8032[0][1]))
BAD_PUBLIC = {
    "nothing": (b"", "No key in PEM form"),
    "text": (b"d75a980182b10ab7", "No key in PEM form"),
    "raw": (bytes.fromhex(RFC_8032[0][1]), "No key in PEM form"),
    "ssh": (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI me@there", "OpenSSH public key"),
    "private": (private_pem(SEEDS[0]), "PRIVATE KEY was found.*Keep the private key to yourself"),
    "protected": (pem_of(private_key(0), b"passphrase"), "ENCRYPTED PRIVATE KEY was found.*to yourself"),
    "certificate": (certificate(), "CERTIFICATE"),
    "two": (GOOD + GOOD, "2 parts"),
    "both": (GOOD + private_pem(SEEDS[0]), "2 parts"),
    "text before": (b"My key:\n" + GOOD, "other text"),
    "text after": (GOOD + b"regards", "other text"),
    "cut": (GOOD[:60], "damaged"),
    "cut base64": (GOOD[:-40] + GOOD[-36:], "damaged"),
    "hole": (GOOD.replace(b"MCow", b"MC*w"), "damaged"),
    "empty part": (b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", "damaged"),
    "too long": (GOOD + b"\n" * 4096, "4096 bytes"),
    "no bytes": (GOOD.decode(), "str was found"),
    **{f"other {name}": (pem_of(key.public_key()), name) for name, key in OTHERS.items()},
}


@pytest.mark.parametrize("name", BAD_PUBLIC)
def test_what_is_no_lone_public_key_is_refused(name):
    data, found = BAD_PUBLIC[name]
    with pytest.raises(InputError, match=f"(?s){found}") as caught:
        read_public(data)
    assert "expected" in str(caught.value) or name == "no bytes"


@pytest.mark.parametrize("change", [lambda pem: pem.replace(b"\n", b"\r\n"), lambda pem: b"\n" + pem + b" \n\n"])
def test_ends_of_lines_do_not_matter(change):
    assert read_public(change(GOOD)).public_bytes_raw().hex() == RFC_8032[0][1]


BAD_PRIVATE = {
    "public": (GOOD, "PUBLIC KEY was found"),
    "certificate": (certificate(), "CERTIFICATE"),
    "two": (private_pem(SEEDS[0]) * 2, "2 parts"),
    "damaged": (private_pem(SEEDS[0]).replace(b"MC4C", b"MC4D"), "damaged"),
    "too long": (b" " * 5000, "4096 bytes"),
    "old form": (
        OTHERS["RSA"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        ),
        "RSA PRIVATE KEY",
    ),
    "OpenSSH": (
        private_key(0).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ),
        "OPENSSH PRIVATE KEY",
    ),
    **{f"other {name}": (pem_of(key), name) for name, key in OTHERS.items()},
}


@pytest.mark.parametrize("name", BAD_PRIVATE)
def test_what_is_no_lone_private_key_is_refused(tmp_path, name):
    data, found = BAD_PRIVATE[name]
    path = tmp_path / "key.pem"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(InputError, match=found) as caught:
        read_private(path)
    assert "MC4C" not in str(caught.value)


def test_a_missing_key_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"There is no file.*keygen"):
        read_private(tmp_path / "A.private.pem")
    with pytest.raises(InputError, match="cannot be read"):
        read_private(tmp_path)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda part: GOOD[:40] + part + GOOD[40 + len(part) :]))
def test_any_bytes_are_a_key_or_refused(data):
    try:
        key = read_public(data)
    except InputError:
        return
    assert len(fingerprint(key)) == 79


def test_nothing_secret_is_shown(tmp_path):
    pair = keygen(tmp_path, "A", passphrase=PASSPHRASE)
    assert PASSPHRASE not in repr(pair)
    assert set(vars(pair)) == {"label", "fingerprint", "private_file", "public_file"}
