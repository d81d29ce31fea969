"""What a trial can see: the closed form by hand, simulation beside it, and trials that differ by just so much."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval import InputError
from predpol_eval.comparisons.long_run import default_lags, fixed_b, long_run_variance
from tests.comparisons.worlds import random_tally, sides, two

ASSUMED = {"nights": 180, "crimes": 20.0, "differing": 0.2}


def test_the_closed_form_by_hand():
    law = fixed_b(180, 10)
    expected = (law.critical(0.05) + law.critical(0.4)) * 2 / (20 * math.sqrt(180))
    found = ppe.detectable_difference(**ASSUMED)
    assert found.difference == pytest.approx(expected, rel=1e-12)
    assert (found.spread, found.crimes, found.nights, found.runs) == (2, 20, 180, 0)
    wide = ppe.detectable_difference(**ASSUMED, dispersion=4, correlation=0.5)
    assert wide.spread == pytest.approx(2 * math.sqrt(4 * 3))
    assert wide.difference == pytest.approx(expected * math.sqrt(12))


@given(st.integers(20, 400), st.floats(1, 60), st.floats(0.02, 1), st.floats(0.5, 0.95))
def test_more_of_everything_sees_more(nights, crimes, differing, power):
    def needed(**changes):
        given = {"nights": nights, "crimes": crimes, "differing": differing, "power": power} | changes
        return ppe.detectable_difference(**given).difference

    base = needed()
    assume(np.isfinite(base))
    assert base <= differing
    assert needed(nights=nights * 2) < base
    assert needed(crimes=crimes * 2) < base
    # What cannot be told at all is NaN, and smaller than nothing.
    assert not needed(differing=differing / 2) >= base
    assert not needed(power=power + 0.04) <= base
    assert not needed(alpha=0.01) <= base
    assert not needed(test="sequence") < base * 0.9


@pytest.mark.parametrize("method", ["formula", "simulation"])
@pytest.mark.parametrize("test", ["dm", "sequence"])
def test_a_trial_too_small_to_see_anything_says_so(method, test):
    """Of half a crime a night for ten nights, a tenth at issue: no possible difference would stand out."""
    found = ppe.detectable_difference(nights=10, crimes=0.5, differing=0.1, method=method, test=test, runs=200)
    assert np.isnan(found.difference)
    assert "none that is possible: too few nights or crimes" in repr(found)
    assert "inf" not in repr(found)
    assert "nan" not in repr(found)


@pytest.mark.parametrize("test", ["dm", "sequence"])
def test_simulation_agrees_with_the_formula(test):
    formula = ppe.detectable_difference(**ASSUMED, test=test)
    played = ppe.detectable_difference(**ASSUMED, test=test, method="simulation", runs=1500, seed=3)
    assert played.difference == pytest.approx(formula.difference, rel=0.08)
    assert played.runs == 1500
    again = ppe.detectable_difference(**ASSUMED, test=test, method="simulation", runs=1500, seed=3)
    assert played == again
    assert played != ppe.detectable_difference(**ASSUMED, test=test, method="simulation", runs=1500, seed=4)


def test_groups_of_crimes_have_the_dispersion_asked_for():
    clustered = ppe.detectable_difference(**ASSUMED, dispersion=5, method="simulation", runs=1500)
    formula = ppe.detectable_difference(**ASSUMED, dispersion=5)
    assert clustered.difference == pytest.approx(formula.difference, rel=0.1)


def test_trials_that_differ_by_so_much_are_found_in_four_of_five():
    past = random_tally(5, nights=300)
    told = ppe.detectable_difference(*sides(past), nights=120)
    found = 0
    generator = np.random.default_rng(8)
    for _ in range(300):
        events = generator.poisson(12, 120)
        a, b = generator.binomial(events, 0.3 + told.difference), generator.binomial(events, 0.3)
        found += ppe.compare(*sides(two(a, b, events))).low > 0
    assert 0.72 < found / 300 < 0.92


def test_past_nights_tell_the_spread():
    past = random_tally(5, nights=90)
    pair = past.hits[0] - past.hits[1]
    d, n = pair.to_numpy(), past.events.to_numpy()
    z = d - d.sum() / n.sum() * n
    found = ppe.detectable_difference(*sides(past), nights=180)
    assert found.spread == pytest.approx(math.sqrt(long_run_variance(z, default_lags(90))))
    assert found.crimes == pytest.approx(n.mean())
    twice = ppe.detectable_difference(*sides(past), nights=180, crimes=2 * n.mean())
    assert twice.difference == pytest.approx(found.difference / math.sqrt(2)), "twice the crimes: the spread by root 2"
    played = ppe.detectable_difference(*sides(past), nights=180, method="simulation", runs=1000)
    assert played.difference == pytest.approx(found.difference, rel=0.2)


def test_it_shows_itself():
    found = ppe.detectable_difference(**ASSUMED, method="simulation", runs=200)
    assert "points of hit rate" in repr(found)
    assert "200 simulated trials" in found._repr_html_()
    assert json.loads(json.dumps(found.to_dict()))["power"] == 0.8
    with pytest.raises(AttributeError):
        found.difference = 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nights": 5}, "nights=5; give a whole number of nights, at least 10"),
        ({"nights": 60.5}, "nights=60.5"),
        ({"power": 0.3}, "power=0.3"),
        ({"power": 1}, "power=1;"),
        ({"alpha": 0}, "alpha=0"),
        ({"test": "t"}, "test='t'; choose 'dm' or 'sequence'"),
        ({"method": "guess"}, "method='guess'"),
        ({"method": "simulation", "runs": 5}, "runs=5"),
        ({"crimes": None}, r"Without past nights give crimes= \(per night, found None\)"),
        ({"crimes": -1.0}, "crimes=-1.0"),
        ({"differing": 1.5}, "found 1.5"),
        ({"dispersion": 0.5}, "dispersion of at least 1"),
        ({"correlation": 1.0}, "correlation from 0 to below 1"),
        ({"method": "simulation", "correlation": 0.3}, "knows no correlation; give past nights"),
        ({"rho": 0}, "rho=0"),
        ({"crimes": "20"}, "crimes='20'; give a finite number"),
        ({"dispersion": None}, "dispersion=None"),
        ({"power": "x"}, "power='x'"),
        ({"method": "simulation", "seed": -1}, "seed=-1"),
    ],
)
def test_what_cannot_be_used_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        ppe.detectable_difference(**(ASSUMED | changes))


def test_past_nights_that_say_nothing_are_refused():
    a, b = sides(random_tally(5, nights=30))
    with pytest.raises(InputError, match="both forecasters, or of none"):
        ppe.detectable_difference(a, nights=60)
    with pytest.raises(InputError, match="leave out differing"):
        ppe.detectable_difference(a, b, nights=60, differing=0.1)
    with pytest.raises(InputError, match="never differ"):
        ppe.detectable_difference(a, a, nights=60)
    with pytest.raises(InputError, match="share 5 nights"):
        ppe.detectable_difference(a.isel(window=slice(0, 5)), b, nights=60)
    nothing = xr.zeros_like(a)
    with pytest.raises(InputError, match="with 0 crimes"):
        ppe.detectable_difference(nothing, nothing, nights=60)
