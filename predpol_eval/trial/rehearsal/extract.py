"""Reading a released extract as a vendor does: nothing of it but its own columns."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from predpol_eval.trial.canonical import utc_moment

if TYPE_CHECKING:
    from predpol_eval.events import Events

_FORMULA = ("=", "+", "-", "@")


def read_extract(data: bytes, told: Mapping[str, Any]) -> Events | None:
    """Read the crimes that vendors were given for a night.

    Parameters
    ----------
    data : bytes
        ``Release.data``: the CSV file.
    told : mapping
        ``Release.told``: what went with it.

    Returns
    -------
    Events or None
        None if it holds no crime. Ids are left out, and crimes that agree in everything else stand in any order, so
        that the same crimes are the same table whatever secret made the pseudonyms. They count as observed from the
        day of the first one.

    Raises
    ------
    InputError
        If the columns hold anything else.
    """
    import pandas as pd

    from predpol_eval.events import Events

    table = pd.read_csv(io.BytesIO(data), dtype={"kind": str, "recorded": str}, keep_default_na=False, na_values={})
    if not len(table):
        return None
    # What stands before a formula for the sake of spreadsheets is no part of a name.
    table["kind"] = [
        kind[1:] if kind[:1] == "'" and kind[1:].startswith(_FORMULA) else kind for kind in table["kind"].tolist()
    ]
    columns = ["happened", "happened_until", *(["recorded"] if told["known by"] == "recorded" else [])]
    for name in columns:
        table[name] = pd.to_datetime(table[name], utc=True, format="ISO8601")
    # Of one moment in time only one time of day is told.
    order = [*columns, "kind", "x", "y"]
    table = table[order].sort_values(order, kind="stable", ignore_index=True)
    first = table["happened"].iloc[0].tz_convert(told["tz"]).normalize()
    end = utc_moment(told["observed until"])
    return Events.from_frame(
        table, happened="happened", happened_until="happened_until", kind="kind", crs=told["crs"], tz=told["tz"],
        recorded="recorded" if "recorded" in columns else None, observed=[(first, end)],
        resolution=told["times told to the"],
    )  # fmt: skip
