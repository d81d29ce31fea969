"""The crimes of a snapshot made ready to score nights on, with what is run alongside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from predpol_eval.budgets import TopCells
from predpol_eval.errors import NotComparableError
from predpol_eval.flagging import Spender, make_scene
from predpol_eval.forecasters.baseline import Uniform
from predpol_eval.schedule import refuse_finer_than_data
from predpol_eval.trial.outcomes.snapshots import thaw
from predpol_eval.trial.plan.nights import windows_of
from predpol_eval.trial.scoring.baselines import Course
from predpol_eval.trial.scoring.counting import kinds_of_crime

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.grid import Grid
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.outcomes.snapshots import Snapshot
    from predpol_eval.trial.plan import TrialPlan

UNIFORM = "uniform"


class Outcomes:
    """The crimes of a snapshot, ready to score any of the nights that it tells of, and what is run alongside.

    Parameters
    ----------
    plan : TrialPlan
    grid : Grid
        That of the plan.
    snapshot : Snapshot
    events : Events
        Its crimes.

    Raises
    ------
    InputError
        If the crimes are dated too coarsely for the nights of the plan.
    NotComparableError
        If the grid is not that of the plan.
    """

    def __init__(self, plan: TrialPlan, grid: Grid, snapshot: Snapshot, events: Events) -> None:
        if grid.fingerprint != plan.grid_fingerprint:
            raise NotComparableError(
                f"The grid is {grid.fingerprint[:12]}..., that of the plan is {plan.grid_fingerprint[:12]}...; use "
                "plan.make_grid()."
            )
        self.plan, self.grid, self.snapshot, self.events = plan, grid, snapshot, events
        self.scene = make_scene(grid)
        self.budget = TopCells(plan.k, per="area")
        self.spender = Spender((self.budget,), self.scene)
        windows = windows_of(plan)
        refuse_finer_than_data(events, windows)
        self.kinds = kinds_of_crime(events, plan.kinds, grid, windows, plan.method, self.scene)  # type: ignore[arg-type]
        self.alongside: dict[str, Any] = {**plan.forecasters(), UNIFORM: Uniform()}
        until = snapshot.observed_until
        # As many as the snapshot tells of, whichever of them are asked for: a stretch of nights is always the same.
        self._told = windows[: sum(until is not None and night.end <= until for night in plan.nights)]
        self._courses: dict[tuple[str, int], Course] = {}

    def course(self, name: str, kind: int) -> Course:
        """The forecasts of what is run alongside, for one kind."""
        if (name, kind) not in self._courses:
            self._courses[name, kind] = Course(
                self.alongside[name], self.kinds[kind].events, self.grid, self._told, self.scene
            )
        return self._courses[name, kind]


class OutcomesKept:
    """The snapshot that was opened last, since nights are scored snapshot by snapshot."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._last: Outcomes | None = None

    def of(self, plan: TrialPlan, snapshot: Snapshot) -> Outcomes:
        """The crimes of a snapshot, made ready for a plan."""
        last = self._last
        if last is None or last.snapshot != snapshot or last.plan != plan:
            events = thaw(self._trial.blobs.get(snapshot.sha256))
            self._last = last = Outcomes(plan, self._trial.grid, snapshot, events)
        return last
