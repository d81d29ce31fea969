"""Learning from past windows by the book: datetimes, lists and loops; scipy finds the weights."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from scipy.optimize import minimize

from tests.naive import forecasters as naive


def anchor(until, days, zone):
    """The latest multiple of so many civil days since 2000 that begins at or before `until`."""
    day, found = datetime(2000, 1, 1), None
    while (midnight := day.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)) <= until:
        found, day = midnight, day + timedelta(days=days)
    return found


def windows_before(moment, training, step, observed, zone):
    """(start, end) of every past window, observed as a whole and with observed time before it."""
    found = []
    for number in range(training // step, 0, -1):
        start, end = (naive.back(moment, f"{step * back}D", zone) for back in (number, number - 1))
        whole = any(first <= start and end <= min(last, moment) for first, last in observed)
        if whole and start > observed[0][0]:
            found.append((start, end))
    return found


def told(crime):
    """When a crime became known."""
    end = crime.happened if crime.until is None else crime.until
    return end if crime.recorded is None else crime.recorded


def counted(crimes, moment, start, end, ground):
    """Crimes known at `moment` in every cell of a window; a spread one by the part of its time in it."""
    out = np.zeros((ground.ny, ground.nx))
    for crime in crimes:
        last = crime.happened if crime.until is None else crime.until
        if not told(crime) < moment or not naive.inside(crime.x, crime.y, ground):
            continue
        if last == crime.happened:
            part = 1.0 if start <= crime.happened < end else 0.0
        else:
            part = max(timedelta(0), min(last, end) - max(crime.happened, start)) / (last - crime.happened)
        column, row = naive.cell_of(crime.x, crime.y, ground)
        out[row, column] += part
    return out


def surface(member, crimes, observed, until, start, end, zone, ground):
    """Expected counts of a member, given as (name, settings): a score is shared out."""
    name, settings = member
    used, periods = naive.known(crimes, observed, until, zone, settings.get("lookback"))
    length = end - start
    if name == "uniform":
        return naive.uniform(used, periods, ground, length)
    if name == "count":
        return naive.count_map(used, periods, until, settings.get("half_life"), ground, length)
    score = naive.near_repeat(used, start, ground, settings["radius"], naive.days(timedelta(days=21)), "linear")
    level = surface(("uniform", {}), crimes, observed, until, start, end, zone, ground)
    return score / score.sum() * level.sum() if score.sum() > 0 else level


def rehearsed(members, crimes, observed, moment, training, step, zone, ground):
    """For every past window: the members' surfaces, and what happened."""
    return [
        (
            [surface(member, crimes, observed, start, start, end, zone, ground) for member in members],
            counted(crimes, moment, start, end, ground),
        )
        for start, end in windows_before(moment, training, step, observed, zone)
    ]


def score_of(weights, windows, share):
    """Poisson log score of a mixture over all windows, its last member the one that is spread evenly."""
    total = 0.0
    for maps, crimes in windows:
        mixed = share * maps[-1] + (1 - share) * sum(w * part for w, part in zip(weights, maps[:-1], strict=True))
        for rate, number in zip(mixed.ravel(), crimes.ravel(), strict=True):
            total += (number * math.log(rate) if number > 0 else 0.0) - rate
    return total


def best_weights(windows, share, normalised):
    """Weights of the members but the last that maximise the score, by a general optimiser."""
    count = len(windows[0][0]) - 1
    maps = np.array([[part.ravel() for part in parts] for parts, _ in windows])
    crimes = np.array([number.ravel() for _, number in windows])
    parts, even = (1 - share) * maps[:, :-1], share * maps[:, -1]

    def lost(weights):
        mixed = np.maximum(even + np.einsum("k,wkc->wc", weights, parts), 1e-300)
        slope = np.einsum("wkc,wc->k", parts, 1 - crimes / mixed)
        return float((mixed - crimes * np.log(mixed)).sum()), slope

    sums_to_one = [{"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(count)}]
    found = minimize(
        lost,
        np.full(count, 1 / count),
        jac=True,
        bounds=[(0, None)] * count,
        constraints=sums_to_one if normalised else [],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    return found.x
