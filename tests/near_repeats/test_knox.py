"""The Knox test: its naive twin, its symmetries, its edges, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import predpol_eval as ppe
from predpol_eval.near_repeats import close_pairs, knox_test
from tests.naive import knox as naive
from tests.near_repeats.scenes import INF, crimes, scenes

TABLES = ("observed", "expected", "ratio", "ratio_median", "p_value", "originators", "near_repeats")


def table_of(scene, events=None, space=None, permutations=5, seed=3):
    events = scene.events() if events is None else events
    bands = scene.space if space is None else space
    return ppe.knox(events, bands, scene.time, scene.metric, permutations, seed)


# Against the naive twin -----------------------------------------------------------------------------------


@given(scenes(), st.integers(1, 9), st.integers(0, 3))
def test_the_table_is_the_naive_one(scene, permutations, seed):
    places, times, _ = scene.naive
    order = naive.column_order(*zip(*places, strict=True), scene.space)
    expected = naive.knox(places, times, scene.space, scene.time, scene.metric, permutations, seed, order)
    found = table_of(scene, permutations=permutations, seed=seed)
    assert_array_equal(found.observed, expected["observed"])
    for (s, t), mean in expected["expected"].items():
        cell = found.isel(space_band=s, time_band=t)
        observed, middle = expected["observed"][s][t], expected["median"][s, t]
        assert cell.expected.item() == pytest.approx(float(mean), rel=1e-12)
        assert cell.p_value.item() == expected["p_value"][s, t]
        for name, chance in (("ratio", mean), ("ratio_median", middle)):
            wanted = observed / float(chance) if chance else np.nan
            assert cell[name].item() == pytest.approx(wanted, rel=1e-12, nan_ok=True)


@given(scenes())
def test_originators_and_near_repeats_are_the_naive_ones(scene):
    found = table_of(scene, permutations=1)
    sets = naive.roles(*scene.naive, scene.space, scene.time, scene.metric)
    for name, count, expected in zip(
        ("is_originator", "is_near_repeat"), ("originators", "near_repeats"), sets, strict=True
    ):
        for s in range(found.sizes["space_band"]):
            for t in range(found.sizes["time_band"]):
                cell = found.isel(space_band=s, time_band=t)
                assert set(np.flatnonzero(cell[name])) == expected.get((s, t), set())
                assert cell[count].item() == len(expected.get((s, t), set()))


# Symmetries -----------------------------------------------------------------------------------------------


@given(scenes(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_to_the_bit(scene, random):
    order = list(range(len(scene.x)))
    random.shuffle(order)
    xr.testing.assert_identical(table_of(scene), table_of(scene, scene.events(order)))


@given(scenes(), st.sampled_from([(3_000.0, 0.25), (600_000.0, 250_000.0), (-40.0, 7.5)]), st.sampled_from([-9, 30]))
def test_moved_and_later_only_the_pairs_matter(scene, by, later):
    one, two = table_of(scene), table_of(scene, scene.events(x0=by[0], y0=by[1], later=later))
    for name in ("observed", "originators", "near_repeats", "is_originator", "is_near_repeat"):
        assert_array_equal(one[name], two[name])


@given(scenes(), st.sampled_from([0.5, 2.0, 10.0]))
def test_scaled_with_the_bands(scene, factor):
    one, two = table_of(scene), table_of(scene, scene.events(scale=factor), [edge * factor for edge in scene.space])
    for name in TABLES:
        assert_array_equal(one[name], two[name])


@given(scenes(), st.sampled_from(["Asia/Kolkata", "America/Phoenix", "Africa/Lagos"]))
def test_the_wall_clock_counts_wherever_it_hangs(scene, tz):
    one, two = table_of(scene), table_of(scene, scene.events(tz=tz))
    for name in TABLES:
        assert_array_equal(one[name], two[name])


@given(scenes())
def test_a_crime_far_away_makes_no_close_pair(scene):
    far = crimes(
        [*scene.x, 90_000.0], [*scene.y, 90_000.0],
        np.datetime64("2018-03-20", "s") + np.array([*scene.hours, 5]).astype("timedelta64[h]"),
        id=[*scene.ids, len(scene.ids)],
    )  # fmt: skip
    close = slice(None, -1) if scene.space[-1] == INF else slice(None)
    one, two = (table.isel(space_band=close) for table in (table_of(scene), table_of(scene, far)))
    for name in ("observed", "originators", "near_repeats"):
        assert_array_equal(one[name], two[name])


@given(scenes())
def test_bands_over_all_hold_every_pair_once(scene):
    count = len(scene.x)
    found = ppe.knox(scene.events(), [0, 300, INF], [0, 2, INF], scene.metric, 3, 1)
    pairs = count * (count - 1) // 2
    assert found.observed.sum() == pairs
    assert found.expected.sum() == pytest.approx(pairs)
    # Dealing out the times anew changes neither who is near whom nor how many days lie between two times.
    assert found.expected.sum("time_band").to_numpy() == pytest.approx(found.observed.sum("time_band").to_numpy())
    assert found.expected.sum("space_band").to_numpy() == pytest.approx(found.observed.sum("space_band").to_numpy())


# Edges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("x", "band"), [(1399.999, 1), (1400.0, 2), (1400.0004, 2), (1399.9996, 2)])
def test_exactly_400_m_belongs_to_the_band_that_begins_there(x, band):
    found = ppe.knox(crimes([1000.0, x], 500.0, ["2018-05-01", "2018-05-01"]), [0, 200, 400, 600], [0, 1], seed=1)
    assert found.observed[:, 0].to_numpy().tolist() == [int(band == number) for number in range(3)]


def test_three_four_five():
    events = crimes([1000.0, 1240.0], [1000.0, 1320.0], ["2018-05-01", "2018-05-01"])
    assert ppe.knox(events, [0, 400, 401], [0, 1], seed=1).observed[:, 0].to_numpy().tolist() == [0, 1]
    assert ppe.knox(events, [0, 560, 561], [0, 1], "manhattan", seed=1).observed[:, 0].to_numpy().tolist() == [0, 1]


def test_pairs_closer_than_the_first_edge_are_in_no_band():
    """Neither in the first, nor in the one without end, which is what the others leave of all pairs."""
    events = crimes([1000.0, 1050.0, 1150.0, 1900.0], 500.0, ["2018-05-01", "2018-05-01", "2018-05-02", "2018-05-09"])
    found = ppe.knox(events, [100, 200, INF], [0, 1, 7, INF], seed=1)
    assert found.observed.to_numpy().tolist() == [[0, 2, 0], [0, 0, 3]]
    assert found.originators.to_numpy().tolist() == [[0, 2, 0], [0, 0, 3]]
    assert found.near_repeats.to_numpy().tolist() == [[0, 1, 0], [0, 0, 1]]
    assert found.expected.sum().item() == pytest.approx(5)


def test_far_from_the_origin_an_edge_is_still_an_edge():
    """In floating point 6 000 000.3 - 5 999 999.9 is below .4."""
    assert 6_000_000.3 - 5_999_999.9 < 0.4
    events = crimes([5_999_999.9, 6_000_000.3], 500.0, ["2018-05-01", "2018-05-01"])
    assert ppe.knox(events, [0, 0.4, 1], [0, 1], "manhattan", seed=1).observed[:, 0].to_numpy().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("second", "days"),
    [("2018-03-26", 2.0), ("2018-03-25 12:00", 1.5), ("2018-03-24 23:59", 23 / 24 + 59 / 1440)],
)
def test_a_day_of_23_hours_is_a_day(second, days):
    """On 25 March 2018 London's clock was put forward at one."""
    events = crimes([1000.0, 1000.0], 500.0, ["2018-03-24", second], "Europe/London")
    minute = 1 / 1440
    found = ppe.knox(events, [0, 1], [0, days - minute / 2, days + minute / 2], seed=1)
    assert found.observed[0].to_numpy().tolist() == [0, 1]


