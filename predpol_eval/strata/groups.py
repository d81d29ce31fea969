"""What a group is: a part of the calendar, a dimension of the tally, or labels of one's own."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, check_zone, to_wall
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

IntArray = npt.NDArray[np.int64]


class Grouping(NamedTuple):
    """Groups along one dimension: the place of every position among the labels."""

    name: str
    dim: str
    code: IntArray
    labels: npt.NDArray[Any]
    about: dict[str, str]


class Coded(NamedTuple):
    """Which label each night has, and all labels in order."""

    code: IntArray
    labels: list[Any]


DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
]  # fmt: skip


def _number(wall: TimeArray, unit: str) -> IntArray:
    """Days, months or years since 1970."""
    return np.asarray(wall.astype(f"datetime64[{unit}]").astype(np.int64))


def _in_a_row(number: IntArray, label: Callable[[int], Any]) -> Coded:
    """All periods from the first to the last, those without a night too."""
    first, last = int(number.min()), int(number.max())
    return Coded(number - first, [label(value) for value in range(first, last + 1)])


def _weekday(wall: TimeArray) -> IntArray:
    # 1 January 1970 was a Thursday.
    return (_number(wall, "D") + 3) % 7


def _day(number: int) -> str:
    return str(np.datetime64(number, "D"))


def _hours(wall: TimeArray) -> Coded:
    found, code = np.unique(_number(wall, "h") % 24, return_inverse=True)
    return Coded(code.astype(np.int64), found.tolist())


# Every one of these reads the wall clock at the moment a window starts.
CALENDAR: Mapping[str, tuple[Callable[[TimeArray], Coded], str]] = MappingProxyType(
    {
        "hour": (_hours, "hour at which windows start"),
        "date": (lambda wall: _in_a_row(_number(wall, "D"), _day), "day"),
        "day_of_week": (lambda wall: Coded(_weekday(wall), DAYS), "day of the week"),
        "weekend": (
            lambda wall: Coded((_weekday(wall) >= 5).astype(np.int64), ["weekday", "weekend"]),
            "weekday or weekend (Saturday and Sunday)",
        ),
        "week": (
            lambda wall: _in_a_row((_number(wall, "D") + 3) // 7, lambda week: _day(7 * week - 3)),
            "week, by its Monday",
        ),
        "month": (
            lambda wall: _in_a_row(_number(wall, "M"), lambda month: str(np.datetime64(month, "M"))),
            "month",
        ),
        "month_of_year": (lambda wall: Coded(_number(wall, "M") % 12, MONTHS), "month of the year"),
        "quarter": (
            lambda wall: _in_a_row(_number(wall, "M") // 3, lambda part: f"{1970 + part // 4}-Q{part % 4 + 1}"),
            "quarter",
        ),
        "year": (lambda wall: _in_a_row(_number(wall, "Y"), lambda year: 1970 + year), "year"),
    }
)


class Asked(NamedTuple):
    """What `by` asks for: names in order; which of them are dimensions to keep apart, and which are groups."""

    names: list[str]
    kept: list[str]
    groups: list[Grouping]

    def has_areas(self) -> bool:
        """Whether areas, or groups of them, are kept apart."""
        return "area" in self.kept or any(group.dim == "area" for group in self.groups)


def read_by(by: Any, tally: xr.Dataset) -> Asked:
    """Read what to keep apart.

    Raises
    ------
    InputError
        If a name or the labels cannot be used, or two of them speak of the same dimension.
    """
    asked = list(by) if isinstance(by, list | tuple) else [by]
    names: list[str] = []
    kept: list[str] = []
    groups: list[Grouping] = []
    for item in asked:
        if not isinstance(item, str):
            groups.append(_own(item, tally))
            names.append(groups[-1].name)
            continue
        names.append(item)
        if item in tally.dims:
            kept.append(item)
        elif item in CALENDAR:
            groups.append(_calendar(item, tally))
        else:
            raise InputError(_unknown(item, tally))
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"by= names {', '.join(map(repr, twice))} more than once; give each group once.")
    for group in groups:
        if group.dim in kept:
            raise InputError(
                f"by= asks for {group.dim!r} itself and for {group.name!r}, which groups it; give one of the two."
            )
    return Asked(names, kept, groups)


def _unknown(item: str, tally: xr.Dataset) -> str:
    names = [*(str(dim) for dim in tally.dims), *CALENDAR]
    close = difflib.get_close_matches(item, names, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"by={item!r} is neither a dimension of the tally nor part of the calendar.{hint} Its dimensions are "
        f"{', '.join(repr(str(dim)) for dim in tally.dims)}; the calendar has {', '.join(map(repr, CALENDAR))}. For "
        "groups of your own give a named DataArray of labels over one dimension."
    )


def _calendar(name: str, tally: xr.Dataset) -> Grouping:
    zone = zone_of(tally)
    read, text = CALENDAR[name]
    found = read(to_wall(tally["window"].to_numpy().astype("datetime64[ns]"), zone))
    labels = np.array(found.labels, dtype=object if isinstance(found.labels[0], str) else np.int64)
    about = {"long_name": text, "definition": f"of the local civil time ({zone}) at which a window starts"}
    return Grouping(name, "window", found.code, labels, about)


def zone_of(tally: xr.Dataset) -> str:
    """Zone by whose wall clock the tally's windows are told.

    Raises
    ------
    InputError
        If the tally does not tell, or its windows are not moments in UTC.
    """
    if "window" not in tally.coords or tally["window"].dtype.kind != "M":
        raise InputError(
            "The tally's windows have no start in UTC (datetime64), so that nothing tells their day; give what "
            "ppe.tally(...) or ppe.backtest(...) returned."
        )
    if np.isnat(tally["window"].to_numpy()).any():
        raise InputError("Some of the tally's windows have no start (NaT); drop them, or give their start in UTC.")
    zone = tally["window"].attrs.get("local_zone") or tally.attrs.get("tz")
    if zone is None:
        raise InputError(
            "The tally does not tell the zone of its place, and a night of UTC is not a night of the city; say it "
            "with tally.attrs['tz'] = 'Europe/London'."
        )
    return check_zone(zone)


def _own(given: Any, tally: xr.Dataset) -> Grouping:
    """Groups by labels of one's own: a DataArray (or Series) over one dimension of the tally."""
    labels = given.to_xarray() if hasattr(given, "to_xarray") else given
    dims = getattr(labels, "dims", None)
    if dims is None or len(dims) != 1 or dims[0] not in tally.dims:
        raise InputError(
            f"by= holds a {type(given).__name__} over {dims}; groups of your own are a DataArray of labels over one "
            f"dimension of the tally ({', '.join(repr(str(dim)) for dim in tally.dims)}), for instance "
            "xr.DataArray(['north', 'south'], dims='area', coords={'area': [...]}, name='region')."
        )
    dim = str(dims[0])
    if not isinstance(labels.name, str) or labels.name in {*tally.dims, *tally.data_vars, *CALENDAR}:
        raise InputError(
            f"Labels over {dim!r} are named {labels.name!r}; give them a name of their own, with .rename('region')."
        )
    if dim in labels.coords and dim in tally.coords:
        wanted = tally.indexes[dim]
        place = labels.indexes[dim].get_indexer(wanted) if labels.indexes[dim].is_unique else np.array([-2])
        if (place < 0).any():
            lacking = "have a label twice" if place[0] == -2 else f"lack {wanted[place < 0].tolist()[:5]}"
            raise InputError(f"The labels {labels.name!r} {lacking}; give one for every {dim} of the tally.")
        values = labels.to_numpy()[place]
    else:
        values = labels.to_numpy()
        if len(values) != tally.sizes[dim]:
            raise InputError(
                f"There are {len(values)} labels {labels.name!r} for {tally.sizes[dim]} of {dim!r}; give one for each."
            )
    plain = values.tolist()
    if any(value is None or value != value for value in plain):
        raise InputError(f"Some labels {labels.name!r} are missing; give one for every {dim}, for instance 'other'.")
    found = sorted(set(plain), key=lambda value: (isinstance(value, str), value))
    place_of = {value: place for place, value in enumerate(found)}
    kind = object if any(isinstance(value, str) for value in found) else values.dtype
    about = {"long_name": labels.attrs.get("long_name", labels.name), "definition": f"given labels over {dim}"}
    code = np.array([place_of[value] for value in plain], dtype=np.int64)
    return Grouping(labels.name, dim, code, np.array(found, dtype=kind), about)
