"""Tonight's extract for vendors: what was recorded before the cut, and of each crime no more than a forecast needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, localise, to_wall
from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.grid import Grid, check_events
from predpol_eval.resumable_folders import write_whole
from predpol_eval.trial.canonical import sha256_of, utc_text
from predpol_eval.trial.outcomes.matching import Match, ended, millimetres
from predpol_eval.trial.outcomes.pseudonyms import check_secret, pseudonyms
from predpol_eval.trial.outcomes.scope import NightTerms, PlanTerms, places, utc64, utc_datetime

SCHEMA = "predpol_eval.release/1"
COLUMNS = ("id", "kind", "x", "y", "happened", "happened_until", "recorded")
# Why a crime of the table is not in the extract; each is counted once, under the first that holds.
LATE, OTHER_KIND, OUTSIDE, UNUSED_AREA = (
    "not known before the cut",
    "of a kind that the plan does not have",
    "in no cell of the study area",
    "in an area that the plan does not use",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNIT = {"month": "M", "day": "D", "hour": "h", "minute": "m"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One night's extract.

    Attributes
    ----------
    night : str
        The civil date on which its window starts.
    data : bytes
        The CSV file (UTF-8, lines end with LF), the same bytes for the same crimes, cut and secret.
    sha256 : str
        Of `data`.
    crimes : int
        Rows of it, the header not counted.
    left_out : mapping of str to int
        Crimes of the table that are not in it, by reason. It tells how much was recorded after the cut, so it is not
        for vendors.
    told : mapping
        What goes with the file: night, cut, CRS, zone, by which clock crimes are known, how far observed.
    """

    night: str
    data: bytes = field(repr=False)
    sha256: str
    crimes: int
    left_out: Mapping[str, int]
    told: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What it is, in a sentence or two, for vendors."""
        number = f"{self.crimes:,} crimes" if self.crimes > 1 else "1 crime" if self.crimes else "No crime"
        recorded = self.told["known by"] == "recorded"
        known = f"recorded before {self.told['known before']}"
        if not recorded:
            known = f"that happened before {self.told['known before']} (no recording time is known)"
        sentence = f"{number} {known}, for the night of {self.night}."
        return sentence if self.crimes else f"{sentence} The file holds its header only."

    def record(self) -> dict[str, Any]:
        """Give the body of its record: plain content, without the crimes."""
        return {
            "night": self.night,
            "sha256": self.sha256,
            "crimes": self.crimes,
            "left_out": dict(self.left_out),
            "told": dict(self.told),
        }

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all; one with other content is never replaced.

        Raises
        ------
        InputError
            If it cannot be written, or another release is there.
        """
        place = Path(path)
        try:
            if place.exists() and place.read_bytes() != self.data:
                raise InputError(
                    f"There is another file {place.name!r} already; a release is not replaced once it is out. Give "
                    "another name, or move that file away."
                )
            write_whole(place, self.data)
        except OSError as error:
            raise InputError(f"The release {place.name!r} cannot be written ({error.strerror or error}).") from error

    def summary(self) -> dict[str, str]:
        """Describe it, one entry per line."""
        gone = [f"{number:,} {reason}" for reason, number in self.left_out.items() if number]
        return {
            "crimes": self.words,
            "left out": "; ".join(gone) or "none",
            "observed until": self.told["observed until"] or "nothing was observed before the cut",
            "SHA-256": self.sha256,
        }

    def __repr__(self) -> str:
        return as_text("Release", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Release", self.summary())


def make_release(
    events: Events,
    plan: PlanTerms,
    grid: Grid,
    night: NightTerms,
    secret: bytes,
    *,
    match: Match | None = None,
) -> Release:
    """Make the extract of recorded crime that vendors are given for a night.

    Nothing recorded at or after the night's cut decides a byte of the file. Each crime has a pseudonym, its kind, its
    place in metres of the plan's CRS (to the millimetre that decides its cell, where the data are so precise; no
    address), and when it happened and was recorded, as local time with its offset. Rows are sorted by pseudonym, so
    that their order tells nothing.

    Parameters
    ----------
    events : Events
        Recorded crime; may hold more than was known at the cut.
    plan : TrialPlan
    grid : Grid
        That of the plan.
    night : Night
        Its ``cut`` decides what is known.
    secret : bytes
        Of the pseudonyms; see `make_secret`.
    match : {"id", "content"}, optional
        What identifies a crime from night to night; see `pseudonyms`.

    Returns
    -------
    Release

    Raises
    ------
    InputError
        If the crimes are in another coordinate system or zone than the plan, the secret is none, or ids are numbers
        of rows and `match` is left out.
    NotComparableError
        If the grid is not that of the plan.
    """
    check_secret(secret)
    check_events(events)
    cut = utc64(night.cut, f"The cut of night {night.name}")
    before = _known_before(events, cut)
    known = events.known_at(before)
    # Of these alone, so that nothing of the future has a say.
    place = places(known, plan, grid)
    reasons = np.select(
        [place.kind < 0, place.cell < 0, place.area < 0], [1, 2, 3], default=np.zeros(len(known), dtype=np.int64)
    )
    chosen = known.take(reasons == 0)
    number = np.bincount(reasons, minlength=4)
    left_out = {LATE: len(events) - len(known), OTHER_KIND: number[1], OUTSIDE: number[2], UNUSED_AREA: number[3]}
    data = _csv(chosen, pseudonyms(chosen, secret, match))
    told = {
        "schema": SCHEMA,
        "night": night.name,
        "cut": utc_text(night.cut),
        "known by": events.information_set,
        "known before": utc_text(utc_datetime(before)),
        "observed until": utc_text(utc_datetime(known.observed[-1][1])) if known.observed else None,
        "ids": match or "id",
        "columns": list(COLUMNS),
        "crs": events.crs,
        "tz": events.tz,
        "times told to the": events.resolution,
        "crimes": int(number[0]),
    }
    return Release(
        night=night.name,
        data=data,
        sha256=sha256_of(data),
        crimes=int(number[0]),
        left_out={reason: int(count) for reason, count in left_out.items()},
        told=told,
    )


def _known_before(events: Events, cut: np.datetime64) -> np.datetime64:
    """The cut; where crimes are known by when they happened, the start of the day (hour) that it falls in.

    A crime that is dated to a day is dated to its midnight, and would count as known hours before it happened.
    """
    if events.information_set == "recorded" or events.resolution is None:
        return cut
    wall = to_wall(np.array([cut]), events.tz)
    start = wall.astype(f"datetime64[{_UNIT[events.resolution]}]").astype("datetime64[ns]")
    result: np.datetime64 = localise(start, events.tz).utc[0]
    return result


def _csv(events: Events, names: npt.NDArray[np.str_]) -> bytes:
    moments = [_local(column, events.tz) for column in (events.happened, ended(events))]
    known = [""] * len(events) if events.recorded is None else _local(events.recorded, events.tz)
    kinds = [_cell(kind) for kind in events.kinds]
    columns: list[Sequence[str]] = [
        names.tolist(),
        [kinds[code] for code in events.kind_code.tolist()],
        *(_metres(column) for column in (events.x, events.y)),
        *moments,
        known,
    ]
    lines = sorted(map(",".join, zip(*columns, strict=True)))
    return ("\n".join([",".join(COLUMNS), *lines]) + "\n").encode("utf-8")


def _metres(values: npt.NDArray[np.float64]) -> list[str]:
    """Coordinates as written, no finer than the millimetres on which cells are decided."""
    # The shortest text of a number is exact up to 15 digits, which is farther than anything on Earth.
    return [repr(value).removesuffix(".0") for value in (millimetres(values) / 1000).tolist()]


def _local(times: TimeArray, tz: str) -> list[str]:
    """Civil time with its offset from UTC, to the second, or finer where that says more."""
    wall = to_wall(times, tz)
    seconds = ((wall - times) // np.timedelta64(1, "s")).astype(np.int64).tolist()
    offsets = {value: _offset(value) for value in set(seconds)}
    texts = np.datetime_as_string(wall, unit="s").tolist()
    parts = (wall.astype(np.int64) % 1_000_000_000).tolist()
    return [
        f"{text}.{part:09d}".rstrip("0") + offsets[offset] if part else text + offsets[offset]
        for text, part, offset in zip(texts, parts, seconds, strict=True)
    ]


def _offset(seconds: int) -> str:
    hours, rest = divmod(abs(seconds), 3600)
    minutes, rest = divmod(rest, 60)
    # Before clocks were set by zones, offsets had seconds, too.
    return f"{'-' if seconds < 0 else '+'}{hours:02d}:{minutes:02d}" + (f":{rest:02d}" if rest else "")


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula, quoted where it must be."""
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + safe.replace('"', '""') + '"' if any(mark in safe for mark in ',"\r\n') else safe