def test_whole_days_where_only_days_are_told():
    times = ["2018-05-01 22:00", "2018-05-02 02:00"]
    frame = pd.DataFrame({"x": 1000.0, "y": 500.0, "t": times})
    by_day = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London", resolution="day")
    found = ppe.knox(by_day, [0, 1], [0, 1, 2], seed=1)
    assert found.observed[0].to_numpy().tolist() == [0, 1]
    assert found.attrs["days"] == "whole civil days"
    found = ppe.knox(crimes(1000.0, 500.0, times), [0, 1], [0, 1, 2], seed=1)
    assert found.observed[0].to_numpy().tolist() == [1, 0]
    assert found.attrs["days"] == "civil days with their fraction"


def test_dates_are_whole_days_even_where_a_day_has_no_midnight():
    """In Sao Paulo the clock was put forward at midnight: 4 November 2018 began at one."""
    events = crimes(1000.0, 500.0, ["2018-11-03", "2018-11-04", "2018-11-11"], "America/Sao_Paulo")
    found = ppe.knox(events, [0, 1], [0, 1, 7, 8, 9], seed=1)
    assert found.observed[0].to_numpy().tolist() == [0, 1, 1, 1]
    assert found.attrs["days"] == "whole civil days"


def test_texts_and_numbers_are_the_same_bands():
    events = crimes([1000.0, 1010.0, 1020.0], 500.0, ["2018-05-01", "2018-05-02 12:00", "2018-05-09"])
    one = ppe.knox(events, [0, 50], ["0D", "36h", "1W", "inf"], seed=1)
    xr.testing.assert_identical(one, ppe.knox(events, [0, 50], [0, 1.5, 7, INF], seed=1))
    assert one.observed[0].to_numpy().tolist() == [0, 2, 1]
    assert one.time_band.to_numpy().tolist() == ["[0, 1.5) days", "[1.5, 7) days", "[7, inf) days"]
    assert one.space_to.to_numpy().tolist() == [50.0]
    assert one.time_from.to_numpy().tolist() == [0, 1.5, 7]


