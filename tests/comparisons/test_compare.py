"""Is A better than B: the estimate, what must be alike, missing nights, and what may be said."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from predpol_eval.comparisons.long_run import studentised_ratio
from tests.comparisons.worlds import DAY, START, random_tally, sides, two
from tests.strategies import CRS, TZ, nights, row_of_cells

METHODS = ("dm", "bootstrap", "signflip", "sequence")
each_method = pytest.mark.parametrize("method", METHODS)


@each_method
def test_the_estimate_is_the_pooled_difference(method):
    tally = random_tally(1)
    found = ppe.compare(*sides(tally), method=method)
    total = tally.sum("window")
    rates = (total.hits / total.events).to_numpy()
    assert found.estimate == pytest.approx(rates[0] - rates[1], rel=1e-12)
    assert found.low < found.estimate < found.high
    assert (found.a, found.b, found.metric, found.method, found.n, found.alpha) == (
        "A",
        "B",
        "hit_rate",
        method,
        60,
        0.05,
    )
    assert found.crimes == total.events
    assert 0 < found.p <= 1
    assert found.with_missing is None


def test_the_four_methods_by_their_own_engines():
    tally = random_tally(1)
    d, n = (tally.hits[0] - tally.hits[1]).to_numpy(), tally.events.to_numpy()
    engine = studentised_ratio(d, n, alpha=0.1, lags=7)
    found = ppe.compare(*sides(tally), alpha=0.1, lags=7)
    assert (found.low, found.high, found.p) == (engine.low, engine.high, engine.p)
    assert found.settings["lags"] == 7
    one, two_ = (ppe.compare(*sides(tally), method="bootstrap", seed=seed).low for seed in (1, 2))
    assert one != two_
    assert one == ppe.compare(*sides(tally), method="bootstrap", seed=1).low


@given(st.integers(0, 40), st.sampled_from(["hit_rate", "pai", "search_efficiency"]))
def test_turned_round_everything_changes_sign(seed, metric):
    a, b = sides(random_tally(seed))
    for method in ("dm", "signflip"):
        one, other = ppe.compare(a, b, metric, method, draws=None), ppe.compare(b, a, metric, method)
        np.testing.assert_allclose(
            [one.estimate, one.low, one.high, one.p], [-other.estimate, -other.high, -other.low, other.p], atol=1e-9
        )


@given(st.integers(0, 40))
def test_the_order_of_nights_does_not_matter_where_windows_tell_it(seed):
    a, b = sides(random_tally(seed))
    mixed = np.random.default_rng(seed).permutation(60)
    # With their ends, so that the overlap of windows is looked for among sorted ones.
    a, b = (side.assign_coords(window_end=side.window + DAY) for side in (a, b))
    for method in METHODS:
        assert ppe.compare(a, b, method=method) == ppe.compare(a.isel(window=mixed), b, method=method)


def test_areas_are_pooled_and_single_dimensions_dropped():
    tally = random_tally(3)
    split = xr.concat([tally * 0.25, tally * 0.75], dim="area").assign_coords(area=["N", "S"])
    split = split.expand_dims(kind=["all"], budget=["top 10"])
    whole = tally.assign_coords(kind="all", budget="top 10")
    one, other = ppe.compare(*sides(split)), ppe.compare(*sides(whole))
    np.testing.assert_allclose(
        [one.estimate, one.low, one.high, one.p], [other.estimate, other.low, other.high, other.p]
    )


def test_other_metrics_are_differences_of_the_metrics_themselves():
    generator = np.random.default_rng(4)
    tally = random_tally(4)
    shape = tally.hits.shape
    more = {
        "chance_hits": tally.events.to_numpy() * generator.uniform(0.009, 0.011, shape),
        "oracle_hits": tally.hits.to_numpy() + generator.poisson(2, shape),
        "boxes": np.full(shape, 10.0),
        "boxes_hit": np.minimum(10.0, tally.hits.to_numpy()),
    }
    tally = tally.assign({name: (("forecaster", "window"), values) for name, values in more.items()})
    total = tally.sum("window")
    for name in ("hit_rate", "pai", "lift", "pei", "precision", "search_efficiency"):
        options = {"area": "budget"} if name in ("pai", "search_efficiency") else {}
        value = getattr(ppe, name)(total, **options)
        for method in ("dm", "bootstrap"):
            found = ppe.compare(*sides(tally), name, method)
            assert found.estimate == pytest.approx(float(value[0] - value[1]), rel=1e-9), name
            assert found.low < found.estimate < found.high
    # Unlike sums below the line: about as wide as drawing nights says.
    drawn = ppe.difference_by_night(tally, "lift", baseline="B", seed=1)
    width = float((drawn.high - drawn.low).squeeze())
    found = ppe.compare(*sides(tally), "lift", lags=0)
    assert found.high - found.low == pytest.approx(width, rel=0.1)
    with pytest.raises(InputError, match=r"signflip.*'lift'"):
        ppe.compare(*sides(tally), "lift", "signflip")
    with pytest.raises(InputError, match=r"sequence.*'hit_rate' and 'pai'"):
        ppe.compare(*sides(tally), "precision", "sequence")


def test_pai_is_the_hit_rate_over_the_share_of_the_ground():
    tally = random_tally(5)
    rate, index = ppe.compare(*sides(tally)), ppe.compare(*sides(tally), "pai")
    np.testing.assert_allclose(
        [index.estimate, index.low, index.high], 100 * np.array([rate.estimate, rate.low, rate.high])
    )
    assert index.p == rate.p


def test_log_scores_are_compared_by_the_mean_of_a_night():
    tally = random_tally(6)
    score = tally.hits - 40
    found = ppe.compare(*sides(tally.assign(log_score=score)), "log_score")
    assert found.estimate == pytest.approx(float(score.mean("window")[0] - score.mean("window")[1]))
    assert found.units == "nats per night"
    worst = score.copy()
    worst[0, 3] = -np.inf
    infinite = ppe.compare(*sides(tally.assign(log_score=worst)), "log_score")
    assert np.isnan([infinite.low, infinite.high, infinite.p]).all()
    assert infinite.verdict == "no interval"
    assert "no interval can be given for A against B" in infinite.in_words()
    with pytest.raises(InputError, match=r"lacks log_score.*log_score_floor"):
        ppe.compare(*sides(tally), "log_score")


# What must be alike ----------------------------------------------------------------------------------------


def changed(name: str, value: object) -> tuple[xr.Dataset, xr.Dataset]:
    a, b = sides(random_tally(1).assign_coords(kind="burglary", budget="top 10"))
    a.attrs["grid"] = b.attrs["grid"] = "f" * 64
    if name in ("grid", "method"):
        b.attrs[name] = value
        a.attrs.setdefault(name, "aoristic")
    elif name in ("kind", "budget"):
        b = b.assign_coords({name: value})
    else:
        b = b.assign({name: b[name] * value})
    return a, b


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("grid", "0" * 64, r"different grids \(ffffffffffff\.\.\. and 000000000000\.\.\.\)"),
        ("kind", "robbery", "different kinds of crime: 'burglary' and 'robbery'"),
        ("budget", "top 20", "different budgets: 'top 10' and 'top 20'"),
        ("method", "start", "different time rules: 'aoristic' and 'start'"),
        ("budget_m2", 1.5, "unequal budgets: 1,000,000 and 1,500,000 m2"),
        ("total_m2", 0.5, "different study areas"),
        ("events", 2.0, "different crimes"),
    ],
)
@each_method
def test_unlike_things_are_not_compared(name, value, message, method):
    with pytest.raises(NotComparableError, match=message):
        ppe.compare(*changed(name, value), "pai" if method != "sequence" else "hit_rate", method)


def test_windows_of_other_length_are_not_compared():
    a, b = sides(random_tally(1))
    a, b = a.assign_coords(window_end=a.window + DAY), b.assign_coords(window_end=b.window + np.timedelta64(12, "h"))
    with pytest.raises(NotComparableError, match="windows of different length: 86,400 and 43,200 s"):
        ppe.compare(a, b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, b: ppe.compare(a, b, "RRI"), "two meanings.*rri_levine.*calibration_ratio"),
        (lambda a, b: ppe.compare(a, b, "hits"), "metric='hits'; choose one of 'hit_rate', 'pai'"),
        (lambda a, b: ppe.compare(a, b, method="t"), "method='t'; choose one of 'dm'"),
        (lambda a, b: ppe.compare(a, b, alpha=5), "alpha=5; give a share"),
        (lambda a, b: ppe.compare(a, b, missing="drop"), "missing='drop'; choose 'zero'"),
        (lambda a, b: ppe.compare(a, b, rho=5), "method='dm' knows no rho; it can be told lags"),
        (lambda a, b: ppe.compare(a, b, method="sequence", seed=5, lags=3), "knows no lags and no seed"),
        (lambda a, b: ppe.compare(a, b, lags=60), "lags=60 with 60 nights"),
        (
            lambda a, b: ppe.compare(a, b, method="signflip", block=0),
            "block=0; give a whole number of nights from 1 to 60",
        ),
        (lambda a, b: ppe.compare(a, b, method="bootstrap", draws=10), "draws=10; give a whole number, at least 99"),
        (lambda a, b: ppe.compare(a, b, method="bootstrap", seed=-1), "seed=-1"),
        (lambda a, b: ppe.compare(a.sum("window"), b), r"a has no nights \(dimension window\)"),
        (lambda a, b: ppe.compare(a, b.drop_vars("events")), "b lacks events"),
        (lambda a, b: ppe.compare(a, b.isel(window=[])), "b has no night"),
        (lambda a, b: ppe.compare(a.hits, b), "a is DataArray; give the tally of one forecaster"),
        (lambda a, b: ppe.compare(a, xr.concat([b, b], "window")), "b holds some nights twice"),
        (
            lambda a, b: ppe.compare(a, xr.concat([b, b], "kind").assign_coords(kind=["x", "y"])),
            r"b holds 2 kinds \(x, y\); a comparison is of one: choose it with \.sel\(kind=\.\.\.\)",
        ),
        (lambda a, b: ppe.compare(random_tally(1), b), r"a holds 2 forecasters \(A, B\)"),
        (lambda a, b: ppe.compare(a, xr.concat([b, b], "level")), "b holds 2 levels; a comparison is of one"),
    ],
)
def test_what_cannot_be_used_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call(*sides(random_tally(1)))


def test_whoever_flags_fewer_boxes_gains_nothing():
    """B flags half the boxes of A, the best ones: its own PAI rises, its PAI at equal budget does not."""
    generator = np.random.default_rng(1)
    events = generator.poisson(12, 90).astype(float)
    hits = generator.binomial(events.astype(int), 0.3)
    fewer = hits - generator.binomial(hits, 0.2)
    tally = two(hits, fewer, events, budget_m2=1e6, total_m2=1e8)
    tally["flagged_m2"] = (("forecaster", "window"), np.array([np.full(90, 1e6), np.full(90, 0.5e6)]))
    own = ppe.pai(tally.sum("window"))
    assert own[1] > 1.4 * own[0], "judged by what was used, B looks far better"
    for metric in ("hit_rate", "pai", "search_efficiency"):
        for method in ("dm", "bootstrap", "signflip"):
            found = ppe.compare(tally.sel(forecaster="B"), tally.sel(forecaster="A"), metric, method)
            assert found.verdict == "lower", (metric, method)
        drawn = ppe.difference_by_night(tally, metric, baseline="A", seed=1)
        assert (drawn.high < 0).all(), metric
    rate, index = (ppe.compare(*reversed(sides(tally)), metric) for metric in ("hit_rate", "pai"))
    assert index.estimate == pytest.approx(100 * rate.estimate), "over the share of the ground of the budget"
    # The guard can fail: charged by the area used, B would be called better.
    planted = ppe.difference_by_night(tally, lambda total: ppe.pai(total, area="flagged"), baseline="A", seed=1)
    assert (planted.low > 0).all()


# Missing nights --------------------------------------------------------------------------------------------


@each_method
def test_missing_nights_are_told_and_counted_both_ways(method):
    tally = random_tally(7, missing=(3, 20, 21))
    tally["hits"][{"forecaster": 1, "window": 40}] = np.nan
    tally["hits"][{"window": 50}] = np.nan
    found = ppe.compare(*sides(tally), method=method)
    assert (found.n, found.missed_by_a, found.missed_by_b, found.missed_by_both) == (55, 3, 1, 1)
    common = tally.drop_isel(window=[3, 20, 21, 40, 50])
    assert found.estimate == pytest.approx(ppe.compare(*sides(common), method=method).estimate, rel=1e-12)
    rule = found.with_missing
    assert (rule.n, rule.missed_by_both, rule.with_missing) == (59, 1, None)
    filled = tally.drop_isel(window=[50]).fillna({"hits": 0.0})
    same = ppe.compare(*sides(filled), method=method)
    np.testing.assert_allclose(
        [rule.estimate, rule.low, rule.high, rule.p], [same.estimate, same.low, same.high, same.p]
    )
    assert rule.estimate < found.estimate, "missing three nights costs A more than one costs B"
    blind = ppe.compare(*sides(tally), method=method, missing="chance").with_missing
    expected = tally.drop_isel(window=[50])
    expected = expected.assign(hits=expected.hits.fillna(expected.events * 0.01))
    assert blind.estimate == pytest.approx(ppe.compare(*sides(expected), method=method).estimate, rel=1e-12)
    assert "missing counted as zero" in repr(found)
    assert "missed: A 3, B 1, both 1" in repr(found)
    assert "55 nights that both have (missed: A 3, B 1, both 1)" in found.in_words()


def test_nights_that_are_not_there_are_missing_too():
    """A vendor's tally that simply lacks rows is treated as one whose rows are NaN."""
    a, b = sides(random_tally(8))
    holes = ppe.compare(a.isel(window=slice(10, None)), b)
    nan = ppe.compare(a.where(a.window >= a.window[10]).assign(events=a.events), b)
    assert (holes.n, holes.missed_by_a) == (50, 10)
    assert holes.with_missing.n == 60
    np.testing.assert_allclose([holes.estimate, holes.low, holes.high], [nan.estimate, nan.low, nan.high])
    np.testing.assert_allclose(holes.with_missing.estimate, nan.with_missing.estimate)


