"""Bins made beforehand for gradient boosting on histograms, which takes long to find them where rows have weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def binned(estimator: Any, rows: FloatArray) -> FloatArray:
    """Rows in which no feature has more values than the estimator has bins; those of other estimators as they are.

    scikit-learn looks for every edge of a weighted histogram by itself, which takes longer than all the trees. A
    feature of many values gets bins of equally many rows here, and each row the mean of its bin: then there is nothing
    left to look for, and thresholds lie midway between the means.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> rows = np.arange(6.0)[:, None]
    >>> binned(HistGradientBoostingRegressor(max_bins=3), rows).ravel()
    array([0.5, 0.5, 2.5, 2.5, 4.5, 4.5])
    """
    most = getattr(estimator, "max_bins", None)
    if not type(estimator).__name__.startswith("HistGradientBoosting") or not isinstance(most, int):
        return rows
    result = rows.copy()
    for column in range(rows.shape[1]):
        values = rows[:, column]
        if len(np.unique(values)) <= most:
            continue
        shares = np.arange(1, most) / most
        edges = np.unique(np.quantile(values, shares, method="inverted_cdf"))
        bin_of = np.searchsorted(edges, values, side="left")
        number = np.bincount(bin_of, minlength=len(edges) + 1)
        total = np.bincount(bin_of, values, minlength=len(edges) + 1)
        result[:, column] = (total / np.maximum(number, 1))[bin_of]
    return result
