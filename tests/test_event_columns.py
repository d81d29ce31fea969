"""Bad tables of crimes: each refused with its rows and what to do, all problems at once."""

from __future__ import annotations

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from predpol_eval import Events, InputError

CRS, TZ = "EPSG:27700", "Europe/London"


def good(count: int = 4, **columns: object) -> pd.DataFrame:
    t = [f"2018-05-{day + 1:02d} 12:00" for day in range(count)]
    return pd.DataFrame({"x": 5e5 + np.arange(count), "y": 2e5, "t": t} | columns)


def refused(frame: pd.DataFrame, **options: object) -> str:
    with pytest.raises(InputError) as found:
        Events.from_frame(frame, **({"crs": CRS, "tz": TZ} | options))
    return str(found.value)


# Places ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, None])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_missing_and_infinite_coordinates(axis, bad):
    frame = good().astype({axis: object})
    frame.loc[[1, 3], axis] = bad
    message = refused(frame)
    assert "rows 1, 3" in message
    assert f"{axis!r} is missing (NaN) or infinite" in message
    assert "dropna(subset=['x', 'y'])" in message


def test_many_bad_rows_are_numbered_from_0_and_cut_short():
    frame = good(28)
    frame.loc[5:, "x"] = np.nan
    message = refused(frame)
    assert "rows are counted from 0" in message
    assert "rows 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 and 13 more" in message


def test_the_row_is_the_position_whatever_the_index():
    frame = good().set_index(pd.Index([50, 51, 52, 53]))
    frame.loc[52, "x"] = np.nan
    assert "row 2:" in refused(frame)


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_zero_zero_is_a_hidden_place(zero):
    frame = good()
    frame.loc[2, ["x", "y"]] = zero
    message = refused(frame)
    assert "row 2" in message
    assert "(0, 0)" in message
    frame.loc[2, "y"] = 1e5
    assert len(Events.from_frame(frame, crs=CRS, tz=TZ)) == 4  # a zero on one axis is a place


def test_zero_zero_is_found_in_degrees_too():
    frame = good(2, x=[-0.1, 0.0], y=[51.5, 0.0])
    assert "row 1" in refused(frame, source_crs="EPSG:4326")


def test_text_that_is_no_number():
    frame = good().astype({"x": object})
    frame.loc[1, "x"] = "E530100"
    assert "row 1: 'x' is not a number" in refused(frame)
    frame["x"] = ["500000", "500001.5", " 500002", "5e5"]
    assert Events.from_frame(frame, crs=CRS, tz=TZ).x.tolist() == [500000, 500001.5, 500002, 500000]


@pytest.mark.parametrize(
    ("x", "y", "crs"),
    [
        ([-0.12, -0.14], [51.5, 51.6], "EPSG:27700"),  # London
        ([-79.4, -79.2], [43.7, 43.6], "EPSG:32617"),  # Toronto
        ([43.7, 43.6], [-79.4, -79.2], "EPSG:32617"),  # latitude first
        ([-87.6, -87.7], [41.8, 41.9], "EPSG:26971"),  # Chicago
        ([-87.6, -87.7], [41.8, 41.9], "EPSG:27700"),  # and a system of elsewhere
        ([151.2, 151.1], [-33.9, -33.8], "EPSG:7856"),  # Sydney
        ([139.7, 139.8], [35.7, 35.6], "EPSG:6677"),  # Tokyo
    ],
)
def test_degrees_given_as_metres(x, y, crs):
    message = refused(good(2, x=x, y=y), crs=crs)
    assert "degrees" in message
    assert "source_crs='EPSG:4326'" in message
    assert crs in message
    made = Events.from_frame(good(2, x=x, y=y), crs=crs, tz=TZ, source_crs="EPSG:4326") if y[0] > -50 else None
    assert made is None or np.abs(made.x).max() > 1000


def test_a_missing_crs():
    assert "crs='EPSG:27700'" in refused(good(), crs=None)


def test_mixed_systems():
    """A GeoDataFrame that says otherwise than the argument is not reprojected behind one's back."""
    points = gpd.GeoDataFrame(good(), geometry=gpd.points_from_xy(good().x, good().y), crs="EPSG:32630")
    message = refused(points)
    assert "EPSG:32630" in message
    assert ".to_crs('EPSG:27700')" in message
    degrees = gpd.GeoDataFrame(good(), geometry=gpd.points_from_xy(good().x, good().y), crs="EPSG:4326")
    assert "degrees" in refused(degrees)
    right = points.set_crs(CRS, allow_override=True)
    assert len(Events.from_frame(right, crs=CRS, tz=TZ)) == 4


def test_coordinates_beyond_the_projection():
    frame = good(2, x=[-0.1, 500.0], y=[51.5, 100.0])
    message = refused(frame, source_crs="EPSG:4326")
    assert "row 1" in message
    assert "x is the longitude" in message


