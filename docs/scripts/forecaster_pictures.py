"""One picture per forecaster: its map of one night on the built-in sample. Writes docs/forecasters/pictures/*.png.

    python -m docs.scripts.forecaster_pictures [NAME ...]

The same night, crimes, cells and boxes for all, so that the pictures can be laid side by side. Nothing is drawn at
random: the same versions of the libraries give the same files.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr
from PIL import Image
from sklearn.linear_model import PoissonRegressor

import predpol_eval as ppe
from predpol_eval.data.sample import sample_grid

PICTURES = Path(__file__).resolve().parents[1] / "forecasters" / "pictures"
KIND, NIGHT, AFTER = "Break and Enter", "2018-06-15", "2018-06-16"
BUDGET = ppe.TopCells(40)
DOTS_PER_INCH, LONGEST_TITLE = 80, 60


class Sample(NamedTuple):
    """What every picture shows: crimes of one kind, cells, and one night."""

    events: ppe.Events
    grid: ppe.Grid
    night: ppe.Windows

    def risk(self, forecaster: Any) -> xr.DataArray:
        """Map of a forecaster for the night."""
        until = self.night.until[0]
        return forecaster.fit(self.events.known_at(until), self.grid, until=until).predict(self.night)


# Page, and picture: the forecaster whose map is drawn.
FORECASTERS: dict[str, Callable[[Sample], Any]] = {
    "uniform": lambda sample: ppe.Uniform(),
    "count_map": lambda sample: ppe.CountMap(lookback="21D"),
    "kde": lambda sample: ppe.KDE(bandwidth=500),
    "prospective_hotspot": lambda sample: ppe.ProspectiveHotspot(),
    "near_repeat": lambda sample: ppe.NearRepeat(),
    "self_exciting": lambda sample: ppe.SelfExciting(),
    "self_exciting_continuous": lambda sample: ppe.SelfExciting(model="continuous"),
    "self_exciting_nonparametric": lambda sample: ppe.SelfExciting(model="nonparametric"),
    "regression": lambda sample: ppe.Regression(PoissonRegressor(alpha=0.001)),
    "blend": lambda sample: ppe.Blend(members=(ppe.CountMap(), ppe.CountMap(lookback=None), ppe.KDE(bandwidth=500))),
    "external": lambda sample: ppe.External(surface=sample.risk(ppe.KDE(bandwidth=1500)), name="somebody else"),
}


def sample() -> Sample:
    """The built-in sample, one kind of crime, cells of 250 m and one night."""
    events = ppe.sample_events(kinds=KIND)
    return Sample(events, sample_grid(250), ppe.Schedule(start=NIGHT, end=AFTER, tz=events.tz).windows)


def draw(name: str, shown: Sample) -> Any:
    """The figure of one forecaster: risk, the forty riskiest boxes, and the crimes that then happened."""
    risk = shown.risk(FORECASTERS[name](shown))
    # Where all boxes tie there is nothing to flag.
    boxes = None if name == "uniform" else BUDGET
    note = shown.events.report.attribution
    told = str(risk.attrs["forecaster"])
    title = f"{told if len(told) <= LONGEST_TITLE else told.partition('(')[0]}: {NIGHT}"
    return ppe.plot_risk(risk, shown.grid, flagged=boxes, crimes=shown.events, title=title, note=note)


def save(figure: Any, path: Path) -> None:
    """Write a small PNG: a palette, and no mark of the libraries that made it."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH)
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, format="PNG", optimize=True)


def main() -> None:
    """Draw all pictures, or those named."""
    PICTURES.mkdir(exist_ok=True)
    shown = sample()
    for name in sys.argv[1:] or FORECASTERS:
        path = PICTURES / f"{name}.png"
        save(draw(name, shown), path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
