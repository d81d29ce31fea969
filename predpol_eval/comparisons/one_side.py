"""One side of a comparison: the counts of one forecaster by night, from its tally or its credits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.drawable import COUNTED_ONCE, ONCE
from predpol_eval.errors import InputError, PredPolWarning

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]

_ONE_OF = ("forecaster", "kind", "budget")
_COUNTS = (
    "hits", "events", "budget_m2", "total_m2", "flagged_m2", "chance_hits", "oracle_hits", "boxes", "boxes_hit",
)  # fmt: skip


class Side(NamedTuple):
    """Counts by night in the order of time, pooled over areas, and what they are of.

    In `once`, crimes whose moment is uncertain are counted on the last night of their span; None if there are none.
    """

    window: npt.NDArray[Any]
    counts: dict[str, FloatArray]
    once: dict[str, FloatArray] | None
    about: dict[str, Any]


def one_side(data: xr.Dataset, role: str, metric: str, above: str, below: str) -> Side:
    """Read a tally of one forecaster, kind and budget, or its credits.

    Parameters
    ----------
    data : xarray.Dataset
        What `tally`, `backtest` or `credits` returned, one forecaster chosen.
    role : str
        What to call it in messages.
    metric : str
    above, below : str
        Counts that the metric needs.

    Raises
    ------
    InputError
        If it holds several forecasters, kinds or budgets, has no nights, or lacks counts.
    """
    import xarray as xr

    if not isinstance(data, xr.Dataset):
        raise InputError(
            f"{role} is {type(data).__name__}; give the tally of one forecaster, for instance "
            "out.sel(forecaster='KDE'), or its ppe.credits(...)."
        )
    about = {name: data.attrs.get(name) for name in ("grid", "method")}
    # The capture curve stands beside the counts, over dimensions of its own.
    single = data.drop_dims("coverage", errors="ignore")
    for name in (
        *_ONE_OF,
        *(str(dim) for dim in single.dims if dim not in (*_ONE_OF, "window", "area", "event", "night")),
    ):
        if name in single.dims:
            if single.sizes[name] != 1:
                values = [str(value) for value in single[name].to_numpy()[:4]] if name in single.coords else []
                shown = f" ({', '.join(values)}{', ...' if single.sizes[name] > 4 else ''})" if values else ""
                raise InputError(
                    f"{role} holds {single.sizes[name]} {name}s{shown}; a comparison is of one: choose it with "
                    f".sel({name}=...)."
                )
            single = single.isel({name: 0})
        if name in _ONE_OF and name in single.coords and single[name].ndim == 0:
            about[name] = str(single[name].item())
    if "credit" in single and "event" in single.dims:
        if metric != "hit_rate":
            raise InputError(
                f"{role} are credits, which know crimes and not the ground, so that {metric!r} cannot be made of them; "
                "compare 'hit_rate', or give tallies."
            )
        return _of_credits(single, role, about)
    return _of_tally(single, role, metric, above, below, about)


def _of_tally(single: xr.Dataset, role: str, metric: str, above: str, below: str, about: dict[str, Any]) -> Side:
    if "window" not in single.dims:
        raise InputError(
            f"{role} has no nights (dimension window); give what ppe.tally(...) or ppe.backtest(...) returned, before "
            "any sum over window."
        )
    needed = {above, below, "hits", "events"} - {"night"}
    lacking = sorted(name for name in needed if name not in single)
    if lacking:
        more = " (ppe.backtest(..., log_score_floor=...) gives it)" if "log_score" in lacking else ""
        raise InputError(f"{role} lacks {', '.join(lacking)}{more}, which this metric needs.")
    if not single.sizes["window"]:
        raise InputError(f"{role} has no night; give a tally of at least one window.")
    wanted = [name for name in (*_COUNTS, "log_score") if name in single and "window" in single[name].dims]
    _refuse_part_of_a_city(single, role, metric)
    know_once = all(name in single for name in ONCE.values())
    if (know_once or single.attrs.get("spread")) and metric not in COUNTED_ONCE:
        raise InputError(
            f"{role} has crimes of uncertain moment, spread over several nights, and {metric!r} would take one of "
            f"them for several; compare {', '.join(map(repr, COUNTED_ONCE))}, in which it enters once, or tally with "
            "method='midpoint', 'start' or 'end'."
        )
    if single.attrs.get("spread") and not know_once:
        warnings.warn(
            f"{role} has crimes spread over several nights, each of which counts as evidence of its own, so that the "
            "interval may be too narrow; tally Events and not counts, so that each of them enters once.",
            PredPolWarning,
            stacklevel=5,
        )
    counts = {name: _by_night(single[name]) for name in wanted}
    counts["night"] = np.where(np.isnan(counts[above]), np.nan, 1.0)
    once = None
    if metric in COUNTED_ONCE and know_once:
        once = {**counts, **{name: _by_night(single[other]) for name, other in ONCE.items()}}
    window = single["window"].to_numpy() if "window" in single.coords else np.arange(single.sizes["window"])
    if len(np.unique(window)) < len(window):
        raise InputError(f"{role} holds some nights twice; give every window once.")
    if "window_end" in single.coords and single["window_end"].dims == ("window",):
        length = single["window_end"].to_numpy() - single["window"].to_numpy()
        counts["length"] = length.astype("timedelta64[s]").astype(np.float64)
    if "until" in single.coords and single["until"].dims == ("window",):
        lead = single["window"].to_numpy() - single["until"].to_numpy()
        counts["lead"] = lead.astype("timedelta64[s]").astype(np.float64)
    if metric == "log_score":
        about["floor"] = single["log_score"].attrs.get("floor")
    order = np.argsort(window, kind="stable")
    return Side(window[order], _sorted(counts, order), None if once is None else _sorted(once, order), about)


def _refuse_part_of_a_city(single: xr.Dataset, role: str, metric: str) -> None:
    """The best that a city-wide budget could do is not told by some of its areas."""
    if metric != "pei" or "area" not in single.coords or "budget_scope" not in single.coords:
        return
    areas = single.sizes.get("area", 1)
    city_wide = single["budget_scope"].size == 1 and single["budget_scope"].item() == "city"
    if city_wide and areas < int(single.attrs.get("n_areas", areas) or areas):
        raise InputError(
            f"{role} holds {areas} of {single.attrs['n_areas']} areas under a budget for the whole city, whose "
            "best use is not that of its areas, so that PEI is not defined for them; give all areas, or a budget "
            "per area."
        )


def _sorted(counts: dict[str, FloatArray], order: npt.NDArray[np.int64]) -> dict[str, FloatArray]:
    return {name: values[order] for name, values in counts.items()}


def _by_night(values: xr.DataArray) -> FloatArray:
    """Sum over areas; a night of which any area is missing is missing."""
    pooled = values.sum("area", skipna=False) if "area" in values.dims else values
    return np.asarray(pooled.transpose("window").to_numpy(), dtype=np.float64)


def _of_credits(single: xr.Dataset, role: str, about: dict[str, Any]) -> Side:
    """Crimes by night from credits: as they fell, and once, on the last night of their span."""
    if "weight" not in single or "window" not in single.coords:
        raise InputError(f"{role} lacks weight or window; give what ppe.credits(...) returned.")
    inside = single["cell"].to_numpy() >= 0 if "cell" in single.coords else np.ones(single.sizes["event"], dtype=bool)
    weight = single["weight"].to_numpy()[inside]
    credit = single["credit"].transpose("event").to_numpy()[inside]
    moment = single["window"].to_numpy()[inside]
    nights = np.unique(single["night" if "night" in single.coords else "window"].to_numpy())
    if not len(nights):
        raise InputError(f"{role} has no night; give the credits of at least one window.")

    def counted(window: npt.NDArray[Any]) -> dict[str, FloatArray]:
        place = np.searchsorted(nights, window)
        sums = {"hits": weight * credit, "events": weight}
        return {name: np.bincount(place, part, minlength=len(nights)).astype(float) for name, part in sums.items()}

    if not (weight < 1).any():
        return Side(nights, counted(moment), None, about)
    if "crime" not in single.coords:
        raise InputError(f"{role} has crimes spread over nights but no coordinate 'crime' to put them together by.")
    crime = np.unique(single["crime"].to_numpy()[inside], return_inverse=True)[1]
    last = np.full(int(crime.max()) + 1, moment.min(), dtype=moment.dtype)
    np.maximum.at(last, crime, moment)
    return Side(nights, counted(moment), counted(last[crime]), about)
