"""A block forecast at once: the same as night by night, held to it by nights drawn at random, and nothing lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.backtests import risk as module
from predpol_eval.backtests.risk import block_risk, drawn_night, night_risk
from predpol_eval.flagging import make_scene
from predpol_eval.forecasters.base import Nightly
from predpol_eval.forecasters.base import forecast as plain_loop
from tests.backtests import cities
from tests.backtests.same import assert_same_bits

CITY = cities.city(cities.raw(61), start="2018-02-20", end="2018-03-20")
WINDOWS = CITY.schedule.windows
PAIR = (ppe.CountMap(lookback="14D"), ppe.CountMap(lookback=None))
OWN = {
    "blend": ppe.Blend(members=(*PAIR, ppe.NearRepeat(radius=200)), training="14D", step="2D"),
    "given": ppe.Blend(members=PAIR, weights=(0.3, 0.7)),
    "tuned": ppe.tune(ppe.CountMap(), {"lookback": ["7D", None]}, score=ppe.Coverage(0.1), training="14D", step="2D"),
}


@dataclass(frozen=True)
class Quick(Nightly):
    """A count map with a way of its own through many nights, which can go wrong on some."""

    calls: Any = field(default_factory=list, compare=False, repr=False)
    wrong: str = ""
    night: str = ""
    fingerprint: str = "quick"

    def fit(self, events, grid, *, until):
        self.calls.append("fit")
        if self.wrong == "alone":
            raise RuntimeError("cannot be fitted by itself")
        if self.wrong == "fails" and str(until).startswith(self.night):
            raise RuntimeError("no forecast tonight")
        return ppe.CountMap().fit(events, grid, until=until)

    def forecast(self, events, grid, windows):
        self.calls.append(("forecast", len(windows), events.known_from.max(), windows.until.max()))
        surface = plain_loop(ppe.CountMap(), events, grid, windows)
        here = [str(until).startswith(self.night) for until in windows.until]
        if self.wrong == "fails" and any(here):
            raise RuntimeError("a night failed")
        if self.wrong == "interrupted":
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
        if self.wrong == "warns":
            import warnings

            warnings.warn("the fit is poor", UserWarning, stacklevel=2)
        if self.wrong == "differs":
            surface = surface.copy(data=surface.to_numpy() * (1 + 1e-7 * np.array(here))[:, None, None])
        if self.wrong == "rounds":
            surface = surface.copy(data=surface.to_numpy() * (1 + 1e-12))
        if self.wrong == "kind":
            surface.attrs["kind"] = "score"
        return surface[:-1] if self.wrong == "windows" else surface


@pytest.fixture(autouse=True)
def ours(monkeypatch):
    """Let the class above pass for one of this library's."""
    monkeypatch.setattr(Quick, "__module__", "predpol_eval.forecasters.quick")


def run(forecasters, **options):
    options = {"budgets": cities.BUDGETS, "progress": False, "curve": [0.1], **options}
    return ppe.backtest(forecasters, CITY.events, CITY.grid, CITY.schedule, **options)


def without_names(out):
    out.attrs.pop("record")
    return out.assign_coords(forecaster=["x"])


# The same numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
def test_blocks_at_once_are_nights_by_themselves(name, monkeypatch):
    at_once = run({name: OWN[name]}, kinds="theft")
    assert (at_once.status == "ok").all()
    monkeypatch.setattr(module, "has_own_way", lambda forecaster: False)
    alone = run({name: OWN[name]}, kinds="theft")
    for variable in at_once.data_vars:
        if at_once[variable].dtype.kind == "f":
            np.testing.assert_allclose(at_once[variable], alone[variable], rtol=1e-9, atol=1e-9, err_msg=str(variable))
    assert (at_once.reason == alone.reason).all()
    assert float(at_once.hits.sum()) > 0


def test_any_number_of_workers_and_a_store_give_the_same_bits(tmp_path):
    asked = {"blend": OWN["blend"], "tuned": OWN["tuned"]}
    one = run(asked)
    assert_same_bits(run(asked, n_jobs=2), one)
    assert_same_bits(run(asked, store=tmp_path / "store"), one)
    for path in sorted((tmp_path / "store" / "blocks").iterdir())[::2]:
        path.unlink()
    assert_same_bits(run(asked, store=tmp_path / "store"), one)


def test_only_our_own_classes_are_asked(monkeypatch):
    quick = Quick()
    run({"quick": quick})
    asked = [call for call in quick.calls if call != "fit"]
    assert [call[1] for call in asked] == [7, 7, 7, 7]
    monkeypatch.setattr(Quick, "__module__", "somebody.else")
    foreign = Quick(calls=[])
    run({"foreign": foreign})
    assert foreign.calls == ["fit"] * 28


def test_a_block_is_handed_nothing_from_after_its_last_night():
    quick = Quick()
    run({"quick": quick})
    for call in quick.calls:
        if call != "fit":
            assert call[2] < call[3]


# Held to the plain loop -----------------------------------------------------------------------------------------------


