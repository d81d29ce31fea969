"""Any metric by group: what a night belongs to, sums before division, and no group that hides what it is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.strata.groups import CALENDAR
from tests.backtests.cities import BUDGETS, city
from tests.naive import strata as naive
from tests.strategies import any_budget, cities, tally_of

ADDITIVE = (
    "hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "events", "outside", "flagged_m2", "budget_m2",
    "total_m2", "boxes", "boxes_hit",
)  # fmt: skip
METRICS = ("hit_rate", "pai", "lift", "pei", "precision", "search_efficiency")


def nights(start: str = "2018-05-01", end: str = "2018-05-15", tz: str = "Europe/London", **more: str) -> ppe.Windows:
    return ppe.Schedule(start=start, end=end, tz=tz, **more).windows


def tally_over(windows: ppe.Windows, hits: object = None, events: object = None, **more: object) -> xr.Dataset:
    """A tally of one forecaster, area and budget; night t has t hits of 10 crimes unless told otherwise."""
    hits = np.arange(len(windows), dtype=float) if hits is None else np.asarray(hits, dtype=float)
    events = np.full(len(windows), 10.0) if events is None else np.asarray(events, dtype=float)
    return xr.Dataset({"hits": ("window", hits), "events": ("window", events), **more}, windows.coords)


@pytest.fixture(scope="module")
def played() -> xr.Dataset:
    """Two forecasters, two kinds, three areas, four budgets, fourteen nights across a change of the clock."""
    town = city()
    return ppe.backtest(
        {"map": ppe.CountMap(), "floor": ppe.Uniform()}, town.events, town.grid, town.schedule, budgets=BUDGETS,
        kinds=["theft", "robbery"], progress=False, log_score_floor=0.001,
    )  # fmt: skip


@pytest.fixture
def broken(played) -> xr.Dataset:
    """The same with a night of the map's thefts that failed."""
    lost = (played.forecaster == "map") & (played.kind == "theft") & (played.window == played.window[3].to_numpy())
    return played.assign({name: played[name].where(~lost) for name in played.data_vars if played[name].dtype == float})


# Which group a night belongs to -----------------------------------------------------------------------------


def test_by_hand():
    """Tuesday 1 May to Monday 14 May 2018; hits 0 1 2 ... 13 of 10 crimes each night."""
    found = ppe.stratify(tally_over(nights()), by="day_of_week")
    assert found.day_of_week.to_numpy().tolist() == [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]  # fmt: skip
    # Mondays are the 7th and the 14th: hits 6 and 13.
    assert found.hits.to_numpy().tolist() == [19, 7, 9, 11, 13, 15, 17]
    assert found.hit_rate.to_numpy().tolist() == [0.95, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85]
    assert found.nights.to_numpy().tolist() == [2] * 7
    weekend = ppe.stratify(tally_over(nights()), by="weekend")
    assert weekend.hits.to_numpy().tolist() == [59, 32]
    assert weekend.hit_rate.to_numpy().tolist() == [0.59, 0.8]


def test_a_shift_belongs_to_the_day_it_begins():
    shift = {"at": "22:00", "horizon": "8h", "tz": "America/Chicago"}
    tally = tally_over(nights("2018-04-30", "2018-05-02", **shift), hits=[1, 2])
    # 22:00 in Chicago is 03:00 UTC of the next day.
    assert tally.window.dt.strftime("%d %H").to_numpy().tolist() == ["01 03", "02 03"]
    found = ppe.stratify(tally, by="day_of_week")
    assert found.hits.sel(day_of_week=["Monday", "Tuesday"]).to_numpy().tolist() == [1, 2]
    assert ppe.stratify(tally, by="month").month.to_numpy().tolist() == ["2018-04", "2018-05"]
    assert ppe.stratify(tally, by="hour").hour.to_numpy().tolist() == [22]


