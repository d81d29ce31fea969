"""CSV files: each fault by a file that has it alone."""

from __future__ import annotations

import csv as standard
import io
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.submissions.csv_rows import read_csv, split_line
from predpol_eval.trial.submissions.limits_hit import LimitHit
from predpol_eval.trial.submissions.rows import PROBLEMS_KEPT, Problem, Unreadable
from tests.trial.submissions.reading.files import CSV, SMALL, USUAL, csv


def problems(*lines, header="kind,cell,risk"):
    """Row, column and what was found of each problem of a file with these lines."""
    return [(p.row, p.column, p.found) for p in read_csv(csv(*lines, header=header), USUAL).problems]


def test_a_whole_file():
    rows = read_csv(CSV, USUAL)
    assert rows.source == "csv"
    assert rows.columns == ("night", "area", "kind", "cell", "x", "y", "rank", "risk")
    assert rows.row.tolist() == [2, 3]
    assert rows.area.tolist() == ["North", "North, upper"]
    assert rows.cell.tolist() == ["r001c002", "r001c003"]
    np.testing.assert_array_equal(rows.x, [np.nan, 312.5])
    np.testing.assert_array_equal(rows.y, [np.nan, -100.0])
    np.testing.assert_array_equal(rows.rank, [1, 2])
    np.testing.assert_array_equal(rows.risk, [0.5, np.nan])
    assert rows.problems == ()
    assert rows.box is None
    assert len(rows) == 2
    with pytest.raises(ValueError, match="read-only"):
        rows.risk[0] = 9


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separators_line_ends_and_mark(separator, ending, mark):
    lines = ["Kind ;CELL; risk", "burglary;a;0.5", "", ";;", " ; ;", '"rob""bery";"b;1, 2";1', ""]
    data = mark + ending.join(line.replace(";", separator) for line in lines).encode()
    rows = read_csv(data, USUAL)
    assert rows.row.tolist() == [2, 6]
    assert rows.kind.tolist() == ["burglary", 'rob"bery']
    assert rows.risk.tolist() == [0.5, 1]
    if separator == "\t":
        # A tab within a label is no plain sign.
        assert [(p.row, p.column) for p in rows.problems] == [(6, "cell")]
    else:
        assert rows.cell.tolist() == ["a", f"b{separator}1, 2"]


def test_columns_left_out_are_none():
    rows = read_csv(csv("burglary,3", header="kind,rank"), USUAL)
    assert rows.columns == ("kind", "rank")
    assert rows.risk is None
    assert rows.night is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("+1.50", 1.5), ("-.5", -0.5), ("5.", 5), ("1e-3", 0.001), ("1.5E+2", 150), (" 7 ", 7), ("007", 7)],
)
def test_plain_decimals(text, value):
    assert read_csv(csv(f"burglary,a,{text}"), USUAL).risk.tolist() == [value]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1_000", "plain decimal"),
        ("0x10", "plain decimal"),
        ("١", "plain decimal"),
        ("1 000", "plain decimal"),
        ("5%", "plain decimal"),
        ("--1", "plain decimal"),
        ("e5", "plain decimal"),
        (".", "plain decimal"),
        ("1e", "plain decimal"),
        ("TRUE", "plain decimal"),
        ("nan", "finite"),
        ("NaN", "finite"),
        ("inf", "finite"),
        ("-Infinity", "finite"),
        ("1e999", "finite"),
        ('"0,5"', "decimal point"),
        ('"1,5e3"', "decimal point"),
    ],
)
def test_what_is_no_number_is_a_problem_of_its_row_alone(text, expected):
    rows = read_csv(csv("burglary,a,0.5", f"burglary,b,{text}", "burglary,c,0.25"), USUAL)
    (problem,) = rows.problems
    assert (problem.row, problem.column) == (3, "risk")
    assert expected in problem.expected
    assert problem.found == repr(text.strip('"'))
    np.testing.assert_array_equal(rows.risk, [0.5, np.nan, 0.25])


def test_a_decimal_comma_is_explained_also_where_it_makes_a_field_too_many():
    (problem,) = read_csv(csv("burglary,a,0,5"), USUAL).problems
    assert "decimal comma" in problem.expected
    assert problem.found == "4 fields between commas"
    (problem,) = read_csv(csv("burglary;a;0,5", header="kind;cell;risk"), USUAL).problems
    assert "decimal point" in problem.expected


def test_lines_that_cannot_be_cut_are_named_and_left_out():
    rows = read_csv(
        csv(
            "burglary,a,1", "burglary,b", "burglary,c,3,4", 'burglary,"d,5', "burglary,e,6", 'b"ur"g,f,7', '"b"urg,g,8'
        ),
        USUAL,
    )
    assert rows.cell.tolist() == ["a", "e"]
    assert rows.row.tolist() == [2, 6]
    assert [(p.row, p.column) for p in rows.problems] == [(3, ""), (4, ""), (5, ""), (7, ""), (8, "")]
    found = [p.found for p in rows.problems]
    assert found[0] == "2 fields between commas"
    assert found[1] == "4 fields between commas"
    assert found[2] == "a quote that is not closed on its line"
    assert "inside a field" in found[3]
    assert "'urg,g,8' after a closing quote" in found[4]


def test_long_fields_are_problems():
    assert problems(f"{'a' * 200},b,1") == []
    ((row, column, found),) = problems(f"{'a' * 201},b,1")
    assert (row, column) == (2, "kind")
    assert found.startswith("201 characters")
    ((row, column, found),) = problems(f"a,b,{'1' * 201}")
    assert (row, column) == (2, "risk")
    assert len(found) < 100
    assert problems("a" * 5000 + ",b,1") == [(2, "", "a line of 5,004 characters")]


