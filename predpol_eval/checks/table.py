"""The rules, each with its check: one table that the report, the manual and the tests read."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from predpol_eval.checks import contract, future, odd_data, smuggling, steadiness
from predpol_eval.checks.case import Case


class Check(NamedTuple):
    """One rule: its name, the rule in a sentence, the function that tries it, and what must have passed before."""

    name: str
    sentence: str
    run: Callable[[Case], None]
    needs: tuple[str, ...] = ()


_SURFACE = ("fits", "surface")
_ALL = (*_SURFACE, "windows")
_STEADY = (*_ALL, "same_twice")

# In the order in which they run. The manual's page on writing a forecaster, the report and the tests read this table.
CHECKS: tuple[Check, ...] = (
    Check(
        "identity",
        "Its fields tell it from any other configuration, and an equal one has the same identity.",
        contract.has_identity,
    ),
    Check("immutable", "Its fields cannot be set.", contract.immutable),
    Check(
        "no_data_aboard",
        "Neither its fields nor its methods hold crimes, tables or large arrays.",
        smuggling.no_data_aboard,
    ),
    Check("fits", "fit(events, grid, until=...) and predict(windows) give something back.", contract.fits),
    Check(
        "fitted",
        "What fit returns is another object that knows its forecaster and its until (UTC).",
        contract.fitted_object,
        ("identity", "fits"),
    ),
    Check(
        "surface",
        "A surface is an xarray.DataArray with dimensions (window, y, x) on the cell centres of the grid.",
        contract.surface_form,
        ("fits",),
    ),
    Check(
        "kind",
        "attrs['kind'] says what the numbers are: expected_count, score or flags.",
        contract.surface_kind,
        _SURFACE,
    ),
    Check(
        "windows", "predict gives exactly the windows asked for, in that order.", contract.windows_asked_for, _SURFACE
    ),
    Check("nan_outside", "Every cell outside the study area is NaN.", contract.nan_outside, _SURFACE),
    Check("finite_inside", "Every cell inside the study area has a finite number.", contract.finite_inside, _SURFACE),
    Check("not_negative", "Expected counts and flags are not negative.", contract.not_negative, _SURFACE),
    Check(
        "same_twice",
        "The same fit gives the same surface to the bit; randomness comes from an explicit seed only.",
        steadiness.same_twice,
        _ALL,
    ),
    Check("own_surface", "Changing a surface does not change what is predicted next.", contract.own_surface, _STEADY),
    Check(
        "until_forms",
        "until may be civil time, a time with any zone, or UTC: the same moment gives the same surface.",
        contract.until_forms,
        (*_STEADY, "fitted"),
    ),
    Check("one_by_one", "Several windows at once give the same as one by one.", contract.one_by_one, _STEADY),
    Check(
        "refuses_the_past",
        "A window that starts before until is refused with a PredPolError.",
        contract.refuses_the_past,
        ("fits",),
    ),
    Check(
        "window_length",
        "Expected counts add up: those of two nights in a row are that of one window over both.",
        contract.window_length,
        _STEADY,
    ),
    Check("long_lead", "Windows a week after until are forecast too.", contract.long_lead, _ALL),
    Check(
        "saved_and_loaded", "A surface can be saved, and loaded again to the bit.", contract.saved_and_loaded, _SURFACE
    ),
    Check(
        "unchanged_by_use",
        "fit and predict change nothing in the forecaster.",
        steadiness.unchanged_by_use,
        ("identity", *_SURFACE),
    ),
    Check(
        "inputs_unchanged",
        "fit and predict change neither crimes nor grid nor windows.",
        steadiness.inputs_unchanged,
        _SURFACE,
    ),
    Check("no_memory", "A fit does not depend on what was fitted before.", steadiness.no_memory, _STEADY),
    Check("fits_apart", "A later fit does not change what an earlier one predicts.", steadiness.fits_apart, _STEADY),
    Check(
        "order_of_crimes",
        "The order of crimes that happened at the same time does not matter.",
        steadiness.order_of_crimes,
        _STEADY,
    ),
    Check(
        "survives_travel",
        "A copy sent to a worker process forecasts the same to the bit.",
        steadiness.survives_travel,
        ("identity", *_STEADY),
    ),
    Check(
        "filters_itself",
        "Fitted to all crimes or only to those known at until, it gives the same to the bit.",
        future.filters_itself,
        _STEADY,
    ),
    Check("future_added", "Crimes added from until on change nothing.", future.future_added, _STEADY),
    Check("future_removed", "Removing the crimes not yet known changes nothing.", future.future_removed, _STEADY),
    Check("future_moved", "Moving the crimes not yet known changes nothing.", future.future_moved, _STEADY),
    Check(
        "late_records",
        "Crimes that happened before until but were recorded at until or later change nothing.",
        future.late_records,
        _STEADY,
    ),
    Check(
        "open_intervals",
        "Without recording times, crimes whose uncertain time ends at until or later change nothing.",
        future.open_intervals,
        _STEADY,
    ),
    Check(
        "forecast_agrees",
        "A forecast(events, grid, windows) of its own gives what fit and predict give, to 1e-9.",
        future.forecast_agrees,
        _STEADY,
    ),
    Check(
        "forecast_future",
        "A forecast(events, grid, windows) of its own does not look ahead either.",
        future.forecast_future,
        _STEADY,
    ),
    Check("surfaces_made_in_time", "Surfaces made after until are refused.", future.surfaces_made_in_time, ("fits",)),
    Check(
        "no_crimes",
        "With no crime known: a sound surface, or a PredPolError saying why not.",
        odd_data.no_crimes,
        _SURFACE,
    ),
    Check(
        "one_crime",
        "With one crime known: a sound surface, or a PredPolError saying why not.",
        odd_data.one_crime,
        _SURFACE,
    ),
    Check(
        "one_place",
        "With all crimes at one place and moment: a sound surface, or a PredPolError saying why not.",
        odd_data.one_place,
        _SURFACE,
    ),
    Check(
        "only_outside",
        "With all crimes outside the study area: a sound surface, or a PredPolError saying why not.",
        odd_data.only_outside,
        _SURFACE,
    ),
    Check(
        "quiet_weeks",
        "With no crime in the last sixty days: a sound surface, or a PredPolError saying why not.",
        odd_data.quiet_weeks,
        _SURFACE,
    ),
    Check(
        "before_data",
        "From before the first observation: a sound surface, or a PredPolError saying why not.",
        odd_data.before_data,
        _SURFACE,
    ),
    Check(
        "uncertain_times",
        "With crimes of uncertain time: a sound surface, or a PredPolError saying why not.",
        odd_data.uncertain_times,
        _SURFACE,
    ),
    Check(
        "no_recording_times",
        "With no recording times: a sound surface, or a PredPolError saying why not.",
        odd_data.no_recording_times,
        _SURFACE,
    ),
    Check(
        "single_cell",
        "On a grid of one cell: a sound surface, or a PredPolError saying why not.",
        odd_data.single_cell,
        _SURFACE,
    ),
)
