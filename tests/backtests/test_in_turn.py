"""Nights that slide from one to the next: the plain loop's numbers, the same bits however a run is cut, and a watch."""

from __future__ import annotations

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.backtests import job as jobs
from predpol_eval.backtests import risk as module
from predpol_eval.backtests.job import Block, make_job
from predpol_eval.forecasters.sliding import InTurn, in_turn
from tests.backtests import cities
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(61), start="2018-02-20", end="2018-03-20")
SLIDING = {
    "floor": ppe.Uniform(lookback="30D"),
    "weeks": ppe.CountMap(),
    "fading": ppe.CountMap(lookback="40D", half_life="9D"),
    "kde": ppe.KDE(bandwidth=300),
    "recent kde": ppe.KDE(bandwidth=300, lookback="20D", half_life="9D"),
    "prospective": ppe.ProspectiveHotspot(),
    "cocoon": ppe.NearRepeat(radius=300, kernel="exponential"),
    "bands": ppe.NearRepeat(
        kernel="bands", space_bands=(0, 100, 400), time_bands=(0, 7, 20), weights=((2, 1), (1, 0.5))
    ),
}


def run(forecasters=SLIDING, **options):
    options = {"budgets": cities.BUDGETS, "progress": False, "curve": [0.1, 0.5], "log_score_floor": 1e-4, **options}
    return ppe.backtest(forecasters, CITY.events, CITY.grid, CITY.schedule, **options)


@pytest.fixture
def short_stretches(monkeypatch):
    """Two blocks a stretch, so that four weeks have two."""
    monkeypatch.setattr(jobs, "BLOCKS_PER_STRETCH", 2)


def test_they_are_the_nights_of_the_plain_loop(monkeypatch):
    sliding = run(kinds=["theft", "robbery"])
    asked = []
    monkeypatch.setattr(module, "slides", lambda forecaster: asked.append(forecaster))
    alone = run(kinds=["theft", "robbery"])
    assert len(asked) == len(SLIDING) * 2, "each stretch was asked once"
    for name in sliding.data_vars:
        if sliding[name].dtype.kind == "f":
            np.testing.assert_allclose(sliding[name], alone[name], rtol=1e-9, atol=1e-9, err_msg=str(name))
    assert (sliding.status == "ok").all()
    assert (sliding.reason == alone.reason).all()
    assert float(sliding.hits.sum()) > 0


def test_any_number_of_workers_and_any_interruption_give_the_same_bits(tmp_path, short_stretches):
    one = run()
    assert_same_bits(run(n_jobs=2), one)
    assert_same_bits(run(store=tmp_path / "store"), one)
    for path in sorted((tmp_path / "store" / "blocks").iterdir())[::3]:
        path.unlink()
    assert_same_bits(run(store=tmp_path / "store"), one)


def test_a_run_is_what_is_left_of_a_stretch(short_stretches):
    job = make_job(
        {"map": ppe.CountMap(), "fitted": ppe.KDE(adaptive_k=5)}, CITY.events, CITY.grid, CITY.schedule,
        budgets=cities.BUDGETS, kinds=None, method="aoristic", curve=None,
    )  # fmt: skip
    blocks = list(job.blocks)
    runs = job.runs([block for block in blocks if block.number != 1])
    assert [([block.number for block in run.blocks], run.nights) for run in runs] == [
        ([0], slice(0, 14)), ([2, 3], slice(14, 28)),
        ([0], slice(0, 7)), ([2], slice(14, 21)), ([3], slice(21, 28)),
    ]  # fmt: skip
    assert blocks[1] == Block(0, 0, 1, slice(7, 14))


def spoilt(how, night):
    def quick(forecaster, events, grid, windows):
        found = in_turn(forecaster, events, grid, windows)

        def values():
            for position, risk in enumerate(found.values):
                if position == night and how == "raises":
                    raise RuntimeError("lost the thread")
                yield (
                    risk * np.nan
                    if position == night and how == "nan"
                    else (risk * (1 + 1e-7) if position == night and how == "wrong" else risk)
                )

        return InTurn(values(), found.kind)

    return quick


def test_a_difference_stops_the_run_and_names_forecaster_and_night(monkeypatch):
    monkeypatch.setattr(module, "drawn_night", lambda *stretch: 9)
    monkeypatch.setattr(module, "in_turn", spoilt("wrong", 9))
    night = str(CITY.schedule.windows.until[9])[:10]
    with pytest.raises(ppe.PredPolError, match=rf"CountMap\(\), night {night}.*differs from the same night"):
        run({"weeks": ppe.CountMap()})
    monkeypatch.setattr(module, "in_turn", spoilt("wrong", 10))
    run({"weeks": ppe.CountMap()})


@pytest.mark.parametrize("how", ["raises", "nan"])
def test_where_it_breaks_off_the_plain_loop_goes_on(how, monkeypatch):
    whole = run({"kde": ppe.KDE(bandwidth=300)})
    monkeypatch.setattr(module, "in_turn", spoilt(how, 10))
    found = run({"kde": ppe.KDE(bandwidth=300)})
    assert (found.status == "ok").all()
    for name in ("hits", "curve_hits", "log_score"):
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-9, atol=1e-9)


def test_an_interruption_ends_the_run(monkeypatch):
    def interrupted(*asked):
        def values():
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
            yield

        return InTurn(values(), "score")

    monkeypatch.setattr(module, "in_turn", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run({"weeks": ppe.CountMap()})


def test_a_budget_that_refuses_a_night_fails_that_night_alone():
    """More is above zero than may be flagged, but on nights of which all is known too little."""
    budget = ppe.Flags(max_m2=float(CITY.grid.inside_m2.sum()) * 0.55)
    with pytest.warns(ppe.PredPolWarning, match="failed on"):
        found = run({"cocoon": ppe.NearRepeat(radius=200, lookback="3D")}, budgets=budget, curve=None)
    failed = (found.status != "ok").values.ravel()
    assert 0 < failed.sum() < failed.size
    assert all("flagging more than the budget is refused" in text for text in found.reason.values.ravel()[failed])
    assert np.isnan(found.hits.values[..., failed]).all()
    assert not np.isnan(found.hits.values[..., ~failed]).any()
