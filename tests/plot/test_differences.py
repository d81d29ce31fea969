"""Differences drawn: bars where the numbers are, zero in sight, and no bar where there is too little."""

from __future__ import annotations

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.plot.canvas import new_figure
from tests.comparisons.worlds import random_tally, sides


def bars(axes):
    """Ends of the horizontal bars, by row."""
    found = {}
    for line in axes.lines:
        x, y = line.get_data()
        if len(x) == 2 and y[0] == y[1]:
            found[int(y[0])] = tuple(x)
    return found


def test_bars_are_the_intervals_in_points():
    clear, unclear = ppe.compare(*sides(random_tally(2, better=0.1))), ppe.compare(*sides(random_tally(1)))
    few = ppe.compare(*sides(random_tally(1).isel(window=slice(0, 5))))
    figure = ppe.plot_comparisons({"clear": clear, "unclear": unclear, "few": few}, note="A note.")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["clear", "unclear", "few"]
    drawn = bars(axes)
    assert drawn[0] == pytest.approx((100 * clear.low, 100 * clear.high))
    assert drawn[1] == pytest.approx((100 * unclear.low, 100 * unclear.high))
    assert 2 not in drawn, "too few differences: no bar"
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    assert [mark.get_markerfacecolor() for mark in marks] == ["#000000", "#000000", "white"]
    low, high = axes.get_xlim()
    assert low < 0 < high
    assert axes.get_xlabel() == "difference in hit rate (points)"
    assert "A note." in figure._supxlabel.get_text()
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_other_metrics_in_their_own_unit():
    found = ppe.compare(*sides(random_tally(2)), "search_efficiency")
    (axes,) = ppe.plot_comparisons([found, found]).axes
    assert axes.get_xlabel() == "difference in search efficiency (crimes per km2)"
    assert bars(axes)[0] == pytest.approx((found.low, found.high))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A against B", "A against B (2)"]


def test_a_course_is_drawn_as_a_band():
    course = ppe.confidence_sequence(*sides(random_tally(2, nights=90, better=0.1)))
    figure = ppe.plot_course(course)
    (axes,) = figure.axes
    (line,) = [one for one in axes.lines if len(one.get_xdata()) == 90]
    np.testing.assert_allclose(line.get_ydata(), 100 * course.estimate)
    assert len(axes.collections) == 1
    low, high = axes.get_ylim()
    assert low < 0 < high
    assert axes.get_ylabel() == "difference in hit rate (points)"
    assert axes.get_title(loc="left") == "A less B"
    assert "95 %" in figure._supxlabel.get_text()
    one = ppe.plot_course(course.isel(window=[3]))
    assert one._repr_png_().startswith(b"\x89PNG")


def test_into_an_ax_of_ones_own():
    figure = new_figure(7, 5)
    upper, lower = figure.subplots(2)
    assert ppe.plot_comparisons(ppe.compare(*sides(random_tally(1))), ax=upper) is figure
    assert ppe.plot_course(ppe.confidence_sequence(*sides(random_tally(1))), ax=lower) is figure


def test_what_cannot_be_drawn_is_refused():
    found = ppe.compare(*sides(random_tally(1)))
    for wrong in ([], {}, ["A"], {"A": 3}):
        with pytest.raises(InputError, match="Expected comparisons"):
            ppe.plot_comparisons(wrong)
    with pytest.raises(InputError, match="several metrics"):
        ppe.plot_comparisons([found, ppe.compare(*sides(random_tally(1)), "pai")])
    course = ppe.confidence_sequence(*sides(random_tally(1)))
    for wrong in (course.drop_vars("low"), course.isel(window=[]), found):
        with pytest.raises(InputError, match="Expected the course of a comparison"):
            ppe.plot_course(wrong)
