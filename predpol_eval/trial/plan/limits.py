"""How large a submission may be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest submission that is looked into; anything larger is refused before it is parsed.

    Attributes
    ----------
    bytes : int
        Size of the file.
    rows : int
        Rows of a table, or polygons.
    vertices : int
        Corners of all polygons together.
    nights : int
        Nights of one file.
    """

    bytes: int
    rows: int
    vertices: int
    nights: int
