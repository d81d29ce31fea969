"""Small cities for Hypothesis: crimes on exact fractions of a cell, edges and corners among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

FRACTION = 64  # of a cell; exact in binary for the sides below, so that shifted scenes are exactly shifted


@dataclass(frozen=True)
class Scene:
    """Crimes with weights, and a grid."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    x0: float
    y0: float
    cell: float
    nx: int
    ny: int

    @property
    def crimes(self):
        return self.x, self.y, self.weight

    @property
    def place(self):
        return self.x0, self.y0, self.cell, self.nx, self.ny

    def framed(self, cells):
        """The same crimes on a grid with so many more cells on every side."""
        x0, y0 = self.x0 - cells * self.cell, self.y0 - cells * self.cell
        return replace(self, x0=x0, y0=y0, nx=self.nx + 2 * cells, ny=self.ny + 2 * cells)

    @property
    def indices(self):
        """Column and row of every crime."""
        col = np.floor((self.x - self.x0) / self.cell).astype(np.int64)
        row = np.floor((self.y - self.y0) / self.cell).astype(np.int64)
        return col, row


@st.composite
def scenes(draw, most=10, margin=2):
    """Up to `most` crimes in a grid of up to 7 x 7 cells and `margin` cells around it."""
    nx, ny = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    cell = draw(st.sampled_from([1.0, 50.0, 250.0, 4096.0]))
    x0, y0 = draw(st.sampled_from([(0.0, 0.0), (630000.0, 4833000.0), (-1000.0, 12.5)]))
    n = draw(st.integers(0, most))
    # Quarters of a cell as often as any other fraction: edges, corners and centres have to come up.
    step = st.one_of(st.just(1), st.just(FRACTION // 4))

    def places(cells):
        low, high = -margin * FRACTION, (cells + margin) * FRACTION
        return [draw(st.integers(low, high)) // (s := draw(step)) * s for _ in range(n)]

    weights = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(0.0, 10.0, allow_subnormal=False))
    return Scene(
        x0 + np.array(places(nx), dtype=float) * (cell / FRACTION),
        y0 + np.array(places(ny), dtype=float) * (cell / FRACTION),
        np.array([draw(weights) for _ in range(n)], dtype=float),
        x0,
        y0,
        cell,
        nx,
        ny,
    )


def assert_close(found, expected, tolerance, peak=None):
    """Equal up to a share of the peak."""
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    assert found.dtype == np.float64
    highest = np.abs(expected).max(initial=0.0) if peak is None else peak
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=tolerance * max(highest, 1e-300))
