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


@pytest.fixture(scope="session")
def ended(tmp_path_factory):
    """A trial of thirty nights that is over; whoever adds records works on a copy of its folder."""
    from tests.trial.thirty_nights import thirty_nights

    return thirty_nights(tmp_path_factory.mktemp("whole"))
