"""Stochastic declustering, slow and obvious: one iteration by plain loops over all crimes, and a simulator."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import i0e


def weighted_distance(distances, weights, k):
    """Distance within which weights add up to k; its square is interpolated between neighbours."""
    held = before = 0.0
    for distance, weight in zip(distances, weights, strict=True):
        if held + weight >= k:
            return math.sqrt(before + (distance**2 - before) * (k - held) / weight)
        held += weight
        before = distance**2
    return math.sqrt(before * k / max(held, 1e-3 * k))


def bandwidths(x, y, alone, k, listed, least):
    """Of every crime: the distance in which its nearest others (so many are listed) are k background crimes."""
    result = []
    for i in range(len(x)):
        others = sorted((math.hypot(x[j] - x[i], y[j] - y[i]), j) for j in range(len(x)) if j != i)[:listed]
        wide = weighted_distance([d for d, _ in others], [alone[j] for _, j in others], k)
        result.append(max(wide, least))
    return np.array(result)


def place_density(t, x, y, alone, bandwidth, reach, edge, total_m2):
    """Mu at every crime, of crimes at least `reach` before or after it and one spread evenly."""
    result = []
    for j in range(len(x)):
        dense = held = 0.0
        for i in range(len(x)):
            if abs(t[i] - t[j]) < reach:
                continue
            held += alone[i]
            z = math.hypot(x[i] - x[j], y[i] - y[j]) / bandwidth[i]
            if z < 3.0:
                peak = 2 * math.pi * bandwidth[i] ** 2 * (1 - math.exp(-4.5))
                dense += alone[i] * math.exp(-0.5 * z * z) / peak
        result.append((dense / edge[j] + 1 / total_m2) / (held + 1))
    return np.array(result)


def level(clock, alone, days, k, bins):
    """Nu in even bins of time, and what a crime adds to its own bin."""
    width = days / bins
    counts = [0.0] * bins
    for at, weight in zip(clock, alone, strict=True):
        counts[min(int(at / width), bins - 1)] += weight
    if sum(counts) <= k:
        return np.full(bins, sum(counts) / days), np.full(bins, 1 / days)
    middle = [(b + 0.5) * width for b in range(bins)]

    def held(b, half):
        """Crimes within `half` of the middle of a bin, those beyond an end being those before it, mirrored."""
        total = 0.0
        for shift in (-bins, 0, bins):
            for c in range(bins):
                count = counts[c] if shift == 0 else counts[bins - 1 - c]
                low, high = (c + shift) * width, (c + shift + 1) * width
                overlap = min(high, middle[b] + half) - max(low, middle[b] - half)
                total += count * max(overlap, 0.0) / width
        return total

    rate, own = np.zeros(bins), np.zeros(bins)
    for b in range(bins):
        low, high = 0.0, days
        for _ in range(40):
            half = (low + high) / 2
            low, high = (half, high) if held(b, half) < k else (low, half)
        h = max(high, width)
        shape = [sum(math.exp(-0.5 * ((middle[b] - m) / h) ** 2) for m in (at, -at, 2 * days - at)) for at in middle]
        total = sum(shape) * width
        for c in range(bins):
            rate[c] += counts[b] * shape[c] / total
        own[b] = shape[b] / total
    return rate, own


def cloud_widths(lag, distance, mass, k):
    """Bandwidth of each bin in units of the spread: probabilities within it, seen from 4 directions and mirrored."""
    result = np.full(mass.shape, 4.0)
    for a in range(len(lag)):
        for b in range(len(distance)):
            held = [0.0] * 97
            for c in range(len(lag)):
                for d in range(len(distance)):
                    if mass[c, d] == 0:
                        continue
                    for angle in (math.pi / 8, 3 * math.pi / 8, 5 * math.pi / 8, 7 * math.pi / 8):
                        flat = distance[b] ** 2 + distance[d] ** 2 - 2 * distance[b] * distance[d] * math.cos(angle)
                        for gap in (lag[a] - lag[c], lag[a] + lag[c]):
                            place = 24 * math.sqrt(gap**2 + flat)
                            if place < 96:
                                held[int(place)] += mass[c, d] / 4 * (1 - place % 1)
                                held[int(place) + 1] += mass[c, d] / 4 * (place % 1)
            total = 0.0
            for step in range(96):
                if total + held[step] >= k:
                    result[a, b] = (step + (k - total) / held[step]) / 24
                    break
                total += held[step]
    return result


def trigger(lags, rings, exposure, mass, k, least_lag, least_distance):
    """Smooth, take off what smoothing again adds but leave a fifth, divide by exposure; and a pair's own part."""
    lag, distance = (lags[1:] + lags[:-1]) / 2, np.sqrt((rings[1:] ** 2 + rings[:-1] ** 2) / 2)
    days, area = np.diff(lags), math.pi * np.diff(rings**2)
    total = mass.sum()
    spread_lag = max(math.sqrt(sum(mass[a].sum() * lag[a] ** 2 for a in range(len(lag))) / total), least_lag)
    square = sum(mass[:, b].sum() * distance[b] ** 2 for b in range(len(distance))) / total
    spread_distance = max(math.sqrt(square / 2), least_distance)
    width = cloud_widths(lag / spread_lag, distance / spread_distance, mass, k)

    def kernel(a, b):
        """Density in all bins of what lies in one."""
        h, g = max(width[a, b] * spread_lag, least_lag), max(width[a, b] * spread_distance, least_distance)
        time = np.array(
            [math.exp(-0.5 * ((u - lag[a]) / h) ** 2) + math.exp(-0.5 * ((u + lag[a]) / h) ** 2) for u in lag]
        )
        plane = np.array(
            [math.exp(-0.5 * ((r - distance[b]) / g) ** 2) * i0e(r * distance[b] / g**2) for r in distance]
        )
        return np.outer(time / (time * days).sum(), plane / (plane * area).sum())

    volume = np.outer(days, area)
    kernels = {(a, b): kernel(a, b) for a in range(len(lag)) for b in range(len(distance))}
    once = sum(mass[place] * shape for place, shape in kernels.items())
    twice = sum(once[place] * volume[place] * shape for place, shape in kernels.items())
    density = np.maximum(2 * once - twice, 0.2 * once)
    scale = total / (density * volume).sum()
    own = np.zeros(mass.shape)
    for place, shape in kernels.items():
        back = sum(shape[other] * volume[other] * kernels[other][place] for other in kernels if shape[other] > 0)
        own[place] = max(2 * shape[place] - back, 0.2 * shape[place])
    return scale * density / exposure, scale * own / exposure


