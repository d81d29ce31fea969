"""A store that somebody else made, or that was damaged, is refused with what is wrong, before it is loaded."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import cloudpickle
import dask
import numpy as np
import pytest
import xarray as xr
import zarr

import predpol_eval as ppe
from predpol_eval.surface_stores import chunks, forecast_to_zarr, forecasting, open_surfaces
from tests.backtests import cities

ROOT = Path(__file__).resolve().parents[2]
CITY = cities.city(cities.raw(4, crimes=150), start="2018-02-26", end="2018-03-04")
GIVEN = (CITY.events, CITY.grid, CITY.schedule)
CHUNK = "risk/c/2/0/0"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A sound store."""
    folder = tmp_path_factory.mktemp("made")
    forecast_to_zarr(ppe.CountMap(), *GIVEN, folder)
    return folder


@pytest.fixture
def store(made, tmp_path):
    """A copy of it, to be spoilt."""
    shutil.copytree(made, tmp_path / "store")
    return tmp_path / "store"


def change(path: Path, **parts: object) -> None:
    """Change some of the metadata of a file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_opening_loads_no_night(store):
    for night in range(6):
        (store / "risk" / "c" / str(night) / "0" / "0").unlink()
    risk = open_surfaces(store)
    assert risk.shape == (6, *CITY.grid.shape)
    assert risk.attrs["forecaster"] == "CountMap()"
    assert ppe.Windows.from_coords(risk) == CITY.schedule.windows
    with pytest.raises(ppe.InputError, match=r"risk/c/3/0/0 of 'store' is damaged \(.*No such file"):
        risk[3].load()


def test_it_can_be_opened_under_another_working_folder(made, tmp_path, monkeypatch):
    monkeypatch.chdir(made.parent)
    risk = open_surfaces(made.name)
    sent = cloudpickle.dumps(risk)
    monkeypatch.chdir(tmp_path)
    xr.testing.assert_identical(cloudpickle.loads(sent).load(), ppe.forecast(ppe.CountMap(), *GIVEN))


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_any_scheduler_gives_the_same_bits(made, scheduler):
    with dask.config.set(scheduler=scheduler):
        found = open_surfaces(made).load()
    assert found.to_numpy().tobytes() == ppe.forecast(ppe.CountMap(), *GIVEN).to_numpy().tobytes()


def test_a_part_is_read_by_itself(store):
    risk = open_surfaces(store)
    for night in (0, 1, 3, 4, 5):
        (store / "risk" / "c" / str(night) / "0" / "0").write_bytes(b"")
    expected = ppe.forecast(ppe.CountMap(), *GIVEN)
    assert risk[2].to_numpy().tobytes() == expected[2].to_numpy().tobytes()
    assert float(risk[2, 4, 5]) == float(expected[2, 4, 5])
    xr.testing.assert_equal(risk[2:3, 1:4, [5, 2]].load(), expected[2:3, 1:4, [5, 2]])


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip(content: bytes) -> bytes:
    return content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]


@pytest.mark.parametrize(("spoil", "told"), [
    (cut, "checksum"),
    (flip, "checksum"),
    (lambda content: b"", "unpack requires"),
    (lambda content: bytes(16) + content[16:], "it says that it holds 0 bytes"),
    (lambda content: content[:4] + struct.pack("<I", 2**31) + content[8:], "it says that it holds 2,147,483,648 bytes"),
], ids=["cut", "flipped", "empty", "no header", "bomb"])  # fmt: skip
def test_a_damaged_night_is_refused_and_can_be_made_again(store, spoil, told):
    path = store / CHUNK
    path.write_bytes(spoil(path.read_bytes()))
    risk = open_surfaces(store)
    risk[:2].load()
    with pytest.raises(
        ppe.InputError, match=rf"{CHUNK} of 'store' is damaged \(.*{told}.*delete the mark finished/c/2"
    ):
        risk.load()
    (store / "finished" / "c" / "2").unlink()
    found = forecast_to_zarr(ppe.CountMap(), *GIVEN, store)
    xr.testing.assert_identical(found.load(), ppe.forecast(ppe.CountMap(), *GIVEN))


def test_a_damaged_coordinate_is_refused(store):
    path = store / "inside_m2" / "c" / "0" / "0"
    path.write_bytes(flip(path.read_bytes()))
    with pytest.raises(ppe.InputError, match=r"inside_m2/c/0/0 of 'store' is damaged .*make the store again"):
        open_surfaces(store)


PICKLES = [{"name": "numcodecs.pickle", "configuration": {"protocol": 5}}]


@pytest.mark.parametrize(("name", "parts", "told"), [
    ("risk", {"shape": [10**9, *CITY.grid.shape]}, r"says that it holds 1,000,000,000 windows"),
    ("risk", {"shape": [6, 10**6, 10**6]}, r"of 1,000,000,000,000 cells; the most are .* nothing of it is loaded"),
    ("risk", {"shape": [6, -1, 3]}, r"have shape \[6, -1, 3\]"),
    ("risk", {"shape": [6, True, 3]}, "have shape"),
    ("risk", {"shape": "large"}, "have shape 'large'"),
    ("inside_m2", {"shape": [10**6, 10**6]}, r"'inside_m2' .* another shape .*\[1000000, 1000000\] instead of"),
    ("inside_m2", {"data_type": "float32"}, "'inside_m2' .* another data_type"),
    ("risk", {"data_type": "variable_length_utf8"}, "'risk' .* another data_type"),
    ("risk", {"codecs": PICKLES}, "'risk' .* another codecs .*numcodecs.pickle"),
    ("window", {"codecs": PICKLES}, "'window' .* another codecs"),
    ("risk", {"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}}}, "another chunk_key_encoding"),
    ("risk", {"storage_transformers": [{"name": "mine"}]}, "another storage_transformers"),
    ("risk", {"zarr_format": 2}, "another zarr_format"),
    ("risk", {"mine": {"must_understand": True}}, "another mine"),
    ("risk", {"attributes": []}, "does not hold metadata"),
    ("risk", {"attributes": {"kind": "certainty"}}, "are of kind 'certainty'"),
    (".", {"attributes": {"schema": "predpol_eval.surfaces/9"}}, "holds schema 'predpol_eval.surfaces/9'"),
    (".", {"attributes": {}}, r"holds schema None .*xarray.open_zarr"),
])  # fmt: skip
def test_metadata_that_are_not_this_librarys_are_refused(store, name, parts, told):
    change(store / name / "zarr.json", **parts)
    with pytest.raises(ppe.InputError, match=rf"(?s){told}"):
        open_surfaces(store)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "null"])
def test_metadata_that_are_no_object_are_refused(store, content):
    (store / "y" / "zarr.json").write_text(content)
    with pytest.raises(ppe.InputError, match=r"y/zarr\.json"):
        open_surfaces(store)


def test_metadata_of_absurd_size_are_not_read(store):
    with (store / "zarr.json").open("r+b") as handle:
        handle.truncate(20_000_000)
    with pytest.raises(ppe.InputError, match=r"has 20,000,000 bytes"):
        open_surfaces(store)


@pytest.mark.parametrize("linked", [CHUNK, "risk/c", "risk", "x/zarr.json", "x", "finished", "zarr.json"])
def test_links_out_of_the_store_are_not_followed(store, tmp_path, linked):
    elsewhere = tmp_path / "elsewhere"
    (store / linked).rename(elsewhere)
    (store / linked).symlink_to(elsewhere)
    before = sorted(path.name for path in elsewhere.rglob("*"))
    with pytest.raises(ppe.InputError, match="is a link to a place outside the store"):
        open_surfaces(store).load()
    for mark in (store / "finished" / "c").iterdir():
        mark.unlink()
    before = sorted(path.name for path in elsewhere.rglob("*"))
    with pytest.raises(ppe.InputError, match="is a link to a place outside the store"):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, store)
    assert sorted(path.name for path in elsewhere.rglob("*")) == before


def test_the_store_itself_may_be_reached_by_a_link(made, tmp_path):
    (tmp_path / "link").symlink_to(made)
    assert open_surfaces(tmp_path / "link").load().sizes["window"] == 6


def test_what_is_no_store_is_said_so(tmp_path):
    for name in ("nothing", "."):
        with pytest.raises(ppe.InputError, match=r"There is no store of surfaces .*ppe\.forecast_to_zarr"):
            open_surfaces(tmp_path / name)
    (tmp_path / "risk.nc").touch()
    with pytest.raises(ppe.InputError, match=r"is a file.*ppe\.load_surface"):
        open_surfaces(tmp_path / "risk.nc")
    zarr.create_array(str(tmp_path / "other"), shape=(2,), dtype="f8")
    with pytest.raises(ppe.InputError, match="holds schema None"):
        open_surfaces(tmp_path / "other")


def test_the_other_ways_to_save_name_this_one(made, tmp_path):
    with pytest.raises(ppe.InputError, match=r"is a folder; .*ppe\.open_surfaces"):
        ppe.load_surface(made)
    with pytest.raises(ppe.InputError, match=r"asks for Zarr.*ppe\.forecast_to_zarr"):
        ppe.save_surface(ppe.forecast(ppe.CountMap(), *GIVEN), tmp_path / "risk.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_which_no_night_is_finished_has_none(store):
    shutil.rmtree(store / "finished" / "c")
    risk = open_surfaces(store, unfinished=True)
    assert risk.shape == (0, *CITY.grid.shape)


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from tests.surface_stores import test_forecasting as here
for ask in (lambda: here.open_surfaces(sys.argv[2]), lambda: here.forecast_to_zarr(None, *here.GIVEN, sys.argv[3])):
    try:
        ask()
    except here.ppe.InputError as error:
        print(error)
"""


@pytest.mark.parametrize("missing", ["zarr", "dask"])
def test_a_missing_extra_is_named_before_any_work(made, tmp_path, missing):
    command = [sys.executable, "-c", WITHOUT, missing, str(made), str(tmp_path / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("Stores of surfaces need zarr and dask, which are not installed") == 2
    assert done.stdout.count("python -m pip install 'predpol-eval[cluster]'") == 2
    assert list(tmp_path.iterdir()) == []


def test_an_attribute_is_kept_as_plain_text_or_number():
    values = {"text": "é", "whole": 3, "share": 0.1, "list": [1, 2.5, "x"], "nothing": None}
    for name, value in values.items():
        assert forecasting._plain(value, name) == value
    assert forecasting._plain(np.float64(0.1), "share") == 0.1
    assert forecasting._plain(np.array([1, 2]), "list") == [1, 2]
    with pytest.raises(ppe.InputError, match=r"attrs\['mine'\] is a set"):
        forecasting._plain({1}, "mine")


def test_chunks_are_as_large_as_a_night(made):
    assert chunks.opened(made, "risk", "r").chunks == (1, *CITY.grid.shape)
    assert len(list((made / "risk" / "c").iterdir())) == 6
