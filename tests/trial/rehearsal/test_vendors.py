"""What synthetic vendors know and make of it, by themselves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from predpol_eval.errors import InputError
from predpol_eval.flagging import make_scene
from predpol_eval.trial.outcomes.scope import utc64
from predpol_eval.trial.plan import read_plan
from predpol_eval.trial.rehearsal.listed_file import listed
from predpol_eval.trial.rehearsal.tonight import Tonight, generator
from predpol_eval.trial.rehearsal.trouble import WAYS
from predpol_eval.trial.rehearsal.vendors import VENDORS, Leaked, Unreliable, by_seed, synthetic_vendor
from tests.trial.rehearsal.town import crimes, write_rules


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    """Makes a vendor's evening."""
    plan = read_plan(write_rules(tmp_path_factory.mktemp("plan")))
    events, grid = crimes(), plan.make_grid()

    def made(number=0, label="A", *, known=True, truth=False, seed=1):
        night = plan.nights[number]
        return Tonight(
            plan=plan, grid=grid, scene=make_scene(grid), night=night, label=label, seed=seed,
            known=events.known_at(utc64(night.cut, "cut")) if known else None, truth=events if truth else None,
        )  # fmt: skip

    return made


def test_labels_do_not_give_kinds_away():
    dealt = Counter(label for seed in range(200) for label, vendor in by_seed(seed).items() if vendor.cheats)
    assert set(dealt) == set("ABCDE")
    assert min(dealt.values()) > 20
    assert by_seed(7) == by_seed(7)


def test_there_are_only_these_kinds():
    assert [vendor.kind for vendor in VENDORS.values()] == list(VENDORS)
    assert [name for name, vendor in VENDORS.items() if vendor.cheats] == ["leaked"]
    with pytest.raises(InputError, match="no synthetic vendor 'good'; the kinds are leaked, strong, count-map"):
        synthetic_vendor("good")


def test_the_leak_ranks_tonights_boxes_first(evening):
    tonight = evening(truth=True)
    risks = Leaked(share=1.0).risks(tonight)
    truth = tonight.truth
    start, end = utc64(tonight.night.start, "start"), utc64(tonight.night.end, "end")
    for kind, values in risks.items():
        here = (truth.kind == kind) & (truth.happened >= start) & (truth.happened < end)
        boxes = tonight.scene.position[tonight.grid.cells_of(truth.take(here))]
        hit = np.zeros(len(values), dtype=bool)
        hit[boxes] = True
        assert hit.any()
        assert values[hit].min() > values[~hit].max()


def test_the_leak_is_told_of_a_share(evening):
    tonight = evening(truth=True)
    number = {
        share: sum(values.sum() for values in Leaked(share=share).risks(tonight).values()) for share in (0.0, 0.5, 1.0)
    }
    assert number[0.0] < number[0.5] < number[1.0]


def test_strong_is_the_mixture_that_it_says(evening):
    import predpol_eval as ppe
    from predpol_eval.trial.plan import windows_of

    tonight = evening()
    risks = synthetic_vendor("strong").risks(tonight)
    window = windows_of(tonight.plan, [tonight.night])
    for kind in tonight.plan.kinds:
        crimes_of_kind = tonight.known.select(kinds=kind)
        parts = [
            forecaster.fit(crimes_of_kind, tonight.grid, until=window.until[0]).predict(window).to_numpy().ravel()
            for forecaster in (
                ppe.CountMap(lookback=None), ppe.CountMap(lookback=None, half_life="90D"),
                ppe.KDE(bandwidth=250, half_life="180D"),
            )
        ]  # fmt: skip
        mixed = (0.6 * parts[0] + 0.25 * parts[1] + 0.15 * parts[2])[tonight.scene.cells]
        assert np.allclose(risks[kind], mixed, rtol=1e-9)


def test_random_boxes_are_fresh_every_night_and_for_everybody(evening):
    def first(number, label, seed=1):
        return synthetic_vendor("random").risks(evening(number, label, seed=seed))["burglary"].tolist()

    assert first(0, "A") == first(0, "A")
    assert len({tuple(first(*who)) for who in ((0, "A"), (1, "A"), (0, "B"), (0, "A", 2))}) == 4


@pytest.mark.parametrize("kind", ["strong", "count-map", "random", "unreliable"])
def test_who_knows_nothing_hands_in_something_all_the_same(evening, kind):
    tonight = evening(known=False)
    rows = listed(
        synthetic_vendor(kind).risks(tonight), tonight.plan, tonight.grid, tonight.scene, tonight.night.name
    ).rows
    assert {row[2] for row in rows} == set(tonight.plan.kinds)


def test_a_file_lists_what_the_budget_may_reach_and_all_ties(evening):
    tonight = evening()
    values = np.zeros(48)
    values[:5] = [9, 5, 2, 2, 1]
    rows = listed(
        {"burglary": values, "robbery": np.ones(48)}, tonight.plan, tonight.grid, tonight.scene, "2018-07-01"
    ).rows
    count = Counter((row[1], row[2]) for row in rows)
    area = tonight.grid.labels[tonight.scene.label[0]]
    assert {count[name, "robbery"] for name in tonight.plan.areas} == {16}
    place = {name: [row[4] for row in rows if row[1:3] == (name, "burglary")] for name in tonight.plan.areas}
    order = np.sort(values[tonight.scene.label == tonight.grid.labels.index(area)])[::-1]
    assert place[area] == [value for value in order if value >= order[2]]


def test_trouble_is_drawn_night_by_night(evening):
    plan = evening().plan
    vendor = Unreliable(share=0.5)
    one, other = ([vendor.evening(night, label, 1).name for night in plan.nights] for label in ("A", "B"))
    assert one != other
    assert one[0] == other[0] == "in time"
    bad = sum(name != "in time" for name in one)
    assert 5 < bad < 25
    met = {vendor.evening(night, "A", seed).name for seed in range(30) for night in plan.nights}
    assert met == {"in time", *(way.name for way in WAYS)}


def test_a_seed_and_names_decide_a_generator():
    drawn = [generator(*words).random() for words in ((1, "a", "b"), (1, "ab"), (1, "a", "b"), (2, "a", "b"))]
    assert drawn[0] == drawn[2]
    assert len(set(drawn)) == 3
