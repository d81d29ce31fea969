"""A self-exciting process in continuous space by the book: every pair of crimes, one at a time."""

import math

import numpy as np


def close_pairs(x, y, t, radius, span):
    """(later crime, days, square metres) of every pair."""
    found = []
    for j in range(len(x)):
        for i in range(j):
            square = (x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2
            if square <= radius**2 and t[j] - t[i] <= span:
                found.append((j, t[j] - t[i], square))
    return found


def gaussian(square, sigma):
    return math.exp(-square / (2 * sigma**2)) / (2 * math.pi * sigma**2)


def below(edge, at, sigma):
    return 0.5 * math.erfc((at - edge) / (sigma * math.sqrt(2)))


def inside_mass(x, y, x0, y0, cell, share, sigma):
    """Cell by cell, each by its share."""
    total = 0.0
    for row in range(len(share)):
        high = below(y0 + (row + 1) * cell, y, sigma) - below(y0 + row * cell, y, sigma)
        for column in range(len(share[0])):
            wide = below(x0 + (column + 1) * cell, x, sigma) - below(x0 + column * cell, x, sigma)
            total += share[row][column] * high * wide
    return total


def seen_share(t, starts, ends, omega):
    """Share of a crime's repeats in observed time, and its derivative by omega."""
    share = slope = 0.0
    for start, end in zip(starts, ends, strict=True):
        if end > t:
            near, far = max(start - t, 0.0), end - t
            share += math.exp(-omega * near) - math.exp(-omega * far)
            slope += far * math.exp(-omega * far) - near * math.exp(-omega * near)
    return share, slope


def background(x, y, weight, bandwidth, ground, days, min_distance, even):
    """Rate at each crime, itself left out: each spread inside the study area, and a share of all spread evenly."""
    x0, y0, cell, share = ground
    area = sum(map(sum, share)) * cell**2
    inner = [inside_mass(x[j], y[j], x0, y0, cell, share, bandwidth) for j in range(len(x))]
    out = []
    for i in range(len(x)):
        total = 0.0
        for j in range(len(x)):
            if j != i:
                square = max((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2, min_distance**2)
                total += weight[j] / inner[j] * gaussian(square, bandwidth)
        out.append(((1 - even) * total + even * sum(weight) / area) / days)
    return np.array(out)


def rates(x, y, t, theta, omega, sigma, mu, min_step, min_distance):
    """Rate at each crime, and (later crime, part of its rate, days, square metres) for each pair."""
    parts, rate = [], np.array(mu, dtype=float)
    for j in range(len(x)):
        for i in range(j):
            days = max(t[j] - t[i], min_step)
            square = max((x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2, min_distance**2)
            part = theta * omega * math.exp(-omega * days) * gaussian(square, sigma)
            parts.append((j, part, days, square))
            rate[j] += part
    return rate, parts


def seen(x, y, t, omega, sigma, starts, ends, ground):
    """How many repeats of how many would be seen: the sum, and its derivatives by omega and by log sigma."""
    total = by_omega = by_sigma = 0.0
    h = 1e-5
    for j in range(len(x)):
        share, slope = seen_share(t[j], starts, ends, omega)
        mass, up, down = (inside_mass(x[j], y[j], *ground, sigma * math.exp(step)) for step in (0.0, h, -h))
        total += share * mass
        by_omega += slope * mass
        by_sigma += share * (up - down) / (2 * h)
    return total, by_omega, by_sigma


def log_likelihood(x, y, t, theta, omega, sigma, mu, weight, starts, ends, min_step, min_distance, ground):
    rate, _ = rates(x, y, t, theta, omega, sigma, mu, min_step, min_distance)
    return float(np.log(rate).sum() - sum(weight) - theta * seen(x, y, t, omega, sigma, starts, ends, ground)[0])


def em_step(x, y, t, theta, omega, sigma, weight, bandwidth, starts, ends, min_step, min_distance, ground, even):
    """One E and M step: p_ij and p_jj, then theta, omega, sigma and the weights of the background."""
    days = sum(end - start for start, end in zip(starts, ends, strict=True))
    mu = background(x, y, weight, bandwidth, ground, days, min_distance, even)
    rate, parts = rates(x, y, t, theta, omega, sigma, mu, min_step, min_distance)
    repeats = waiting = spread = 0.0
    for j, part, dt, square in parts:
        p = part / rate[j]
        repeats += p
        waiting += p * dt
        spread += p * square
    total, by_omega, by_sigma = seen(x, y, t, omega, sigma, starts, ends, ground)
    new_theta = repeats / total
    new_omega = repeats / (waiting + new_theta * by_omega)
    new_sigma = math.sqrt(spread / (2 * repeats + new_theta * by_sigma))
    return new_theta, new_omega, new_sigma, mu / rate


def simulate(seed, *, theta, omega, sigma, days, crimes, side=5000.0, spots=6, even=0.3, spread=600.0, burn_in=None):
    """Crimes in a square city: an uneven background (spots and an even part), and repeats, those outside dropped."""
    rng = np.random.default_rng(seed)
    before = 15 / (omega * (1 - theta)) if burn_in is None else burn_in
    number = rng.poisson(crimes * (1 - theta) * (days + before) / days)
    centre = rng.uniform(0.15 * side, 0.85 * side, (spots, 2))
    share = rng.dirichlet(np.full(spots, 2.0))
    place = centre[rng.choice(spots, number, p=share)] + rng.normal(0, spread, (number, 2))
    flat = rng.random(number) < even
    place[flat] = rng.uniform(0, side, (int(flat.sum()), 2))
    t = rng.uniform(-before, days, number)
    inside = ((place >= 0) & (place < side)).all(axis=1)
    place, t = place[inside], t[inside]
    places, times, alone = [place], [t], [np.ones(t.size, dtype=bool)]
    while t.size:
        count = rng.poisson(theta, t.size)
        t = np.repeat(t, count) + rng.exponential(1 / omega, count.sum())
        place = np.repeat(place, count, axis=0) + rng.normal(0, sigma, (count.sum(), 2))
        keep = (t < days) & ((place >= 0) & (place < side)).all(axis=1)
        place, t = place[keep], t[keep]
        places.append(place)
        times.append(t)
        alone.append(np.zeros(t.size, dtype=bool))
    place, t, alone = np.concatenate(places), np.concatenate(times), np.concatenate(alone)
    order = np.argsort(t)
    order = order[t[order] >= 0]
    return place[order, 0], place[order, 1], t[order], alone[order]


def neighbours(x, y, t, radius, span):
    """Of each crime's close pairs: how many, and the sums of their days and squared distances."""
    out = np.zeros((3, len(x)))
    for j, days, square in close_pairs(x, y, t, radius, span):
        out[:, j] += 1.0, days, square
    return tuple(out)


def em_iteration(offsets, days, square, later, mu, theta, omega, sigma, rows=None):
    """p_jj, and the sums over pairs of p, p u and p v."""
    rate = [float(value) for value in mu]
    parts = []
    for j in range(len(mu)):
        for k in range(offsets[j], offsets[j + 1]):
            parts.append((j, theta * omega * math.exp(-omega * days[k]) * gaussian(square[k], sigma), k))
            rate[j] += parts[-1][1]
    total = u = v = 0.0
    for j, part, k in parts:
        total += part / rate[j]
        u += part / rate[j] * omega * days[k]
        v += part / rate[j] * square[k] / (2 * sigma**2)
    return np.array(mu) / rate, total, u, v


def place_density(x, y, weight, bandwidth):
    out = np.zeros(len(x))
    for i in range(len(x)):
        for j in range(len(x)):
            square = (x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2
            out[i] += weight[j] * math.exp(-square / (2 * bandwidth**2))
    return out


def mass_inside(x, y, x0, y0, cell, share, sigma):
    return np.array([inside_mass(at, up, x0, y0, cell, share, sigma) for at, up in zip(x, y, strict=True)])
