"""The built-in sample: small, attributed, identical to what the reader yields, with areas that hold it."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.data import FORMATS, sample_grid
from predpol_eval.data import sample as module

ROOT = Path(__file__).resolve().parents[2]


def test_the_sample_is_small_and_says_whose_it_is() -> None:
    packed = (files("predpol_eval.data") / module.SAMPLE_FILE).read_bytes()
    assert len(packed) < 500_000
    events = ppe.sample_events()
    assert len(events) == 50_895
    assert dict(zip(*np.unique(events.kind, return_counts=True), strict=True)) == {
        "Auto Theft": 16_758,
        "Break and Enter": 34_137,
    }
    assert events.report.attribution == (
        "Contains information licensed under the Open Government Licence - Ontario. Source: Toronto Police Service."
    )
    assert events.report.attribution.encode() in packed
    assert events.resolution == "hour"
    assert events.observed_days == 1826
    assert str(events.observed[0][0]) == "2014-01-01T05:00:00.000000000"


def test_the_report_adds_up_and_kinds_can_be_chosen() -> None:
    thefts = ppe.sample_events(kinds="Auto Theft")
    assert thefts.kinds == ("Auto Theft",)
    assert (thefts.report.rows_read, thefts.report.rows_kept) == (50_895, 16_758)
    assert thefts.report.dropped[0].rows == 34_137
    assert ppe.sample_events(kinds=module.KINDS).report.dropped == ()
    with pytest.raises(ppe.InputError, match="There is no crime of kind 'Robbery'"):
        ppe.sample_events(kinds="Robbery")


def test_the_sample_is_what_the_reader_yields(shared_data: Path) -> None:
    source = shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz"
    read = ppe.read_events(source, format="toronto", kinds=list(module.KINDS))
    sample = ppe.sample_events()
    assert len(read) == len(sample)
    assert read.observed == sample.observed
    assert (read.crs, read.tz, read.kinds, read.resolution) == (sample.crs, sample.tz, sample.kinds, "hour")

    # Rounding to centimetres may swap crimes of the same hour, so both are put in one order.
    def ordered(events: ppe.Events) -> list[np.ndarray]:
        x, y = np.rint(events.x * 100).astype(int), np.rint(events.y * 100).astype(int)
        hour = events.happened.astype("datetime64[h]").astype(int)
        order = np.lexsort((y, x, events.kind_code, hour))
        return [column[order] for column in (hour, events.kind_code, x, y)]

    for ours, theirs in zip(ordered(sample), ordered(read), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_script_that_cuts_the_sample_gives_the_same_rows(shared_data: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    target = tmp_path / "again.parquet"
    source = shared_data / "toronto" / "toronto_mci_2014_2018.csv.gz"
    script = ROOT / "docs" / "scripts" / "make_sample.py"
    subprocess.run([sys.executable, str(script), str(source), "--target", str(target)], check=True, capture_output=True)
    with (files("predpol_eval.data") / module.SAMPLE_FILE).open("rb") as stream:
        shipped = pq.read_table(stream)
    assert pq.read_table(target).equals(shipped, check_metadata=True)


def test_the_areas_are_five_valid_and_apart() -> None:
    areas = ppe.sample_areas()
    assert areas["area"].tolist() == [f"Demonstration area {n} (not official)" for n in range(1, 6)]
    assert areas.crs == FORMATS["toronto"].crs
    assert areas.geometry.is_valid.all()
    km2 = areas.area / 1e6
    assert km2.round(2).tolist() == [46.57, 45.54, 52.02, 54.29, 47.64]
    # Nowhere two at once: the areas sum to that of their union. The first four touch.
    assert areas.area.sum() == pytest.approx(areas.union_all().area, abs=1.0)
    assert areas.geometry[:4].union_all().geom_type == "Polygon"
    assert len(areas.geometry[1].interiors) == 1
    assert areas.geometry[4].geom_type == "MultiPolygon"
    assert len(areas.geometry[4].geoms) == 2


def test_the_areas_hold_most_crimes_and_each_has_enough() -> None:
    events, areas = ppe.sample_events(), ppe.sample_areas()
    points = gpd.GeoSeries(gpd.points_from_xy(events.x, events.y), crs=events.crs)
    inside = np.array([points.within(shape).sum() for shape in areas.geometry])
    assert 0.5 < inside.sum() / len(events) < 0.6
    assert (inside > 3_000).all()


def test_the_areas_are_literals_written_by_hand() -> None:
    tree = ast.parse(inspect.getsource(module))
    parts = next(node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.target.id == "_PARTS")
    assert ast.literal_eval(parts) == module._PARTS


def test_the_grid_has_cut_cells_and_five_labels() -> None:
    grid = sample_grid(250)
    assert grid.labels == tuple(ppe.sample_areas()["area"])
    inside = grid.inside_m2[grid.inside_m2 > 0]
    assert (inside < 250 * 250 - 1).sum() > 200
    assert inside.sum() == pytest.approx(ppe.sample_areas().area.sum(), rel=1e-9)


def test_a_damaged_sample_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    with pytest.raises(ppe.InputError, match="install it again"):
        ppe.sample_events()
    pq.write_table(pa.table({"x_cm": [1]}), tmp_path / module.SAMPLE_FILE)
    with pytest.raises(ppe.InputError, match=r"expected 'predpol_eval\.sample/1'"):
        ppe.sample_events()