def test_groups_without_nights_are_shown():
    tally = tally_over(nights("2018-05-07", "2018-05-12"))
    week = ppe.stratify(tally, by="day_of_week")
    assert week.nights.to_numpy().tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert week.events.to_numpy().tolist() == [10, 10, 10, 10, 10, 0, 0]
    assert np.isnan(week.hit_rate.to_numpy()).tolist() == [False] * 5 + [True] * 2
    gap = xr.concat([tally, tally_over(nights("2018-08-01", "2018-08-03"))], "window")
    months = ppe.stratify(gap, by="month")
    assert months.month.to_numpy().tolist() == ["2018-05", "2018-06", "2018-07", "2018-08"]
    assert months.nights.to_numpy().tolist() == [5, 0, 0, 2]
    assert ppe.stratify(gap, by="month_of_year").nights.to_numpy().tolist() == [0, 0, 0, 0, 5, 0, 0, 2, 0, 0, 0, 0]
    assert ppe.stratify(gap, by="quarter").quarter.to_numpy().tolist() == ["2018-Q2", "2018-Q3"]
    assert ppe.stratify(tally, by="weekend").nights.to_numpy().tolist() == [5, 0]


def test_periods_stay_in_order_of_time_whatever_the_order_of_the_nights():
    tally = tally_over(nights("2017-11-20", "2018-02-10"))
    shuffled = tally.isel(window=np.random.default_rng(1).permutation(tally.sizes["window"]))
    for part in CALENDAR:
        xr.testing.assert_allclose(ppe.stratify(shuffled, by=part), ppe.stratify(tally, by=part))
    assert ppe.stratify(shuffled, by="month").month.to_numpy().tolist() == ["2017-11", "2017-12", "2018-01", "2018-02"]
    assert ppe.stratify(shuffled, by="year").year.to_numpy().tolist() == [2017, 2018]


zones = st.sampled_from(["Europe/London", "America/Chicago", "America/Toronto", "Asia/Kolkata", "Pacific/Apia", "UTC"])


@given(
    zones,
    st.sampled_from(["2018-03-08", "2018-10-25", "2011-12-27", "2017-12-25", "1969-12-28"]),
    st.sampled_from([("1D", "00:00"), ("8h", "06:00"), ("1h", "00:00"), ("1D", "23:30"), ("7D", "00:00")]),
    st.lists(st.sampled_from(sorted(CALENDAR)), min_size=1, max_size=2, unique=True),
    st.lists(st.sampled_from([0.0, 1.0, 2.5, np.nan]), min_size=1, max_size=40),
)
def test_twin(zone, first, rhythm, parts, hits):
    """Days of 23 and 25 hours, a day that Samoa left out, and moments before 1970."""
    windows = ppe.Schedule(start=first, end="2018-12-31", step=rhythm[0], at=rhythm[1], horizon="1h", tz=zone).windows
    windows = windows[: len(hits)]
    tally = tally_over(windows, hits=hits[: len(windows)], events=np.arange(len(windows)))
    found = ppe.stratify(tally, by=parts)
    rows = [
        {"start": int(start.astype("datetime64[s]").astype(int)), "hits": h, "events": float(n)}
        for start, h, n in zip(windows.start, hits, range(len(windows)), strict=False)
    ]
    expected = naive.by_calendar(rows, zone, parts, ["hits", "events"])
    for key, group in expected.items():
        here = found.sel(dict(zip(parts, key, strict=True)))
        assert {name: here[name].item() for name in group} == pytest.approx(group, rel=0, abs=0, nan_ok=True)
        rate = group["hits"] / group["events"] if group["events"] > 0 else np.nan
        assert here.hit_rate.item() == pytest.approx(rate, nan_ok=True)
    # Nothing is anywhere else.
    for name in ("nights", "nights_missing", "hits", "events"):
        assert found[name].sum() == np.nansum([group[name] for group in expected.values()])
        assert found[name].isnull().sum() == np.isnan([group[name] for group in expected.values()]).sum()
    assert found.hit_rate.notnull().sum() <= len(expected)


