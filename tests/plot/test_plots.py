"""Figures: what they show is what the numbers say, nothing overlaps, and pyplot is left alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.colors import PowerNorm
from matplotlib.text import Text

import predpol_eval as ppe
from predpol_eval.plot import save_figure
from predpol_eval.plot.canvas import PENS, pen
from tests.test_comparisons import caught


@pytest.fixture(scope="module")
def night():
    """A grid with a hole and cut cells, a surface of one night, and crimes of that night and others."""
    import geopandas as gpd
    import shapely

    shape = shapely.box(300_000, 200_000, 302_900, 202_000).difference(shapely.box(300_500, 200_500, 301_000, 201_000))
    areas = gpd.GeoDataFrame(
        {"ward": ["A", "B"]},
        geometry=[shape, shapely.box(302_900, 200_000, 304_000, 202_000)],
        crs="EPSG:27700",
    )
    grid = ppe.Grid.from_areas(areas, cell=250, label="ward")
    windows = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    generator = np.random.default_rng(2)
    risk = ppe.make_surface(
        generator.gamma(0.3, 0.05, (1, *grid.shape)),
        grid,
        windows,
        kind="expected_count",
        forecaster="KDE(bandwidth=500)",
    )
    frame = pd.DataFrame(
        {
            "x": [*generator.uniform(300_000, 304_000, 30), 300_100.0, 300_100.0, 900_000.0],
            "y": [*generator.uniform(200_000, 202_000, 30), 200_100.0, 200_100.0, 200_100.0],
            "t": ["2018-05-01 12:00"] * 20 + ["2018-05-02 00:00"] * 10 + ["2018-05-01 00:00"] * 3,
        }
    )
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    return grid, risk, events


def texts(figure) -> list[str]:
    """All texts of a figure that can be seen."""
    return [found.get_text() for found in figure.findobj(Text) if found.get_text().strip() and found.get_visible()]


def overlapping(figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other, and texts that leave the paper."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()
    paper = figure.bbox
    boxes = []
    for found in figure.findobj(Text):
        text = found.get_text().strip()
        if not text or not found.get_visible():
            continue
        box = found.get_window_extent(renderer)
        if box.width < 1 or box.height < 1:
            continue
        boxes.append((text, box))
    # Labels of ticks beyond the axes are not drawn.
    drawn = [(text, box) for text, box in boxes if paper.contains((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)]
    bad = [
        (text, "leaves the paper")
        for text, box in drawn
        if box.x0 < paper.x0 - 1 or box.x1 > paper.x1 + 1 or box.y0 < paper.y0 - 1 or box.y1 > paper.y1 + 1
    ]
    for i, (text, box) in enumerate(drawn):
        for other, second in drawn[i + 1 :]:
            wide = min(box.x1, second.x1) - max(box.x0, second.x0)
            high = min(box.y1, second.y1) - max(box.y0, second.y0)
            if wide > 1.5 and high > 1.5:
                bad.append((text, other))
    return bad


# Risk map -------------------------------------------------------------------------------------------------


def test_a_map_has_units_scale_north_and_a_word_on_blurred_points(night):
    grid, risk, events = night
    figure = ppe.plot_risk(risk, grid, flagged=ppe.TopCells(3, per="area"), crimes=events, note="Source: somebody.")
    seen = texts(figure)
    axes = figure.axes[0]
    assert axes.get_xlabel() == "Easting (m, EPSG:27700)"
    assert axes.get_ylabel() == "Northing (m)"
    assert "500 m" in seen
    assert "N" in seen
    assert "KDE(bandwidth=500): 2018-05-01" in seen
    assert any("no dot is an address" in text and "Source: somebody." in text for text in seen)
    assert (
        figure.axes[1].get_ylabel() == "expected number of crimes\n(crimes per cell and window; colours by square root)"
    )
    assert axes.get_aspect() == 1
    low, high = axes.get_ylim()
    assert low < high, "north is up"


def test_a_map_counts_what_it_shows(night):
    grid, risk, events = night
    budget = ppe.TopCells(3, per="area")
    figure = ppe.plot_risk(risk, grid, flagged=budget, crimes=events)
    total = ppe.tally(risk, events, budget, grid).sum(["window", "area"])
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    hits, crimes, outside = (float(total[name].sum()) for name in ("hits", "events", "outside"))
    assert crimes + outside == 23
    assert legend == [
        "flagged boxes, top 3 per area: 6",
        f"crimes in a flagged box: {hits:g}",
        f"crimes elsewhere: {crimes - hits:g}",
        f"outside the study area, not drawn: {outside:g}",
    ]
    outlines = [found for found in figure.axes[0].collections if isinstance(found, PolyCollection)]
    assert [len(found.get_paths()) for found in outlines] == [6, 6]
    assert "2" in texts(figure), "two crimes at one place are told"


def test_legend_and_scale_lie_beneath_the_ground(night):
    grid, risk, events = night
    figure = ppe.plot_risk(risk, grid, flagged=ppe.TopCells(3, per="area"), crimes=events)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    to_map = axes.transData.inverted()
    low, high = axes.get_ylim()
    beneath = [axes.get_legend(), *(text for text in axes.texts if text.get_text() in ("N", "500 m"))]
    assert len(beneath) == 3
    for part in beneath:
        box = to_map.transform_bbox(part.get_window_extent())
        assert low <= box.y0 < box.y1 <= grid.y0
    assert high > grid.y[-1]


def test_ties_are_told_apart(night):
    grid, risk, events = night
    flat = risk.copy(data=np.where(grid.mask, 1.0, np.nan)[None]).assign_attrs(kind="score")
    figure = ppe.plot_risk(flat, grid, flagged=ppe.TopCells(5), crimes=events)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert f"boxes tied for the last places: {int(grid.mask.sum())}" in legend
    assert not any(text.startswith("flagged boxes") for text in legend)
    tied = next(text for text in legend if text.startswith("crimes in a tied box: "))
    assert float(tied.split(": ")[1]) > 0


def test_the_last_cell_of_an_exact_share_is_a_box_not_a_tie(night):
    grid, risk, _ = night
    figure = ppe.plot_risk(risk, grid, flagged=ppe.Coverage(0.1))
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert len(legend) == 1
    assert legend[0].startswith("flagged boxes, 10 % of the ground: ")


def test_boxes_may_be_chosen_by_hand(night):
    grid, risk, _ = night
    chosen = np.zeros(grid.shape, dtype=bool)
    chosen[0, :4] = True
    figure = ppe.plot_risk(risk, grid, flagged=chosen, areas=False)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["flagged boxes: 4"]


def test_colours_follow_the_numbers(night):
    grid, risk, _ = night
    figure = ppe.plot_risk(risk, grid)
    mesh = figure.axes[0].collections[0]
    assert isinstance(mesh.norm, PowerNorm)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (0, np.nanmax(risk.to_numpy()))
    np.testing.assert_array_equal(np.ma.filled(mesh.get_array().reshape(grid.shape), np.nan), risk.to_numpy()[0])
    assert mesh.get_cmap().name == "viridis"
    negative = (risk - 0.1).assign_attrs({**risk.attrs, "kind": "score"})
    assert ppe.plot_risk(negative, grid).axes[0].collections[0].norm.vmin == np.nanmin(negative.to_numpy())
    zero = (risk * 0).assign_attrs(risk.attrs)
    assert ppe.plot_risk(zero, grid).axes[0].collections[0].norm.vmax == 1


def test_flags_have_no_colour_bar(night):
    grid, risk, _ = night
    flags = (risk > 0.02).astype(float).where(risk.notnull()).assign_attrs({**risk.attrs, "kind": "flags"})
    assert len(ppe.plot_risk(flags, grid).axes) == 1


def test_a_map_of_another_kind_of_thing_is_refused(night):
    grid, risk, _ = night
    two = xr.concat([risk, risk.assign_coords(window=risk["window"] + np.timedelta64(1, "D"))], "window")
    with pytest.raises(ppe.InputError, match=r"one surface; found 2 of window\. Choose one"):
        ppe.plot_risk(two, grid)
    both = xr.concat([risk, risk], "forecaster").assign_attrs(risk.attrs)
    with pytest.raises(ppe.InputError, match="found 2 of forecaster, 1 of window"):
        ppe.plot_risk(both, grid)
    with pytest.raises(ppe.InputError, match=r"flagged has shape \(2,\)"):
        ppe.plot_risk(risk, grid, flagged=[True, False])
    other = ppe.Events.from_frame(
        pd.DataFrame({"x": [4e5], "y": [4e6], "t": ["2018-05-01"]}), crs="EPSG:32617", tz="Europe/London"
    )
    with pytest.raises(ppe.InputError, match="both must be in the same projected system"):
        ppe.plot_risk(risk, grid, crimes=other)


# Curves and ratios ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def result():
    """A tally of three forecasters with capture curves."""
    made = caught(5)
    coverage = np.array([0.01, 0.05, 0.1, 0.5, 1.0])
    events = made["events"].sum("area")
    lift = xr.DataArray([1.0, 1.5, 2.0], dims="forecaster", coords={"forecaster": made["forecaster"]})
    share = np.minimum(1, lift * xr.DataArray(coverage, dims="coverage", coords={"coverage": coverage}))
    return made.assign(curve_hits=share * events, curve_events=events)


def test_capture_curves_are_shares(result):
    figure = ppe.plot_capture(result, kind="theft", upto=1.0)
    (axes,) = figure.axes
    assert "theft: all the ground" in texts(figure)
    diagonal, *lines = axes.get_lines()
    assert diagonal.get_xdata().tolist() == diagonal.get_ydata().tolist() == [0, 1]
    assert [line.get_label() for line in lines] == ["A", "B", "C"]
    np.testing.assert_allclose(lines[2].get_xdata(), [0, 0.01, 0.05, 0.1, 0.5, 1])
    np.testing.assert_allclose(lines[2].get_ydata(), [0, 0.02, 0.1, 0.2, 1, 1])
    cut = ppe.plot_capture(result, kind="theft", upto=0.2).axes[0].get_lines()[1]
    np.testing.assert_allclose(cut.get_xdata(), [0, 0.01, 0.05, 0.1, 0.2])
    np.testing.assert_allclose(cut.get_ydata(), [0, 0.01, 0.05, 0.1, 0.2])


def test_every_kind_has_two_panels(result):
    figure = ppe.plot_capture(result)
    assert len(figure.axes) == 4
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:2] == ["burglary: all the ground", "burglary: the riskiest 10 % of the ground"]


def test_a_forecaster_without_a_night_has_no_curve(result):
    holed = result.copy(deep=True)
    holed["curve_hits"] = holed["curve_hits"].where(holed["forecaster"] != "B")
    holed["curve_events"] = holed["curve_events"].where(holed["forecaster"] != "B")
    lines = ppe.plot_capture(holed, kind="theft", upto=1.0).axes[0].get_lines()
    assert np.isnan(lines[2].get_ydata()).all()
    assert np.isfinite(lines[3].get_ydata()).all()


def test_ratios_show_estimate_and_interval(result):
    figure = ppe.plot_metric(result, "hit_rate", seed=4, resamples=200)
    found = ppe.bootstrap_by_night(result, "hit_rate", seed=4, resamples=200)
    assert len(figure.axes) == 4
    bars = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 2 and line.get_zorder() == 3]
    for number, bar in enumerate(bars):
        one = found.isel(kind=0, budget=0, forecaster=number)
        np.testing.assert_allclose(bar.get_xdata(), [float(one["low"]), float(one["high"])])
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["A", "B", "C"]
    assert figure.axes[0].get_title(loc="left") == "top 2 per area"
    assert f"{100 * float(found['estimate'][0, 0, 0]):.1f} %" in texts(figure)


def test_every_mark_lies_in_its_panel(result):
    figure = ppe.plot_metric(result, "pai", resamples=200)
    figure.draw_without_rendering()
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low == 0
        for line in axes.get_lines():
            assert np.nanmax(line.get_xdata()) <= high


def test_too_few_crimes_have_no_bar(result):
    few = result.isel(window=slice(0, 4))
    figure = ppe.plot_metric(few, "pai", kinds=["theft"], budgets=["1 %"], resamples=50)
    assert [line for line in figure.axes[0].get_lines() if line.get_zorder() == 3] == []


def test_an_undefined_ratio_is_said(result):
    none = result.copy(deep=True)
    none["events"] = none["events"] * 0
    none["hits"] = none["hits"] * 0
    assert "undefined" in texts(ppe.plot_metric(none, "pai", resamples=50))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: ppe.plot_metric(r, "PAI"), "metric='PAI'"),
        (lambda r: ppe.plot_metric(r, kinds=["arson"]), r"kinds=\['arson'\]; choose among 'burglary', 'theft'"),
        (lambda r: ppe.plot_metric(r, budgets=[]), r"budgets=\[\]; choose among"),
        (lambda r: ppe.plot_metric(r.sum("budget")), "no dimension 'budget'"),
        (lambda r: ppe.plot_capture(r, kind="arson"), "kind='arson'; choose one of"),
        (lambda r: ppe.plot_capture(r, upto=5), "upto=5; give a share"),
        (lambda r: ppe.plot_capture(r.drop_vars("curve_hits")), r"run ppe\.backtest\(\.\.\., curve="),
    ],
)
def test_what_cannot_be_drawn_is_refused(result, call, message):
    with pytest.raises(ppe.InputError, match=message):
        call(result)


# Paper ----------------------------------------------------------------------------------------------------


def figures(night, result):
    """One of each."""
    grid, risk, _ = night
    yield ppe.plot_risk(risk, grid, flagged=ppe.TopCells(3, per="area"), note="A note. " * 20)
    yield ppe.plot_capture(result, note="A note. " * 40)
    long = result.assign_coords(
        forecaster=["everywhere alike", "a three-week map of counts", "self-exciting, jackknife"]
    )
    yield ppe.plot_metric(long, "pai", resamples=50)
    yield ppe.plot_metric(long, "hit_rate", resamples=50, kinds=["theft"])
    names = ["top 2 per area", "1 % of the ground", "3 % of the ground", "flags up to 0.625 km2"]
    many = long.isel(budget=[0, 1, 0, 1]).assign_coords(budget=names)
    yield ppe.plot_metric(many, "search_efficiency", resamples=50)


def test_nothing_overlaps_or_leaves_the_paper(night, result):
    for figure in figures(night, result):
        assert overlapping(figure) == []
        assert figure.get_figwidth() <= 11.7
        assert figure.get_figheight() <= 11.7


def test_figures_show_themselves_and_are_saved_alike(night, result, tmp_path):
    for first, second in zip(figures(night, result), figures(night, result), strict=True):
        save_figure(first, tmp_path / "first.png")
        save_figure(second, tmp_path / "second.png")
        assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()
        assert b"Software" not in (tmp_path / "first.png").read_bytes()
        assert first._repr_png_().startswith(b"\x89PNG")


def test_a_figure_of_ones_own_can_be_used(night, result):
    from matplotlib.figure import Figure

    grid, risk, events = night
    figure = Figure(figsize=(12, 4))
    left, middle, right = figure.subplots(1, 3)
    assert ppe.plot_risk(risk, grid, crimes=events, ax=left) is figure
    assert ppe.plot_capture(result, kind="theft", ax=middle) is figure
    assert ppe.plot_metric(result, kinds=["theft"], budgets=["1 %"], resamples=50, ax=right) is figure
    assert any("no dot is an address" in text for text in texts(figure))
    for call in (
        lambda: ppe.plot_capture(result, ax=middle),
        lambda: ppe.plot_metric(result, ax=right, resamples=50),
    ):
        with pytest.raises(ppe.InputError, match="One ax holds one kind"):
            call()


def test_forecasters_can_be_told_apart_without_colour():
    looks = [(pen(number).marker, pen(number).line) for number in range(len(PENS))]
    assert len({marker for marker, _ in looks}) == len({str(line) for _, line in looks}) == len(PENS)
    assert len({(pen(number).color, pen(number).marker) for number in range(3 * len(PENS))}) == 3 * len(PENS)


def test_pyplot_is_left_alone():
    code = (
        "import sys, matplotlib\nbefore = dict(matplotlib.rcParams)\nimport predpol_eval.plot\n"
        "print('matplotlib.pyplot' in sys.modules, before == dict(matplotlib.rcParams))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
