"""Comparisons by the book: plain loops, all flips, and the mixture of a confidence sequence integrated by sums."""

import itertools
import math


def long_run_variance(z, lags):
    """Bartlett-weighted sum of the autocovariances of z, whose mean is 0."""
    nights = len(z)
    total = 0.0
    for i in range(nights):
        for j in range(nights):
            apart = abs(i - j)
            if apart <= lags:
                total += (1 - apart / (lags + 1)) * z[i] * z[j]
    return total / nights


def pooled_interval(d, n, lags):
    """Estimate and 95 % interval of sum d / sum n, with the published polynomial of fixed-b critical values."""
    nights = len(d)
    ratio = sum(d) / sum(n)
    z = [x - ratio * m for x, m in zip(d, n, strict=True)]
    error = math.sqrt(long_run_variance(z, lags) / nights) / (sum(n) / nights)
    b = (lags + 1) / nights
    reach = (1.96 + 2.9694 * b + 0.416 * b**2 - 0.5324 * b**3) * error
    return ratio, ratio - reach, ratio + reach


def flip_p_value(d, n, delta=0.0, block=1):
    """Share of all ways to flip whole blocks of nights in which the sum is at least as far from 0."""
    z = [x - delta * m for x, m in zip(d, n, strict=True)]
    blocks = [sum(z[i : i + block]) for i in range(0, len(z), block)]
    tolerance = 1e-9 * sum(abs(x) for x in d)
    ways = list(itertools.product((1, -1), repeat=len(blocks)))
    far = [way for way in ways if abs(sum(s * x for s, x in zip(way, blocks, strict=True))) >= abs(sum(z)) - tolerance]
    return len(far) / len(ways)


def mixture_e_value(d, n, delta, rho, steps=20001):
    """Robbins's mixture: the gambles exp(l S - l^2 V / 2) averaged over l normal with mean 0 and variance 1/rho."""
    z = [x - delta * m for x, m in zip(d, n, strict=True)]
    total, variance = sum(z), sum(x * x for x in z)
    # The integrand is a bell around S / (V + rho), of width 1 / sqrt(V + rho).
    middle, width = total / (variance + rho), 1 / math.sqrt(variance + rho)
    step = 24 * width / (steps - 1)
    area = 0.0
    for k in range(steps):
        gamble = middle - 12 * width + k * step
        log = gamble * total - gamble**2 * variance / 2 - rho * gamble**2 / 2
        area += math.exp(log) * step
    return area * math.sqrt(rho / (2 * math.pi))
