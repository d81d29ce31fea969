"""The formats that can be read, as one table.

It feeds the readers, `predpol-eval formats`, the docs and the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Resolution = Literal["month", "day", "hour", "minute"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column that a reader uses.

    Attributes
    ----------
    names : tuple of str
        The names it goes by, the publisher's own first; capitals, spaces and underscores do not matter.
    meaning : str
        What it holds.
    required : bool
        Whether the file cannot be read without it.
    """

    names: tuple[str, ...]
    meaning: str
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Format:
    """All that is known about a publisher's format.

    Attributes
    ----------
    name : str
        What to give as ``read_events(path, format=...)``.
    sentence : str
        What it is.
    publisher : str
        Who publishes it.
    columns : mapping of str to Column
        The columns read, by the part they play; empty where the caller names them.
    licence, attribution : str
        The terms, and the line to show with the data.
    crs : str
        Projected system in metres of the events, unless the caller asks for another.
    source_crs : str
        System of the coordinates in the file.
    tz : str
        Time zone of the place.
    resolution : {"month", "day", "hour", "minute"} or None
        How finely the publisher tells the time.
    quirks : tuple of str
        Oddities of the format, and what the reader does about them.
    caveats : tuple of str
        What the data cannot tell; repeated in the notes of every report.
    example : str
        A call that reads such a file.
    """

    name: str
    sentence: str
    publisher: str
    columns: Mapping[str, Column]
    licence: str
    attribution: str
    crs: str
    source_crs: str
    tz: str
    resolution: Resolution | None
    quirks: tuple[str, ...]
    caveats: tuple[str, ...]
    example: str

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that a file must have, as the publisher writes them."""
        return tuple(column.names[0] for column in self.columns.values() if column.required)

    @property
    def optional(self) -> tuple[str, ...]:
        """Names of the columns that are used where they are present."""
        return tuple(column.names[0] for column in self.columns.values() if not column.required)


_TORONTO = Format(
    name="toronto",
    sentence="Toronto Police Service, Major Crime Indicators: CSV with the date and, apart, the hour",
    publisher="Toronto Police Service, Public Safety Data Portal",
    columns={
        "date": Column(names=("occurrencedate",), meaning="local midnight of the day of the crime, written in UTC"),
        "hour": Column(names=("occurrencehour",), meaning="hour of the crime, 0 to 23, local"),
        "kind": Column(names=("MCI",), meaning="kind of crime"),
        "x": Column(names=("Long",), meaning="longitude, degrees"),
        "y": Column(names=("Lat",), meaning="latitude, degrees"),
    },
    licence="Open Government Licence - Ontario",
    attribution=(
        "Contains information licensed under the Open Government Licence - Ontario. Source: Toronto Police Service."
    ),
    crs="EPSG:32617",
    source_crs="EPSG:4326",
    tz="America/Toronto",
    resolution="hour",
    quirks=(
        "Dates are local midnight written in UTC: 04:00 or 05:00 is daylight saving, not an hour of crime. "
        "The day is taken from the date and the hour from its own column.",
        "Crimes that occurred before 2014 are only those that were reported later; they are dropped and "
        "counted "
        "(since=None keeps them).",
        "Rows without an event id may be identical, one per victim or offence; they are kept and counted.",
        "Hours that a clock change repeats are taken as the earlier, hours that it skips move to the next; counted.",
        "Texts are padded with spaces, which are stripped.",
    ),
    caveats=(
        "Points are offset to the nearest intersection by the publisher, so nobody's home is shown; distance 0 means "
        "the same intersection, not the same address.",
        "The file is not complete: the extract of 2014-2018 holds 97-98 % of the police's own yearly counts "
        "of Break and "
        "Enter, 89-97 % of Auto Theft, 75-79 % of Robbery and 84-85 % of Assault.",
        "There is no date of report, so how late crimes become known cannot be studied.",
    ),
    example='read_events("mci.csv.gz", format="toronto", kinds=["Break and Enter"])',
)

_CHICAGO = Format(
    name="chicago",
    sentence='Chicago\'s "Crimes" dataset: the Socrata CSV export, or Parquet made from it',
    publisher="City of Chicago, Chicago Police Department",
    columns={
        "date": Column(names=("Date",), meaning="local time, MM/DD/YYYY HH:MM:SS AM|PM (a time in Parquet)"),
        "kind": Column(names=("Primary Type",), meaning="kind of crime"),
        "x": Column(names=("Longitude",), meaning="longitude, degrees"),
        "y": Column(names=("Latitude",), meaning="latitude, degrees"),
        "id": Column(names=("ID",), meaning="number of the record", required=False),
    },
    licence="City of Chicago terms of use",
    attribution=(
        "This site provides applications using data that has been modified for use from its original source, "
        "www.cityofchicago.org, the official website of the City of Chicago. The City of Chicago makes no "
        "claims as to "
        "the content, accuracy, timeliness, or completeness of any of the data provided at this site. The "
        "data provided "
        "at this site is subject to change at any time. It is understood that the data provided at this "
        "site is being "
        "used at one's own risk."
    ),
    crs="EPSG:26971",
    source_crs="EPSG:4326",
    tz="America/Chicago",
    resolution="minute",
    quirks=(
        "Rows without coordinates are dropped and counted, and so are those at (0, 0) feet of the State "
        "Plane, which the "
        "export shows as latitude 36.6194, longitude -91.6866, in Missouri.",
        "X Coordinate and Y Coordinate are feet; latitude and longitude are read instead and converted to metres.",
        "Any subset of the 22 columns in any order will do, as long as those read are there.",
        "Times that a clock change repeats are taken as the earlier, times that it skips move forward; counted.",
    ),
    caveats=(
        "Points are placed on the block, not at the address.",
        "The newest days of a download are under-reported, and older records are revised for months.",
    ),
    example='read_events("Crimes.csv", format="chicago", kinds=["BURGLARY"])',
)

_POLICE_UK = Format(
    name="police_uk",
    sentence="data.police.uk street-level crime of England, Wales and Northern Ireland: CSV of months",
    publisher="Single Online Home National Digital Team and the police forces",
    columns={
        "month": Column(names=("Month",), meaning="month of the crime, YYYY-MM"),
        "kind": Column(names=("Crime type",), meaning="kind of crime"),
        "x": Column(names=("Longitude",), meaning="longitude, degrees"),
        "y": Column(names=("Latitude",), meaning="latitude, degrees"),
        "id": Column(names=("Crime ID",), meaning="id of the crime; blank for anti-social behaviour", required=False),
    },
    licence="Open Government Licence v3.0",
    attribution="Contains public sector information licensed under the Open Government Licence v3.0.",
    crs="EPSG:27700",
    source_crs="EPSG:4326",
    tz="Europe/London",
    resolution="month",
    quirks=(
        "Only the month is given: a crime is an interval of a whole month, and nightly schedules are refused.",
        "Rows without coordinates are dropped and counted.",
        "Anti-social behaviour has no Crime ID; rows without one may be identical and are kept and counted.",
    ),
    caveats=(
        "Only the month of each crime is known: methods that forecast a night cannot be tested on these data.",
        "Points are snapped to shared map points, so distance 0 means the same map point, not the same address.",
    ),
    example='read_events("2018-07-west-yorkshire-street.csv", format="police_uk")',
)

_GENERIC = Format(
    name="generic",
    sentence="Any CSV or Parquet file with a row per crime, whose columns you name",
    publisher="any",
    columns={},
    licence="see the publisher's terms",
    attribution="",
    crs="",
    source_crs="",
    tz="",
    resolution=None,
    quirks=(
        "crs= (projected, metres) and tz= must be given; source_crs='EPSG:4326' converts longitude and latitude.",
        "Times in ISO form need no more; others need date_format=, and the error suggests one.",
        "happened= may name several columns (year, month, day, hour, minute); hhmm= names a column of clock "
        "times "
        "such as 330 or 2230.",
        "Rows whose place is blank or (0, 0), or whose time is blank, are dropped and counted.",
        "Times that a clock change repeats are taken as the earlier, times that it skips move forward; counted.",
    ),
    caveats=(),
    example=(
        'read_events("thefts.csv", format="generic", x="lon", y="lat", happened="time", '
        'source_crs="EPSG:4326", crs="EPSG:32618", tz="America/New_York")'
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {entry.name: entry for entry in (_TORONTO, _CHICAGO, _POLICE_UK, _GENERIC)}
)
