"""The prospective comparison of vendors: predictions are sealed before the night and scored after it.

The names of whoever runs a trial, in the order in which they are needed; they are loaded on first use.

Examples
--------
>>> from predpol_eval import trial
>>> trial.read_plan.__name__
'read_plan'
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    # before the first night
    "TrialPlan": "plan",
    "read_plan": "plan",
    "power": "plan",
    "rehearse": "rehearsal",
    "lock": "folder",
    "Trial": "folder",
    "register_key": "administration",
    "revoke_key": "administration",
    "amend_plan": "administration",
    "seal": "administration",
    # what submitters run
    "keygen": "keys",
    "sign_submission": "keys",
    "read_handed_out": "folder",
    "template": "submissions.template",
    "check_submission": "submissions.checked",
    # every evening
    "release_night": "data_exchange",
    "receive": "intake",
    "judge": "intake",
    "judge_held": "intake",
    "declare_void": "closing",
    "close_night": "closing",
    "keep_head": "closing",
    "status_of": "status",
    # afterwards
    "take_snapshot": "data_exchange",
    "score": "scoring.nightly",
    "tally_of": "scoring.nights_tally",
    "pooled": "scoring.nights_tally",
    "league": "standings",
    "look": "standings",
    "take_look": "look_records",
    "sequences": "standings",
    "standings_in_words": "standings",
    "findings_of": "findings",
    "verify": "verifying",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
