"""Consistency tests by the book: laws summed term by term, and every set of crimes listed."""

import itertools
import math


def number_chance(k, mean, phi):
    """P(X = k): Poisson, or negative binomial with variance phi times the mean."""
    if mean == 0:
        return 1.0 if k == 0 else 0.0
    if phi == 1:
        return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1))
    size, success = mean / (phi - 1), 1 / phi
    log = math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1)
    return math.exp(log + size * math.log(success) + k * math.log(1 - success))


def tails(number, mean, phi):
    """P(X >= number) and P(X <= number)."""
    below = sum(number_chance(k, mean, phi) for k in range(number))
    return 1 - below, below + number_chance(number, mean, phi)


def dispersion(expected, crimes):
    """Pearson's chi-square of the nights over their number less one, the forecast scaled to the record."""
    scale = sum(crimes) / sum(expected)
    total, nights = 0.0, 0
    for rate, number in zip(expected, crimes, strict=True):
        if rate > 0:
            nights += 1
            total += (number - scale * rate) ** 2 / (scale * rate)
        elif number > 0:
            return math.inf
    return total / (nights - 1)


def log_likelihood(rates, counts):
    """Joint Poisson log-likelihood, bin after bin."""
    total = 0.0
    for rate, count in zip(rates, counts, strict=True):
        total -= rate + math.lgamma(count + 1)
        if count:
            total += count * math.log(rate) if rate > 0 else -math.inf
    return total


def given_number_chance(rates, counts, phi):
    """Chance of these counts given their sum: multinomial, or Dirichlet-multinomial with alpha = rate / (phi - 1)."""
    if any(count and not rate for rate, count in zip(rates, counts, strict=True)):
        return 0.0
    whole, number = sum(rates), sum(counts)
    if phi == 1:
        log = math.lgamma(number + 1)
        for rate, count in zip(rates, counts, strict=True):
            if count:
                log += count * math.log(rate / whole) - math.lgamma(count + 1)
        return math.exp(log)
    weights = [rate / (phi - 1) for rate in rates]
    log = math.lgamma(number + 1) + math.lgamma(sum(weights)) - math.lgamma(number + sum(weights))
    for weight, count in zip(weights, counts, strict=True):
        if count:
            log += math.lgamma(count + weight) - math.lgamma(weight) - math.lgamma(count + 1)
    return math.exp(log)


def all_counts(bins, number):
    """Every way to put so many crimes into so many bins."""
    for cuts in itertools.combinations(range(number + bins - 1), bins - 1):
        edges = (-1, *cuts, number + bins - 1)
        yield [high - low - 1 for low, high in itertools.pairwise(edges)]


def chance_of_no_more(rates, counts, phi, draw_number):
    """P(log-likelihood of a draw <= that of the record), all draws listed; `draw_number` lets their number vary."""
    recorded = log_likelihood(rates, counts)
    numbers = {sum(counts): 1.0}
    if draw_number:
        numbers = {k: number_chance(k, sum(rates), phi) for k in range(13)}
    total = 0.0
    for number, chance in numbers.items():
        for drawn in all_counts(len(rates), number):
            if log_likelihood(rates, drawn) <= recorded + 1e-9:
                total += chance * given_number_chance(rates, drawn, phi)
    return total