def test_a_night_in_every_fifth_block_is_drawn_by_content():
    nights = ppe.Schedule(start="2010-01-01", end="2019-12-01", tz="UTC").windows
    blocks = [nights[start : start + 7] for start in range(0, len(nights) - 7, 7)]
    drawn = [drawn_night(ppe.CountMap(), CITY.events, block) for block in blocks]
    share = np.mean([night is not None for night in drawn])
    assert abs(share - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(blocks))
    counts = np.bincount([night for night in drawn if night is not None], minlength=7)
    assert counts.min() > 0.5 * counts.mean()
    # The same whoever asks and whenever; another for another kind of crime.
    assert drawn == [drawn_night(ppe.CountMap(lookback=None), CITY.events, block) for block in blocks]
    assert drawn != [drawn_night(ppe.CountMap(), CITY.events.select(kinds="theft"), block) for block in blocks]
    assert drawn != [drawn_night(ppe.Uniform(), CITY.events, block) for block in blocks]


@pytest.fixture
def all_drawn(monkeypatch):
    """Draw the third night of every block."""
    monkeypatch.setattr(module, "drawn_night", lambda *block: 2)


NIGHT = str(WINDOWS.until[9])[:10]  # third of the second block


@pytest.mark.parametrize(("wrong", "stops"), [("differs", True), ("rounds", False), ("", False)])
def test_a_difference_stops_the_run_and_names_forecaster_and_night(wrong, stops, all_drawn):
    if not stops:
        quick = Quick(wrong=wrong)
        assert (run({"quick": quick}).status == "ok").all()
        assert quick.calls.count("fit") == 4
        return
    with pytest.raises(ppe.PredPolError, match=rf"Quick\(wrong='differs'.*night {NIGHT}.*differs from the same night"):
        run({"quick": Quick(wrong=wrong, night=NIGHT)})
    # Another night, which is not drawn, gets away with it; that is why the draw is at random.
    run({"quick": Quick(wrong=wrong, night=str(WINDOWS.until[10])[:10])})


def test_a_difference_in_a_worker_stops_the_run_too(monkeypatch):
    scene = make_scene(CITY.grid)
    monkeypatch.setattr(module, "drawn_night", lambda *block: 0)
    for wrong, message in (
        ("kind", "kinds 'score' and 'expected_count'"),
        ("alone", "but not by itself .RuntimeError"),
    ):
        with pytest.raises(ppe.PredPolError, match=message):
            block_risk(Quick(wrong=wrong), CITY.events, CITY.grid, WINDOWS[:7], scene)


def test_the_real_draw_finds_a_lasting_difference():
    # Every night of four years is wrong by a ten-millionth; a fifth of the blocks are looked at.
    with pytest.raises(ppe.PredPolError, match="The two ways must agree"):
        run({"quick": Quick(wrong="differs", night="2018")}, kinds=["theft", "robbery"])


def test_a_blend_that_slips_is_found_out(all_drawn, monkeypatch):
    right = ppe.Blend.forecast

    def looks_ahead(self, events, grid, windows):
        surface = right(self, events, grid, windows)
        return surface.copy(data=np.roll(surface.to_numpy(), -1, axis=0))

    monkeypatch.setattr(ppe.Blend, "forecast", looks_ahead)
    with pytest.raises(ppe.PredPolError, match=r"Blend\(members=.*differs from the same night"):
        run({"blend": OWN["given"]})


# Nights that fail or warn ---------------------------------------------------------------------------------------------


def test_only_the_night_that_fails_is_lost():
    quick = Quick(wrong="fails", night=NIGHT)
    with pytest.warns(ppe.PredPolWarning, match=r"x failed on 1 of 28 nights \(RuntimeError: no forecast tonight\)"):
        out = run({"x": quick})
    assert np.flatnonzero(out.status.values.ravel() == "failed").tolist() == [9]
    whole = run({"x": ppe.CountMap()})
    others = [night for night in range(28) if night != 9]
    assert np.isnan(out.hits.isel(window=9)).all()
    for name in ("hits", "events", "curve_hits"):
        assert np.array_equal(out[name].isel(window=others), whole[name].isel(window=others))


def test_other_windows_than_asked_for_are_not_used():
    out = run({"x": Quick(wrong="windows")})
    assert_same_bits(without_names(out), without_names(run({"x": ppe.CountMap()})))


def test_a_warning_stands_by_the_nights_of_its_block():
    with pytest.warns(ppe.PredPolWarning, match=r"x warned on 28 of 28 nights \(the fit is poor\)"):
        out = run({"x": Quick(wrong="warns")})
    assert set(out.reason.values.ravel()) == {"warning: the fit is poor"}
    assert (out.status == "ok").all()


def test_an_interruption_ends_the_run():
    with pytest.raises(KeyboardInterrupt):
        run({"x": Quick(wrong="interrupted")})


def test_a_single_night_is_fitted_by_itself():
    scene, quick = make_scene(CITY.grid), Quick()
    assert block_risk(quick, CITY.events, CITY.grid, WINDOWS[:1], scene) is None
    assert quick.calls == []
    found = night_risk(ppe.CountMap(), CITY.events, CITY.grid, WINDOWS[3], scene)
    assert found.values.shape == (125,)
    assert found.kind == "expected_count"


def test_a_dry_run_times_a_block_and_shares_it_out():
    quick = Quick()
    found = run({"quick": quick}, dry_run=True)
    assert [call[1] for call in quick.calls if call != "fit"] == [7, 7]
    assert found.failing == ()
    plain = run({"map": ppe.CountMap()}, dry_run=True)
    assert found.gigabytes > plain.gigabytes
