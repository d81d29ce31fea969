"""A store of surfaces is filled night by night, goes on after an interruption, and is what it was begun for."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from predpol_eval.forecasters.many_nights import has_own_way, surfaces
from predpol_eval.surface_stores import chunks, forecast_to_zarr, forecasting, open_surfaces
from predpol_eval.surface_stores.layout import FINISHED, METADATA, marked
from tests.backtests import cities
from tests.backtests.misbehaving import FailsOn, HoldsALock, Returns

ROOT = Path(__file__).resolve().parents[2]
CITY = cities.city(cities.raw(4, crimes=150), start="2018-02-26", end="2018-03-14")
GIVEN = (CITY.events, CITY.grid, CITY.schedule)
NIGHTS = len(CITY.schedule.windows)
NEAR = ppe.SelfExciting(refit="14D") if "refit" in ppe.SelfExciting.__dataclass_fields__ else ppe.SelfExciting()


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A count map that writes down every night that it is asked for."""

    folder: str = field(repr=False)
    inner: Any = field(default_factory=ppe.CountMap)
    stop: str = field(default="", repr=False)

    @property
    def fingerprint(self) -> str:
        return repr(self.inner)

    def fit(self, events, grid, *, until):
        if self.stop and str(until) >= self.stop:
            raise KeyboardInterrupt
        Path(self.folder, str(until).replace(":", "")).touch()
        return self.inner.fit(events, grid, until=until)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file of a store."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("forecaster", [ppe.CountMap(), ppe.NearRepeat(), ppe.Uniform()], ids=repr)
def test_what_is_opened_is_what_forecast_gives(tmp_path, forecaster):
    expected = ppe.forecast(forecaster, *GIVEN)
    made = forecast_to_zarr(forecaster, *GIVEN, tmp_path / "store.zarr")
    opened = open_surfaces(tmp_path / "store.zarr")
    for found in (made, opened):
        assert found.chunks == ((1,) * NIGHTS, (CITY.grid.shape[0],), (CITY.grid.shape[1],))
        loaded = found.load()
        if has_own_way(forecaster):
            xr.testing.assert_allclose(loaded, expected, rtol=1e-9)
            assert loaded.attrs == expected.attrs
        else:
            xr.testing.assert_identical(loaded, expected)
            assert loaded.to_numpy().tobytes() == expected.to_numpy().tobytes()
        for name, coord in expected.coords.items():
            assert loaded.coords[name].dtype == coord.dtype
            assert loaded.coords[name].attrs == coord.attrs
    ppe.check_surface(opened, CITY.grid)


def test_blocks_of_nights_are_forecast_together_as_in_a_backtest(tmp_path):
    assert has_own_way(NEAR)
    found = forecast_to_zarr(NEAR, *GIVEN, tmp_path).load()
    for start in range(0, NIGHTS, 7):
        block = CITY.schedule.windows[start : start + 7]
        expected = surfaces(NEAR, CITY.events, CITY.grid, block)
        assert found[start : start + 7].to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_nights_that_would_not_fit_together_are_forecast_by_themselves(tmp_path, monkeypatch):
    monkeypatch.setattr(forecasting, "MOST_AT_ONCE", CITY.grid.mask.size * 7 - 1)
    found = forecast_to_zarr(NEAR, *GIVEN, tmp_path).load()
    xr.testing.assert_identical(found, ppe.forecast(NEAR, *GIVEN))


def test_other_software_reads_the_same(tmp_path):
    made = forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path).load()
    with xr.open_zarr(tmp_path) as data:
        assert (data["finished"] == 1).all()
        xr.testing.assert_equal(data["risk"].load(), made)
        assert data["risk"].window.dtype == "datetime64[ns]"
        assert data.attrs["schema"] == "predpol_eval.surfaces/1"


def test_a_surface_can_be_saved_and_replayed(tmp_path):
    risk = forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path / "store")
    ppe.save_surface(risk, tmp_path / "risk.nc")
    xr.testing.assert_identical(ppe.load_surface(tmp_path / "risk.nc"), risk.load())
    replay = ppe.External(surface=open_surfaces(tmp_path / "store"), name="again")
    shutil.rmtree(tmp_path / "store")
    assert ppe.forecast(replay, *GIVEN).equals(risk)


