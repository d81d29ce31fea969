"""The calibration ratio and the Brier score: plain loops, by hand, uncertain times, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from tests.naive import scores as naive
from tests.scores.test_log_scores import windows_of
from tests.strategies import CRS, TZ, City, cities, city_of, nights, row_of_cells

SCORES = {"calibration_ratio": ppe.calibration_ratio, "brier": ppe.brier}
each = pytest.mark.parametrize("name", SCORES)
expecting = cities(most_cells=7, most_windows=3, kinds=("expected_count",))


def with_hits(city: City) -> xr.DataArray:
    """Counts that tell how probable each cell was hit, which for these is their part of one crime."""
    return city.crimes.assign_coords(hit=city.crimes.clip(max=1.0).drop_vars(city.crimes.coords))


def one_number(name: str, city: City) -> float:
    return SCORES[name](city.risk, with_hits(city)).item()


@given(expecting)
def test_calibration_equals_that_of_plain_loops(city):
    found = ppe.calibration_ratio(city.risk, city.crimes)
    np.testing.assert_allclose(found.item(), naive.calibration(windows_of(city)), rtol=1e-14)
    xr.testing.assert_identical(found, ppe.calibration_ratio(city.risk, city.crimes, grid=city.grid))


@given(expecting)
def test_brier_equals_that_of_plain_loops(city):
    windows = [[(rate, min(1.0, crimes)) for rate, _, crimes in cells] for cells in windows_of(city)]
    found = ppe.brier(city.risk, with_hits(city))
    assert found.item() == pytest.approx(naive.brier(windows), rel=1e-12, abs=1e-15)
    assert 0 <= found.item() <= 1


def test_by_hand():
    city = city_of([[0.5, 0.3, 0.2], [0.1, 0.0, 0.4]], [[2, 0, 1], [0, 0, 0]], [1, 2, 1], "expected_count")
    found = ppe.calibration_ratio(city.risk, city.crimes)
    assert found.item() == pytest.approx(1.5 / 3, abs=1e-15)
    assert (found.attrs["better"], found.attrs["crimes"], found.attrs["units"]) == ("1", 3, "1")
    told = [1 - math.exp(-rate) for rate in (0.5, 0.3, 0.2, 0.1, 0.0, 0.4)]
    squares = [(p - o) ** 2 for p, o in zip(told, (1, 0, 1, 0, 0, 0), strict=True)]
    found = ppe.brier(city.risk, city.crimes)
    assert found.item() == pytest.approx(sum(squares) / 6, abs=1e-15)
    assert (found.attrs["better"], found.attrs["boxes"]) == ("lower", 6)
    one = city_of([[0.5, 0.3, 0.2]], [[2, 0, 1]], [1, 2, 1], "expected_count")
    assert f"{ppe.brier(one.risk, one.crimes):.6f}" == "0.368458"  # (.606531^2 + .259182^2 + .818731^2) / 3


def test_the_known_and_the_unknown():
    """Who knows all loses nothing; who is sure of the wrong cells loses all; half and half is a quarter."""
    city = city_of([[50.0, 0.0]], [[1, 0]], [1, 1], "expected_count")
    assert ppe.brier(city.risk, city.crimes).item() == pytest.approx(0, abs=1e-20)
    assert ppe.brier(city.risk, city.crimes.copy(data=[[[0.0, 2.0]]])).item() == pytest.approx(1)
    half = city.risk.copy(data=[[[math.log(2)] * 2]])
    assert ppe.brier(half, city.crimes).item() == pytest.approx(0.25, abs=1e-15)
    # The ratio of the crimes themselves is 1, of twice as many 2.
    for factor in (0.25, 1.0, 2.0):
        assert ppe.calibration_ratio(city.risk.copy(data=factor * city.crimes), city.crimes).item() == factor


@each
def test_it_has_no_floor_and_needs_a_surface(name):
    city = city_of([[0.25, 0.5]], [[1, 0]], [1, 1], "expected_count")
    score = getattr(ppe, name)
    assert "floor" not in score(city.risk, city.crimes).attrs
    with pytest.raises(InputError, match=r"found ndarray, a plain array. Use ppe\.make_surface"):
        score(city.risk.to_numpy(), city.crimes)


def test_no_crime_and_no_window():
    quiet = city_of([[0.25, 0.5], [0.0, 0.0]], [[0, 0], [0, 0]], [1, 1], "expected_count")
    assert np.isnan(ppe.calibration_ratio(quiet.risk, quiet.crimes))
    assert ppe.brier(quiet.risk, quiet.crimes).item() == pytest.approx(
        ((1 - math.exp(-0.25)) ** 2 + (1 - math.exp(-0.5)) ** 2) / 4
    )
    none = quiet.risk.isel(window=slice(0, 0)), quiet.crimes.isel(window=slice(0, 0))
    assert np.isnan(ppe.calibration_ratio(*none))
    assert np.isnan(ppe.brier(*none))
    # Nothing expected where something happened is a ratio of 0, not undefined.
    busy = quiet.crimes.copy(data=[[[1.0, 0.0]], [[0.0, 0.0]]])
    assert ppe.calibration_ratio(quiet.risk.copy(data=0 * quiet.risk), busy).item() == 0


@each
@given(expecting, st.randoms(use_true_random=False), st.integers(2, 4))
def test_the_order_of_cells_and_nights_does_not_matter(name, city, random, times):
    """Nor does it matter how often all nights are repeated."""
    columns, rows = list(range(city.risk.sizes["x"])), list(range(len(city.windows)))
    random.shuffle(columns)
    random.shuffle(rows)
    values, crimes = (data.to_numpy()[:, 0][rows][:, columns] for data in (city.risk, city.crimes))
    values = np.nan_to_num(values)
    inside = city.grid.inside_m2[0][columns]
    before = one_number(name, city)
    moved = city_of(values.tolist(), crimes.tolist(), inside.tolist(), "expected_count")
    assert one_number(name, moved) == pytest.approx(before, rel=1e-12, nan_ok=True)
    repeated = city_of(np.tile(values, (times, 1)).tolist(), np.tile(crimes, (times, 1)).tolist(), inside.tolist(),
                       "expected_count")  # fmt: skip
    assert one_number(name, repeated) == pytest.approx(before, rel=1e-12, nan_ok=True)
    # The ground of a cell is none of their business.
    wider = city_of(values.tolist(), crimes.tolist(), np.where(inside > 0, 2.0, 0).tolist(), "expected_count")
    assert one_number(name, wider) == pytest.approx(before, rel=1e-12, nan_ok=True)


@each
@given(expecting)
def test_float32_agrees(name, city):
    rough = city._replace(risk=(city.risk * 1.1).astype("float32").assign_attrs(city.risk.attrs))
    fine = city._replace(risk=(city.risk * 1.1).assign_attrs(city.risk.attrs))
    assert one_number(name, rough) == pytest.approx(one_number(name, fine), rel=1e-6, abs=1e-7, nan_ok=True)


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.floats(0.01, 3.0)), min_size=1, max_size=5))
def test_no_other_chances_have_a_better_brier_score_on_average(pairs):
    """It is a square, so the mean over hits of chance o is the score of o itself."""
    truth, other = ([pair[side] for pair in pairs] for side in (0, 1))
    chance = [1 - math.exp(-rate) for rate in truth]
    city = city_of([truth], [chance], [1.0] * len(truth), "expected_count")
    best = ppe.brier(city.risk, with_hits(city)).item()
    wrong = city_of([other], [chance], [1.0] * len(truth), "expected_count")
    assert best <= ppe.brier(wrong.risk, with_hits(wrong)).item() + 1e-12


def test_uncertain_times_count_by_the_chance_of_a_hit():
    """Two crimes, each half in the night, in one cell: one crime expected, a hit with probability 3/4."""
    frame = pd.DataFrame(
        {"x": [10.0, 10.0, 300.0], "y": 10.0, "t": "2018-05-01 18:00", "last": ["2018-05-02 06:00"] * 2 + [None]}
    )
    frame["last"] = frame["last"].fillna(frame["t"])
    events = ppe.Events.from_frame(frame, happened="t", happened_until="last", crs=CRS, tz=TZ)
    grid = ppe.Grid.from_bounds(0, 0, 750, 250, cell=250, crs=CRS)
    risk = ppe.make_surface([[[0.5, 0.25, 0.25]]], grid, nights(1), kind="expected_count")
    assert ppe.calibration_ratio(risk, events).item() == pytest.approx(1 / 2)
    p, q = 1 - math.exp(-0.5), 1 - math.exp(-0.25)
    square = p**2 - 2 * p * 0.75 + 0.75
    assert ppe.brier(risk, events).item() == pytest.approx((square + (q - 1) ** 2 + q**2) / 3, abs=1e-15)
    counted = ppe.count(events, grid, nights(1))
    assert ppe.brier(risk, counted).item() == ppe.brier(risk, events).item()
    start = ppe.brier(risk, events, method="start")
    assert start.item() == pytest.approx(((p - 1) ** 2 + (q - 1) ** 2 + q**2) / 3, abs=1e-15)
    # Their sum, a whole number, would do; of half a crime alone nobody can tell.
    assert ppe.brier(risk, counted.drop_vars("hit")).item() == pytest.approx(start.item())
    with pytest.raises(InputError, match=r"2 cells of a window hold fractions .* lack the coordinate 'hit'.*ppe.count"):
        ppe.brier(risk, counted.drop_vars("hit") * 0.5)


@each
def test_forecasters_are_judged_side_by_side(name):
    rng = np.random.default_rng(4)
    tables = rng.random((2, 3, 3, 5)).round(1)
    crimes = rng.integers(0, 3, (3, 5))
    grid = row_of_cells([1, 1, 2, 2, 4])
    one = ppe.make_surface(tables[0, 0][:, None], grid, nights(3), kind="expected_count")
    counted = one.copy(data=crimes[:, None].astype(float)).rename("count").assign_attrs(grid=grid.fingerprint)
    together = one.expand_dims(kind=["a", "b", "c"], forecaster=["A", "B"]).copy(
        data=tables.transpose(1, 0, 2, 3)[..., None, :]
    )
    found = SCORES[name](together.transpose("window", "y", "forecaster", "x", "kind"), counted)
    assert found.dims == ("forecaster", "kind")
    assert found.kind.values.tolist() == ["a", "b", "c"]
    singles = [[SCORES[name](one.copy(data=part[:, None]), counted).item() for part in lead] for lead in tables]
    np.testing.assert_array_equal(found, singles)


@each
@pytest.mark.parametrize("kind", ["score", "flags"])
def test_scores_and_flags_are_refused(name, kind):
    city = city_of([[1.0, 0.0]], [[1, 0]], [1, 1], kind)
    what = {"brier": "Brier score", "calibration_ratio": "calibration ratio"}[name]
    with pytest.raises(InputError, match=f"kind '{kind}' does not say how many .* so it has no {what}; use the ratios"):
        SCORES[name](city.risk, city.crimes)


@each
def test_other_grids_and_windows_are_refused(name):
    city = city_of([[1.0, 0.0]], [[1, 0]], [1, 1], "expected_count")
    longer = city_of([[1.0, 0.0]] * 2, [[1, 0]] * 2, [1, 1], "expected_count")
    other = city_of([[1.0, 0.0]], [[1, 0]], [1, 2], "expected_count")
    with pytest.raises(NotComparableError, match=r"shape.*count the crimes of the surface's windows"):
        SCORES[name](city.risk, longer.crimes)
    with pytest.raises(NotComparableError, match="another grid"):
        SCORES[name](city.risk, other.crimes)


@each
def test_cells_outside_the_study_area_are_no_cells(name):
    inside = [4.0, 0.0, 4.0]
    wide = city_of([[0.5, 9.0, 0.25]], [[1, 0, 0]], inside, "expected_count")
    narrow = city_of([[0.5, 0.25]], [[1, 0]], [4.0, 4.0], "expected_count")
    assert SCORES[name](wide.risk, wide.crimes).item() == SCORES[name](narrow.risk, narrow.crimes).item()
    strayed = wide.crimes.copy(data=[[[1.0, 2.0, 0.0]]])
    found = SCORES[name](wide.risk, strayed)
    assert found.attrs["outside"] == 2
    assert found.item() == SCORES[name](narrow.risk, narrow.crimes).item()
