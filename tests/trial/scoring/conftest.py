"""What several tests of scores start from."""

from __future__ import annotations

import pytest

from predpol_eval.trial.submissions import checked as checked_module


@pytest.fixture
def slip(monkeypatch):
    """Makes our last check break until it is mended."""

    def broken(*arguments, **words):
        raise ZeroDivisionError("a slip of ours")

    with monkeypatch.context() as patch:
        table = checked_module.CHECKS
        patch.setattr(checked_module.judge, "__kwdefaults__", {"table": (*table[:-1], table[-1]._replace(run=broken))})
        yield patch.undo
