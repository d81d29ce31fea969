"""Who sent a file: signing keys, signed envelopes, the register of keys, and the names behind the labels.

`keygen` makes a pair of keys, `sign_submission` an envelope, `read_envelope` and `KeyRegister.check` judge it.
`seal_names` and `open_names` keep who is who in a file of its own, `refuse_names` keeps it out of every output.
"""

from __future__ import annotations

from predpol_eval.trial.keys.blinding import find_names, refuse_names
from predpol_eval.trial.keys.envelope import Envelope, read_envelope, sign_submission, verify
from predpol_eval.trial.keys.key_files import KeyPair, keygen, read_private, read_public
from predpol_eval.trial.keys.labels import check_label
from predpol_eval.trial.keys.public_keys import fingerprint
from predpol_eval.trial.keys.refusal import SignatureRefused
from predpol_eval.trial.keys.register import KeyRegister, RegisteredKey
from predpol_eval.trial.keys.sealed_names import commitment, open_names, seal_names

__all__ = [
    "Envelope",
    "KeyPair",
    "KeyRegister",
    "RegisteredKey",
    "SignatureRefused",
    "check_label",
    "commitment",
    "find_names",
    "fingerprint",
    "keygen",
    "open_names",
    "read_envelope",
    "read_private",
    "read_public",
    "refuse_names",
    "seal_names",
    "sign_submission",
    "verify",
]