def test_the_calendar_is_that_of_the_zone_and_not_of_its_name_or_the_unit_of_time():
    tally = tally_over(nights("2018-03-01", "2018-04-01", at="22:00", horizon="8h", tz="America/Chicago"))
    for part in CALENDAR:
        expected = ppe.stratify(tally, by=part)
        for name in ("US/Central", "America/Chicago"):
            other = tally.assign_coords(window=tally.window.assign_attrs(local_zone=name))
            xr.testing.assert_identical(ppe.stratify(other, by=part).drop_attrs(), expected.drop_attrs())
        for unit in ("s", "ms", "us"):
            coarse = tally.assign_coords(
                window=tally.window.astype(f"datetime64[{unit}]").assign_attrs(tally.window.attrs)
            )
            xr.testing.assert_identical(ppe.stratify(coarse, by=part), expected)
    bare = tally.assign_coords(window=tally.window.drop_attrs())
    xr.testing.assert_identical(
        ppe.stratify(bare.assign_attrs(tz="America/Chicago"), by="month").drop_attrs(),
        ppe.stratify(tally, by="month").drop_attrs(),
    )


# Sums before division ---------------------------------------------------------------------------------------


@given(cities(most_windows=6, labels=3), any_budget, st.sampled_from([*CALENDAR, "area", "window"]))
def test_the_groups_add_up_to_the_whole(town, budget, by):
    tally = tally_of(town, budget)
    whole = tally.sum(["area", "window"])
    found = ppe.stratify(tally, METRICS, by=by)
    for name in ADDITIVE:
        if name in found:
            np.testing.assert_allclose(found[name].sum(by), whole[name], rtol=1e-12, atol=1e-12)
    assert ("outside" in found) == (by != "area")
    everything = ppe.stratify(tally, METRICS, by=())
    assert everything.nights == tally.sizes["window"]
    for name in METRICS:
        np.testing.assert_allclose(everything[name], getattr(ppe, name)(whole), rtol=1e-12)
        # A group's ratio is the ratio of the group's sums.
        np.testing.assert_array_equal(found[name], getattr(ppe, name)(found))


@given(cities(most_windows=4, labels=3), any_budget)
def test_precision_of_the_numbers_does_not_matter(town, budget):
    tally = tally_of(town, budget)
    single = tally.map(lambda old: old.astype(np.float32) if old.dtype == np.float64 else old, keep_attrs=True)
    ours, exact = ppe.stratify(single, METRICS, by="area"), ppe.stratify(tally, METRICS, by="area")
    for name in METRICS:
        np.testing.assert_allclose(ours[name], exact[name], rtol=1e-5)
        assert ours[name].dtype == np.float64


def test_dimensions_that_are_not_asked_about(played):
    found = ppe.stratify(played, "hit_rate", by="month")
    assert found.hit_rate.dims == ("month", "forecaster", "kind", "budget")
    assert found.events.dims == ("month", "forecaster", "kind")
    assert ppe.stratify(played, by=["weekend", "area"]).hit_rate.dims[:2] == ("weekend", "area")
    assert ppe.stratify(played, by=["area", "weekend"]).hit_rate.dims[:2] == ("area", "weekend")
    for order in (
        ("budget", "kind", "area", "forecaster", "window"),
        ("window", "forecaster", "area", "budget", "kind"),
    ):
        left = tuple(dim for dim in order if dim not in ("area", "window"))
        assert ppe.stratify(played.transpose(*order), by=()).hit_rate.dims == left
        assert ppe.stratify(played.transpose(*order), by="hour").hits.dims == ("hour", *left)
    assert set(ppe.stratify(played, by="area", pool=["window", "kind"]).hit_rate.dims) == {
        "forecaster", "budget", "area",
    }  # fmt: skip
    nightly = ppe.stratify(played, by="kind", pool=())
    assert set(nightly.hit_rate.dims) == {"forecaster", "kind", "budget", "area", "window"}
    np.testing.assert_array_equal(nightly.hits, played.hits.transpose(*nightly.hits.dims))
    assert nightly.hits.dims == ("kind", "forecaster", "area", "budget", "window")
    kinds = ppe.stratify(played, by=(), pool=["area", "window", "kind"])
    np.testing.assert_allclose(kinds.hit_rate, ppe.hit_rate(played.sum(["area", "window", "kind"])))
    wide = played.expand_dims(year_of_model=[1, 2])
    assert "year_of_model" in ppe.stratify(wide, by="month").hit_rate.dims


def test_a_plain_tally_without_forecaster_or_area_works():
    tally = tally_over(nights())
    for by in CALENDAR:
        assert ppe.stratify(tally, by=by).hit_rate.dims == (by,)
    alone = ppe.stratify(tally.isel(window=[0]), by="month")
    assert alone.nights.to_numpy().tolist() == [1]


