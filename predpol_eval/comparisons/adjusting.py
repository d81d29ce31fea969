"""Many comparisons at once: p-values that allow for how many were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from predpol_eval.comparisons.result import Comparison
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

FloatArray = npt.NDArray[np.float64]
Adjustment = Literal["holm", "bh", "by"]
PValues = TypeVar("PValues")

_ABOUT = {
    "holm": (
        "p-value adjusted by Holm",
        "largest so far, from the smallest p up, of (m - rank + 1) p; the chance of even one false finding among the m "
        "is at most the level",
        "Holm 1979",
    ),
    "bh": (
        "p-value adjusted by Benjamini and Hochberg",
        "smallest so far, from the largest p down, of m p / rank; the expected share of false findings among the "
        "findings is at most the level, if the tests are independent or positively dependent",
        "Benjamini & Hochberg 1995",
    ),
    "by": (
        "p-value adjusted by Benjamini and Yekutieli",
        "smallest so far, from the largest p down, of m (1 + 1/2 + ... + 1/m) p / rank; the expected share of false "
        "findings among the findings is at most the level, however the tests depend on each other",
        "Benjamini & Yekutieli 2001",
    ),
}


def adjust(p_values: PValues, method: Adjustment = "holm", *, alpha: float = 0.05, tests: int | None = None) -> PValues:
    """P-values that allow for the number of comparisons made: each can be held against the level as it is.

    Parameters
    ----------
    p_values : array-like, dict, pandas.Series, pandas.DataFrame or xarray.DataArray
        The p-values of one family of comparisons, all of them, whatever the shape. A NaN is a comparison with too
        little data: it stays NaN.
    method : {"holm", "bh", "by"}
        ``"holm"``: the chance of even one false finding is at most the level, whatever the dependence. ``"bh"``: the
        expected share of false findings among the findings is, for independent or positively dependent tests; ``"by"``:
        the same for any dependence.
    alpha : float
        Level that the attrs of a DataArray tell about (how many are found). The adjusted p-values do not depend on it.
    tests : int, optional
        Number of comparisons in the family, if some are not among the p-values or are to count though they are NaN:
        each of these counts as a p of 1. Default: the number that are not NaN.

    Returns
    -------
    same type as `p_values`
        A list or tuple comes back as an array. Names, index and coordinates are kept; a DataArray gets attrs. No
        adjusted p is below its raw one or above 1, and their order stays.

    Raises
    ------
    InputError
        If a p-value is no number from 0 to 1, or the method, level or number of tests cannot be used.

    Notes
    -----
    What is one family is settled before the results are seen: all comparisons that one report could have told as a
    finding. Leaving out those that came out badly is the very error that this prevents.

    By default a comparison with too little data is not counted. That is defensible where "too little" is decided by how
    many nights and crimes differ and not by whom they favour, as in `compare`: such a comparison could have become no
    finding, and the other p-values are as valid with it as without (Tarone 1990). Where a NaN may have another cause,
    such as a forecaster that failed, count what was planned: ``tests=``. That never gives a smaller p.

    References
    ----------
    Holm 1979, Scandinavian Journal of Statistics 6; Benjamini and Hochberg 1995, Journal of the Royal Statistical
    Society B 57; Benjamini and Yekutieli 2001, The Annals of Statistics 29; Tarone 1990, Biometrics 46.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> found = ppe.adjust({"KDE": 0.01, "near repeat": 0.04, "self-exciting": 0.03, "blend": float("nan")})
    >>> {name: round(p, 6) for name, p in found.items()}
    {'KDE': 0.03, 'near repeat': 0.06, 'self-exciting': 0.06, 'blend': nan}
    >>> ppe.adjust([0.01, 0.04, 0.03], "bh").round(6).tolist()
    [0.03, 0.04, 0.04]
    """
    if method not in _ABOUT:
        raise InputError(f"method={method!r}; choose one of {', '.join(map(repr, _ABOUT))}.")
    if not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise InputError(f"alpha={alpha!r}; give a level between 0 and 1, for instance 0.05.")
    import pandas as pd
    import xarray as xr

    given: Any = p_values
    if isinstance(given, xr.Dataset):
        names = ", ".join(map(str, given.data_vars))
        raise InputError(f"The Dataset holds {names}; give the one with the p-values, for instance adjust(found['p']).")
    made: Any
    if isinstance(given, xr.DataArray):
        made = _explain(given, _adjusted(given.to_numpy(), method, tests), method, float(alpha), tests)
    elif isinstance(given, pd.Series):
        made = pd.Series(_adjusted(given, method, tests), index=given.index, name=given.name)
    elif isinstance(given, pd.DataFrame):
        made = pd.DataFrame(_adjusted(given, method, tests), index=given.index, columns=given.columns)
    elif isinstance(given, Mapping):
        values = _adjusted(list(given.values()), method, tests, [str(name) for name in given])
        made = dict(zip(given, values.tolist(), strict=True))
    else:
        made = _adjusted(given, method, tests)
    return made  # type: ignore[no-any-return]


def _adjusted(given: Any, method: str, tests: int | None, names: list[str] | None = None) -> FloatArray:
    """Adjusted p-values in the shape given; those that are NaN stay so."""
    raw = _probabilities(given, names)
    counted = ~np.isnan(raw)
    number = int(counted.sum())
    total = number if tests is None else _number_of_tests(tests, number)
    # What is counted but not given can be no finding: its p is 1.
    family = np.concatenate([raw[counted], np.ones(total - number)])
    adjusted = raw.copy()
    if number:
        adjusted[counted] = (_holm(family) if method == "holm" else _false_discovery(family, method))[:number]
    return adjusted


def _holm(p: FloatArray) -> FloatArray:
    """Holm 1979, step down: the smallest p times all tests, the next times one fewer, never falling."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def _false_discovery(p: FloatArray, method: str) -> FloatArray:
    from scipy import stats

    # m p / m may fall short of p by rounding.
    return np.asarray(np.maximum(p, stats.false_discovery_control(p, method=method)))


