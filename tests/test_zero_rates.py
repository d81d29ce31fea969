"""A zero rate never helps: every score and test has the property, and a copy of it that masks zeros has not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from tests.consistency.scenes import many_nights
from tests.zero_rates import assert_zero_never_helps, masking

rng = np.random.default_rng(12)
# The surface expects little where most crimes happen, so that to forget crimes there is worth a lot.
RATES = np.linspace(2.0, 0.05, 6) * rng.uniform(0.8, 1.2, (8, 6))
CRIMES = rng.poisson(np.linspace(0.2, 1.5, 6), (8, 6))
RISK, COUNTED = many_nights(RATES, CRIMES)
OTHER = RISK.copy(data=np.full_like(RISK, RATES.mean()))

JUDGES = {
    "poisson_log_score": ("higher", lambda risk, crimes: ppe.poisson_log_score(risk, crimes)),
    "location_log_score": ("higher", lambda risk, crimes: ppe.location_log_score(risk, crimes)),
    "brier": ("lower", lambda risk, crimes: ppe.brier(risk, crimes)),
    "information_gain": ("higher", lambda risk, crimes: ppe.information_gain(risk, OTHER, crimes)),
    "information_gain of the other": ("lower", lambda risk, crimes: ppe.information_gain(OTHER, risk, crimes)),
    "t_test": ("higher", lambda risk, crimes: ppe.t_test(risk, OTHER, crimes).t),
    "t_test by night": ("higher", lambda risk, crimes: ppe.t_test(risk, OTHER, crimes).night_low),
    "w_test": ("higher", lambda risk, crimes: ppe.w_test(risk, OTHER, crimes).z),
    "w_test by night": ("higher", lambda risk, crimes: ppe.w_test(risk, OTHER, crimes).night_z),
    **{
        name: (
            "higher",
            lambda risk, crimes, name=name: getattr(ppe, name)(risk, crimes, seed=1, simulations=99).statistic,
        )
        for name in ("s_test", "l_test", "cl_test")
    },
    **{
        f"{name}, p": (
            "higher",
            lambda risk, crimes, name=name: getattr(ppe, name)(risk, crimes, seed=1, simulations=99).p,
        )
        for name in ("s_test", "l_test", "cl_test")
    },
}


def spoil_whole_cells(judge):
    """For S, which sums the nights, a zero is one of all nights."""

    def spoiled(risk, crimes):
        return judge(risk.where((risk > 0).all("window") | risk.isnull(), 0.0).assign_attrs(risk.attrs), crimes)

    return spoiled


def number(name):
    better, judge = JUDGES[name]
    whole = spoil_whole_cells(judge) if name.startswith("s_test") else judge
    return better, lambda risk, crimes: whole(risk, crimes).item()


@pytest.mark.parametrize("name", JUDGES)
def test_a_zero_rate_never_helps(name):
    better, judge = number(name)
    assert_zero_never_helps(judge, RISK, COUNTED, better=better)


@pytest.mark.parametrize("name", [name for name in JUDGES if not name.endswith(", p")])
def test_a_copy_that_masks_zeros_is_found_out(name):
    better, judge = JUDGES[name]
    flawed = masking(lambda risk, crimes: judge(risk, crimes).item())
    if name.startswith("s_test"):
        flawed = spoil_whole_cells(flawed)
    with pytest.raises(AssertionError, match="a zero at the crime in"):
        assert_zero_never_helps(flawed, RISK, COUNTED, better=better)


@pytest.mark.parametrize("name", ["s_test", "l_test", "cl_test"])
def test_a_masked_p_is_found_out_where_a_true_one_fails(name):
    """One crime where nearly none was expected fails a surface; forgotten, the surface passes."""
    risk, crimes = many_nights(np.array([[3.0, 3.0, 3.0, 1e-6]]), np.array([[3, 2, 3, 1]]))

    def p(surface: xr.DataArray, counted: xr.DataArray) -> float:
        return getattr(ppe, name)(surface, counted, seed=1, simulations=99).p.item()

    assert p(risk, crimes) == 0.01
    assert_zero_never_helps(p, risk, crimes, better="higher")
    with pytest.raises(AssertionError, match=r"a zero at the crime in \[0, 0, 3\] changed 0\.01"):
        assert_zero_never_helps(masking(p), risk, crimes, better="higher")
