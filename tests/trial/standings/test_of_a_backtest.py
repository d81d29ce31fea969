"""Standings of a tally that a backtest made: crimes of uncertain time, failed nights and all its coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings import league, look, sequences, standings_in_words
from tests.trial.plan.town import SIDE, X, Y


@pytest.fixture(scope="module")
def tally(three: TrialPlan) -> xr.Dataset:
    generator = np.random.default_rng(4)
    grid = three.make_grid()
    number = 3_000
    # Two thirds of all crimes are in one corner of each ward.
    inside = np.where(generator.random((number, 2)) < 0.67, 0.25, 1.0) * SIDE
    place = generator.random((number, 2)) * inside
    happened = pd.Timestamp("2018-05-20") + pd.to_timedelta(generator.random(number) * 90, unit="D")
    late = pd.to_timedelta(np.where(generator.random(number) < 0.2, 30, 0), unit="h")
    frame = pd.DataFrame(
        {
            "x": X + generator.integers(0, 3, number) * SIDE + place[:, 0],
            "y": Y + place[:, 1],
            "t": happened.floor("min"),
            "until": (happened + late).floor("min"),
            "kind": generator.choice(three.kinds, number),
        }
    )
    events = ppe.Events.from_frame(frame, happened="t", happened_until="until", kind="kind", crs=three.crs, tz=three.tz)
    schedule = ppe.Schedule(start="2018-07-01", end="2018-07-31", at="20:00", horizon="1D", lead="3h", tz=three.tz)
    forecasters: dict[str, Any] = {
        "A": ppe.CountMap(lookback="28D"), "B": ppe.Uniform(), "C": ppe.CountMap(lookback="7D")
    }  # fmt: skip
    return ppe.backtest(
        forecasters,
        events,
        grid,
        schedule,
        budgets=ppe.TopCells(3, per="area"),
        kinds=list(three.kinds),
        progress=False,
    )


def test_crimes_of_uncertain_time_count_once(tally: xr.Dataset, three: TrialPlan) -> None:
    assert "hits_once" in tally
    found = look(tally, three, 3)
    whole = tally.isel(budget=0)
    for pair in found.pairs:
        sums = {name: float(whole["hits_once"].sel(forecaster=name).sum()) for name in (pair.a, pair.b)}
        events = float(whole["events_once"].sel(forecaster="A").sum())
        assert pair.comparison.estimate == pytest.approx((sums[pair.a] - sums[pair.b]) / events)
    assert {pair.better for pair in found.pairs if "B" in (pair.a, pair.b)} == {"A", "C"}
    canonical_json(found.record())


def test_all_parts_take_it(tally: xr.Dataset, three: TrialPlan) -> None:
    table = league(tally, three, draws=99)
    rows = {row.forecaster: row for row in table.scope()}
    whole = tally.isel(budget=0)
    for name in "ABC":
        total = whole.sel(forecaster=name).sum(["kind", "area", "window"])
        assert rows[name].hit_rate == pytest.approx(ppe.hit_rate(total).item(), rel=1e-3)
        assert rows[name].pai == pytest.approx(ppe.pai(total, area="budget").item(), rel=1e-3)
        assert rows[name].pei == pytest.approx(ppe.pei(total).item())
        assert rows[name].lift == pytest.approx(ppe.lift(total).item())
    assert rows["B"].lift == pytest.approx(1.0)
    assert rows["B"].ranks == "3"
    text = "\n".join(standings_in_words(table, look(tally, three, 3), courses=sequences(tally, three)))
    assert "A caught more than B" in text