@pytest.mark.parametrize("stop", [0, 1, 5, 7, 15])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path, stop):
    asked, store = tmp_path / "asked", tmp_path / "store"
    asked.mkdir()
    until = [str(moment) for moment in CITY.schedule.windows.until]
    with pytest.raises(KeyboardInterrupt):
        forecast_to_zarr(Counted(folder=str(asked), stop=until[stop]), *GIVEN, store)
    assert marked(store) == set(range(stop))
    assert len(list(asked.iterdir())) == stop
    kept = snapshot(store)
    if stop:
        with pytest.raises(ppe.InputError, match=rf"{NIGHTS - stop} of {NIGHTS} nights of 'store' are not finished"):
            open_surfaces(store)
        some = open_surfaces(store, unfinished=True)
        assert some.sizes["window"] == stop
        xr.testing.assert_equal(some.load(), ppe.forecast(ppe.CountMap(), *GIVEN)[:stop])
    for path in asked.iterdir():
        path.unlink()
    found = forecast_to_zarr(Counted(folder=str(asked)), *GIVEN, store)
    assert len(list(asked.iterdir())) == NIGHTS - stop
    assert {name: content for name, content in snapshot(store).items() if name in kept} == kept
    xr.testing.assert_equal(found.load(), ppe.forecast(ppe.CountMap(), *GIVEN))


def test_a_full_store_is_not_made_again(tmp_path):
    asked, store = tmp_path / "asked", tmp_path / "store"
    asked.mkdir()
    forecast_to_zarr(Counted(folder=str(asked)), *GIVEN, store)
    shutil.rmtree(asked)
    before = snapshot(store)
    forecast_to_zarr(Counted(folder=str(asked)), *GIVEN, store)
    assert snapshot(store) == before


def test_a_block_of_which_some_nights_are_there_gives_the_same_bits(tmp_path):
    whole = snapshot_of(tmp_path / "one", ())
    assert snapshot_of(tmp_path / "two", (0, 3, 8, 15)) == whole


def snapshot_of(store: Path, again: tuple[int, ...]) -> dict[str, bytes]:
    forecast_to_zarr(NEAR, *GIVEN, store)
    for night in again:
        (store / FINISHED / "c" / str(night)).unlink()
        (store / "risk" / "c" / str(night) / "0" / "0").write_bytes(b"half")
    forecast_to_zarr(NEAR, *GIVEN, store)
    return snapshot(store)


def test_a_night_without_its_mark_is_not_finished_whatever_is_there(tmp_path):
    forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    (tmp_path / FINISHED / "c" / "4").unlink()
    with pytest.raises(ppe.InputError, match=r"1 of 16 nights .* are not finished"):
        open_surfaces(tmp_path)
    others = np.delete(np.arange(NIGHTS), 4)
    expected = ppe.forecast(ppe.CountMap(), *GIVEN).isel(window=others)
    xr.testing.assert_identical(open_surfaces(tmp_path, unfinished=True).load(), expected)


@pytest.mark.parametrize("at", ["chunk", "mark"])
def test_a_crash_while_a_night_is_written_leaves_it_unfinished(tmp_path, monkeypatch, at):
    written = []
    real = os.fsync if at == "chunk" else chunks.write_whole

    def crash(*arguments):
        written.append(arguments)
        if len(written) > 30:
            raise KeyboardInterrupt
        return real(*arguments)

    if at == "chunk":
        monkeypatch.setattr(os, "fsync", crash)
    else:
        written.extend([None] * 27)
        monkeypatch.setattr(chunks, "write_whole", crash)
    with pytest.raises(KeyboardInterrupt):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path / "store")
    monkeypatch.undo()
    done = marked(tmp_path / "store") if (tmp_path / "store" / METADATA).is_file() else set()
    assert len(done) < 4
    found = forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path / "store")
    xr.testing.assert_equal(found.load(), ppe.forecast(ppe.CountMap(), *GIVEN))


def test_a_mark_is_written_only_when_its_night_is_on_disk(tmp_path, monkeypatch):
    order = []
    fsync, write = os.fsync, chunks.write_whole

    def flushed(descriptor):
        order.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def marking(path, content):
        order.append("mark")
        write(path, content)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(chunks, "write_whole", marking)
    forecast_to_zarr(ppe.CountMap(), CITY.events, CITY.grid, CITY.schedule.windows[:1], tmp_path)
    chunk = tmp_path / "risk" / "c" / "0" / "0" / "0"
    before = order[: order.index("mark")]
    assert [path.stat().st_ino for path in (chunk, *chunk.parents[:3])] == before[-4:]


KILLED = """
import sys, time
from tests.surface_stores import test_forecasting as here
slow = here.chunks.write_night
def write_night(*arguments):
    slow(*arguments)
    print(arguments[2], flush=True)
    time.sleep(0.02)
here.forecasting.write_night = write_night
here.forecast_to_zarr(here.ppe.CountMap(), *here.GIVEN, sys.argv[1])
"""


