"""Forecasts by the book, with datetimes and loops: what is known, how old it is, and what is made of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from scipy.integrate import quad

DAY = timedelta(days=1)


def back(until, lookback, zone):
    """Start of a lookback: civil days by the wall clock, hours elapsed."""
    number, unit = int(lookback[:-1]), lookback[-1]
    if unit == "h":
        return until - timedelta(hours=number)
    wall = until.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - timedelta(days=number * (7 if unit == "W" else 1))
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def known(crimes, observed, until, zone, lookback=None):
    """(x, y, moment) of every crime that may be used, and the periods observed; None if there is none."""
    start = datetime.min.replace(tzinfo=UTC) if lookback is None else back(until, lookback, zone)
    periods = [(max(first, start), min(last, until)) for first, last in observed]
    periods = [(first, last) for first, last in periods if first < last]
    if not periods:
        return None
    used = []
    for crime in crimes:
        end = crime.happened if crime.until is None else crime.until
        told = end if crime.recorded is None else crime.recorded
        if not told < until:
            continue
        moment = min(crime.happened + (end - crime.happened) / 2, until)
        for first, last in periods:
            if first <= moment < last or moment == until == last:
                used.append((crime.x, crime.y, moment))
    return used, periods


def days(length):
    return length / DAY


def weight(moment, until, half_life):
    return 1.0 if half_life is None else 0.5 ** (days(until - moment) / half_life)


def weighted_days(periods, until, half_life):
    """Integral of the weight over observed time."""
    if half_life is None:
        return sum(days(last - first) for first, last in periods)
    return sum(
        quad(lambda age: 0.5 ** (age / half_life), days(until - last), days(until - first), epsabs=1e-12)[0]
        for first, last in periods
    )


def cell_of(x, y, ground):
    """Column and row, on whole millimetres."""
    side = round(ground.cell * 1000)
    column = (round(x * 1000) - round(ground.x0 * 1000)) // side
    row = (round(y * 1000) - round(ground.y0 * 1000)) // side
    return column, row


def inside(x, y, ground):
    column, row = cell_of(x, y, ground)
    return 0 <= column < ground.nx and 0 <= row < ground.ny and ground.inside_m2[row][column] > 0


def uniform(used, periods, ground, length):
    rate = sum(inside(x, y, ground) for x, y, _ in used) / sum(days(last - first) for first, last in periods)
    area = np.array(ground.inside_m2)
    return rate * days(length) * area / area.sum()


def count_map(used, periods, until, half_life, ground, length):
    out = np.zeros((ground.ny, ground.nx))
    for x, y, moment in used:
        if inside(x, y, ground):
            column, row = cell_of(x, y, ground)
            out[row, column] += weight(moment, until, half_life)
    return out / weighted_days(periods, until, half_life) * days(length)


def prospective(used, start, ground, radius, weeks, variant, unit, metric):
    out = np.zeros((ground.ny, ground.nx))
    for x, y, moment in used:
        age = days(start - moment) / 7
        if age >= weeks:
            continue
        for row in range(ground.ny):
            for column in range(ground.nx):
                if variant == "continuous":
                    east = ground.x0 + (column + 0.5) * ground.cell - x
                    north = ground.y0 + (row + 0.5) * ground.cell - y
                    metres = math.hypot(east, north)
                    d, t = metres / unit, age
                else:
                    of_column, of_row = cell_of(x, y, ground)
                    across, along = abs(of_column - column), abs(of_row - row)
                    d = {"chebyshev": max(across, along), "manhattan": across + along}.get(
                        metric, math.hypot(across, along)
                    )
                    metres, t = d * ground.cell, math.floor(age)
                if metres < radius:
                    out[row, column] += 1 / ((1 + d) * (1 + t))
    return out


def near_repeat(used, start, ground, radius, lookback_days, kernel):
    out = np.zeros((ground.ny, ground.nx))
    for x, y, moment in used:
        age = days(start - moment) / lookback_days
        if age >= 1:
            continue
        for row in range(ground.ny):
            for column in range(ground.nx):
                west, south = ground.x0 + column * ground.cell, ground.y0 + row * ground.cell
                east = max(west - x, 0.0, x - west - ground.cell)
                north = max(south - y, 0.0, y - south - ground.cell)
                near = math.hypot(east, north) / radius
                if near < 1:
                    linear = kernel == "linear"
                    out[row, column] += (1 - near) * (1 - age) if linear else math.exp(-3 * near) * math.exp(-3 * age)
    return out


def near_repeat_bands(used, start, ground, space, time, weights, metric, own):
    """Mean over 60 x 60 points of every cell of the weight at their distance, and the same place's for its own cell."""
    steps = (np.arange(60) + 0.5) / 60 * ground.cell
    place = space[0] == 0 and space[1] <= 1
    out = np.zeros((ground.ny, ground.nx))
    for x, y, moment in used:
        age = days(start - moment)
        ages = [t for t in range(len(time) - 1) if time[t] <= age < time[t + 1]]
        for row in range(ground.ny):
            for column in range(ground.nx):
                for t in ages:
                    east = np.abs(ground.x0 + column * ground.cell + steps - x)
                    north = np.abs(ground.y0 + row * ground.cell + steps - y)[:, None]
                    distance = east + north if metric == "manhattan" else np.hypot(east, north)
                    for s in range(len(space) - 1):
                        if place and s == 0:
                            is_own = own and cell_of(x, y, ground) == (column, row)
                            out[row, column] += weights[s][t] if is_own else 0.0
                        else:
                            low = 0.0 if place and s == 1 else space[s]
                            out[row, column] += weights[s][t] * np.mean((distance >= low) & (distance < space[s + 1]))
    return out


def near_repeat_without_own_cell(used, start, ground, radius, lookback_days, kernel):
    """As `near_repeat`, crime by crime, its own cell put back to nothing."""
    out = np.zeros((ground.ny, ground.nx))
    for crime in used:
        alone = near_repeat([crime], start, ground, radius, lookback_days, kernel)
        column, row = cell_of(crime[0], crime[1], ground)
        if 0 <= column < ground.nx and 0 <= row < ground.ny:
            alone[row, column] = 0.0
        out += alone
    return out
