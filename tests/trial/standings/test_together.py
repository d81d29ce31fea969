"""Would two together be better?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.comparisons.stationary_bootstrap import ratio_interval
from predpol_eval.errors import InputError
from predpol_eval.trial.standings.together import taken_in_turn, together

NIGHTS = 28
AREAS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])


def world(seed: int = 1, cells: int = 10, kinds: int = 2) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Flags of the first two of each area by three orders at random, crimes, and the orders."""
    generator = np.random.default_rng(seed)
    crimes = generator.poisson(1.0, (NIGHTS, kinds, cells)).astype(float)
    ranks, flagged = {}, {}
    for name in "ABC":
        order = np.empty((NIGHTS, kinds, cells))
        for area in (0, 1):
            here = np.flatnonzero(area == AREAS)
            order[..., here] = generator.random((NIGHTS, kinds, len(here))).argsort(axis=-1).argsort(axis=-1) + 1
        ranks[name], flagged[name] = order, (order <= 2).astype(float)
    return flagged, crimes, ranks


def one_night(a: list[float], b: list[float], crimes: list[float]) -> Any:
    """One pair on one night in one area."""
    told = {name: np.array([[values]], dtype=float) for name, values in (("A", a), ("B", b))}
    return together(told, np.array([[crimes]], dtype=float), areas=np.zeros(4, dtype=int), k=2)[0]


def test_by_hand() -> None:
    found = one_night([1, 1, 0, 0], [1, 0, 1, 0], [5, 2, 1, 2])
    told = {name: getattr(found, name).estimate for name in ("both", "a_only", "b_only", "neither", "union_gain")}
    assert told == pytest.approx({"both": 0.5, "a_only": 0.2, "b_only": 0.1, "neither": 0.2, "union_gain": 0.1})
    assert found.jaccard.estimate == pytest.approx(1 / 3)
    assert (found.nights, found.crimes, found.mixture_nights) == (1, 10, 0)
    assert np.isnan([found.both.low, found.mixture.estimate, found.mixture_gain.estimate]).all()


def test_of_a_method_with_itself() -> None:
    flagged, crimes, ranks = world()
    (found,) = together(
        {"A": flagged["A"], "again": flagged["A"]},
        crimes,
        areas=AREAS,
        k=2,
        ranks={"A": ranks["A"], "again": ranks["A"]},
    )
    assert (found.a_only.estimate, found.b_only.estimate, found.union_gain.estimate, found.jaccard.estimate) == (
        0,
        0,
        0,
        1,
    )
    assert found.mixture_gain.estimate == 0
    assert found.mixture.estimate == pytest.approx(found.both.estimate)
    half = {"A": 0.5 * flagged["A"], "again": 0.5 * flagged["A"]}
    assert together(half, crimes, areas=AREAS, k=2)[0].jaccard.estimate == 1.0


def test_counts_are_those_of_the_library() -> None:
    import xarray as xr

    flagged, crimes, _ = world()
    found = {(pair.a, pair.b): pair for pair in together(flagged, crimes, areas=AREAS, k=2)}
    assert list(found) == [("A", "B"), ("A", "C"), ("B", "C")]
    caught = np.stack([flagged[name] for name in "ABC"])
    sums = {
        "both": np.einsum("itkc,jtkc,tkc->ij", caught, caught, crimes),
        "first_only": np.einsum("itkc,jtkc,tkc->ij", caught, 1 - caught, crimes),
        "second_only": np.einsum("itkc,jtkc,tkc->ij", 1 - caught, caught, crimes),
    }
    counts = xr.Dataset(
        {name: (("forecaster", "other"), values) for name, values in sums.items()},
        {"forecaster": list("ABC"), "other": list("ABC")},
    ).assign(events=crimes.sum())
    told = ppe.complementarity(counts).sel(forecaster="A", other="C")
    pair = found["A", "C"]
    assert pair.union_gain.estimate == pytest.approx(float(told["union_gain"]))
    assert pair.a_only.estimate + pair.b_only.estimate == pytest.approx(float(told["one_only"]))
    over = [
        ratio_interval(
            np.einsum("tkc,tkc,tkc->t", flagged[one], 1 - flagged[other], crimes), crimes.sum(axis=(1, 2)),
            alpha=0.025, resamples=999, seed=0, block=7.0,
        )
        for one, other in ("AC", "CA")
    ]  # fmt: skip
    assert pair.union_gain.low == pytest.approx(min(one.low for one in over))
    assert pair.union_gain.high == pytest.approx(min(one.high for one in over))
    for share in (pair.both, pair.a_only, pair.b_only, pair.neither, pair.union_gain, pair.jaccard):
        assert share.low < share.estimate < share.high


