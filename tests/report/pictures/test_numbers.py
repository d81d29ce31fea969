"""Pictures show the numbers of the findings: every dot, bar and line is where they say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from predpol_eval.report.pictures import draw_course, draw_league, draw_pairs, draw_sequences, draw_strata
from predpol_eval.report.pictures.date_axis import day_of
from predpol_eval.report.pictures.marks import mark_of
from tests.report.pictures.made import findings_with, standing


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def dots(axes):
    """Single marks: place, marker and whether they are filled."""
    return [
        (line.get_xdata()[0], line.get_ydata()[0], line.get_marker(), line.get_markerfacecolor())
        for line in axes.lines
        if line.get_linestyle() == "None" and len(line.get_xdata()) == 1
    ]


def bars(axes):
    return {
        float(line.get_ydata()[0]): tuple(line.get_xdata())
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1] and line.get_marker() == "None"
    }


# The league -----------------------------------------------------------------------------------------------


def test_the_league_is_drawn_row_by_row(small):
    rows = small.league.scope()
    figure = draw_league(small)
    _, axes = figure.axes
    low, high = axes.get_ylim()
    assert low > high, "the best is at the top"
    drawn = {y: (x, marker) for x, y, marker, _ in dots(axes)}
    bar = bars(axes)
    for place, row in enumerate(rows):
        mark = mark_of(row.forecaster, small.plan)
        if row.rank:
            assert drawn[place] == (pytest.approx(row.hit_rate), mark.shape)
            assert bar[place] == pytest.approx((row.hit_rate_low, row.hit_rate_high))
        assert f"{100 * row.hit_rate:.1f} %" in texts(figure)
        assert row.forecaster in texts(figure)
    # The ceiling is so far off that it is an arrow at the edge, with its rate in figures.
    assert rows[0].forecaster == "oracle"
    assert drawn[0] == (axes.get_xlim()[1], ">")
    assert {"vendor", "in-house map", "simple baseline", "chance", "ceiling"} <= set(texts(figure))
    assert any("beyond the axis" in text.replace("\n", " ") for text in texts(figure))


def test_a_near_ceiling_is_drawn_to_scale(small):
    rows = [
        standing("oracle", "oracle", 0.5, 0.02),
        standing("A", "vendor", 0.4, 0.03),
        standing("B", "vendor", 0, math.nan),
    ]
    near = replace(small, league=replace(small.league, rows=tuple(rows)))
    _, axes = draw_league(near).axes
    assert (0.5, 0, "v", "white") in dots(axes)
    assert bars(axes)[1] == pytest.approx((0.37, 0.43))
    assert 2 not in bars(axes), "no interval, no bar"
    assert (0.0, 2, "o", mark_of("B", small.plan).color) in dots(axes)
    assert any("No bar" in text for text in texts(draw_league(near)))


def test_who_has_no_rate_has_no_dot(small):
    rows = [standing("A", "vendor", 0.4, 0.03), standing("B", "vendor", math.nan, math.nan)]
    rows.append(replace(standing("in-house", "in-house", math.nan, math.nan), nights=0))
    odd = replace(small, league=replace(small.league, rows=tuple(rows)))
    figure = draw_league(odd)
    assert {y for _, y, _, _ in dots(figure.axes[1])} == {0}
    assert {"no crime", "no night"} <= set(texts(figure))
    assert "in-house map" not in texts(figure), "a role with no mark is not in the key"


def test_provisional_is_said_in_the_picture(small):
    tally = small.tally.assign_coords(settled=("window", [True] * 25 + [False] * 4))
    told = replace(small, settled_only=False, tally=tally)
    for draw in (draw_league, draw_strata, draw_sequences):
        said = " ".join(texts(draw(told))).replace("\n", " ")
        assert "Provisional: the crimes of 4 nights have not settled." in said
        assert "Provisional" not in " ".join(texts(draw(small)))


# The course -----------------------------------------------------------------------------------------------


def lines_of(figure):
    """Lines over nights, by name."""
    return {line.get_label(): line for line in figure.axes[1].lines if not line.get_label().startswith("_")}


def test_the_course_is_the_running_rate(small):
    figure = draw_course(small)
    tally = small.tally.isel(budget=0)
    names = [night.night for night in small.nights if night.state != "void"]
    drawn = lines_of(figure)
    assert set(drawn) == set(tally["forecaster"].to_numpy())
    for name in tally["forecaster"].to_numpy():
        hits = crimes = 0.0
        expected = []
        for night in range(len(names)):
            caught = tally["hits"].sel(forecaster=name).isel(window=night).to_numpy()
            happened = tally["events"].sel(forecaster=name).isel(window=night).to_numpy()
            if np.isfinite(caught).all():
                hits, crimes = hits + caught.sum(), crimes + happened.sum()
            expected.append(hits / crimes if crimes else math.nan)
        line = drawn[name]
        assert list(line.get_xdata()) == [day_of(night) for night in names]
        np.testing.assert_allclose(line.get_ydata(), expected)
        mark = mark_of(str(name), small.plan)
        assert line.get_color() == (mark.color if name in small.plan.submitters else "#8a8a8a")
        (row,) = [row for row in small.league.scope() if row.forecaster == name]
        assert expected[-1] == pytest.approx(row.hit_rate)
        assert name in texts(figure)


def test_looks_and_void_nights_on_the_course(small, usual):
    axes = draw_course(small).axes[1]
    upright = {
        line.get_xdata()[0]: line.get_linestyle()
        for line in axes.lines
        if list(line.get_xdata()) == [line.get_xdata()[0]] * 2
    }
    assert upright == {day_of(look.nights[-1]): "-" for look in small.looks}
    (void,) = [
        line
        for line in axes.lines
        if line.get_marker() == "x" and len(line.get_xdata()) == 1 and line.get_ydata()[0] == 0.02
    ]
    assert list(void.get_xdata()) == [day_of("2018-07-08")]
    # Of half a year so far: one look taken, two to come, where as many nights will have counted if no more are void.
    axes = draw_course(usual).axes[1]
    upright = [line for line in axes.lines if list(line.get_xdata()) == [line.get_xdata()[0]] * 2]
    counting = [night.night for night in usual.nights if night.state != "void"]
    assert [line.get_linestyle() for line in upright] == ["-", "--", "--"]
    assert [line.get_xdata()[0] for line in upright] == [
        day_of(usual.looks[0].nights[-1]), day_of(counting[122]), day_of(counting[-1]),
    ]  # fmt: skip


def test_nights_that_have_not_settled_are_shaded(small):
    told = [replace(night, state="provisional") if night.night >= "2018-07-28" else night for night in small.nights]
    tally = small.tally.assign_coords(settled=("window", [True] * 26 + [False] * 3))
    figure = draw_course(replace(small, settled_only=False, nights=tuple(told), tally=tally))
    assert len(figure.axes[1].patches) == 3
    assert "not settled yet" in texts(figure)
    assert {len(line.get_xdata()) for line in lines_of(figure).values()} == {29}, "they count, too"
    assert not draw_course(small).axes[1].patches


def test_crimes_that_count_once(small):
    """Where crimes of uncertain moment stand on several nights, the rate is of those that count once."""
    tally = small.tally.assign(hits_once=small.tally["hits"] / 2, events_once=small.tally["events"])
    found = findings_with(small.plan, tally, nights=small.nights)
    a = next(row for row in found.league.scope() if row.forecaster == "A")
    assert lines_of(draw_course(found))["A"].get_ydata()[-1] == pytest.approx(a.hit_rate)
    assert a.hit_rate < 0.6 * next(row.hit_rate for row in small.league.scope() if row.forecaster == "A")


# Pairs and sequences --------------------------------------------------------------------------------------


def test_pairs_are_drawn_with_their_intervals(small):
    figure = draw_pairs(small)
    axes = figure.axes[1]
    pairs = small.looks[-1].pairs
    assert {pair.found for pair in pairs} == {True, False}
    drawn = {y: (x, fill) for x, y, _, fill in dots(axes)}
    for place, pair in enumerate(pairs):
        assert drawn[place] == (pytest.approx(100 * pair.comparison.estimate), "#222222" if pair.found else "white")
        assert bars(axes)[place] == pytest.approx((100 * pair.comparison.low, 100 * pair.comparison.high))
        words = " ".join(texts(figure))
        assert f"{pair.better} caught more" in words.replace("\n", " ") if pair.found else "not told apart" in words
    low, high = axes.get_xlim()
    assert low == -high, "neither side is favoured"
    assert any(list(line.get_xdata()) == [0, 0] for line in axes.lines)


def test_a_finding_whose_interval_holds_zero_is_drawn_as_none(small):
    look = small.looks[-1]
    wrong = [replace(pair, found=True, comparison=replace(pair.comparison, low=-0.1, high=0.1)) for pair in look.pairs]
    figure = draw_pairs(replace(small, looks=(replace(look, pairs=tuple(wrong)),)))
    assert {fill for *_, fill in dots(figure.axes[1])} == {"white"}
    assert not any("caught more" in text for text in texts(figure) if "→" not in text and "←" not in text)
    assert "a finding" not in texts(figure)


def test_pairs_without_intervals(two_nights, small):
    figure = draw_pairs(two_nights)
    assert bars(figure.axes[1]) == {}
    assert any("too little" in text for text in texts(figure))
    assert any("No intervals" in text for text in texts(figure))
    # Nothing may be spent yet: what is computed is not drawn.
    look = small.looks[-1]
    early = [replace(pair, found=False, level=0.0) for pair in look.pairs]
    assert bars(draw_pairs(replace(small, looks=(replace(look, pairs=tuple(early)),))).axes[1]) == {}
    nothing = [
        replace(pair.comparison, estimate=math.nan, low=math.nan, high=math.nan, enough=False) for pair in look.pairs
    ]
    blank = [replace(pair, found=False, comparison=one) for pair, one in zip(look.pairs, nothing, strict=True)]
    assert dots(draw_pairs(replace(small, looks=(replace(look, pairs=tuple(blank)),))).axes[1]) == []


def test_the_last_look_is_drawn(small):
    first = draw_pairs(replace(small, looks=small.looks[:1]))
    assert sorted(x for x, *_ in dots(first.axes[1])) == pytest.approx(
        sorted(100 * pair.comparison.estimate for pair in small.looks[0].pairs)
    )
    assert draw_pairs(replace(small, looks=())) is None


def test_sequences_are_drawn_on_one_scale(small):
    figure = draw_sequences(small)
    panels = figure.axes[1:]
    assert len(panels) == len(small.courses) == 3
    assert len({axes.get_ylim() for axes in panels}) == 1
    assert len({axes.get_xlim() for axes in panels}) == 1
    for axes, course in zip(panels, small.courses, strict=True):
        (line,) = [one for one in axes.lines if len(one.get_xdata()) == course.data.sizes["window"]]
        np.testing.assert_allclose(line.get_ydata(), 100 * course.data["estimate"].to_numpy())
        days = np.array([str(night) for night in course.data["night"].to_numpy()], dtype="datetime64[D]")
        assert (line.get_xdata().astype("datetime64[D]") == days).all()
        marked = [one for one in axes.lines if one.get_marker() == "o"]
        assert len(marked) == bool(course.first)
        if course.first:
            assert str(marked[0].get_xdata()[0].astype("datetime64[D]")) == course.first
        assert f"{course.a} less {course.b}" in texts(figure)
    assert any(course.first for course in small.courses)
    assert draw_sequences(replace(small, courses=())) is None


def test_one_night_is_a_bar(two_nights):
    courses = tuple(replace(course, data=course.data.isel(window=[0])) for course in two_nights.courses)
    (axes,) = draw_sequences(replace(two_nights, courses=courses)).axes[1:]
    assert len(axes.collections) == 2


# Strata ---------------------------------------------------------------------------------------------------


def test_strata_have_a_panel_for_everybody(many):
    figure = draw_strata(many)
    panels = figure.axes[1:]
    assert len(panels) == 8
    assert len({axes.get_xlim() for axes in panels}) == 1
    for axes, name in zip(panels, many.plan.submitters, strict=True):
        scopes = [
            ("all", "all"),
            *((kind, "all") for kind in many.plan.kinds),
            *(("all", area) for area in many.plan.areas),
        ]
        rows = [next(row for row in many.league.scope(*scope) if row.forecaster == name) for scope in scopes]
        bar, point = [line for line in axes.lines if line.get_color() == mark_of(name, many.plan).color]
        np.testing.assert_allclose(point.get_xdata(), [row.hit_rate for row in rows])
        ends = np.array(bar.get_xdata()).reshape(-1, 3)
        np.testing.assert_allclose(ends[:, 0], [row.hit_rate_low for row in rows])
        np.testing.assert_allclose(ends[:, 1], [row.hit_rate_high for row in rows])
        assert (np.diff(point.get_ydata()) > 0.99).all()
        (grey,) = [line for line in axes.lines if line.get_marker() == "."]
        assert len(grey.get_xdata()) == 7 * len(scopes)
    assert draw_strata(replace(many, league=None)) is None


def test_strata_of_kinds_or_of_areas_alone(small):
    figure = draw_strata(small)
    assert len(small.plan.kinds) == 1
    assert {"all crimes", "South", "mid", "=North"} <= set(texts(figure))
    assert "burglary" not in texts(figure)
