"""What holds of every picture of every trial: nothing overlaps or leaves the sheet, all can be read, and all is SVG."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from predpol_eval.report.pictures import as_svg
from predpol_eval.report.pictures.paper import plain_settings
from tests.report.pictures.conftest import DRAW

# What is drawn of each trial; no picture of what is not there.
NOT_DRAWN = {
    "one": {"pairs", "sequences", "strata"},
    "no_crime": {"league", "course", "pairs", "strata"},
    "all_void": {"league", "course", "pairs", "sequences", "strata", "map"},
}
SVG = "{http://www.w3.org/2000/svg}"
# Texts may touch by as much, in points: boxes of text are a little taller than letters.
TOUCH = 2.2


def texts_of(figure):
    """Every text that is seen, with its box in points."""
    from matplotlib.text import Text

    with plain_settings():
        renderer = figure.canvas.get_renderer()
        figure.draw_without_rendering()
        for axes in figure.axes:
            for text in axes.findobj(Text):
                if text.get_text() and text.get_visible() and text.axes is not None:
                    if text in hidden_ticks(axes):
                        continue
                    box = text.get_window_extent(renderer)
                    yield text, [side * 72 / figure.dpi for side in (box.x0, box.y0, box.x1, box.y1)]


def hidden_ticks(axes):
    """Labels of ticks that are outside the axis, or of invisible axes."""
    if not axes.axison:
        return [text for axis in (axes.xaxis, axes.yaxis) for text in axis.get_ticklabels()]
    hidden = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        slack = 1e-9 + 1e-6 * (high - low)
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
            if not low - slack <= tick.get_loc() <= high + slack or not tick.label1.get_visible():
                hidden.append(tick.label1)
            hidden.append(tick.label2)
    return hidden


def test_what_is_drawn_fits(each_case, drawn):
    name, findings = each_case
    found_all = drawn(findings)
    assert {what for what, figure in found_all.items() if figure is None} == NOT_DRAWN.get(name, set())
    for what, figure in found_all.items():
        if figure is None:
            continue
        width, height = 72 * figure.get_size_inches()
        assert width == pytest.approx(345.6)
        found = list(texts_of(figure))
        assert found
        for text, (left, low, right, high) in found:
            assert text.get_fontsize() >= 8.5, (what, text.get_text())
            assert left > -1, (what, text.get_text())
            assert right < width + 1, (what, text.get_text())
            assert low > -1, (what, text.get_text())
            assert high < height + 1, (what, text.get_text())
        for (one, a), (other, b) in combinations(found, 2):
            across, up = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
            assert across <= TOUCH or up <= TOUCH, (what, one.get_text(), other.get_text())


def test_all_of_a_trial_stand_in_one_page(each_case, drawn):
    _, findings = each_case
    made = [
        as_svg(figure, title=f"The {what}", description="What is seen.")
        for what, figure in drawn(findings).items()
        if figure is not None
    ]
    page = "".join(made)
    ids = Counter(re.findall(r'\bid="([^"]*)"', page))
    assert max(ids.values()) == 1
    used = set(re.findall(r"url\(#([^)]*)\)", page)) | set(re.findall(r'href="#([^"]*)"', page))
    told = {one for found in re.findall(r'aria-labelledby="([^"]*)"', page) for one in found.split()}
    assert used | told == set(ids)
    for text in made:
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "image", "clipPath", "rect"}
        hrefs = [element.attrib["href"] for element in root.iter() if "href" in element.attrib]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in hrefs)
        assert not any(name.startswith("on") for element in root.iter() for name in element.attrib)


def test_the_same_whatever_is_set_elsewhere(small, drawn):
    plain = {what: as_svg(figure, title="t", description="d") for what, figure in drawn(small).items()}
    others = {
        "font.size": 20, "axes.grid": True, "figure.facecolor": "black", "text.color": "white", "svg.hashsalt": None,
        "lines.linewidth": 5, "axes.prop_cycle": mpl.cycler(color=["red"]), "image.origin": "lower",
    }  # fmt: skip
    with mpl.rc_context(others):
        before = dict(mpl.rcParams)
        again = {what: as_svg(draw(small), title="t", description="d") for what, draw in DRAW.items()}
        assert dict(mpl.rcParams) == before
    assert again == plain


def test_pictures_show_themselves_and_leave_nothing_open(small, drawn):
    from matplotlib import pyplot

    for figure in drawn(small).values():
        assert figure._repr_png_().startswith(b"\x89PNG")
    assert pyplot.get_fignums() == []


def test_labels_stand_as_they_are(odd, drawn):
    for what in ("league", "course", "pairs", "strata", "nights", "map"):
        root = ElementTree.fromstring(as_svg(drawn(odd)[what], title="t", description="d"))
        texts = " | ".join(element.text or "" for element in root.iter(f"{SVG}text"))
        for label in ("$A_1$", '<b>&"x"', "الف"):
            assert label in texts, (what, label)
    assert "South $x^2$" in texts


def test_pictures_are_small(usual, many, drawn):
    size = {what: len(as_svg(figure, title="t", description="d")) for what, figure in drawn(usual).items()}
    assert max(size.values()) < 130_000
    assert sum(size.values()) < 350_000
    assert len(as_svg(drawn(many)["map"], title="t", description="d")) < 250_000


def test_the_same_trial_that_goes_on_keeps_its_colours(usual, small):
    from predpol_eval.report.pictures.marks import mark_of

    assert mark_of("A", usual.plan) == mark_of("A", small.plan)
    shapes = {name: mark_of(name, usual.plan).shape for name in ("A", "in-house", "kernel", "uniform", "oracle")}
    assert len(set(shapes.values())) == 5
