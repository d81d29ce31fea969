"""The same tally for any number of workers, in any order, and what workers have to say."""

from __future__ import annotations

import warnings

import joblib
import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.backtests import run, workers
from tests.backtests import cities
from tests.backtests.misbehaving import Dies, Draws, FailsOn, HoldsALock, Warns
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(11), start="2018-02-24", end="2018-03-16")
UNTIL = [str(moment) for moment in CITY.schedule.windows.until]
FORECASTERS = {
    "floor": ppe.Uniform(),
    "map": ppe.CountMap(half_life="14D"),
    "kde": ppe.KDE(bandwidth=150),
    "fails": FailsOn(nights=(UNTIL[0], UNTIL[9], UNTIL[10])),
    "warns": Warns(nights=tuple(UNTIL[3:17])),
    "warns otherwise": Warns(nights=tuple(UNTIL[8:12]), text="the fit is odd"),
    "draws": Draws(seed=3),
}


def tally(**options):
    with pytest.warns(ppe.PredPolWarning, match="fails failed on 6 of 40 nights"):
        return ppe.backtest(
            FORECASTERS,
            CITY.events,
            CITY.grid,
            CITY.schedule,
            budgets=cities.BUDGETS,
            kinds=["theft", "robbery"],
            curve=[0.05, 0.2, 1.0],
            progress=False,
            **options,
        )


@pytest.fixture(scope="module")
def alone():
    """The tally of one process."""
    return tally(n_jobs=1)


def test_the_tally_has_what_is_to_be_kept_the_same(alone):
    assert alone.sizes["window"] == 20
    assert (alone.hits % 1 > 0).any()
    assert set(np.unique(alone.status.values.astype(str))) == {"ok", "failed"}
    assert set(np.unique(alone.reason.sel(forecaster="warns").values.astype(str))) == {"", "warning: the fit is poor"}


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_any_number_of_worker_processes_gives_the_same_bits(alone, n_jobs):
    assert_same_bits(tally(n_jobs=n_jobs), alone)


@pytest.mark.parametrize("n_jobs", [2, 7])
def test_threads_give_the_same_bits_and_hear_their_own_warnings(alone, n_jobs):
    filters, show = list(warnings.filters), warnings.showwarning
    with joblib.parallel_config("threading", n_jobs=n_jobs):
        assert_same_bits(tally(), alone)
    assert warnings.filters == filters
    assert warnings.showwarning is show


def test_a_backend_that_hands_over_results_in_rounds_gives_the_same_bits(alone, monkeypatch):
    real = joblib.Parallel

    def without_generators(*arguments, **options):
        if options.get("return_as"):
            raise ValueError("Backend has no generators")
        return real(*arguments, **options)

    monkeypatch.setattr(joblib, "Parallel", without_generators)
    with joblib.parallel_config("threading", n_jobs=2):
        monkeypatch.setattr(workers, "count_workers", lambda n_jobs: 2)
        assert_same_bits(tally(), alone)


def test_the_order_in_which_blocks_are_finished_does_not_matter(alone, monkeypatch):
    def shuffled(job, blocks, n_jobs):
        done = list(workers.computed(job, blocks, n_jobs))
        np.random.default_rng(5).shuffle(done)
        return iter(done)

    monkeypatch.setattr(run, "computed", shuffled)
    assert_same_bits(tally(n_jobs=1), alone)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_store_changes_nothing_when_new_when_full_and_when_half_full(alone, tmp_path, n_jobs):
    for _ in range(2):
        assert_same_bits(tally(n_jobs=n_jobs, store=tmp_path / "store"), alone)
    blocks = sorted((tmp_path / "store" / "blocks").iterdir())
    assert len(blocks) == len(FORECASTERS) * 2 * 3
    for number in np.random.default_rng(2).permutation(len(blocks))[::2]:
        blocks[number].unlink()
    assert_same_bits(tally(n_jobs=n_jobs, store=tmp_path / "store"), alone)
    assert sorted((tmp_path / "store" / "blocks").iterdir()) == blocks