def test_two_groups_of_the_calendar_at_once():
    tally = tally_over(nights("2018-05-05", "2018-06-03"))
    found = ppe.stratify(tally, by=["month", "weekend"])
    assert found.nights.sel(month="2018-06").to_numpy().tolist() == [1, 1]
    assert found.nights.sel(month="2018-05").to_numpy().tolist() == [19, 8]
    assert found.hits.sum() == tally.hits.sum()


# Nights that failed, groups with few crimes --------------------------------------------------------------------


def test_a_failed_night_leaves_both_sides_and_is_counted(broken, played):
    found = ppe.stratify(broken, METRICS, by="weekend")
    one = found.sel(forecaster="map", kind="theft")
    assert one.nights_missing.sum("weekend").to_numpy().tolist() == [1] * 4
    assert (one.nights.sum("weekend") == 13).all()
    kept = broken.isel(window=[n for n in range(14) if n != 3])
    expected = ppe.stratify(kept, METRICS, by="weekend").sel(forecaster="map", kind="theft")
    for name in (*METRICS, "events", "hits", "flagged_m2", "total_m2"):
        np.testing.assert_allclose(one[name], expected[name], rtol=1e-12)
    others = found.sel(forecaster="floor")
    assert (others.nights_missing == 0).all()
    np.testing.assert_allclose(others.events, ppe.stratify(played, by="weekend").sel(forecaster="floor").events)


def test_a_night_of_which_a_summed_part_is_missing_is_missing(broken):
    """Summed over kinds, a night without its thefts would count robberies alone."""
    found = ppe.stratify(broken, by=(), pool=["area", "window", "kind"])
    assert found.nights_missing.sel(forecaster="map").to_numpy().tolist() == [1] * 4
    area = broken.assign(hits=broken.hits.where((broken.area != "north") | (broken.window != broken.window[5])))
    assert (ppe.stratify(area, by=()).nights_missing >= 1).all()
    by_area = ppe.stratify(area, by="area").sel(forecaster="floor")
    assert (by_area.nights_missing.sel(area="north") == 1).all()
    assert (by_area.nights_missing.sel(area="south") == 0).all()


def test_a_failed_night_by_itself_is_not_a_night_without_crime(broken):
    found = ppe.stratify(broken, by="window").sel(forecaster="map", kind="theft")
    assert found.hit_rate.isel(window=3).isnull().all()
    assert found.events.isel(window=3).isnull().all()
    assert found.few.isel(window=3).all()
    assert found.nights.isel(window=3).to_numpy().tolist() == [0] * 4


def test_crimes_of_a_night_without_hits_told_are_not_counted():
    tally = tally_over(nights(), hits=[np.nan, *[5.0] * 13])
    found = ppe.stratify(tally, by=())
    assert (found.hits, found.events, found.nights, found.nights_missing) == (65, 130, 13, 1)
    assert found.hit_rate == 0.5


def test_all_nights_failed():
    tally = tally_over(nights(), hits=[np.nan] * 14)
    found = ppe.stratify(tally, by="weekend")
    assert found.hit_rate.isnull().all()
    assert found.nights.to_numpy().tolist() == [0, 0]
    assert found.nights_missing.to_numpy().tolist() == [10, 4]
    # Nothing is known of them; of a group without nights it is known that there is nothing.
    assert found.events.isnull().all()
    assert found.hits.isnull().all()
    assert found.few.all()
    mixed = tally_over(nights(), hits=[np.nan] * 5 + [1.0] * 9)  # 1 to 5 May failed
    by_month = ppe.stratify(mixed, by=["weekend", "month_of_year"])
    assert by_month.hits.sel(weekend="weekend", month_of_year="May") == 3
    assert by_month.hits.sel(weekend="weekend", month_of_year="June") == 0
    assert ppe.stratify(mixed, by="date").events.to_numpy().tolist()[4:6] == [pytest.approx(np.nan, nan_ok=True), 10.0]


