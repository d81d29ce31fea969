"""The log scores a backtest carries: those of the surfaces, night by night, and nothing where there is none."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.scores import LOG_SCORES
from tests.backtests import cities
from tests.backtests.misbehaving import FailsOn
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(11))
FLOOR = 0.01
RATES = {"map": ppe.CountMap(), "floor": ppe.Uniform(), "smooth": ppe.KDE(bandwidth=150)}
SCORES = {"prospective": ppe.ProspectiveHotspot()}
BAD_NIGHT = 3


def play(forecasters=None, **options):
    options = {"budgets": cities.BUDGETS, "kinds": ["theft", "robbery"], "log_score_floor": FLOOR, **options}
    chosen = {**RATES, **SCORES} if forecasters is None else forecasters
    return ppe.backtest(chosen, CITY.events, CITY.grid, CITY.schedule, progress=False, **options)


def pooled(total):
    """What the script of the league draws: the mean over the nights that have a log score."""
    return (total["log_score"] / total["log_score_nights"]).rename("log_score")


@pytest.fixture(scope="module")
def out():
    return play()


def test_every_night_has_the_score_of_its_surface(out):
    for name, forecaster in RATES.items():
        for kind in ("theft", "robbery"):
            crimes = CITY.events.select(kinds=kind)
            risk = ppe.forecast(forecaster, crimes, CITY.grid, CITY.schedule)
            here = out.sel(forecaster=name, kind=kind)
            for variable, floor in (("log_score", FLOOR), ("log_score_unfloored", None)):
                nights = [
                    ppe.poisson_log_score(risk.isel(window=[night]), crimes, grid=CITY.grid, floor=floor).item()
                    for night in range(risk.sizes["window"])
                ]
                np.testing.assert_allclose(here[variable], nights, rtol=1e-12)
                whole = ppe.poisson_log_score(risk, crimes, grid=CITY.grid, floor=floor)
                assert here[variable].mean("window").item() == pytest.approx(whole.item(), rel=1e-12)
    assert out.log_score.dims == ("forecaster", "kind", "window")
    assert out.log_score.attrs["floor"] == FLOOR
    # A map of three weeks that expects nothing in most cells met a crime in one of them; a smooth one did not.
    assert (out.log_score_unfloored.sel(forecaster="map") == -math.inf).any()
    assert np.isfinite(out.log_score.sel(forecaster=list(RATES))).all()


def test_a_score_has_none_and_is_not_at_fault(out):
    scored = out.sel(forecaster="prospective")
    for name in LOG_SCORES:
        assert np.isnan(scored[name]).all(), name
    assert (out.status == "ok").all()
    assert scored.hits.sum() > 0


def test_nothing_else_changes_and_nothing_is_there_unasked(out):
    plain = play(log_score_floor=None)
    assert not set(LOG_SCORES) & set(plain.data_vars)
    xr.testing.assert_equal(out.drop_vars(list(LOG_SCORES)), plain)


def test_a_failed_night_is_in_no_mean(out):
    nights = CITY.schedule.windows
    with pytest.warns(ppe.PredPolWarning, match="map failed on 2 of 28 nights"):
        some = play({"map": FailsOn(nights=(str(nights.until[BAD_NIGHT]),))})
    kept = np.delete(np.arange(len(nights)), BAD_NIGHT)
    for name in LOG_SCORES:
        assert np.isnan(some[name].isel(window=BAD_NIGHT)).all()
        expected = out[name].sel(forecaster=["map"]).isel(window=kept)
        np.testing.assert_array_equal(some[name].isel(window=kept), expected)
    assert float(some.log_score_nights.sum("window").sel(kind="theft").squeeze()) == len(nights) - 1


def test_workers_store_and_file_give_the_same_bits(out, tmp_path):
    assert_same_bits(play(n_jobs=2, store=tmp_path / "store"), out)
    assert_same_bits(play(store=tmp_path / "store"), out)
    ppe.save_tally(out, tmp_path / "tally.nc")
    assert_same_bits(ppe.load_tally(tmp_path / "tally.nc"), out)


@pytest.mark.parametrize("floor", [None, 0.02])
def test_a_store_of_another_floor_is_refused_and_named(out, tmp_path, floor):
    play(store=tmp_path / "store")
    with pytest.raises(ppe.PlanLockedError, match=r"configuration > log_score_floor: the store has 0\.01, this run"):
        play(store=tmp_path / "store", log_score_floor=floor)


@pytest.mark.parametrize("floor", [0, -1, math.nan, math.inf, True, "low"])
def test_a_floor_that_is_none_is_refused_before_work_starts(floor):
    with pytest.raises(ppe.InputError, match=r"log_score_floor=.*above 0"):
        play(log_score_floor=floor)


def test_the_dry_run_scores_too():
    cost = play(dry_run=True)
    assert cost.failing == ()
    assert cost.fits == 4 * 2 * len(CITY.schedule.windows)


def test_nights_can_be_drawn_and_a_score_beside_them_stays_as_it_was(out):
    one = out.isel(budget=0)
    found = ppe.bootstrap_by_night(one, pooled, seed=1, resamples=200)
    expected = out.log_score.mean("window")
    np.testing.assert_allclose(found.estimate, expected.transpose(*found.estimate.dims), rtol=1e-12)
    for name in RATES:
        here = found.sel(forecaster=name, kind="theft")
        assert (here.low < here.estimate).all()
        assert (here.estimate < here.high).all()
    assert np.isnan(found.sel(forecaster="prospective")[["estimate", "low", "high"]].to_array()).all()
    # Any function of a tally may be drawn: it finds the counts of a score as if there were no log score.
    plain = out.drop_vars(list(LOG_SCORES))
    for draw in (
        lambda tally: ppe.bootstrap_by_night(tally, lambda total: ppe.pai(total), seed=1, resamples=200),
        lambda tally: ppe.difference_by_night(
            tally, lambda total: ppe.hit_rate(total), baseline="floor", seed=1, resamples=200
        ),
    ):
        xr.testing.assert_identical(draw(out), draw(plain))


def test_an_unfloored_score_of_minus_infinity_has_no_interval(out):
    def unfloored(total):
        return total["log_score_unfloored"] / total["log_score_nights"]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ppe.bootstrap_by_night(out.isel(budget=0), unfloored, seed=1, resamples=200).sel(forecaster="map")
    assert (found.estimate == -math.inf).all()
    assert np.isnan(found.low).all()
    assert np.isnan(found.high).all()
