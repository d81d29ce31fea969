"""What one file predicts, ready to be scored: boxes of the grid in their order, or a vendor's own polygons."""

from __future__ import annotations

import base64
import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from predpol_eval.describing import as_html, as_text
from predpol_eval.errors import InputError, NotComparableError
from predpol_eval.trial.canonical import canonical_json, sha256_of

if TYPE_CHECKING:
    from predpol_eval.flagging import Flagging, Scene
    from predpol_eval.grid import Grid

SCHEMA = "predpol_eval.predictions/1"

Pair = tuple[str, str]
Form = Literal["cells", "boxes"]


class RankedCells(NamedTuple):
    """Listed cells as ``row * nx + column``, rising, and what ranks each: the higher, the sooner it is flagged."""

    cell: npt.NDArray[np.int64]
    key: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Predictions:
    """What a file predicts for some nights.

    Attributes
    ----------
    grid : str
        Fingerprint of the grid that cells are of.
    form : {"cells", "boxes"}
        Whether the file lists cells or draws polygons.
    nights, kinds : tuple of str
    cells : mapping of (night, kind) to RankedCells
        The cells listed. The key is the risk where the file gives it, else minus the rank.
    polygons : mapping of (night, kind) to mapping of area to geometry
        The union of what was drawn, cut to each area and to the study area.

    Notes
    -----
    Equal content has equal bytes (`to_bytes`), whatever the order of rows and the format of the file it came from.

    Examples
    --------
    >>> from predpol_eval.grid import Grid
    >>> grid = Grid.from_bounds(0, 0, 1000, 250, cell=250, crs="EPSG:27700")
    >>> listed = RankedCells(np.array([0, 2, 3]), np.array([0.5, 0.5, 0.9]))
    >>> night = Predictions(
    ...     grid=grid.fingerprint, form="cells", nights=("2018-07-01",), kinds=("burglary",),
    ...     cells={("2018-07-01", "burglary"): listed}, polygons={},
    ... )
    >>> night.shares("2018-07-01", "burglary", grid, 2).share.tolist()
    [0.5, 0.0, 0.5, 1.0]
    """

    grid: str
    form: Form
    nights: tuple[str, ...]
    kinds: tuple[str, ...]
    cells: Mapping[Pair, RankedCells]
    polygons: Mapping[Pair, Mapping[str, Any]]

    def shares(self, night: str, kind: str, grid: Grid, k: int, *, scene: Scene | None = None) -> Flagging:
        """Flag the first `k` listed cells of every area.

        Parameters
        ----------
        night, kind : str
        grid : Grid
            That of the plan.
        k : int
            Boxes per area.
        scene : Scene, optional
            ``make_scene(grid)``, if it is at hand.

        Returns
        -------
        Flagging
            ``.share`` is the share of every cell of the study area that is flagged, shape (cells,), in the order of
            `make_scene`. Tied cells at the edge share what is left; ``.group`` and ``.room`` say which they are.
            `tallies.tally_window` counts it under ``TopCells(k, per="area")``. A cell that is not listed is never
            flagged, also where fewer than `k` are.

        Raises
        ------
        InputError
            If there is no such night or kind, `k` is no whole number from 1, or the file draws polygons.
        NotComparableError
            If the cells are those of another grid.
        """
        from predpol_eval.flagging import Flagging, make_scene
        from predpol_eval.kernels import ranking, spending

        if self.form != "cells":
            raise InputError("The file draws polygons and lists no cells; use boxes(night, kind).")
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"k={k!r}; give the number of boxes per area, a whole number from 1.")
        listed = self.cells[self._pair(night, kind)]
        self._refuse_other_grid(grid)
        scene = make_scene(grid) if scene is None else scene
        cells = len(scene.cells)
        key, scope = np.zeros(cells), np.full(cells, -1, dtype=np.int64)
        place = scene.position[listed.cell]
        key[place], scope[place] = listed.key, scene.label[place]
        amount = np.full(scene.labels, float(k))
        dealt, start, tied = ranking.by_scope(np.argsort(-key, kind="stable"), key, scope, scene.labels)
        own, group, room = spending.spend(dealt, start, tied, scene.inside, amount, spending.TOP)
        return Flagging(dealt, own, group, room, cells, amount, spending.TOP)

    def boxes(self, night: str, kind: str) -> dict[str, Any]:
        """Polygons of every area where something was drawn: their union, cut to the area's ground.

        Raises
        ------
        InputError
            If there is no such night or kind, or the file lists cells.
        """
        if self.form != "boxes":
            raise InputError("The file lists cells and draws no polygons; use shares(night, kind, grid, k).")
        return dict(self.polygons[self._pair(night, kind)])

    def boxes_m2(self, night: str, kind: str) -> dict[str, float]:
        """Ground inside the study area that the polygons of every area cover, m2."""
        import shapely

        return {area: float(shapely.area(shape)) for area, shape in self.boxes(night, kind).items()}

    def fingerprint(self, night: str) -> str:
        """SHA-256 of what is predicted for a night, its name apart: two nights that have it are predicted alike."""
        if night not in self.nights:
            self._pair(night, self.kinds[0])
        return sha256_of(canonical_json([self.form, self.grid, list(self.kinds), self._night(night)]))

    @property
    def sha256(self) -> str:
        """SHA-256 of `to_bytes`."""
        return sha256_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Write as canonical JSON, numbers and shapes as base64 of their bytes; see `from_bytes`."""
        return canonical_json(
            {
                "schema": SCHEMA,
                "grid": self.grid,
                "form": self.form,
                "nights": list(self.nights),
                "kinds": list(self.kinds),
                "content": [self._night(night) for night in self.nights],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Predictions:
        """Read what `to_bytes` wrote, and nothing else.

        Raises
        ------
        InputError
            If it is something else, of another schema, or not in the one form that `to_bytes` has.
        """
        try:
            told = json.loads(data)
            schema = told["schema"]
            if schema == SCHEMA:
                made = _read(told)
                if made.to_bytes() == data:
                    return made
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
            raise InputError(
                f"These are no predictions as this library writes them ({type(error).__name__})."
            ) from error
        if schema != SCHEMA:
            raise InputError(f"The predictions have the schema {str(schema)[:60]!r}; this version reads {SCHEMA!r}.")
        raise InputError("The predictions are not in the form in which they are written: they were changed.")

    def _pair(self, night: str, kind: str) -> Pair:
        for value, known, what in ((night, self.nights, "night"), (kind, self.kinds, "kind")):
            if value not in known:
                close = difflib.get_close_matches(str(value)[:100], known, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise InputError(f"Nothing is predicted for the {what} {value!r}.{hint} There is {', '.join(known)}.")
        return night, kind

    def _refuse_other_grid(self, grid: Grid) -> None:
        if grid.fingerprint != self.grid:
            raise NotComparableError(
                f"The predictions are for the grid {self.grid[:12]}..., here it is {grid.fingerprint[:12]}...; use the "
                "grid of the plan: plan.make_grid(folder)."
            )

    def _night(self, night: str) -> list[dict[str, Any]]:
        import shapely

        if self.form == "cells":
            listed = [self.cells[night, kind] for kind in self.kinds]
            return [{"cell": _packed(part.cell, "<i8"), "key": _packed(part.key, "<f8")} for part in listed]
        drawn = [self.polygons[night, kind] for kind in self.kinds]
        return [
            {
                area: base64.b64encode(shapely.to_wkb(shape, byte_order=1, output_dimension=2)).decode("ascii")
                for area, shape in part.items()
            }
            for part in drawn
        ]

    def __repr__(self) -> str:
        return as_text("Predictions", self._lines())

    def _repr_html_(self) -> str:
        return as_html("Predictions", self._lines())

    def _lines(self) -> dict[str, str]:
        many = (
            sum(len(part.cell) for part in self.cells.values())
            if self.form == "cells"
            else sum(len(part) for part in self.polygons.values())
        )
        nights = ", ".join(self.nights[:3]) + (f" and {len(self.nights) - 3} more" if len(self.nights) > 3 else "")
        return {
            "nights": nights,
            "kinds": ", ".join(self.kinds),
            "what": f"{many:,} cells, ranked" if self.form == "cells" else f"polygons in {many:,} areas",
        }


def _packed(values: npt.NDArray[Any], form: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=form).tobytes()).decode("ascii")


def _unpacked(text: str, form: str) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=form).astype(form[1:])


def _read(told: Mapping[str, Any]) -> Predictions:
    """Predictions of a JSON object; whether it is in the one form that is written is for the caller to see."""
    import shapely

    nights, kinds = tuple(told["nights"]), tuple(told["kinds"])
    if told["form"] not in ("cells", "boxes") or not all(
        isinstance(text, str) for text in (told["grid"], *nights, *kinds)
    ):
        raise ValueError
    if len({*nights}) < len(nights) or len({*kinds}) < len(kinds):
        raise ValueError
    cells: dict[Pair, RankedCells] = {}
    polygons: dict[Pair, Mapping[str, Any]] = {}
    for night, parts in zip(nights, told["content"], strict=True):
        for kind, part in zip(kinds, parts, strict=True):
            if told["form"] == "cells":
                cell, key = _unpacked(part["cell"], "<i8"), _unpacked(part["key"], "<f8")
                if len(cell) != len(key) or not np.isfinite(key).all() or (np.diff(cell) <= 0).any():
                    raise ValueError
                if len(cell) and cell[0] < 0:
                    raise ValueError
                cells[night, kind] = RankedCells(cell, key)
            else:
                try:
                    shapes = {
                        area: shapely.from_wkb(base64.b64decode(text, validate=True)) for area, text in part.items()
                    }
                except shapely.errors.ShapelyError as error:
                    raise ValueError from error
                if not all(shapely.get_type_id(shape) == 6 and shapely.is_valid(shape) for shape in shapes.values()):
                    raise ValueError
                polygons[night, kind] = shapes
    return Predictions(grid=told["grid"], form=told["form"], nights=nights, kinds=kinds, cells=cells, polygons=polygons)