def test_counts_without_budgets_stay_so_where_all_nights_failed(played):
    lost = (played.forecaster == "map") & (played.kind == "theft")
    broken = played.assign(
        {name: played[name].where(~lost) for name in played.data_vars if played[name].dtype == float}
    )
    found = ppe.stratify(broken, by="weekend")
    assert found.events.dims == ("weekend", "forecaster", "kind")
    assert found.hits.attrs == played.hits.attrs
    for name in ("events", "hits", "flagged_m2", "total_m2"):
        assert found[name].sel(forecaster="map", kind="theft").isnull().all()
        assert found[name].sel(forecaster="map", kind="robbery").notnull().all()
        assert found[name].sel(forecaster="floor").notnull().all()


@pytest.mark.parametrize(("crimes", "few"), [(19, True), (20, False), (0, True), (19.75, True)])
def test_few_crimes_are_flagged(crimes, few):
    windows = nights("2018-05-01", "2018-05-03")
    tally = tally_over(windows, hits=[0, 0], events=[crimes / 2] * 2)
    assert ppe.stratify(tally, by="month").few.item() is few


def test_twenty_crimes_in_fractions_are_twenty():
    tally = tally_over(nights("2018-05-01", "2018-05-16"), hits=np.zeros(15), events=np.full(15, 20 / 15))
    assert tally.events.sum() < 20
    assert not ppe.stratify(tally, by="month").few.item()


# Metrics -------------------------------------------------------------------------------------------------------


def test_pei_by_area_is_undefined_under_a_city_wide_budget(played):
    region = xr.DataArray(
        ["up", "down", "up"], dims="area", coords={"area": ["north", "south", "quiet"]}, name="region"
    )
    for by in ("area", region):
        found = ppe.stratify(played, ["pei", lambda total: ppe.pei(total).rename("mine")], by=by)
        city_wide = [None if scope == "area" else scope for scope in found.budget_scope.to_numpy()]
        assert city_wide == [None, "city", "city", None]
        for name in ("pei", "mine"):
            undefined = found[name].isnull().all(("forecaster", "kind", found[name].dims[0]))
            assert undefined.to_numpy().tolist() == [False, True, True, False]
        assert "area" not in found.coords or found.area.dims == ("area",)
    assert ppe.stratify(played, "pei", by="month").pei.sel(kind="theft").notnull().all()
    # Some of the areas, summed: their shares of the city's optimum are not the most that could be caught in them.
    some = ppe.stratify(played.sel(area=["north", "quiet"]), "pei", by=())
    assert some.pei.isnull().all(("forecaster", "kind")).to_numpy().tolist() == [False, True, True, False]
    assert "area" not in some.coords
    one = ppe.stratify(played.sel(area="north"), "pei", by="month")
    assert one.pei.sel(budget="top 7").isnull().all()


def test_several_metrics_and_functions(played):
    charged = lambda total: ppe.pai(total, area="budget").rename("pai_charged")  # noqa: E731
    found = ppe.stratify(played, ["hit_rate", "pai", charged], by="kind")
    assert list(found.data_vars)[:3] == ["hit_rate", "pai", "pai_charged"]
    total = played.sum(["area", "window"])
    np.testing.assert_allclose(found.pai_charged, ppe.pai(total, area="budget").transpose(*found.pai_charged.dims))
    assert found.attrs["metric"] == "hit_rate, pai, pai_charged"
    unnamed = ppe.stratify(played, lambda total: total["hits"] / total["boxes"], by="kind")
    assert "<lambda>" in unnamed


def test_log_scores_are_means_per_night(played):
    found = ppe.stratify(played, ["log_score", "log_score_unfloored"], by="weekend")
    assert found.log_score.dims == ("weekend", "forecaster", "kind")
    # The fourteen nights begin on Friday 2 March.
    saturday = played.isel(window=[1, 2, 8, 9])
    np.testing.assert_allclose(found.log_score.sel(weekend="weekend"), saturday.log_score.mean("window"), rtol=1e-12)
    assert found.log_score.attrs["floor"] == 0.001
    assert np.isneginf(found.log_score_unfloored.sel(forecaster="map")).any()
    scoreless = played.assign(log_score=played.log_score * np.nan, log_score_nights=played.log_score_nights * np.nan)
    without = ppe.stratify(scoreless, ["log_score", "hit_rate"], by="weekend")
    assert without.log_score.isnull().all()
    assert (without.nights_missing == 0).all()
    assert without.hit_rate.notnull().any()
    with pytest.raises(InputError, match=r"whole study area"):
        ppe.stratify(played, "log_score", by="area")
    with pytest.raises(InputError, match=r"log_score_floor=0\.001"):
        ppe.stratify(played.drop_vars("log_score_nights"), "log_score", by="kind")


