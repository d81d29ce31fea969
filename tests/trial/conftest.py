"""What several tests of a trial start from."""

from __future__ import annotations

import pytest


@pytest.fixture
def slip(monkeypatch):
    """Makes our last check break until it is mended."""
    from predpol_eval.trial.submissions import checked

    def broken(*arguments, **words):
        raise ZeroDivisionError("a slip of ours")

    with monkeypatch.context() as patch:
        table = (*checked.CHECKS[:-1], checked.CHECKS[-1]._replace(run=broken))
        patch.setattr(checked.judge, "__kwdefaults__", {"table": table})
        yield patch.undo
