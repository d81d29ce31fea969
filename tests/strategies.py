"""Hypothesis strategies: small cities full of ties, cut cells and fractions of crimes."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from hypothesis import strategies as st

from predpol_eval import Coverage, Grid, PredPolWarning, Schedule, TopCells, Windows, make_surface, tally

CRS = "EPSG:27700"
TZ = "Europe/London"


class City(NamedTuple):
    """A grid of few cells, its windows, a surface and the crimes that happened; cells flat, those outside left out."""

    grid: Grid
    windows: Windows
    risk: xr.DataArray
    crimes: xr.DataArray

    def cells(self, window: int) -> list[dict[str, float]]:
        """Cells of one window, as the naive twins take them."""
        mask = self.grid.mask
        here = (self.risk.to_numpy()[window][mask], self.grid.inside_m2[mask], self.crimes.to_numpy()[window][mask])
        return [
            {"value": v, "inside": m2, "crimes": y, "hit": float(y > 0), "label": int(label)}
            for v, m2, y, label in zip(*here, self.grid.label_code[mask], strict=True)
        ]


def nights(count: int) -> Windows:
    """The first nights of May 2018 in London."""
    return Schedule(start="2018-05-01", end=f"2018-05-{count + 1:02d}", tz=TZ).windows


def row_of_cells(inside: list[float], label: list[int] | None = None, labels: int = 1) -> Grid:
    """Cells side by side, 2 m wide, with any inside-area; 0 is outside the study area."""
    ground = np.array([inside], dtype=np.float64)
    code = np.zeros(len(inside), dtype=np.int32) if label is None else np.array(label, dtype=np.int32)
    return Grid(
        crs=CRS,
        x0_mm=0,
        y0_mm=0,
        cell_mm=2000,
        inside_m2=ground,
        label_code=np.where(ground > 0, code, -1).astype(np.int32),
        labels=tuple("ABCDE"[:labels]),
    )


def city_of(
    values: list[list[float]],
    crimes: list[list[float]],
    inside: list[float],
    kind: str = "score",
    label: list[int] | None = None,
    labels: int = 1,
) -> City:
    """A city from plain lists, one of values and crimes per window."""
    grid, windows = row_of_cells(inside, label, labels), nights(len(values))
    risk = make_surface(np.array(values, dtype=np.float64)[:, None], grid, windows, kind=kind)
    counted = risk.copy(data=np.array(crimes, dtype=np.float64)[:, None]).rename("count")
    counted.attrs = {"grid": grid.fingerprint}
    return City(grid, windows, risk, counted)


@st.composite
def cities(
    draw: st.DrawFn,
    *,
    most_cells: int = 5,
    most_windows: int = 2,
    kinds: tuple[str, ...] = ("score", "expected_count"),
    sizes: tuple[float, ...] = (4.0, 4.0, 2.0, 1.0, 0.5),
    outside: bool = True,
    labels: int = 2,
) -> City:
    """Few values, so that ties abound; sizes and crimes are dyadic, so that nothing is lost in rounding."""
    count = draw(st.integers(2, most_cells))
    windows = draw(st.integers(1, most_windows))
    kind = draw(st.sampled_from(kinds))
    risks = st.sampled_from([0.0, 1.0] if kind == "flags" else [0.0, 0.0, 0.25, 0.5, 1.0, 3.0])
    amounts = draw(st.sampled_from([[0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.25, 0.5, 1.75]]))
    one = st.lists(risks, min_size=count, max_size=count)
    some = st.lists(st.sampled_from(amounts), min_size=count, max_size=count)
    inside = draw(st.lists(st.sampled_from(sizes), min_size=count, max_size=count))
    if outside and draw(st.booleans()):
        inside = [*inside[:1], 0.0, *inside[1:]]
        count += 1
        one, some = (st.lists(part, min_size=count, max_size=count) for part in (risks, st.sampled_from(amounts)))
    label = draw(st.lists(st.integers(0, labels - 1), min_size=count, max_size=count))
    values = draw(st.lists(one, min_size=windows, max_size=windows))
    crimes = draw(st.lists(some, min_size=windows, max_size=windows))
    # What is counted outside the study area belongs to `outside`; leave none there.
    crimes = [[y if m2 > 0 else 0.0 for y, m2 in zip(row, inside, strict=True)] for row in crimes]
    return city_of(values, crimes, inside, kind, label, labels)


eighths = st.integers(1, 8)
scopes = st.sampled_from([None, "area"])
any_budget = st.one_of(
    st.builds(TopCells, st.integers(1, 6), per=scopes),
    st.builds(Coverage, eighths.map(lambda n: n / 8), per=scopes, rounding=st.sampled_from(["exact", "floor", "ceil"])),
)


def tally_of(city: City, *budgets: Any) -> xr.Dataset:
    """Tally without the warning that a budget has more cells than a tiny city."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PredPolWarning)
        return tally(city.risk, city.crimes, budgets, city.grid)