def test_no_settled_night_in_common():
    """Where one has a night the other failed: that is said, and blamed on nothing else."""
    tally = random_tally(8, missing=tuple(range(30)))
    tally["hits"][{"forecaster": 1, "window": slice(30, None)}] = np.nan
    for method in METHODS:
        found = ppe.compare(*sides(tally), method=method)
        assert found.n == 0
        assert found.verdict == "too few differences to tell"
        assert found.in_words() == "hit rate: A and B have no settled night in common (missed: A 30, B 30)."
        assert found.with_missing.n == 60


def test_a_night_of_which_an_area_is_missing_is_missing():
    tally = random_tally(9)
    split = xr.concat([tally * 0.25, tally * 0.75], dim="area").assign_coords(area=["N", "S"])
    split = split.copy(deep=True)
    split["hits"][{"area": 0, "forecaster": 0, "window": 5}] = np.nan
    found = ppe.compare(*sides(split))
    assert (found.n, found.missed_by_a) == (59, 1)


# Too few ---------------------------------------------------------------------------------------------------


def test_few_crimes_are_too_few_and_never_falsely_narrow():
    """Three nights on which A is one ahead: an interval from these would have next to no width."""
    a = np.zeros(60)
    a[[3, 30, 50]] = 1
    tally = two(a, np.zeros(60), np.full(60, 2.0))
    for method in METHODS:
        found = ppe.compare(*sides(tally), method=method)
        assert not found.enough
        assert found.verdict == "too few differences to tell"
        assert "too few differences between A and B to tell (3 differing crimes on 3 of 60 nights)" in found.in_words()
        if method == "sequence":
            assert found.high - found.low > 0.1
        else:
            assert np.isnan([found.low, found.high]).all()
        assert found.estimate == pytest.approx(3 / 120)
    assert ppe.compare(*sides(tally), method="signflip").p == pytest.approx(0.25, abs=0.02)


