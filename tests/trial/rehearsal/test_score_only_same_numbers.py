"""The quick way gives what the trial itself gives: the same risk, the same hits, the same findings."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.trial.plan import windows_of
from predpol_eval.trial.rehearsal.cached_surfaces import cached_surfaces
from predpol_eval.trial.rehearsal.exchangeable import Rehearsal, night_risk, rehearse_once
from predpol_eval.trial.rehearsal.exchangeable_decisions import decide_looks, differences
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import pooled, tally_of
from predpol_eval.trial.standings.looks import look
from tests.trial.rehearsal.score_town import CAST, as_tally, crimes, ground, plan, plan_with
from tests.trial.scoring.nights import AREA, BEFORE, Nights, crime, events_of, middle

METHODS = ("dm", "signflip", "bootstrap")


def same_findings(tally, made, test, labels=CAST.labels):
    """Compare with the test of the trial at all looks; give how many findings there were."""
    chosen = replace(plan(), test=test)
    found = decide_looks(made, labels, test, chosen.seed)
    for number in range(len(test.looks)):
        there = look(tally, chosen, number + 1)
        for place, pair in enumerate(there.pairs):
            told = found.estimate[number, place], found.p[number, place]
            expected = pair.comparison.estimate, pair.comparison.p if pair.comparison.enough else np.nan
            np.testing.assert_allclose(told, expected, rtol=1e-9, atol=1e-12)
            assert found.found[number, place] == pair.found
    return int(found.found.sum())


def file_of(vendor: int, number: int, uncertain: bool, cast=CAST) -> bytes:
    """What a vendor of a rehearsal would hand in: one file for all nights."""
    here = ground(uncertain)
    lines = ["night,area,kind,cell,risk"]
    for place, night in enumerate(plan().nights):
        risk = night_risk(here.risk[place], cast, number, vendor, place)
        if risk is None:
            continue
        for kind, name in enumerate(plan().kinds):
            for cell, value in zip(here.scene.cells, risk[kind], strict=True):
                row, column = divmod(int(cell), here.grid.mask.shape[1])
                lines.append(f"{night.name},{AREA[column // 4 * 4]},{name},r{row:03d}c{column:03d},{float(value)!r}")
    return ("\n".join(lines) + "\n").encode()


@pytest.mark.parametrize(
    ("uncertain", "missing"), [(False, 0.0), (True, 0.2)], ids=["exact times", "uncertain times, missing nights"]
)
def test_files_of_these_vendors_score_the_same_in_a_trial(tmp_path, uncertain, missing):
    cast = CAST._replace(missing=missing)
    made = rehearse_once(ground(uncertain), cast, 4)
    nights = Nights(tmp_path)
    names = nights.names(30)
    for vendor, label in enumerate(cast.labels):
        handed = [name for name, hits in zip(names, made.hits[vendor], strict=True) if not np.isnan(hits)]
        assert len(handed) == 30 or missing
        nights.hand_in(label, file_of(vendor, 4, uncertain, cast), *handed)
    nights.close(*names)
    nights.keep(crimes(uncertain), max(night.settled_from for night in plan().nights))
    score(nights.trial)
    tally = tally_of(nights.trial)
    everything = pooled(tally).sum("area", skipna=False).isel(budget=0).sel(forecaster=list(cast.labels))
    np.testing.assert_allclose(everything["hits"].to_numpy(), made.hits, rtol=1e-9, atol=1e-9)
    events = np.where(np.isnan(made.hits), np.nan, made.events)
    np.testing.assert_allclose(everything["events"].to_numpy(), events, rtol=1e-9, atol=1e-9)
    assert (made.once is not None) == uncertain
    if made.once is not None:
        for name, mine in zip(("hits_once", "events_once"), made.once, strict=True):
            np.testing.assert_allclose(everything[name].to_numpy(), mine, rtol=1e-9, atol=1e-9)
    same_findings(tally, made, plan().test)
    # Vendors do differ, on most nights.
    assert (np.abs(made.hits[0] - made.hits[1]) > 0).sum() > 12
    # The map of the house is the baseline itself.
    kept = ~np.isnan(made.hits[3])
    baseline = pooled(tally).sum("area").isel(budget=0)["hits"].sel(forecaster="kernel").to_numpy()
    np.testing.assert_allclose(made.hits[3][kept], baseline[kept], rtol=1e-9)


def test_the_risk_is_that_of_the_forecaster_at_each_cut():
    here = ground()
    for night in (0, 7, 29):
        until = windows_of(plan()).until[night]
        for number, kind in enumerate(plan().kinds):
            known = crimes().select(kinds=kind).known_at(until)
            fitted = ppe.KDE(bandwidth=300).fit(known, here.grid, until=until)
            surface = fitted.predict(windows_of(plan())[night : night + 1]).to_numpy()[0].ravel()
            np.testing.assert_allclose(here.risk[night, number], surface[here.scene.cells], rtol=1e-9)


def test_crimes_of_later_do_not_change_the_risk():
    cut = windows_of(plan()).until[9]
    later = crimes().take(crimes().recorded < cut)
    assert 0 < len(later) < len(crimes())
    np.testing.assert_array_equal(cached_surfaces(plan(), later, forecaster="kernel").risk[:10], ground().risk[:10])


def test_a_crime_that_is_recorded_when_all_has_settled_is_not_counted():
    # The last night, of 30 July, settles on 28 August.
    place = middle(1, 1)
    in_time = [*BEFORE, crime(place, "2018-07-05 23:00", r="2018-08-27 12:00")]
    too_late = crime(place, "2018-07-05 23:00", r="2018-08-29 12:00")
    counted = [
        cached_surfaces(plan(), events_of([one | {"r": one.get("r", one["t"])} for one in rows]), forecaster="kernel")
        for rows in (in_time, [*in_time, too_late])
    ]
    assert [here.crimes.sum() for here in counted] == [1.0, 1.0]
    assert counted[0].record["crimes"] == counted[1].record["crimes"]


@pytest.mark.parametrize("correction", ["holm", "bh", "by"])
@pytest.mark.parametrize("method", METHODS)
def test_findings_are_those_of_the_trial(method, correction, full_run):
    # Some are truly better, so that findings and near misses abound.
    cast = CAST._replace(noise=(0.0, 1.0, 6.0, 0.3))
    test = plan_with(method=method, correction=correction, draws=999, spending="pocock").test
    found = 0
    for number in range(40 if full_run else 1):
        made = rehearse_once(ground(), cast, number)
        found += same_findings(as_tally(made, cast), made, test)
    assert found > 0


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_findings_are_those_of_the_trial_whatever_was_caught(missing, full_run):
    draw = np.random.default_rng(8)
    test = plan_with().test
    found = 0
    for _ in range(150 if full_run else 4):
        events = draw.poisson(6.0, 30).astype(float)
        rates = np.clip(0.4 + draw.choice([0.0, 0.08, 0.2], 4), 0, 1)
        hits = draw.binomial(events.astype(int), rates[:, None]).astype(float)
        hits[draw.random(hits.shape) < missing] = np.nan
        made = Rehearsal(hits, events, None, 0.5)
        found += same_findings(as_tally(made), made, test)
    assert found > 0


def test_too_little_to_tell_is_no_finding():
    events = np.full(30, 5.0)
    # Five nights differ, by thirty crimes; then thirty nights, by nineteen.
    for nights, by in ((5, 6.0), (30, 19 / 30)):
        hits = np.full((4, 30), 1.0)
        hits[0, -nights:] += by
        made = Rehearsal(hits, events, None, 0.5)
        found = decide_looks(made, CAST.labels, plan_with(method="signflip").test, 1)
        assert np.isnan(found.p).all()
        assert not found.found.any()
        same_findings(as_tally(made), made, plan_with(method="signflip").test)


def test_differences_are_on_the_nights_that_both_have():
    hits = np.array([[1.0, np.nan, 3.0, 2.0], [0.0, 1.0, np.nan, 4.0]])
    d, n = differences(Rehearsal(hits, np.array([5.0, 6.0, 7.0, 8.0]), None, 0.5), 0, 1, 4)
    assert d.tolist() == [1.0, -2.0]
    assert n.tolist() == [5.0, 8.0]
    assert differences(Rehearsal(hits, np.arange(4.0), None, 0.5), 0, 1, 3)[0].tolist() == [1.0]