def test_large_arrays_that_workers_share_give_the_same_bits():
    # Arrays of more than a megabyte are handed to workers as maps of one file.
    rng = np.random.default_rng(0)
    frame = cities.raw(12).assign(x=rng.uniform(0, 99_000, 400), y=rng.uniform(0, 99_000, 400))
    events = ppe.Events.from_frame(frame, crs=cities.CRS, tz=cities.ZONE)
    grid = ppe.Grid.from_bounds(0, 0, 99_000, 99_000, cell=250, crs=cities.CRS)
    assert grid.inside_m2.nbytes > 2**20
    schedule = ppe.Schedule(start="2018-03-02", end="2018-03-10", tz=cities.ZONE)
    some = {"map": ppe.CountMap(), "near": ppe.NearRepeat()}
    one, two = (
        ppe.backtest(some, events, grid, schedule, budgets=cities.BUDGETS[1:3], n_jobs=n, progress=False)
        for n in (1, 2)
    )
    assert_same_bits(two, one)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_warning_of_a_fit_reaches_the_user_once(n_jobs):
    with pytest.warns(ppe.PredPolWarning) as heard:
        out = ppe.backtest(
            {"warns": Warns(), "map": ppe.CountMap()},
            CITY.events,
            CITY.grid,
            CITY.schedule,
            budgets=ppe.TopCells(5),
            n_jobs=n_jobs,
            progress=False,
        )
    (warning,) = heard
    assert str(warning.message) == "warns warned on 20 of 20 nights (the fit is poor). See status and reason."
    assert warning.filename == __file__
    assert (out.status == "ok").all()
    assert out.hits.values[0].tobytes() == out.hits.values[1].tobytes()
    assert (out.reason.sel(forecaster="map") == "").all()


def test_what_cannot_be_sent_to_a_worker_is_named():
    these = {"map": ppe.CountMap(), "mine": HoldsALock()}
    given = (CITY.events, CITY.grid, CITY.schedule)
    with pytest.raises(ppe.InputError, match=r"'mine' cannot be sent to a worker process .*lock.* n_jobs=1"):
        ppe.backtest(these, *given, budgets=ppe.TopCells(5), n_jobs=2, progress=False)
    out = ppe.backtest(these, *given, budgets=ppe.TopCells(5), n_jobs=1, progress=False)
    assert (out.status == "ok").all()


def test_a_worker_that_dies_is_told_and_the_finished_blocks_are_kept(tmp_path):
    these = {"map": ppe.CountMap(), "dies": Dies()}
    given = (CITY.events, CITY.grid, CITY.schedule)
    with pytest.raises(ppe.InputError, match=r"A worker process died.*memory.*store="):
        ppe.backtest(these, *given, budgets=ppe.TopCells(5), n_jobs=2, progress=False, store=tmp_path)
    assert list(tmp_path.rglob("*.partial")) == []
    # The next backtest gets new workers.
    out = ppe.backtest({"map": ppe.CountMap()}, *given, budgets=ppe.TopCells(5), n_jobs=2, progress=False)
    assert (out.status == "ok").all()


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "hidden KeyboardInterrupt"])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interruption_is_not_a_failed_night(n_jobs, error):
    stops = {"stops": FailsOn(nights=tuple(UNTIL[5:6]), error=error)}
    with pytest.raises(KeyboardInterrupt):
        ppe.backtest(
            stops, CITY.events, CITY.grid, CITY.schedule, budgets=ppe.TopCells(5), n_jobs=n_jobs, progress=False
        )


def test_a_number_of_workers_may_come_from_numpy():
    given = {"map": ppe.CountMap()}, CITY.events, CITY.grid, CITY.schedule
    out = ppe.backtest(*given, budgets=ppe.TopCells(5), n_jobs=np.int64(1), progress=False)
    assert (out.status == "ok").all()


@pytest.mark.parametrize("n_jobs", [0, 1.5, "2", True])
def test_a_number_of_workers_must_be_one(n_jobs):
    with pytest.raises(ppe.InputError, match=r"n_jobs=.*number of worker processes"):
        ppe.backtest(
            {"map": ppe.CountMap()},
            CITY.events,
            CITY.grid,
            CITY.schedule,
            budgets=ppe.TopCells(5),
            n_jobs=n_jobs,
            progress=False,
        )


def test_no_bar_is_drawn_where_nobody_looks(capsys):
    given = (CITY.events, CITY.grid, CITY.schedule)
    ppe.backtest({"map": ppe.CountMap()}, *given, budgets=ppe.TopCells(5), progress=True)
    assert capsys.readouterr() == ("", "")