def test_boxes_are_taken_in_turn() -> None:
    assert taken_in_turn([1, 2, 3], [4, 5, 6], 4) == [1, 4, 2, 5]
    assert taken_in_turn([1, 2, 3], [1, 2, 3], 2) == [1, 2]
    assert taken_in_turn([1], [4, 5, 6], 3) == [1, 4, 5]
    assert taken_in_turn([], [4], 3) == [4]


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_mixture_uses_the_usual_budget_and_both_orders_of_beginning(seed: int) -> None:
    flagged, crimes, ranks = world(seed)
    pair = together({name: flagged[name] for name in "AB"}, crimes, areas=AREAS, k=3, ranks=ranks, draws=99)[0]
    caught = 0.0
    for night in range(NIGHTS):
        for kind in range(2):
            for area in (0, 1):
                here = np.flatnonzero(area == AREAS)
                first, second = (
                    sorted(here, key=lambda cell, name=name: ranks[name][night, kind, cell]) for name in "AB"
                )
                for mine, theirs in ((first, second), (second, first)):
                    boxes: list[Any] = []
                    for one, other in zip(mine, theirs, strict=True):
                        boxes += [cell for cell in (one, other) if cell not in boxes][: 3 - len(boxes)]
                        boxes = list(dict.fromkeys(boxes))[:3]
                    caught += crimes[night, kind, boxes].sum() / 2
    assert pair.mixture.estimate == pytest.approx(caught / crimes.sum())
    assert pair.mixture_nights == NIGHTS


def test_two_that_know_different_halves_gain_by_mixing() -> None:
    # Each is sure of one box and guesses the other; crimes fall on the two sure ones.
    generator = np.random.default_rng(3)
    crimes = np.zeros((NIGHTS, 1, 10))
    crimes[:, 0, [0, 1]] = generator.poisson(3, (NIGHTS, 2))
    ranks = {name: np.zeros((NIGHTS, 1, 10)) for name in "AB"}
    for name, sure, guess in (("A", 0, 8), ("B", 1, 9)):
        ranks[name][:, 0, sure], ranks[name][:, 0, guess] = 1, 2
    flagged = {name: (values > 0).astype(float) for name, values in ranks.items()}
    (found,) = together(flagged, crimes, areas=np.zeros(10, dtype=int), k=2, ranks=ranks)
    assert found.mixture.estimate == 1.0
    better = max(found.a_only.estimate, found.b_only.estimate)
    assert found.mixture_gain.estimate == pytest.approx(1 - better)
    assert found.mixture_gain.low > 0
    assert found.union_gain.low > 0


def test_who_has_no_order_cannot_be_mixed() -> None:
    flagged, crimes, ranks = world()
    del ranks["B"]
    ranks["C"][:20] = np.nan
    first, second, _ = together(flagged, crimes, areas=AREAS, k=2, ranks=ranks)
    assert (first.mixture_nights, second.mixture_nights) == (0, NIGHTS - 20)
    assert np.isnan(first.mixture.estimate)


def test_only_common_nights_count() -> None:
    flagged, crimes, ranks = world()
    flagged["A"][3] = np.nan
    crimes[5] = np.nan
    flagged["B"][7, 0] = np.nan
    first = together(flagged, crimes, areas=AREAS, k=2, ranks=ranks)[0]
    kept = np.ones((NIGHTS, 2), dtype=bool)
    kept[[3, 5]] = False
    kept[7, 0] = False
    assert (first.nights, first.mixture_nights) == (NIGHTS - 2, NIGHTS - 2)
    assert first.crimes == crimes[kept].sum()


def test_exchanging_two_exchanges_their_numbers() -> None:
    flagged, crimes, ranks = world()
    first = together({name: flagged[name] for name in "AB"}, crimes, areas=AREAS, k=2, ranks=ranks)[0]
    second = together({name: flagged[name] for name in "BA"}, crimes, areas=AREAS, k=2, ranks=ranks)[0]
    assert (second.a_only, second.b_only) == (first.b_only, first.a_only)
    for name in ("both", "neither", "union_gain", "jaccard", "mixture", "mixture_gain"):
        assert getattr(first, name) == pytest.approx(getattr(second, name))


def test_nothing_to_compare_and_no_crime() -> None:
    flagged, crimes, ranks = world()
    assert together({}, crimes, areas=AREAS, k=2) == ()
    assert together({"A": flagged["A"]}, crimes, areas=AREAS, k=2) == ()
    pair = together(flagged, 0 * crimes, areas=AREAS, k=2, ranks=ranks)[0]
    assert pair.crimes == 0
    assert np.isnan([pair.both.estimate, pair.union_gain.estimate, pair.mixture.estimate]).all()
    assert pair.jaccard.estimate > 0


def test_what_does_not_fit_is_refused() -> None:
    flagged, crimes, ranks = world()
    told: dict[str, Any] = {"areas": AREAS, "k": 2}
    for wrong in (
        {**told, "k": 0}, {**told, "areas": AREAS[:-1]}, {**told, "ranks": {**ranks, "A": ranks["A"][:3]}},
        {**told, "ground": [1.0]}, {**told, "ground": -np.ones(10)},
    ):  # fmt: skip
        with pytest.raises(InputError):
            together(flagged, crimes, **wrong)
    with pytest.raises(InputError, match=r"^B has shape"):
        together({**flagged, "B": flagged["B"][:3]}, crimes, **told)
