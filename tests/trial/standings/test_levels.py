"""Levels of looks, and p-values that allow for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predpol_eval.trial.standings.levels import judged_levels, nominal, p_over_looks

LOOKS = (61, 122, 184)
PS = st.lists(st.one_of(st.floats(0, 1), st.floats(0, 0.05), st.just(float("nan"))), min_size=1, max_size=8)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_a_p_at_the_level_of_a_look_is_worth_the_alpha_of_the_trial(spending: str, alpha: float) -> None:
    for count in (1, 2, 3):
        for share in (1.0, 0.5, 0.1):
            level = nominal(LOOKS[:count], 184, share * alpha, spending)
            found = p_over_looks(level, LOOKS[:count], 184, spending=spending, alpha=alpha)
            assert found == pytest.approx(share * alpha, rel=1e-5)


def test_levels_rise_with_alpha() -> None:
    for spending in ("obrien_fleming", "pocock"):
        for count in (1, 2, 3):
            levels = [nominal(LOOKS[:count], 184, alpha, spending) for alpha in np.geomspace(1e-6, 0.3, 30)]
            steps = np.diff(levels)
            # Next to nothing cannot be spent: such levels are 0.
            assert (steps >= 0).all()
            assert (steps[np.array(levels[:-1]) > 0] > 0).all()


def test_the_last_of_one_look_is_the_p_itself() -> None:
    assert p_over_looks(0.03, (184,), 184, spending="obrien_fleming", alpha=0.05) == pytest.approx(0.03, rel=1e-6)


def test_ends() -> None:
    told = {"spending": "obrien_fleming", "alpha": 0.05}
    assert np.isnan(p_over_looks(float("nan"), LOOKS, 184, **told))
    assert p_over_looks(0.9, LOOKS, 184, **told) == 1.0
    assert 0 < p_over_looks(0.0, LOOKS, 184, **told) <= 1e-11
    assert p_over_looks(1e-4, (10,), 184, **told) > 0.3


def test_dividing_the_level_of_a_look_would_spend_too_much() -> None:
    looks = (36, 72, 108, 144, 180)
    for count in (2, 3, 4, 5):
        assert nominal(looks[:count], 180, 0.05 / 3, "pocock") < 0.97 * nominal(looks[:count], 180, 0.05, "pocock") / 3


@given(PS, st.sampled_from(["holm", "bh", "by"]))
@settings(max_examples=150, deadline=None)
def test_a_p_is_at_most_its_level_just_where_it_is_found(p: list[float], correction: str) -> None:
    adjusted, levels = judged_levels(p, 0.05, correction)
    found = adjusted <= 0.05
    raw = np.nan_to_num(np.array(p), nan=1.0)
    near = np.abs(raw - levels) <= 1e-12
    assert ((raw <= levels) == found)[~near].all()
    assert (levels <= 0.05 + 1e-15).all()
    assert not found[np.isnan(p)].any()


def test_steps_of_holm_by_hand() -> None:
    adjusted, levels = judged_levels([0.04, 0.01, 0.02, float("nan")], 0.05, "holm")
    # The smallest against .05 / 4 is found, the next against .05 / 3 is not; what is too little counts as one of four.
    assert adjusted[:3].tolist() == pytest.approx([0.08, 0.04, 0.06])
    assert levels.tolist() == pytest.approx([0.05 / 3, 0.05 / 4, 0.05 / 3, 0.05 / 3])


def paths(generator: np.random.Generator, trials: int, counts: tuple[int, ...]) -> np.ndarray:
    """Two-sided p-values of the three differences of three exchangeable vendors; shape (trials, looks, pairs)."""
    from scipy import stats

    steps = np.diff(counts, prepend=0)
    walk = (generator.normal(size=(trials, len(counts), 3)) * np.sqrt(steps)[:, None]).cumsum(axis=1)
    z = np.stack([walk[..., i] - walk[..., j] for i, j in ((0, 1), (0, 2), (1, 2))], axis=-1)
    return np.asarray(2 * stats.norm.sf(np.abs(z) / np.sqrt(2 * np.array(counts))[:, None]))


def any_found(p: np.ndarray, counts: tuple[int, ...], spending: str) -> np.ndarray:
    """Whether Holm finds anything at any look: it does just where the least p-value passes its first step."""
    first = np.array([nominal(counts[: look + 1], counts[-1], 0.05 / 3, spending) for look in range(len(counts))])
    return np.asarray((p.min(axis=-1) <= first).any(axis=-1))


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_all_pairs_and_looks_together_keep_alpha(spending: str) -> None:
    trials = 40_000
    counts = (36, 72, 108, 144, 180)
    p = paths(np.random.default_rng(5), trials, counts)
    found = any_found(p, counts, spending)
    # What the code itself decides, on some of them.
    for trial in np.flatnonzero(found)[:15].tolist() + np.flatnonzero(~found)[:15].tolist():
        told = False
        for look in range(len(counts)):
            here = counts[: look + 1]
            over = [p_over_looks(one, here, 180, spending=spending, alpha=0.05) for one in p[trial, look]]
            told |= bool((judged_levels(over, 0.05, "holm")[0] <= 0.05).any())
        assert told == found[trial]
    rate = found.mean()
    assert rate <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)
    # And it is not idle: correlated pairs cost a little.
    assert rate > 0.035
