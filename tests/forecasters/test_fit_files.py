"""Fits on disk: what is loaded predicts the same to the bit, and a file can name nothing but fits."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.netcdf import read_netcdf, write_netcdf


@pytest.fixture(scope="module")
def city():
    rng = np.random.default_rng(8)
    size = 300
    days = pd.Timestamp("2018-01-01") + pd.to_timedelta(np.floor(rng.uniform(0, 90 * 24, size)), unit="h")
    frame = pd.DataFrame({"x": rng.uniform(0, 1500, size), "y": rng.uniform(0, 1000, size), "t": days})
    frame["kind"] = rng.choice(["a", "b"], size)
    events = ppe.Events.from_frame(
        frame, kind="kind", crs="EPSG:27700", tz="Europe/London", ambiguous="earlier", nonexistent="shift_forward"
    )
    grid = ppe.Grid.from_bounds(0, 0, 1400, 1000, cell=250, crs="EPSG:27700")
    nights = ppe.Schedule(start="2018-03-20", end="2018-03-23", tz="Europe/London").windows
    return events, grid, nights


@pytest.mark.parametrize(
    "forecaster",
    [
        ppe.Uniform(),
        ppe.CountMap(half_life="30D"),
        ppe.KDE(bandwidth=300, kernel="quartic", renormalise=True),
        ppe.ProspectiveHotspot(variant="grid"),
        ppe.NearRepeat(kernel="exponential"),
        ppe.SelfExciting(),
    ],
    ids=lambda forecaster: type(forecaster).__name__,
)
def test_a_loaded_fit_predicts_the_same_to_the_bit(forecaster, city, tmp_path):
    events, grid, nights = city
    fitted = forecaster.fit(events, grid, until=nights.until[0])
    ppe.save_fit(fitted, tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    assert again.forecaster == forecaster
    assert again.until == fitted.until
    xr.testing.assert_identical(again.predict(nights), fitted.predict(nights))


def test_what_is_loaded_cannot_be_changed(city, tmp_path):
    events, grid, nights = city
    ppe.save_fit(ppe.CountMap().fit(events, grid, until=nights.until[0]), tmp_path / "fit.nc")
    again = ppe.load_fit(tmp_path / "fit.nc")
    with pytest.raises(ValueError, match="read-only"):
        again.rate[:] = 0


def test_a_file_cannot_name_another_class(city, tmp_path):
    events, grid, nights = city
    path = tmp_path / "fit.nc"
    ppe.save_fit(ppe.Uniform().fit(events, grid, until=nights.until[0]), path)
    data = read_netcdf(path, "predpol_eval.fit/1")
    tree = json.loads(data.attrs["tree"])
    tree["class"] = "Popen"
    data.attrs["tree"] = json.dumps(tree)
    write_netcdf(data, path)
    with pytest.raises(ppe.InputError, match="'Popen', which is not part of a fit"):
        ppe.load_fit(path)


def test_other_files_and_other_fits_are_refused(city, tmp_path):
    events, grid, nights = city
    grid.save(tmp_path / "grid.nc")
    with pytest.raises(ppe.InputError, match="schema"):
        ppe.load_fit(tmp_path / "grid.nc")
    surface = ppe.forecast(ppe.CountMap(), events, grid, nights)
    replay = ppe.External(surface=surface).fit(events, grid, until=nights.until[0])
    with pytest.raises(ppe.InputError, match="save_surface"):
        ppe.save_fit(replay, tmp_path / "fit.nc")
    assert not (tmp_path / "fit.nc").exists()
