"""Near-repeat cocooning: every recent crime raises the risk around its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from predpol_eval.civil_time import span
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.forecasters.band_weights import Edges, Ratio, Weights, excess_of, read_edges, read_weights, same_place
from predpol_eval.forecasters.base import FittedScore, Known, Nightly, check_length, check_positive, known
from predpol_eval.grid import Grid
from predpol_eval.projection import FloatArray

if TYPE_CHECKING:
    import xarray as xr

DECAYS = ("linear", "exponential")
KERNELS = (*DECAYS, "bands")
METRICS = ("euclidean", "manhattan")
RADIUS = 400.0
LOOKBACK = "21D"


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRepeat(Nightly):
    """Cocooning: the risk that a recent crime brings to its surroundings, falling with distance and days.

    A cell's score is a sum over crimes. With a decaying kernel each adds s(d) g(a): d is the distance from the crime to
    the nearest point of the cell (0 for the cell it happened in), a its age at the start of the window. With bands each
    adds the mean over the cell of the weight at that distance and age, and to its own cell the weight of the same
    place.

    Parameters
    ----------
    radius : float
        Metres around a crime.
    lookback : str
        How long a crime raises the risk; the Met's three weeks by default.
    kernel : {"linear", "exponential", "bands"}
        ``linear``: s = 1 - d/radius and g = 1 - a/lookback. ``exponential``: s = exp(-3 d/radius) and g = exp(-3
        a/lookback), which have fallen to 5 % where they are cut off. ``bands``: a table of weights; `radius` and
        `lookback` are then the last edges of the bands, and need not be given.
    own_address : bool
        Whether a crime raises the risk of its own address. If not: with bands, the weight of the same place (a first
        band from 0 to at most a metre, which must be there) is left out, and its neighbours in the cell keep theirs;
        with a decaying kernel, where the address cannot be told from its cell, the crime gives its own cell nothing.
    space_bands, time_bands : sequence of float, optional
        Rising edges in metres, and in days (or texts such as ``"7D"``); bands are ``[a, b)``.
    weights : sequence of sequences of float, optional
        One row for each band of distance, with one number for each band of age.
    metric : {"euclidean", "manhattan"}
        How the distance of `space_bands` is measured.

    References
    ----------
    Metropolitan Police reply to the London Assembly's "Smart policing" report (super cocooning, three weeks); Johnson
    et al. 2007, Journal of Quantitative Criminology 23 (near repeats).

    Examples
    --------
    >>> NearRepeat(radius=200).lookback
    '21D'
    >>> NearRepeat(kernel="bands", space_bands=(0, 200, 400), time_bands=(0, 7, 28), weights=[[2, 1], [1, 0]]).lookback
    '28D'
    """

    radius: float = RADIUS
    lookback: str = LOOKBACK
    kernel: Literal["linear", "exponential", "bands"] = "linear"
    own_address: bool = True
    space_bands: Edges | None = None
    time_bands: Edges | None = None
    weights: Weights | None = None
    metric: Literal["euclidean", "manhattan"] = "euclidean"

    def __post_init__(self) -> None:
        check_positive(self.radius, "radius", "metres, for instance 400")
        if self.lookback is None:
            raise InputError("lookback=None; say how long a crime raises the risk around it, for instance '21D'.")
        check_length(self.lookback, "lookback")
        if self.kernel not in KERNELS:
            raise InputError(f"kernel={self.kernel!r}; choose one of {', '.join(map(repr, KERNELS))}.")
        if self.metric not in METRICS:
            raise InputError(f"metric={self.metric!r}; choose one of {', '.join(map(repr, METRICS))}.")
        if not isinstance(self.own_address, bool):
            raise InputError(f"own_address={self.own_address!r}; give True or False.")
        if self.kernel == "bands":
            self._take_bands()
        elif (self.space_bands, self.time_bands, self.weights) != (None, None, None):
            raise InputError(f"space_bands, time_bands and weights are for kernel='bands', not {self.kernel!r}.")
        elif self.metric != "euclidean":
            raise InputError(f"metric={self.metric!r} is for kernel='bands'; the decaying kernels are round.")

    def _take_bands(self) -> None:
        """Make the bands tuples of numbers, and read radius and lookback off their ends."""
        if self.space_bands is None or self.time_bands is None or self.weights is None:
            raise InputError(
                "kernel='bands' needs space_bands, time_bands and weights; NearRepeat.from_knox(table) takes them from "
                "a Knox table."
            )
        space = read_edges(self.space_bands, "space_bands", "(0, 200, 400)")
        time = read_edges(self.time_bands, "time_bands", "(0, 7, 14)")
        weights = read_weights(self.weights, space, time)
        if not self.own_address and not same_place(space):
            raise InputError(
                f"own_address=False, but no band is that of the same place: the first goes from {space[0]:g} to "
                f"{space[1]:g} m. Begin space_bands with 0 and a step of at most a metre, for instance (0, 0.01, "
                f"{space[1]:g}), also in ppe.knox(...)."
            )
        lookback = f"{time[-1]:.0f}D" if time[-1].is_integer() else f"{time[-1]:.9f}".rstrip("0") + "D"
        given = {"radius": (self.radius, RADIUS, space[-1]), "lookback": (self.lookback, LOOKBACK, lookback)}
        for name, (value, default, last) in given.items():
            if value not in (default, last):
                raise InputError(
                    f"{name}={value!r}, but the bands end at {last!r}; leave {name} out, or cut the bands."
                )
        fields = {
            "space_bands": space,
            "time_bands": time,
            "weights": weights,
            "radius": space[-1],
            "lookback": lookback,
        }
        for name, field in fields.items():
            object.__setattr__(self, name, field)

    @classmethod
    def from_knox(
        cls, table: xr.Dataset, *, ratio: Ratio = "mean", alpha: float | None = None, own_address: bool = True
    ) -> NearRepeat:
        """Take the excess over chance of a Knox table, ratio - 1 where that is above 0, as the weights of its bands.

        Parameters
        ----------
        table : xarray.Dataset
            What `predpol_eval.knox` returned, with its metric. Make it of crimes known before the first forecast,
            ``ppe.knox(events.known_at(start), ...)``: its weights are part of the configuration, and a table of later
            crimes would carry the future into it.
        ratio : {"mean", "median"}
            Observed pairs over their mean, or over their median, under permutation.
        alpha : float, optional
            Only bands with a p-value of at most this; None takes every band with an excess.
        own_address : bool
            Whether a crime raises the risk of its own address.

        Raises
        ------
        InputError
            If the table is not one of `knox`, or no finite band has an excess.

        Examples
        --------
        >>> import pandas as pd, predpol_eval as ppe
        >>> days = ["2018-05-01", "2018-05-02", "2018-05-31"]
        >>> frame = pd.DataFrame({"x": [1000.0, 1100.0, 9000.0], "y": 1000.0, "t": days})
        >>> events = ppe.Events.from_frame(frame, crs="EPSG:27700", tz="Europe/London")
        >>> form = ppe.NearRepeat.from_knox(ppe.knox(events, [0, 200, float("inf")], [0, 7], seed=1))
        >>> form.radius, form.lookback, round(form.weights[0][0])
        (200.0, '7D', 2)
        """
        space, time, weights = excess_of(table, ratio, alpha)
        return cls(
            kernel="bands", space_bands=space, time_bands=time, weights=weights, own_address=own_address,
            metric=table.attrs.get("metric", "euclidean"),
        )  # fmt: skip

    def fit(self, events: Events, grid: Grid, *, until: Any) -> FittedScore:
        """Keep the recent crimes known at `until`.

        Raises
        ------
        InputError
            If no time was observed in the lookback, or CRSs differ.
        """
        return FittedScore(forecaster=self, known=known(events, grid, until, self.lookback))

    def score(self, known: Known, age_days: FloatArray) -> FloatArray:
        """Score of every cell, shape (ny, nx), for crimes of these ages at the start of the window."""
        if self.kernel == "bands":
            return self._score_of_bands(known, age_days)
        from predpol_eval.kernels.near_repeat import cocoon

        fade = fading(self.kernel, age_days / span(self.lookback, "lookback").nominal_days)
        live = fade > 0
        grid, x, y = known.grid, known.events.x[live], known.events.y[live]
        own = None if self.own_address else grid.column_row(x, y)
        return cocoon(x, y, fade[live], *_place(grid), self.radius, DECAYS.index(self.kernel), own)

    def _score_of_bands(self, known: Known, age_days: FloatArray) -> FloatArray:
        from predpol_eval.kernels.rings import rings

        weights, edges = np.array(self.weights), np.array(self.space_bands)
        band = np.digitize(age_days, np.array(self.time_bands)) - 1
        live = (band >= 0) & (band < weights.shape[1])
        grid, x, y, band = known.grid, known.events.x[live], known.events.y[live], band[live]
        of_place = np.zeros(weights.shape[1])
        if same_place(self.space_bands or ()):
            # It has no area: its weight goes to the cell whole, and the next ring begins at the place itself.
            of_place, weights, edges = weights[0], weights[1:], np.r_[0.0, edges[2:]]
        metric = METRICS.index(self.metric)
        out = rings(x, y, band, weights, edges, *_place(grid), metric) if len(weights) else np.zeros(grid.shape)
        if self.own_address and of_place.any():
            column, row = grid.column_row(x, y)
            ny, nx = grid.shape
            inside = (column >= 0) & (column < nx) & (row >= 0) & (row < ny)
            np.add.at(out, (row[inside], column[inside]), of_place[band[inside]])
        return out


def fading(kernel: str, age: FloatArray) -> FloatArray:
    """Weight in time of crimes of these ages, counted in lookbacks, for a decaying kernel."""
    if kernel == "linear":
        return np.maximum(1 - age, 0.0)
    return np.where(age < 1, np.exp(-3 * age), 0.0)


def _place(grid: Grid) -> tuple[float, float, float, int, int]:
    ny, nx = grid.shape
    return grid.x0, grid.y0, grid.cell, nx, ny
