"""The demonstration: the main job on the built-in sample, in about a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from predpol_eval.cli.prepare import Prepared

if TYPE_CHECKING:
    from predpol_eval.schedule import Schedule

NIGHTS = ("2018-06-01", "2018-07-16")
QUICK_NIGHTS = ("2018-06-01", "2018-06-15")
BASELINE = "three-week map"
AREAS = "The five areas were drawn for this demonstration; they are not official and have no other meaning."


def prepare_demo(*, quick: bool = False, jobs: int | None = None) -> Prepared:
    """Make the demonstration's backtest: six forecasters, two kinds of crime, five areas, 45 nights.

    Parameters
    ----------
    quick : bool
        Two weeks instead of 45 nights.
    jobs : int, optional
        Worker processes.
    """
    from predpol_eval.budgets import Coverage, TopCells
    from predpol_eval.data import sample_events, sample_grid
    from predpol_eval.forecasters import KDE, CountMap, NearRepeat, ProspectiveHotspot, SelfExciting, Uniform

    events = sample_events()
    return Prepared(
        events=events,
        grid=sample_grid(250),
        schedule=demo_schedule(quick=quick),
        forecasters={
            "everywhere alike": Uniform(),
            BASELINE: CountMap(lookback="21D"),
            "KDE": KDE(bandwidth=500),
            "prospective": ProspectiveHotspot(),
            "near repeat": NearRepeat(),
            "self-exciting": SelfExciting(lookback="730D"),
        },
        budgets=(TopCells(10, per="area"), Coverage(0.01), Coverage(0.02), Coverage(0.05)),
        kinds=events.kinds,
        baseline=BASELINE,
        jobs=jobs,
        map_forecaster="KDE",
        map_kind="Break and Enter",
        notes=(str(events.report), AREAS),
        attribution=str(events.report.attribution),
    )


def demo_schedule(*, quick: bool = False) -> Schedule:
    """Nights of the demonstration."""
    from predpol_eval.schedule import Schedule

    start, end = QUICK_NIGHTS if quick else NIGHTS
    return Schedule(start=start, end=end, tz="America/Toronto")