@pytest.mark.parametrize(
    ("second", "edge", "within"),
    [
        ("2018-05-01T00:00:00.000000001", 1e-9, True),
        ("2018-05-02T00:00:00.000000001", 1, False),
        ("2043-05-01T00:00:01", 9131 + 1 / 86_400, False),
        ("2043-05-01T00:00:00", 9131 + 1 / 86_400, True),
        ("2018-05-08", 7, False),
        ("2018-05-08T01:00", 7 + 1 / 24, False),
        ("2018-05-08T00:59", 7 + 1 / 24, True),
    ],
)
def test_times_of_any_grain_are_compared_exactly(second, edge, within):
    """They fill 64, 32 and 16 bits."""
    events = crimes(1000.0, 500.0, np.array(["2018-05-01", second, second], dtype="datetime64[ns]"))
    found = ppe.knox(events, [0, 1], [0, edge, 40_000], seed=1, permutations=200)
    assert found.observed[0].to_numpy().tolist() == ([3, 0] if within else [1, 2])
    assert_array_equal(found.expected, found.observed)


# Uncertain times ------------------------------------------------------------------------------------------


def test_uncertain_times_are_placed_as_asked():
    events = crimes(
        [1000.0, 1000.0, 1000.0], 500.0, ["2018-05-01", "2018-05-01", "2018-05-03"],
        happened_until=["2018-05-01", "2018-05-09", "2018-05-03"],
    )  # fmt: skip
    bands = [0, 1], [0, 1, 3, 5, 9]
    for method, expected in {"midpoint": [0, 2, 1, 0], "start": [1, 2, 0, 0], "end": [0, 1, 0, 2]}.items():
        found = ppe.knox(events, *bands, seed=1, method=method)
        assert found.observed[0].to_numpy().tolist() == expected, method
        assert (found.attrs["uncertain"], found.attrs["uncertain_beyond_narrowest_band"]) == (1, 1)
    found = ppe.knox(events, *bands, seed=1, method="exclude")
    assert found.observed[0].to_numpy().tolist() == [0, 1, 0, 0]
    assert (found.attrs["n"], found.attrs["excluded"]) == (2, 1)
    assert found.event.to_numpy().tolist() == [events.id[0], events.id[2]]
    assert ppe.knox(events, *bands, seed=1).attrs["method"] == "midpoint"


