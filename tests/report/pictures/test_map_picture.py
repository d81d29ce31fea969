"""The map: shares and classes of boxes where they belong, and nothing of a single crime."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from PIL import Image

from predpol_eval.report.pictures import as_svg, draw_map
from predpol_eval.report.pictures.area_outlines import label_places, numbered, outlines_of
from predpol_eval.report.pictures.map_classes import (
    CLASSES,
    LEAST,
    class_names,
    crime_class,
    crimes_by_box,
    flagged_share,
    scale_top,
)
from predpol_eval.report.pictures.short_names import width_of
from tests.report.pictures.made import grid_with

GROUND = (244, 244, 244)


def svg(findings):
    return as_svg(draw_map(findings), title="The map", description="Areas, flags and crimes.")


def images(text):
    """Pictures in the map as arrays, as they are seen: the uppermost row first."""
    found = []
    for element in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}image"):
        data = base64.b64decode(element.attrib["href"].removeprefix("data:image/png;base64,"))
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        across, _, _, down = map(float, re.findall(r"-?[\d.]+", element.attrib["transform"])[:4])
        assert across > 0
        found.append(picture if down > 0 else picture[::-1])
    return found


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def with_crimes(findings, crimes):
    return replace(findings, flagged=replace(findings.flagged, crimes=crimes))


def by_box(findings, counts):
    """Crimes that come to these numbers, on whatever nights."""
    made = np.zeros_like(findings.flagged.crimes)
    made[0, 0] = counts
    return with_crimes(findings, made)


# Disclosure -----------------------------------------------------------------------------------------------


def test_one_crime_looks_as_two(small):
    cells = len(small.flagged.cells)
    counts = np.random.default_rng(1).integers(0, 8, cells).astype(float)
    low = np.where(counts == 2, 1, counts)
    assert (counts == 2).any()
    assert (counts == 1).any()
    assert svg(by_box(small, counts)) == svg(by_box(small, low))
    # What a class apart is, is seen.
    assert svg(by_box(small, np.where(counts == 2, 3, counts))) != svg(by_box(small, counts))


def test_the_night_and_the_kind_of_a_crime_are_not_shown(usual):
    crimes = usual.flagged.crimes
    mixed = np.random.default_rng(1).permutation(crimes.reshape(-1, crimes.shape[-1])).reshape(crimes.shape)
    assert svg(with_crimes(usual, mixed)) == svg(usual)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=30))
def test_no_class_is_narrower_than_the_least(counts):
    classes = crime_class(np.array(counts, dtype=float))
    whole = np.arange(1, 400)
    of_whole = crime_class(whole.astype(float))
    for count, found in zip(counts, classes, strict=True):
        assert (found == 0) == (count == 0)
        if count:
            alike = whole[of_whole == found]
            assert len(alike) >= LEAST - 1
            name = class_names(True)[found]
            low = int(name.split()[0])
            high = np.inf if name.endswith("more") else int(name.split()[-1])
            assert low <= count <= high
            assert alike[0] == low


def test_parts_of_crimes():
    assert crime_class(np.array([0, 1e-9, 0.2, 2.999, 3 - 1e-9, 5.9, 6.0])).tolist() == [0, 0, 1, 1, 2, 2, 3]
    assert len(class_names(True)) == len(class_names(False)) == len(CLASSES) + 2


def test_no_coordinates_in_the_map(small):
    """Cells of the grid have eastings from 430,000: none stands in the file, in metres or kilometres."""
    text = re.sub(r'base64,[^"]*|#[0-9a-f]{6}|http://www.w3.org/2000/svg|p[0-9a-f]{10}-\w+', "", svg(small))
    numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", text)]
    assert max(numbers) < 2000


def test_the_largest_number_is_not_told(small):
    counts = np.zeros(len(small.flagged.cells))
    counts[0] = 101
    more = counts * 7
    assert svg(by_box(small, counts)) == svg(by_box(small, more))
    assert "101 or more" in texts(draw_map(by_box(small, counts)))


# What is shown --------------------------------------------------------------------------------------------


def naive_share(flagged, name):
    """Night by night and box by box."""
    nights = [night for night in flagged.shares[name] if np.isfinite(night).any()]
    share = np.zeros(len(flagged.cells))
    for box in range(len(flagged.cells)):
        for night in nights:
            share[box] += max(part if np.isfinite(part) else 0.0 for part in night[:, box]) / len(nights)
    return share, len(nights)


def test_shares_by_a_slow_twin(usual):
    generator = np.random.default_rng(2)
    shares = {name: values[:30].copy() for name, values in usual.flagged.shares.items()}
    shares["A"][[3, 20]] = np.nan
    shares["B"][5, 0] = np.nan
    shares["B"][:, :, 7] = generator.random((30, 2))
    flagged = replace(usual.flagged, shares=shares)
    for name in ("A", "B", "in-house"):
        found, nights = flagged_share(flagged, name)
        expected, count = naive_share(flagged, name)
        assert nights == count
        np.testing.assert_allclose(found, expected)
    assert flagged_share(flagged, "A")[1] == 28
    assert flagged_share(flagged, "nobody")[1] == 0
    none = replace(flagged, shares={"A": np.full_like(shares["A"], np.nan)})
    assert flagged_share(none, "A") == (pytest.approx(np.zeros(len(flagged.cells))), 0)


def test_crimes_are_added_over_nights_that_count(small):
    crimes = small.flagged.crimes.copy()
    crimes[4] = np.nan
    found, nights = crimes_by_box(replace(small.flagged, crimes=crimes))
    assert nights == 29
    np.testing.assert_allclose(found, np.nansum(crimes, axis=(0, 1)))


def test_pixels_are_the_boxes(small):
    """The middle of every box has the colour of its class, north above south."""
    cells = len(small.flagged.cells)
    counts = np.random.default_rng(3).integers(0, 12, cells).astype(float)
    drawn = images(svg(by_box(small, counts)))
    assert len(drawn) == 1 + len(small.plan.submitters) + 1, "crimes, everybody, and the scale"
    ny, nx = small.grid.shape
    for number, values in enumerate(
        [crime_class(counts), *(flagged_share(small.flagged, name)[0] for name in small.plan.submitters)]
    ):
        picture = drawn[number]
        times = picture.shape[0] // ny
        assert picture.shape[:2] == (ny * times, nx * times)
        middle = picture[times // 2 :: times, times // 2 :: times].reshape(ny, nx, 4)[::-1].reshape(-1, 4)
        outside = np.setdiff1d(np.arange(ny * nx), small.flagged.cells)
        assert (middle[outside, 3] == 0).all()
        here = middle[small.flagged.cells]
        assert (here[:, 3] == 255).all()
        light = here[:, :3].astype(int).sum(axis=1)
        assert (here[values == 0, :3] == GROUND).all()
        # The more, the darker.
        order = np.argsort(values, kind="stable")
        assert (np.diff(light[order]) <= 3).all()
        assert (light[values > 0] < sum(GROUND)).all()


def test_all_share_one_scale(small):
    shares = dict(small.flagged.shares)
    shares["B"] = shares["A"] * 0.3
    scaled = replace(small, flagged=replace(small.flagged, shares=shares))
    figure = draw_map(scaled)
    darkest = [picture[picture[..., 3] > 0][:, :3].astype(int).sum(axis=1).min() for picture in images(svg(scaled))]
    assert darkest[2] > darkest[1] + 100, "a third as often is a lighter shade, though the most of that panel"
    most = max(flagged_share(replace(small.flagged, shares=shares), name)[0].max() for name in shares)
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels[0] == "0 %"
    assert labels[-1] == f"{100 * scale_top(most):.3g} %"
    said = texts(figure)
    assert "never" in said
    assert any("share of nights" in text for text in said)
    assert any(re.fullmatch(r"[125]0* k?m", text) for text in said), "a scale bar of a round length"
    assert "N" in said


def test_the_scale_bar_is_as_long_as_it_says(small):
    figure = draw_map(small)
    (unit,) = [text for text in texts(figure) if re.fullmatch(r"[125]0* k?m", text)]
    metres = float(unit.split()[0]) * (1000 if unit.endswith("km") else 1)
    (bar,) = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 4]
    points = np.ptp(bar.get_xdata())
    areas = figure.axes[1]
    figure.draw_without_rendering()
    box = areas.get_window_extent()
    assert points * np.ptp(areas.get_xlim()) / (box.width * 72 / figure.dpi) == pytest.approx(metres, rel=0.02)


def test_titles_count_nights(small):
    shares = dict(small.flagged.shares)
    shares["A"] = shares["A"].copy()
    shares["A"][[3, 20]] = np.nan
    shares["B"] = np.full_like(shares["B"], np.nan)
    said = texts(draw_map(replace(small, flagged=replace(small.flagged, shares=shares))))
    assert {"Areas", "Recorded crimes, 30 nights", "A, 28 nights", "B, no night", "in-house, 30 nights"} <= set(said)


def test_no_crime_and_nothing_known(no_crime, small):
    said = texts(draw_map(no_crime))
    assert {"none", "A, 10 nights"} <= set(said)
    assert "1 to 2" not in said
    assert draw_map(replace(small, flagged=None)) is None
    blank = replace(
        small.flagged,
        shares={name: np.full_like(values, np.nan) for name, values in small.flagged.shares.items()},
        crimes=np.full_like(small.flagged.crimes, np.nan),
    )
    assert draw_map(replace(small, flagged=blank)) is None


# Areas ----------------------------------------------------------------------------------------------------


def test_long_names_give_way_to_numbers(many, small):
    said = texts(draw_map(many))
    assert {str(number) for number in range(1, 33)} <= set(said)
    key = next(text for text in said if text.startswith("Areas are ")).replace("\n", " ")
    assert "1: Barking and the North; 2: Barking and the South" in key
    assert key.endswith("32: Hounslow and the Hamlets upon Thames.")
    said = texts(draw_map(small))
    assert set(small.grid.labels) == {"South", "mid", "=North"}
    assert set(small.grid.labels) <= set(said)


def test_outlines_without_a_boundary_follow_the_cells():
    grid = grid_with(("a", "b", "c"), across=3, ragged=False)
    bare = replace(grid, boundary=())
    drawn, true = outlines_of(bare, 1.0), outlines_of(grid, 1.0)
    np.testing.assert_allclose(drawn.middles, true.middles, atol=125)
    assert drawn.path.get_extents().bounds == pytest.approx(true.path.get_extents().bounds)
    np.testing.assert_allclose(true.reach, 1000.0, atol=63)


def test_outlines_are_no_finer_than_seen():
    grid = grid_with(tuple("abcdef"), across=3)
    fine = outlines_of(grid, 0.0)
    coarse = outlines_of(grid, 400.0)
    assert len(coarse.path.vertices) <= len(fine.path.vertices)


@given(st.integers(2, 12), st.floats(0.0, 3.0))
def test_labels_are_moved_apart(count, apart):
    """Small areas in a row, closer together than their numbers are wide."""
    grid = grid_with(tuple(map(str, range(count))), across=count, cells=2, ragged=False)
    outlines = outlines_of(grid, 1.0)
    # So many metres to a point that neighbours are a few points apart.
    metres = 500.0 / (4.0 + apart)
    texts = [str(number + 1) for number in range(count)]
    places = label_places(outlines, texts, metres) / metres
    for one in range(count):
        for other in range(one):
            across, up = np.abs(places[one] - places[other])
            width = (width_of(texts[one]) + width_of(texts[other])) / 2
            assert across > width - 1 or up > 8


def test_short_names_stay(small):
    outlines = outlines_of(grid_with(("70", "73", "75"), across=3, cells=2), 1.0)
    assert not numbered(outlines, 500.0)
    assert numbered(outlines_of(small.grid, 1.0)._replace(names=("Southern part", "b", "c")), 200.0)
    assert not numbered(outlines_of(small.grid, 1.0)._replace(names=("Southern part", "b", "c")), 10.0)


def test_colours_of_the_key_are_those_of_the_boxes(small):
    counts = np.zeros(len(small.flagged.cells))
    counts[:4] = [1, 4, 7, 30]
    findings = by_box(small, counts)
    swatches = {tuple(np.round(255 * np.array(to_rgba(patch.get_facecolor()))).astype(int)) for patch in
                draw_map(findings).axes[0].patches}  # fmt: skip
    boxes = {tuple(pixel) for pixel in np.unique(images(svg(findings))[0].reshape(-1, 4), axis=0) if pixel[3]}
    assert boxes <= swatches
