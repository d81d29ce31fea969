"""One table of all metrics, and what every one of them keeps; beside each property a flaw that it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError, NotComparableError
from predpol_eval.comparisons import Comparison, pairing
from tests.metric_table import BUDGETS, HOMES, NO_METRIC, ROWS, Numbers, Row, numbers
from tests.metric_towns import (
    QUARTER_TURN,
    TURNS,
    Town,
    events_of,
    frame_of,
    in_order,
    joined,
    metric_towns,
    moved,
    of_nights,
    swapped_in_ties,
    with_plateaus,
    with_risk,
)
from tests.zero_rates import assert_zero_never_helps, masking

Check = Callable[[Row, Town, np.random.Generator], None]


def towns_for(row: Row) -> st.SearchStrategy[Town]:
    return metric_towns(kinds=row.kinds, many_nights=row.many_nights, whole=row.whole, above_zero=row.above_zero)


def holds(check: Check, row: Row, examples: int | None = None) -> None:
    """Run a property on some towns of the row: fewer than usual, since there are many rows.

    Nothing is shrunk: a town is small, and what fails for one row would take minutes for all.
    """
    # Eight times as many in a full run.
    times = min(8.0, settings.default.max_examples / 40)
    most = max(1, round(times * (row.examples if examples is None else examples)))

    @settings(max_examples=most, phases=(Phase.generate,), report_multiple_bugs=False)
    @given(towns_for(row), st.integers(0, 2**32 - 1))
    def run(town: Town, seed: int) -> None:
        check(row, town, np.random.default_rng(seed))

    run()


def rows(applies: Callable[[Row], Any] = lambda row: True) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("label", [label for label, row in ROWS.items() if applies(row)])


def measured(row: Row, town: Town) -> Numbers:
    return row.read(row.measure(town))


def agree(found: Numbers, expected: Numbers, rtol: float = 1e-9, atol: float = 1e-9) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=rtol, atol=atol, err_msg=name)


# The table -------------------------------------------------------------------------------------------------


def test_every_metric_is_in_the_table():
    """A new public name of these rooms needs a row, or a reason why it has none."""
    public = {name for name, home in ppe._HOME.items() if home in HOMES}
    tabled = {row.name for row in ROWS.values()}
    assert tabled | set(NO_METRIC) == public
    assert not tabled & set(NO_METRIC)
    assert all(callable(getattr(ppe, name)) for name in tabled)


@rows()
def test_every_number_has_a_value_on_some_town_and_keeps_its_bounds(label):
    """Properties of nothing but NaN would hold for anything."""
    row, names, known = ROWS[label], set(), set()

    def collect(row: Row, town: Town, generator: np.random.Generator) -> None:
        within_bounds(row, town, generator)
        for name, value in measured(row, town).items():
            names.add(name)
            if np.isfinite(value).any():
                known.add(name)

    holds(collect, row, 4)
    assert names
    assert names == known


# Order -----------------------------------------------------------------------------------------------------


def order_of_cells(row: Row, town: Town, generator: np.random.Generator) -> None:
    """In any order; or, where neighbours matter, the map turned by a quarter, and mirrored or turned in some way."""
    moves = [in_order(generator.permutation(town.grid.mask.size))]
    if row.cells == "turned":
        moves = [QUARTER_TURN, TURNS[int(generator.integers(len(TURNS)))]]
    expected = measured(row, town)
    for move in moves:
        agree(measured(row, moved(town, move)), expected)


def order_of_nights(row: Row, town: Town, generator: np.random.Generator) -> None:
    """Each night keeps its date, surface and crimes, and stands elsewhere."""
    count = town.risk.sizes["window"]
    shuffled = of_nights(town, np.roll(generator.permutation(count), 1) if count > 2 else [1, 0])
    result = row.measure(shuffled)
    if not isinstance(result, Comparison) and "window" in result.dims:
        result = result.sel(window=town.risk["window"])
    agree(row.read(result), measured(row, town))


def order_of_events(row: Row, town: Town, generator: np.random.Generator) -> None:
    """Of exact crimes, which then count as counts do, or of some whose time is uncertain."""
    uncertain = not row.whole and bool(generator.integers(2))
    frame = frame_of(town, uncertain)
    if frame.empty:
        return
    found = measured(row, town._replace(crimes=events_of(frame)))
    shuffled = frame.iloc[generator.permutation(len(frame))]
    agree(measured(row, town._replace(crimes=events_of(shuffled))), found)
    if not uncertain:
        counted = town.crimes.copy(data=np.ceil(town.crimes.to_numpy()))
        agree(measured(row, town._replace(crimes=counted)), found)


def tied_cells(row: Row, town: Town, generator: np.random.Generator) -> None:
    plain = with_plateaus(town)
    agree(measured(row, swapped_in_ties(plain, generator)), measured(row, plain))


@rows()
def test_the_order_of_cells_does_not_matter(label):
    holds(order_of_cells, ROWS[label])


@rows(lambda row: row.nights == "any order")
def test_the_order_of_nights_does_not_matter(label):
    holds(order_of_nights, ROWS[label])


@rows(lambda row: row.nights == "refused")
def test_nights_out_of_order_are_refused_where_order_matters(label):
    def refused(row: Row, town: Town, generator: np.random.Generator) -> None:
        with pytest.raises(InputError, match="not in order of time"):
            row.measure(of_nights(town, slice(None, None, -1)))

    holds(refused, ROWS[label], 2)


@rows(lambda row: row.sees_crimes)
def test_the_order_of_events_does_not_matter(label):
    holds(order_of_events, ROWS[label])


@rows(lambda row: row.sees_crimes)
def test_crimes_may_change_places_between_tied_cells(label):
    holds(tied_cells, ROWS[label])


# Scale and units -------------------------------------------------------------------------------------------


def louder(row: Row, town: Town, generator: np.random.Generator) -> None:
    """By a factor that leaves all in sight, and by one that may not."""
    before = measured(row, town)
    for factor in (row.factors[0], row.factors[int(generator.integers(1, len(row.factors)))]):
        found = measured(row, with_risk(town, lambda risk, factor=factor: risk * factor, both=False))
        agree(found, row.louder(town, before, factor), atol=1e-9 * max(1.0, factor))


def wider(row: Row, town: Town, generator: np.random.Generator) -> None:
    """Cells twice as wide, with the same crimes and risk in them."""
    before = measured(row, town)
    expected = {name: value * row.wider.get(name, 1.0) for name, value in before.items()}
    agree(measured(row, moved(town, lambda values: values, side=2)), expected)


def float32(row: Row, town: Town, generator: np.random.Generator) -> None:
    """A float32 surface is judged as the number it holds, in double precision."""
    full = with_risk(town, lambda risk: risk * 1.1)
    narrow = with_risk(full, lambda risk: risk.astype("float32"))
    narrow = narrow._replace(crimes=town.crimes.astype("float32").assign_attrs(town.crimes.attrs))
    found = measured(row, narrow)
    agree(found, measured(row, with_risk(narrow, lambda risk: risk.astype("float64"))), rtol=0, atol=0)
    near = {name: value for name, value in measured(row, full).items() if name not in row.jumps}
    agree(found, near, rtol=1e-5, atol=1e-5)
    wide = {name for name, value in found.items() if value.dtype.kind == "f" and value.dtype != np.float64}
    assert not wide, f"{wide} are no float64"


@rows()
def test_the_level_of_the_risk_changes_what_it_must(label):
    holds(louder, ROWS[label])


@rows()
def test_the_size_of_the_cells_changes_units_alone(label):
    holds(wider, ROWS[label])


@rows()
def test_float32_surfaces_are_judged_alike(label):
    holds(float32, ROWS[label])


# Bounds ----------------------------------------------------------------------------------------------------


def rises_with_the_budget(row: Row, town: Town, generator: np.random.Generator) -> None:
    assert row.by_budget is not None
    steps = np.diff(row.by_budget(town), axis=-1)
    assert (np.isnan(steps) | (steps >= -1e-12)).all(), steps


def within_bounds(row: Row, town: Town, generator: np.random.Generator) -> None:
    found = measured(row, town)
    for name, (low, high) in row.bounds.items():
        value = found[name][np.isfinite(found[name])]
        assert ((value >= low - 1e-12) & (value <= high + 1e-12)).all(), (name, value)


def nothing_beats_the_oracle(row: Row, town: Town, generator: np.random.Generator) -> None:
    """Of the whole city: in one area another map may catch more than the best of the city does there."""

    def value(risk: xr.DataArray) -> Any:
        if row.of_tally is None:
            return measured(row, town._replace(risk=risk))[row.best]
        # Whole cells by a share of the ground (floor) are another amount of ground on every map.
        budgets = [budget for budget in BUDGETS if getattr(budget, "rounding", "exact") == "exact"]
        return row.of_tally(town.tally(*budgets, risk=risk).sum(["window", "area"])).to_numpy()

    sign = {"higher": 1.0, "lower": -1.0}[row.better]
    apart = sign * (value(row.knowing(town)) - value(town.risk))
    assert (np.isnan(apart) | (apart >= -1e-9)).all(), apart


def blind_map(row: Row, town: Town, generator: np.random.Generator) -> None:
    assert row.blind is not None
    cells_count = row.of_tally is not None or row.name == "rri_levine"
    kind = "score" if cells_count else town.kind
    flat = np.ones(town.risk.shape) * (1.0 if kind == "score" else town.grid.inside_m2)
    known = town._replace(risk=town.surface(flat, kind))
    found, expected = measured(row, known), row.blind(known)
    for name, value in expected.items():
        some = np.isfinite(found[name])
        assert some.any() or not (town.recorded.sum() and town.earlier.sum()), name
        np.testing.assert_allclose(found[name][some], value[some], rtol=1e-9, atol=1e-9, err_msg=name)


def against_itself(row: Row, town: Town, generator: np.random.Generator) -> None:
    found = measured(row, town._replace(other=town.risk))
    for name, value in row.itself.items():
        some = np.isfinite(found[name])
        np.testing.assert_allclose(found[name][some], value, atol=1e-12, err_msg=name)


@rows(lambda row: row.by_budget)
def test_a_larger_budget_never_catches_less(label):
    holds(rises_with_the_budget, ROWS[label])


@rows(lambda row: row.best)
def test_nothing_beats_who_knew_the_crimes(label):
    holds(nothing_beats_the_oracle, ROWS[label])


@rows(lambda row: row.blind)
def test_a_map_that_knows_nothing_has_the_value_of_chance(label):
    holds(blind_map, ROWS[label])


@rows(lambda row: row.itself)
def test_against_itself_there_is_no_difference(label):
    holds(against_itself, ROWS[label])


def zero_never_helps(row: Row, town: Town, generator: np.random.Generator) -> None:
    # For S, which sums the nights, a zero is one of all nights.
    few = of_nights(town, slice(0, 1 if row.name == "s_test" else 2))

    def judge(risk: xr.DataArray, crimes: xr.DataArray) -> float:
        return float(measured(row, few._replace(risk=risk, crimes=crimes))[row.zero])

    assert_zero_never_helps(judge, few.risk, few.crimes, better=row.better)


@rows(lambda row: row.zero)
def test_a_zero_rate_never_helps(label):
    holds(zero_never_helps, ROWS[label], 3)


# Adding, and several surfaces ------------------------------------------------------------------------------


def parts_add_up(row: Row, town: Town, generator: np.random.Generator) -> None:
    half = town.risk.sizes["window"] // 2
    parts = of_nights(town, slice(0, half)), of_nights(town, slice(half, None))
    if row.of_tally is not None:
        whole, first, second = (one.tally(*BUDGETS).sum("window") for one in (town, *parts))
        agree(numbers(whole), numbers(first + second))
        agree(measured(row, town), numbers(row.of_tally(first + second)))
    else:
        assert row.adds is not None
        one, two = (measured(row, part) for part in parts)
        agree(measured(row, town), row.adds(parts[0], one, parts[1], two))


def side_by_side(row: Row, town: Town, generator: np.random.Generator) -> None:
    assert row.leading is not None
    result = row.measure(town._replace(risk=joined(town.risk, town.other, row.leading)))
    assert row.leading in result.dims
    for name, surface in (("A", town.risk), ("B", town.other)):
        alone = measured(row, town._replace(risk=surface))
        agree(row.read(result.sel({row.leading: name})), alone, rtol=1e-12, atol=1e-12)


@rows(lambda row: row.of_tally or row.adds)
def test_parts_of_the_nights_add_up_to_the_whole(label):
    holds(parts_add_up, ROWS[label])


@rows(lambda row: row.leading)
def test_surfaces_side_by_side_have_what_each_has_alone(label):
    holds(side_by_side, ROWS[label])


@rows(lambda row: row.leading is None)
def test_what_judges_one_pair_refuses_several(label):
    def refused(row: Row, town: Town, generator: np.random.Generator) -> None:
        with pytest.raises(InputError, match="holds 2 forecasters"):
            row.measure(town._replace(risk=joined(town.risk, town.other)))

    holds(refused, ROWS[label], 1)


# What is said of a number ----------------------------------------------------------------------------------


def explains_itself(row: Row, town: Town, generator: np.random.Generator) -> None:
    result = row.measure(town)
    if isinstance(result, Comparison):
        assert result.units
        assert result.better == "higher"
        assert result.metric.replace("_", " ") in result.in_words()
        return
    told = {row.name: result} if isinstance(result, xr.DataArray) else dict(result.data_vars)
    assert isinstance(result, xr.Dataset) or result.name == row.name
    for name, part in told.items():
        assert part.attrs.get("long_name"), name
        assert part.attrs.get("units"), name
        if isinstance(result, xr.DataArray) or name in row.explained:
            about = result.attrs | part.attrs
            assert about.get("better"), name
            assert about.get("definition"), name
            assert "reference" in about, name
    assert set(row.explained) <= set(told)


@rows()
def test_every_number_explains_itself(label):
    holds(explains_itself, ROWS[label], 1)


# Planted: each property is run on a flawed copy of a metric, and finds the flaw ------------------------------


def flawed(label: str, change: Callable[[Town], Town]) -> Row:
    """The metric of the row, after somebody has done something to the town."""
    row = ROWS[label]
    return replace(row, measure=lambda town: row.measure(change(town)))


def by_array_order(town: Town) -> Town:
    """Ties go to the cell that stands first in the array."""
    size = town.grid.mask.size
    slope = 1e-6 * np.arange(size, 0, -1).reshape(town.grid.shape)
    return with_risk(town, lambda risk: risk + slope)


def masking_zeros(town: Town) -> Town:
    """Crimes where nothing was expected are dropped."""
    return town._replace(crimes=masking(lambda risk, crimes: crimes)(town.risk, town.crimes))


def crimes_sorted_apart(town: Town) -> Town:
    """Crimes are put in the order of time, surfaces are not."""
    if not isinstance(town.crimes, xr.DataArray):
        return town
    return town._replace(crimes=town.crimes.copy(data=town.crimes.sortby("window").to_numpy()))


def first_of_a_moment(town: Town) -> Town:
    """Of crimes at one moment only the first in the file is kept."""
    if isinstance(town.crimes, xr.DataArray):
        return town
    events = town.crimes
    first = np.unique(events.happened, return_index=True)[1]
    local = events.happened[first] + np.timedelta64(1, "h")
    frame = {"x": events.x[first], "y": events.y[first], "t": local, "until": local}
    return town._replace(crimes=events_of(pd.DataFrame(frame)))


def scaled_to_the_largest(town: Town) -> Town:
    """Surfaces are put on one scale by the largest rate of all."""
    return with_risk(town, lambda risk: risk / risk.max(), both=False)


def mean_of_nights(label: str) -> Row:
    """Ratios first, then their mean."""
    row = ROWS[label]
    assert row.of_tally is not None
    return replace(row, measure=lambda town: row.of_tally(town.tally(*BUDGETS)).mean("window"))


def one_oracle_for_all_nights(town: Town) -> xr.DataArray:
    """n* of the one set of cells that is best over all nights, which a map that changes by night may beat."""
    always = town.crimes.copy(data=np.broadcast_to(town.crimes.sum("window"), town.crimes.shape))
    best = town.tally(*BUDGETS, risk=town.surface(always, "expected_count")).sum("window")
    caught = town.tally(*BUDGETS).sum("window")
    return ppe.pei(caught.assign(oracle_hits=best.hits))


def in_boxes(town: Town) -> xr.DataArray:
    """Crimes per box flagged, called crimes per km2."""
    caught = town.tally(*BUDGETS).sum("window")
    return (caught.hits / caught.boxes.where(caught.boxes > 0)).rename("search_efficiency")


def eastern_sides(town: Town) -> xr.DataArray:
    """An outline of which only some sides are counted."""
    flags = (town.risk.fillna(0) > 0).astype(float)
    return abs(flags.diff("x")).sum(("x", "y")).rename("compactness")


def summed_as_it_comes(town: Town) -> xr.DataArray:
    """A sum in the precision of the surface."""
    ratio = town.risk.sum() / np.maximum(town.crimes.sum(), 1)
    return ratio.astype("float64").rename("calibration_ratio")


def narrow(label: str) -> Row:
    row = ROWS[label]
    return replace(row, measure=lambda town: row.measure(town).astype("float32"))


PLANTED: dict[str, tuple[Check, Row]] = {
    "cells: ties by array order": (order_of_cells, flawed("hit_rate", by_array_order)),
    "cells: ties by array order, in a curve": (order_of_cells, flawed("capture_auc", by_array_order)),
    "cells: ties by array order, in a comparison": (order_of_cells, flawed("compare, dm", by_array_order)),
    "ties: by array order": (tied_cells, flawed("pai", by_array_order)),
    "ties: by array order, in a curve": (tied_cells, flawed("pei_curve", by_array_order)),
    "ties: by array order, in a comparison": (tied_cells, flawed("compare, signflip", by_array_order)),
    "blind: ties by array order": (blind_map, flawed("lift", by_array_order)),
    "blind: ties by array order, in a curve": (blind_map, flawed("pai_curve", by_array_order)),
    "cells: eastern sides only": (order_of_cells, replace(ROWS["compactness"], measure=eastern_sides)),
    "nights: crimes sorted, surfaces not": (order_of_nights, flawed("poisson_log_score", crimes_sorted_apart)),
    "nights: crimes sorted, surfaces not, in a tally": (order_of_nights, flawed("hit_rate", crimes_sorted_apart)),
    "events: the first of a moment": (order_of_events, flawed("location_log_score", first_of_a_moment)),
    "level: rounded before ranking": (
        louder, flawed("hit_rate", lambda town: with_risk(town, lambda risk: risk.round(3))),
    ),
    "level: a density taken for a count": (
        louder, flawed("poisson_log_score", lambda town: with_risk(town, lambda risk: risk / risk.sum())),
    ),
    "size: crimes per box": (wider, replace(ROWS["search_efficiency"], measure=in_boxes)),
    "size: counts per m2": (
        wider, flawed("poisson_log_score", lambda town: with_risk(town, lambda risk: risk / town.grid.inside_m2)),
    ),
    "float32: narrow numbers": (float32, narrow("pai")),
    "float32: summed as it comes": (float32, replace(ROWS["calibration_ratio"], measure=summed_as_it_comes)),
    "budget: PAI falls": (
        rises_with_the_budget,
        replace(ROWS["pai"], by_budget=lambda town: np.array([
            ppe.pai(town.tally(*(ppe.Coverage(n / 8) for n in range(1, 9))).sum(["window", "area"])).to_numpy()])),
    ),
    "oracle: one set for all nights": (within_bounds, replace(ROWS["pei"], measure=one_oracle_for_all_nights)),
    "oracle: a map that knew the wrong nights": (
        nothing_beats_the_oracle,
        replace(ROWS["capture_auc"], knowing=lambda town: town.surface(np.roll(town.crimes, 1, 0), "expected_count")),
    ),
    "itself: a against the next night of b": (
        against_itself, flawed("information_gain", lambda town: town._replace(
            other=town.other.copy(data=np.roll(town.other, 1, axis=0)))),
    ),
    "zero: masked, poisson_log_score": (zero_never_helps, flawed("poisson_log_score", masking_zeros)),
    "zero: masked, location_log_score": (zero_never_helps, flawed("location_log_score", masking_zeros)),
    "zero: masked, brier": (zero_never_helps, flawed("brier", masking_zeros)),
    "zero: masked, information_gain": (zero_never_helps, flawed("information_gain", masking_zeros)),
    "zero: masked, s_test": (zero_never_helps, flawed("s_test", masking_zeros)),
    "zero: masked, l_test": (zero_never_helps, flawed("l_test", masking_zeros)),
    "zero: masked, cl_test": (zero_never_helps, flawed("cl_test", masking_zeros)),
    "zero: masked, t_test": (zero_never_helps, flawed("t_test", masking_zeros)),
    "zero: masked, w_test": (zero_never_helps, flawed("w_test", masking_zeros)),
    "adding: the mean of nightly ratios": (parts_add_up, mean_of_nights("hit_rate")),
    "adding: the mean of nightly PAIs": (parts_add_up, mean_of_nights("pai")),
    "adding: the mean of two halves": (
        parts_add_up,
        replace(ROWS["location_log_score"], adds=lambda first, one, second, two: {
            name: (one[name] + two[name]) / 2 for name in one}),
    ),
    "side by side: one scale for all": (side_by_side, flawed("poisson_log_score", scaled_to_the_largest)),
    "said: nothing": (
        explains_itself, replace(ROWS["pai"], measure=lambda town: ROWS["pai"].measure(town).drop_attrs()),
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", PLANTED)
def test_a_planted_flaw_is_found(flaw):
    check, row = PLANTED[flaw]
    with pytest.raises(AssertionError):
        holds(check, row, 30)


# Whoever flags fewer boxes -----------------------------------------------------------------------------------

Difference = Callable[[xr.Dataset, xr.Dataset], float]


def fewer_boxes_gain_nothing(difference: Difference) -> Check:
    """`difference` of two tallies: of a vendor that leaves out some of the boxes of the other, less the other's."""

    def check(row: Row, town: Town, generator: np.random.Generator) -> None:
        full = np.nan_to_num(town.risk.to_numpy()) > 0.25
        some = full & (generator.random(full.shape) < 0.5)
        most = (full * town.grid.inside_m2).sum(axis=(1, 2)).max()
        if most == 0:
            return
        boxes = int(full.sum(axis=(1, 2)).max())
        budget = ppe.Flags(float(most)) if generator.integers(2) else ppe.TopCells(boxes)
        told = (town.tally(budget, risk=town.surface(flags, "flags")) for flags in (some, full))
        gain = difference(*told)
        assert np.isnan(gain) or gain <= 1e-12, gain

    return check


