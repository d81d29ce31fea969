"""Tallies as files: back to the bit, texts and all, or refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from predpol_eval import CountMap, Coverage, Grid, InputError, TopCells, Uniform, make_surface, tally
from predpol_eval.schedule import Schedule
from predpol_eval.tally_files import load_tally, save_tally


def some_tally() -> xr.Dataset:
    """A tally of two forecasters, with a failed night and awkward texts."""
    grid = Grid.from_bounds(0, 0, 1000, 700, cell=250, crs="EPSG:27700", label="Ω-town")
    windows = Schedule(start="2018-10-26", end="2018-10-30", tz="Europe/London").windows
    generator = np.random.default_rng(4)
    budgets = [TopCells(2), Coverage(0.1)]
    parts = []
    for name in (str(Uniform()), str(CountMap())):
        risk = make_surface(generator.random((4, 3, 4)) / 3, grid, windows, kind="expected_count")
        crimes = risk.copy(data=generator.poisson(0.3, (4, 3, 4)).astype(float)).rename("count")
        parts.append(tally(risk, crimes, budgets, grid).expand_dims(forecaster=np.array([name], dtype=object)))
    made = xr.concat(parts, "forecaster")
    for variable in made.data_vars.values():
        if variable.dtype.kind == "f":
            variable[{"forecaster": 0, "window": 1}] = np.nan
    made["status"][0, 1] = "failed"
    made["reason"][0, 1] = 'EM did not converge\n"é", λ = 3; =1+1'
    return made


def test_a_tally_comes_back_to_the_bit(tmp_path):
    made = some_tally()
    save_tally(made, tmp_path / "results.nc")
    back = load_tally(tmp_path / "results.nc")
    assert back.identical(made)
    assert list(back.data_vars) == list(made.data_vars)
    for name in made.variables:
        assert back[name].dtype == made[name].dtype, name
        assert back[name].dims == made[name].dims, name
        if made[name].dtype.kind == "f":
            assert back[name].to_numpy().tobytes() == made[name].to_numpy().tobytes(), name
    assert {name: type(value) for name, value in back.attrs.items()} == {
        name: type(value) for name, value in made.attrs.items()
    }
    assert "schema" not in made.attrs


def test_sums_come_back_too(tmp_path):
    sums = some_tally().sum(["window", "area"])
    save_tally(sums, tmp_path / "sums.nc")
    assert load_tally(tmp_path / "sums.nc").identical(sums)


def test_a_packed_tally_is_not_packed_again(tmp_path):
    made = some_tally()
    made["hits"].encoding = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}
    made["boxes"] = made["boxes"].fillna(0).astype(np.int64)
    made["boxes"].encoding = {"dtype": "int8", "scale_factor": 100.0}
    save_tally(made, tmp_path / "results.nc")
    back = load_tally(tmp_path / "results.nc")
    assert back["hits"].equals(made["hits"])
    assert back["boxes"].dtype == np.int64
    assert back["boxes"].equals(made["boxes"])
    assert made["hits"].encoding["dtype"] == "int16"


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "results.nc"
    save_tally(some_tally(), path)
    before = path.read_bytes()
    broken = some_tally().assign_attrs(cannot={"be": "stored"})
    with pytest.raises(TypeError):
        save_tally(broken, path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.nc"]


def test_other_things_are_refused(tmp_path):
    with pytest.raises(InputError, match="Expected a tally with hits and events, found DataArray"):
        save_tally(some_tally()["hits"], tmp_path / "results.nc")
    with pytest.raises(InputError, match="no file results"):
        load_tally(tmp_path / "results.nc")
    xr.Dataset({"hits": 1.0}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(InputError, match=r"schema None but 'predpol_eval\.tally/1'"):
        load_tally(tmp_path / "other.nc")


def test_another_format_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"tally.zarr asks for Zarr.*\.nc"):
        save_tally(some_tally(), tmp_path / "tally.zarr")
    assert not list(tmp_path.iterdir())