def test_nights_that_differ_all_alike_have_no_interval():
    """One crime more on each of 40 nights: nothing tells how much it would vary, and a width of 0 would be a lie."""
    tally = two(np.full(40, 3.0), np.full(40, 2.0), np.full(40, 10.0))
    for method in ("dm", "bootstrap"):
        found = ppe.compare(*sides(tally), method=method)
        assert found.enough
        assert np.isnan([found.low, found.high, found.p]).all()
        assert found.verdict == "no interval"
        assert "the nights differ all alike" in found.in_words()
        assert not any(word in found.in_words() for word in ("higher", "lower"))
    assert ppe.compare(*sides(tally), method="signflip").verdict == "higher"


@pytest.mark.parametrize(("on", "each", "enough"), [(6, 4, True), (5, 10, False), (19, 1, False), (20, 1, True)])
def test_the_two_thresholds(on, each, enough):
    a = np.zeros(60)
    a[:on] = each
    tally = two(a, np.zeros(60), np.full(60, 20.0))
    found = ppe.compare(*sides(tally))
    assert (found.differing_nights, found.differing_crimes) == (on, on * each)
    assert found.enough is enough


def test_the_same_forecaster_twice_is_never_a_verdict():
    a, _ = sides(random_tally(1))
    for method in METHODS:
        found = ppe.compare(a, a, method=method)
        assert found.estimate == 0
        assert not found.enough
        assert (found.a, found.b) == ("A (a)", "A (b)")


