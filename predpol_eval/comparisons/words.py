"""Saying in words which forecaster did better, and never more than the numbers can bear."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from predpol_eval.comparisons.result import Comparison
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

# In the order in which they are said.
_VERDICTS = ("higher", "lower", "no clear difference", "too few differences to tell", "no interval")


def comparisons_in_words(found: Sequence[Comparison]) -> str:
    """Say in one sentence what several comparisons with the same baseline found.

    Parameters
    ----------
    found : sequence of Comparison
        At least one, all of one metric and against one ``b``.

    Returns
    -------
    str

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> hits = np.array([np.tile([3.0, 2.0, 4.0], 20), np.tile([1.0, 2.0], 30), np.tile([1.0, 2.0], 30)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(60, 10.0))}
    >>> one = dict(xr.Dataset(caught, {"forecaster": ["new", "old", "same"]}).groupby("forecaster", squeeze=False))
    >>> comparisons_in_words([ppe.compare(one[name].squeeze("forecaster"), one["old"].squeeze("forecaster"))
    ...                       for name in ("new", "same")])
    "Against 'old', hit rate: higher for new (+15.0 points, 14.1 to 15.9); too few differences to tell for same."
    """
    if len({(one.b, one.metric) for one in found}) != 1:
        raise InputError("The comparisons are of several metrics or baselines; give those of one at a time.")
    points = found[0].metric == "hit_rate"
    said = [(one.verdict, one.a, one.estimate, one.low, one.high) for one in found]
    return f"Against {found[0].b!r}, {found[0].metric.replace('_', ' ')}: {_grouped(said, points)}."


def _grouped(said: Iterable[tuple[str, str, float, float, float]], points: bool) -> str:
    """Names by verdict, with estimate and interval where there is one."""
    groups: dict[str, list[str]] = {verdict: [] for verdict in _VERDICTS}
    for verdict, name, estimate, low, high in said:
        if not np.isfinite([low, high]).all():
            numbers = ""
        elif points:
            numbers = f" ({100 * estimate:+.1f} points, {100 * low:.1f} to {100 * high:.1f})"
        else:
            numbers = f" ({estimate:+.2f}, {low:.2f} to {high:.2f})"
        groups[verdict].append(name + numbers)
    return "; ".join(f"{verdict} for {', '.join(names)}" for verdict, names in groups.items() if names)


def differences_in_words(found: xr.Dataset) -> str:
    """Say what `difference_by_night` found; where an interval covers zero, that there is no clear difference.

    Parameters
    ----------
    found : xarray.Dataset
        What `difference_by_night` returned, for one kind and one budget.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from predpol_eval.comparisons import difference_by_night
    >>> hits = np.array([np.tile([1.0, 2.0], 15), np.tile([3.0, 2.0], 15), np.tile([1.0, 2.0], 15)])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(30, 8.0))}
    >>> tally = xr.Dataset(caught, {"forecaster": ["A", "B", "C"]})
    >>> differences_in_words(difference_by_night(tally, "hit_rate", baseline="A", seed=1))
    "Against 'A', hit rate: higher for B (+12.5 points, 7.5 to 18.3); too few differences to tell for C."
    """
    for name in ("kind", "budget"):
        if name in found.dims and found.sizes[name] > 1:
            raise InputError(f"The differences are of {found.sizes[name]} {name}s; choose one with .sel({name}=...).")
    single = found.squeeze([name for name in ("kind", "budget") if name in found.dims])
    if single["estimate"].dims != ("forecaster",):
        raise InputError(f"The differences have dimensions {single['estimate'].dims}; expected ('forecaster',).")
    points = single["estimate"].attrs.get("metric") == "hit_rate"
    said = []
    for name in single["forecaster"].to_numpy():
        one: xr.Dataset = single.sel(forecaster=name)
        estimate, low, high = (float(one[part]) for part in ("estimate", "low", "high"))
        if not np.isfinite([low, high]).all():
            verdict = "too few differences to tell"
        else:
            verdict = "higher" if low > 0 else "lower" if high < 0 else "no clear difference"
        said.append((verdict, str(name), estimate, low, high))
    what = single["estimate"].attrs.get("long_name", single["estimate"].attrs.get("metric", "metric"))
    return f"Against {found.attrs['baseline']!r}, {what}: {_grouped(said, points)}."
