"""The names of a trial: there, documented, and loaded only when they are asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from predpol_eval import trial

MODULES = [path.name for path in Path(trial.__file__).parent.iterdir()]


@pytest.mark.parametrize("name", trial.__all__)
def test_it_is_there_and_says_what_it_is(name):
    found = getattr(trial, name)
    assert found.__name__ == name
    assert found.__doc__
    assert name in dir(trial)
    # A module of that name would take its place once it is imported.
    assert name not in {path.removesuffix(".py") for path in MODULES}


def test_another_name_is_none_of_it():
    with pytest.raises(AttributeError, match="no attribute 'scores'"):
        trial.scores  # noqa: B018


def test_importing_it_loads_nothing_heavy():
    code = "import sys, predpol_eval.trial; print([m for m in ('pandas', 'cryptography', 'numba') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