# Words -----------------------------------------------------------------------------------------------------


@given(st.integers(0, 200), st.sampled_from(METHODS), st.floats(-0.1, 0.1))
def test_words_never_outrun_the_interval(seed, method, better):
    found = ppe.compare(*sides(random_tally(seed, better=better)), method=method)
    assume(found.enough)
    words = found.in_words()
    if found.low <= 0 <= found.high:
        assert "no clear difference" in words
        assert not any(word in words for word in ("higher", "lower", "better", "worse"))
    else:
        assert ("higher for A" if found.low > 0 else "lower for A") in words
    assert "%" in words
    assert f"{found.n} nights" in words


def test_it_shows_itself_and_becomes_a_table():
    found = ppe.compare(*sides(random_tally(7, better=0.2, missing=(1,))))
    text, page = repr(found), found._repr_html_()
    for part in ("A against B", "95 % interval", "points", "dm, lags 10", "nights compared"):
        assert part in text
        assert part in page
    row = found.to_dict()
    assert row["verdict"] == "higher"
    assert row["with_missing"]["n"] == 60
    assert json.loads(json.dumps(row))["settings"] == {"lags": 10}
    assert len(pd.DataFrame([row])) == 1
    with pytest.raises(AttributeError):
        found.estimate = 1.0
    named = ppe.compare(*sides(random_tally(7)), names=("vendor <A>", "vendor B"))
    assert "vendor &lt;A&gt;" in named._repr_html_()