def _probabilities(given: Any, names: list[str] | None) -> FloatArray:
    """Numbers from 0 to 1, or NaN."""
    if isinstance(given, Comparison) or (
        isinstance(given, list | tuple) and any(isinstance(one, Comparison) for one in given)
    ):
        raise InputError(
            "Found a Comparison, expected p-values; give the p of each: "
            "ppe.adjust({name: found.p for name, found in comparisons.items()})."
        )
    try:
        raw = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(
            f"{type(given).__name__} holds something that is no number; give p-values as an array, a dict of name to "
            "p, a pandas Series or an xarray DataArray."
        ) from None
    flat = raw.ravel()
    wrong = np.flatnonzero((flat < 0) | (flat > 1))
    if len(wrong):
        where = ", ".join(
            f"{flat[i]:g} ({names[i]!r})" if names else f"{flat[i]:g} (number {i} of {flat.size})" for i in wrong[:5]
        )
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise InputError(
            f"A p-value is a chance, from 0 to 1; found {where}{more}. Give the p of each comparison: not a "
            "percentage, nor a test statistic."
        )
    return raw


def _number_of_tests(tests: Any, number: int) -> int:
    if isinstance(tests, bool) or not isinstance(tests, int | np.integer) or tests < number:
        raise InputError(
            f"tests={tests!r} with {number} p-values; give the number of comparisons of the whole family, at least "
            f"{number}, or None for {number}."
        )
    return int(tests)


def _explain(given: xr.DataArray, adjusted: FloatArray, method: str, alpha: float, tests: int | None) -> xr.DataArray:
    long_name, definition, reference = _ABOUT[method]
    made = given.copy(data=adjusted)
    number = int(np.isfinite(adjusted).sum())
    made.attrs = {
        **given.attrs,
        "long_name": long_name,
        "units": "1",
        "better": "lower",
        "definition": definition,
        "reference": reference,
        "method": method,
        "tests": number if tests is None else int(tests),
        "too_few": int(adjusted.size - number),
        "alpha": alpha,
        "found": int((adjusted <= alpha).sum()),
    }
    return made
