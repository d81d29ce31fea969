"""The nights of a tally, put beside those of the plan: which count, which are void, which are still to come."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError, NotComparableError

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.trial.plan.plan import TrialPlan

# Nights of a submitter that count neither for nor against it: our checks broke, or our own outage.
NOT_THEIRS = ("held", "void")
_COUNTS = (
    "hits", "events", "oracle_hits", "chance_hits", "flagged_m2", "budget_m2", "total_m2", "hits_once", "events_once",
)  # fmt: skip
_NEEDED = ("hits", "events")


class SettledNights(NamedTuple):
    """Counts over (forecaster, kind, area, window) of the nights that count, in the plan's order.

    Attributes
    ----------
    tally : xarray.Dataset
        Only what ratios are made of, and ``status`` over (forecaster, kind, window).
    names : tuple of str
        Of its nights.
    void : tuple of str
        Nights of the plan that count for nobody.
    waiting : tuple of str
        Nights of the plan that are neither settled nor void.
    """

    tally: xr.Dataset
    names: tuple[str, ...]
    void: tuple[str, ...]
    waiting: tuple[str, ...]

    def first(self, count: int) -> SettledNights:
        """The first nights alone."""
        return self._replace(tally=self.tally.isel(window=slice(None, count)), names=self.names[:count])

    @property
    def forecasters(self) -> tuple[str, ...]:
        """Names of all forecasters, in the tally's order."""
        return tuple(map(str, self.tally["forecaster"].to_numpy()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of crime, in the tally's order."""
        return tuple(map(str, self.tally["kind"].to_numpy()))

    @property
    def areas(self) -> tuple[str, ...]:
        """Areas, in the tally's order."""
        return tuple(map(str, self.tally["area"].to_numpy()))

    def sides(self, a: str, b: str, scope: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
        """Two forecasters of some pooled counts, without the nights that are not theirs to answer for."""
        unknown = [name for name in (a, b) if name not in self.forecasters]
        if unknown:
            raise InputError(
                f"The tally has no forecaster {' and no '.join(map(repr, unknown))}; it has "
                f"{', '.join(map(repr, self.forecasters))}. Score them first."
            )
        status = self.tally["status"].sel(forecaster=[a, b])
        usable = ~status.isin(NOT_THEIRS).any(["forecaster", "kind"]).to_numpy()
        kept = scope.isel(window=np.flatnonzero(usable))
        return kept.sel(forecaster=a), kept.sel(forecaster=b)


def settled_nights(
    tally: xr.Dataset, plan: TrialPlan, *, void: Iterable[str] = (), at: datetime | None = None
) -> SettledNights:
    """Put a tally of settled nights beside the plan.

    Parameters
    ----------
    tally : xarray.Dataset
        Over (forecaster, kind, area, budget, window), one budget; kind and area may be lacking where there is one. A
        night that a forecaster missed is NaN in its hits, and ``status`` says why. Nights that its coordinate
        ``settled`` says are provisional are not used.
    plan : TrialPlan
    void : iterable of str
        Names of nights declared void. Those in ``attrs["left_out"]`` of the tally, and those whose status is
        ``"void"`` for everybody, are void, too.
    at : datetime, optional
        A night that settles after it is taken as not settled yet.

    Raises
    ------
    InputError
        If the tally lacks counts, holds several budgets, or has nights that the plan has not, or twice.
    NotComparableError
        If it is of another grid.
    """
    import xarray as xr

    if not isinstance(tally, xr.Dataset) or any(name not in tally for name in _NEEDED):
        raise InputError("Give a tally with its hits and events, as the trial's scores add up to.")
    lacking = [name for name in ("forecaster", "window") if name not in tally.dims]
    if lacking:
        raise InputError(f"The tally lacks the dimension {', '.join(lacking)}; give it before any sum.")
    if tally.sizes.get("budget", 1) != 1:
        raise InputError(f"The tally holds {tally.sizes['budget']} budgets; a trial has one: choose it with .sel().")
    grid = tally.attrs.get("grid")
    if grid is not None and grid != plan.grid_fingerprint:
        raise NotComparableError(f"The tally is of another grid ({str(grid)[:12]}...) than the plan's.")
    names = _names(tally, plan)
    data = _in_one_form(tally)
    order = np.argsort([plan.night(name).number for name in names], kind="stable")
    data, names = data.isel(window=order), [names[place] for place in order]
    everybody = (data["status"] == "void").all(["forecaster", "kind"]).to_numpy()
    given = {plan.night(name).name for name in (*void, *_left_out(tally))}
    settled_there = _settled(tally)[order]
    gone = given | {name for name, all_void in zip(names, everybody, strict=True) if all_void}
    early = {night.name for night in plan.nights if at is not None and night.settled_from > at}
    keep = [place for place, name in enumerate(names) if settled_there[place] and name not in gone | early]
    settled = tuple(names[place] for place in keep)
    return SettledNights(
        data.isel(window=keep),
        settled,
        tuple(night.name for night in plan.nights if night.name in gone),
        tuple(night.name for night in plan.nights if night.name not in gone and night.name not in settled),
    )


def _left_out(tally: xr.Dataset) -> list[str]:
    """Nights that the tally says count for nobody."""
    told = tally.attrs.get("left_out")
    found = json.loads(told) if isinstance(told, str) else told
    return list(found) if isinstance(found, dict) else []


def _settled(tally: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Which nights are settled; all, if the tally does not say."""
    if "settled" in tally.coords and tally["settled"].dims == ("window",):
        return np.asarray(tally["settled"].to_numpy(), dtype=bool)
    return np.ones(tally.sizes["window"], dtype=bool)


def _names(tally: xr.Dataset, plan: TrialPlan) -> list[str]:
    """Names of the tally's nights, by the starts of their windows."""
    named = {np.datetime64(night.start.replace(tzinfo=None), "ns"): night.name for night in plan.nights}
    if "window" not in tally.coords or tally["window"].dtype.kind != "M":
        raise InputError("The tally's windows are no moments; give the starts of the nights, in UTC.")
    starts = tally["window"].to_numpy().astype("datetime64[ns]")
    foreign = [str(start)[:16] for start in starts if start not in named]
    if foreign:
        more = f" and {len(foreign) - 5:,} more" if len(foreign) > 5 else ""
        raise InputError(
            f"The plan has no night that starts at {', '.join(foreign[:5])}{more} (UTC); tally the nights of this plan."
        )
    names = [named[start] for start in starts]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InputError(f"The tally holds {', '.join(twice[:5])} twice; give every night once.")
    return names


def _in_one_form(tally: xr.Dataset) -> xr.Dataset:
    """The counts alone, with kind and area, and a status for every forecaster, kind and night."""
    import xarray as xr

    data = tally[[name for name in (*_COUNTS, "status") if name in tally]]
    if "budget" in data.dims:
        data = data.isel(budget=0)
    data = data.drop_vars([name for name in ("budget", "budget_scope") if name in data.coords])
    for name in ("kind", "area"):
        if name not in data.dims:
            label = str(data[name].item()) if name in data.coords else "all"
            counts = [one for one in _COUNTS if one in data] + (
                ["status"] if name == "kind" and "status" in data else []
            )
            wide = data[counts].drop_vars(name, errors="ignore").expand_dims({name: [label]})
            data = data.drop_vars([*counts, name], errors="ignore").merge(wide)
    hits, events = xr.broadcast(data["hits"], data["events"])
    missed = (hits.isnull() | events.isnull()).any("area").transpose("forecaster", "kind", "window")
    told = missed.copy(data=np.where(missed.to_numpy(), "missing", "ok").astype(object))
    if "status" in data:
        given = data["status"].broadcast_like(told).transpose(*told.dims).astype(object)
        # A night called fine whose counts are missing is missing.
        told = given.where(~((given == "ok") & missed), "missing")
    wide_counts = {
        name: data[name].broadcast_like(hits).transpose("forecaster", "kind", "area", "window")
        for name in _COUNTS
        if name in data
    }
    # What a void or held night counted is counted for nobody.
    blank = told.isin(NOT_THEIRS)
    made = xr.Dataset({name: values.where(~blank) for name, values in wide_counts.items()}, attrs=dict(tally.attrs))
    made["status"] = told
    ends = {name: tally[name] for name in ("window_end",) if name in tally.coords and tally[name].dims == ("window",)}
    return made.assign_coords(ends)


def pooled(data: xr.Dataset, over: Iterable[str]) -> xr.Dataset:
    """Sum counts over kinds or areas; a night of which a part is missing is missing.

    Parameters
    ----------
    data : xarray.Dataset
    over : iterable of str
        ``"kind"``, ``"area"`` or both.

    Returns
    -------
    xarray.Dataset
        Without ``status``.
    """
    counts = data.drop_vars("status", errors="ignore")
    return counts.sum([name for name in over if name in counts.dims], skipna=False, keep_attrs=True)
