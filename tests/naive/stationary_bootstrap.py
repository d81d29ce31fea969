"""The stationary bootstrap of nights by the book: one night, one lag and one draw at a time."""

import math


def block_length(z):
    """Politis and White's rule, with every sum written out (Patton's choices of the constants)."""
    nights = len(z)
    mean = sum(z) / nights
    eps = [value - mean for value in z]
    run = max(5, int(math.log10(nights)))
    most = math.ceil(math.sqrt(nights)) + run
    covariance, correlation = [], []
    for lag in range(most + 1):
        product = sum(eps[t] * eps[t - lag] for t in range(lag, nights))
        late = sum(eps[t] ** 2 for t in range(lag + 1, nights))
        early = sum(eps[t] ** 2 for t in range(nights - lag - 1))
        covariance.append(product / nights)
        correlation.append(abs(product) / math.sqrt(late * early) if late * early > 0 else math.inf)
    small = [value < 2 * math.sqrt(math.log10(nights) / nights) for value in correlation]
    starts = [lag for lag in range(most - run + 1) if all(small[lag : lag + run])]
    width = min(2 * max(starts[0], 1), most) if starts else most
    slope = variance = 0.0
    for k in range(-width, width + 1):
        weight = min(1.0, 2 * (1 - abs(k) / width))
        slope += weight * abs(k) * covariance[abs(k)]
        variance += weight * covariance[abs(k)]
    longest = max(1, math.ceil(min(3 * math.sqrt(nights), nights / 3)))
    if abs(variance) < 1e-12 * covariance[0]:
        return longest
    length = (2 * slope**2 / (2 * variance**2)) ** (1 / 3) * nights ** (1 / 3)
    return max(1.0, min(length, longest))


def nights_drawn(uniform, restart):
    """Which nights a row of random numbers stands for."""
    nights = len(uniform)
    drawn = [int(uniform[0] * nights)]
    for u in uniform[1:]:
        drawn.append(int(u / restart * nights) if u < restart else (drawn[-1] + 1) % nights)
    return drawn


def ratio_error(d, n, lags):
    """Standard error of sum d / sum n: prewhitened, Bartlett weights, recoloured."""
    nights = len(d)
    ratio = sum(d) / sum(n)
    z = [x - ratio * m for x, m in zip(d, n, strict=True)]
    if nights < 2 or max(map(abs, z)) <= 1e-9 * max(max(map(abs, d)), abs(ratio) * max(n)):
        return 0.0
    like = sum(z[t] * z[t - 1] for t in range(1, nights)) / sum(x * x for x in z)
    like = max(-0.9, min(0.9, like + (1 + 3 * like) / nights))
    rest = [z[t] - like * z[t - 1] for t in range(1, nights)]
    total = 0.0
    for i in range(len(rest)):
        for j in range(len(rest)):
            if abs(i - j) <= lags:
                total += (1 - abs(i - j) / (lags + 1)) * rest[i] * rest[j]
    long_run = total / len(rest) / (1 - like) ** 2
    return math.sqrt(nights * long_run) / sum(n)


def interval(d, n, uniforms, restart, lags, alpha):
    """Symmetric studentised interval and p-value of sum d / sum n, from the random numbers of every draw."""
    ratio, error = sum(d) / sum(n), ratio_error(d, n, lags)
    strays = []
    for uniform in uniforms:
        drawn = nights_drawn(uniform, restart)
        some_d, some_n = [d[t] for t in drawn], [n[t] for t in drawn]
        if sum(some_n) == 0:
            strays.append(math.inf)
            continue
        away, spread = abs(sum(some_d) / sum(some_n) - ratio), ratio_error(some_d, some_n, lags)
        if spread > 0:
            strays.append(away / spread)
        else:
            strays.append(0.0 if away < 1e-9 else math.inf)
    p = (1 + sum(stray * (1 + 1e-9) >= abs(ratio) / error for stray in strays)) / (1 + len(strays))
    # All ratios that the same draws would not have rejected.
    kept = [reach for reach in strays if (1 + sum(stray >= reach for stray in strays)) / (1 + len(strays)) > alpha]
    reach = max(kept) * error
    return ratio - reach, ratio + reach, p


def redraw(d, n, uniform, restart, lags):
    """Ratio and standard error of every draw, one after the other; shape (2, draws)."""
    ratios, errors = [], []
    for row in uniform:
        drawn = nights_drawn(row, restart)
        some_d, some_n = [d[t] for t in drawn], [n[t] for t in drawn]
        ratios.append(sum(some_d) / sum(some_n))
        errors.append(ratio_error(some_d, some_n, lags))
    return [ratios, errors]
