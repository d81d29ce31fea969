"""The score of one night as it is recorded: plain numbers in one form, with the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError
from predpol_eval.tallies import CAUGHT
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.scoring.counting import Spread

SCHEMA = "predpol_eval.score/1"
FloatArray = npt.NDArray[np.float64]
Role = Literal["vendor", "in-house", "baseline", "chance"]
# What became of a forecaster on a night: scored, a reason of its own, our check broke, or a night that is void for all.
STATUSES = ("ok", "missing", "late", "rejected", "failed", "held", "void")
_TEXTS = ("night", "plan", "grid", "snapshot", "information_set")
_COMMON = ("events", "outside", "elsewhere", "budget_m2", "total_m2")


class Row(NamedTuple):
    """What one forecaster caught of one kind of crime in one area on one night, at the budget of the plan.

    Counts are those of a tally. `outside` has the crimes of the kind in no cell, the same for every area; `form` is
    ``"cells"``, or ``"boxes"`` where a vendor's own polygons were counted, of which `oracle_hits`, `boxes` and
    `boxes_hit` are not known.
    """

    forecaster: str
    role: str
    form: str
    kind: str
    area: str
    status: str
    reason: str
    hits: float
    hits_worst: float
    hits_best: float
    oracle_hits: float
    chance_hits: float
    flagged_m2: float
    boxes: float
    boxes_hit: float
    events: float
    outside: float
    budget_m2: float
    total_m2: float


class Entry(NamedTuple):
    """One forecaster on one night, for one kind of crime.

    `caught` has shape (len(CAUGHT), areas), NaN unless the status is ``"ok"``; `credit` the share of each crime that is
    spread over several nights, likewise.
    """

    forecaster: str
    role: str
    form: str
    kind: str
    status: str
    reason: str
    caught: FloatArray
    credit: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NightScore:
    """What everybody caught on one night.

    Attributes
    ----------
    night : str
    plan : str
        SHA-256 of the plan in force for the night.
    grid : str
        Fingerprint.
    snapshot : str
        SHA-256 of the crimes that it is scored on.
    information_set : str
        Whether baselines know a crime by when it was recorded or, where that is not told, by when it happened.
    areas, kinds : tuple of str
    events : array, shape (kinds, areas)
        Crimes in cells.
    outside : array, shape (kinds,)
        Crimes in no cell.
    elsewhere : array, shape (kinds,)
        Crimes whose own point lies in another area than their cell; -1: not known.
    budget_m2, total_m2 : array, shape (areas,)
    spread : tuple of Spread
        Of each kind, crimes whose uncertain moment is spread over several nights.
    entries : tuple of Entry
        By forecaster (submitters in the plan's order, baselines, uniform), then kind.
    """

    night: str
    plan: str
    grid: str
    snapshot: str
    information_set: str
    areas: tuple[str, ...]
    kinds: tuple[str, ...]
    events: FloatArray
    outside: FloatArray
    elsewhere: FloatArray
    budget_m2: FloatArray
    total_m2: FloatArray
    spread: tuple[Spread, ...]
    entries: tuple[Entry, ...]

    @property
    def forecasters(self) -> tuple[str, ...]:
        """Names, each once."""
        return tuple(dict.fromkeys(entry.forecaster for entry in self.entries))

    @property
    def statuses(self) -> dict[str, str]:
        """Of each forecaster what became of it: ``"ok"`` if it was scored for every kind."""
        found: dict[str, str] = {}
        for entry in self.entries:
            if found.get(entry.forecaster, "ok") == "ok":
                found[entry.forecaster] = entry.status
        return found

    @property
    def rows(self) -> tuple[Row, ...]:
        """One row per forecaster, kind and area."""
        made = []
        for entry in self.entries:
            kind = self.kinds.index(entry.kind)
            for place, area in enumerate(self.areas):
                common = [self.events[kind, place], self.outside[kind], self.budget_m2[place], self.total_m2[place]]
                names = entry.forecaster, entry.role, entry.form, entry.kind, area, entry.status, entry.reason
                # The numbers of a row stand in the order of CAUGHT.
                made.append(Row(*names, *entry.caught[:, place].tolist(), *map(float, common)))
        return tuple(made)

    def to_dict(self) -> dict[str, Any]:
        """Plain content; what is not known is None."""
        return {
            "schema": SCHEMA,
            **{name: getattr(self, name) for name in _TEXTS},
            "areas": list(self.areas),
            "kinds": list(self.kinds),
            **{name: _plain(getattr(self, name)) for name in _COMMON},
            "spread": [
                {"crime": list(part.crime), "cell": part.cell.tolist(), "weight": _plain(part.weight)}
                for part in self.spread
            ],
            "rows": [
                {
                    **{name: getattr(entry, name) for name in _NAMES},
                    "caught": {name: _plain(entry.caught[place]) for place, name in enumerate(CAUGHT)},
                    "credit": _plain(entry.credit),
                }
                for entry in self.entries
            ],
        }

    def to_bytes(self) -> bytes:
        """Write as canonical JSON."""
        return canonical_json(self.to_dict())

    @property
    def sha256(self) -> str:
        """SHA-256 of `to_bytes`."""
        return sha256_of(self.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> NightScore:
        """Read what `to_bytes` wrote, and nothing else.

        Raises
        ------
        InputError
            If it is something else, of another schema, or was changed so that it is in another form.
        """
        schema: Any = None
        try:
            told = json.loads(data)
            schema = told["schema"]
            if schema == SCHEMA:
                made = _read(cls, told)
                if made.to_bytes() == data:
                    return made
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError) as error:
            raise InputError(f"This is no score as this library writes it ({type(error).__name__}).") from error
        if schema != SCHEMA:
            raise InputError(f"The score has the schema {str(schema)[:60]!r}; this version reads {SCHEMA!r}.")
        raise InputError("The score is not in the form in which it is written: it was changed.")

    def summary(self) -> dict[str, str]:
        """Describe it, one entry per line."""
        lines = {"night": self.night, "crimes": f"{float(self.events.sum()):g}", "snapshot": self.snapshot}
        for name, status in self.statuses.items():
            hits = sum(float(entry.caught[0].sum()) for entry in self.entries if entry.forecaster == name)
            lines[name] = f"caught {hits:g}" if status == "ok" else status
        return lines

    def __repr__(self) -> str:
        return as_text("NightScore", self.summary())

    def _repr_html_(self) -> str:
        return as_html("NightScore", self.summary())


_NAMES = ("forecaster", "role", "form", "kind", "status", "reason")


def _plain(values: FloatArray) -> list[Any]:
    """Numbers as they are, None for those that are not known; nested as the array is."""
    if values.ndim > 1:
        return [_plain(part) for part in values]
    return [None if np.isnan(value) else float(value) for value in values]


def _numbers(values: Sequence[Any], shape: tuple[int, ...]) -> FloatArray:
    """Read what `_plain` gave, of a shape that is known."""
    found = np.array(values, dtype=object).reshape(shape)
    flat = [np.nan if value is None else value for value in found.ravel()]
    if not all(type(value) is float for value in flat):
        raise ValueError
    return np.array(flat, dtype=np.float64).reshape(shape)


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError
    return tuple(values)


def _read(form: type[NightScore], told: Mapping[str, Any]) -> NightScore:
    areas, kinds = _texts(told["areas"]), _texts(told["kinds"])
    sizes = {"events": (len(kinds), len(areas)), "outside": (len(kinds),), "elsewhere": (len(kinds),)}
    spread = []
    if len(told["spread"]) != len(kinds):
        raise ValueError
    for part in told["spread"]:
        marks = _texts(part["crime"])
        cell = np.array(part["cell"], dtype=np.int64)
        spread.append(Spread(marks, cell.reshape(len(marks)), _numbers(part["weight"], (len(marks),))))
    entries = []
    for row in told["rows"]:
        forecaster, role, shape, kind, status, reason = _texts([row[name] for name in _NAMES])
        if status not in STATUSES or set(row["caught"]) != set(CAUGHT):
            raise ValueError
        counts = np.array([_numbers(row["caught"][name], (len(areas),)) for name in CAUGHT])
        credit = _numbers(row["credit"], (len(spread[kinds.index(kind)].crime),))
        entries.append(Entry(forecaster, role, shape, kind, status, reason, counts, credit))
    numbers = {name: _numbers(told[name], sizes.get(name, (len(areas),))) for name in _COMMON}
    names = dict(zip(_TEXTS, _texts([told[name] for name in _TEXTS]), strict=True))
    return form(
        night=names["night"],
        plan=names["plan"],
        grid=names["grid"],
        snapshot=names["snapshot"],
        information_set=names["information_set"],
        areas=areas,
        kinds=kinds,
        events=numbers["events"],
        outside=numbers["outside"],
        elsewhere=numbers["elsewhere"],
        budget_m2=numbers["budget_m2"],
        total_m2=numbers["total_m2"],
        spread=tuple(spread),
        entries=tuple(entries),
    )
