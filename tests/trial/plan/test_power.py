"""What a plan can detect: held against a backtest and the formula called by hand, and blind to the future."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from predpol_eval.trial.plan import PlanPower, power
from predpol_eval.trial.plan.plan_power import POOLED, level_of
from tests.trial.plan.town import SIDE, X, Y, made

RATES = {"burglary": 12.0, "robbery": 5.0}
KERNEL = '"kernel" = "KDE(bandwidth=300)"'


def crimes(days: int = 120, rates=RATES, seed: int = 5, last: str = "2018-07-20") -> ppe.Events:
    """Crimes with a hot corner in each ward, of known rates a day, at times to the minute up to a day."""
    random = np.random.default_rng(seed)
    frames = []
    for kind, rate in rates.items():
        number = random.poisson(rate * days)
        hot = random.random(number) < 0.5
        ward = random.integers(0, 3, number)
        side = np.where(hot, 300, SIDE)
        moment = np.datetime64(last) - random.integers(1, days * 1440, number).astype("timedelta64[m]")
        frames.append(
            pd.DataFrame(
                {
                    "x": X + ward * SIDE + side * random.random(number),
                    "y": Y + side * random.random(number),
                    "t": moment,
                    "kind": kind,
                }
            )
        )
    start = str(np.datetime64(last) - np.timedelta64(days, "D"))
    return ppe.Events.from_frame(
        pd.concat(frames), kind="kind", crs="EPSG:27700", tz="Europe/London", observed=[(start, last)],
        nonexistent="shift_forward", ambiguous="earlier",
    )  # fmt: skip


def by_hand(plan, events: ppe.Events, nights: int, last: str, kinds, alpha: float):
    """The same from a backtest and the formula, by other ways where there are any."""
    schedule = ppe.Schedule(
        start=str(np.datetime64(last) - np.timedelta64(nights, "D")), end=last, at="20:00", lead="3h", tz=plan.tz
    )
    out = ppe.backtest(
        {"kernel": ppe.KDE(bandwidth=300), "three-week map": ppe.CountMap(lookback="21D")},
        events, plan.make_grid(), schedule, budgets=ppe.TopCells(3, per="area"), kinds=kinds, progress=False,
    )  # fmt: skip
    pooled = out.drop_vars(["status", "reason"]).sum("kind")
    a, b = (pooled.sel(forecaster=name) for name in ("kernel", "three-week map"))
    return ppe.detectable_difference(a, b, nights=len(plan.nights), alpha=alpha)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return made(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def found(plan) -> PlanPower:
    return power(plan, crimes(), plan.make_grid())


def test_it_is_what_backtest_and_formula_say(plan, found):
    assert [row.kind for row in found.rows] == [POOLED, "burglary", "robbery"]
    assert {(row.a, row.b) for row in found.rows} == {("kernel", "three-week map")}
    assert (found.past_nights, found.nights, found.past) == (30, 30, "2018-05-31 to 2018-06-29")
    spent = {m: float(ppe.alpha_spending([10, 20, 30], alpha=0.05 / m, total=30).nominal_alpha[-1]) for m in (6, 12)}
    for row, kinds, alpha in zip(
        found.rows, (["burglary", "robbery"], ["burglary"], ["robbery"]), (spent[6], spent[12], spent[12]), strict=True
    ):
        # The night of 30 June ends after the first cut, so that not all of it would be known.
        told = by_hand(plan, crimes(), 30, "2018-06-30", kinds, alpha)
        assert row.alpha == pytest.approx(alpha, rel=1e-12)
        assert row.difference == pytest.approx(told.difference, rel=1e-9), row.kind
        assert row.crimes == pytest.approx(told.crimes, rel=1e-9)
        assert row.note == ""


def test_the_crimes_a_night_are_near_the_true_rate(found):
    for row, rate in zip(found.rows, (17.0, 12.0, 5.0), strict=True):
        assert abs(row.crimes - rate) < 4 * math.sqrt(rate / 30)
        assert 0.02 < row.difference < 0.8


def test_in_words(found):
    words = found.in_words().splitlines()
    row = found.rows[0]
    assert words[0] == (
        f"all kinds together, as between 'kernel' and 'three-week map': with 30 nights and {row.crimes:.3g} crimes a "
        f"night a difference of {100 * row.difference:.1f} points of hit rate is found with chance 80 %."
    )
    assert words[3] == (
        "Told from 30 past nights, 2018-05-31 to 2018-06-29; only crimes that happened before the first cut are used, "
        "as it is not told when they were recorded."
    )
    assert words[4].startswith("Alpha 0.05 is shared by 6 comparisons and 3 looks, so that a difference must reach ")
    assert "kernel" in repr(found)
    assert "&#x27;kernel&#x27;" in found._repr_html_()
    assert found.to_dict()["rows"][0]["difference"] == row.difference


def test_what_comes_after_the_first_cut_is_never_seen(plan, found):
    events = crimes()
    cut = np.datetime64(plan.nights[0].cut.replace(tzinfo=None), "ns")
    late = np.flatnonzero(events.happened >= cut)
    assert len(late) > 100
    # All of them move into one box, and half are gone.
    x, y = events.x.copy(), events.y.copy()
    x[late], y[late] = X + 10.0, Y + 10.0
    other = replace(events, x=x, y=y).take(np.delete(np.arange(len(events)), late[::2]))
    assert power(plan, other, plan.make_grid()) == found
    # While one of before does change it.
    x[late[0] - 3000 : late[0]] = X + 10.0
    assert power(plan, replace(events, x=x, y=y), plan.make_grid()) != found


def test_where_recording_is_known_only_settled_nights_are_used(plan):
    events = crimes()
    delayed = replace(events, recorded=events.happened + np.timedelta64(5, "D"))
    found = power(plan, delayed, plan.make_grid())
    assert found.past == "2018-05-03 to 2018-06-01"
    assert "only crimes that were recorded before the first cut are used." in found.notes[0]
    assert found.rows[0].crimes == pytest.approx(17, abs=3)
    # Of crimes that nobody had recorded by then, nothing is known.
    never = power(plan, replace(events, recorded=events.happened + np.timedelta64(300, "D")), plan.make_grid())
    assert "no such crime was known" in never.rows[0].note


def test_fewer_past_nights_are_told(plan):
    found = power(plan, crimes(days=60), plan.make_grid())
    # Observed from 21 May, of which 28 days are history.
    assert found.past == "2018-06-18 to 2018-06-29"
    assert "from 12 past nights, 2018-06-18 to 2018-06-29, as there are no more of the 30" in found.notes[0]
    assert all(np.isfinite(row.difference) for row in found.rows)


def test_too_few_past_nights_are_told(plan):
    found = power(plan, crimes(days=50), plan.make_grid())
    assert found.past_nights == 2
    assert all(row.note == "nothing can be told from 2 past nights; at least 10 are needed." for row in found.rows)
    assert all(np.isnan(row.difference) for row in found.rows)
    none = power(plan, crimes(days=30, last="2018-09-01"), plan.make_grid())
    assert (none.past_nights, none.past) == (0, "")
    assert "Told from no past night" in none.in_words()


def test_gaps_of_observation_are_left_out(plan):
    events = crimes()
    day = [np.datetime64(text, "ns") for text in ("2018-06-10", "2018-06-13")]
    start, end = events.observed[0]
    found = power(plan, replace(events, observed=((start, day[0]), (day[1], end))), plan.make_grid())
    # Windows of 20:00 to 20:00 that touch the three days: 9 to 12 June; four more come from before.
    assert (found.past_nights, found.past) == (30, "2018-05-27 to 2018-06-29")


def test_a_kind_without_crimes_is_told(plan):
    found = power(plan, crimes(rates={"burglary": 12.0, "arson": 3.0}), plan.make_grid())
    pooled, burglary, robbery = found.rows
    assert robbery.note == "no such crime was known, so nothing can be told."
    assert "robbery, as between 'kernel' and 'three-week map': no such crime was known" in found.in_words()
    assert robbery.crimes == 0
    assert pooled.crimes == burglary.crimes == pytest.approx(12, abs=3)
    assert pooled.difference < burglary.difference
    assert "nan" not in found.in_words()


def test_few_crimes_are_told(plan):
    found = power(plan, crimes(rates={"burglary": 0.02, "robbery": 12.0}), plan.make_grid())
    assert np.isnan(found.rows[1].difference)
    assert found.rows[1].note
    assert np.isfinite(found.rows[2].difference)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (f"{KERNEL}\n", "The plan has one baseline only, 'three-week map': how a difference varies"),
        (f'"three-week map" = "CountMap(lookback=\'21D\')"\n{KERNEL}\n', "The plan has no baseline: how"),
    ],
)
def test_a_single_baseline_is_told(old, said, tmp_path):
    plan = made(tmp_path, (old, ""))
    found = power(plan, crimes(days=40), plan.make_grid())
    assert found.rows == ()
    assert found.in_words().startswith(said)


def test_baselines_that_never_differ_are_told(tmp_path):
    plan = made(tmp_path, ("KDE(bandwidth=300)", "CountMap(lookback='3W')"))
    found = power(plan, crimes(), plan.make_grid())
    assert "The two never differ on these nights" in found.rows[0].note


def test_of_pai_it_is_told_in_pai(tmp_path, plan, found):
    other = made(tmp_path, ("[test]", '[test]\nmetric = "pai"'))
    told = power(other, crimes(), other.make_grid())
    # 3 of 16 equal boxes in every ward.
    for row, before in zip(told.rows, found.rows, strict=True):
        assert row.difference == pytest.approx(before.difference * 16 / 3, rel=1e-9)
    assert f"a difference of {told.rows[0].difference:.2f} of PAI is found" in told.in_words()


def test_levels_by_hand(tmp_path, plan):
    assert level_of(made(tmp_path, ("looks = [10, 20, 30]", 'pairs = [["A", "B"]]'))) == pytest.approx(0.05)
    assert level_of(made(tmp_path, ("looks = [10, 20, 30]", ""))) == pytest.approx(0.05 / 6)
    by = made(tmp_path, ("looks = [10, 20, 30]", 'correction = "by"'))
    assert level_of(by) == pytest.approx(0.05 / 6 / (1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5 + 1 / 6))
    assert level_of(by, one_kind=True) == pytest.approx(0.05 / 12 / sum(1 / m for m in range(1, 13)))
    pocock = made(tmp_path, ("looks =", 'spending = "pocock"\nlooks ='))
    # Equal looks of Pocock leave the last about what each has.
    assert level_of(pocock) < level_of(plan) < 0.05 / 6
    # The last look has what it has, be it less than another.
    uneven = made(tmp_path, ("looks = [10, 20, 30]", 'spending = "pocock"\nlooks = [20, 29, 30]'))
    spent = ppe.alpha_spending([20, 29, 30], alpha=0.05 / 6, spending="pocock", total=30).nominal_alpha
    assert level_of(uneven) == pytest.approx(float(spent[-1]), rel=1e-12)
    assert level_of(uneven) < 0.9 * float(spent.max())


def test_another_test_is_told(tmp_path):
    plan = made(tmp_path, ("[test]", '[test]\nmethod = "signflip"'))
    assert "The planned test is 'signflip'" in power(plan, crimes(days=40), plan.make_grid()).in_words()


def test_pairs_may_be_chosen(plan, found):
    told = power(plan, crimes(), plan.make_grid(), pairs=[("three-week map", "kernel")])
    assert [row.a for row in told.rows] == ["three-week map"] * 3
    assert [row.difference for row in told.rows] == pytest.approx([row.difference for row in found.rows])
    for pairs in ([("kernel", "A")], [("kernel", "kernel")], [("kernel",)], ["kernel"]):
        with pytest.raises(InputError, match="give pairs of two of the plan's baselines"):
            power(plan, crimes(days=40), plan.make_grid(), pairs=pairs)


def test_a_short_trial_is_told(tmp_path):
    plan = made(tmp_path, ("number = 30", "number = 9"), ("[10, 20, 30]", "[9]"))
    found = power(plan, crimes(), plan.make_grid())
    assert found.rows[0].note == "a trial of 9 nights can tell nothing; at least 10 are needed."


def test_crimes_or_a_grid_of_elsewhere_are_refused(plan):
    events = crimes(days=40)
    with pytest.raises(InputError, match="the plan in EPSG:27700 and Europe/London; read the crimes with"):
        power(plan, replace(events, tz="Europe/Dublin"), plan.make_grid())
    with pytest.raises(NotComparableError, match=r"make it with plan\.make_grid"):
        power(plan, events, ppe.Grid.from_bounds(X, Y, X + 3000, Y + 1000, cell=500, crs="EPSG:27700"))
    with pytest.raises(InputError, match="Expected Events, found DataFrame"):
        power(plan, events.frame(), plan.make_grid())
    with pytest.raises(InputError, match="chance=80"):
        power(plan, events, plan.make_grid(), chance=80)