def iterate(crimes, alone, pairs, settings):
    """One iteration: new p_jj and p_ij (a matrix), mu at the crimes, nu in bins, and the trigger, from the old p."""
    t, x, y = crimes
    lags, rings, exposure = settings["lags"], settings["rings"], settings["exposure"]
    n = len(t)
    bandwidth = bandwidths(x, y, alone, settings["k"], min(4 * settings["k"], n - 1), settings["least"])
    edge = settings["edge"](bandwidth)
    mu = place_density(t, x, y, alone, bandwidth, lags[-1], edge, settings["total_m2"])
    rate, own_level = level(t, alone, settings["days"], settings["k_time"], settings["bins"])
    mass, bin_of = np.zeros((len(lags) - 1, len(rings) - 1)), {}
    for j in range(n):
        for i in range(j):
            lag, distance = t[j] - t[i], math.hypot(x[j] - x[i], y[j] - y[i])
            if lag <= lags[-1] and distance <= rings[-1]:
                a = max(a for a in range(len(lags) - 1) if lags[a] <= lag)
                b = max(b for b in range(len(rings) - 1) if rings[b] <= distance)
                bin_of[i, j] = a, b
                mass[a, b] += pairs[i, j]
    g, own = trigger(lags, rings, exposure, mass, settings["k"], settings["least_lag"], settings["least"])
    background = []
    for j in range(n):
        b = min(int(t[j] / settings["days"] * settings["bins"]), settings["bins"] - 1)
        background.append(mu[j] * (rate[b] - alone[j] * own_level[b]))
    typical = len(bin_of) / sum(1 / background[j] for _, j in bin_of)
    penalty = np.maximum(1 - g / (0.2 * typical), 0) * 0.1
    g, own = g / (1 + penalty), own / (1 + penalty)
    new_alone, new_pairs = np.ones(n), np.zeros((n, n))
    for j in range(n):
        shares = {i: max(g[bin_of[i, j]] - pairs[i, j] * own[bin_of[i, j]], 0) for i in range(j) if (i, j) in bin_of}
        total = background[j] + sum(shares.values())
        new_alone[j] = background[j] / total
        for i, share in shares.items():
            new_pairs[i, j] = share / total
    return new_alone, new_pairs, mu, rate, g


def exposure(crimes, lags, rings, days, width, height, angles=32):
    """How much of each bin could be seen, summed over crimes: observed time, and points around inside a rectangle."""
    t, x, y = crimes
    middle = np.sqrt((rings[1:] ** 2 + rings[:-1] ** 2) / 2)
    result = np.zeros((len(lags) - 1, len(rings) - 1))
    for i in range(len(t)):
        for b, r in enumerate(middle):
            inside = 0
            for m in range(angles):
                turn = 2 * math.pi * (m + (0.618034 * b) % 1) / angles
                inside += 0 <= x[i] + r * math.cos(turn) < width and 0 <= y[i] + r * math.sin(turn) < height
            for a in range(len(lags) - 1):
                seen = min(max(days - t[i] - lags[a], 0.0), lags[a + 1] - lags[a])
                result[a, b] += seen / (lags[a + 1] - lags[a]) * inside / angles
    return result


def simulate(seed, width, days, rate, theta, omega, sigma):
    """Crimes on an even square, each with Poisson(theta) repeats; t, x, y in order of time."""
    rng = np.random.default_rng(seed)
    waiting = [(rng.uniform(0, days), *rng.uniform(0, width, 2)) for _ in range(rng.poisson(rate * days))]
    found = []
    while waiting:
        t, x, y = waiting.pop()
        if t < days and 0 <= x < width and 0 <= y < width:
            found.append((t, x, y))
        number = rng.poisson(theta) if t < days else 0
        ways = rng.normal(0, sigma, (number, 2))
        waiting += [(t + rng.exponential(1 / omega), x + east, y + north) for east, north in ways]
    return np.array(sorted(found)).T


def expected(seed, mu, growth, ages, days, runs):
    """Mean number of crimes in a number of days, by chance: background, and what known and new crimes set off.

    `growth(rng, number)` draws the lags of the repeats of so many crimes: which crime, and how many days later.
    """
    rng = np.random.default_rng(seed)
    counts = np.zeros(runs)
    run = np.repeat(np.arange(runs), rng.poisson(mu * days, runs))
    t = rng.uniform(0, days, run.size)
    run = np.concatenate([run, np.repeat(np.arange(runs), len(ages))])
    t = np.concatenate([t, np.tile(-np.asarray(ages), runs)])
    while t.size:
        counts += np.bincount(run[(t >= 0) & (t < days)], minlength=runs)
        which, later = growth(rng, t.size)
        run, t = run[which], t[which] + later
        run, t = run[(t >= 0) & (t < days)], t[(t >= 0) & (t < days)]
    return counts.mean(), counts.std(ddof=1) / math.sqrt(runs)
