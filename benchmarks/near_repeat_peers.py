"""Near repeats: the scenes of the races, and what a practitioner would use instead."""

from __future__ import annotations

import functools

import numpy as np

SPACE_BANDS = tuple(100.0 * step for step in range(11))
TIME_BANDS = tuple(7.0 * step for step in range(9))
SEED = 1


def scene(crimes, permutations, cells=100):
    """Two years of crimes in and around the centres of a city, by the day: 10 x 8 bands, at most 1 km and 8 weeks.

    Of the cities whose crimes are recorded for the tests, a thousand crimes in a row of one kind have 3,300 to 9,700
    pairs within 1 km. Here a thousand have 3,400 in a square city of 100 cells of 250 m, 12,800 in one of 50: at so few
    crimes half of our time goes into the table around the counts, and the ratio grows with the pairs.
    """
    import pandas as pd

    import predpol_eval as ppe
    from benchmarks.twin import city

    x, y, _ = city(crimes, cells, 250)
    days = np.random.default_rng(crimes).integers(0, 730, crimes)
    frame = pd.DataFrame({"x": 1e5 + x, "y": 1e5 + y, "t": np.datetime64("2017-01-01") + days})
    events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="UTC")
    return events, SPACE_BANDS, TIME_BANDS, permutations, SEED


def with_the_library(events, space_bands, time_bands, permutations, seed):
    """The whole of `ppe.knox`, from the events to the table."""
    import predpol_eval as ppe

    table = ppe.knox(events, space_bands, time_bands, permutations=permutations, seed=seed)
    return table.observed.to_numpy(), table.expected.to_numpy()


def pair_list(events, space_bands):
    """Pairs of a tree, with their bands of distance; and the day of every crime."""
    from scipy.spatial import cKDTree

    points = np.column_stack([events.x, events.y])
    i, j = cKDTree(points).query_pairs(space_bands[-1], output_type="ndarray").T
    band = np.digitize(np.hypot(*(points[i] - points[j]).T), space_bands) - 1
    inside = band < len(space_bands) - 1
    days = (events.happened - events.happened.min()).astype("timedelta64[D]").astype(np.int64)
    return i[inside], j[inside], band[inside], days


@functools.lru_cache(maxsize=1)
def found_before(events, space_bands):
    """The same, found off the clock by the call that is not timed."""
    return pair_list(events, space_bands)


def numpy_pair_list(events, space_bands, time_bands, permutations, seed, pairs=pair_list):
    """The list of pairs, and a two-dimensional histogram for every permutation."""
    i, j, band, days = pairs(events, space_bands)
    bins = (np.arange(len(space_bands)), np.array(time_bands))

    def counted(times):
        found = np.histogram2d(band, np.abs(times[i] - times[j]), bins)[0]
        # The last bin of numpy's histogram is closed.
        found[:, -1] -= np.bincount(band[np.abs(times[i] - times[j]) == time_bands[-1]], minlength=len(found))
        return found

    rng = np.random.default_rng(seed)
    dealt = np.array([counted(rng.permutation(days)) for _ in range(permutations)])
    return counted(days), dealt.mean(axis=0)


def numpy_lookup(events, space_bands, time_bands, permutations, seed, pairs=pair_list):
    """The same with a table that tells the band of a number of days, and one count of flat positions."""
    i, j, band, days = pairs(events, space_bands)
    shape = (len(space_bands) - 1, len(time_bands))
    row = band * shape[1]
    band_of = np.digitize(np.arange(days.max() + 1), time_bands) - 1

    def counted(times):
        flat = row + band_of[np.abs(times[i] - times[j])]
        return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape)[:, :-1]

    rng = np.random.default_rng(seed)
    dealt = np.array([counted(rng.permutation(days)) for _ in range(permutations)])
    return counted(days), dealt.mean(axis=0)


def numpy_pair_list_one_of_64(events, space_bands, time_bands, permutations, seed):
    """Of 64 arrangements of the times one is counted, and the pairs are there already."""
    few = (permutations + 1) // 64 - 1
    return numpy_pair_list(events, space_bands, time_bands, few, seed, found_before)


def numpy_lookup_one_of_64(events, space_bands, time_bands, permutations, seed):
    """The same with the table."""
    few = (permutations + 1) // 64 - 1
    return numpy_lookup(events, space_bands, time_bands, few, seed, found_before)


def pointpats_one_of_all(events, space_bands, time_bands, permutations, seed):
    """The same permutations for one of the 80 cells of the table: pairs within all bands."""
    from pointpats import Knox

    days = (events.happened - events.happened.min()) / np.timedelta64(1, "D")
    knox = Knox(
        np.column_stack([events.x, events.y]), days[:, None], delta=space_bands[-1], tau=time_bands[-1],
        permutations=permutations,
    )  # fmt: skip
    return knox.observed[0, 0], knox.expected[0, 0]


def ringing(crimes, cells, cell):
    """Crimes of four weeks in four bands of age; rings up to 400 m."""
    from benchmarks.twin import city

    x, y, place = city(crimes, cells, cell)
    weights = np.outer([1.0, 0.5, 0.2], [1.0, 0.6, 0.4, 0.2])
    column = np.random.default_rng(1).integers(0, 4, crimes)
    return x, y, column, weights, np.array([0.0, 100.0, 200.0, 400.0]), *place, 0


def reach(offset, count, radius, cell):
    """First and last but one cell along an axis that a crime at `offset` reaches."""
    return (int(np.clip(side, 0, count)) for side in ((offset - radius) // cell, (offset + radius) // cell + 1))


def finer_points(x, y, column, weights, edges, x0, y0, cell, nx, ny, metric):
    """Eight by eight points of each cell instead of its area: one numpy window per crime."""
    fine = 8
    out = np.zeros((ny, nx))
    east, north = (start + (np.arange(count * fine) + 0.5) * cell / fine for start, count in ((x0, nx), (y0, ny)))
    for px, py, of in zip(x, y, column, strict=True):
        left, right = reach(px - x0, nx, edges[-1], cell)
        low, high = reach(py - y0, ny, edges[-1], cell)
        dx, dy = east[left * fine : right * fine] - px, north[low * fine : high * fine, None] - py
        distance = np.abs(dx) + np.abs(dy) if metric else np.hypot(dx, dy)
        weight = np.append(weights[:, of], 0.0)[np.digitize(distance, edges[1:])]
        out[low:high, left:right] += weight.reshape(high - low, fine, right - left, fine).mean(axis=(1, 3))
    return out
