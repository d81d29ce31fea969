"""Where the library behind signatures is missing, what needs it says so, and the rest works."""

from __future__ import annotations

import subprocess
import sys

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.keys import (
    KeyRegister,
    commitment,
    find_names,
    fingerprint,
    keygen,
    open_names,
    read_envelope,
    read_private,
    read_public,
    seal_names,
    sealed_names,
    sign_submission,
    verify,
)
from tests.trial.keys.vectors import NOW, PLAN, SEEDS, private_key, private_pem, public_pem, record

RAW = private_key(0).public_key().public_bytes_raw()
SIGNED = {"plan": PLAN, "label": "A", "nights": ["2018-07-01"], "serial": 1, "now": NOW}


@pytest.fixture(scope="module")
def sealed():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_names, "N", sealed_names.LEAST_N)
        return seal_names({"A": "Crime Maps"}, "four words and more")


@pytest.fixture
def envelope():
    return sign_submission(b"file", private_key(0), **SIGNED)


@pytest.fixture
def blocked(sealed, envelope, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)


def register():
    body = KeyRegister().new_key("A", RAW, "first")
    return KeyRegister.from_records([record(1, "key", NOW, body)])


@pytest.mark.usefixtures("blocked")
def test_what_needs_it_names_the_command(tmp_path, sealed, envelope):
    (tmp_path / "key.pem").write_bytes(private_pem(SEEDS[0]))
    calls = {
        "Making keys": lambda: keygen(tmp_path / "new", "A"),
        "Reading a key": lambda: read_private(tmp_path / "key.pem"),
        "Reading a key ": lambda: read_public(public_pem(RAW)),
        "Reading a key  ": lambda: fingerprint(object()),
        "Signing": lambda: sign_submission(b"file", object(), **SIGNED),
        "Checking a signature": lambda: verify(envelope, b"file", RAW),
        "Checking a signature ": lambda: register().check(envelope, b"file", received_at=NOW, plan=PLAN, last_serial=0),
        "Sealing names": lambda: seal_names({"A": "Crime Maps"}, "four words and more"),
        "Opening sealed names": lambda: open_names(sealed, "four words and more"),
    }
    for what, call in calls.items():
        with pytest.raises(InputError, match=r"pip install 'predpol-eval\[trial\]'") as caught:
            call()
        assert str(caught.value).startswith(what.strip() + " needs")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("blocked")
def test_the_rest_works(sealed, envelope):
    assert read_envelope(envelope.to_bytes()) == envelope
    assert fingerprint(RAW) == envelope.key
    assert register().of("A", NOW).public == RAW
    assert len(commitment(sealed)) == 64
    assert find_names("crime-maps", {"A": "Crime Maps"}) == ["A"]


def test_nothing_heavy_is_loaded_before_it_is_needed():
    code = (
        "import sys, predpol_eval.trial.keys; "
        "print([m for m in ('cryptography', 'numpy', 'pandas', 'sqlite3') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
