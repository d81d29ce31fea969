"""The three cities of the league: crimes, cells and the nights to forecast, from the publishers' files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import geopandas

import predpol_eval as ppe


class City(NamedTuple):
    """A city's crimes, its cells and the nights to forecast; `before` are as many nights just before them."""

    name: str
    areas: str
    events: ppe.Events
    grid: ppe.Grid
    schedule: ppe.Schedule
    before: ppe.Schedule
    beware: str
    pooled: str = "All crimes"

    def title(self, kind: str) -> str:
        """What a kind is called; a file of one kind only does not say."""
        return self.pooled if kind == "all" else kind.capitalize() if kind.isupper() else kind


def toronto(data: Path) -> City:
    """Toronto's 140 neighbourhoods in the summer of 2018."""
    kinds = ["Break and Enter", "Auto Theft", "Robbery"]
    events = ppe.read_events(data / "toronto" / "toronto_mci_2014_2018.csv.gz", format="toronto", kinds=kinds)
    return City(
        "Toronto",
        "140 neighbourhoods",
        events,
        _grid(data / "toronto" / "neighbourhoods_140.geojson", "AREA_SHORT_CODE", events.crs),
        ppe.Schedule(start="2018-06-01", end="2018-09-01", tz=events.tz),
        ppe.Schedule(start="2018-03-01", end="2018-06-01", tz=events.tz),
        "Four and a half years of history. The publisher moved every point to an intersection, so part of what a map "
        "of all history knows is which cells hold one.",
    )


def chicago(data: Path) -> City:
    """Chicago's police districts in the spring of 2018; district 31 is outside the city police."""
    kinds = ["BURGLARY", "MOTOR VEHICLE THEFT", "ROBBERY"]
    events = ppe.read_events(data / "chicago" / "chicago_crimes_2018_jan_aug.parquet", format="chicago", kinds=kinds)
    return City(
        "Chicago",
        "22 police districts",
        events,
        _grid(data / "chicago" / "police_districts.geojson", "district", events.crs, leave_out=(31,)),
        ppe.Schedule(start="2018-05-01", end="2018-08-01", tz=events.tz),
        ppe.Schedule(start="2018-01-29", end="2018-05-01", tz=events.tz),
        "Four months of history when the nights begin, seven when they end: the counts of 365 days and of all history "
        "are one and the same here. Points stand at the block.",
    )


def seattle(data: Path) -> City:
    """Seattle's police beats in the spring of 2018, after the stretch in which nearly nothing was recorded."""
    events = ppe.read_events(
        data / "seattle" / "seattle_burglary_2010_2018.csv.gz",
        format="generic",
        x="x",
        y="y",
        happened="t",
        id="id",
        source_crs="EPSG:4326",
        crs="EPSG:32610",
        tz="America/Los_Angeles",
        date_format="%m/%d/%Y %I:%M:%S %p",
        observed=[("2015-02-01", "2018-05-01")],
        attribution="City of Seattle open data: Seattle Police Department, burglary incidents.",
    )
    return City(
        "Seattle",
        "51 police beats",
        events,
        _grid(data / "seattle" / "spd_beats.geojson", "name", events.crs),
        ppe.Schedule(start="2018-01-29", end="2018-05-01", tz=events.tz),
        ppe.Schedule(start="2017-10-29", end="2018-01-29", tz=events.tz),
        "Burglary only, three years of history. The times are most likely those at which the police closed the call, "
        "not those of the burglary: what is known by midnight may have happened days before, and what "
        "counts as tonight's may be of yesterday. Nearly nothing was recorded from March 2013 to January 2015, so "
        "history begins in February 2015.",
        pooled="Burglary",
    )


CITIES: dict[str, Callable[[Path], City]] = {"toronto": toronto, "chicago": chicago, "seattle": seattle}


def _grid(path: Path, label: str, crs: str, leave_out: tuple[int, ...] = ()) -> ppe.Grid:
    areas = geopandas.read_file(path).to_crs(crs)
    return ppe.Grid.from_areas(areas[~areas[label].isin(leave_out)], cell=250, label=label)