# Groups of one's own -----------------------------------------------------------------------------------------


def test_labels_over_areas_and_nights(played):
    by_name = pd.Series({"south": "A", "north": "B", "quiet": "A"}, name="sector").rename_axis("area")
    found = ppe.stratify(played, "pai", by=by_name)
    assert found.sector.to_numpy().tolist() == ["A", "B"]
    whole = played.sum("window")
    np.testing.assert_allclose(
        found.hits.sel(sector="A"), whole.hits.sel(area=["south", "quiet"]).sum("area").transpose(..., "budget")
    )
    np.testing.assert_allclose(found.total_m2.sum("sector"), whole.total_m2.sum("area"))
    holiday = xr.DataArray([False] * 10 + [True] * 4, dims="window", name="holiday")
    split = ppe.stratify(played, by=[holiday, by_name])
    assert split.hit_rate.dims[:2] == ("holiday", "sector")
    assert split.nights.sel(holiday=True).isel(forecaster=0, kind=0, budget=0, sector=0) == 4
    np.testing.assert_allclose(
        split.events.sel(holiday=True).sum("sector"), played.events.isel(window=slice(10, 14)).sum(["area", "window"])
    )


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (xr.DataArray(["a", "b"], dims="area", name="r"), r"2 labels 'r' for 3 of 'area'"),
        (xr.DataArray(["a", "b", "c"], dims="area"), r"named None.*rename"),
        (xr.DataArray(["a", "b", "c"], dims="area", name="hits"), r"named 'hits'"),
        (xr.DataArray(["a", "b", "c"], dims="area", name="month"), r"named 'month'"),
        (xr.DataArray(["a", "b", None], dims="area", name="r"), r"missing"),
        (xr.DataArray([1.0, 2.0, np.nan], dims="area", name="r"), r"missing"),
        (xr.DataArray([["a"]], dims=("area", "window"), name="r"), r"over one dimension"),
        (xr.DataArray(["a"], dims="place", name="r"), r"over one dimension"),
        (xr.DataArray(["a", "b"], {"area": ["north", "south"]}, "area", "r"), r"lack \['quiet'\]"),
        (xr.DataArray(["a", "b"], {"area": ["north", "north"]}, "area", "r"), r"twice"),
    ],
)
def test_labels_that_cannot_be_used(played, labels, match):
    with pytest.raises(InputError, match=match):
        ppe.stratify(played, by=labels)


# What is refused, and what is told -----------------------------------------------------------------------------


def test_a_tally_summed_over_its_nights_is_refused(played):
    for summed in (played.sum("window"), played.isel(window=0), played.sum(["window", "area"])):
        with pytest.raises(InputError, match=r"summed over its nights already"):
            ppe.stratify(summed, by="kind")


