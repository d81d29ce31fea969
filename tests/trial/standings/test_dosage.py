"""Logs of patrols."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.grid import Grid
from predpol_eval.trial.plan import TrialPlan
from predpol_eval.trial.standings.dosage import WARNING, patrol_report
from predpol_eval.trial.standings.patrol_log import read_dosage
from predpol_eval.trial.submissions.cell_names import cell_name

HEADER = "night,area,cell,minutes\n"


@pytest.fixture(scope="module")
def grid(plan: TrialPlan) -> Grid:
    return plan.make_grid()


def cell_in(grid: Grid, area: str, place: int = 0) -> int:
    codes = np.where(grid.mask.ravel(), grid.label_code.ravel(), -1)
    return int(np.flatnonzero(codes == list(grid.labels).index(area))[place])


def row(grid: Grid, night: str = "2018-07-01", area: str = "mid", place: int = 0, minutes: Any = 30) -> str:
    return f"{night},{area},{cell_name(grid, cell_in(grid, area, place))},{minutes}\n"


def test_a_log_is_read(plan: TrialPlan, grid: Grid) -> None:
    text = HEADER + row(grid, "2018-07-02", minutes=12.5) + "\n" + row(grid) + row(grid, area="South", minutes=0)
    found = read_dosage(text.encode(), plan, grid)
    assert found.nights == ("2018-07-01", "2018-07-02")
    cells = [cell_in(grid, "South"), cell_in(grid, "mid", 1), cell_in(grid, "mid")]
    dense = found.dense(["2018-07-01", "2018-07-02", "2018-07-03"], cells)
    assert dense[:2].tolist() == [[0, 0, 30], [0, 0, 12.5]]
    assert np.isnan(dense[2]).all()
    # Cells that are not asked for are left out, wherever they lie.
    assert found.dense(["2018-07-01"], cells[:2]).tolist() == [[0, 0]]


@pytest.mark.parametrize("form", ["semicolon", "tab", "windows", "mark", "order", "quotes"])
def test_forms_of_the_file(plan: TrialPlan, grid: Grid, form: str) -> None:
    text = HEADER + row(grid)
    if form in ("semicolon", "tab"):
        text = text.replace(",", {"semicolon": ";", "tab": "\t"}[form])
    data = text.encode()
    if form == "windows":
        data = text.replace("\n", "\r\n").encode()
    if form == "mark":
        data = b"\xef\xbb\xbf" + data
    if form == "order":
        night, area, cell, minutes = row(grid).strip().split(",")
        data = f"Minutes,CELL,night,area\n{minutes},{cell},{night},{area}\n".encode()
    if form == "quotes":
        data = text.replace("mid", '"mid"').encode()
    found = read_dosage(data, plan, grid)
    assert (found.nights, found.minutes.tolist(), found.cell.tolist()) == (
        ("2018-07-01",),
        [30.0],
        [cell_in(grid, "mid")],
    )


def test_all_faults_are_told_at_once_with_their_rows(plan: TrialPlan, grid: Grid) -> None:
    good = row(grid)
    name = cell_name(grid, cell_in(grid, "mid"))
    lines = [
        good,
        "2018-06-01,mid," + name + ",1\n",
        "2018-07-01,Mid," + name + ",1\n",
        "2018-07-01,mid,here,1\n",
        "2018-07-01,mid,r900c900,1\n",
        "2018-07-01,South," + name + ",1\n",
        "2018-07-02,mid," + name + ",-1\n",
        "2018-07-03,mid," + name + ",nan\n",
        "2018-07-04,mid," + name + ",\n",
        "2018-07-05,mid," + name + ",999999\n",
        "2018-07-06,mid," + name + "\n",
        good,
        "2018-06-02,mid," + name + ",-2\n",
    ]
    with pytest.raises(InputError) as caught:
        read_dosage((HEADER + "".join(lines)).encode(), plan, grid)
    said = str(caught.value).splitlines()
    assert said[0] == "The log of patrols has 13 faults:"
    assert [int(line.split()[1].rstrip(":")) for line in said[1:]] == [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 14]
    for number, text in (
        (1, "no night"), (2, "Did you mean 'mid'?"), (3, "no name of a cell"), (4, "not in the study area"),
        (5, "is in 'mid', not in 'South'"), (6, "'-1'"), (7, "'nan'"), (8, "''"), (9, "'999999'"), (10, "3 fields"),
        (11, "stands in row 2 already"), (12, "no night"), (13, "'-2'"),
    ):  # fmt: skip
        assert text in said[number]


def test_conflicting_duplicates_are_refused_too(plan: TrialPlan, grid: Grid) -> None:
    for again in (row(grid, minutes=31), row(grid, minutes=30).replace("r0", "R")):
        with pytest.raises(InputError, match=r"row 3: .* stands in row 2 already"):
            read_dosage((HEADER + row(grid) + again).encode(), plan, grid)


def test_thousands_of_faults_are_counted_and_not_all_shown(plan: TrialPlan, grid: Grid) -> None:
    with pytest.raises(InputError) as caught:
        read_dosage((HEADER + "x,y,z,-\n" * 3000).encode(), plan, grid)
    assert "12,000 faults" in str(caught.value)
    assert "11,950 more" in str(caught.value)
    assert len(str(caught.value)) < 20_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "first line is ''"),
        (b"night,area,cell\n", "expected the columns night, area, cell, minutes"),
        (b"night,area,cell,minutes,minutes\n", "expected the columns"),
        (HEADER.encode(), "no rows"),
        (b"\xff\xfen", "UTF-16"),
        (HEADER.encode() + b"\xff", "not UTF-8"),
        (b"x" * 20_000_001, "bytes"),
        (HEADER.encode() + b"\n" * 200_001 + b"x", "rows"),
        (HEADER.encode() + b"a" * 3_000, "far too long"),
        (HEADER.encode() + b'"a,b', "quote"),
    ],
)
def test_what_is_no_log_is_refused(plan: TrialPlan, grid: Grid, data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_dosage(data, plan, grid)


@given(
    st.one_of(
        st.binary(max_size=300), st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-8", "replace"))
    )
)
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(plan: TrialPlan, grid: Grid, data: bytes) -> None:
    try:
        found = read_dosage(data, plan, grid)
    except InputError as error:
        told = str(error)
    else:
        told = repr(found.minutes[found.minutes < 0])
        event("read")
    # Nothing in a message that a screen would obey.
    assert told.replace("\n", "").isprintable()


def small() -> tuple[Any, dict[str, Any], Any]:
    minutes = np.array([[30.0, 0, 10, 0], [0, 0, 0, 0], [np.nan] * 4])
    flagged = np.zeros((3, 1, 4))
    flagged[:, 0, :2] = 1
    crimes = np.tile([3.0, 2, 1, 4], (3, 1, 1))
    return minutes, {"A": flagged}, crimes


def test_patrols_beside_hits_by_hand() -> None:
    found = patrol_report(*small())
    (a,) = found.rows
    assert (found.nights, found.logged, a.nights) == (3, 2, 2)
    assert (a.boxes, a.boxes_patrolled, a.coverage, a.minutes_per_box) == (4, 1, 0.25, 7.5)
    assert (a.hits_patrolled, a.hits_unpatrolled, a.crimes, a.hit_rate) == (3, 7, 20, 0.5)


def test_what_is_missing_is_left_out() -> None:
    minutes, flagged, crimes = small()
    flagged["A"][0] = np.nan
    flagged["B"] = np.zeros((3, 1, 4))
    a, b = patrol_report(minutes, flagged, crimes).rows
    assert (a.nights, a.hits_patrolled, a.hits_unpatrolled) == (1, 0, 5)
    assert (b.boxes, b.hit_rate) == (0, 0.0)
    assert math.isnan(b.coverage)
    none = patrol_report(np.full((3, 4), np.nan), flagged, crimes)
    assert (none.logged, none.rows[0].nights) == (0, 0)
    assert math.isnan(none.rows[0].hit_rate)


def test_nothing_is_attributed() -> None:
    found = patrol_report(*small())
    assert found.warning == WARNING
    assert "Patrols change what forecasts are scored on" in found.warning
    with pytest.raises(NotComparableError, match="by lot"):
        found.attribute()


def test_arrays_that_do_not_fit_are_refused() -> None:
    minutes, flagged, crimes = small()
    for wrong in (minutes[:2], minutes[0], -minutes, np.full((3, 4), np.inf)):
        with pytest.raises(InputError):
            patrol_report(wrong, flagged, crimes)
