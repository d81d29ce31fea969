"""The Knox test: are crimes that are close in space also close in time more often than chance would have it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import check_events
from predpol_eval.near_repeats.bands import Bands, read_space, read_time
from predpol_eval.near_repeats.close_pairs import METRICS, ClosePairs, close_pairs
from predpol_eval.near_repeats.moments import (
    ONE_TIME,
    Moments,
    OneTime,
    moments_of,
    uncertain_numbers,
    without_uncertain,
)
from predpol_eval.near_repeats.roles import roles_of

if TYPE_CHECKING:
    import xarray as xr

IntArray = npt.NDArray[np.int64]
# Permutations side by side: loops over them are long enough to be quick, and their times still near the processor.
LANES = 256
# Counts kept of all permutations and band pairs: 800 MB.
MOST_COUNTS = 100_000_000
REFERENCE = (
    "Knox 1964, Applied Statistics 13, 25-30; permutations as Johnson et al. 2007, Journal of Quantitative "
    "Criminology 23, 201-219"
)


def knox(
    events: Events,
    space_bands: Sequence[float],
    time_bands: Sequence[float | str],
    metric: Literal["euclidean", "manhattan"] = "euclidean",
    permutations: int = 999,
    seed: int | None = None,
    *,
    method: OneTime = "midpoint",
) -> xr.Dataset:
    """Count the pairs of crimes by distance and by days between them, and compare with chance.

    Chance is what is left when the times are dealt out anew among the places: where crimes happen and when they happen
    stay as they are, gaps in the observation included, and only their connection is broken.

    Parameters
    ----------
    events : Events
        The crimes, all of them; ``events.select(kinds=..., start=..., end=...)`` chooses.
    space_bands : sequence of float
        Rising edges in metres; bands are ``[a, b)``, and the last may end at ``float("inf")``. Distances are taken on
        whole millimetres. A first band such as ``[0, 0.01)`` holds the repeats on one and the same place.
    time_bands : sequence of float or str
        Rising edges in days, or texts such as ``"7D"`` and ``"36h"``; the last may be ``float("inf")``. Differences are
        those of the wall clock, so that a day of 23 hours is a day. They are whole days where the data are dated to
        the day (``events.resolution == "day"``, or every time begins a day), else days with their fraction: a crime
        at 22:00 and one at 02:00 of the next day are a sixth of a day apart.
    metric : {"euclidean", "manhattan"}
        Distance along a straight line, or east-west plus north-south.
    permutations : int
        How often the times are dealt out.
    seed : int, optional
        The same seed gives the same table to the bit. None draws one, which is in ``attrs["seed"]``.
    method : {"midpoint", "start", "end", "exclude"}
        Where a crime whose time is an interval is placed, or that it is left out.

    Returns
    -------
    xarray.Dataset
        Over (space_band, time_band): ``observed`` pairs, each counted once; ``expected``, their mean over the
        permutations; ``ratio`` observed / expected and ``ratio_median`` observed / median (NaN where that is 0);
        ``p_value`` (1 + permutations with at least as many pairs) / (1 + permutations), which holds for each band pair
        by itself; ``originators`` and ``near_repeats``, the number of crimes (not pairs) that at least one pair of the
        band pair begins with, and that follow in at least one; a crime may be both. Over (event, space_band,
        time_band) ``is_originator`` and ``is_near_repeat`` say which. Of two crimes at the same moment the one with the
        lower id is the first. Coordinates: the labels of the bands, their edges ``space_from`` and ``space_to`` in
        metres, ``time_from`` and ``time_to`` in days, and the id of each event.

    Raises
    ------
    InputError
        If there are fewer than two crimes, edges do not rise, or there are more close pairs than can be held; the time
        taken and the memory grow with the close pairs, those nearer than the last finite edge of `space_bands`.

    References
    ----------
    Knox, E. G. 1964, Applied Statistics 13, 25-30. Johnson, S. D. et al. 2007, Journal of Quantitative Criminology 23,
    201-219 (permutations, p-values). Ratcliffe, J. H., Near Repeat Calculator (originators and near repeats; its manual
    was not read in the original; its labels "a to b" mean ``[a-1, b)``, after Steenbeek's R package NearRepeat).

    Examples
    --------
    Two burglaries 100 m and a day apart, and one elsewhere a month later. Dealt out anew, the near pair gets one of
    three differences in days, 1, 29 or 30, so that chance expects a third of a pair within the week:

    >>> import pandas as pd, predpol_eval as ppe
    >>> days = ["2018-05-01", "2018-05-02", "2018-05-31"]
    >>> frame = pd.DataFrame({"x": [1000.0, 1100.0, 9000.0], "y": 1000.0, "t": days})
    >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
    >>> table = ppe.knox(events, [0, 200], [0, 7], permutations=9999, seed=1)
    >>> table.observed.item(), round(table.expected.item(), 1), round(table.p_value.item(), 1)
    (1, 0.3, 0.3)
    >>> table.is_originator[:, 0, 0].to_numpy().tolist(), table.is_near_repeat[:, 0, 0].to_numpy().tolist()
    ([True, False, False], [False, True, False])
    """
    from predpol_eval.kernels.permutations import summarise

    check_events(events)
    space, time = read_space(space_bands), read_time(time_bands)
    _check_choices(metric, method, permutations, len(space) * len(time))
    drawn = _seed(seed)
    used = without_uncertain(events) if method == "exclude" else events
    if len(used) < 2:
        left_out = f" ({len(events) - len(used)} with uncertain times were left out)" if len(used) < len(events) else ""
        raise InputError(
            f"The Knox test counts pairs of crimes, and found {len(used)} of them{left_out}; give at least two."
        )
    pairs = close_pairs(used.x, used.y, space, metric)
    moments = moments_of(used, time, method)
    table = _Table(pairs, moments, space, time)
    observed, dealt = table.dealt_out(permutations, drawn)
    first, later = roles_of(used, pairs, moments, space, time)
    expected, median, at_least = summarise(dealt, observed)
    variables = {
        "observed": (observed, "pairs of crimes", "pairs"),
        "expected": (expected, "mean of the pairs when times are dealt out anew among places", "pairs"),
        "ratio": (_ratio(observed, expected), "observed / expected pairs", "1"),
        "ratio_median": (_ratio(observed, median), "observed / median of the permuted pairs", "1"),
        "p_value": ((1 + at_least) / (1 + permutations), "chance of as many pairs or more, one band pair alone", "1"),
        "originators": (first.sum(axis=0), "crimes that a pair begins with", "crimes"),
        "near_repeats": (later.sum(axis=0), "crimes that follow another in a pair", "crimes"),
    }
    uncertain, beyond = uncertain_numbers(events, time)
    attrs = {
        "long_name": "Knox test of near repeats",
        "reference": REFERENCE,
        "metric": metric,
        "permutations": int(permutations),
        "seed": drawn,
        "n": len(used),
        "method": method,
        "days": "whole civil days" if moments.whole_days else "civil days with their fraction",
        "uncertain": uncertain,
        "uncertain_beyond_narrowest_band": beyond,
        "excluded": len(events) - len(used),
        "kinds": ", ".join(used.kinds),
        "tz": used.tz,
        "crs": used.crs,
        "events": used.fingerprint,
    }
    return _dataset(variables, first, later, used.id, space, time, attrs)


class _Table:
    """From arrangements of the times to pairs by band of distance and of time."""

    def __init__(self, pairs: ClosePairs, moments: Moments, space: Bands, time: Bands) -> None:
        self.pairs, self.moments, self.space, self.time = pairs, moments, space, time
        if space.endless:
            # How many pairs of any distance are so many days apart does not change with the permutation.
            every = len(moments.times) * (len(moments.times) - 1) // 2
            self.everywhere = self._by_time(moments.pairs_within[None, :, None], np.array([every]))[0]

    def counts(self, lanes: npt.NDArray[Any]) -> IntArray:
        """Pairs of each band pair, shape (space, time, l), for times in the order of the pairs, shape (n, l)."""
        from predpol_eval.kernels.knox import tabulate, tabulate_pile

        within = tabulate(lanes, self.pairs.first, self.pairs.other, self.moments.edges)
        for pile in self.pairs.piles:
            within[0] += tabulate_pile(lanes[pile], self.moments.edges)
        close = self._by_time(within, self.pairs.number)
        # Pairs closer than the first edge are of no band, but the endless one must not have them either.
        banded = close if self.space.finite[0] == 0 else close[1:]
        if not self.space.endless:
            return banded
        return np.concatenate([banded, (self.everywhere - close.sum(axis=0))[None]])

    def _by_time(self, within: IntArray, number: IntArray) -> IntArray:
        """From pairs within each finite edge above 0 to pairs of each band of time."""
        result = np.empty((len(number), len(self.time), within.shape[2]), dtype=np.int64)
        from_zero = int(self.time.finite[0] == 0)
        edges = within.shape[1]
        if from_zero and edges:
            result[:, 0] = within[:, 0]
        np.subtract(within[:, 1:], within[:, :-1], out=result[:, from_zero : from_zero + max(edges - 1, 0)])
        if self.time.endless:
            result[:, -1] = number[:, None] - (within[:, -1] if edges else 0)
        return result

    def dealt_out(self, permutations: int, seed: int) -> tuple[IntArray, IntArray]:
        """Pairs of each band pair as they are, and when the times are dealt out anew.

        Returns
        -------
        observed : array of int64, shape (space, time)
        dealt : array of int64, shape (space, time, permutations)
        """
        from predpol_eval.kernels.knox import shuffle

        state = np.random.SFC64(seed).state["state"]["state"]
        times = self.moments.times
        # The first arrangement is the one that was observed.
        result = np.empty((len(self.space), len(self.time), permutations + 1), dtype=np.int64)
        lanes = np.empty((len(times), LANES), dtype=times.dtype)
        lanes[:, 0] = times[self.pairs.order]
        for start in range(0, permutations + 1, LANES):
            shuffle(times, state, lanes, int(start == 0))
            part = result[..., start : start + LANES]
            part[...] = self.counts(lanes)[..., : part.shape[-1]]
        return result[..., 0], result[..., 1:]


def _check_choices(metric: Any, method: Any, permutations: Any, band_pairs: int) -> None:
    if metric not in METRICS:
        raise InputError(f"metric={metric!r}; choose one of {', '.join(map(repr, METRICS))}.")
    if method not in ONE_TIME:
        reason = " A pair needs one moment for each of its crimes." if method == "aoristic" else ""
        raise InputError(f"method={method!r}; choose one of {', '.join(map(repr, ONE_TIME))}.{reason}")
    if isinstance(permutations, bool) or not isinstance(permutations, int | np.integer) or permutations < 1:
        raise InputError(f"permutations={permutations!r}; give a whole number from 1, for instance 999.")
    if permutations * band_pairs > MOST_COUNTS:
        raise InputError(
            f"permutations={permutations:,} of {band_pairs:,} band pairs are {permutations * band_pairs:,} counts to "
            f"keep; the most is {MOST_COUNTS:,}. Use fewer permutations or fewer bands."
        )


def _seed(seed: Any) -> int:
    if seed is None:
        return int(np.random.default_rng().integers(2**63 - 1))
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**63:
        raise InputError(f"seed={seed!r}; give a whole number from 0, for instance seed=1, or None to draw one.")
    return int(seed)


def _ratio(observed: IntArray, expected: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    result = np.full(observed.shape, np.nan)
    np.divide(observed, expected, out=result, where=expected > 0)
    return result


def _dataset(
    variables: dict[str, tuple[npt.NDArray[Any], str, str]],
    first: npt.NDArray[np.bool_],
    later: npt.NDArray[np.bool_],
    ids: npt.NDArray[Any],
    space: Bands,
    time: Bands,
    attrs: dict[str, Any],
) -> xr.Dataset:
    import pandas as pd
    import xarray as xr

    both = ("space_band", "time_band")
    data: dict[str, Any] = {
        name: xr.Variable(both, values, {"long_name": text, "units": unit})
        for name, (values, text, unit) in variables.items()
    }
    by_event = ("event", *both)
    data["is_originator"] = xr.Variable(by_event, first, {"long_name": "whether a pair begins with the crime"})
    data["is_near_repeat"] = xr.Variable(by_event, later, {"long_name": "whether the crime follows another in a pair"})
    # Made here, since xarray would look at every id by itself to find out what they are.
    variable: Any = xr.IndexVariable
    coords: dict[str, Any] = {
        name: variable(name, pd.Index(values, dtype=object), {"long_name": text})
        for name, values, text in (
            ("space_band", space.labels, "distance"),
            ("time_band", time.labels, "time between"),
            ("event", ids, "id of the crime"),
        )
    }
    for name, bands, unit in (("space", space, "m"), ("time", time, "days")):
        for side, edges in (("from", bands.edges[:-1]), ("to", bands.edges[1:])):
            coords[f"{name}_{side}"] = xr.Variable(f"{name}_band", np.array(edges), {"units": unit})
    return xr.Dataset(data, coords, attrs)