def test_degrees_are_converted_longitude_first():
    made = Events.from_frame(good(1, x=[-0.1276], y=[51.5072]), crs=CRS, tz=TZ, source_crs="EPSG:4326")
    assert made.x[0] == pytest.approx(530_028, abs=50)
    assert made.y[0] == pytest.approx(180_380, abs=50)


# Times ----------------------------------------------------------------------------------------------------


def test_naive_times_without_a_zone():
    for column in (good().t, pd.to_datetime(good().t)):
        message = refused(good(t=column), tz=None)
        assert "no time zone" in message
        assert "tz='Europe/London'" in message


@pytest.mark.parametrize(
    "column",
    [
        ["2018-05-01T12:00Z"] * 2,
        ["2018-05-01T12:00+01:00"] * 2,
        pd.to_datetime(["2018-05-01 12:00"] * 2).tz_localize("UTC"),
        pd.to_datetime(["2018-05-01 12:00"] * 2).tz_localize(dt.timezone(dt.timedelta(hours=1))),
    ],
    ids=["text UTC", "text offset", "UTC", "offset"],
)
def test_an_offset_does_not_tell_the_wall_clock(column):
    """Days begin by the clock of the place, which +01:00 does not name."""
    message = refused(good(2, t=column), tz=None)
    assert "wall clock of the place" in message
    assert "tz='Europe/London'" in message
    assert Events.from_frame(good(2, t=column), crs=CRS, tz=TZ).happened[0] in (
        np.datetime64("2018-05-01T12:00"),
        np.datetime64("2018-05-01T11:00"),
    )


def test_a_column_with_its_own_place_needs_no_other():
    column = pd.to_datetime(["2018-05-01 12:00"] * 2).tz_localize("America/Toronto")
    made = Events.from_frame(good(2, t=column), crs="EPSG:32617")
    assert made.tz == "America/Toronto"
    assert made.happened[0] == np.datetime64("2018-05-01T16:00")
    # A given zone is that of the days; the moments stay.
    other = Events.from_frame(good(2, t=column), crs="EPSG:32617", tz=TZ)
    assert (other.tz, other.happened[0]) == (TZ, made.happened[0])


@pytest.mark.parametrize(
    "mixed",
    [
        ["2018-05-01T12:00Z", "2018-05-01 12:00"],
        ["2018-05-01T12:00+01:00", "2018-05-01T12:00+02:00"],
        [pd.Timestamp("2018-05-01", tz="UTC"), pd.Timestamp("2018-05-01")],
    ],
)
def test_times_with_and_without_offset(mixed):
    message = refused(good(2, t=pd.Series(mixed, dtype=object)))
    assert "'t'" in message
    assert "pd.to_datetime(df['t']" in message


def test_clock_changes_are_refused_by_row_or_follow_a_policy_and_are_counted():
    t = ["2018-03-25 01:30", "2018-05-01", "2018-10-28 01:30", "2018-10-28 01:15"]
    message = refused(good(4, t=t))
    assert "row 0: 't' does not exist in Europe/London" in message
    assert "nonexistent='shift_forward'" in message
    assert "rows 2, 3: 't' occurs twice" in message
    assert "ambiguous='earlier'" in message
    shown = {}
    for policy in ("earlier", "later"):
        made = Events.from_frame(
            good(4, t=t), crs=CRS, tz=TZ, ambiguous=policy, nonexistent="shift_forward", resolution="minute"
        )
        assert made.clock_changes == {"ambiguous": 2, "nonexistent": 1}
        shown[policy] = made.happened[2:]
        assert made.happened[0] == np.datetime64("2018-03-25T01:00")
    assert (shown["later"] - shown["earlier"] == np.timedelta64(1, "h")).all()
    assert "'t' occurs twice" in refused(good(4, t=t), nonexistent="shift_forward")
    # A table that carries its zone has nothing to guess.
    aware = pd.DatetimeIndex(["2018-03-25 01:30", "2018-10-28 00:30", "2018-10-28 01:30", "2018-05-01"]).tz_localize(
        "UTC"
    )
    made = Events.from_frame(good(4, t=aware), crs=CRS, tz=TZ)
    assert made.clock_changes == {"ambiguous": 0, "nonexistent": 0}


def test_clock_changes_of_every_time_column_are_counted():
    made = Events.from_frame(
        good(1, t=["2018-10-28 01:10"], u=["2018-10-28 01:50"], r=["2018-11-01"]),
        crs=CRS, tz=TZ, happened_until="u", recorded="r", ambiguous="earlier",
    )  # fmt: skip
    assert made.clock_changes["ambiguous"] == 2


@pytest.mark.parametrize("option", [{"ambiguous": "guess"}, {"nonexistent": "later"}, {"resolution": "week"}])
def test_policies_that_do_not_exist(option):
    name, value = next(iter(option.items()))
    message = refused(good(), **option)
    assert f"{name}={value!r}" in message
    assert "choose" in message


