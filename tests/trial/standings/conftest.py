"""Plans, made once."""

from __future__ import annotations

import pytest

from predpol_eval.trial.plan import TrialPlan
from tests.trial.standings.worlds import plan_of


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> TrialPlan:
    """Thirty nights, looks after 10, 20 and 30."""
    return plan_of(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="session")
def three(plan: TrialPlan) -> TrialPlan:
    """The same with three vendors compared with each other, and nobody else."""
    from dataclasses import replace

    return replace(plan, test=replace(plan.test, pairs=(("A", "B"), ("A", "C"), ("B", "C"))))