@pytest.mark.parametrize("sign", ["\x1b[2J", "a\x07", "\u202egnp", "a\xa0b", "\u200b", "a\tb"])
def test_signs_that_a_screen_obeys_are_problems_and_are_not_shown(sign):
    ((row, column, found),) = problems(f"x{sign}x,b,1")
    assert (row, column) == (2, "kind")
    assert found.isprintable()


def test_formulas_are_texts():
    rows = read_csv(csv("=cmd|' /C calc'!A0,@x,1"), USUAL)
    assert rows.kind.tolist() == ["=cmd|' /C calc'!A0"]
    assert rows.cell.tolist() == ["@x"]
    assert rows.problems == ()


def test_all_problems_are_counted_and_the_first_are_kept():
    many = PROBLEMS_KEPT + 500
    rows = read_csv(csv(*["burglary,a,x"] * many), USUAL)
    assert len(rows.problems) == PROBLEMS_KEPT
    assert rows.problems_left_out == 500
    assert rows.problems[0] == Problem(2, "risk", "'x'", "a plain decimal number, such as 12, 0.5 or 1.5e-3")
    assert str(many) in repr(rows)


# Files without a table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (csv(), "a header but no rows"),
        (csv("", ",,", "  "), "a header but no rows"),
        (b"\n \n", "nothing but blanks"),
        (csv("a,b,1", header="kind,cell,risc"), r"'risc' is unknown \(did you mean risk\?\).*it lacks rank or risk"),
        (csv("a,b,1,2", header="kind,cell,risk,risk"), "risk is there 2 times"),
        (csv("a,b,1,2", header="kind,cell,risk,Risk "), "risk is there 2 times"),
        (csv("a,b,1,", header="kind,cell,risk,"), "column 4 has no name"),
        (csv("0,a,b,1", header="Unnamed: 0,kind,cell,risk"), "index=False"),
        (csv("a,1", header="x,colour"), "'colour' is unknown; it lacks kind; it lacks y .*; it lacks rank or risk"),
        (csv("a|b|1", header="kind|cell|risk"), "unknown.*it lacks kind"),
        (csv("burglary,b,1", header="burglary,a,1"), "first row holds the names"),
        (csv("a", header='"kind,cell'), "a quote that is not closed"),
        (csv("a", header="k" * 6000), "has 6,001 characters|has 6,000 characters"),
        (csv("a", header=",".join(f"c{n}" for n in range(70))), "70 columns"),
        (csv("burglary,a\x00b,1"), "Line 2 holds a zero byte"),
        (b"kind,cell\r\nx,y\r\na,b\xe9\r\n", "Line 3 holds the byte 0xe9"),
        (b"kind\rx\r\xff\r", "Line 3 holds the byte 0xff"),
        ("kind,risk\n".encode("utf-16"), "UTF-16"),
        (b"kind,cell\na,\xed\xa0\x80\n", "Line 2 holds the byte 0xed"),
    ],
)
def test_no_table(data, message):
    with pytest.raises(Unreadable, match=message):
        read_csv(data, USUAL)


def test_unknown_names_are_shown_safely_and_not_endlessly():
    with pytest.raises(Unreadable) as caught:
        read_csv(csv("1", header=",".join(f"\x1b{n}{'z' * 60}" for n in range(40))), USUAL)
    assert "30 more are unknown" in str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 2000


def test_rows_up_to_the_limit():
    assert len(read_csv(csv(*["a,b,1"] * 20), SMALL)) == 20
    with pytest.raises(LimitHit, match="21 rows; the plan allows 20") as caught:
        read_csv(csv(*["a,b,1"] * 21), SMALL)
    assert (caught.value.limit, caught.value.allowed, caught.value.found) == ("rows", 20, 21)


def test_rows_are_counted_before_they_are_cut(monkeypatch):
    from predpol_eval.trial.submissions import csv_rows

    monkeypatch.setattr(csv_rows, "_cut", lambda *_: pytest.fail("cut into fields before the count"))
    with pytest.raises(LimitHit):
        read_csv(b"kind\n" + b"a\n" * 10**7, SimpleNamespace(rows=200_000))


def test_the_limit_of_the_csv_module_is_left_alone():
    before = standard.field_size_limit()
    read_csv(CSV, USUAL)
    assert standard.field_size_limit() == before


# Against the standard library -----------------------------------------------------------------------------

WORDS = st.text(st.sampled_from(list("ab\",; \t'é\U0001f600")), max_size=8)


@given(st.lists(WORDS, min_size=2, max_size=6), st.sampled_from([",", ";", "\t"]), st.sampled_from([0, 1]))
def test_lines_are_cut_as_the_csv_module_wrote_them(fields, separator, quoting):
    stream = io.StringIO()
    standard.writer(stream, delimiter=separator, quoting=quoting, lineterminator="").writerow(fields)
    assert split_line(stream.getvalue(), separator) == (fields, "")


@given(st.text(st.sampled_from(list('a",')), max_size=12))
def test_a_line_that_is_accepted_is_cut_as_the_csv_module_cuts_it(line):
    fields, wrong = split_line(line, ",")
    if wrong:
        assert fields == []
    elif line:
        assert fields == next(standard.reader([line], strict=True))
        # And it has quotes only where they belong.
        assert all(not part.count('"') or part == "" for part in fields) or '""' in line