def compared(metric: str, method: str) -> Difference:
    options = {} if method == "dm" else {"draws": 99}
    return lambda fewer, full: ppe.compare(fewer, full, metric, method, **options).estimate


def unless_refused(difference: Difference) -> Difference:
    """What is refused gains nothing either."""

    def told(fewer: xr.Dataset, full: xr.Dataset) -> float:
        try:
            return difference(fewer, full)
        except NotComparableError:
            return np.nan

    return told


def drawn(metric: Any) -> Difference:
    def difference(fewer: xr.Dataset, full: xr.Dataset) -> float:
        both = xr.concat([fewer, full], "forecaster").assign_coords(forecaster=["fewer", "full"])
        return ppe.difference_by_night(both, metric, baseline="full", seed=1, resamples=10).estimate.item()

    return difference


CHARGED = ("hit_rate", "pai", "search_efficiency")
SCENE = ROWS["compare, dm"]


@pytest.mark.parametrize("metric", ["lift", "pei", "precision"])
def test_a_ratio_of_what_was_flagged_is_refused_or_gains_nothing(metric):
    holds(fewer_boxes_gain_nothing(unless_refused(compared(metric, "dm"))), SCENE)


@pytest.mark.parametrize("metric", CHARGED)
@pytest.mark.parametrize("way", ["dm", "signflip", "nights drawn"])
def test_whoever_flags_fewer_boxes_gains_nothing(metric, way):
    difference = drawn(metric) if way == "nights drawn" else compared(metric, way)
    holds(fewer_boxes_gain_nothing(difference), SCENE)


def test_charging_the_ground_that_was_flagged_is_found_out(monkeypatch):
    """By hand, by a function of one's own, and in a copy of compare whose table says so."""

    def own(fewer: xr.Dataset, full: xr.Dataset) -> float:
        one, other = (ppe.pai(tally.sum(["window", "area"]), area="flagged").item() for tally in (fewer, full))
        return one - other

    for difference in (own, drawn(lambda total: ppe.pai(total, area="flagged"))):
        with pytest.raises(AssertionError):
            holds(fewer_boxes_gain_nothing(difference), SCENE, 30)
    charged = pairing.METRICS | {"search_efficiency": ("hits", "flagged_m2")}
    monkeypatch.setattr(pairing, "METRICS", MappingProxyType(charged))
    with pytest.raises(AssertionError):
        holds(fewer_boxes_gain_nothing(compared("search_efficiency", "dm")), SCENE, 30)
