"""A small made-up city that holds, on purpose, what real tables hold by accident."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from predpol_eval.civil_time import NANOSECONDS_PER_DAY
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid
from predpol_eval.schedule import Schedule, Windows

CRS, ZONE = "EPSG:27700", "Europe/London"
OBSERVED = (("2018-01-01", "2018-02-05"), ("2018-02-12", "2018-05-01"))
FIRST_NIGHT, NIGHTS = "2018-04-10", 3
CRIMES = 400


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class City:
    """Crimes, a grid and some nights, all forecast from one moment: two hours before the first of them."""

    events: Events
    grid: Grid
    windows: Windows


def make_city(seed: int = 0) -> City:
    """Make the city that `check_forecaster` uses where it is given none.

    It has two clocks (crimes recorded days after they happened), times and places that tie, a gap in observation, a
    clock change within the three weeks before the forecast, cells cut by the border, a lake, crimes outside, an area
    without crime, two kinds.

    Parameters
    ----------
    seed : int
        Seed of the crimes; the ground is always the same.

    Examples
    --------
    >>> city = make_city()
    >>> len(city.events), city.grid.shape, len(city.windows)
    (400, (10, 12), 3)
    """
    import pandas as pd

    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}; give a whole number from 0, for instance seed=0.")
    rng = np.random.default_rng(seed)
    after = rng.random(CRIMES) * 120 * NANOSECONDS_PER_DAY
    whole = np.datetime64("2018-01-01", "ns") + after.astype("timedelta64[ns]")
    # Most publishers round to the hour, so that times tie.
    rounded = rng.random(CRIMES) < 0.7
    happened = np.where(rounded, whole.astype("datetime64[h]").astype("datetime64[ns]"), whole)
    lag = np.where(rng.random(CRIMES) < 0.5, 0.0, rng.exponential(3.0, CRIMES))
    recorded = happened + (lag * NANOSECONDS_PER_DAY).astype("timedelta64[ns]")
    x, y = _places(rng)
    frame = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "t": pd.DatetimeIndex(happened).tz_localize("UTC"),
            "known": pd.DatetimeIndex(recorded).tz_localize("UTC"),
            "kind": rng.choice(["burglary", "theft"], CRIMES),
        }
    )
    events = Events.from_frame(
        frame, recorded="known", kind="kind", crs=CRS, tz=ZONE, observed=[(first, last) for first, last in OBSERVED]
    )
    return City(events=events, grid=_ground(), windows=nights(FIRST_NIGHT, ZONE))


def nights(first: str, tz: str, step: str = "1D") -> Windows:
    """The nights from a civil day on, all forecast from two hours before the first."""
    length = 31 if step == "31D" else 1
    end = np.datetime64(first, "D") + NIGHTS * length
    made = Schedule(start=first, end=str(end), step=step, horizon=step, lead="2h", tz=tz).windows
    return Windows(made.start.copy(), made.end.copy(), np.repeat(made.until[:1], len(made)), tz)


def _places(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Half at a few addresses, the rest anywhere, some beyond the border; some on the edge between cells."""
    address = rng.uniform([530_500, 180_100], [532_900, 181_900], (12, 2))
    address[0] = 531_250, 181_000
    share = rng.dirichlet(np.full(12, 0.6))
    place = rng.uniform([530_000, 180_000], [533_000, 182_000], (CRIMES, 2))
    home = rng.random(CRIMES) < 0.5
    place[home] = address[rng.choice(12, int(home.sum()), p=share)]
    beyond = rng.random(CRIMES) < 0.06
    place[beyond] += rng.choice([-2_500.0, 2_500.0], (int(beyond.sum()), 2))
    return place[:, 0].round(2), place[:, 1].round(2)


def _ground() -> Grid:
    import geopandas as gpd
    import shapely

    west = shapely.Polygon([(530_100, 180_000), (531_500, 180_000), (531_500, 182_000), (530_400, 182_000)])
    lake = [(532_000, 180_750), (532_500, 180_750), (532_500, 181_250), (532_000, 181_250)]
    edge = [(531_500, 180_000), (533_000, 180_000), (533_000, 181_610), (532_620, 182_000), (531_500, 182_000)]
    heath = shapely.box(531_500, 182_000, 532_300, 182_400)
    areas = gpd.GeoDataFrame(
        {"area": ["West", "East", "Heath"]}, geometry=[west, shapely.Polygon(edge, [lake]), heath], crs=CRS
    )
    return Grid.from_areas(areas, cell=250, label="area")
