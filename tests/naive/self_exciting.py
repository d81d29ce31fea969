"""A self-exciting process in cells by the book: every pair of crimes, one at a time."""

import math
import random

import numpy as np


def earlier_in_cell(offsets, j):
    """Positions of the crimes before crime j in its cell."""
    start = max(edge for edge in offsets[:-1] if edge <= j)
    return range(start, j)


def decay_sums(t, offsets, omega, min_step):
    sums = np.zeros((3, len(t)))
    offsets = [int(edge) for edge in offsets]
    for j in range(len(t)):
        for i in earlier_in_cell(offsets, j):
            d = max(t[j] - t[i], min_step)
            for power in range(3):
                sums[power, j] += d**power * math.exp(-omega * d)
    return tuple(sums)


def seen_share(t, starts, ends, omega):
    share = slope = bend = 0.0
    for moment in t:
        for start, end in zip(starts, ends, strict=True):
            if end <= moment:
                continue
            near, far = max(start - moment, 0.0), end - moment
            share += math.exp(-omega * near) - math.exp(-omega * far)
            slope += far * math.exp(-omega * far) - near * math.exp(-omega * near)
            bend += near**2 * math.exp(-omega * near) - far**2 * math.exp(-omega * far)
    return share, slope, bend


def expectation(zeroth, first, share, offsets, kernel, mu):
    repeats = waiting = 0.0
    alone = np.zeros(len(mu))
    for group in range(len(mu)):
        for j in range(offsets[group], offsets[group + 1]):
            rate = mu[group] * share[j] + kernel * zeroth[j]
            repeats += kernel * zeroth[j] / rate
            waiting += kernel * first[j] / rate
            alone[group] += mu[group] * share[j] / rate
    return repeats, waiting, alone


def em_sums(t, offsets, share, groups, omega, min_step, kernel, mu):
    zeroth, first, _ = decay_sums(t, offsets, omega, min_step)
    return expectation(zeroth, first, share, groups, kernel, mu)


def em_iteration(t, offsets, days, min_step, theta, omega, mu, crimes=None):
    """Theta, omega and the background of each cell after one step of EM."""
    cell = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)).tolist()
    new_theta, new_omega, new_mu = em_step(t, cell, theta, omega, dict(enumerate(mu)), [0.0], [days], min_step)
    return new_theta, new_omega, np.array([new_mu[number] for number in range(len(mu))])


def ridge_sums(zeroth, first, second, share, offsets, kernel, omega, mu):
    """Sums of log rates and of the derivatives a, b, c; and of their squares, less what the background gives back."""
    out = np.zeros(7)
    for group in range(len(mu)):
        squares = np.zeros((3, 3))
        for j in range(offsets[group], offsets[group + 1]):
            rate = mu[group] * share[j] + kernel * zeroth[j]
            a = kernel * zeroth[j] / rate
            b = kernel * (zeroth[j] - omega * first[j]) / rate
            c = kernel * (zeroth[j] - 3 * omega * first[j] + omega**2 * second[j]) / rate
            out[:4] += math.log(rate), a, b, c
            squares += np.outer([a, b, share[j] / rate], [a, b, share[j] / rate])
        for place, (one, other) in enumerate(((0, 0), (0, 1), (1, 1)), start=4):
            out[place] += squares[one, 2] * squares[other, 2] / squares[2, 2] - squares[one, other]
    return out


def background(triggered, share, offsets, days, start):
    """By bisection: the sum of share/rate falls with mu, and is to be the observed time."""
    out = np.zeros(len(start))
    for group in range(len(start)):
        members = range(offsets[group], offsets[group + 1])
        low, high = 0.0, len(members) / days
        for _ in range(200):
            mu = 0.5 * (low + high)
            total = sum(share[j] / (share[j] * mu + triggered[j]) for j in members)
            low, high = (mu, high) if total > days else (low, mu)
        out[group] = 0.5 * (low + high)
    return out


def log_likelihood(t, cell, theta, omega, mu, starts, ends, min_step):
    """`mu` by cell; crimes in order of time within each cell, equal times in the order given."""
    days = sum(end - start for start, end in zip(starts, ends, strict=True))
    value = -sum(mu.values()) * days
    for j in range(len(t)):
        rate = mu[cell[j]]
        for i in range(j):
            if cell[i] == cell[j]:
                rate += theta * omega * math.exp(-omega * max(t[j] - t[i], min_step))
        value += math.log(rate)
    return value - theta * seen_share(t, starts, ends, omega)[0]


def em_step(t, cell, theta, omega, mu, starts, ends, min_step):
    """E and M step of definitions section 5, with every p_ij by itself."""
    days = sum(end - start for start, end in zip(starts, ends, strict=True))
    repeats = waiting = 0.0
    alone = dict.fromkeys(mu, 0.0)
    for j in range(len(t)):
        steps = [max(t[j] - t[i], min_step) for i in range(j) if cell[i] == cell[j]]
        kernels = [theta * omega * math.exp(-omega * d) for d in steps]
        rate = mu[cell[j]] + sum(kernels)
        alone[cell[j]] += mu[cell[j]] / rate
        for d, k in zip(steps, kernels, strict=True):
            repeats += k / rate
            waiting += k / rate * d
    share, slope, _ = seen_share(t, starts, ends, omega)
    new_theta = repeats / share
    new_omega = repeats / (waiting + new_theta * slope)
    return new_theta, new_omega, {name: total / days for name, total in alone.items()}


def em(t, cell, theta, omega, mu, starts, ends, min_step, steps):
    for _ in range(steps):
        theta, omega, mu = em_step(t, cell, theta, omega, mu, starts, ends, min_step)
    return theta, omega, mu


def fit(t, offsets, days, min_step, steps):
    """Theta and omega after so many steps of EM from theta 0.5 and omega 1, and the background of each cell."""
    cell = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)).tolist()
    mu = {name: 0.5 * cell.count(name) / days for name in dict.fromkeys(cell)}
    theta, omega, mu = em(list(map(float, t)), cell, 0.5, 1.0, mu, [0.0], [days], min_step, steps)
    return theta, omega, np.array([mu[name] for name in sorted(mu)])


def expected_count(mu, theta, omega, excitation, start, end, steps=20_000):
    """The expected rate obeys rate' = omega mu - omega (1 - theta) rate: small steps of the midpoint rule."""
    rate, total = mu + theta * omega * excitation, 0.0
    h = end / steps

    def slope(value):
        return omega * mu - omega * (1 - theta) * value

    for step in range(steps):
        middle = rate + 0.5 * h * slope(rate)
        # The part of this step that lies in the window.
        inside = max(0.0, (step + 1) * h - max(start, step * h))
        total += inside * middle
        rate += h * slope(middle)
    return total


def thinning(mu, theta, omega, days, seed):
    """Times in one cell by Ogata's thinning, from an empty past."""
    dice = random.Random(seed)
    t, times = 0.0, []
    while True:
        most = mu + theta * omega * sum(math.exp(-omega * (t - s)) for s in times)
        t += dice.expovariate(most)
        if t >= days:
            return times
        rate = mu + theta * omega * sum(math.exp(-omega * (t - s)) for s in times)
        if dice.random() * most < rate:
            times.append(t)