# Uncertain times -------------------------------------------------------------------------------------------


def uncertain():
    """Three crimes: one on the second night, one over the first two, one over all three nights."""
    frame = pd.DataFrame(
        {
            "x": [1.0, 1.0, 5.0],
            "y": 1.0,
            "t": ["2018-05-02 12:00", "2018-05-01 18:00", "2018-05-01 00:00"],
            "u": ["2018-05-02 12:00", "2018-05-02 06:00", "2018-05-04 00:00"],
        }
    )
    return ppe.Events.from_frame(frame, happened_until="u", crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-05-04")])


def test_an_uncertain_crime_enters_once_on_the_last_night_of_its_span():
    """A flags the first cell on nights 1 and 2, then the third; B the third, the first, the third."""
    events, grid, windows = uncertain(), row_of_cells([4.0, 4.0, 4.0]), nights(3)
    first, third = [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]
    surfaces = [
        ppe.make_surface(np.array(rows)[:, None], grid, windows, kind="score", forecaster=name)
        for name, rows in (("A", [first, first, third]), ("B", [third, first, third]))
    ]
    budget = ppe.TopCells(1)
    a, b = (ppe.credits(risk, events, budget, grid) for risk in surfaces)
    # Night 1: nothing ends there. Night 2: the certain crime, and the one of nights 1 and 2, of which A has both halves
    # and B the second. Night 3: the one of three nights, of which A has the third third and B two thirds.
    found = ppe.compare(a, b, names=("A", "B"))
    assert found.crimes == pytest.approx(3)
    assert found.estimate == pytest.approx((0.5 - 1 / 3) / 3)
    assert found.differing_crimes == pytest.approx(0.5 + 1 / 3)
    assert found.n == 3
    tallies = [ppe.tally(risk, events, budget, grid) for risk in surfaces]
    assert "hits_once" in tallies[0]
    same = ppe.compare(*tallies, names=("A", "B"))
    assert same.estimate == pytest.approx(found.estimate)
    assert same.differing_crimes == pytest.approx(found.differing_crimes)


def test_counts_of_spread_crimes_are_told_to_be_so():
    """From counts nobody can say which nights share a crime: the comparison goes on, and says what it rests on."""
    events, grid, windows = uncertain(), row_of_cells([4.0, 4.0, 4.0]), nights(3)
    risk = ppe.make_surface(np.tile([[1.0, 0.0, 0.0]], (3, 1))[:, None], grid, windows, kind="score")
    counted = ppe.count(events, grid, windows)
    a = ppe.tally(risk, counted, ppe.TopCells(1), grid)
    with pytest.warns(ppe.PredPolWarning, match="crimes spread over several nights"):
        found = ppe.compare(a, a)
    assert found.crimes == pytest.approx(3)


def test_credits_know_the_nights_without_crime():
    events, grid, windows = uncertain(), row_of_cells([4.0, 4.0, 4.0]), nights(3)
    risk = ppe.make_surface(np.tile([[1.0, 0.0, 0.0]], (3, 1))[:, None], grid, windows, kind="score")
    certain = ppe.credits(risk, events, ppe.TopCells(1), grid, method="start")
    assert certain.night.to_numpy().tolist() == windows.start.tolist()
    assert ppe.compare(certain, certain).n == 3


def test_credits_and_tally_of_certain_crimes_agree():
    generator = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "x": generator.uniform(0, 10, 300),
            "y": generator.uniform(0, 2, 300),
            "t": pd.Timestamp("2018-05-01") + pd.to_timedelta(generator.integers(0, 28 * 24, 300), "h"),
        }
    )
    events = ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-05-01", "2018-06-01")])
    grid, windows = row_of_cells([4.0] * 4), nights(28)
    surfaces = [
        ppe.make_surface(generator.uniform(size=(28, 1, 4)), grid, windows, kind="score", forecaster=name)
        for name in "AB"
    ]
    budget = ppe.TopCells(1)
    by_tally = ppe.compare(*(ppe.tally(risk, events, budget, grid) for risk in surfaces))
    by_crime = ppe.compare(*(ppe.credits(risk, events, budget, grid) for risk in surfaces))
    for part in ("estimate", "low", "high", "p", "n", "crimes", "differing_crimes"):
        assert getattr(by_tally, part) == pytest.approx(getattr(by_crime, part), rel=1e-9), part
    assert by_tally.crimes < 300, "crimes outside are in neither"


@pytest.mark.parametrize("curve", [None, (0.01, 0.05, 0.2)])
def test_a_backtest_is_compared_as_it_comes(curve):
    events = ppe.sample_events()
    grid = ppe.Grid.from_areas(ppe.sample_areas(), cell=500, label="area")
    schedule = ppe.Schedule(start="2018-06-01", end="2018-07-06", tz="America/Toronto")
    out = ppe.backtest(
        {"map": ppe.CountMap(lookback="365D"), "blind": ppe.Uniform()},
        events, grid, schedule, budgets=[ppe.TopCells(10, per="area")], progress=False,
        curve=curve,
    )  # fmt: skip
    found = ppe.compare(out.sel(forecaster="map"), out.sel(forecaster="blind"))
    assert (found.a, found.b, found.n) == ("map", "blind", 35)
    assert found.verdict == "higher"
    total = ppe.hit_rate(out.sum(["window", "area"])).squeeze()
    assert found.estimate == pytest.approx(float(total.sel(forecaster="map") - total.sel(forecaster="blind")))
    assert math.isclose(found.crimes, float(out.events.isel(forecaster=0).sum()))
    assert out.window.to_numpy()[0] != START