@pytest.mark.linux_only
def test_a_killed_run_goes_on(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == 5:
                break
        with pytest.raises(ppe.InputError, match="Another run is writing"):
            forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
        child.send_signal(signal.SIGKILL)
    assert 6 <= len(marked(tmp_path)) < NIGHTS
    found = forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    xr.testing.assert_equal(found.load(), ppe.forecast(ppe.CountMap(), *GIVEN))


def test_a_store_is_resumed_only_for_what_it_was_begun_for(tmp_path, monkeypatch):
    forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    before = snapshot(tmp_path)
    fewer = CITY.events.take(np.arange(len(CITY.events) - 1))
    finer = ppe.Grid.from_bounds(0, 0, 1000, 900, cell=100, crs=cities.CRS)
    others = {
        "configuration > forecaster > is: the store has CountMap.*this run CountMap.*half_life": (
            ppe.CountMap(half_life="14D"), *GIVEN,
        ),
        "data > crimes": (ppe.CountMap(), fewer, CITY.grid, CITY.schedule),
        "data > grid": (ppe.CountMap(), CITY.events, finer, CITY.schedule),
        "configuration > nights: the store has 16, this run 3": (
            ppe.CountMap(), CITY.events, CITY.grid, CITY.schedule.windows[:3],
        ),
    }  # fmt: skip
    for told, given in others.items():
        with pytest.raises(ppe.PlanLockedError, match=rf"(?s)begun for other surfaces and is not resumed.*{told}"):
            forecast_to_zarr(*given, tmp_path)
    real = forecasting.versions()
    monkeypatch.setattr(forecasting, "versions", lambda: real | {"numpy": "1.0"})
    with pytest.raises(ppe.PlanLockedError, match=r"library > numpy: the store has .*, this run 1\.0"):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    assert snapshot(tmp_path) == before


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "risk").mkdir()
    (tmp_path / "risk" / "mine.txt").write_text("mine")
    with pytest.raises(ppe.InputError, match=r"holds other files \(risk\)"):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ppe.InputError, match="is a file"):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path / "file")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "mine.txt", "risk"]


def test_what_a_forecaster_raises_is_passed_on_and_the_nights_before_are_kept(tmp_path):
    until = str(CITY.schedule.windows.until[3])
    with pytest.raises(RuntimeError, match="no forecast"):
        forecast_to_zarr(FailsOn(nights=(until,)), *GIVEN, tmp_path)
    assert marked(tmp_path) == {0, 1, 2}


@pytest.mark.parametrize("what", ["nan", "other windows", "two windows", "other grid", "no kind", "members"])
def test_what_is_no_sound_surface_is_not_stored(tmp_path, what):
    with pytest.raises(ppe.PredPolError):
        forecast_to_zarr(Returns(what=what), *GIVEN, tmp_path)
    assert not (tmp_path / METADATA).exists()


@dataclass(frozen=True)
class TwoKinds:
    """Gives counts first, and scores later."""

    def fit(self, events, grid, *, until):
        late = until > CITY.schedule.windows.until[2]
        return (ppe.NearRepeat() if late else ppe.CountMap()).fit(events, grid, until=until)


def test_one_store_holds_one_kind(tmp_path):
    with pytest.raises(ppe.NotComparableError, match="'expected_count' and 'score'"):
        forecast_to_zarr(TwoKinds(), *GIVEN, tmp_path)


def test_what_does_not_tell_its_configuration_is_not_stored(tmp_path):
    class Plain:
        def fit(self, events, grid, *, until):
            return ppe.CountMap().fit(events, grid, until=until)

    with pytest.raises(ppe.InputError, match="not an instance of a dataclass"):
        forecast_to_zarr(Plain(), *GIVEN, tmp_path / "store")
    assert forecast_to_zarr(HoldsALock(), *GIVEN, tmp_path / "store").sizes["window"] == NIGHTS


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    (tmp_path / FINISHED / "c" / "15").unlink()
    monkeypatch.setattr(chunks, "write_whole", full)
    with pytest.raises(ppe.InputError, match=r"cannot be written .*No space left.* nights finished before are kept"):
        forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    assert len(marked(tmp_path)) == NIGHTS - 1


def test_what_was_given_is_checked_before_anything_is_made(tmp_path):
    with pytest.raises(ppe.InputError, match="no window"):
        forecast_to_zarr(ppe.CountMap(), CITY.events, CITY.grid, CITY.schedule.windows[:0], tmp_path / "a")
    with pytest.raises(ppe.InputError, match="Expected Events"):
        forecast_to_zarr(ppe.CountMap(), CITY.frame, CITY.grid, CITY.schedule, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_the_record_is_plain_json(tmp_path):
    forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path)
    told = json.loads((tmp_path / METADATA).read_text())["attributes"]
    assert told["record"]["configuration"]["forecaster"]["is"] == "CountMap()"
    assert told["record"]["data"]["crimes"] == CITY.events.fingerprint


def test_a_bar_is_drawn_only_where_somebody_looks(tmp_path, capsys):
    forecast_to_zarr(ppe.CountMap(), *GIVEN, tmp_path, progress=True)
    assert capsys.readouterr() == ("", "")
