"""Gaussian mass in square cells, nearly, at a cost that hardly grows with the crimes.

Crimes are shared out over nodes by the weights of a cubic B-spline, and the nodes are spread over the cells. The
spline widens what it is given, in a way that is known exactly: the Gaussian that the nodes spread is narrower by as
much, as in fast Fourier transforms of points anywhere.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from predpol_eval.kernels.compiling import njit
from predpol_eval.kernels.points import FloatArray, IntArray, floats, integers

REACH = 4.75  # bandwidths, or a little more; 1.3e-5 of the peak
NODES_PER_BANDWIDTH = 3.5  # or a little more; cubic splines then err by at most 6e-5 of the peak
MOST_NODES = 16_000_000  # 128 MB

_CHUNK = 256  # crimes whose weights are worked out at once
_TERMS = 8  # rows that one addition takes together, so that what they add to is loaded and stored once for all
_FINE = 2.0  # cells to a node from which the nodes are spread over nodes first, and these over cells by short splines
_SHARING, _FILLING = 4, 6  # orders of the splines from crimes to nodes and, if at all, from nodes to cells
_ROOT_HALF = math.sqrt(0.5)
_DENSITY = 1.0 / math.sqrt(2.0 * math.pi)
_SIXTH = 1.0 / 6.0


@njit(cache=True, error_model="numpy")
def _share_out(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    per_metre: float,
    pad: float,
    columns: int,
    rows: int,
) -> FloatArray:
    """Weights of the crimes on nodes, shape (columns, rows); node (pad, pad) is at (x0, y0)."""
    nodes = np.zeros(columns * rows)
    at = np.empty(_CHUNK, np.int64)
    share = np.empty((8, _CHUNK))
    a0, a1, a2, a3 = share[0], share[1], share[2], share[3]
    b0, b1, b2, b3 = share[4], share[5], share[6], share[7]
    # Unsigned, since numba looks whether other integers count from the end.
    one, two, three, column = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(rows)
    for begin in range(0, x.size, _CHUNK):
        east = x[begin : begin + _CHUNK]
        north = y[begin : begin + _CHUNK]
        mass = weight[begin : begin + _CHUNK]
        for i in range(east.size):
            u = (east[i] - x0) * per_metre + pad
            v = (north[i] - y0) * per_metre + pad
            within = (u >= 1.0) & (u < columns - 2) & (v >= 1.0) & (v < rows - 2)
            u = u if within else 1.0
            v = v if within else 1.0
            w = mass[i] if within else 0.0
            c = np.floor(u)
            r = np.floor(v)
            at[i] = int((c - 1.0) * rows + (r - 1.0))
            u -= c
            v -= r
            first, last = _SIXTH * (1.0 - u) * (1.0 - u) * (1.0 - u), _SIXTH * u * u * u
            second = 4.0 * _SIXTH - u * u * (1.0 - 0.5 * u)
            a0[i], a1[i], a2[i], a3[i] = w * first, w * second, w * (1.0 - first - second - last), w * last
            first, last = _SIXTH * (1.0 - v) * (1.0 - v) * (1.0 - v), _SIXTH * v * v * v
            second = 4.0 * _SIXTH - v * v * (1.0 - 0.5 * v)
            b0[i], b1[i], b2[i], b3[i] = first, second, 1.0 - first - second - last, last
        for i in range(east.size):
            n = np.uint64(at[i])
            first, second, third, last = b0[i], b1[i], b2[i], b3[i]
            for w in (a0[i], a1[i], a2[i], a3[i]):
                nodes[n] += w * first
                nodes[n + one] += w * second
                nodes[n + two] += w * third
                nodes[n + three] += w * last
                n += column
    return nodes.reshape(columns, rows)


@njit(cache=True, error_model="numpy")
def _spread(nodes: FloatArray, taps: FloatArray, first: IntArray, shift: int, n: int) -> FloatArray:
    """Weighted sums of rows: row r of the result takes those from ``first[r]`` on, by ``taps[r]``.

    After `len(first)` rows all repeats, `shift` rows on.
    """
    out = np.zeros((n, nodes.shape[1]))
    for r in range(n):
        phase = r % first.size
        start = first[phase] + r // first.size * shift
        target = out[r]
        for k in range(0, taps.shape[1], _TERMS):
            w = taps[phase, k : k + _TERMS]
            row = nodes[start + k : start + k + _TERMS]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            t0, t1, t2, t3, t4, t5, t6, t7 = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]
            for c in range(target.size):
                target[c] += (
                    w0 * t0[c] + w1 * t1[c] + w2 * t2[c] + w3 * t3[c]
                    + w4 * t4[c] + w5 * t5[c] + w6 * t6[c] + w7 * t7[c]
                )  # fmt: skip
    return out


class _Stage(NamedTuple):
    """What `_spread` does in one direction."""

    taps: FloatArray
    first: IntArray
    shift: int

    def needs(self, n: int) -> int:
        """Rows it takes to make `n`."""
        repeats, phase = divmod(n - 1, len(self.first))
        return int(self.first[phase]) + repeats * self.shift + int(self.taps.shape[1])


@njit(cache=True, error_model="numpy")
def _cell_masses(away: FloatArray, width: float, bandwidth: float, fourth: float) -> FloatArray:
    """Mass in [0, width) of normal distributions about `away`, plus `fourth` times their fourth derivative."""
    masses = np.empty(away.shape)
    for r in range(away.shape[0]):
        for k in range(away.shape[1]):
            # Mirrored into the lower tail, so that differences are taken of small numbers.
            near = -abs(away[r, k] - 0.5 * width) - 0.5 * width
            left, right = near / bandwidth, (near + width) / bandwidth
            mass = 0.5 * (math.erfc(-right * _ROOT_HALF) - math.erfc(-left * _ROOT_HALF))
            bend = (3.0 - right * right) * right * math.exp(-0.5 * right * right)
            bend -= (3.0 - left * left) * left * math.exp(-0.5 * left * left)
            masses[r, k] = max(0.0, mass + fourth * _DENSITY * bend)
    return masses


def _windows(edge: FloatArray, width: float, count: int) -> tuple[FloatArray, IntArray]:
    """For cells that begin at `edge`, in nodes: `count` nodes about each, seen from its edge, and the first of them."""
    first = np.floor(edge + 0.5 * width - 0.5 * count).astype(np.int64) + 1
    return first[:, None] + np.arange(count) - edge[:, None], first


def _to_cells(bandwidth: float, edge: FloatArray, width: float, shift: int) -> _Stage:
    """From nodes straight to cells: mass of the narrowed Gaussian in every cell; all in nodes."""
    narrow = math.sqrt(bandwidth**2 - _SHARING / 12.0)
    away, first = _windows(edge, width, _whole_terms(2.0 * REACH * bandwidth + width + 1.0))
    taps = _cell_masses(floats(away), float(width), narrow, _SHARING / 2880.0 / narrow**4)
    return _Stage(taps, first, shift)


def _to_nodes(bandwidth: float) -> _Stage:
    """From nodes to nodes: density of a Gaussian that is narrowed for both splines; in nodes."""
    narrow = math.sqrt(bandwidth**2 - (_SHARING + _FILLING) / 12.0)
    count = _whole_terms(2.0 * REACH * bandwidth + 1.0)
    z = (np.arange(count) - count // 2) / narrow
    bend = (_SHARING + _FILLING) / 2880.0 / narrow**4 * ((z * z - 6.0) * z * z + 3.0)
    taps = np.exp(-0.5 * z * z) * (1.0 + bend) * _DENSITY / narrow
    return _Stage(taps[None], np.array([-(count // 2)]), 1)


def _fill(edge: FloatArray, width: float, shift: int) -> _Stage:
    """From nodes to cells much smaller than their distance: mass of a spline about every node; in nodes."""
    away, first = _windows(edge, width, _TERMS)

    def below(t: FloatArray) -> FloatArray:
        steps = np.maximum(t[..., None] + 0.5 * _FILLING - np.arange(_FILLING + 1), 0.0)
        signed = [(-1) ** k * math.comb(_FILLING, k) / math.factorial(_FILLING) for k in range(_FILLING + 1)]
        return np.asarray((steps**_FILLING * signed).sum(axis=-1))

    # Mirrored where the cell lies behind the node's middle, so that few terms cancel each other.
    near = np.minimum(-away, away - width)
    return _Stage(np.maximum(below(near + width) - below(near), 0.0), first, shift)


def _whole_terms(count: float) -> int:
    return _TERMS * math.ceil(count / _TERMS)


def _lattice(cell: float, bandwidth: float) -> tuple[int, int]:
    """So many cells take as much room as so many nodes; of the latter at least those a bandwidth needs."""
    cells_per_node = bandwidth / (NODES_PER_BANDWIDTH * cell)
    if cells_per_node >= 8.0:
        return int(cells_per_node), 1
    return (int(8.0 * cells_per_node), 8) if cells_per_node >= 1.0 else (8, math.ceil(8.0 / cells_per_node))


def binning_fits(cell: float, nx: int, ny: int, bandwidth: float) -> bool:
    """Whether the bandwidth is at least half a cell, finite, and the nodes take at most 128 MB.

    Examples
    --------
    >>> binning_fits(250.0, 160, 160, 500.0), binning_fits(250.0, 160, 160, 100.0)
    (True, False)
    """
    if not cell <= 2.0 * bandwidth < math.inf:
        return False
    cells, nodes = _lattice(cell, bandwidth)
    margin = 2.0 * REACH * bandwidth / cell * nodes / cells + 4.0 * _TERMS
    return (nx * nodes / cells + margin) * (ny * nodes / cells + margin) <= MOST_NODES


def binned(
    x: FloatArray,
    y: FloatArray,
    weight: FloatArray,
    x0: float,
    y0: float,
    cell: float,
    nx: int,
    ny: int,
    bandwidth: float,
) -> FloatArray:
    """Share the crimes out over nodes, then spread the nodes over the cells.

    Parameters and result as for `predpol_eval.kernels.kde.gaussian_cell_mass_binned`.

    Examples
    --------
    >>> binned(np.array([5.0]), np.array([5.0]), np.ones(1), 0.0, 0.0, 10.0, 3, 1, 5.0).round(3)
    array([[0.466, 0.107, 0.001]])
    """
    cells, shift = _lattice(cell, bandwidth)
    distance = cell * cells / shift
    width = shift / cells
    edge = floats(np.arange(min(cells, max(nx, ny))) * width)
    if cells < _FINE * shift:
        stages = [_to_cells(bandwidth / distance, edge, width, shift)]
    else:
        stages = [_to_nodes(bandwidth / distance), _fill(edge, width, shift)]
    # Every stage makes just the nodes that the next one takes, from its first to its last.
    begin = 0
    for i in reversed(range(len(stages))):
        begin += int(stages[i].first[0])
        stages[i] = stages[i]._replace(first=stages[i].first - stages[i].first[0])
    wanted = [(nx, ny)]
    for stage in reversed(stages):
        wanted.insert(0, (stage.needs(wanted[0][0]), stage.needs(wanted[0][1])))
    place = (float(x0), float(y0), 1.0 / distance, float(-begin), *wanted[0])
    nodes = _share_out(floats(x), floats(y), floats(weight), *place)
    for stage, (east, north) in zip(stages, wanted[1:], strict=True):
        arguments = (floats(stage.taps), integers(stage.first), stage.shift)
        for n in (east, north):
            nodes = _spread(floats(nodes), *arguments, n).T
    return np.ascontiguousarray(nodes.T)
