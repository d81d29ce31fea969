"""Regression by the book: one past day and one cell after the other, from what was known then, with datetimes."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from tests.naive import forecasters as naive

DAY = timedelta(days=1)
EPOCH = datetime(2000, 1, 1)


def midnight(day, zone):
    """Start of a civil day, UTC."""
    return day.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def wall(moment, zone):
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def civil_day(moment, zone):
    return wall(moment, zone).replace(hour=0, minute=0, second=0, microsecond=0)


def least_ground(ground):
    return 0.25 * max(max(row) for row in ground.inside_m2) / ground.cell**2


def share(ground, row, column):
    return ground.inside_m2[row][column] / ground.cell**2


def counted(used, until, half_life, ground):
    """Weighted crimes per cell, as a dict."""
    found = {(row, column): 0.0 for row in range(ground.ny) for column in range(ground.nx)}
    for x, y, moment in used:
        if naive.inside(x, y, ground):
            column, row = naive.cell_of(x, y, ground)
            found[row, column] += naive.weight(moment, until, half_life)
    return found


def around(found, ground, row, column, weight):
    """Mean over the ground around a cell: `weight` of the steps between two cells."""
    total = land = 0.0
    for other_row in range(ground.ny):
        for other_column in range(ground.nx):
            w = weight(abs(other_row - row), abs(other_column - column))
            total += w * found[other_row, other_column]
            land += w * share(ground, other_row, other_column)
    return total / max(land, least_ground(ground))


def lagged(
    crimes, observed, until, zone, ground, lookbacks, half_lives, neighbours, smooth, scale=math.log1p, cap=None
):
    """Numbers of `LaggedCounts` per cell, shape (names, ny, nx); None where nothing was observed."""
    maps, factors = [], []
    for lookback, half_life in [(lookback, None) for lookback in lookbacks] + [(None, life) for life in half_lives]:
        begin = None if lookback is None else naive.back(until, lookback, zone)
        first = max([moment for moment in (begin, None if cap is None else naive.back(until, cap, zone)) if moment],
                    default=datetime(1800, 1, 1, tzinfo=UTC))  # fmt: skip
        known = naive.known(crimes, [(max(low, first), high) for low, high in observed if high > first], until, zone)
        if known is None:
            return None
        used, periods = known
        seen = naive.weighted_days(periods, until, half_life)
        whole = half_life / math.log(2) if half_life else 365.0 if lookback is None else naive.days(until - begin)
        maps.append(counted(used, until, half_life, ground))
        factors.append(whole / seen)

    def gaussian(metres):
        steps = metres / ground.cell
        reach = min(math.ceil(4 * steps), max(ground.ny, ground.nx))
        one = lambda d: math.exp(-0.5 * (d / steps) ** 2) if d <= reach else 0.0  # noqa: E731
        return lambda dy, dx: one(dy) * one(dx)

    ways = [lambda dy, dx: float(dy == dx == 0)]
    ways += [lambda dy, dx, ring=ring: float(max(dy, dx) == ring) for ring in range(1, neighbours + 1)]
    ways += [gaussian(metres) for metres in smooth]
    out = np.empty((len(ways) * len(maps), ground.ny, ground.nx))
    for row in range(ground.ny):
        for column in range(ground.nx):
            values = [
                math.log1p(factor * around(found, ground, row, column, way))
                for way in ways
                for found, factor in zip(maps, factors, strict=True)
            ]
            out[:, row, column] = values
    return out


def calendar(start, zone, year):
    """Numbers of `Calendar(week=True, year=year)`."""
    day = civil_day(start, zone)
    numbers = [float(day.weekday() == number) for number in range(1, 7)]
    first, after = datetime(day.year, 1, 1), datetime(day.year + 1, 1, 1)
    turn = 2 * math.pi * ((day - first) / (after - first))
    for k in range(1, year + 1):
        numbers += [math.sin(k * turn), math.cos(k * turn)]
    return numbers


def anchor(until, period, zone):
    if period is None:
        return until
    day, found = EPOCH, None
    while midnight(day, zone) <= until:
        found, day = midnight(day, zone), day + timedelta(days=period)
    return found


def past_days(crimes, observed, moment, zone, training):
    """Past civil days that were wholly observed, with some observed time before them: (start, end)."""
    periods = [(first, min(last, moment)) for first, last in observed if first < moment]
    earliest = naive.back(moment, training, zone)
    days, day = [], civil_day(earliest, zone) - DAY
    while midnight(day + DAY, zone) <= moment:
        start, end = midnight(day, zone), midnight(day + DAY, zone)
        whole = any(first <= start and end <= last for first, last in periods)
        if start >= earliest and whole and start > periods[0][0]:
            days.append((start, end))
        day += DAY
    return days


def rows(crimes, observed, until, start, zone, ground, options):
    """Features of all cells for a day, shape (cells, names); None if too little was known."""
    counts = lagged(crimes, observed, until, zone, ground, **options["lagged"])
    if counts is None:
        return None
    daily = calendar(start, zone, options["year"])
    table = [[*counts[:, row, column], *daily] for row in range(ground.ny) for column in range(ground.nx)]
    return np.array(table).astype(np.float32).astype(float)


def trained(estimator, crimes, observed, moment, zone, ground, options):
    """The estimator fitted to all past days and cells; None if there is nothing to learn from."""
    table, target, weight = [], [], []
    known = [c for c in crimes if ((c.until or c.happened) if c.recorded is None else c.recorded) < moment]
    for start, end in past_days(crimes, observed, moment, zone, options["training"]):
        here = rows(known, observed, start, start, zone, ground, options)
        if here is None:
            continue
        seen = np.zeros((ground.ny, ground.nx))
        for crime in known:
            last = crime.happened if crime.until is None else crime.until
            if last > crime.happened:
                part = max(timedelta(), min(last, end) - max(crime.happened, start)) / (last - crime.happened)
            else:
                part = float(start <= crime.happened < end)
            if part and naive.inside(crime.x, crime.y, ground):
                column, row = naive.cell_of(crime.x, crime.y, ground)
                seen[row, column] += part
        for number, line in enumerate(here):
            row, column = divmod(number, ground.nx)
            if share(ground, row, column) >= least_ground(ground):
                exposed = naive.days(end - start) * share(ground, row, column)
                table.append(line)
                target.append(seen[row, column] / exposed)
                weight.append(exposed)
    if not table or not any(target):
        return None
    return estimator.fit(np.array(table), np.array(target), sample_weight=np.array(weight))


def forecast(estimator, crimes, observed, until, zone, ground, windows, options):
    """Expected counts of windows (start, end), shape (windows, ny, nx); None if there is nothing to learn from."""
    fitted = trained(estimator, crimes, observed, anchor(until, options["refit"], zone), zone, ground, options)
    if fitted is None:
        return None
    ground_share = np.array(ground.inside_m2) / ground.cell**2
    out = np.zeros((len(windows), ground.ny, ground.nx))
    for number, (start, end) in enumerate(windows):
        day = civil_day(start, zone)
        while midnight(day, zone) < end:
            low, high = max(midnight(day, zone), start), min(midnight(day + DAY, zone), end)
            begin = max(midnight(day, zone), until)
            here = rows(crimes, observed, until, begin, zone, ground, options)
            if here is None:
                return None
            rate = fitted.predict(here).reshape(ground.ny, ground.nx)
            out[number] += rate * ground_share * naive.days(high - low)
            day += DAY
    return out