def test_a_tie_of_time_is_broken_by_the_id():
    events = crimes([1000.0, 1010.0], 500.0, ["2018-05-01", "2018-05-01"], id=["b", "a"])
    found = ppe.knox(events, [0, 50], [0, 1], seed=1)
    assert found.event[found.is_originator[:, 0, 0]].to_numpy().tolist() == ["a"]
    assert found.event[found.is_near_repeat[:, 0, 0]].to_numpy().tolist() == ["b"]


def test_the_middle_of_an_interval_can_tie_with_a_crime_that_began_later():
    events = crimes(
        1000.0, 500.0, ["2018-05-01", "2018-05-02"], id=["b", "a"], happened_until=["2018-05-03", "2018-05-02"]
    )
    assert events.id.tolist() == ["b", "a"]
    found = ppe.knox(events, [0, 50], [0, 1], seed=1)
    assert found.event[found.is_originator[:, 0, 0]].to_numpy().tolist() == ["a"]


def test_events_are_counted_not_pairs():
    """One burglary and three in its wake: one originator beginning three pairs, and a chain among the others."""
    events = crimes([1000.0] * 4, 500.0, [f"2018-05-0{day}" for day in (1, 2, 3, 4)])
    found = ppe.knox(events, [0, 1], [0, 2, 7], seed=1).isel(space_band=0)
    assert found.observed.to_numpy().tolist() == [3, 3]
    assert found.originators.to_numpy().tolist() == [3, 2]
    assert found.near_repeats.to_numpy().tolist() == [3, 2]


# Seeds and files ------------------------------------------------------------------------------------------


def test_a_drawn_seed_can_be_used_again():
    rng = np.random.default_rng(5)
    events = crimes(1000 + 50.0 * rng.integers(0, 9, 40), 500.0, np.datetime64("2018-05-01") + rng.integers(0, 60, 40))
    one, other = (ppe.knox(events, [0, 100], [0, 7], permutations=99) for _ in range(2))
    assert one.attrs["seed"] != other.attrs["seed"]
    xr.testing.assert_identical(one, ppe.knox(events, [0, 100], [0, 7], permutations=99, seed=one.attrs["seed"]))


@pytest.mark.parametrize("lanes", [1, 7, 512])
def test_how_many_permutations_run_together_does_not_matter(monkeypatch, lanes):
    rng = np.random.default_rng(5)
    events = crimes(1000 + 50.0 * rng.integers(0, 9, 40), 500.0, np.datetime64("2018-05-01") + rng.integers(0, 60, 40))
    expected = ppe.knox(events, [0, 100], [0, 7], permutations=300, seed=2)
    monkeypatch.setattr(knox_test, "LANES", lanes)
    xr.testing.assert_identical(ppe.knox(events, [0, 100], [0, 7], permutations=300, seed=2), expected)


def test_the_table_can_be_written_and_read(tmp_path):
    found = ppe.knox(crimes([1000.0, 1010.0], 500.0, ["2018-05-01", "2018-05-02"]), [0, 50, INF], [0, 7], seed=1)
    found.to_netcdf(tmp_path / "table.nc")
    with xr.open_dataset(tmp_path / "table.nc") as read:
        assert_array_equal(read.is_originator, found.is_originator)
        assert read.attrs == found.attrs
        assert read.space_band.to_numpy().tolist() == ["[0, 50) m", "[50, inf) m"]