@pytest.mark.parametrize("blank", [None, pd.NaT, "", np.nan])
def test_missing_times(blank):
    frame = good().astype({"t": object})
    frame.loc[2, "t"] = blank
    message = refused(frame)
    assert "row 2" in message
    assert "'t' is" in message


def test_nat_in_a_column_of_dates():
    frame = good().assign(t=pd.to_datetime(good().t))
    frame.loc[[0, 3], "t"] = pd.NaT
    assert "rows 0, 3: 't' is missing (NaT)" in refused(frame)


@pytest.mark.parametrize("bad", ["13/05/2018", "yesterday", "2018-02-30", "2018-05-01 25:00", "12:00"])
def test_times_in_another_form(bad):
    """A form that means another day elsewhere is never guessed."""
    frame = good()
    frame.loc[1, "t"] = bad
    message = refused(frame)
    assert "row 1: 't' is not a time in ISO form" in message
    assert "format='...'" in message


@pytest.mark.parametrize("numbers", [[1525176000, 1525176001], [43221.5, 43222.5], [True, False]])
def test_numbers_are_no_times(numbers):
    message = refused(good(2, t=numbers))
    assert "holds numbers" in message
    assert "pd.to_datetime" in message


@pytest.mark.parametrize("far", ["1066-10-14", "9999-12-31", "1699-12-31"])
def test_times_that_cannot_be_meant(far):
    """And that nanoseconds could not tell: they would wrap around to another century."""
    frame = good()
    frame.loc[3, "t"] = far
    message = refused(frame)
    assert "row 3" in message


def test_dates_and_datetimes_of_python():
    column = pd.Series([dt.date(2018, 5, 1), dt.datetime(2018, 5, 1, 12)], dtype=object)
    made = Events.from_frame(good(2, t=column), crs=CRS, tz=TZ)
    assert made.happened.tolist() == np.array(["2018-04-30T23:00", "2018-05-01T11:00"], "datetime64[ns]").tolist()


def test_times_out_of_order():
    frame = good(3, u=["2018-05-01 12:00", "2018-05-01", "2018-05-04"], r=["2018-05-02", "2018-05-03", "2018-05-01"])
    message = refused(frame, happened_until="u", recorded="r")
    assert "row 1: 'u' is before 't'" in message
    assert "row 2: 'r' is before 't'" in message
    assert "cannot be known before it happens" in message


def test_an_end_may_be_blank_but_not_a_time_of_recording():
    frame = good(2, u=["2018-05-01 13:00", None])
    made = Events.from_frame(frame, crs=CRS, tz=TZ, happened_until="u")
    assert made.happened_until[1] == made.happened[1]
    assert "row 1: 'u' is missing" in refused(frame, recorded="u")


# Columns --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"x": "Xcoord"}, "x='Xcoord'"),
        ({"happened": "time"}, "happened='time'"),
        ({"happened": "T"}, "'t'"),
        ({"kind": "MCI"}, "kind='MCI'"),
        ({"id": "uid"}, "id='uid'"),
        ({"recorded": "reported"}, "recorded='reported'"),
        ({"kind": "offense"}, "Did you mean 'offence'?"),
    ],
)
def test_missing_and_misspelt_columns(options, hint):
    message = refused(good(offence="theft"), **options)
    assert hint in message
    assert "'x', 'y', 't', 'offence'" in message


def test_a_column_that_is_there_twice():
    frame = pd.concat([good(), good()[["x"]]], axis=1)
    assert "2 columns named 'x'" in refused(frame)


@pytest.mark.parametrize("blank", [None, np.nan, "", "  "])
def test_a_blank_kind(blank):
    assert "row 1: 'k' is blank" in refused(good(3, k=["a", blank, "b"]), kind="k")


def test_kinds_are_stripped():
    made = Events.from_frame(good(3, k=["a ", "a", " b"]), crs=CRS, tz=TZ, kind="k")
    assert made.kinds == ("a", "b")


def test_an_empty_table():
    message = refused(good(0))
    assert "empty" in message
    assert "observed=[(start, end)]" in message


def test_everything_wrong_is_told_at_once_and_the_frame_is_left_alone():
    frame = good(6).astype({"x": object, "t": object})
    frame.loc[0, "x"] = np.nan
    frame.loc[1, "x"] = "east"
    frame.loc[2, ["x", "y"]] = 0.0
    frame.loc[3, "t"] = None
    frame.loc[4, "t"] = "soon"
    frame.loc[5, "t"] = "2018-10-28 01:30"
    before = frame.copy()
    message = refused(frame)
    for row in range(6):
        assert f"row {row}:" in message
    assert message.count("\n") == 6
    pd.testing.assert_frame_equal(frame, before)
