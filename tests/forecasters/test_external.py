"""External: replayed to the bit, never ahead of its time, never filled up, and refused by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import predpol_eval as ppe
from predpol_eval.forecasters import identity
from predpol_eval.schedule import Windows

CRS = "EPSG:27700"
TZ = "Europe/London"
GRID = ppe.Grid.from_bounds(1000, 2000, 1900, 2700, cell=200, crs=CRS)


def nights(start="2018-05-01", end="2018-05-08", **kwargs):
    return ppe.Schedule(start=start, end=end, tz=TZ, **kwargs).windows


def surface(windows=None, kind="expected_count", seed=0, grid=GRID):
    windows = nights() if windows is None else windows
    values = np.random.default_rng(seed).random((len(windows), *grid.shape))
    return ppe.make_surface((values > 0.8) if kind == "flags" else values, grid, windows, kind=kind, forecaster="X")


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(1)
    times = pd.date_range("2018-04-01", "2018-05-09", periods=150).round("h")
    frame = pd.DataFrame({"t": times, "x": rng.uniform(900, 2000, 150), "y": rng.uniform(1900, 2800, 150)})
    return ppe.Events.from_frame(frame, crs=CRS, tz=TZ, observed=[("2018-04-01", "2018-05-10")])


def replayed(form, events, windows=None):
    windows = nights() if windows is None else windows
    return ppe.forecast(form, events, GRID, windows)


# Replaying ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["expected_count", "score", "flags"])
def test_surfaces_come_back_to_the_bit(events, tmp_path, kind):
    made = surface(kind=kind)
    ppe.save_surface(made, tmp_path / "vendor.nc")
    form = ppe.External.from_file(tmp_path / "vendor.nc", name="vendor A")
    found = replayed(form, events)
    assert found.to_numpy().tobytes() == made.to_numpy().tobytes()
    assert found.attrs["kind"] == kind
    assert found.attrs["forecaster"] == "vendor A"
    assert Windows.from_coords(found) == Windows.from_coords(made)
    assert identity(form) == identity(ppe.External(surface=made, name="vendor A"))


def test_a_saved_kde_has_the_tally_of_the_kde(events, tmp_path):
    windows = nights()
    ppe.save_surface(ppe.forecast(ppe.KDE(bandwidth=300), events, GRID, windows), tmp_path / "kde.nc")
    both = {"KDE": ppe.KDE(bandwidth=300), "replayed": ppe.External.from_file(tmp_path / "kde.nc")}
    budgets = [ppe.TopCells(3), ppe.Coverage(0.1)]
    out = ppe.backtest(both, events, GRID, windows, budgets=budgets, progress=False)
    assert (out.status == "ok").all()
    for name, values in out.data_vars.items():
        if "forecaster" in values.dims and name not in ("status", "reason"):
            one, two = values.sel(forecaster="KDE"), values.sel(forecaster="replayed")
            assert one.to_numpy().tobytes() == two.to_numpy().tobytes(), name
    assert float(out.hits.sum()) > 0


def test_windows_may_be_asked_for_in_any_order_and_number():
    form = ppe.External(surface=surface())
    fitted = form.fit(no_events(), GRID, until=nights().start[-1])
    given = form.surface.to_numpy()
    late = fitted.predict(nights()[[6]])
    assert np.array_equal(late, given[[6]])
    early = form.fit(no_events(), GRID, until=nights().start[0])
    assert np.array_equal(early.predict(nights()[:1]), given[:1])


def no_events():
    frame = pd.DataFrame({"t": ["2018-04-01"], "x": 1100.0, "y": 2100.0})
    return ppe.Events.from_frame(frame, crs=CRS, tz=TZ)


def test_dimensions_may_come_in_any_order(events):
    made = surface()
    assert np.array_equal(replayed(ppe.External(surface=made.transpose("x", "window", "y")), events), made)


def test_what_becomes_of_the_original_does_not_matter(events):
    made = surface()
    before = made.to_numpy().copy()
    form = ppe.External(surface=made)
    known_as = identity(form)
    made[:] = 0.0
    assert np.array_equal(replayed(form, events), before)
    assert identity(form) == known_as == identity(ppe.External(surface=surface()))
    with pytest.raises(ValueError, match="read-only"):
        form.surface[0, 0, 0] = 1.0


def test_identity_follows_the_content():
    base = identity(ppe.External(surface=surface()))
    others = [
        ppe.External(surface=surface(seed=1)),
        ppe.External(surface=surface(), name="another"),
        ppe.External(surface=surface(kind="score")),
        ppe.External(surface=surface(nights(lead="2h"))),
        ppe.External(surface=surface(nights("2018-06-01", "2018-06-08"))),
    ]
    assert len({base, *map(identity, others)}) == 6


# In time --------------------------------------------------------------------------------------------------------------


def test_a_surface_made_after_until_is_refused(events):
    # Made when the night began; asked for as if it had been there two hours before.
    form = ppe.External(surface=surface(), name="vendor")
    with pytest.raises(
        ppe.InputError,
        match=r"surfaces of 'vendor' for the windows starting 2018-05-01 were made at 2018-04-30T23:00:00.000000000 "
        r"UTC, after 2018-04-30T21:00:00.000000000 UTC",
    ):
        replayed(form, events, nights(lead="2h"))
    assert replayed(ppe.External(surface=surface(nights(lead="3h"))), events, nights(lead="2h")).sizes["window"] == 7
    assert replayed(ppe.External(surface=surface(nights(lead="2h"))), events, nights(lead="2h")).sizes["window"] == 7


def test_a_week_cannot_be_forecast_at_its_start_with_surfaces_made_nightly():
    fitted = ppe.External(surface=surface()).fit(no_events(), GRID, until="2018-05-01")
    assert fitted.predict(nights()[:1]).sizes["window"] == 1
    with pytest.raises(ppe.InputError, match=r"starting 2018-05-02, 2018-05-03, .* and 1 more were made at"):
        fitted.predict(nights())


def test_windows_before_until_are_refused():
    fitted = ppe.External(surface=surface()).fit(no_events(), GRID, until="2018-05-03")
    with pytest.raises(ppe.InputError, match="start before the moment the forecaster was fitted"):
        fitted.predict(nights()[:1])


def test_missing_windows_are_named(events):
    form = ppe.External(surface=surface(nights("2018-05-01", "2018-05-04")), name="vendor")
    with pytest.raises(ppe.InputError, match="'vendor' has no surface for the windows starting 2018-05-04"):
        replayed(form, events)
    with pytest.warns(ppe.PredPolWarning, match="v failed on 4 of 7 nights"):
        out = ppe.backtest({"v": form}, events, GRID, nights(), budgets=ppe.TopCells(2), progress=False)
    assert (out.status == "ok").sum() == 3
    assert "has no surface" in str(out.reason.squeeze()[-1].item())


def test_windows_of_another_length_are_refused(events):
    form = ppe.External(surface=surface(nights(horizon="2D")))
    with pytest.raises(ppe.InputError, match="starting 2018-05-01 end at another time than the schedule's"):
        replayed(form, events)


# The right grid -------------------------------------------------------------------------------------------------------


def test_another_grid_is_refused(events):
    for bounds in [(1000, 2000, 1900, 2701), (1200, 2000, 2100, 2700), (1000, 2000, 2900, 2700)]:
        other = ppe.Grid.from_bounds(*bounds, cell=200, crs=CRS)
        with pytest.raises(ppe.NotComparableError, match="'external' were made on another grid"):
            replayed(ppe.External(surface=surface(grid=other)), events)


def unsigned(**changes):
    """A surface that somebody made without our help: no fingerprint of a grid."""
    made = surface()
    del made.attrs["grid"]
    return made.assign_coords(**changes) if changes else made


def test_a_surface_without_a_fingerprint_must_lie_on_the_cell_centres(events):
    assert np.array_equal(replayed(ppe.External(surface=unsigned()), events), surface())
    shifted = unsigned(x=GRID.x + 100)
    with pytest.raises(ppe.NotComparableError, match="The x of the surfaces of 'external' are not the cell centres"):
        replayed(ppe.External(surface=shifted), events)
    upside_down = unsigned().isel(y=slice(None, None, -1))
    with pytest.raises(ppe.NotComparableError, match="row 0 in the south"):
        replayed(ppe.External(surface=upside_down), events)
    without = unsigned().drop_vars("x")
    with pytest.raises(ppe.NotComparableError, match="The x of the surfaces"):
        replayed(ppe.External(surface=without), events)


# What is not a surface ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((1, 4, 5)), "found ndarray. Use External.from_file"),
        (None, "found NoneType"),
        (xr.DataArray(np.zeros((4, 5)), dims=("y", "x")), r"found \('y', 'x'\)"),
    ],
)
def test_what_is_not_a_surface_is_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.External(surface=wrong)


def test_several_forecasters_at_once_are_refused():
    with pytest.raises(
        ppe.InputError, match=r"found \('forecaster', 'window', 'y', 'x'\).*or select one forecaster first"
    ):
        ppe.External(surface=surface().expand_dims("forecaster"))


@pytest.mark.parametrize("kind", [None, "risk", ""])
def test_a_surface_of_no_kind_is_refused(kind):
    with pytest.raises(
        ppe.InputError, match=r"attrs\['kind'\] is .*; expected one of 'expected_count', 'score', 'flags'"
    ):
        ppe.External(surface=surface().assign_attrs(kind=kind))


def test_two_surfaces_for_one_window_are_refused():
    twice = xr.concat([surface(), surface(nights()[:1])], dim="window")
    with pytest.raises(ppe.InputError, match="1 windows have more than one surface, the first 2018-04-30T23:00"):
        ppe.External(surface=twice)


def test_a_surface_without_times_is_refused():
    with pytest.raises(ppe.InputError, match="window_end"):
        ppe.External(surface=surface().drop_vars("window_end"))


@pytest.mark.parametrize(("value", "message"), [(np.nan, "missing or infinite"), (-1.0, "negative")])
def test_numbers_that_are_not_allowed_are_refused(events, value, message):
    made = surface()
    made[2, 1, 1] = value
    form = ppe.External(surface=made)
    assert replayed(form, events, nights()[:2]).sizes["window"] == 2
    with pytest.raises(ppe.InputError, match=message):
        replayed(form, events)


def test_a_file_that_is_not_a_surface_is_refused(tmp_path):
    with pytest.raises(ppe.InputError, match=r"nowhere\.nc"):
        ppe.External.from_file(tmp_path / "nowhere.nc")
    GRID.save(tmp_path / "grid.nc")
    with pytest.raises(ppe.InputError, match=r"grid\.nc"):
        ppe.External.from_file(tmp_path / "grid.nc")


# From a list of boxes -------------------------------------------------------------------------------------------------


def boxes(**columns):
    frame = {
        "window": ["2018-05-01", "2018-05-01", "2018-05-03"],
        "x": [1100.0, 1300.0, 1899.0],
        "y": [2100.0, 2100.0, 2699.0],
    }
    return pd.DataFrame(frame | columns)


def test_a_list_of_boxes_becomes_flags(events):
    form = ppe.External.from_table(boxes(), GRID, nights(), name="vendor")
    found = replayed(form, events)
    assert found.attrs["kind"] == "flags"
    assert found.sel(window=nights().start[0]).to_numpy()[0, :3].tolist() == [1.0, 1.0, 0.0]
    assert found.to_numpy()[2, 3, 4] == 1.0
    assert float(found.sum()) == 3, "a window without rows has nothing flagged"


def test_flags_are_never_filled_up(events):
    form = ppe.External.from_table(boxes(), GRID, nights())
    out = ppe.backtest({"v": form}, events, GRID, nights(), budgets=[ppe.Flags(max_m2=200_000)], progress=False)
    assert (out.status == "ok").all()
    assert_allclose(out.flagged_m2.sum("area").squeeze().to_numpy(), [80_000, 0, 100 * 100, 0, 0, 0, 0])
    ranked = ppe.backtest({"v": form}, events, GRID, nights(), budgets=[ppe.TopCells(10)], progress=False)
    # Under TopCells flags are either refused or taken as they are; a zero is never a cell to fill up with.
    flagged = np.nan_to_num(ranked.boxes.sum("area").squeeze().to_numpy())
    assert (flagged <= [2, 0, 1, 0, 0, 0, 0]).all()


def test_a_list_with_risks_becomes_scores(events):
    form = ppe.External.from_table(boxes(risk=[0.5, "2.5", 0]), GRID, nights(), risk="risk")
    found = replayed(form, events)
    assert found.attrs["kind"] == "score"
    assert found.to_numpy()[0, 0, :3].tolist() == [0.5, 2.5, 0.0]


def test_columns_may_have_other_names_and_times_a_zone():
    frame = boxes().rename(columns={"window": "night", "x": "east", "y": "north"})
    frame["night"] = pd.to_datetime(frame["night"]).dt.tz_localize(TZ)
    form = ppe.External.from_table(frame, GRID, nights(), window="night", x="east", y="north")
    assert identity(form) == identity(ppe.External.from_table(boxes(), GRID, nights()))


def test_a_box_is_known_by_any_point_in_it():
    corner = boxes(x=[1000.0, 1399.999, 1800.0], y=[2000.0, 2199.999, 2600.0])
    assert identity(ppe.External.from_table(corner, GRID, nights())) == identity(
        ppe.External.from_table(boxes(), GRID, nights())
    )


def test_a_night_shift_is_named_by_its_local_start():
    windows = nights(at="22:00", horizon="8h")
    frame = boxes(window=["2018-05-01 22:00", "2018-05-01T22:00", "2018-05-03 22:00"])
    form = ppe.External.from_table(frame, GRID, windows)
    assert form.surface.sum(["x", "y"]).to_numpy().tolist() == [2, 0, 1, 0, 0, 0, 0]


def test_no_boxes_at_all_is_nothing_flagged():
    form = ppe.External.from_table(boxes().iloc[:0], GRID, nights())
    assert float(form.surface.sum()) == 0


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"window": ["2018-05-01", "2018-05-09", "2018-05-03"]},
            "row 1 are of a window that is not in the schedule",
        ),
        ({"window": ["2018-04-30", "2018-05-01 12:00", "2018-05-03"]}, "rows 0, 1 are of a window"),
        ({"x": [1100.0, 5000.0, np.nan]}, "rows 1, 2 name a place in no cell of the study area"),
        ({"x": [1100.0, "here", 1899.0]}, "row 1 name a place in no cell"),
        ({"x": [1100.0, 1101.0, 1899.0]}, "rows 0, 1 name a box that another row of the same window names too"),
        ({"risk": [1.0, -0.5, np.nan]}, "rows 1, 2 have a risk that is not a number from 0"),
        ({"risk": [1.0, np.inf, "much"]}, "rows 1, 2 have a risk"),
    ],
)
def test_boxes_that_cannot_be_used_are_refused_by_row(columns, message):
    risk = "risk" if "risk" in columns else None
    with pytest.raises(ppe.InputError, match=rf"\(rows are counted from 0\): {message}"):
        ppe.External.from_table(boxes(**columns), GRID, nights(), risk=risk)


def test_all_faults_are_told_at_once():
    frame = boxes(window=["2018-05-01", "2019-05-01", "2018-05-01"], x=[1100.0, 1300.0, 9999.0], risk=[-1.0, 1.0, 1.0])
    with pytest.raises(ppe.InputError) as caught:
        ppe.External.from_table(frame, GRID, nights(), risk="risk")
    for part in ("row 1 are of a window", "row 2 name a place in no cell", "row 0 have a risk"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", ["window", "x", "risk"])
def test_a_missing_column_is_named(name):
    frame = boxes(risk=1.0).drop(columns=name)
    with pytest.raises(ppe.InputError, match=f"'{name}'"):
        ppe.External.from_table(frame, GRID, nights(), risk="risk")


@pytest.mark.parametrize("value", ["soon", None, "2018-13-01"])
def test_a_window_that_is_no_time_is_named_by_row(value):
    with pytest.raises(ppe.InputError, match="row 1: 'window'"):
        ppe.External.from_table(boxes(window=["2018-05-01", value, "2018-05-03"]), GRID, nights())


def test_no_windows_is_refused():
    with pytest.raises(ppe.InputError, match="window"):
        ppe.External.from_table(boxes(), GRID, nights()[:0])
