"""A small made-up town as files: crimes by longitude and latitude, and three areas, one with a hole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

X, Y, SIDE = 430_000.0, 433_000.0, 1500.0
READ = (
    "x=lon", "y=lat", "happened=time", "kind=what", "source_crs=EPSG:4326", "crs=EPSG:27700", "tz=Europe/London",
)  # fmt: skip


def write_town(folder: Path) -> Path:
    """Write crimes.csv, areas.geojson and run.toml; give back the last."""
    import geopandas as gpd
    import shapely
    from pyproj import Transformer

    generator = np.random.default_rng(3)
    number = 900
    hot = generator.random(number) < 0.5
    x = np.where(hot, X + 700 + 120 * generator.standard_normal(number), X + 3 * SIDE * generator.random(number))
    y = np.where(hot, Y + 700 + 120 * generator.standard_normal(number), Y + SIDE * generator.random(number))
    lon, lat = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True).transform(x, y)
    minutes = np.sort(generator.integers(0, 120 * 24 * 60, number)).astype("timedelta64[m]")
    time = np.datetime64("2018-01-01T00:00") + minutes
    # No hour that the change of the clock skips.
    skipped = (time >= np.datetime64("2018-03-25T01:00")) & (time < np.datetime64("2018-03-25T02:00"))
    time = np.where(skipped, time + np.timedelta64(60, "m"), time)
    kind = np.where(generator.random(number) < 0.6, "burglary", "=vehicle crime")
    pd.DataFrame({"lon": lon, "lat": lat, "time": time, "what": kind}).to_csv(folder / "crimes.csv", index=False)
    boxes = [shapely.box(X + i * SIDE, Y, X + (i + 1) * SIDE, Y + SIDE) for i in range(3)]
    boxes[1] = boxes[1].difference(shapely.box(X + SIDE + 300, Y + 300, X + SIDE + 800, Y + 700))
    areas = gpd.GeoDataFrame({"ward": ["+North", "Mid", "South"]}, geometry=boxes, crs="EPSG:27700").to_crs("EPSG:4326")
    areas.to_file(folder / "areas.geojson", driver="GeoJSON")
    config = folder / "run.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config


CONFIG = """
[events]
file = "crimes.csv"
format = "generic"
kinds = ["burglary", "=vehicle crime"]
x = "lon"
y = "lat"
happened = "time"
kind = "what"
source_crs = "EPSG:4326"
crs = "EPSG:27700"
tz = "Europe/London"
observed = [[2018-01-01, 2018-05-01]]

[areas]
file = "areas.geojson"
label = "ward"

[schedule]
start = 2018-04-02
end = "2018-04-16"

[forecasters]
"nothing known" = "Uniform()"
"@map" = "CountMap(lookback='60D')"

[backtest]
budgets = ["top 2 per area", "5 %"]

[output]
folder = "results"
resamples = 200
"""
