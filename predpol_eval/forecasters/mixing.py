"""Weights of a mixture of expected counts that maximise its Poisson log score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from predpol_eval.projection import FloatArray

# Nats per crime that the score may still be below its maximum.
TOLERANCE = 1e-6
MOST_STEPS = 20_000
# Parts that are all but the same make the parabola flat in some direction; this much keeps it from being quite so.
RIDGE = 1e-8
HEAVY = 1e4
HALVINGS = 8


class Mixture(NamedTuple):
    """Weights, and how they were found."""

    weights: FloatArray
    steps: int
    gap: float
    path: FloatArray

    @property
    def converged(self) -> bool:
        """Whether the score is known to be within the tolerance of its maximum."""
        return self.gap <= TOLERANCE


def mixture_weights(
    rates: FloatArray,
    crimes: FloatArray,
    totals: FloatArray,
    *,
    base: FloatArray | None = None,
    normalised: bool = True,
    most_steps: int = MOST_STEPS,
) -> Mixture:
    """Maximise sum_i y_i ln(b_i + sum_k w_k r_ik) - sum_k w_k R_k over weights of 0 and more.

    Parameters
    ----------
    rates : array of float, shape (n, k)
        Expected count of every part, where crimes fell.
    crimes : array of float, shape (n,)
        Crimes y there, above 0.
    totals : array of float, shape (k,)
        Expected count R of every part over all cells and windows, those without a crime too.
    base : array of float, shape (n,), optional
        What is expected there besides, with a weight that is given. Where it is 0, some part must expect something.
    normalised : bool
        Whether the weights must sum to 1.
    most_steps : int
        Where to stop.

    Returns
    -------
    Mixture
        ``gap`` is an upper bound of what the score lacks of its maximum, in nats per crime; ``path`` the score per
        crime after every round, which never falls. Without any crime all weights are alike.

    Notes
    -----
    Each step is one of expectation and maximisation: w_k is multiplied by sum_i (y_i r_ik / m_i) / (R_k + mu), m the
    mixture and mu what makes the weights sum to 1 (0 where they need not); it never lowers the score. Where parts
    resemble each other it is slow, so that a round also tries a leap, to the best weights of 0 and more for the
    score's parabola at hand, and keeps it only where it scores higher. The score is concave in the weights, which
    bounds what is lacking.

    References
    ----------
    Kim, Y., Carbonetto, P., Stephens, M. and Anitescu, M. (2020). A fast algorithm for maximum likelihood estimation
    of mixture proportions using sequential quadratic programming. J. Comput. Graph. Stat. 29 (the leap).

    Examples
    --------
    >>> rates, totals = np.array([[1.0, 0.5], [0.0, 0.5]]), np.array([1.0, 1.0])
    >>> mixture_weights(rates, np.array([3.0, 1.0]), totals).weights.round(3).tolist()  # 3/4 of the crimes: 1/2 + 1/4
    [0.5, 0.5]
    """
    count, number, live = len(totals), float(crimes.sum()), totals > 0
    if not number > 0 or not live.any():
        return Mixture(np.full(count, 1.0 / count), 0, 0.0, np.array([]))
    besides = np.zeros(len(crimes)) if base is None else base
    # Parts that are the very same share a weight.
    parts, same, copies = np.unique(
        np.vstack([totals[live], rates[:, live]]), axis=1, return_inverse=True, return_counts=True
    )
    problem = _Problem(parts[1:], crimes, parts[0], besides, normalised)
    weights = problem.scaled(copies.astype(np.float64))
    score, steps, gap = problem.score(weights), 0, problem.gap(weights)
    path = [score]
    while gap > TOLERANCE * number and steps < most_steps:
        one = problem.step(weights)
        weights, score = problem.better(one, problem.leap(one))
        path.append(score)
        steps, gap = steps + 1, problem.gap(weights)
    found = np.zeros(count)
    found[live] = (weights / copies)[same.ravel()]
    return Mixture(found, steps, gap / number, np.array(path) / number)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """The score and its steps; all parts expect something."""

    rates: FloatArray
    crimes: FloatArray
    totals: FloatArray
    base: FloatArray
    normalised: bool

    def scaled(self, weights: FloatArray) -> FloatArray:
        """Weights that sum to 1, or whose mixture expects as many crimes as there were."""
        size = weights.sum() if self.normalised else weights @ self.totals / self.crimes.sum()
        return np.asarray(weights / size)

    def score(self, weights: FloatArray) -> float:
        """Poisson log score, up to what does not depend on the weights."""
        return float(self.crimes @ np.log(self.base + self.rates @ weights) - weights @ self.totals)

    def pull(self, weights: FloatArray) -> FloatArray:
        """Derivative of the first term of the score by each weight."""
        return np.asarray((self.crimes / (self.base + self.rates @ weights)) @ self.rates)

    def step(self, weights: FloatArray) -> FloatArray:
        """One step of expectation and maximisation."""
        share = weights * self.pull(weights)
        return _summing_to_one(share, self.totals) if self.normalised else np.asarray(share / self.totals)

    def leap(self, weights: FloatArray) -> FloatArray:
        """Best weights for the parabola through the score here; shortened until it scores no lower, or not at all."""
        from scipy.optimize import nnls

        scaled = self.rates / self.totals  # so that no part is of another order than the rest
        mixed = self.base + self.rates @ weights
        across = scaled * (np.sqrt(self.crimes) / mixed)[:, None]
        size, axes = np.linalg.eigh(across.T @ across)
        size = np.sqrt(np.maximum(size, RIDGE * size[-1]))
        left = size[:, None] * axes.T
        slope = (self.crimes / mixed) @ scaled - 1.0
        right = axes.T @ slope / size + left @ (weights * self.totals)
        if self.normalised:
            # The sum is held by one more row that outweighs the others.
            heavy = HEAVY * float(np.abs(left).max())
            left = np.vstack([left, heavy * self.totals.min() / self.totals])
            right = np.append(right, heavy * self.totals.min())
        try:
            best = nnls(left, right)[0] / self.totals
        except RuntimeError:  # it ran out of iterations; the plain step stands
            return weights
        if not best.sum() > 0:
            return weights
        best = best / best.sum() if self.normalised else best
        start = self.score(weights)
        for _ in range(HALVINGS):
            if self.score(best) >= start:
                return np.asarray(best)
            best = (best + weights) / 2
        return weights

    def better(self, one: FloatArray, other: FloatArray) -> tuple[FloatArray, float]:
        """The weights that score higher, and their score."""
        scores = self.score(one), self.score(other)
        return (other, scores[1]) if scores[1] > scores[0] else (one, scores[0])

    def gap(self, weights: FloatArray) -> float:
        """Upper bound of what the score lacks of its maximum, in nats."""
        pull = self.pull(weights)
        slope = pull - self.totals
        if self.normalised:
            return max(0.0, float(slope.max() - weights @ slope))
        # The best weights expect at most as many crimes as there were.
        return max(0.0, float(self.crimes.sum() * max(0.0, (pull / self.totals).max() - 1.0) - weights @ slope))


def _summing_to_one(share: FloatArray, totals: FloatArray) -> FloatArray:
    """Weights share / (totals + mu), mu such that they sum to 1."""
    some = share > 0
    part, above = share[some], totals[some] - totals[some].min()
    # In place of mu what it exceeds minus the least total by, which may be tiny. From below, where the sum is at least
    # 1: its inverse is concave, so that Newton's steps never overshoot.
    excess = float((part - above).max())
    for _ in range(200):
        weights = part / (above + excess)
        total = float(weights.sum())
        if total - 1.0 <= 1e-13:
            break
        excess += total * (total - 1.0) / float((weights / (above + excess)).sum())
    found = np.zeros(len(share))
    found[some] = weights / total
    return found
