"""Saying in words which forecaster did better, and never more than the numbers can bear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


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
    groups: dict[str, list[str]] = {
        "higher": [],
        "lower": [],
        "no clear difference": [],
        "too few differences to tell": [],
    }
    for name in single["forecaster"].to_numpy():
        one: xr.Dataset = single.sel(forecaster=name)
        estimate, low, high = (float(one[part]) for part in ("estimate", "low", "high"))
        if not np.isfinite([low, high]).all():
            groups["too few differences to tell"].append(str(name))
            continue
        if points:
            text = f"{name} ({100 * estimate:+.1f} points, {100 * low:.1f} to {100 * high:.1f})"
        else:
            text = f"{name} ({estimate:+.2f}, {low:.2f} to {high:.2f})"
        verdict = "higher" if low > 0 else "lower" if high < 0 else "no clear difference"
        groups[verdict].append(text)
    said = "; ".join(f"{verdict} for {', '.join(names)}" for verdict, names in groups.items() if names)
    what = single["estimate"].attrs.get("long_name", single["estimate"].attrs.get("metric", "metric"))
    return f"Against {found.attrs['baseline']!r}, {what}: {said}."
