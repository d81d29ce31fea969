"""Polygons along cells catch what the cells catch; a forecast does not depend on which other nights are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.backtests import risk as risk_module
from predpol_eval.backtests.risk import night_risk
from predpol_eval.budgets import TopCells
from predpol_eval.counts import count
from predpol_eval.errors import PredPolError
from predpol_eval.flagging import make_scene
from predpol_eval.tallies import CAUGHT
from predpol_eval.trial.scoring.baselines import STRETCH, Course
from predpol_eval.trial.scoring.box_counting import UNKNOWN, caught_by_boxes, inside_of
from predpol_eval.trial.scoring.counting import KindOfCrime, kinds_of_crime
from predpol_eval.trial.submissions.predictions import Predictions, RankedCells
from tests.trial.scoring.nights import random_crimes

CELL = 250
WEST, SOUTH, COLUMNS, ROWS = 399_500, 299_750, 4, 3
GRID = ppe.Grid.from_bounds(WEST, SOUTH, WEST + COLUMNS * CELL, SOUTH + ROWS * CELL, cell=CELL, crs="EPSG:27700")
SCENE = make_scene(GRID)
NIGHT = ppe.Schedule(start="2018-07-01", end="2018-07-02", tz="Europe/London").windows
# Millimetres beside and on the lines of the grid, and anywhere.
NEAR = st.builds(
    lambda line, off: line * CELL + off / 1000, st.integers(-4, 5), st.sampled_from([-1.0, -0.4, 0.0, 0.4, 1.0, 500.0])
)
ANYWHERE = st.floats(-260, 1010)
PLACES = st.builds(lambda x, y: (WEST + x, SOUTH + y), NEAR | ANYWHERE, NEAR | ANYWHERE)


def crimes_at(places, *, until=None):
    table = pd.DataFrame(
        {"x": [x for x, _ in places], "y": [y for _, y in places], "t": "2018-07-01 12:00", "kind": "burglary"}
    )
    named = {}
    if until is not None:
        table["u"], named = until, {"happened_until": "u"}
    return ppe.Events.from_frame(
        table, happened="t", kind="kind", crs="EPSG:27700", tz="Europe/London",
        observed=[("2018-01-01", "2018-12-01")], **named,
    )  # fmt: skip


@given(places=st.lists(PLACES, min_size=1, max_size=30), chosen=st.sets(st.integers(0, COLUMNS * ROWS - 1), min_size=1))
def test_polygons_drawn_along_cells_catch_what_the_cells_catch(places, chosen):
    kind = KindOfCrime(crimes_at(places), GRID, NIGHT, "aoristic", SCENE)
    cells = np.array(sorted(chosen), dtype=np.int64)
    listed = Predictions(
        grid=GRID.fingerprint, form="cells", nights=("n",), kinds=("k",), polygons={},
        cells={("n", "k"): RankedCells(cells, np.ones(len(cells)))},
    )  # fmt: skip
    budget = TopCells(len(cells), per="area")
    expected = kind.caught(0, listed.shares("n", "k", GRID, len(cells), scene=SCENE), budget).counts
    x, y = WEST + CELL * (cells % COLUMNS), SOUTH + CELL * (cells // COLUMNS)
    shape = shapely.union_all(shapely.box(x, y, x + CELL, y + CELL))
    boxes, ground = {"all": shape}, {"all": shapely.area(shape)}
    found = caught_by_boxes(boxes, ground, kind.points(0), GRID.labels, SCENE).counts
    for name, theirs, mine in zip(CAUGHT, expected, found, strict=True):
        if name in UNKNOWN:
            assert np.isnan(mine).all()
        else:
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("place", "caught"),
    [((0.0, 0.0), True), ((-0.0004, 0.0), True), ((-0.0006, 0.0), False), ((100.0, 1.0), False), ((99.9994, 1), True)],
)
def test_the_edge_of_a_polygon(place, caught):
    x, y = (np.array([part], dtype=float) for part in place)
    assert inside_of(shapely.box(0, 0, 100, 100), x, y).tolist() == [caught]


def test_a_hole_and_a_slanting_edge():
    ring = shapely.Polygon([(0, 0), (100, 0), (0, 100)], [[(10, 10), (20, 10), (20, 20), (10, 20)]])
    x, y = np.array([5.0, 15.0, 60.0, 49.0]), np.array([5.0, 15.0, 60.0, 49.0])
    assert inside_of(ring, x, y).tolist() == [True, False, False, True]


def test_uncertain_crimes_weigh_in_polygons_as_in_cells():
    # From noon to noon: half of it falls on the first day.
    two = ppe.Schedule(start="2018-07-01", end="2018-07-03", tz="Europe/London").windows
    events = crimes_at(
        [(WEST + 10, SOUTH + 10), (WEST + 300, SOUTH + 10)], until=["2018-07-02 12:00", "2018-07-01 12:00"]
    )
    kind = KindOfCrime(events, GRID, two, "aoristic", SCENE)
    boxes = {"all": shapely.box(WEST, SOUTH, WEST + 250, SOUTH + 250)}
    for night in (0, 1):
        found = caught_by_boxes(boxes, {"all": 62_500.0}, kind.points(night), GRID.labels, SCENE)
        assert found.counts[0].tolist() == [0.5]
        assert found.credit.tolist() == [1.0]
        assert kind.spread(night).weight.tolist() == [0.5]
    assert kind.spread(0).crime == kind.spread(1).crime
    assert [float(kind.by_area(night)[0]) for night in (0, 1)] == [1.5, 0.5]
    empty = caught_by_boxes({}, {}, kind.points(0), GRID.labels, SCENE)
    assert (empty.counts[0].tolist(), empty.credit.tolist()) == ([0.0], [0.0])


def test_a_kind_of_which_there_is_no_crime():
    (kind,) = kinds_of_crime(crimes_at([(WEST + 10, SOUTH + 10)]), ("arson",), GRID, NIGHT, "aoristic", SCENE)
    assert (kind.by_area(0).tolist(), kind.outside(0), kind.elsewhere(0)) == ([0.0], 0.0, 0)


def test_crimes_elsewhere_are_told_of_once():
    # The border of the two wards runs through the second column of cells.
    wards = geopandas.GeoDataFrame(
        {"ward": ["a", "b"]},
        geometry=[
            shapely.box(WEST, SOUTH, WEST + 400, SOUTH + 500),
            shapely.box(WEST + 400, SOUTH, WEST + 1000, SOUTH + 500),
        ],
        crs="EPSG:27700",
    )
    grid = ppe.Grid.from_areas(wards, cell=CELL, label="ward")
    two = ppe.Schedule(start="2018-07-01", end="2018-07-03", tz="Europe/London").windows
    places = [(WEST + 450, SOUTH + 10), (WEST + 350, SOUTH + 10), (WEST + 460, SOUTH + 10)]
    events = crimes_at(places, until=["2018-07-02 12:00", "2018-07-02 12:00", "2018-07-01 12:00"])
    kind = KindOfCrime(events, grid, two, "aoristic", make_scene(grid))
    # The third happened on the first night; the first may have on either, and is told of on the last.
    assert [kind.elsewhere(night) for night in (0, 1)] == [1, 1]
    assert count(events, grid, two).attrs["elsewhere"] == 2


# Courses ----------------------------------------------------------------------------------------------------

TOWN = ppe.Grid.from_bounds(430_000, 433_000, 433_000, 434_000, cell=CELL, crs="EPSG:27700")
HERE = make_scene(TOWN)
CRIMES = random_crimes(5, "2018-05-02", 120, 500)
WINDOWS = ppe.Schedule(start="2018-07-01", end="2018-08-10", at="20:00", lead="3h", tz="Europe/London").windows
FORECASTERS = [
    ppe.CountMap(lookback="21D"), ppe.KDE(bandwidth=300), ppe.ProspectiveHotspot(), ppe.Uniform(), ppe.SelfExciting(),
    ppe.KDE(bandwidth=300, adaptive_k=60),
]  # fmt: skip


def course(forecaster, events=CRIMES):
    return Course(forecaster, events, TOWN, WINDOWS, HERE)


@pytest.mark.parametrize("forecaster", FORECASTERS, ids=str)
def test_a_night_is_the_same_whichever_others_are_asked_for(forecaster):
    together = course(forecaster)
    last = STRETCH + 5
    wanted = [STRETCH - 1, STRETCH, STRETCH + 3, last]
    found = {night: np.array(together.at(night).values) for night in wanted}
    by_itself = course(forecaster)
    # To the bit, in any order, twice, and on a new course.
    for night in (last, STRETCH, STRETCH, STRETCH - 1):
        np.testing.assert_array_equal(by_itself.at(night).values, found[night])
    for night, values in found.items():
        alone = night_risk(forecaster, CRIMES, TOWN, WINDOWS[night], HERE)
        np.testing.assert_allclose(values, alone.values, rtol=1e-9, atol=1e-9 * float(alone.values.max()))
        assert together.at(night).kind == alone.kind


def test_later_crimes_change_nothing():
    night = 20
    until = WINDOWS.until[night]
    cut = CRIMES.take(CRIMES.known_from < until)
    for forecaster in FORECASTERS:
        np.testing.assert_array_equal(
            np.array(course(forecaster, cut).at(night).values), np.array(course(forecaster).at(night).values)
        )


@dataclass(frozen=True)
class Moody:
    """Fails on some nights and warns on others."""

    def fit(self, events, grid, *, until):
        day = int(str(until)[8:10])
        if day == 3:
            raise ZeroDivisionError("a\nbad  night" + "!" * 1000)
        if day == 4:
            raise SystemExit
        if day == 6:
            raise KeyboardInterrupt
        if day == 5:
            import warnings

            warnings.warn("few crimes", UserWarning, stacklevel=1)
        return ppe.Uniform().fit(events, grid, until=until)


def test_what_goes_wrong_becomes_the_reason_of_one_night():
    one = course(Moody())
    assert (one.at(0).reason, one.at(0).kind) == ("", "expected_count")
    failed = one.at(2)
    assert failed.values is None
    assert failed.reason.startswith("ZeroDivisionError: a bad night!!!")
    assert len(failed.reason) == 500
    assert one.at(3).reason == "SystemExit:"
    warned = one.at(4)
    assert warned.values is not None
    assert warned.reason == "warning: few crimes"
    assert one.at(1).reason == ""
    with pytest.raises(KeyboardInterrupt):
        one.at(5)


def test_a_faster_way_that_is_wrong_is_left_and_told(monkeypatch):
    def disagree(*arguments):
        raise PredPolError("the two ways must agree")

    monkeypatch.setattr(risk_module, "CHECKED_SHARE", 1.0)
    monkeypatch.setattr(risk_module, "_refuse_disagreement", disagree)
    for forecaster in (ppe.CountMap(lookback="21D"), ppe.SelfExciting()):
        one = course(forecaster)
        found = [one.at(night) for night in range(3 if isinstance(forecaster, ppe.SelfExciting) else STRETCH)]
        assert found[-1].reason == "warning: the two ways must agree"
        alone = night_risk(forecaster, CRIMES, TOWN, WINDOWS[len(found) - 1], HERE)
        np.testing.assert_array_equal(found[-1].values, alone.values)


def test_marks_tell_crimes_apart():
    events = crimes_at([(WEST + 10, SOUTH + 10)] * 2, until=["2018-07-02 12:00"] * 2)
    two = ppe.Schedule(start="2018-07-01", end="2018-07-03", tz="Europe/London").windows
    first, second = KindOfCrime(events, GRID, two, "aoristic", SCENE).spread(0).crime
    assert first != second
