"""NearRepeat by bands: its naive twin, the excess of a Knox table, and the victim's own address in or out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import predpol_eval as ppe
from predpol_eval.forecasters import identity
from tests.forecasters.test_near_repeat import GRID, LENGTHS, crimes, score
from tests.forecasters.towns import GROUND, towns
from tests.naive import forecasters as naive

INF = float("inf")
SPACE, TIME = (0, 0.01, 150, 400), (0, 7, 21)
WEIGHTS = ((3.0, 1.5), (0.5, 0.25), (0.2, 0.0))
BANDS = ppe.NearRepeat(kernel="bands", space_bands=SPACE, time_bands=TIME, weights=WEIGHTS)


@given(
    towns(),
    st.sampled_from([SPACE, (0, 200, 450), (50, 300), (0, 1)]),
    st.sampled_from([(0, 7), (0, 1, 4), (2, 21)]),
    st.sampled_from(["euclidean", "manhattan"]),
    st.booleans(),
)
def test_bands_are_the_naive_ones(town, space, time, metric, own):
    own = own or space[1] > 1 or space[0] > 0
    weights = [[1.0 / (1 + s + t) for t in range(len(time) - 1)] for s in range(len(space) - 1)]
    form = ppe.NearRepeat(
        kernel="bands", space_bands=space, time_bands=time, weights=weights, metric=metric, own_address=own
    )
    used = naive.known(town.crimes, town.observed, town.until, town.zone, f"{time[-1]}D")
    if used is None:
        with pytest.raises(ppe.InputError, match="No time was observed"):
            form.fit(town.events(), GRID, until=town.cut)
        return
    surface = form.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for layer, later in zip(surface.to_numpy(), town.starts, strict=True):
        wanted = naive.near_repeat_bands(used[0], town.until + later, GROUND, space, time, weights, metric, own)
        # The twin counts 3600 points of a cell.
        assert_allclose(layer, wanted, atol=0.02 * max(len(used[0]), 1))


@given(
    towns(), st.sampled_from(["linear", "exponential"]), st.sampled_from([200.0, 650.0]), st.sampled_from([*LENGTHS])
)
def test_the_own_cell_is_left_out_crime_by_crime(town, kernel, radius, lookback):
    form = ppe.NearRepeat(radius=radius, lookback=lookback, kernel=kernel, own_address=False)
    used = naive.known(town.crimes, town.observed, town.until, town.zone, lookback)
    if used is None:
        return
    surface = form.fit(town.events(), GRID, until=town.cut).predict(town.windows)
    for layer, later in zip(surface.to_numpy(), town.starts, strict=True):
        start = town.until + later
        wanted = naive.near_repeat_without_own_cell(used[0], start, GROUND, radius, LENGTHS[lookback], kernel)
        assert_allclose(layer, wanted, rtol=1e-10, atol=1e-14)


def test_by_the_digit():
    """A burglary on 15 May at (1100, 2100), the middle of a cell of 200 m, and its first ring of 150 m."""
    found = score(BANDS, crimes(["2018-05-15"]), until="2018-05-21")
    within = 200 * 200  # the circle of 150 m holds all of the cell, whose corners are 141.4 m away
    disc = math.pi * 150**2
    assert found[0, 0] == pytest.approx(3.0 + 0.5 * within / 200**2)
    # All there is in the first ring, wherever it falls: 8 cells around, of which the grid has 3.
    whole = ppe.Grid.from_bounds(0, 1000, 2200, 3200, cell=200, crs="EPSG:27700")
    night = ppe.Schedule(start="2018-05-21", end="2018-05-22", tz="Europe/London").windows
    everywhere = BANDS.fit(crimes(["2018-05-15"]), whole, until="2018-05-21").predict(night)[0].to_numpy()
    rings = 0.5 * disc + 0.2 * math.pi * (400**2 - 150**2)
    assert everywhere.sum() == pytest.approx(3.0 + rings / 200**2, rel=1e-12)


@pytest.mark.parametrize(("days", "column"), [(1, 0), (6, 0), (7, 1), (20, 1), (21, None)])
def test_bands_of_age_are_half_open(days, column):
    events = crimes(["2018-05-01"])
    found = score(BANDS, events, until=str(np.datetime64("2018-05-01") + days))[0, 0]
    weights = (0.0, 0.0) if column is None else (WEIGHTS[0][column], WEIGHTS[1][column])
    assert found == pytest.approx(sum(weights))


def test_the_own_address_is_the_same_place_and_not_the_neighbours():
    events = crimes(["2018-05-20"])
    with_it, without = (score(replace(BANDS, own_address=own), events) for own in (True, False))
    difference = with_it - without
    assert difference[0, 0] == pytest.approx(3.0)
    assert without[0, 0] == pytest.approx(0.5), "the neighbours in the cell keep theirs"
    difference[0, 0] = 0
    assert (difference == 0).all()


def test_the_own_cell_of_a_place_on_an_edge_is_the_eastern_one():
    only_place = ppe.NearRepeat(kernel="bands", space_bands=(0, 0.01), time_bands=(0, 7), weights=[[2.0]])
    found = score(only_place, crimes(["2018-05-20"], x=1200.0))
    assert (found[0, 0], found[0, 1], found.sum()) == (0, 2, 2)
    found = score(ppe.NearRepeat(radius=1, own_address=False), crimes(["2018-05-20"], x=1200.0))
    assert found[0, 0] > 0
    assert found[0, 1] == 0


def test_crimes_beside_the_area_count_but_for_their_own_address():
    found = score(BANDS, crimes(["2018-05-20"], x=999.0))
    assert 0 < found[0, 0] < 0.5


def test_radius_and_lookback_are_read_off_the_bands():
    assert (BANDS.radius, BANDS.lookback) == (400, "21D")
    part = ppe.NearRepeat(kernel="bands", space_bands=[0, 50], time_bands=["0D", "36h"], weights=[[1]])
    assert (part.radius, part.lookback, part.time_bands) == (50.0, "1.5D", (0.0, 1.5))
    assert (
        ppe.NearRepeat(
            kernel="bands",
            space_bands=[0, 50],
            time_bands=[0, 1.5],
            weights=np.ones((1, 1)),
            radius=50,
            lookback="1.5D",
        )
        == part
    )


def test_a_configuration_of_lists_is_that_of_tuples():
    lists = ppe.NearRepeat(
        kernel="bands", space_bands=list(SPACE), time_bands=list(TIME), weights=[list(row) for row in WEIGHTS]
    )
    assert lists == BANDS
    assert hash(lists) == hash(BANDS)
    assert identity(lists) == identity(BANDS)
    assert identity(replace(BANDS, own_address=False)) != identity(BANDS)
    assert identity(replace(BANDS, metric="manhattan")) != identity(BANDS)


FORMS = [
    BANDS,
    replace(BANDS, own_address=False, metric="manhattan"),
    ppe.NearRepeat(own_address=False),
    ppe.NearRepeat(kernel="exponential", own_address=False),
]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_every_variant_keeps_the_contract(form):
    assert ppe.check_forecaster(form).passed


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_a_loaded_fit_predicts_the_same_to_the_bit(form, tmp_path):
    night = ppe.Schedule(start="2018-05-22", end="2018-05-23", tz="Europe/London").windows
    fitted = form.fit(crimes(["2018-05-03", "2018-05-20"]), GRID, until="2018-05-22")
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    assert again.forecaster == form
    xr.testing.assert_identical(again.predict(night), fitted.predict(night))


def test_a_backtest_with_nights_without_crime():
    events = crimes(["2018-05-01", "2018-05-02", "2018-05-04"], x=[1100.0, 1100.0, 1300.0])
    nights = ppe.Schedule(start="2018-05-02", end="2018-05-06", tz="Europe/London")
    caught = ppe.backtest(
        {"bands": BANDS, "map": ppe.CountMap()}, events, GRID, nights, budgets=[ppe.TopCells(1)], progress=False
    )
    assert (caught.status == "ok").all()
    assert caught.sel(forecaster="bands").hits.sum() == 1


# From a Knox table ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """Followers next door: an excess near and soon, none far or late."""
    rng = np.random.default_rng(4)
    x, y = 10_000 + rng.uniform(0, 5000, (2, 300))
    day = rng.integers(0, 200, 300)
    follow = np.arange(0, 300, 6)
    frame = pd.DataFrame(
        {
            "x": np.r_[x, x[follow] + 60], "y": np.r_[y, y[follow]],
            "t": np.datetime64("2017-01-01") + np.r_[day, day[follow] + rng.integers(0, 7, len(follow))],
        }
    )  # fmt: skip
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    return ppe.knox(events, [0, 0.01, 100, 1000, INF], [0, 7, 50, INF], "manhattan", permutations=199, seed=1)


@pytest.mark.parametrize(("ratio", "name"), [("mean", "ratio"), ("median", "ratio_median")])
def test_weights_are_the_excess_over_chance(table, ratio, name):
    form = ppe.NearRepeat.from_knox(table, ratio=ratio)
    wanted = np.maximum(np.nan_to_num(table[name].to_numpy()[:3, :2], nan=1) - 1, 0)
    assert_array_equal(form.weights, wanted)
    assert (form.space_bands, form.time_bands) == ((0, 0.01, 100, 1000), (0, 7, 50))
    assert (form.radius, form.lookback, form.metric, form.kernel) == (1000, "50D", "manhattan", "bands")
    assert form.weights[1][0] > 3


def test_only_what_chance_would_hardly_give(table):
    doubtful = table.assign(p_value=table.p_value.where(table.ratio > 2, 0.2))
    all_bands, sure = (np.array(ppe.NearRepeat.from_knox(doubtful, alpha=alpha).weights) for alpha in (None, 0.05))
    assert (all_bands > 0).sum() == 2
    assert_array_equal(sure, np.where(all_bands > 1, all_bands, 0))
    assert (sure > 0).sum() == 1


def test_the_order_of_dimensions_and_the_own_address(table):
    turned = table.transpose("time_band", "space_band", "event")
    assert ppe.NearRepeat.from_knox(turned) == ppe.NearRepeat.from_knox(table)
    assert not ppe.NearRepeat.from_knox(table, own_address=False).own_address


def test_a_known_excess_comes_back_as_the_weight():
    """Half of 3000 crimes start a follower within 50 m and a week: the ratio there is what the simulation put in."""
    rng = np.random.default_rng(12)
    side, period = 20_000.0, 400
    x, y = 1e5 + rng.uniform(0, side, (2, 3000))
    day = rng.uniform(0, period, 3000)
    follow = np.arange(0, 3000, 2)
    turn, apart = rng.uniform(0, 2 * np.pi, len(follow)), 50 * np.sqrt(rng.uniform(0, 1, len(follow)))
    x, y = np.r_[x, x[follow] + apart * np.cos(turn)], np.r_[y, y[follow] + apart * np.sin(turn)]
    when = np.r_[day, day[follow] + rng.uniform(0, 7, len(follow))]
    frame = pd.DataFrame({"x": x, "y": y, "t": pd.Timestamp("2017-01-01") + pd.to_timedelta(np.floor(when * 24), "h")})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="UTC")
    form = ppe.NearRepeat.from_knox(ppe.knox(events, [0, 50, 500, 1000], [0, 7, 28], permutations=199, seed=1))
    # All pairs within 50 m (planted and by chance) times the share of pairs of times within a week.
    count = len(events)
    pairs = len(follow) + count * (count - 1) / 2 * np.pi * 50**2 / side**2
    week = 1 - (1 - 7 / period) ** 2
    assert form.weights[0][0] == pytest.approx(
        (len(follow) + (pairs - len(follow)) * week) / (pairs * week) - 1, rel=0.1
    )
    assert max(form.weights[1] + form.weights[2]) < 0.15


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.drop_vars("p_value"), {}, "not one of ppe.knox.*: it lacks p_value"),
        (lambda t: t.isel(time_band=0), {}, "lacks its two dimensions"),
        (lambda t: None, {}, "Expected Dataset, found NoneType; give what ppe.knox"),
        (lambda t: t, {"ratio": "mode"}, "ratio='mode'; choose 'mean' or 'median'"),
        (lambda t: t, {"alpha": 0}, "alpha=0; give a level above 0"),
        (lambda t: t.isel(time_band=[2]), {}, "All bands of the table are without end"),
        (
            lambda t: t.assign(ratio=t.ratio * 0),
            {},
            "No band of the table has more pairs than chance would give: there",
        ),
        (lambda t: t, {"alpha": 0.001}, "more pairs than chance would give with p at most 0.001"),
    ],
)
def test_tables_that_cannot_be_used(table, change, options, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.NearRepeat.from_knox(change(table), **options)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": None}, "kernel='bands' needs space_bands, time_bands and weights; NearRepeat.from_knox"),
        ({"kernel": "linear"}, "space_bands, time_bands and weights are for kernel='bands', not 'linear'"),
        ({"space_bands": (0, INF)}, "space_bands has the edge inf, which is not a finite number"),
        ({"space_bands": "0-200"}, "space_bands='0-200'; give rising edges"),
        ({"time_bands": (7, 0)}, "does not rise from 0 or more"),
        ({"time_bands": (0,)}, "over at least one band"),
        ({"time_bands": (0, "soon")}, "an edge of time_bands is 'soon'"),
        ({"weights": [[1, 2]]}, r"weights have the shape \(1, 2\), but there are 3 bands of distance and 2 of age"),
        ({"weights": [[1, 2], [3]]}, "are not rows of numbers"),
        ({"weights": [[1, 2], [-1, 0], [0, math.nan]]}, r"not finite at .* \(1, 0\), \(2, 1\), counted from 0"),
        ({"space_bands": (0, 100, 200, 400), "own_address": False}, "no band is that of the same place: the first"),
        ({"own_address": "yes"}, "own_address='yes'; give True or False"),
        ({"metric": "chebyshev"}, "metric='chebyshev'; choose one of"),
        ({"radius": 500.0}, "radius=500.0, but the bands end at 400.0; leave radius out"),
        ({"lookback": "7D"}, "lookback='7D', but the bands end at '21D'"),
    ],
)  # fmt: skip
def test_bad_options_are_refused(wrong, message):
    good = {"kernel": "bands", "space_bands": SPACE, "time_bands": TIME, "weights": WEIGHTS}
    with pytest.raises(ppe.InputError, match=message):
        ppe.NearRepeat(**good | wrong)


def test_the_metric_is_for_bands():
    with pytest.raises(ppe.InputError, match="metric='manhattan' is for kernel='bands'"):
        ppe.NearRepeat(metric="manhattan")
