"""Nights of a tally beside those of the plan."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.settled_nights import pooled, settled_nights
from tests.trial.standings.worlds import random_tally, starts


def test_nights_are_put_into_the_order_of_the_plan(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1)
    turned = tally.isel(window=np.arange(30)[::-1])
    found = settled_nights(turned, plan)
    assert found.names == tuple(night.name for night in plan.nights)
    assert found.tally["hits"].equals(settled_nights(tally, plan).tally["hits"])
    assert (found.void, found.waiting) == ((), ())


def test_void_nights_count_for_nobody(plan: TrialPlan) -> None:
    names = [night.name for night in plan.nights]
    tally = random_tally(plan, 1, status={name: {2: "void"} for name in random_tally(plan, 1).forecaster.to_numpy()})
    tally.attrs["left_out"] = json.dumps({names[7]: "our outage"})
    found = settled_nights(tally.drop_isel(window=[7]), plan, void=[names[9]])
    assert found.void == (names[2], names[7], names[9])
    assert len(found.names) == 27
    assert not set(found.void) & set(found.names)


def test_a_night_void_for_one_alone_is_no_void_night(plan: TrialPlan) -> None:
    found = settled_nights(random_tally(plan, 1, status={"A": {2: "void"}}), plan)
    assert found.void == ()
    assert len(found.names) == 30


def test_unsettled_nights_wait(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1)
    told = tally.assign_coords(settled=("window", np.arange(30) < 12))
    found = settled_nights(told, plan)
    assert len(found.names) == 12
    assert found.waiting == tuple(night.name for night in plan.nights[12:])
    by_time = settled_nights(tally, plan, at=plan.nights[4].settled_from)
    assert len(by_time.names) == 5


def test_a_night_called_fine_without_counts_is_missing(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1)
    tally["hits"].loc[{"forecaster": "A", "window": starts(plan)[3]}] = np.nan
    status = settled_nights(tally, plan).tally["status"]
    assert status.sel(forecaster="A").isel(window=3).to_numpy().tolist() == ["missing", "missing"]
    assert (status.sel(forecaster="B") == "ok").all()


def test_held_nights_are_taken_out_of_a_pair_and_missing_ones_are_not(plan: TrialPlan) -> None:
    nights = settled_nights(random_tally(plan, 1, status={"A": {3: "held", 4: "late"}}), plan)
    together = pooled(nights.tally, ("kind", "area"))
    left, right = nights.sides("A", "B", together)
    assert left.sizes["window"] == right.sizes["window"] == 29
    assert int(left["hits"].isnull().sum()) == 1
    assert nights.sides("B", "C", together)[0].sizes["window"] == 30


def test_sums_keep_a_missing_part_missing(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1)
    tally["hits"].loc[{"forecaster": "A", "kind": "robbery", "window": starts(plan)[3]}] = np.nan
    total = pooled(settled_nights(tally, plan).tally, ("kind", "area"))["hits"].sel(forecaster="A")
    assert np.flatnonzero(total.isnull()).tolist() == [3]


def test_a_tally_of_one_kind_and_area_may_lack_both_dimensions(plan: TrialPlan) -> None:
    tally = random_tally(plan, 1).isel(kind=0, area=0, budget=0)
    found = settled_nights(tally, plan)
    assert (found.kinds, found.areas) == (("burglary",), (str(tally["area"].item()),))
    bare = settled_nights(tally.drop_vars(["kind", "area", "budget", "status"]), plan)
    assert (bare.kinds, bare.areas) == (("all",), ("all",))
    assert np.array_equal(bare.tally["hits"].to_numpy(), found.tally["hits"].to_numpy())


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda t: t.drop_vars("hits"), InputError, "hits and events"),
        (lambda t: t["hits"], InputError, "hits and events"),
        (lambda t: t.isel(forecaster=0), InputError, "forecaster"),
        (lambda t: t.assign_attrs(grid="other"), NotComparableError, "another grid"),
        (lambda t: t.assign_coords(window=t.window + np.timedelta64(1, "h")), InputError, "no night that starts at"),
        (lambda t: t.isel(window=[0, 1, 1]), InputError, "twice"),
        (lambda t: t.isel(budget=[0, 0]), InputError, "2 budgets"),
        (lambda t: t.drop_vars("window"), InputError, "no moments"),
    ],
)
def test_what_does_not_fit_is_refused(plan: TrialPlan, spoil: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        settled_nights(spoil(random_tally(plan, 1)), plan)


def test_an_unknown_void_night_is_refused(plan: TrialPlan) -> None:
    with pytest.raises(InputError, match="Did you mean"):
        settled_nights(random_tally(plan, 1), plan, void=["2018-07-0"])
