"""Rules about what `fit` and `predict` give back."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np

from predpol_eval.checks.case import (
    TOLERANCE,
    Case,
    FloatArray,
    NotApplicableError,
    RuleBrokenError,
    called,
    empty,
    finite,
    numbers,
    same,
    sound,
    told,
)
from predpol_eval.civil_time import moment, to_wall
from predpol_eval.errors import PredPolError
from predpol_eval.forecasters.base import identity
from predpol_eval.schedule import Windows
from predpol_eval.surface import KINDS, load_surface, save_surface

# A model may treat a night and the next by numerical means; one that forgets the length of a window is off by half.
ADDITIVE_TO = 0.01


def fits(case: Case) -> None:
    """Fit and predict at all."""
    fitted = case.fit()
    if fitted is None:
        raise RuleBrokenError("fit gave None; return a fitted object with predict(windows)")
    if case.predict(fitted) is None:
        raise RuleBrokenError("predict gave None; return a surface made with predpol_eval.make_surface")


def fitted_object(case: Case) -> None:
    """What fit gives knows where it comes from."""
    fitted = case.fit()
    if fitted is case.forecaster:
        raise RuleBrokenError("fit gave the forecaster itself; return another object, so that nothing in it changes")
    for name in ("forecaster", "until"):
        if not hasattr(fitted, name):
            raise RuleBrokenError(f"the fitted object has no attribute {name!r}")
    until = fitted.until
    if not isinstance(until, np.datetime64) or until != case.until:
        raise RuleBrokenError(f"its until is {until!r}; expected {case.until!r}, the moment given to fit, as UTC")
    if called("identity", lambda: identity(fitted.forecaster)) != identity(case.forecaster):
        raise RuleBrokenError(f"its forecaster is {fitted.forecaster!r}, not the one that was fitted")


def until_forms(case: Case) -> None:
    """A moment is the same moment in whatever form it is given."""
    import pandas as pd

    text = str(to_wall(np.array([case.until]), case.events.tz)[0]).replace("T", " ")
    elsewhere = pd.Timestamp(case.until).tz_localize("UTC").tz_convert("Asia/Tokyo")
    expected = case.values()
    for until, form in ((text, f"the civil time {text!r}"), (elsewhere, f"{elsewhere!r}")):
        fitted = case.fit(until=until)
        # As civil time it may be kept in whatever form it was given; a datetime64 is UTC.
        if moment(fitted.until, case.events.tz, "its until") != case.until:
            raise RuleBrokenError(f"until given as {form} became {fitted.until!r}, not {case.until!r}")
        same(numbers(case.predict(fitted)), expected, f"until given as {form}")


def surface_form(case: Case) -> None:
    """Dimensions and coordinates of a surface."""
    import xarray as xr

    surface = case.predict(case.fit())
    if not isinstance(surface, xr.DataArray):
        raise RuleBrokenError(f"predict gave {type(surface).__name__}; return what predpol_eval.make_surface gives")
    if surface.dims != ("window", "y", "x"):
        raise RuleBrokenError(f"its dimensions are {surface.dims}; expected ('window', 'y', 'x')")
    if surface.shape[1:] != case.grid.shape:
        raise RuleBrokenError(f"it has {surface.shape[1:]} rows and columns, the grid {case.grid.shape}")
    for name, centres in (("y", case.grid.y), ("x", case.grid.x)):
        if name not in surface.coords or not np.array_equal(surface[name].to_numpy(), centres):
            raise RuleBrokenError(f"its coordinate {name} is not the cell centres of the grid, from low to high")
    if surface.attrs.get("grid", case.grid.fingerprint) != case.grid.fingerprint:
        raise RuleBrokenError("its attrs['grid'] is the fingerprint of another grid")


def surface_kind(case: Case) -> None:
    """What the numbers are."""
    surface = case.predict(case.fit())
    kind = surface.attrs.get("kind")
    if kind not in KINDS:
        raise RuleBrokenError(f"its attrs['kind'] is {kind!r}; expected one of {', '.join(map(repr, KINDS))}")
    values = numbers(surface)[:, case.grid.mask]
    if kind == "flags" and not np.isin(values[np.isfinite(values)], (0.0, 1.0)).all():
        raise RuleBrokenError("it is of kind 'flags' but holds other numbers than 0 and 1; use kind='score'")


def windows_asked_for(case: Case) -> None:
    """Exactly those windows, in that order."""
    fitted = case.fit()
    for asked in (case.windows, case.windows[:1], case.windows[::-1]):
        surface = case.predict(fitted, asked)
        found = called("reading the windows of the surface", lambda surface=surface: Windows.from_coords(surface))  # type: ignore[misc]
        if len(found) != len(asked):
            raise RuleBrokenError(f"asked for {len(asked)} windows, {asked!r}, it predicted {len(found)}, {found!r}")
        for name in ("start", "end", "until"):
            got, wanted = getattr(found, name), getattr(asked, name)
            if (got != wanted).any():
                first = int(np.flatnonzero(got != wanted)[0])
                raise RuleBrokenError(
                    f"the {name} of window {first} is {got[first]} UTC; asked for was {wanted[first]}"
                )


def nan_outside(case: Case) -> None:
    """No number where nothing is forecast."""
    empty(case.values(), case.grid)


def finite_inside(case: Case) -> None:
    """A number for every cell."""
    finite(case.values(), case.grid)


def not_negative(case: Case) -> None:
    """Counts and flags start at 0."""
    surface = case.predict(case.fit())
    kind = surface.attrs.get("kind")
    if kind == "score":
        raise NotApplicableError("a score may be negative: only its order counts")
    low = np.nanmin(numbers(surface), initial=0.0)
    if low < 0:
        raise RuleBrokenError(f"the smallest number is {low:.6g}, but the kind is {kind!r}")


def one_by_one(case: Case) -> None:
    """Windows do not look at each other."""
    fitted = case.fit()
    together = numbers(case.predict(fitted))
    for position in range(len(case.windows)):
        alone = numbers(case.predict(fitted, case.windows[position]))
        same(alone, together[position : position + 1], f"window {position} predicted alone", TOLERANCE)


def refuses_the_past(case: Case) -> None:
    """No forecast of what is already known."""
    start, end, until = case.windows.start, case.windows.end, case.windows.until
    fitted = case.fit()
    moment = start[0] - case.until + np.timedelta64(1, "ns")
    for back, what in ((np.timedelta64(30, "D"), "a month"), (moment, "a moment")):
        before = Windows(start[:1] - back, end[:1] - back, until[:1].copy(), case.windows.tz)
        try:
            fitted.predict(before)
        except PredPolError as refusal:
            if not str(refusal).strip():
                raise RuleBrokenError("it refused without a message; say what is wrong and what to do") from refusal
        except Exception as error:
            raise RuleBrokenError(f"it raised {told(error)}; raise predpol_eval.InputError instead") from error
        else:
            raise RuleBrokenError(
                f"a window that starts {what} before until was predicted; raise predpol_eval.InputError where "
                "window.start < until"
            )


def window_length(case: Case) -> None:
    """Expected counts of a night and of the next add up."""
    case.skip_replays("of their own windows only")
    fitted = case.fit()
    kind = case.predict(fitted).attrs.get("kind")
    if kind != "expected_count":
        raise NotApplicableError(f"the surface is of kind {kind!r}, which has no unit")
    first, end, until = case.windows.start[0], case.windows.end[0], case.until
    double = end + (end - first)
    starts, ends = np.array([first, end, first]), np.array([end, double, double])
    values = numbers(case.predict(fitted, Windows(starts, ends, np.full(3, until), case.windows.tz)))
    same(values[2:], values[:1] + values[1:2], "a window of twice the length against its two halves", ADDITIVE_TO)


def long_lead(case: Case) -> None:
    """A look further ahead."""
    case.skip_replays("of their own windows only")
    week = np.timedelta64(7, "D")
    later = Windows(case.windows.start + week, case.windows.end + week, case.windows.until.copy(), case.windows.tz)
    surface = case.predict(case.fit(), later)
    sound(surface, case.grid)
    if not np.array_equal(Windows.from_coords(surface).start, later.start):
        raise RuleBrokenError("asked for windows a week after until, it predicted others")


def own_surface(case: Case) -> None:
    """A surface belongs to who asked for it."""
    fitted = case.fit()
    surface = case.predict(fitted)
    before: FloatArray = numbers(surface)
    if surface.to_numpy().flags.writeable:
        surface.to_numpy()[...] = -1.0
    same(numbers(case.predict(fitted)), before, "predicted again after the first surface was overwritten")


def saved_and_loaded(case: Case) -> None:
    """A surface outlives the process that made it."""
    surface = case.predict(case.fit())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "surface.nc"
        called("save_surface", lambda: save_surface(surface, path))
        again = called("load_surface", lambda: load_surface(path))
        same(numbers(again), numbers(surface), "loaded after saving")
        kinds = again.attrs.get("kind"), surface.attrs.get("kind")
    if kinds[0] != kinds[1]:
        raise RuleBrokenError(f"attrs['kind'] {kinds[1]!r} was loaded as {kinds[0]!r}")


def immutable(case: Case) -> None:
    """A configuration stays as it is."""
    names = (
        [field.name for field in dataclasses.fields(case.forecaster)]
        if dataclasses.is_dataclass(case.forecaster)
        else list(getattr(case.forecaster, "__dict__", {}))
    )
    for name in names:
        value = getattr(case.forecaster, name)
        try:
            # Its own value: nothing is changed even where it can be.
            setattr(case.forecaster, name, value)
        except (AttributeError, TypeError):
            continue
        raise RuleBrokenError(f"its field {name!r} can be set; make the class a dataclass(frozen=True)")


def has_identity(case: Case) -> None:
    """A configuration can be told from another."""
    found = called("identity", lambda: identity(case.forecaster))
    twin = called("copying the configuration", lambda: twin_of(case.forecaster))
    if called("identity", lambda: identity(twin)) != found:
        raise RuleBrokenError("an equal configuration has another identity; leave out of `fingerprint` what may differ")


def twin_of(forecaster: object) -> object:
    """Make an equal configuration, built anew where that can be done."""
    import copy

    if dataclasses.is_dataclass(forecaster) and not isinstance(forecaster, type):
        try:
            return dataclasses.replace(forecaster)
        except TypeError:  # it has an __init__ of its own
            return copy.copy(forecaster)
    return copy.copy(forecaster)
