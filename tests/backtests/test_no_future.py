"""No forecast may depend on what was not known when it was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from tests.backtests import cities
from tests.backtests.misbehaving import Peeks, Spies
from tests.backtests.same import assert_same_bits

FORECASTERS = {
    "Uniform": ppe.Uniform(),
    "CountMap": ppe.CountMap(half_life="30D"),
    "KDE": ppe.KDE(bandwidth=200),
    "quartic": ppe.KDE(bandwidth=300, kernel="quartic", lookback="30D", renormalise=True),
    "ProspectiveHotspot": ppe.ProspectiveHotspot(radius=300),
    "NearRepeat": ppe.NearRepeat(radius=300),
    "SelfExciting": ppe.SelfExciting(background="shared"),
}
NIGHT = 8  # in the middle of a block
CUT = np.datetime64("2018-03-10T00:00")  # its start by the wall clock


def recorded_later(frame: pd.DataFrame) -> pd.DataFrame:
    """The same crimes, each recorded up to ten days after it happened."""
    lag = np.random.default_rng(3).integers(0, 240, len(frame)).astype("timedelta64[h]")
    return frame.assign(recorded=cities.as_text(cities.moments(frame["t"]) + lag))


def poisoned(frame: pd.DataFrame, unknown: np.ndarray) -> pd.DataFrame:
    """The unknown crimes moved, renamed, dropped, and five more for each of them."""
    rng = np.random.default_rng(1)
    where = np.flatnonzero(unknown)
    assert len(where) > 20
    wrong = frame.copy()
    wrong.loc[where[::2], ["x", "y"]] = rng.uniform(0, 1200, (len(where[::2]), 2))
    wrong.loc[where[::3], "kind"] = "theft"
    more = wrong.loc[np.repeat(where, 5)].assign(x=650.0, y=650.0)
    return pd.concat([wrong.drop(index=where[1::4]), more], ignore_index=True)


def run(frame: pd.DataFrame, forecasters: dict, n_jobs: int = 1, **columns: str):
    city = cities.city(frame, **columns)
    return ppe.backtest(
        forecasters,
        city.events,
        city.grid,
        city.schedule,
        budgets=cities.BUDGETS,
        kinds=["theft", "robbery"],
        n_jobs=n_jobs,
        progress=False,
    )


def spied(frame: pd.DataFrame, folder: Path, **columns: str):
    """Run a backtest; also every surface it used, by name of forecaster, kind and night."""
    folder.mkdir()
    spies = {name: Spies(name=name, inner=inner, folder=str(folder)) for name, inner in FORECASTERS.items()}
    out = run(frame, spies, **columns)
    return out, {path.stem: np.load(path).tobytes() for path in folder.iterdir()}


def until(surfaces: dict, night: int) -> dict:
    """The surfaces of the nights up to this one, it included."""
    last = np.datetime_as_string(cities.city().schedule.windows.start[night]).replace(":", "")
    return {name: content for name, content in surfaces.items() if name.split(" ")[2] <= last}


def test_crimes_after_until_change_nothing_before_it(tmp_path):
    frame = cities.raw(4)
    clean, surfaces = spied(frame, tmp_path / "clean")
    poison, others = spied(poisoned(frame, cities.moments(frame["t"]) >= CUT), tmp_path / "poison")
    # The night that starts at the cut is forecast from the same crimes; its own crimes differ.
    assert len(until(surfaces, NIGHT)) == len(FORECASTERS) * 2 * (NIGHT + 1)
    assert until(surfaces, NIGHT) == until(others, NIGHT)
    before = {"window": slice(None, NIGHT)}
    for tally in (clean, poison):
        tally.attrs.pop("record")
        del tally.coords["elsewhere"]
    assert_same_bits(poison.isel(before), clean.isel(before))
    for name in ("flagged_m2", "boxes", "budget_m2"):
        assert poison[name].isel(window=NIGHT).values.tobytes() == clean[name].isel(window=NIGHT).values.tobytes()
    # The poison is strong: everything after it is different.
    assert not poison.hits.isel(window=NIGHT).equals(clean.hits.isel(window=NIGHT))
    after = surfaces.keys() - until(surfaces, NIGHT).keys()
    assert after
    assert all(surfaces[name] != others[name] for name in after if "Uniform" not in name)


def test_crimes_recorded_later_change_nothing_before(tmp_path):
    frame = recorded_later(cities.raw(4))
    unknown = cities.moments(frame["recorded"]) >= CUT
    happened_before = unknown & (cities.moments(frame["t"]) < CUT)
    assert happened_before.sum() > 10
    _, surfaces = spied(frame, tmp_path / "clean", recorded="recorded")
    _, others = spied(poisoned(frame, unknown), tmp_path / "poison", recorded="recorded")
    assert until(surfaces, NIGHT)
    assert until(surfaces, NIGHT) == until(others, NIGHT)
    # Were it the time they happened that counts, the poison would show.
    _, naive = spied(frame.drop(columns="recorded"), tmp_path / "naive")
    wrong = poisoned(frame, unknown).drop(columns="recorded")
    _, fooled = spied(wrong, tmp_path / "fooled")
    assert until(naive, NIGHT) != until(fooled, NIGHT)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_forecaster_that_tries_to_look_ahead_gets_only_what_was_known(tmp_path, n_jobs):
    frame = recorded_later(cities.raw(4))
    run(frame, {"peeks": Peeks(folder=str(tmp_path))}, n_jobs=n_jobs, recorded="recorded")
    seen = {path.name: path.read_text().split() for path in tmp_path.iterdir()}
    asked = cities.city().schedule.windows.until
    assert sorted(seen) == sorted(str(moment).replace(":", "") for moment in asked)
    for moment in asked:
        latest, observed = (np.datetime64(text) for text in seen[str(moment).replace(":", "")])
        assert moment - np.timedelta64(4, "D") < latest < moment
        assert observed == moment
