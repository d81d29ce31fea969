"""Intervals by night: against a slow twin, for coverage, and for what they must not say."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import predpol_eval as ppe
from predpol_eval.comparisons import bootstrap_by_night, difference_by_night, differences_in_words
from tests.naive.bootstrap import ratio_interval

NIGHTS = 40


def caught(seed: int = 0, nights: int = NIGHTS, areas: int = 3) -> xr.Dataset:
    """A tally of three forecasters, two kinds, areas and two budgets, of random hits."""
    generator = np.random.default_rng(seed)
    dims = ("forecaster", "kind", "area", "budget", "window")
    shape = (3, 2, areas, 2, nights)
    events = generator.poisson(3, (3, 2, areas, nights)).astype(float)
    events[:] = events[:1]
    hits = generator.binomial(events[:, :, :, None].astype(int), 0.3, shape).astype(float)
    flagged = np.full(shape, 2.0) + np.arange(areas)[None, None, :, None, None]
    total = np.full((3, 2, areas, nights), 100.0)
    return xr.Dataset(
        {
            "hits": (dims, hits),
            "oracle_hits": (dims, np.maximum(hits, np.minimum(events, 2)[:, :, :, None])),
            "chance_hits": (dims, events[:, :, :, None] * flagged / 100.0),
            "boxes": (dims, np.full(shape, 2.0)),
            "boxes_hit": (dims, np.minimum(hits, 2.0)),
            "flagged_m2": (dims, flagged),
            "budget_m2": (dims, flagged),
            "events": (("forecaster", "kind", "area", "window"), events),
            "total_m2": (("forecaster", "kind", "area", "window"), total),
            "status": (("forecaster", "kind", "window"), np.full((3, 2, nights), "ok", dtype=object)),
        },
        coords={
            "forecaster": np.array(["A", "B", "C"], dtype=object),
            "kind": ["burglary", "theft"],
            "budget": ["top 2 per area", "1 %"],
            "budget_scope": ("budget", ["area", "city"]),
        },
    )


def fail(tally: xr.Dataset, forecaster: int, nights: slice) -> xr.Dataset:
    """The same with failed nights of one forecaster."""
    made = tally.copy(deep=True)
    for variable in made.data_vars.values():
        if variable.dtype.kind == "f":
            variable[{"forecaster": forecaster, "window": nights}] = np.nan
    return made


def draws(nights: int, resamples: int, seed: int) -> np.ndarray:
    """The draws that a seed stands for."""
    return np.random.default_rng(seed).multinomial(nights, np.full(nights, 1 / nights), size=resamples)


def wider(tail: float, nights: int) -> float:
    """Share that Hesterberg (2015, section 5.3.2) cuts off at each end: beyond the normal, as t is."""
    return float(stats.norm.cdf(-((nights / (nights - 1)) ** 0.5) * stats.t.isf(tail, nights - 1)))


def test_the_slow_twin_agrees():
    tally = fail(caught(), 1, slice(3, 9))
    found = bootstrap_by_night(tally, "hit_rate", seed=5, resamples=80, level=0.9)
    assert found["estimate"].dims == ("forecaster", "kind", "budget")
    times = draws(NIGHTS, 80, 5)
    for f in range(3):
        for k in range(2):
            for b in range(2):
                above = tally["hits"][f, k, :, b].sum("area", skipna=False).to_numpy()
                below = tally["events"][f, k].sum("area", skipna=False).to_numpy()
                low, high = ratio_interval(above, below, times, wider(0.05, 34 if f == 1 else 40))
                here = {"forecaster": f, "kind": k, "budget": b}
                assert found["low"][here] == pytest.approx(low, rel=1e-12)
                assert found["high"][here] == pytest.approx(high, rel=1e-12)
                assert found["estimate"][here] == pytest.approx(np.nansum(above) / np.nansum(below), rel=1e-12)
    assert found["nights"][:, 0, 0].to_numpy().tolist() == [NIGHTS, NIGHTS - 6, NIGHTS]


@pytest.mark.parametrize("name", ["hit_rate", "pai", "lift", "pei", "precision", "search_efficiency"])
def test_the_estimate_is_the_metric_of_the_sums(name):
    tally = fail(caught(1), 2, slice(0, 5))
    found = bootstrap_by_night(tally, name, seed=1, resamples=50)
    # An all-missing night adds 0 above and below in a plain sum.
    expected = getattr(ppe, name)(tally.sum(["window", "area"]))
    np.testing.assert_allclose(found["estimate"].to_numpy(), expected.to_numpy(), rtol=1e-12)
    assert (found["low"] <= found["estimate"]).all()
    assert (found["estimate"] <= found["high"]).all()
    assert found["estimate"].attrs["metric"] == name
    same = bootstrap_by_night(tally, getattr(ppe, name), seed=1, resamples=50)
    np.testing.assert_allclose(found["high"].to_numpy(), same["high"].to_numpy(), rtol=1e-12)


def test_areas_may_stay_apart_and_draws_may_come_in_parts(monkeypatch):
    tally = caught(2)
    whole = bootstrap_by_night(tally, "hit_rate", seed=3, resamples=60, pool=())
    assert whole["low"].dims == ("forecaster", "kind", "area", "budget")
    monkeypatch.setattr("predpol_eval.comparisons.by_night._MOST_NUMBERS", 200)
    xr.testing.assert_allclose(bootstrap_by_night(tally, "hit_rate", seed=3, resamples=60, pool=()), whole, rtol=1e-12)


def test_a_night_missing_above_only_is_left_out_below_too():
    tally = caught(3)
    hits_only = tally.copy(deep=True)
    hits_only["hits"][{"forecaster": 0, "window": slice(0, 10)}] = np.nan
    both = fail(tally, 0, slice(0, 10))
    for variable in ("estimate", "low", "high", "nights"):
        np.testing.assert_allclose(
            bootstrap_by_night(hits_only, "hit_rate", seed=1)[variable].sel(forecaster="A"),
            bootstrap_by_night(both, "hit_rate", seed=1)[variable].sel(forecaster="A"),
            rtol=1e-12,
        )


def test_intervals_cover_the_truth():
    # 400 worlds of 60 nights whose crimes come in bursts; the truth is a hit rate of .2.
    generator = np.random.default_rng(11)
    events = generator.negative_binomial(2, 0.2, (400, 60))
    chance = generator.beta(2, 8, (400, 60))
    hits = generator.binomial(events, chance)
    dims = ("world", "window")
    tally = xr.Dataset({"hits": (dims, hits.astype(float)), "events": (dims, events.astype(float))})
    found = bootstrap_by_night(tally, "hit_rate", seed=1, resamples=500)
    covered = float(((found["low"] <= 0.2) & (found["high"] >= 0.2)).mean())
    assert 0.91 <= covered <= 0.98
    # Drawing crimes instead of nights would give intervals that miss far more often.
    width = float((found["high"] - found["low"]).mean())
    binomial = float(np.mean(2 * 1.96 * np.sqrt(0.2 * 0.8 / events.sum(axis=1))))
    assert width > 1.3 * binomial


def few(events: list[float], hits: list[float]) -> xr.Dataset:
    """A tally of one forecaster."""
    return xr.Dataset({"hits": ("window", np.array(hits)), "events": ("window", np.array(events))})


@pytest.mark.parametrize(
    ("events", "hits"),
    [
        ([10.0] * 5, [2.0] * 5),  # five nights
        ([2.0] * 9, [1.0] * 9),  # eighteen crimes
        ([10.0] * 30, [0.0] * 30),  # nothing caught: the draws would say "exactly 0"
        ([10.0] * 30, [5.0] + [0.0] * 29),  # caught on one night
        ([100.0] + [0.0] * 29, [5.0] + [0.0] * 29),  # crimes on one night
    ],
)
def test_too_few_give_no_interval(events, hits):
    found = bootstrap_by_night(few(events, hits), "hit_rate", seed=1)
    assert np.isfinite(found["estimate"])
    assert np.isnan(found["low"])
    assert np.isnan(found["high"])


def test_no_crime_at_all_is_undefined_not_an_error():
    found = bootstrap_by_night(few([0.0] * 30, [0.0] * 30), "hit_rate", seed=1)
    assert np.isnan([float(found[name]) for name in ("estimate", "low", "high")]).all()


def test_the_seed_decides():
    tally = caught(4)
    first = bootstrap_by_night(tally, "pai", seed=1)
    assert first.identical(bootstrap_by_night(tally, "pai", seed=1))
    assert not first["low"].equals(bootstrap_by_night(tally, "pai", seed=2)["low"])


def pair(better: float, nights: int = 60, seed: int = 0, steady: bool = False) -> xr.Dataset:
    """A tally in which B catches more than A of the same crimes, and C exactly what A does."""
    generator = np.random.default_rng(seed)
    events = generator.poisson(12, nights)
    a = generator.binomial(events, 0.2)
    b = np.minimum(events, a + generator.binomial(events, better) - generator.binomial(a, 0.2))
    if steady:  # one more every other night, on top of a rate that itself swings widely from night to night
        a = generator.binomial(events, generator.beta(1, 3, nights))
        b = np.minimum(events, a + (np.arange(nights) % 2 == 0))
    hits = np.array([a, b, a], dtype=float)
    dims = ("forecaster", "window")
    return xr.Dataset(
        {"hits": (dims, hits), "events": (dims, np.broadcast_to(events, (3, nights)) * 1.0)},
        coords={"forecaster": np.array(["A", "B", "C"], dtype=object)},
    )


def test_a_difference_is_paired_by_night():
    tally = pair(0.2, steady=True)
    found = difference_by_night(tally, "hit_rate", baseline="A", seed=2, resamples=2000)
    assert found["forecaster"].to_numpy().tolist() == ["B", "C"]
    assert found["low"].sel(forecaster="B") > 0
    alone = bootstrap_by_night(tally, "hit_rate", seed=2)
    assert alone["low"].sel(forecaster="B") < alone["high"].sel(forecaster="A"), "unpaired intervals overlap"
    times = draws(60, 2000, 2)
    delta = (tally["hits"][1] - tally["hits"][0]).to_numpy()
    low, high = ratio_interval(delta, tally["events"][0].to_numpy(), times, wider(0.025 / 2, 60))
    assert found["low"].sel(forecaster="B").item() == pytest.approx(low, rel=1e-9)
    assert found["high"].sel(forecaster="B").item() == pytest.approx(high, rel=1e-9)


def test_the_same_hits_are_never_enough_for_a_verdict():
    found = difference_by_night(pair(0.15), "hit_rate", baseline="A", seed=2)
    assert not found["enough"].sel(forecaster="C")
    assert np.isnan(found["low"].sel(forecaster="C"))
    assert found["estimate"].sel(forecaster="C") == 0


def test_common_nights_only():
    tally = pair(0.15)
    holes = tally.copy(deep=True)
    # B failed on ten nights on which A did well: they must not count for A against B, but do against C.
    for name in ("hits", "events"):
        holes[name][{"forecaster": 1, "window": slice(0, 10)}] = np.nan
    found = difference_by_night(holes, "hit_rate", baseline="A", seed=2)
    common = tally.isel(window=slice(10, None)).sum("window")
    rate = (common["hits"] / common["events"]).to_numpy()
    assert found["estimate"].sel(forecaster="B").item() == pytest.approx(rate[1] - rate[0], rel=1e-12)
    assert found["nights"].to_numpy().tolist() == [50, 60]
    # The same the other way round: nights that the baseline lacks count for nobody.
    turned = difference_by_night(holes, "hit_rate", baseline="B", seed=2)
    assert turned["estimate"].sel(forecaster="A").item() == pytest.approx(rate[0] - rate[1], rel=1e-12)
    assert turned["nights"].to_numpy().tolist() == [50, 50]


def test_words_follow_the_interval():
    clear = differences_in_words(difference_by_night(pair(0.15), "hit_rate", baseline="A", seed=2))
    assert clear.startswith("Against 'A', hit rate: higher for B (+")
    assert clear.endswith("; too few differences to tell for C.")
    turned = differences_in_words(difference_by_night(pair(0.15), "hit_rate", baseline="B", seed=2))
    assert ": lower for A (-" in turned
    unclear = difference_by_night(pair(0.05, seed=3), "hit_rate", baseline="A", seed=2)
    assert unclear["low"].sel(forecaster="B") < 0 < unclear["high"].sel(forecaster="B")
    said = differences_in_words(unclear)
    assert "no clear difference for B" in said
    assert "higher" not in said
    assert "lower" not in said


def test_an_interval_that_touches_zero_is_no_difference():
    found = difference_by_night(pair(0.15), "hit_rate", baseline="A", seed=2)
    found["low"].loc[{"forecaster": "B"}] = 0.0
    assert "no clear difference for B" in differences_in_words(found)


def test_joint_intervals_are_wider():
    one = difference_by_night(pair(0.15).sel(forecaster=["A", "B"]), "hit_rate", baseline="A", seed=2)
    two = difference_by_night(pair(0.15), "hit_rate", baseline="A", seed=2)
    assert (one.attrs["intervals"], two.attrs["intervals"]) == (1, 2)
    assert two["low"].sel(forecaster="B") < one["low"].sel(forecaster="B")


def test_false_alarms_are_as_rare_as_promised():
    # 120 worlds in which six forecasters are all as good as the baseline: one may be called better or worse in 5 %.
    generator = np.random.default_rng(8)
    false = 0
    for _ in range(120):
        events = generator.poisson(10, 60)
        hits = generator.binomial(events, 0.25, (7, 60)).astype(float)
        tally = xr.Dataset(
            {"hits": (("forecaster", "window"), hits), "events": ("window", events.astype(float))},
            coords={"forecaster": list("ABCDEFG")},
        )
        found = difference_by_night(tally, "hit_rate", baseline="A", seed=1, resamples=3000)
        false += bool(((found["low"] > 0) | (found["high"] < 0)).any())
    assert false <= 13  # 5 % promised is 6; the rest is room for chance and the bootstrap's small optimism


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: bootstrap_by_night(t, "PAI", seed=1), "metric='PAI'; choose one of 'hit_rate', 'pai'"),
        (lambda t: bootstrap_by_night(t, ["pai"], seed=1), r"metric=\['pai'\]; choose one of"),
        (lambda t: bootstrap_by_night(t, 3, seed=1), "metric=3; choose one of"),
        (lambda t: bootstrap_by_night(t, "rri", seed=1), "two meanings.*rri_levine.*calibration_ratio"),
        (lambda t: bootstrap_by_night(t, ppe.ppai, seed=1), "missing a required argument: 'alpha'.*lambda total"),
        (lambda t: bootstrap_by_night(t, lambda total: 3, seed=1), "gives a int; expected a DataArray"),
        (lambda t: bootstrap_by_night(None, "pai", seed=1), "lacks hits, events"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, level=95), "level=95; give a share between 0 and 1"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, level="95"), "level='95'; give a share between 0 and 1"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, level=1), "level=1; give a share between 0 and 1"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, resamples="x"), "resamples='x'; give the number of draws"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, resamples=2.5), "resamples=2.5"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, resamples=True), "resamples=True"),
        (lambda t: bootstrap_by_night(t, "pai", seed=-1), "seed=-1; give a whole number of 0 or more"),
        (lambda t: bootstrap_by_night(t, "pai", seed=None), "seed=None; .*anybody can draw the same again"),
        (lambda t: difference_by_night(t, "pai", baseline="A", seed=None), "seed=None"),
        (lambda t: difference_by_night(t, "pai", baseline="A", seed=1, level="95"), "level='95'"),
        (lambda t: difference_by_night(t, "pai", baseline="A", seed=1, resamples="x"), "resamples='x'"),
        (lambda t: difference_by_night(t, ["pai"], baseline="A", seed=1), r"metric=\['pai'\]"),
        (lambda t: difference_by_night(None, "pai", baseline="A", seed=1), "no dimension 'forecaster'"),
        (lambda t: bootstrap_by_night(t, "pai", seed=1, resamples=0), "resamples=0"),
        (lambda t: bootstrap_by_night(t.sum("window"), "pai", seed=1), r"lacks its nights \(dimension window\)"),
        (lambda t: bootstrap_by_night(t.drop_vars("hits"), "pai", seed=1), "lacks hits"),
        (lambda t: bootstrap_by_night(t.isel(window=[]), "pai", seed=1), "has no night"),
        (lambda t: difference_by_night(t, "pai", baseline="Z", seed=1), "baseline='Z' cannot be compared"),
        (lambda t: difference_by_night(t.isel(forecaster=[0]), "pai", baseline="A", seed=1), "have at least two"),
        (lambda t: difference_by_night(t.isel(forecaster=0), "pai", baseline="A", seed=1), "no dimension 'forecaster'"),
        (lambda t: differences_in_words(difference_by_night(t, "pai", baseline="A", seed=1)), "are of 2 kinds; choose"),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises(ppe.InputError, match=message):
        call(caught())


# Crimes that would count several times, and ground that differs ------------------------------------------------


def uncertain(once: bool = True) -> xr.Dataset:
    """The same with crimes of uncertain moment; half a crime on each of two nights is one on the later."""
    tally = caught().assign_attrs(spread=7)
    return tally.assign(hits_once=tally.hits * 1.0, events_once=tally.events * 1.0) if once else tally


@pytest.mark.parametrize("metric", ["lift", "pei", "precision"])
@pytest.mark.parametrize("once", [True, False])
def test_ratios_that_take_one_crime_for_several_are_told(metric, once):
    with pytest.raises(ppe.InputError, match=f"'{metric}' takes one of them for several; ask for 'hit_rate'.*midpoint"):
        difference_by_night(uncertain(once), metric, baseline="A", seed=1, resamples=10)
    with pytest.warns(ppe.PredPolWarning, match=f"may be too narrow.*'{metric}' takes one") as told:
        bootstrap_by_night(uncertain(once), metric, seed=1, resamples=10)
    assert told[0].filename == __file__


@pytest.mark.parametrize("metric", ["hit_rate", "pai", "search_efficiency"])
def test_ratios_that_take_one_crime_for_one_are_not_warned_of(metric):
    bootstrap_by_night(uncertain(), metric, seed=1, resamples=10)
    difference_by_night(uncertain(), metric, baseline="A", seed=1, resamples=10)
    for call in (bootstrap_by_night, lambda *a, **b: difference_by_night(*a, baseline="A", **b)):
        with pytest.warns(ppe.PredPolWarning, match="tally Events and not counts") as told:
            call(uncertain(once=False), metric, seed=1, resamples=10)
        assert told[0].filename == __file__


@pytest.mark.parametrize("metric", ["lift", "pei", "precision"])
def test_flagging_less_is_not_rewarded(metric):
    asked = {"baseline": "A", "seed": 1, "resamples": 10}
    if metric != "lift":
        # As many boxes, on less ground since the border cut them: nothing was saved.
        cut = caught()
        cut["flagged_m2"][{"forecaster": 2}] *= 0.5
        difference_by_night(cut, metric, **asked)
    less = caught()
    for coin in ("flagged_m2", "boxes"):
        less[coin][{"forecaster": 2}] *= 0.94
    with pytest.raises(
        ppe.NotComparableError, match=r"'C' flagged 338 m2 and 'A' 360 m2 .* rewards whoever flags less"
    ):
        difference_by_night(less, metric, **asked)
    with pytest.raises(ppe.NotComparableError, match="rewards whoever flags less"):
        difference_by_night(less, metric, **{**asked, "baseline": "C"})
    difference_by_night(less.isel(forecaster=[0, 1]), metric, **asked)
    difference_by_night(less, "pai", **asked)
    bootstrap_by_night(less, metric, seed=1, resamples=10)
    near = caught()
    near["flagged_m2"][{"forecaster": 2}] *= 0.96
    difference_by_night(near, metric, **asked)
    # Nights that one of them lacks do not count: C flagged less on those alone.
    some = caught()
    for coin in ("flagged_m2", "boxes"):
        some[coin][{"forecaster": 2, "window": slice(0, 10)}] *= 0.1
    with pytest.raises(ppe.NotComparableError, match="rewards whoever flags less"):
        difference_by_night(some, metric, **asked)
    difference_by_night(fail(some, 0, slice(0, 10)), metric, **asked)
    # One budget of one kind is enough.
    part = (less.budget == "1 %") & (less.kind == "theft")
    mixed = caught().assign({coin: less[coin].where(part, caught()[coin]) for coin in ("flagged_m2", "boxes")})
    with pytest.raises(ppe.NotComparableError, match="rewards whoever flags less"):
        difference_by_night(mixed, metric, **asked)
    difference_by_night(caught().drop_vars("flagged_m2"), metric, **asked)


def test_windows_that_overlap_are_refused():
    start = np.datetime64("2018-05-01T00:00", "ns") + np.arange(NIGHTS) * np.timedelta64(1, "D")
    for days, well in ((1, True), (2, False)):
        tally = (
            caught()
            .assign_coords(window=start, window_end=("window", start + np.timedelta64(days, "D")))
            .isel(window=slice(None, None, -1))
        )
        for call in (bootstrap_by_night, lambda *a, **b: difference_by_night(*a, baseline="A", **b)):
            if well:
                call(tally, "hit_rate", seed=1, resamples=10)
                continue
            if call is bootstrap_by_night:
                with pytest.warns(ppe.PredPolWarning, match=r"No interval is given\. 39 of 40 windows begin before"):
                    found = call(tally, "hit_rate", seed=1, resamples=10)
                assert found.low.isnull().all()
                assert found.estimate.notnull().all()
            else:
                with pytest.raises(ppe.InputError, match=r"39 of 40 windows begin before .*tally\.isel"):
                    call(tally, "hit_rate", seed=1, resamples=10)
            call(tally.isel(window=slice(None, None, 2)), "hit_rate", seed=1, resamples=10)


@pytest.mark.parametrize("metric", ["hit_rate", "pai", "lift", "pei", "precision", "search_efficiency"])
def test_they_explain_themselves(metric):
    alone = bootstrap_by_night(caught(), metric, seed=1, resamples=10)
    apart = difference_by_night(caught(), metric, baseline="A", seed=1, resamples=10)
    for found in (alone, apart):
        for name in ("estimate", "low", "high"):
            about = found[name].attrs
            assert about["better"] == "higher"
            assert all(about[key] for key in ("long_name", "units", "definition", "reference")), (metric, name)
        assert all(found["nights"].attrs[key] for key in ("long_name", "units", "definition"))
    assert all(apart["enough"].attrs[key] for key in ("long_name", "units", "definition"))
