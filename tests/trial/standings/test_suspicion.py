"""Too good to be true: the two rules, by hand and against honest and dishonest submitters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from predpol_eval.errors import InputError
from predpol_eval.trial.standings.flagged_arrays import laid_out
from predpol_eval.trial.standings.lower_bounds import Sums, covariance, critical, fieller, poisson_ratio, share_low
from predpol_eval.trial.standings.suspicion import CANNOT_TELL, best_fixed, hindsight, placebo_date, suspicions
from tests.trial.standings.suspects import AREA_OF, K, submitters, trials

ONE = np.zeros(2, dtype=np.int64)


def plain(nights: int = 84) -> tuple[Any, Any]:
    """Two boxes; the first is flagged every night; crimes fall four to one on it."""
    flagged = np.zeros((nights, 1, 2))
    flagged[:, 0, 0] = 1
    crimes = np.zeros((nights, 1, 2))
    crimes[:, 0] = [4, 1]
    return flagged, crimes


def test_by_hand() -> None:
    flagged, crimes = plain()
    found = placebo_date("A", flagged, crimes)
    assert (found.estimate, found.nights, found.blocks, found.hits, found.crimes) == (1.0, 77, 11, 308, 385)
    assert found.verdict == "not flagged"
    assert 0.7 < found.low < 1.0
    late = hindsight("A", flagged, crimes, areas=ONE, k=1)
    assert (late.estimate, late.threshold, late.verdict) == (336, 336, "not flagged")
    assert late.low < 336


def test_a_night_is_held_against_the_one_seven_nights_later() -> None:
    # Crimes go round seven boxes, one a night, and the flag goes with them: seven nights on it is right again.
    nights = 105
    crimes = np.zeros((nights, 1, 8))
    crimes[np.arange(nights), 0, np.arange(nights) % 7] = 3
    assert placebo_date("A", crimes / 3, crimes).estimate == 1.0
    # Round eight boxes it is always wrong then.
    crimes = np.zeros((nights, 1, 8))
    crimes[np.arange(nights), 0, np.arange(nights) % 8] = 3
    found = placebo_date("A", crimes / 3, crimes)
    assert (found.estimate, found.flagged) == (math.inf, True)
    assert found.low > 2
    assert "many times" in found.in_words()
    assert "no proof" in found.in_words()


def test_missing_and_void_nights_are_left_out_of_both_sides() -> None:
    flagged, crimes = plain(100)
    flagged[10] = np.nan
    crimes[40] = np.nan
    # Night 10 has no flags; night 40 neither counts for itself nor for night 33.
    found = placebo_date("A", flagged, crimes)
    assert found.nights == 93 - 3
    assert hindsight("A", flagged, crimes, areas=ONE, k=1).nights == 98
    assert hindsight("A", flagged, crimes, areas=ONE, k=1).threshold == 4 * 98


def test_few_crimes_or_weeks_cannot_tell() -> None:
    flagged, crimes = plain(84)
    rare = np.zeros_like(crimes)
    rare[::10, 0, 0] = 1
    empty = np.zeros_like(crimes)
    for shares, counts in (
        (flagged, rare), (flagged, empty), (flagged[:40], crimes[:40]), (flagged[:5], crimes[:5]),
        (np.full_like(flagged, np.nan), crimes), (flagged[:0], crimes[:0]),
    ):  # fmt: skip
        for found in suspicions("A", shares, counts, areas=ONE, k=1):
            assert found.verdict == CANNOT_TELL
            assert not found.flagged
            assert "cannot be told" in found.in_words()


def test_best_fixed_map_by_hand() -> None:
    crimes = np.array([[[1.0, 0, 2, 5]], [[0.0, 3, 0, 5]], [[9.0, 9, 9, 9]]])
    usable = np.array([[True], [True], [False]])
    assert best_fixed(crimes, usable, np.array([0, 0, 0, 1]), 1) == 3 + 10
    assert best_fixed(crimes, usable, np.array([0, 0, 0, -1]), 2) == 3 + 2
    assert best_fixed(crimes, usable, np.array([0, 0, 0, 1]), 9) == 6 + 10


def test_bounds_are_those_of_the_books() -> None:
    assert share_low(7.0, 3.0, 0.999) == pytest.approx(stats.binomtest(7, 10).proportion_ci(0.998).low)
    assert share_low(0.0, 3.0, 0.999) == 0.0
    assert poisson_ratio(7.0, 10.0, 3.0, 20.0, 0.999) == pytest.approx(
        share_low(7.0, 3.0, 0.999) / (1 - share_low(7.0, 3.0, 0.999)) * 2
    )
    generator = np.random.default_rng(1)
    n = generator.poisson(30, 26).astype(float)
    first, second = (Sums(generator.binomial(n.astype(int), share).astype(float), n) for share in (0.6, 0.2))
    low = fieller(first, second, 0.999)

    def t(ratio: float) -> float:
        strays = first.strays - ratio * second.strays
        return (first.rate - ratio * second.rate) / math.sqrt(covariance(strays, strays))

    assert t(low) == pytest.approx(critical(26, 0.999))
    assert (np.array([t(ratio) for ratio in np.linspace(0, low * 0.999, 50)]) > critical(26, 0.999)).all()
    assert covariance(np.array([1.0, -1, 2, -2]), np.array([1.0, -1, 0, 0])) == pytest.approx(2 * 4 / 3)
    none = Sums(np.zeros(26), n)
    assert fieller(first, none, 0.999) == math.inf
    assert fieller(none, second, 0.999) == 0.0


def test_level_of_the_bound_of_a_ratio() -> None:
    generator = np.random.default_rng(2)
    above = 0
    for _ in range(4000):
        n = generator.poisson(40, 26).astype(float)
        rate = np.clip(generator.normal(0.3, 0.06, 26), 0, 1)
        first = Sums(generator.binomial(n.astype(int), rate).astype(float), n)
        second = Sums(generator.binomial(n.astype(int), rate / 2).astype(float), n)
        above += fieller(first, second, 0.99) > 2
    assert above <= stats.binom.ppf(0.999, 4000, 0.01)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f, c: (f[:, 0], c), "shape"),
        (lambda f, c: (f[:-1], c), "shape"),
        (lambda f, c: (f * 2, c), "no share"),
        (lambda f, c: (f, -c), "no count"),
        (lambda f, c: (f, c * np.inf), "no count"),
        (lambda f, c: (f.astype(str), c), None),
        (lambda f, c: ([["x"]], c), "no number"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(spoil: Any, said: str | None) -> None:
    flagged, crimes = spoil(*plain())
    if said is None:
        assert placebo_date("A", flagged, crimes).verdict == "not flagged"
        return
    with pytest.raises(InputError, match=said), np.errstate(invalid="ignore"):
        placebo_date("A", flagged, crimes)


def test_areas_and_k_that_do_not_fit_are_refused() -> None:
    flagged, crimes = plain()
    for areas, k in ((np.zeros(3, dtype=int), 1), (np.zeros(2), 1), (ONE, 0), (ONE, 1.5), (ONE, True)):
        with pytest.raises(InputError):
            hindsight("A", flagged, crimes, areas=areas, k=k)  # type: ignore[arg-type]


def test_nights_and_kinds_are_laid_out() -> None:
    made = laid_out({("b", "y"): [1, 2]}, ["a", "b"], ["x", "y"], 2)
    assert made[1, 1].tolist() == [1, 2]
    assert int(np.isnan(made).sum()) == 6
    for parts in ({("c", "y"): [1, 2]}, {("b", "z"): [1, 2]}, {("b", "y"): [1]}):
        with pytest.raises(InputError):
            laid_out(parts, ["a", "b"], ["x", "y"], 2)


def verdicts(seed: int, number: int, **world: float) -> dict[str, list[tuple[bool, bool]]]:
    """For each submitter, whether each rule flags it, trial by trial."""
    made = trials(seed, number, **world)
    crimes = made.crimes[:, 60:, None]
    return {
        name: [
            tuple(one.flagged for one in suspicions(name, flags[trial][:, None], crimes[trial], areas=AREA_OF, k=K))
            for trial in range(number)
        ]
        for name, flags in submitters(made, seed).items()
    }  # type: ignore[return-value]


def check(found: dict[str, list[tuple[bool, bool]]]) -> int:
    assert all(placebo and late for placebo, late in found["leaked"])
    return sum(any(one) for name in ("self-exciting", "count map", "random") for one in found[name])


def test_honest_submitters_are_not_flagged_and_a_leak_always_is() -> None:
    assert check(verdicts(1, 60)) == 0
    assert check(verdicts(2, 30, rate=3.0)) == 0


def test_where_risk_moves_quickly_only_the_second_rule_asks_honest_ones() -> None:
    # Of ten crimes six follow another within days: who knows the rate rightly beats any map that stays the same.
    found = verdicts(3, 25, triggered=0.6, decay=0.2)
    assert not any(placebo for name, told in found.items() for placebo, _ in told if name != "leaked")
    assert sum(late for _, late in found["self-exciting"]) > 12
    assert all(placebo and late for placebo, late in found["leaked"])


@pytest.mark.slow
def test_fewer_than_one_honest_submitter_of_a_thousand_is_flagged() -> None:
    # None of 3,750 in each of these towns: were it one of 1,000, that had a chance of 2 %.
    for world in ({}, {"rate": 3.0}):
        assert sum(check(verdicts(100 + part, 250, **world)) for part in range(5)) == 0


@pytest.mark.slow
def test_how_often_honest_ones_are_asked_where_half_of_all_crimes_follow_another() -> None:
    found: dict[str, list[tuple[bool, bool]]] = {}
    for part in range(5):
        for name, told in verdicts(200 + part, 200, triggered=0.5).items():
            found.setdefault(name, []).extend(told)
    for name in ("self-exciting", "count map", "random"):
        assert not any(placebo for placebo, _ in found[name])
    assert not any(late for name in ("count map", "random") for _, late in found[name])
    # As the docstring says: 2 to 3 of 100 who know the true rate.
    assert 5 <= sum(late for _, late in found["self-exciting"]) <= 50
