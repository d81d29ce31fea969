"""The rows a regression is taught: past windows and cells, what was known then, and the crimes that followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from predpol_eval.civil_time import shift_back, span
from predpol_eval.counts import occurrences
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.features.asked import LEAST_GROUND, Asked, Feature, FloatArray, IntArray
from predpol_eval.forecasters.learning import estimators
from predpol_eval.forecasters.learning.steps import training_windows
from predpol_eval.grid import Grid
from predpol_eval.schedule import Windows

# Days are numbered from here for the dice, which take no negative numbers.
_FIRST_DAY = np.datetime64("1700-01-01", "D")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trained:
    """A trained estimator, and what it was trained on.

    Attributes
    ----------
    estimator : object
        The estimator, fitted to crimes per day and whole cell of ground (per those that `base` expects, if any).
    base : object or None
        The estimator whose predictions it multiplies.
    anchor : datetime64
        The moment at which it was trained, UTC.
    windows : Windows
        Past windows with rows.
    left_out : int
        Past windows of which a feature was not known.
    rows, positives : int
        Rows, and those of them with crime.
    crimes : float
        Crimes in them.
    weighted : bool
        Whether rows have weights.
    seeded : tuple of str
        Parameters of the estimator that were set to the seed.
    names : tuple of str
        Names of the features.
    """

    estimator: Any
    base: Any
    anchor: np.datetime64
    windows: Windows
    left_out: int
    rows: int
    positives: int
    crimes: float
    weighted: bool
    seeded: tuple[str, ...]
    names: tuple[str, ...]


class _Chosen(NamedTuple):
    """Cells of one window, with the crimes in them and how many rows each of them stands for."""

    cells: IntArray
    crimes: FloatArray
    stands_for: FloatArray


def names_of(features: tuple[Feature, ...]) -> tuple[str, ...]:
    """Names of all features in order, each once."""
    names = tuple(name for feature in features for name in feature.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"Two features have the name {', '.join(map(repr, twice))}; leave one out or give it another name."
        )
    return names


def train_at(regression: Any, events: Events, grid: Grid, moment: np.datetime64) -> Trained:
    """Train a regression on what is known at an anchor, and on nothing else.

    Raises
    ------
    InputError
        If there is no past window or no crime to learn from, or the estimator refuses the rows.
    """
    past = events.known_at(moment)
    windows = _windows(regression, past, moment)
    chosen = _choose(regression, past, grid, windows)
    asked = Asked(
        events=past,
        grid=grid,
        windows=windows,
        cells=tuple(part.cells for part in chosen),
        lookback=regression.lookback,
    )
    rows, missing = table(regression.features, asked)
    if all(missing):
        raise InputError(
            f"For none of the {len(windows):,} past windows before {moment} UTC was enough known to learn from. Of the "
            f"first: {next(iter(filter(None, missing)))}"
        )
    kept = np.repeat([reason is None for reason in missing], [len(part.cells) for part in chosen])
    count = np.concatenate([part.crimes for part in chosen])[kept]
    if not count.any():
        raise InputError(
            f"No crime is known in the {len(windows):,} past windows before {moment} UTC (of {len(past):,} crimes "
            "known), which teaches nothing about where crime is. Train on longer (training='730D' or None), or start "
            "later."
        )
    cells = np.concatenate(asked.cells)[kept]
    # What is learnt is a density: per day, and per whole cell of ground.
    exposed = np.repeat(windows.days, [len(part.cells) for part in chosen])[kept] * asked.ground.ravel()[cells]
    stands_for = np.concatenate([part.stands_for for part in chosen])[kept]
    estimator, dice = estimators.seeded(regression.estimator, regression.seed)
    base, weighted = regression.base_estimator, estimators.weight_name(estimator) is not None
    if not weighted and regression.sample is not None:
        raise InputError(
            f"{estimators.one_line(estimator)} takes no weights (sample_weight), so that rows without crime cannot be "
            "sampled; use Regression(..., sample=None) to train on all rows alike, or another estimator."
        )
    taught, target, weight = rows[kept], count / exposed, stands_for * exposed
    with estimators.one_thread():
        if base is not None:
            base, more_dice = estimators.seeded(base, regression.seed)
            dice = (*dice, *(f"base__{name}" for name in more_dice))
            estimators.train(base, taught, target, weight if estimators.weight_name(base) else None)
            level = estimators.base_level(base, taught)
            target, weight = target / level, weight * level
        estimators.train(estimator, taught, target, weight if weighted else None)
    return Trained(
        estimator=estimator,
        base=base,
        anchor=moment,
        windows=windows[np.flatnonzero([reason is None for reason in missing])],
        left_out=sum(reason is not None for reason in missing),
        rows=len(count),
        positives=int((count > 0).sum()),
        crimes=float(count.sum()),
        weighted=weighted,
        seeded=dice,
        names=names_of(regression.features),
    )


def answered(features: tuple[Feature, ...], asked: Asked) -> Iterator[FloatArray | InputError]:
    """For each window its rows, shape (cells, names), or why there are none.

    Numbers are rounded to the precision of float32: what is added up in another order is then the same, and on the same
    side of every threshold of a tree.
    """
    for parts in zip(*(feature.answers(asked) for feature in features), strict=True):
        refusals = [part for part in parts if isinstance(part, InputError)]
        if refusals:
            yield refusals[0]
        else:
            yield np.concatenate(parts).T.astype(np.float32).astype(np.float64)


def table(features: tuple[Feature, ...], asked: Asked) -> tuple[FloatArray, list[InputError | None]]:
    """One row per window and cell, and for each window why it has none; such rows hold nothing."""
    first = np.concatenate([[0], np.cumsum([len(cells) for cells in asked.cells])]).astype(np.int64)
    rows = np.zeros((int(first[-1]), len(names_of(features))))
    missing: list[InputError | None] = []
    for position, answer in enumerate(answered(features, asked)):
        missing.append(answer if isinstance(answer, InputError) else None)
        if not isinstance(answer, InputError):
            rows[first[position] : first[position + 1]] = answer
    return rows, missing


def _windows(regression: Any, past: Events, moment: np.datetime64) -> Windows:
    start = None if regression.training is None else shift_back(moment, span(regression.training), past.tz)
    settled = shift_back(moment, span(regression.settle, "settle", zero=True), past.tz)
    windows = training_windows(past, moment, start, settled, span(regression.step).days)
    if not len(windows):
        period = "for every forecast" if regression.refit is None else f"every {regression.refit}"
        raise InputError(
            f"The model is trained {period}, here at {moment} UTC, and no window of {regression.step} was wholly "
            f"observed in the {'time' if regression.training is None else regression.training} before, with some "
            "observed time before it. Forecast later, use a shorter refit (refit='7D', or None for every forecast), or "
            "a longer training."
        )
    return windows


def _choose(regression: Any, past: Events, grid: Grid, windows: Windows) -> list[_Chosen]:
    """All cells with crime and a seeded share of the others, for every window; slivers of ground teach nothing."""
    seen = occurrences(past, windows)
    where = grid.cells_of(past)[seen.event]
    share = grid.inside_m2.ravel() / grid.cell**2
    teaches = grid.mask.ravel() & (share >= LEAST_GROUND * share.max())
    inside = (where >= 0) & teaches[where]
    window, cell, weight = seen.window[inside], where[inside], seen.weight[inside]
    size = grid.mask.size
    flat, place = np.unique(window * size + cell, return_inverse=True)
    total = np.asarray(np.bincount(place, weight, minlength=len(flat)), dtype=np.float64)
    ground = np.flatnonzero(teaches)
    none = len(windows) * len(ground) - len(flat)
    wanted = none if regression.sample is None else regression.sample * len(flat)
    drawn = min(1.0, wanted / none) if none else 1.0
    days = (windows.start.astype("datetime64[D]") - _FIRST_DAY).astype(np.int64)
    low = np.searchsorted(flat, np.arange(len(windows) + 1) * size)
    chosen = []
    for position in range(len(windows)):
        crimes = slice(low[position], low[position + 1])
        here = np.zeros(size)
        here[flat[crimes] - position * size] = total[crimes]
        cells, count = ground, here[ground]
        if drawn < 1.0:
            # Dealt out anew for each day, so that a day keeps its rows whatever else is learnt from.
            dice = np.random.default_rng([regression.seed, int(days[position])])
            keep = (dice.random(len(ground)) < drawn) | (count > 0)
            cells, count = ground[keep], count[keep]
        chosen.append(_Chosen(cells, count, np.where(count > 0, 1.0, 1.0 / drawn if drawn else 1.0)))
    return chosen
