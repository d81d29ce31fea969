"""The scoring of a trial rehearsed many times on cached surfaces: how often does it find a difference that is not?"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predpol_eval.errors import InputError, number_of, refuse_other_type
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.planned_test import PlannedTest
from predpol_eval.trial.rehearsal.cached_surfaces import CachedSurfaces, cached_surfaces
from predpol_eval.trial.rehearsal.exchangeable import Cast, rehearse_once
from predpol_eval.trial.rehearsal.exchangeable_decisions import decide_looks
from predpol_eval.trial.rehearsal.exchangeable_store import Arrays, RehearsalStore, opened
from predpol_eval.trial.rehearsal.exchangeable_told import ScoreRehearsals

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.grid import Grid

# Of Toronto's nights about half of the boxes of two vendors are then the same.
NOISE = 0.3
# Rehearsals that are made, and kept, together.
BLOCK = 20


def rehearse_scores(
    plan: TrialPlan,
    events: Events,
    grid: Grid | None = None,
    *,
    times: int = 1000,
    vendors: int | None = None,
    seed: int | None = None,
    noise: float | Sequence[float] = NOISE,
    house_noise: float = 0.0,
    missing: float = 0.0,
    forecaster: Any = None,
    store: str | Path | None = None,
    progress: bool = False,
    n_jobs: int | None = 1,
) -> ScoreRehearsals:
    """Rehearse the scoring of a trial with vendors who are as good as each other, and count what is found all the same.

    Every vendor hands in the risk of one good forecaster with fresh noise of its own for every night. The boxes of the
    plan's budget are flagged, hits are counted on what happened, and the plan's test is made at all its looks with its
    correction over all pairs. Whatever it finds between two vendors is false.

    Parameters
    ----------
    plan : TrialPlan
        Its nights must be past.
    events : Events
        Past crimes, with some history before the first night.
    grid : Grid, optional
        That of the plan.
    times : int
        Number of rehearsals.
    vendors : int, optional
        How many of the plan's vendors take part, at least 2; default: all. Pairs with others are left out.
    seed : int, optional
        Of the noise; default: the plan's.
    noise : float or sequence of float
        The risk of every cell is multiplied by exp(noise x z), z standard normal. One number for each vendor makes
        those with less of it better, to see that differences are found which are there.
    house_noise : float
        Of the maps of the house. Default 0: they hand in the risk as it is, and are better.
    missing : float
        Chance that a submitter hands nothing in for a night, each by itself.
    forecaster : Forecaster or str, optional
        Or the name of one of the plan's baselines. Default: ``KDE(bandwidth=500)``.
    store : path, optional
        Folder in which surfaces and finished rehearsals are kept: interrupted and run again, it goes on.
    progress : bool
        Show a progress bar.
    n_jobs : int, optional
        Worker processes. The result is the same for any number.

    Returns
    -------
    ScoreRehearsals

    Raises
    ------
    InputError
        If an argument cannot be used, the crimes do not tell of all nights of the plan, the plan tests no vendor
        against another, or the store holds other things.
    NotComparableError
        If the grid is not that of the plan.
    PlanLockedError
        If the store was begun with other nights, crimes, versions or another forecaster.

    Notes
    -----
    All nights are scored on one snapshot, taken when the last of them has settled. No files are written, signed or
    checked: that is what a rehearsal of the months is for.

    The nights are fixed and only the noise is drawn, so that what is counted is the chance of a false finding on just
    these nights and crimes. Differences of two vendors are then independent from night to night; that real ones may
    not be is what the errors of the test allow for, and is not seen here.
    """
    refuse_other_type(plan, TrialPlan, "read one with read_plan(...)")
    number = _whole(times, "times", 1)
    cast = _cast(plan, vendors, seed, noise, house_noise, missing)
    test = _test(plan, cast)
    with contextlib.ExitStack() as stack:
        kept = None if store is None else stack.enter_context(opened(store))
        ground = cached_surfaces(plan, events, grid, forecaster, store=kept)
        settings = {
            "plan": plan.sha256,
            "k": plan.k,
            "draws_seed": plan.seed,
            "test": asdict(test),
            "cast": cast._asdict(),
        }
        if kept is not None:
            kept.choose(settings)
        parts = _blocks(ground, cast, test, plan.seed, number, kept, n_jobs, progress)
    return ScoreRehearsals(
        plan=plan.sha256,
        test=test,
        forecaster=ground.record["forecaster"],
        vendors=cast.labels[: cast.vendors],
        in_house=cast.labels[cast.vendors :],
        noise=cast.noise,
        missing=cast.missing,
        seed=cast.seed,
        nights=len(plan.nights),
        crimes=float(ground.events.sum()),
        **parts,
    )


def rehearse_block(
    ground: CachedSurfaces, cast: Cast, test: PlannedTest, draws_seed: int, first: int, count: int
) -> Arrays:
    """Make `count` rehearsals numbered from `first`.

    Returns
    -------
    dict of arrays
        ``estimate``, ``p``, ``found``, ``hits``, ``overlap``, as `ScoreRehearsals` has them.
    """
    found = []
    for number in range(first, first + count):
        made = rehearse_once(ground, cast, number)
        decided = decide_looks(made, cast.labels, test, draws_seed)
        found.append((*decided, np.nansum(made.hits, axis=1), np.float64(made.overlap)))
    names = ("estimate", "p", "found", "hits", "overlap")
    return {name: np.stack(values) for name, values in zip(names, zip(*found, strict=True), strict=True)}


def _blocks(
    ground: CachedSurfaces,
    cast: Cast,
    test: PlannedTest,
    draws_seed: int,
    times: int,
    store: RehearsalStore | None,
    n_jobs: int | None,
    progress: bool,
) -> Arrays:
    """All rehearsals, those that are kept and those that are not, in their order."""
    with warnings.catch_warnings():
        # In a notebook without ipywidgets it falls back to text, and says so with a warning.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm

    done: dict[int, Arrays] = {}
    waiting: list[tuple[int, int]] = []
    for first in range(0, times, BLOCK):
        count = min(BLOCK, times - first)
        before = None if store is None else store.read(first)
        # A set that was shorter may have ended within this block.
        if before is not None and len(before["found"]) >= count:
            done[first] = {name: values[:count] for name, values in before.items()}
        else:
            waiting.append((first, count))
    with tqdm(total=times, unit="rehearsal", desc="rehearse", disable=None if progress else True) as bar:
        bar.update(sum(len(part["found"]) for part in done.values()))
        for first, made in _computed(ground, cast, test, draws_seed, waiting, n_jobs):
            if store is not None:
                store.write(first, made)
            done[first] = made
            bar.update(len(made["found"]))
    parts = [done[first] for first in sorted(done)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _computed(
    ground: CachedSurfaces,
    cast: Cast,
    test: PlannedTest,
    draws_seed: int,
    waiting: list[tuple[int, int]],
    n_jobs: int | None,
) -> Iterator[tuple[int, Arrays]]:
    """Blocks as they are finished."""
    from predpol_eval.backtests.workers import count_workers_here

    if not waiting:
        return
    if count_workers_here(n_jobs) == 1:
        for first, count in waiting:
            yield first, rehearse_block(ground, cast, test, draws_seed, first, count)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator_unordered")
    yield from parallel(delayed(_numbered)(ground, cast, test, draws_seed, first, count) for first, count in waiting)


def _numbered(
    ground: CachedSurfaces, cast: Cast, test: PlannedTest, draws_seed: int, first: int, count: int
) -> tuple[int, Arrays]:
    return first, rehearse_block(ground, cast, test, draws_seed, first, count)


def _cast(
    plan: TrialPlan,
    vendors: int | None,
    seed: int | None,
    noise: float | Sequence[float],
    house_noise: float,
    missing: float,
) -> Cast:
    many = len(plan.vendors) if vendors is None else _whole(vendors, "vendors", 2)
    if not 2 <= many <= len(plan.vendors):
        raise InputError(
            f"{many} vendors are asked for, the plan has {len(plan.vendors)} ({', '.join(plan.vendors) or 'none'}); at "
            "least two of the plan's vendors must take part."
        )
    given = [noise] * many if np.ndim(noise) == 0 else list(noise)  # type: ignore[arg-type]
    if len(given) != many:
        raise InputError(f"noise has {len(given)} numbers for {many} vendors; give one for each, or one for all.")
    what = "give a number from 0, for instance 0.3"
    for one in given:
        number_of(one, "noise", what, low=0.0, below=10.0)
    number_of(house_noise, "house_noise", what, low=0.0, below=10.0)
    number_of(missing, "missing", "give the chance of a missing night, from 0 to below 1", low=0.0, below=1.0)
    return Cast(
        plan.vendors[:many] + plan.in_house,
        many,
        (*map(float, given), *(float(house_noise) for _ in plan.in_house)),  # type: ignore[arg-type]
        float(missing),
        plan.seed if seed is None else _whole(seed, "seed", 0),
    )


def _test(plan: TrialPlan, cast: Cast) -> PlannedTest:
    """The plan's test with the pairs of those who take part."""
    pairs = tuple(pair for pair in plan.test.pairs if set(pair) <= set(cast.labels))
    if not any(set(pair) <= set(cast.labels[: cast.vendors]) for pair in pairs):
        raise InputError(
            "The plan tests no vendor against another, so there is nothing to count; leave [test] pairs out of the "
            "plan, or add such a pair."
        )
    if plan.test.looks[-1] != len(plan.nights):
        raise InputError(f"The last look is after {plan.test.looks[-1]} nights; the plan has {len(plan.nights)}.")
    return replace(plan.test, pairs=pairs)


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name}={value!r}; give a whole number, at least {least}.")
    return int(value)