def test_bad_arguments(played):
    refusals = [
        ({"by": "weekday"}, r"neither a dimension.*Did you mean 'week'.*'day_of_week'"),
        ({"by": "coverage"}, r"neither a dimension"),
        ({"by": ["area", "area"]}, r"more than once"),
        ({"by": ["window", "month"]}, r"'window' itself and for 'month'"),
        ({"by": 3.0}, r"by= holds a float"),
        ({"by": "kind", "metric": "PAI"}, r"metric='PAI'.*'pai'"),
        ({"by": "kind", "metric": "ppai"}, r"ppe\.ppai\(total, 0\.5\)"),
        ({"by": "kind", "metric": []}, r"No metric"),
        ({"by": "kind", "metric": lambda total: total["hits"]}, r"named 'hits'"),
        ({"by": "kind", "metric": lambda total: total["hits"].rename("few")}, r"named 'few'"),
        ({"by": "kind", "metric": ["pai", ppe.pai]}, r"named 'pai'"),
        ({"by": "kind", "metric": lambda total: 3}, r"gives a int"),
        ({"by": "kind", "metric": ppe.ppai}, r"'ppai' cannot.*'alpha'.*lambda total: ppe\.ppai\(total, 0\.5\)"),
        ({"by": "kind", "metric": "RRI"}, r"two meanings.*rri_levine.*calibration_ratio"),
        ({"by": "kind", "metric": 3}, r"metric=3 is int"),
        ({"by": "kind", "metric": [["pai"]]}, r"is list; give a name"),
        ({"by": "kind", "pool": ["budget"]}, r"means nothing.*tally\.sel\(budget"),
        ({"by": "kind", "pool": ["forecaster"]}, r"means nothing"),
        ({"by": "kind", "pool": ["borough"]}, r"no dimension"),
    ]
    for arguments, match in refusals:
        with pytest.raises(InputError, match=match):
            ppe.stratify(played, **arguments)
    with pytest.raises(InputError, match=r"lacks events"):
        ppe.stratify(played.drop_vars("events"), by="kind")
    with pytest.raises(InputError, match=r"lacks hits, events"):
        ppe.stratify(None, by="kind")
    with pytest.raises(InputError, match=r"no night"):
        ppe.stratify(played.isel(window=[]), by="kind")
    untold = tally_over(nights())
    untold = untold.assign_coords(window=untold.window.drop_attrs())
    with pytest.raises(InputError, match=r"tally\.attrs\['tz'\]"):
        ppe.stratify(untold, by="month")
    assert ppe.stratify(untold, by="window").nights.sum() == 14
    with pytest.raises(InputError, match=r"IANA"):
        ppe.stratify(untold.assign_attrs(tz="Chicago"), by="month")
    with pytest.raises(InputError, match=r"datetime64"):
        ppe.stratify(tally_over(nights()).drop_vars("window"), by="month")
    with pytest.raises(InputError, match=r"datetime64"):
        ppe.stratify(tally_over(nights()).assign_coords(window=np.arange(14)), by="month")


def test_it_explains_itself_and_is_a_tidy_table(played, tmp_path):
    found = ppe.stratify(played, ["pai", "hit_rate"], by=["weekend", "area"])
    assert {"long_name", "units", "better", "definition", "reference"} <= set(found.pai.attrs)
    assert found.attrs["by"] == "weekend, area"
    assert found.attrs["summed_over"] == "window"
    assert found.attrs["tz"] == "America/Toronto"
    assert "local civil time (America/Toronto)" in found.weekend.attrs["definition"]
    assert all(found[name].attrs.get("long_name") for name in found.data_vars)
    table = found.to_dataframe()
    assert table.index.names == ["weekend", "area", "forecaster", "kind", "budget"]
    assert table.columns[:2].tolist() == ["pai", "hit_rate"]
    assert table.columns[-1] == "budget_scope"
    assert len(table) == 2 * 2 * 4 * 2 * 3
    row = table.loc[("weekend", "south", "map", "theft", "top 7")]
    assert row["hit_rate"] == pytest.approx(row["hits"] / row["events"])
    assert {"few", "nights", "nights_missing", "flagged_m2"} <= set(table.columns)
    assert not {"window_end", "until", "elsewhere", "log_score"} & set(table.columns)
    ppe.save_tally(found, tmp_path / "table.nc")
    xr.testing.assert_equal(ppe.load_tally(tmp_path / "table.nc"), found)


def test_a_curve_in_the_tally_is_left_alone():
    town = city()
    tally = ppe.backtest(
        {"map": ppe.CountMap()}, town.events, town.grid, town.schedule, budgets=BUDGETS, curve=[0.1, 1], progress=False
    )
    found = ppe.stratify(tally, by="weekend")
    assert "coverage" not in found.dims
    assert "coverage" not in found.coords
    xr.testing.assert_identical(
        found.drop_attrs(), ppe.stratify(tally.drop_dims("coverage"), by="weekend").drop_attrs()
    )


def test_it_changes_nothing_it_was_given(played):
    before = played.copy(deep=True)
    ppe.stratify(played, METRICS, by=["month", "area"])
    xr.testing.assert_identical(played, before)
