"""The page itself: it stands alone, is well-formed, says what the findings say, and bears any text."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from predpol_eval.report import report_html
from predpol_eval.report.league_section import league_section
from predpol_eval.report.page import page_of
from predpol_eval.trial.standings import league
from tests.report.pictures.made import (
    findings_with,
    flagged_with,
    grid_with,
    nights_of,
    plan_with,
    tally_with,
)
from tests.report.reading import read

ORDER = [
    "league", "comparisons", "course", "strata", "map", "together", "patrols", "suspicion", "nights", "revisions",
    "method", "provenance",
]  # fmt: skip
HOSTILE = "<script>alert(1)</script> \"quoted\" 'x' $\\frac{1}{2}$ & {{ 7*7 }} {% raw %}"
TURNED = "\u202eabc\u202c שכונה المنطقة \x00\x07"


@pytest.fixture(scope="module")
def page(final):
    return report_html(final)


def test_it_stands_alone_and_is_well_formed(page):
    reader = read(page)
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    policy = next(attrs["content"] for tag, attrs in reader.tags if tag == "meta" and "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    assert "script-src" not in policy
    assert [attrs["id"] for tag, attrs in reader.tags if tag == "section"] == ["answer", *ORDER]
    assert [tag for tag, _ in reader.tags].count("svg") == page.count("<figure>") > 4


def test_headings_tables_and_pictures_can_be_heard(page):
    reader = read(page)
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption") > 8
    scopes = [attrs.get("scope") for tag, attrs in reader.tags if tag == "th"]
    assert set(scopes) == {"col", "row", "rowgroup"}
    for tag, attrs in reader.tags:
        if tag == "svg":
            assert attrs["role"] == "img"
            assert len((attrs["aria-labelledby"] or "").split()) == 2
        if "tabindex" in attrs:
            assert attrs["role"] == "region"
            assert attrs["aria-label"]


def test_every_row_has_as_many_cells_as_its_head(final):
    for section in page_of(final).sections:
        for block in every(section.blocks):
            if block.form == "table":
                assert {len(row.cells) for row in block.rows} <= {len(block.head)}, block.caption


def every(blocks):
    for block in blocks:
        yield block
        yield from every(getattr(block, "blocks", ()))


def test_the_same_findings_give_the_same_bytes(final, page):
    assert report_html(final) == page


def test_the_league_is_that_of_the_findings(final, page):
    text = read(page).of("league").replace("\u00a0", " ")
    for row in final.league.scope():
        assert f"{100 * row.hit_rate:.1f} %" in text
        assert row.ranks in text
        if row.role != "oracle":
            assert f"{row.pai:.2f}" in text
            assert f"{row.lift_low:.2f} to {row.lift_high:.2f}" in text
    # Oracle and chance stand apart, below all others.
    apart = text.index("To hold them against")
    assert apart < text.index("oracle", apart) < text.index("uniform", apart)
    assert text.index("three-week map") < apart


def test_every_number_stands_in_its_own_column(final):
    first = next(row for row in final.league.rows if row.role == "vendor")
    names = [f"{what}{end}" for what in ("hit_rate", "pai", "lift", "pei") for end in ("", "_low", "_high")]
    odd = replace(first, **{name: 0.11 + 0.05 * place for place, name in enumerate(names)})
    table = league_section(replace(final, league=replace(final.league, rows=(odd,))), ()).blocks[-1]
    (row,) = table.rows
    assert [(cell.text, cell.more) for cell in row.cells[2:6]] == [
        ("11.0 %", "16.0 to 21.0 %"), ("0.26", "0.31 to 0.36"), ("0.41", "0.46 to 0.51"), ("0.56", "0.61 to 0.66"),
    ]  # fmt: skip


def test_comparisons_and_sequences_are_those_of_the_findings(final, page):
    text = read(page).of("comparisons").replace("\u00a0", " ")
    for pair in final.looks[-1].pairs:
        assert f"{pair.a} against {pair.b}" in text
        assert f"{100 * pair.comparison.estimate:+.1f}".replace("-", "−") in text
    assert text.count("not told apart") >= sum(not pair.found for look in final.looks for pair in look.pairs)
    assert text.index("Look 3, the last one") < text.index("Look 2, after") < text.index("Look 1, after")
    (course,) = [course for course in final.courses if (course.a, course.b) == ("A", "B")]
    assert course.first
    assert f"{course.first} (A ahead)" in text


def test_a_state_is_said_loudly(final, page, plan):
    assert "<title>Final: A trial</title>" in page
    assert read(report_html(replace(final, looks=final.looks[:1]))).text.count("Interim") >= 2
    nothing = findings_with(plan, None, nights=nights_of(plan, {night.name: "to come" for night in plan.nights}))
    empty = read(report_html(nothing))
    assert "Nothing counts yet" in empty.text
    assert [attrs["id"] for tag, attrs in empty.tags if tag == "section"] == ["answer", *ORDER]
    assert "1 February 2019, 00:00 (Europe/London)" in read(page).text


def test_ends_of_a_polygon_vendor_and_of_one_submitter(plan, tmp_path):
    tally = tally_with(plan, 2)
    tally["oracle_hits"].loc[{"forecaster": "B"}] = float("nan")
    drawn = replace(findings_with(plan, None), tally=tally, league=league(tally, plan, draws=39))
    (section,) = [section for section in page_of(drawn).sections if section.name == "league"]
    (table,) = [block for block in section.blocks if block.form == "table"]
    pei = {row.cells[0].text: row.cells[5] for row in table.rows}
    assert pei["B"].text == "–"
    assert pei["A"].text != "–"
    one = plan_with(tmp_path, 20, vendors=("A",), in_house=(), kinds=("burglary",), areas=("South",))
    alone = findings_with(one, tally_with(one, 2, rate=3.0), grid=grid_with(("South",)), taken=(3,))
    reader = read(report_html(alone))
    assert "The plan compares nobody." in reader.of("comparisons")
    assert "one kind of crime and one area" in reader.of("strata")


def test_many_areas_and_kinds_and_no_house(tmp_path):
    areas = tuple(f"Borough of {place}" for place in range(32))
    kinds = tuple(f"kind {place}" for place in range(10))
    many = plan_with(tmp_path, 14, vendors=("A", "B"), in_house=(), kinds=kinds, areas=areas, pairs=(("A", "B"),))
    grid = grid_with(areas, cells=4)
    tally = tally_with(many, 2, rate=0.3)
    reader = read(report_html(findings_with(many, tally, grid=grid, flagged=flagged_with(many, grid), taken=(3,))))
    text = reader.of("strata")
    assert all(name in text for name in (*areas, *kinds))
    assert "No in-house map took part" in reader.of("answer")


def test_any_text_is_only_text(tmp_path):
    areas, kinds = (HOSTILE, TURNED), ("x" * 200, "=1+1")
    odd = plan_with(tmp_path, 12, kinds=kinds, areas=areas)
    odd = replace(odd, name=HOSTILE, baseline_texts=((HOSTILE, "CountMap()"), ("kernel", "KDE()")))
    names = [night.name for night in odd.nights]
    told = nights_of(odd, {names[3]: "void"})
    told = tuple(replace(night, reason=HOSTILE if night.state == "void" else "") for night in told)
    tally = tally_with(odd, 2, rate=2.0, rates={HOSTILE: 0.2})
    grid = grid_with(("one", "two"))
    found = findings_with(odd, tally, grid=grid, nights=told, flagged=flagged_with(odd, grid), taken=(3,))
    page = report_html(found)
    reader = read(page)
    # It is all there as text, and nowhere as anything else.
    assert "<script" not in page
    assert "alert(1)" in reader.of("nights")
    assert "{{ 7*7 }}" in reader.text
    assert "49" not in reader.of("nights").split("Void nights")[-1].split("Nights without")[0]
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "שכונה" in page
    page.encode("utf-8")


def test_no_path_name_or_place_of_a_crime(short, found):
    page = report_html(found, trial=short.trial)
    text = read(page).text
    for secret in ("tonight.csv", str(short.trial.folder), "case ", "Quarrymap", "wards.geojson", "/tmp/"):
        assert secret not in page, secret
    # No coordinates of the town: eastings and northings of six digits.
    assert not re.search(r"\b43[0-3]\d{3}(\.\d+)?\b", text)