# Odd and bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [2, 30])
def test_all_at_one_point(count):
    days = np.datetime64("2018-05-01") + np.arange(count)
    found = ppe.knox(crimes(1000.0, 500.0, days), [0, 1, INF], [0, 2, INF], seed=1, permutations=9)
    assert found.observed.to_numpy().tolist() == [[count - 1, (count - 1) * (count - 2) // 2], [0, 0]]
    assert_array_equal(found.expected, found.observed)  # nothing to deal out: every place is the same
    assert (found.p_value == 1).all()
    assert np.isnan(found.ratio[1]).all()


@pytest.mark.parametrize("count", [2, 30])
def test_all_at_one_time(count):
    found = ppe.knox(crimes(1000 + 100.0 * np.arange(count), 500.0, "2018-05-01 12:00"), [0, 150], [0, 1, INF], seed=1)
    assert found.observed.to_numpy().tolist() == [[count - 1, 0]]
    assert found.ratio[0, 0] == 1
    assert np.isnan(found.ratio[0, 1])


def test_the_same_row_many_times():
    events = crimes(1000.0, 500.0, ["2018-05-01"] * 5)
    found = ppe.knox(events, [0, 1], [0, 1], seed=1)
    assert (found.observed.item(), found.originators.item(), found.near_repeats.item()) == (10, 4, 4)


GOOD = {"space_bands": [0, 200], "time_bands": [0, 7]}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"space_bands": [200]}, "space_bands has 1 edges; two make a band"),
        ({"space_bands": 200}, "space_bands is 200; give the edges of the bands, for instance space_bands=.0, 200"),
        ({"space_bands": "0-200"}, "space_bands is '0-200'; give the edges"),
        ({"space_bands": [0, 400, 200]}, r"space_bands must rise, but edge 2 \(200\) is not above .* \(400\)"),
        ({"space_bands": [0, 0]}, r"must rise, but edge 1 \(0\)"),
        ({"space_bands": [0, INF, 400]}, "must rise, but edge 2"),
        ({"space_bands": [0, float("nan")]}, "space_bands has the edge nan; give numbers of m"),
        ({"space_bands": [0, "200"]}, "space_bands has the edge '200'; give numbers of m"),
        ({"space_bands": [0, True]}, "space_bands has the edge True"),
        ({"space_bands": [-5, 200]}, "space_bands begins at -5; differences are never below 0. Begin at 0"),
        (
            {"space_bands": [0, 2_000_000]},
            r"the farthest is 1,000,000 m. For a last band without end write float\('inf'\)",
        ),
        ({"time_bands": ["0D", "soon"]}, "an edge of time_bands is 'soon'; give a length such as '21D'"),
        ({"time_bands": [7, 7]}, "time_bands must rise"),
        ({"time_bands": [0, None]}, "time_bands has the edge None; give numbers of days"),
        ({"metric": "chebyshev"}, "metric='chebyshev'; choose one of 'euclidean', 'manhattan'"),
        ({"permutations": 0}, "permutations=0; give a whole number from 1, for instance 999"),
        ({"permutations": 99.5}, "permutations=99.5; give a whole number"),
        ({"permutations": 10**9}, "counts to keep; the most is 100,000,000"),
        ({"seed": -1}, "seed=-1; give a whole number from 0"),
        ({"seed": 1.5}, "seed=1.5; give a whole number from 0"),
        ({"method": "aoristic"}, "method='aoristic'; choose .* A pair needs one moment for each of its crimes"),
        ({"method": "middle"}, "method='middle'; choose one of 'midpoint', 'start', 'end', 'exclude'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    events = crimes([1000.0, 1010.0], 500.0, ["2018-05-01", "2018-05-02"])
    with pytest.raises(ppe.InputError, match=message):
        ppe.knox(events, **GOOD | wrong)


def test_one_crime_makes_no_pair():
    with pytest.raises(ppe.InputError, match="counts pairs of crimes, and found 1 of them; give at least two"):
        ppe.knox(crimes([1000.0], 500.0, ["2018-05-01"]), **GOOD)
    with pytest.raises(ppe.InputError, match=r"found 0 of them \(2 with uncertain times were left out\)"):
        ppe.knox(crimes(1000.0, 500.0, ["2018-05-01"] * 2, happened_until="2018-05-03"), **GOOD, method="exclude")
    with pytest.raises(ppe.InputError, match="Expected Events, found DataFrame"):
        ppe.knox(pd.DataFrame(), **GOOD)


def test_months_have_no_days():
    frame = pd.DataFrame({"x": [1000.0, 1010.0], "y": 500.0, "t": ["2018-05-01", "2018-06-01"]})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London", resolution="month")
    with pytest.raises(ppe.InputError, match="dated to the month, but time_bands has an edge at 7 days"):
        ppe.knox(events, [0, 200], [0, 7], seed=1)
    assert ppe.knox(events, [0, 200], [0, 30, 62], seed=1).observed[0].to_numpy().tolist() == [0, 1]


def test_more_pairs_than_can_be_held_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(close_pairs, "MOST_PAIRS", 44)
    days = np.datetime64("2018-05-01") + np.arange(10)
    message = (
        r"45 pairs of crimes are closer than 200 m \(10 of them on one and the same place\); a list of them would take "
        r".*, and 44 is the most. Give space_bands that end sooner, or fewer crimes"
    )
    with pytest.raises(ppe.InputError, match=message):
        ppe.knox(crimes([1000.0] * 5 + [1010.0, 1020.0, 1030.0, 1040.0, 1050.0], 500.0, days), [0, 200], [0, 7])
    assert ppe.knox(crimes(1000 + 500.0 * np.arange(10), 500.0, days), [0, 200], [0, 7], seed=1).observed == 0


def test_the_search_stops_when_there_are_too_many_pairs(monkeypatch):
    """Of 2 000 crimes within a few metres, all pairs close, the first has more partners than may be held."""
    monkeypatch.setattr(close_pairs, "MOST_PAIRS", 1_000)
    rng = np.random.default_rng(1)
    x, y = 1000.0 + rng.uniform(0, 5, (2, 2_000))
    with pytest.raises(ppe.InputError, match=r"At least 1,999 pairs of crimes are closer than 200 m \(0 of them"):
        ppe.knox(crimes(x, y, "2018-05-01"), [0, 200], [0, 7])


# Piles ----------------------------------------------------------------------------------------------------


@given(scenes(), st.integers(1, 5), st.sampled_from([1, 2, 3]))
def test_sorted_or_pair_by_pair_it_is_the_same_to_the_bit(scene, permutations, pile):
    """Every place with so many crimes is a pile; of places on a lattice some have several."""
    with pytest.MonkeyPatch.context() as patch:
        expected = table_of(scene, permutations=permutations)
        patch.setattr(close_pairs, "PILE", pile)
        xr.testing.assert_identical(table_of(scene, permutations=permutations), expected)


@pytest.mark.parametrize("space", [(0, 100), (0, 0.01, 100), (100, 200, INF), (0, 100, 200)])
@pytest.mark.parametrize("hours", [24, 1, 1 / 3600])
def test_piles_and_what_lies_around_them(monkeypatch, space, hours):
    """Two piles 150 m apart, and crimes about them; days, hours and seconds take 16 and 32 bits."""
    rng = np.random.default_rng(6)
    x = np.r_[np.repeat([1000.0, 1150.0], [40, 30]), rng.uniform(900, 1250, 50)]
    at = np.datetime64("2018-05-01", "s") + (rng.integers(0, 100, 120) * hours * 3600).astype("timedelta64[s]")
    events = crimes(x, 500.0, at, id=rng.permutation(120))
    arguments = events, space, (0, 3 * hours / 24, 10 * hours / 24, INF)
    monkeypatch.setattr(close_pairs, "PILE", 10_000)
    expected = ppe.knox(*arguments, permutations=60, seed=1)
    monkeypatch.setattr(close_pairs, "PILE", 30)
    found = ppe.knox(*arguments, permutations=60, seed=1)
    xr.testing.assert_identical(found, expected)
    assert found.observed.sum() > 500


def test_ten_thousand_crimes_on_one_point():
    """All 50 million pairs are close, whoever has which time: chance expects what was observed, and nothing else."""
    import tracemalloc

    rng = np.random.default_rng(3)
    days = rng.integers(0, 730, 10_000)
    events = crimes(1000.0, 500.0, np.datetime64("2017-01-01") + days)
    tracemalloc.start()
    found = ppe.knox(events, [0, 100, 1000], [0, 7, 56], permutations=99, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    per_day = np.bincount(days, minlength=730)
    gap = np.correlate(per_day, per_day, "full")[729:]
    gap[0] = (per_day * (per_day - 1) // 2).sum()
    assert found.observed[0].to_numpy().tolist() == [gap[:7].sum(), gap[7:56].sum()]
    assert_array_equal(found.expected, found.observed)
    assert (found.p_value == 1).all()
    assert (found.observed[1] == 0).all()
    assert peak < 60e6  # a list of the pairs would take 200 MB
