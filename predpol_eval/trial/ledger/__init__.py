"""The ledger of a trial: records that are only ever added, the blobs they name, and how both are verified."""

from __future__ import annotations

from predpol_eval.trial.ledger.blobs import Blobs
from predpol_eval.trial.ledger.differences import Difference
from predpol_eval.trial.ledger.heads import Head, check_head, export_head, head_of, head_text, read_head
from predpol_eval.trial.ledger.ledger import Ledger
from predpol_eval.trial.ledger.records import BLOB_KEYS, LARGEST_BODY, Record
from predpol_eval.trial.ledger.verify import verify_chain

__all__ = [
    "BLOB_KEYS",
    "LARGEST_BODY",
    "Blobs",
    "Difference",
    "Head",
    "Ledger",
    "Record",
    "check_head",
    "export_head",
    "head_of",
    "head_text",
    "read_head",
    "verify_chain",
]
