"""Small sets of crimes on the edges of bands, at one place and at one time, for Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import predpol_eval as ppe

CRS = "EPSG:27700"
INF = float("inf")
START = np.datetime64("2018-03-20", "s")  # the clock goes forward on the 25th


def crimes(x, y, times, tz="UTC", **named):
    """Events from lists; `named` columns are passed on by their own names."""
    count = max(np.size(part) for part in (x, y, times))
    frame = pd.DataFrame({"x": np.broadcast_to(np.asarray(x, dtype=float), count)})
    frame["y"] = np.broadcast_to(np.asarray(y, dtype=float), count)
    frame["t"] = pd.to_datetime(np.broadcast_to(np.asarray(times), count), format="ISO8601")
    for name, values in named.items():
        frame[name] = values
    return ppe.Events.from_frame(
        frame, crs=CRS, tz=tz, ambiguous="earlier", nonexistent="shift_forward", **{name: name for name in named}
    )


@dataclass(frozen=True)
class Scene:
    """Crimes with the bands they are sorted into."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    hours: tuple[int, ...]
    ids: tuple[int, ...]
    space: tuple[float, ...]
    time: tuple[float, ...]
    metric: str

    def events(self, order=None, x0=0.0, y0=0.0, scale=1.0, later=0, tz="UTC"):
        """The crimes for the library: in another order of rows, moved, scaled, later by so many days."""
        rows = np.arange(len(self.x)) if order is None else np.asarray(order)
        wall = START + np.array(self.hours)[rows].astype("timedelta64[h]") + np.timedelta64(later, "D")
        x, y = (np.array(part)[rows] * scale + shift for part, shift in ((self.x, x0), (self.y, y0)))
        return crimes(x, y, wall, tz, id=np.array(self.ids)[rows])

    @property
    def naive(self):
        """The crimes in the order of the library, for the naive twin: places, days, ids."""
        order = sorted(range(len(self.x)), key=lambda i: (self.hours[i], self.ids[i]))
        first = self.hours[order[0]]
        places = [(self.x[i], self.y[i]) for i in order]
        return places, [Fraction(self.hours[i] - first, 24) for i in order], [self.ids[i] for i in order]


@st.composite
def scenes(draw, least=2, most=9):
    """Places on a lattice of 50 m with 3-4-5 triangles in it, so that distances fall on the edges."""
    count = draw(st.integers(least, most))
    step = draw(st.sampled_from([50.0, 100.0]))
    place = st.integers(0, 9).map(lambda number: 1000.0 + step * number)
    hour = draw(st.sampled_from([st.integers(0, 400), st.integers(0, 15).map(lambda day: 24 * day), st.just(36)]))
    space = draw(st.sampled_from([(0, 0.01, 200, 400), (0, 250, 500, INF), (100, 250), (100, 250, INF), (0, INF)]))
    time = draw(st.sampled_from([(0, 1, 7), (0, 1, 7, INF), (1, 2.5, 14), (1, 7, INF), (0, INF), (0, 400)]))
    return Scene(
        tuple(draw(place) for _ in range(count)),
        tuple(draw(place) for _ in range(count)),
        tuple(draw(hour) for _ in range(count)),
        tuple(draw(st.permutations(range(count)))),
        space,
        time,
        draw(st.sampled_from(["euclidean", "manhattan"])),
    )
