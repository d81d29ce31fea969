"""The test that a plan declares before any result is seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTest:
    """What is compared, how, and how often.

    Attributes
    ----------
    metric : str
        ``"hit_rate"`` or ``"pai"``.
    method : str
        ``compare(method=...)`` at the planned looks.
    alpha : float
        Chance of a false finding in the whole trial: all pairs and all looks.
    spending : str
        ``alpha_spending(spending=...)``.
    looks : tuple of int
        Numbers of settled nights at which the test is made; the last is the number of nights.
    pairs : tuple of (str, str)
        The comparisons that are tests, over all kinds of crime together.
    correction : str
        ``adjust(method=...)`` over the pairs.
    missing : str
        ``compare(missing=...)``.
    rho : float
        Of the confidence sequence.
    draws : int
        Of bootstrap and sign flips.
    floor : float or None
        Of log scores.
    ties : str
        ``"expected"``: equal risks at the edge of the budget count what they catch on average.
    """

    metric: str
    method: str
    alpha: float
    spending: str
    looks: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]
    correction: str
    missing: str
    rho: float
    draws: int
    floor: float | None
    ties: str
