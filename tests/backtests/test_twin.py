"""The whole backtest against one in plain loops that knows nothing of the library."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

import predpol_eval as ppe
from tests.backtests import cities
from tests.backtests.misbehaving import FailsOn
from tests.naive import backtest as naive

NAIVE_BUDGETS = [("top", 4, True), ("top", 7, False), ("share", 0.1, False), ("share", 0.15, True)]
BAD_NIGHTS = (3, 10)
NAMES = ("hits", "hits_worst", "hits_best", "oracle_hits", "chance_hits", "flagged_m2", "boxes", "boxes_hit")


def crimes_of(frame, until=None, recorded=None):
    """The raw columns as the naive twin wants them."""
    return [
        {
            "x": row["x"],
            "y": row["y"],
            "kind": row["kind"],
            "happened": naive.utc(row["t"], cities.ZONE),
            "until": naive.utc(row[until] if until and row[until] else row["t"], cities.ZONE),
            "recorded": naive.utc(row[recorded], cities.ZONE) if recorded else None,
        }
        for row in frame.to_dict("records")
    ]


def shaky(nights):
    """The naive count map, failing as `FailsOn` does."""

    def run(past, cells, side, observed, window, until, zone):
        if until in [nights[night][0] for night in BAD_NIGHTS]:
            raise RuntimeError
        return naive.count_map(past, cells, side, observed, window, until, zone)

    return run


def compare(out, rows, outside):
    """Every number of the tally against the naive rows."""
    areas = list(out.area.values)
    for (name, area, budget, night), expected in rows.items():
        found = out.sel(forecaster=name).isel(kind=0, budget=budget, window=night)
        scope = found.budget_scope.item()
        for variable, number in expected.items():
            if variable.startswith("hits_") and scope == "city":
                continue
            np.testing.assert_allclose(
                found[variable].sel(area=area).item(),
                number,
                rtol=1e-9,
                atol=1e-9,
                err_msg=f"{variable} {name} {area} {night}",
            )
        if scope == "city":
            for variable in ("hits_worst", "hits_best"):
                whole = sum(rows[name, other, budget, night][variable] for other in areas)
                np.testing.assert_allclose(
                    found[variable].sum("area", skipna=False).item(), whole, rtol=1e-9, atol=1e-9
                )
    worked = out.status.isel(kind=0) == "ok"
    for name in out.forecaster.values:
        expected = np.where(worked.sel(forecaster=name), outside, np.nan)
        np.testing.assert_allclose(out.outside.sel(forecaster=name).isel(kind=0), expected, rtol=1e-12)


def both(frame, kind=None, lead="0h", **columns):
    """The library's tally and the naive rows of the same raw columns."""
    city = cities.city(frame, **columns)
    schedule = ppe.Schedule(start="2018-03-02", end="2018-03-16", lead=lead, tz=cities.ZONE)
    bad = tuple(str(moment) for moment in schedule.windows.until[list(BAD_NIGHTS)])
    forecasters = {"map": ppe.CountMap(), "floor": ppe.Uniform(), "shaky": FailsOn(nights=bad)}
    with pytest.warns(ppe.PredPolWarning, match="shaky failed on 2 of 14 nights"):
        out = ppe.backtest(
            forecasters, city.events, city.grid, schedule, budgets=cities.BUDGETS, kinds=kind, progress=False
        )
    nights = naive.nights_of("2018-03-02", "2018-03-16", cities.ZONE)
    crimes = crimes_of(frame, columns.get("happened_until"), columns.get("recorded"))
    crimes = [crime for crime in crimes if kind is None or crime["kind"] == kind]
    shift = timedelta(hours=float(lead.removesuffix("h")))
    observed = tuple(naive.utc(day, cities.ZONE) for day in ("2018-01-20", "2018-03-31"))
    asked = {"map": naive.count_map, "floor": naive.uniform, "shaky": shaky([(a - shift, b) for a, b in nights])}
    rows, outside = naive.backtest(
        crimes, cities.AREAS, cities.SIDE, nights, observed, NAIVE_BUDGETS, asked, cities.ZONE, shift
    )
    return out, rows, outside


@pytest.mark.parametrize("seed", range(3))
def test_tallies_equal_those_of_plain_loops(seed):
    frame = cities.raw(seed)
    out, rows, outside = both(frame)
    compare(out, rows, outside)
    leading = ("forecaster", "kind")
    assert {name: values.dims[2:] for name, values in out.data_vars.items() if values.dims[:2] == leading} == {
        **dict.fromkeys((*NAMES, "budget_m2"), ("area", "budget", "window")),
        **dict.fromkeys(("events", "total_m2"), ("area", "window")),
        **dict.fromkeys(("outside", "status", "reason"), ("window",)),
    }
    # What makes this hard must be there: cut cells, ties that matter, crimes outside, nights of 23 hours, failures.
    grid = cities.city(frame).grid
    assert ((grid.inside_m2 > 0) & (grid.inside_m2 < cities.SIDE**2)).sum() > 30
    assert (out.hits_best > out.hits_worst).any()
    assert (out.hits != out.hits.round()).any()
    assert out.outside.sum() > 0
    assert out.status.sel(forecaster="shaky").isel(window=list(BAD_NIGHTS)).values.ravel().tolist() == ["failed"] * 2
    assert np.isnan(out.events.sel(forecaster="shaky").isel(window=BAD_NIGHTS[0])).all()
    hours = (out.window_end - out.window) / np.timedelta64(1, "h")
    assert sorted(set(hours.values.tolist())) == [23.0, 24.0]
    assert float(out.events.sel(area="quiet").sum()) == 0


def test_one_kind_and_a_lead():
    out, rows, outside = both(cities.raw(7), kind="theft", lead="6h")
    compare(out, rows, outside)
    assert out.kind.values.tolist() == ["theft"]


def test_crimes_recorded_late_are_not_known_before():
    frame = cities.raw(5)
    rng = np.random.default_rng(5)
    # A third is recorded at once, the rest up to three weeks later.
    lag = np.where(rng.random(len(frame)) < 1 / 3, 0, rng.integers(0, 21 * 24, len(frame)))
    frame["recorded"] = cities.as_text(cities.moments(frame["t"]) + lag.astype("timedelta64[h]"))
    out, rows, outside = both(frame, recorded="recorded")
    compare(out, rows, outside)
    assert out.attrs["information_set"] == "recorded"
    known_at_once = both(frame.drop(columns="recorded"))[0]
    assert not np.array_equal(out.hits.sel(forecaster="map"), known_at_once.hits.sel(forecaster="map"))


def test_uncertain_times_are_spread():
    frame = cities.raw(6)
    rng = np.random.default_rng(6)
    length = np.where(rng.random(len(frame)) < 0.6, 0, rng.integers(1, 90, len(frame)))
    frame["last"] = cities.as_text(cities.moments(frame["t"]) + length.astype("timedelta64[h]"))
    out, rows, outside = both(frame, happened_until="last")
    compare(out, rows, outside)
    assert (out.events % 1 > 0).any()
    assert (out.boxes_hit % 1 > 0).any()
