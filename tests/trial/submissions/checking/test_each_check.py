"""Every check of the table is broken by a file that breaks it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import shapely

from predpol_eval.trial.submissions import box_checks
from predpol_eval.trial.submissions.check_table import CHECKS, as_markdown
from predpol_eval.trial.submissions.checked import Checked
from predpol_eval.trial.submissions.rows import Problem
from tests.trial.submissions.checking.town import (
    GRID,
    NIGHTS,
    PLAN,
    TABLE,
    X0,
    as_rows,
    box,
    cells_of,
    check,
    check_rows,
    csv,
    drawn,
    geojson,
    limited,
    middle,
    name_of,
    parquet,
    place,
    polygon,
    rows,
)

RANKED = (*TABLE[:-1], "rank")
BOTH = (*TABLE, "rank")
TWO = NIGHTS[:2]


class Broken(NamedTuple):
    """A file that breaks one check: how it is checked, in what words it is told, and which rows are named."""

    check: str
    make: Callable[[], Checked]
    says: str
    rows: tuple[int, ...] = ()


def changed(number: int, table=None, **values):
    table = rows() if table is None else table
    table[number] = table[number] | values
    return table


def redrawn(number: int, shape, **values):
    table = drawn()
    table[number] = table[number] | {"shape": shape} | values
    return table


def without(table, *names):
    return [{key: value for key, value in row.items() if key not in names} for row in table]


def comb(teeth: int, *, across: bool):
    """A polygon like a comb, within 700 m by 700 m of West."""
    points = [(0.0, 0.0)]
    for tooth in range(teeth):
        at = 700 * tooth / teeth
        points += [(at, 700.0), (at + 350 / teeth, 700.0), (at + 350 / teeth, 10.0), (at + 700 / teeth, 10.0)]
    points += [(700.0, 0.0)]
    return polygon(*((y, x) if across else (x, y) for x, y in points))


OUTSIDE_NAME = "r008c008"  # in the grid, north of the slanting border
ALL_ALIKE = [row | {"risk": 0.5} if (row["area"], row["kind"]) == ("East", "robbery") else row for row in rows()]
MIXED = [*rows(), drawn()[0]]
LISTED_TWICE = [*rows(), rows()[5]]

BROKEN = [
    Broken("size", lambda: check(csv(rows()), limited(bytes=900)), "900"),
    Broken("limits", lambda: check(csv(rows()), limited(rows=23)), "23"),
    Broken("limits", lambda: check(geojson(drawn()), limited(vertices=29)), "29"),
    Broken("limits", lambda: check(csv(rows(TWO)), limited(nights=1), nights=TWO), "2 nights"),
    Broken("limits", lambda: check(csv(rows()), limited(nights=1), nights=TWO), "submitted for 2 nights"),
    Broken("limits", lambda: check_rows(as_rows(rows()), limited(rows=23)), "24 rows; the plan allows 23"),
    Broken("limits", lambda: check_rows(as_rows(drawn()), limited(vertices=29)), "30 corners; the plan allows 29"),
    Broken("readable", lambda: check(b"\x1f\x8b123"), "gzip"),
    Broken("readable", lambda: check(b""), "empty"),
    Broken("not_empty", lambda: check_rows(as_rows([])), "no row"),
    Broken("plan_nights", lambda: check(csv(rows(("2017-07-01",))), nights=("2017-07-01",)), "2017-07-01"),
    Broken("plan_nights", lambda: check(csv(rows()), nights=(NIGHTS[0], NIGHTS[0])), "2 times"),
    Broken("one_form", lambda: check_rows(as_rows(MIXED)), "file of polygons", tuple(range(2, 12))),
    Broken(
        "one_form",
        lambda: check_rows(as_rows([*drawn(), {"night": NIGHTS[0], "area": "West", "kind": "robbery"}])),
        "no polygon",
        (8,),
    ),
    Broken("values", lambda: check(csv(changed(3, risk="high"))), "'high'", (5,)),
    Broken("values", lambda: check(geojson(redrawn(1, polygon((0, 0), (100, 100), (100, 0), (0, 100))))), "", (2,)),
    Broken("columns", lambda: check(csv(rows(), ("night", "area", "cell", "risk"))), "'kind'"),
    Broken("columns", lambda: check(csv(rows(), ("night", "area", "kind", "risk"))), "'cell', or both 'x' and 'y'"),
    Broken("columns", lambda: check(csv(rows(), ("area", "kind", "x", "risk"))), "only x"),
    Broken("columns", lambda: check(csv(rows(), TABLE[:-1])), "'risk', or 'rank'"),
    Broken("columns", lambda: check(csv(rows(TWO), TABLE[1:]), nights=TWO), "'night', though the file is for 2"),
    Broken("filled", lambda: check(csv(changed(7, kind=""))), "'kind' is blank", (9,)),
    Broken("filled", lambda: check(csv(changed(7, cell=" "))), "do not say where", (9,)),
    Broken("filled", lambda: check(csv(changed(7, y=None), ("kind", "x", "y", "risk"))), "do not say where", (9,)),
    Broken("filled", lambda: check(csv(changed(7, risk=None))), "'risk' is blank in some", (9,)),
    Broken("filled", lambda: check(csv(changed(7, area=None))), "'area' is blank", (9,)),
    Broken(
        "nights_named", lambda: check(csv([*rows(), *rows(("2018-07-02",))[:1]])), "'2018-07-02' is no night", (26,)
    ),
    Broken("every_night", lambda: check(csv(rows()), nights=TWO), "no row of the night '2018-07-02'"),
    Broken(
        "kinds_known",
        lambda: check(csv([*rows(), rows()[0] | {"kind": "Burglery"}])),
        "'Burglery' is no kind here. Did you mean 'burglary'?",
        (26,),
    ),
    Broken("areas_known", lambda: check(csv(changed(2, area="Eats"))), "Did you mean 'East'?", (4,)),
    Broken(
        "cells_known", lambda: check(csv([*rows(), rows()[0] | {"cell": "=1+1"}])), "'=1+1' is no cell's name", (26,)
    ),
    Broken("cells_known", lambda: check(csv([*rows(), rows()[0] | {"cell": "r009c000"}])), "outside", (26,)),
    Broken("cells_known", lambda: check(csv([*rows(), rows()[0] | {"cell": OUTSIDE_NAME}])), "outside", (26,)),
    Broken(
        "places_inside",
        lambda: check(
            csv([*rows(), rows()[0] | dict(zip("xy", place(-1, 0), strict=True))], ("kind", "x", "y", "risk"))
        ),
        "x=399999, y=300000",
        (26,),
    ),
    Broken(
        "places_inside",
        lambda: check(csv([*rows(), rows()[0] | {"x": -0.1, "y": 51.5}], ("kind", "x", "y", "risk"))),
        "look like degrees",
        (26,),
    ),
    Broken(
        "cell_and_place",
        lambda: check(csv(changed(4, x=middle(cells_of("East")[1])[0]), (*TABLE, "x", "y"))),
        f"first {name_of('East', 0)} with a place in {name_of('East', 1)}",
        (6,),
    ),
    Broken(
        "cell_and_place",
        lambda: check(csv(changed(5, x=middle(cells_of("East")[0])[0]), (*TABLE, "x", "y"))),
        f"first {name_of('East', 1)} with a place in {name_of('East', 0)}",
        (7,),
    ),
    Broken(
        "cell_and_place",
        lambda: check(csv([changed(5, x=X0)[5], *without(rows()[:5] + rows()[6:], "x", "y")], (*TABLE, "x", "y"))),
        "with a place in r000c000",
        (2,),
    ),
    Broken("cell_in_area", lambda: check(csv(changed(9, area="West"))), "belongs to 'North'", (11,)),
    Broken("risk_number", lambda: check(csv(changed(3, risk=-1e-9))), "below 0", (5,)),
    Broken("risk_number", lambda: check_rows(as_rows(changed(3, risk=np.inf))), "infinite", (5,)),
    Broken(
        "rank_number", lambda: check(csv(changed(3, rows(numbers=("rank",)), rank=3.5), RANKED)), "first is 3.5", (5,)
    ),
    Broken("rank_number", lambda: check(csv(changed(0, rows(numbers=("rank",)), rank=0), RANKED)), "first is 0", (2,)),
    Broken("duplicates", lambda: check(csv(LISTED_TWICE)), "2018-07-01, robbery, East", (7, 26)),
    # The same cell by its place: nothing in the text of the two rows is alike.
    Broken(
        "duplicates",
        lambda: check(csv([*rows(), rows()[5] | {"cell": "", "area": "East"}], (*TABLE, "x", "y"))),
        name_of("East", 1),
        (7, 26),
    ),
    Broken("conflicts", lambda: check(csv([*rows(), rows()[5] | {"risk": 0.123}])), "another rank or risk", (7, 26)),
    Broken(
        "conflicts",
        lambda: check(csv([*rows(numbers=("rank",)), rows(numbers=("rank",))[5] | {"rank": 5}], RANKED)),
        "another rank or risk",
        (7, 26),
    ),
    Broken(
        "rank_order", lambda: check(csv(changed(3, rows(numbers=("rank",)), rank=5), RANKED)), "5 comes after 3", (5,)
    ),
    Broken(
        "rank_order",
        lambda: check(csv([row for row in rows(numbers=("rank",)) if row["rank"] > 1], RANKED)),
        "2 comes first",
    ),
    Broken(
        "rank_order", lambda: check(csv(changed(2, rows(numbers=("rank",)), rank=2), RANKED)), "no risk says", (3, 4)
    ),
    Broken(
        "rank_order",
        lambda: check(csv(changed(2, rows(numbers=("rank", "risk")), rank=2), BOTH)),
        "risks differ",
        (3, 4),
    ),
    Broken(
        "rank_and_risk",
        lambda: check(csv(changed(2, rows(numbers=("rank", "risk")), risk=0.9), BOTH)),
        "rank 3 with risk 0.9 after 0.5",
        (4,),
    ),
    Broken(
        "rank_within_ties",
        lambda: check(csv(changed(2, rows(numbers=("rank", "risk")), risk=0.5), BOTH)),
        "agree to 12",
        (4,),
    ),
    Broken(
        "box_valid",
        lambda: check_rows(as_rows(redrawn(1, polygon((0, 0), (100, 100), (100, 0), (0, 100))))),
        "cross",
        (3,),
    ),
    Broken("box_valid", lambda: check_rows(as_rows(redrawn(1, shapely.Point(*place(10, 10))))), "no polygons", (3,)),
    Broken(
        "box_plain",
        lambda: check(
            geojson(
                [
                    *drawn()[:-2],
                    *(drawn()[-2] | {"shape": comb(160, across=turned)} for turned in (False, True)),
                    drawn()[-1],
                ]
            )
        ),
        "20,000 times",
    ),
    Broken(
        "box_inside", lambda: check(geojson([*drawn(), drawn()[0] | {"shape": box(-500, 0, -1, 100)}])), "outside", (7,)
    ),
    Broken(
        "box_plain",
        lambda: check_rows(
            as_rows(
                redrawn(
                    0,
                    shapely.MultiPolygon(
                        [
                            box(1300 + 5 * x, 100 + 2 * y, 1304 + 5 * x, 101 + 2 * y)
                            for x in range(100)
                            for y in range(101)
                        ]
                    ),
                )
            )
        ),
        "10,105 polygons",
    ),
    # It touches the border along a line, and nothing more.
    Broken(
        "box_inside", lambda: check(geojson([*drawn(), drawn()[4] | {"shape": box(-500, 0, 0, 100)}])), "outside", (7,)
    ),
    Broken("box_in_area", lambda: check(geojson([*drawn(), drawn()[0] | {"area": "West"}])), "named in", (7,)),
    Broken(
        "box_area",
        lambda: check(geojson(redrawn(0, box(1300, 100, 2051, 350)))),
        "187,750 m2, 250 more than the 187,500",
    ),
    Broken(
        "covered",
        lambda: check(csv([row for row in rows() if (row["area"], row["kind"]) != ("West", "robbery")])),
        "2018-07-01, robbery, West",
    ),
    Broken("covered", lambda: check(geojson(drawn()[:-1])), "2018-07-01, robbery, West"),
    Broken("enough_boxes", lambda: check(csv(rows()[2:])), "2 of 3 boxes are listed: 2018-07-01, burglary, East"),
    Broken("box_area_used", lambda: check(geojson(redrawn(0, box(1300, 100, 1800, 350)))), "67 % of the 187,500 m2"),
    Broken(
        "told_apart",
        lambda: check(csv(ALL_ALIKE)),
        "All 4 boxes have the same risk: 2018-07-01, robbery, East",
        (6, 7, 8, 9),
    ),
    Broken(
        "another_night",
        lambda: check(csv([*rows(), *(row | {"night": NIGHTS[1]} for row in rows())]), nights=TWO),
        "2018-07-02 is the same as for 2018-07-01",
    ),
    Broken(
        "another_night",
        lambda: check(csv(rows()), earlier={"2018-06-30": check(csv(rows())).predictions.fingerprint(NIGHTS[0])}),
        "2018-07-01 is the same as for 2018-06-30",
    ),
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: f"{broken.check}-{broken.says[:30]}")
def test_a_file_that_breaks_one_check_fails_it_and_no_other(broken):
    checked = broken.make()
    failed = [result for result in checked.results if result.outcome in ("fail", "broke")]
    assert [result.name for result in failed] == [broken.check], checked.in_words()
    (result,) = failed
    assert result.outcome == "fail"
    assert checked.outcome == ("rejected" if result.severity == "error" else "accepted")
    assert (checked.predictions is None) == (result.severity == "error")
    text = " ".join(fault.text for fault in result.faults)
    assert broken.says in text
    if broken.rows:
        assert result.faults[0].rows == broken.rows
    told = " ".join(checked.in_words().split())
    assert result.remedy in told
    assert " ".join(text.split())[:40] in told


def test_every_check_of_the_table_has_a_file_that_breaks_it():
    assert {broken.check for broken in BROKEN} == {check.name for check in CHECKS}


@pytest.mark.parametrize(
    "make",
    [
        lambda: check(csv(rows())),
        lambda: check(csv(rows(), TABLE[1:])),
        lambda: check(csv(rows(), ("kind", "x", "y", "risk"))),
        lambda: check(csv(rows(numbers=("rank",)), RANKED)),
        lambda: check(csv(rows(numbers=("rank", "risk")), BOTH)),
        lambda: check(csv(rows(TWO)), nights=TWO),
        lambda: check(parquet(rows(TWO)), nights=TWO),
        lambda: check(geojson(drawn())),
        lambda: check(geojson(drawn(TWO, area=False)), nights=TWO),
        lambda: check(csv(without(rows(), "night")), replace(PLAN, kinds=("burglary", "robbery"))),
        lambda: check(csv([row for row in rows() if row["kind"] == "robbery"], ("cell", "risk")),
                      replace(PLAN, kinds=("robbery",))),
    ],
)  # fmt: skip
def test_a_good_file_passes_every_check(make):
    checked = make()
    assert checked.outcome == "accepted"
    assert [result.name for result in checked.results if result.outcome not in ("pass", "skipped")] == []
    assert not [result for result in checked.results if result.reason.startswith("needs")]
    assert checked.predictions is not None


def test_the_table_is_told_whole_and_in_order():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for number, rule in enumerate(CHECKS):
        assert set(rule.needs) <= set(names[:number]), "needs what comes later"
        assert rule.severity in ("error", "warning", "note")
        assert rule.sentence.endswith(".")
        assert rule.remedy.endswith(".")
    lines = as_markdown().splitlines()
    assert [line.split("`")[1] for line in lines[2:]] == names


def test_all_faults_are_told_at_once():
    table = rows(numbers=("rank", "risk"))
    table[0] |= {"kind": "Burglery"}
    table[5] |= {"area": "Noth"}
    table[9] |= {"risk": -1.0}
    table[12] |= {"cell": "here"}
    table[20] |= {"risk": "much"}
    checked = check(csv(table, BOTH))
    failed = [result.name for result in checked.results if result.outcome == "fail"]
    assert failed == ["values", "kinds_known", "areas_known", "cells_known", "risk_number"]
    # What depends on them is not guessed at.
    skipped = checked["rank_order"]
    assert skipped.outcome == "skipped"
    assert skipped.reason.startswith("needs 'values', ")
    assert "Not tried" in checked.in_words()


def test_rows_are_named_as_far_as_anybody_reads_and_the_rest_is_counted():
    (fault,) = check(csv([row | {"kind": "theft"} if row["area"] == "East" else row for row in rows()]))[
        "kinds_known"
    ].faults
    assert fault.rows == (2, 3, 4, 5, 6, 7, 8, 9)
    (fault,) = check(csv([row | {"kind": "theft"} for row in rows()]))["kinds_known"].faults
    assert (fault.rows, fault.count) == (tuple(range(2, 12)), 24)
    assert "Lines 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 14 more." in " ".join(
        check(csv([row | {"kind": "theft"} for row in rows()])).in_words().split()
    )
    faults = check(csv([row | {"kind": f"theft {number}"} for number, row in enumerate(rows())]))["kinds_known"].faults
    assert len(faults) == 21
    assert faults[-1].text.startswith("4 further")
    assert faults[-1].count == 4


def test_a_blank_is_not_told_where_a_value_cannot_be_read():
    table = as_rows(changed(3, risk=np.nan), problems=(Problem(5, "risk", "'much'", "a number"),))
    checked = check_rows(table)
    assert [result.name for result in checked.failed()] == ["values"]
    table = as_rows(changed(3, risk=np.nan), problems=(Problem(6, "risk", "'much'", "a number"),))
    assert [result.name for result in check_rows(table).failed()] == ["values", "filled"]
    table = as_rows(changed(3, risk=np.nan), problems=(Problem(6, "risk", "'much'", "a number"),), problems_left_out=7)
    checked = check_rows(table)
    assert [result.name for result in checked.failed()] == ["values"]
    assert checked["values"].faults[-1].text.startswith("7 further")
    assert "too many" in checked["filled"].reason


# Ranks ----------------------------------------------------------------------------------------------------


def ranked_with(ranks, risks, columns=BOTH):
    table = [row for row in rows(numbers=("rank", "risk")) if (row["area"], row["kind"]) != ("East", "burglary")]
    for number, (rank, risk) in enumerate(zip(ranks, risks, strict=True)):
        table.append(rows()[0] | {"cell": name_of("East", number), "rank": rank, "risk": risk})
    return check(csv(table, columns))


@pytest.mark.parametrize(
    ("ranks", "risks", "failed"),
    [
        ((1, 2, 2, 3), (4, 3, 3, 2), []),
        ((1, 2, 2, 4), (4, 3, 3, 2), []),
        ((1, 1, 1, 4, 5, 5, 7), (9, 9, 9, 4, 3, 3, 1), []),
        ((1, 1, 1, 2, 3, 3, 4), (9, 9, 9, 4, 3, 3, 1), []),
        ((1, 3, 3, 4), (4, 3, 3, 2), ["rank_order"]),
        ((2, 2, 3, 4), (4, 4, 3, 2), ["rank_order"]),
        ((1, 2, 2, 5), (4, 3, 3, 2), ["rank_order"]),
        ((1, 2, 2, 3), (4, 3, 3 * (1 + 1e-13), 2), []),
        ((1, 2, 2, 3), (4, 3, 3 * (1 + 1e-9), 2), ["rank_order"]),
        ((1, 2, 3, 4), (4, 3, 3 * (1 + 1e-13), 2), ["rank_within_ties"]),
        ((1, 2, 3, 4), (4, 3, 3 * (1 + 1e-9), 2), ["rank_and_risk"]),
        ((4, 3, 2, 1), (2, 3, 4, 5), []),
        ((1, 2, 3, 4), (2, 3, 4, 5), ["rank_and_risk"]),
        ((1, 2, 3, 1e300), (5, 4, 3, 2), ["rank_number"]),
    ],
)
def test_ranks_run_from_1_without_gaps_and_ties_have_the_same_risk(ranks, risks, failed):
    checked = ranked_with(ranks, risks)
    assert [result.name for result in checked.results if result.outcome == "fail"] == failed, checked.in_words()


def test_a_file_without_areas_may_rank_the_whole_city_and_one_with_areas_may_not():
    table = rows(numbers=("rank",))
    for kind in PLAN.kinds:
        for number, row in enumerate([row for row in table if row["kind"] == kind], 1):
            row["rank"] = number
    assert check(csv(table, ("kind", "cell", "rank"))).outcome == "accepted"
    assert [result.name for result in check(csv(table, RANKED)).failed()] == ["rank_order"]
    table[3]["rank"] = 99
    assert [result.name for result in check(csv(table, ("kind", "cell", "rank"))).failed()] == ["rank_order"]


# Words ----------------------------------------------------------------------------------------------------


def test_names_of_cells_are_read_in_any_case_and_padding():
    table = [row | {"cell": row["cell"].upper().replace("R00", "R")} for row in rows()]
    assert check(csv(table)).predictions.to_bytes() == check(csv(rows())).predictions.to_bytes()


def test_what_stands_in_a_file_is_harmless_in_the_report():
    table = [*rows(), rows()[0] | {"kind": "<script>alert(1)</script>"}]
    checked = check(csv(table), name="../../<b>x</b>\x1b[31m.csv")
    assert "<script>" not in checked._repr_html_()
    assert "&lt;script&gt;" in checked._repr_html_()
    assert checked.name == "b>?[31m.csv"
    assert "\x1b" not in checked.in_words()


def test_too_valid_boxes_are_measured_at_the_tolerance_that_is_stated():
    allowed = 3 * 250.0**2
    share = box_checks.ROUNDING
    for factor, outcome in ((1 + 0.5 * share, "accepted"), (1 + 2 * share, "rejected")):
        table = drawn()
        table[0]["shape"] = box(1300, 100, 2050, 100 + 250 * factor)
        assert shapely.area(table[0]["shape"]) == pytest.approx(allowed * factor, rel=1e-9)
        assert check(geojson(table)).outcome == outcome


def test_the_grid_has_what_the_fixtures_rely_on():
    assert GRID.labels == ("East", "North", "West")
    assert all(len(cells_of(area)) >= 8 for area in GRID.labels)
    row, column = int(OUTSIDE_NAME[1:4]), int(OUTSIDE_NAME[5:])
    assert row < GRID.shape[0]
    assert column < GRID.shape[1]
    assert not GRID.mask[row, column]


def test_the_report_reads_as_a_letter():
    table = [*rows()[:-1], rows()[0] | {"kind": "Burglery"}, rows()[1] | {"risk": -2}]
    checked = check(csv(table, TABLE), name="tonight.csv")
    told = checked.in_words()
    assert max(map(len, told.splitlines())) <= 100
    assert (
        told
        == f"""\
Submission of A for the night of 2018-07-01 (tonight.csv)
Rejected: the file cannot be used as it is. Correct it and submit it again before the deadline.

To be corrected:
  kinds_known: Every kind is one of the plan's, spelled alike.
    - 'Burglery' is no kind here. Did you mean 'burglary'? Expected burglary, robbery. Line 25.
    What to do: Spell kinds as the plan does.
  risk_number: Every risk is a finite number from 0.
    - Risks are below 0, down to -2. Line 26.
    What to do: Give risks that are finite and not negative.
  conflicts: No box is named twice in one night and kind with different values.
    - Rows name a box again with another rank or risk, first {name_of("East", 1)} (2018-07-01, burglary, East).
      Lines 3, 26.
    What to do: Decide on one row for each box.

Not tried, since something above comes first: rank_order, rank_and_risk, rank_within_ties, covered,
  enough_boxes, told_apart, another_night.

Of {len(CHECKS)} checks 15 passed, 3 failed, 16 did not apply or were not tried.
SHA-256 of the file: {checked.file}
"""
    )
