"""Crimes of uncertain time counted once in a backtest: across blocks, failed nights, workers and interruptions."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from tests.backtests import cities, spans
from tests.backtests.misbehaving import FailsOn
from tests.backtests.same import assert_same_bits
from tests.test_once import by_the_book

CITY = spans.city()
WINDOWS = CITY.schedule.windows
# The last night of one block and the first of the next; the nights at the end of the schedule.
BAD = (6, 7, 17, 18)
FORECASTERS = {
    "map": ppe.CountMap(half_life="14D"),
    "floor": ppe.Uniform(),
    "shaky": FailsOn(nights=tuple(str(WINDOWS.until[night]) for night in BAD)),
}
ONCE = ("hits_once", "events_once")


def run(**options) -> xr.Dataset:
    options = {"budgets": cities.BUDGETS, "kinds": ["theft", "robbery"], "progress": False, **options}
    with pytest.warns(ppe.PredPolWarning, match="shaky failed on 8 of 38 nights"):
        return ppe.backtest(FORECASTERS, CITY.events, CITY.grid, CITY.schedule, **options)


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    """The tally of one process."""
    return run()


def spread(kind: str) -> ppe.Events:
    return CITY.events.select(kinds=kind)


@pytest.mark.parametrize("kind", ["theft", "robbery"])
def test_it_is_what_the_credits_say(out, kind):
    """The surfaces of every forecaster, tallied crime by crime; what failed knows nothing."""
    events = spread(kind)
    failed = [int(WINDOWS.start[night].astype(np.int64)) for night in BAD]
    for name, without in (("map", []), ("floor", []), ("shaky", failed)):
        model = getattr(FORECASTERS[name], "inner", FORECASTERS[name])
        risk = ppe.forecast(model, events, CITY.grid, WINDOWS).expand_dims("forecaster")
        hits, number = by_the_book(events, risk, CITY.grid, WINDOWS, cities.BUDGETS, without)
        found = out.sel(forecaster=name, kind=kind)
        np.testing.assert_allclose(found.hits_once, hits[0], atol=1e-12)
        np.testing.assert_allclose(found.events_once, number[0], atol=1e-12)


def test_the_city_is_hard_enough(out):
    length = (CITY.events.happened_until - CITY.events.happened) / np.timedelta64(1, "D")
    assert (length > 14).sum() > 10
    assert 0.3 < (length > 0).mean() < 0.8
    # More than a rounding error apart, on most nights.
    apart = abs(out.hits_once - out.hits).sum(["area", "budget"]).sel(forecaster="map")
    assert ((apart > 0.01).sum("window") > 10).all()


def test_sums_are_those_of_hits_and_events_and_failed_nights_are_nan(out):
    for name in ONCE:
        plain = out[name.removesuffix("_once")]
        assert out[name].dims == plain.dims
        np.testing.assert_allclose(out[name].sum("window"), plain.sum("window"), rtol=1e-12)
        np.testing.assert_array_equal(np.isnan(out[name]), np.isnan(plain))
    assert np.isnan(out.events_once.sel(forecaster="shaky").isel(window=list(BAD))).all()
    # A crime whose last night failed enters earlier, and lighter: on the last night that did not fail.
    night = out.events_once.isel(window=16).sum("area")
    assert (night.sel(forecaster="shaky") > night.sel(forecaster="map") + 0.1).all()
    total = out.events_once.sum(["area", "window"])
    assert (total.sel(forecaster="shaky") < total.sel(forecaster="map") - 1).all()


def test_it_agrees_with_the_tally_of_the_same_surfaces(out):
    for kind in ("theft", "robbery"):
        risk = ppe.forecast(FORECASTERS["map"], spread(kind), CITY.grid, WINDOWS)
        tally = ppe.tally(risk, spread(kind), cities.BUDGETS, CITY.grid)
        for name in ONCE:
            np.testing.assert_allclose(out[name].sel(forecaster="map", kind=kind), tally[name], atol=1e-12)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_workers_stores_and_interruptions_change_no_bit(out, tmp_path, n_jobs):
    assert_same_bits(run(n_jobs=n_jobs, store=tmp_path / "store"), out)
    blocks = sorted((tmp_path / "store" / "blocks").iterdir())
    assert len(blocks) == 3 * 2 * 3
    for path in blocks[::2]:
        path.unlink()
    assert_same_bits(run(n_jobs=n_jobs, store=tmp_path / "store"), out)


def test_blocks_in_any_order_change_no_bit(out, monkeypatch):
    from predpol_eval.backtests import run as module
    from predpol_eval.backtests import workers

    def shuffled(job, blocks, n_jobs):
        done = list(workers.computed(job, blocks, n_jobs))
        np.random.default_rng(5).shuffle(done)
        return iter(done)

    monkeypatch.setattr(module, "computed", shuffled)
    assert_same_bits(run(), out)


def test_a_block_that_lost_its_shares_is_damaged(tmp_path):
    run(store=tmp_path)
    path = sorted((tmp_path / "blocks").iterdir())[0]
    with np.load(path) as parts:
        kept = {name: parts[name] for name in parts}
    np.savez(path, **{**kept, "shares": kept["shares"][:, 1:]})
    with pytest.raises(ppe.InputError, match=r"is damaged \(shares has shape"):
        ppe.backtest(
            FORECASTERS, CITY.events, CITY.grid, CITY.schedule, budgets=cities.BUDGETS, kinds=["theft", "robbery"],
            progress=False, store=tmp_path,
        )  # fmt: skip


def test_nothing_is_added_where_no_crime_is_spread():
    """Under the other rules, of exact times, and of one night."""
    asked = {"budgets": cities.BUDGETS, "progress": False}
    one = {"map": ppe.CountMap()}
    for rule in ("start", "end", "midpoint", "exclude"):
        assert "hits_once" not in ppe.backtest(one, CITY.events, CITY.grid, WINDOWS[:8], method=rule, **asked)
    exact = cities.city(cities.raw(6))
    assert "events_once" not in ppe.backtest(one, exact.events, exact.grid, WINDOWS[:8], **asked)
    assert "events_once" not in ppe.backtest(one, CITY.events, CITY.grid, WINDOWS[:1], **asked)
    assert "events_once" in ppe.backtest(one, CITY.events, CITY.grid, WINDOWS[:2], **asked)


def test_a_kind_without_uncertain_times_beside_one_with_them():
    frame = CITY.frame.copy()
    theft = frame["kind"] == "theft"
    frame.loc[theft, "last"] = frame.loc[theft, "t"]
    city = cities.city(frame, end="2018-03-21", happened_until="last")
    found = ppe.backtest(
        {"map": ppe.CountMap()}, city.events, city.grid, city.schedule, budgets=cities.BUDGETS,
        kinds=["theft", "robbery"], progress=False,
    )  # fmt: skip
    for name in ONCE:
        plain = found[name.removesuffix("_once")]
        np.testing.assert_array_equal(found[name].sel(kind="theft"), plain.sel(kind="theft"))
        assert (abs(found[name] - plain).sel(kind="robbery") > 0.01).any()


def test_the_crimes_are_those_of_the_kind():
    """Rows of Events are counted by kind: another order of kinds gives the same numbers."""
    asked = {"budgets": cities.BUDGETS, "progress": False}
    one = {"map": ppe.CountMap()}
    both = ppe.backtest(one, CITY.events, CITY.grid, WINDOWS, kinds=["robbery", "theft"], **asked)
    for kind in ("theft", "robbery"):
        alone = ppe.backtest(one, CITY.events, CITY.grid, WINDOWS, kinds=kind, **asked)
        for name in ONCE:
            np.testing.assert_array_equal(both[name].sel(kind=[kind]), alone[name])
