"""A comparison as it unfolds, night by night, with an interval that holds over all nights together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from predpol_eval.comparisons.pairing import UNITS, in_blocks, paired
from predpol_eval.comparisons.result import LEAST_CRIMES, LEAST_NIGHTS
from predpol_eval.comparisons.sequence import DEFAULT_RHO, check_alpha, check_block, check_rho, sequence_interval
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr


def confidence_sequence(
    a: xr.Dataset,
    b: xr.Dataset,
    metric: Literal["hit_rate", "pai"] = "hit_rate",
    *,
    alpha: float = 0.05,
    rho: float = DEFAULT_RHO,
    block: int = 1,
    missing: Literal["common", "zero", "chance"] = "common",
    names: tuple[str, str] | None = None,
) -> xr.Dataset:
    """Follow the pooled difference of `a` and `b` night by night; the trial may be stopped at any of them.

    The chance that any of the intervals, over all nights together, misses the true difference is at most `alpha`. An
    ordinary interval promises that for one look only.

    Parameters
    ----------
    a, b, metric, names
        As for `compare`.
    alpha : float
        The most often that any of the intervals may miss.
    rho : float
        Fixed before the first night, see `sequence_rho`; never chosen by looking at these nights.
    block : int
        Look only after every so many nights, and take their sum as one. Where a good night follows a good one, looks at
        single nights miss too often; blocks of a week or more hardly resemble each other.
    missing : {"common", "zero", "chance"}
        Only the nights that both have; or all that at least one has, a missed one counted as no crime caught, or as
        flags placed blindly.

    Returns
    -------
    xarray.Dataset
        Over ``window``, the settled nights in order: ``estimate``, ``low``, ``high`` (after that night), ``e_value``
        and ``p_value`` (against no difference), ``p_running`` (the least so far, which may go into `adjust` at any
        look), ``crimes``, ``differing_crimes`` and ``enough``.

    Raises
    ------
    InputError, NotComparableError
        As for `compare`.

    Notes
    -----
    Exact where the nights' differences from the true one are symmetric and independent of what came before; else in the
    limit. How often it missed in simulated trials stands in the table of coverage. Nights must be settled: if crimes
    are still being recorded, a night's numbers change after they were looked at.

    References
    ----------
    Robbins 1970; de la Pena 1999; Howard, Ramdas, McAuliffe and Sekhon 2021.

    Examples
    --------
    >>> import numpy as np, xarray as xr, predpol_eval as ppe
    >>> hits = np.array([[2.0, 1, 0, 3, 1, 2, 0, 2, 1, 3], [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]])
    >>> caught = {"hits": (("forecaster", "window"), hits), "events": ("window", np.full(10, 20.0))}
    >>> tally = xr.Dataset(caught, {"forecaster": ["A", "B"]})
    >>> course = ppe.confidence_sequence(tally.sel(forecaster="A"), tally.sel(forecaster="B"), rho=10)
    >>> course.p_value.round(4).to_numpy()[-3:].tolist(), bool(course.enough[-1])
    ([0.4237, 0.3321, 0.2262], False)
    """
    import xarray as xr

    if metric not in ("hit_rate", "pai"):
        raise InputError(f"metric={metric!r}; a confidence sequence is for 'hit_rate' or 'pai'.")
    if missing not in ("common", "zero", "chance"):
        raise InputError(f"missing={missing!r}; choose 'common', 'zero' or 'chance'.")
    level, fixed = check_alpha(alpha), check_rho(rho)
    both = paired(a, b, metric, "zero" if missing == "common" else missing, names)
    pair = both.common if missing == "common" or both.with_missing is None else both.with_missing
    together = check_block(block, len(pair.d))
    # Whether enough differs is told by nights, whatever the blocks.
    differing = np.cumsum(pair.apart > 1e-9)[together - 1 :: together]
    pair = in_blocks(pair, together)
    found = sequence_interval(pair.d, pair.n, alpha=level, rho=fixed)
    crimes_apart = np.cumsum(pair.apart)
    course = xr.Dataset(
        {
            "estimate": ("window", pair.scale * found.estimate),
            "low": ("window", pair.scale * found.low),
            "high": ("window", pair.scale * found.high),
            "e_value": ("window", found.e_value),
            "p_value": ("window", found.p_value),
            "p_running": ("window", np.minimum.accumulate(found.p_value)),
            "crimes": ("window", np.cumsum(pair.crimes)),
            "differing_crimes": ("window", crimes_apart),
            "enough": ("window", (differing >= LEAST_NIGHTS) & (crimes_apart >= LEAST_CRIMES - 1e-9)),
        },
        coords={"window": pair.window},
        attrs={
            "a": both.names[0],
            "b": both.names[1],
            "metric": metric,
            "method": "sequence",
            "alpha": level,
            "rho": fixed,
            "block": together,
            "missing": missing,
            "missed_by_a": both.missed[0],
            "missed_by_b": both.missed[1],
            "missed_by_both": both.missed[2],
            "definition": "all delta with |sum z| <= sqrt((V + rho) ln((V + rho) / (rho alpha^2))), z = D - delta N",
            "reference": "Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021",
        },
    )
    told = {
        "estimate": (f"{metric} of {both.names[0]} less that of {both.names[1]}", UNITS.get(metric, "1")),
        "low": ("lower end, for all nights together", UNITS.get(metric, "1")),
        "high": ("upper end, for all nights together", UNITS.get(metric, "1")),
        "e_value": ("evidence against no difference", "1"),
        "p_value": ("p-value of no difference, valid at every night", "1"),
        "p_running": ("least p-value so far", "1"),
        "crimes": ("crimes so far", "crimes"),
        "differing_crimes": ("crimes that one caught and not the other, net of each night, so far", "crimes"),
        "enough": ("whether enough differs to say anything in words", "1"),
    }
    for name, (text, units) in told.items():
        course[name].attrs.update(long_name=text, units=units)
    return course
