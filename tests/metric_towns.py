"""Small towns to judge metrics on, and what may be done to a town that must not, or must, change a number."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import strategies as st

from predpol_eval import Events, Grid, Windows, make_surface
from tests.strategies import CRS, TZ, City, nights, tally_of

Array = np.ndarray[Any, np.dtype[Any]]
Move = Callable[[Array], Array]

SIDE_MM = 2000
first_nights = functools.cache(nights)


class Town(NamedTuple):
    """A grid; two surfaces of the same nights; the crimes (counts or Events), and those of an earlier period."""

    grid: Grid
    risk: xr.DataArray
    other: xr.DataArray
    crimes: Any
    earlier: xr.DataArray

    @property
    def kind(self) -> str:
        """Of both surfaces."""
        return str(self.risk.attrs["kind"])

    @property
    def expected(self) -> Array:
        """Risk (..., window, cell) in the study area."""
        return np.asarray(self.risk.to_numpy()[..., self.grid.mask], dtype=np.float64)

    @property
    def recorded(self) -> Array:
        """Crimes (window, cell) in the study area."""
        return np.asarray(self.crimes.to_numpy()[:, self.grid.mask])

    def tally(self, *budgets: Any, risk: xr.DataArray | None = None, crimes: Any = None) -> xr.Dataset:
        """What the budgets catch, of other surfaces or crimes if told."""
        windows = Windows.from_coords(self.risk)
        chosen = self.risk if risk is None else risk
        return tally_of(City(self.grid, windows, chosen, self.crimes if crimes is None else crimes), *budgets)

    def surface(self, values: Any, kind: str | None = None) -> xr.DataArray:
        """Other values on the same ground and nights."""
        return make_surface(np.nan_to_num(values), self.grid, Windows.from_coords(self.risk), kind=kind or self.kind)


def built(
    inside: Array, label: Array, maps: list[Array], counts: list[Array], kind: str, windows: Windows, side: int = 1
) -> Town:
    """A town from arrays; `side` times as wide as 2 m are its cells."""
    grid = Grid(
        crs=CRS, x0_mm=0, y0_mm=0, cell_mm=side * SIDE_MM, inside_m2=inside * float(side**2),
        label_code=np.where(inside > 0, label, -1).astype(np.int32), labels=("A", "B"),
    )  # fmt: skip
    risk = make_surface(np.nan_to_num(maps[0]), grid, windows, kind=kind)
    other = risk.copy(data=np.where(grid.mask, maps[1], np.nan))
    told = [risk.copy(data=values * grid.mask).rename("count") for values in counts]
    for counted in told:
        counted.attrs = {"grid": grid.fingerprint}
    return Town(grid, risk, other, *told)


@st.composite
def metric_towns(
    draw: st.DrawFn,
    *,
    kinds: tuple[str, ...] = ("score", "expected_count"),
    many_nights: bool = False,
    whole: bool = False,
    above_zero: bool | None = None,
) -> Town:
    """Two areas, cut cells and holes; few values, so that ties abound, and dyadic, so that rounding loses nothing."""
    ny, nx, count = draw(st.integers(1, 3)), draw(st.integers(2, 4)), draw(st.integers(2, 4))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (8 if many_nights else count, ny, nx)
    inside = generator.choice([4.0, 4.0, 4.0, 2.0, 0.5, 0.0], size=(ny, nx))
    inside[draw(st.integers(0, ny - 1)), draw(st.integers(0, nx - 1))] = 4.0
    kind = draw(st.sampled_from(kinds))
    lifted = draw(st.booleans()) if above_zero is None else above_zero
    maps = [generator.choice([0.0, 0.25, 0.5, 1.0, 3.0], size=shape) + 0.125 * lifted for _ in range(2)]
    amounts = [[0.0, 2.0, 9.0], [0.0, 0.0, 4.0, 7.0]] if many_nights else [[0.0, 1.0, 3.0], [0.0, 0.0, 0.0, 1.0]]
    amount = draw(st.sampled_from([*amounts, *([] if whole else [[0.0, 0.25, 0.5, 1.5]])]))
    counts = [generator.choice(amount, size=shape) for _ in range(2)]
    return built(inside, generator.integers(0, 2, (ny, nx)), maps, counts, kind, first_nights(shape[0]))


def moved(town: Town, move: Move, side: int = 1) -> Town:
    """The same town with its cells laid elsewhere: `move` takes (..., y, x)."""
    maps = [move(data.to_numpy()) for data in (town.risk, town.other)]
    counts = [move(data.to_numpy()) for data in (town.crimes, town.earlier)]
    ground, label = move(town.grid.inside_m2), np.maximum(move(town.grid.label_code), 0)
    return built(ground, label, maps, counts, town.kind, Windows.from_coords(town.risk), side)


def in_order(order: Any) -> Move:
    """Lay the cells in another order, whoever was whose neighbour."""
    return lambda values: values.reshape(*values.shape[:-2], -1)[..., order].reshape(values.shape)


def _turn(quarters: int, mirrored: bool) -> Move:
    return lambda values: np.rot90(values[..., ::-1] if mirrored else values, quarters, axes=(-2, -1))


# The ways to turn or mirror a map, which leave neighbours neighbours.
QUARTER_TURN = _turn(1, mirrored=False)
TURNS = tuple(_turn(quarters, mirrored) for quarters in range(4) for mirrored in (False, True))[1:]


def of_nights(town: Town, which: Any) -> Town:
    """The town on some of its nights, or with its nights in another order."""
    return Town(town.grid, *(data.isel(window=which) for data in town[1:]))


def with_risk(town: Town, change: Callable[[xr.DataArray], xr.DataArray], both: bool = True) -> Town:
    """The town with its surface changed, and the other one alike."""
    risk = change(town.risk).assign_attrs(town.risk.attrs)
    return town._replace(risk=risk, other=change(town.other).assign_attrs(town.other.attrs) if both else town.other)


def with_plateaus(town: Town) -> Town:
    """Whole cells of two levels only, the same every night: nearly every cell is tied with another."""
    inside = np.where(town.grid.mask, 4.0, 0.0)
    maps = [np.where(data.to_numpy() >= np.nanmax(data[:1]), 1.0, 0.125) for data in (town.risk, town.other)]
    maps = [np.broadcast_to(values[:1], values.shape) for values in maps]
    counts = [data.to_numpy() for data in (town.crimes, town.earlier)]
    label = np.maximum(town.grid.label_code, 0)
    return built(inside, label, maps, counts, town.kind, Windows.from_coords(town.risk))


def swapped_in_ties(town: Town, generator: np.random.Generator) -> Town:
    """Crimes change places between cells that no surface, and no rule, tells apart; all else stays."""
    flat = [data.to_numpy().reshape(data.sizes["window"], -1) for data in town[1:]]
    like = np.vstack([np.nan_to_num(flat[0]), np.nan_to_num(flat[1]), town.grid.inside_m2.ravel(),
                      town.grid.label_code.ravel()])  # fmt: skip
    group = np.unique(like, axis=1, return_inverse=True)[1].ravel()
    order = np.arange(len(group))
    for number in range(int(group.max()) + 1):
        here = np.flatnonzero(group == number)
        order[here] = generator.permutation(here)
    move = in_order(order)
    return town._replace(**{name: getattr(town, name).copy(data=move(getattr(town, name).to_numpy()))
                            for name in ("crimes", "earlier")})  # fmt: skip


def frame_of(town: Town, uncertain: bool) -> pd.DataFrame:
    """One row per crime, at noon; with `uncertain`, every second one between that noon and the next."""
    counted = np.rint(np.ceil(town.crimes.to_numpy())).astype(int)
    window, y, x = (np.repeat(place, counted[counted > 0]) for place in np.nonzero(counted))
    start = pd.to_datetime(town.crimes["window"].to_numpy()[window]).tz_localize("UTC").tz_convert(TZ).tz_localize(None)
    noon = start + pd.Timedelta(hours=12)
    until = np.where(uncertain & (np.arange(len(noon)) % 2 == 1), noon + pd.Timedelta(days=1), noon)
    centre = {"x": town.crimes["x"].to_numpy()[x], "y": town.crimes["y"].to_numpy()[y]}
    return pd.DataFrame({**centre, "t": noon, "until": pd.to_datetime(until)})


def events_of(frame: pd.DataFrame) -> Events:
    """The crimes of May 2018."""
    observed = [("2018-05-01", "2018-06-01")]
    return Events.from_frame(frame, happened_until="until", crs=CRS, tz=TZ, observed=observed)


def joined(first: xr.DataArray, second: xr.DataArray, dim: str = "forecaster") -> xr.DataArray:
    """Two surfaces side by side along a leading dimension, called A and B."""
    names = pd.Index(["A", "B"], name=dim)
    both = [first, second]
    return xr.concat(both, dim=names, coords="minimal", compat="override", combine_attrs="override")
