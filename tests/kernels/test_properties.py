"""What must hold for every spatial kernel, whatever its formula."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.kernels import adaptive, gaussian_blocks, kde, near_repeat, prospective, quartic
from tests.kernels.scenes import Scene, assert_close, scenes


def density(kernel, ratio):
    return lambda scene: kernel(*scene.crimes, *scene.place, ratio * scene.cell)


def own(kernel, ratio):
    return lambda scene: kernel(*scene.crimes, *scene.place, np.full(scene.x.size, ratio * scene.cell))


def cocoon(kernel):
    return lambda scene: near_repeat.cocoon(*scene.crimes, *scene.place, 1.6 * scene.cell, kernel)


def continuous(scene):
    return prospective.continuous(*scene.crimes, *scene.place, 1.6 * scene.cell, 8.0, scene.cell / 5.0)


def by_cell(metric):
    def score(scene):
        rest = (scene.weight, scene.nx, scene.ny, scene.cell, 2.6 * scene.cell, 8.0, metric)
        return prospective.grid(*scene.indices, *rest)

    return score


MASSES = {
    "gaussian .1": density(kde.gaussian_cell_mass, 0.1),
    "gaussian .8": density(kde.gaussian_cell_mass, 0.8),
    "gaussian 6": density(kde.gaussian_cell_mass, 6.0),
    "blocks": density(gaussian_blocks.blocks, 1.5),
    "binned": density(kde.gaussian_cell_mass_binned, 0.8),
    "quartic .4": density(kde.quartic_cell_mass, 0.4),
    "quartic 2.5": density(kde.quartic_cell_mass, 2.5),
    "own gaussian .8": own(adaptive.gaussian_scatter, 0.8),
    "own gaussian 150": own(adaptive.gaussian_scatter, 150.0),
    "own quartic 1.7": own(quartic.quartic_scatter, 1.7),
}
WEIGHTED = MASSES | {"linear": cocoon(near_repeat.LINEAR), "exponential": cocoon(near_repeat.EXPONENTIAL)}
# In a prospective map the weight of a scene is the age of its crimes.
ALL = WEIGHTED | {"continuous": continuous} | {f"by cell {metric}": by_cell(metric) for metric in (0, 1, 2)}

every_kernel = pytest.mark.parametrize("kernel", ALL.values(), ids=ALL)
every_weighted = pytest.mark.parametrize("kernel", WEIGHTED.values(), ids=WEIGHTED)


def only(scene: Scene, chosen) -> Scene:
    return replace(scene, x=scene.x[chosen], y=scene.y[chosen], weight=scene.weight[chosen])


@every_kernel
@given(scene=scenes(), seed=st.integers(0, 2**16))
def test_order_of_the_crimes_does_not_matter(kernel, scene, seed):
    mixed = only(scene, np.random.default_rng(seed).permutation(scene.x.size))
    assert_close(kernel(mixed), kernel(scene), 1e-13)


@every_kernel
@given(scene=scenes(), cut=st.integers(0, 10))
def test_two_sets_add_up(kernel, scene, cut):
    parts = kernel(only(scene, np.s_[:cut])) + kernel(only(scene, np.s_[cut:]))
    # At the end of its reach the binned kernel lifts values just below zero to zero.
    assert_close(parts, kernel(scene), 1e-7 if kernel is ALL["binned"] else 1e-13)


@every_kernel
@given(scene=scenes(), cols=st.integers(0, 3), rows=st.integers(0, 3))
def test_crimes_moved_by_whole_cells_move_the_map(kernel, scene, cols, rows):
    wide = replace(scene, nx=scene.nx + cols, ny=scene.ny + rows)
    moved = replace(wide, x=scene.x + cols * scene.cell, y=scene.y + rows * scene.cell)
    # The binned kernel's nodes hang on the grid's corner and do not move with the crimes: twice its error.
    tolerance = 4e-4 if kernel is ALL["binned"] else 1e-12
    assert_close(kernel(moved)[rows:, cols:], kernel(scene), tolerance, kernel(scene.framed(3)).max())


@every_kernel
@given(scene=scenes())
def test_turned_by_a_quarter_the_map_turns(kernel, scene):
    turned = replace(scene, x=scene.y, y=scene.x, x0=scene.y0, y0=scene.x0, nx=scene.ny, ny=scene.nx)
    tolerance = 4e-4 if kernel is ALL["binned"] else 1e-13
    assert_close(kernel(turned).T, kernel(scene), tolerance, kernel(scene.framed(3)).max())


@every_kernel
@given(scene=scenes())
def test_nothing_is_negative_and_without_crimes_all_is_zero(kernel, scene):
    assert (kernel(scene) >= 0.0).all()
    assert not kernel(only(scene, np.s_[:0])).any()


FAR = np.array([2e13, -3e16, 1e19, -1e19, 1e300, -1e300])


@pytest.mark.parametrize("kernel", (WEIGHTED | {"continuous": continuous}).values(), ids=[*WEIGHTED, "continuous"])
@given(scene=scenes())
def test_crimes_beyond_all_integers_change_nothing(kernel, scene):
    near = np.full(FAR.size, scene.x0 + 0.5 * scene.cell)
    x, y = np.concatenate([scene.x, FAR, near, FAR]), np.concatenate([scene.y, near, FAR, -FAR])
    weight = np.concatenate([scene.weight, np.ones(3 * FAR.size)])
    np.testing.assert_array_equal(kernel(replace(scene, x=x, y=y, weight=weight)), kernel(scene))


@every_weighted
@given(scene=scenes(), power=st.integers(-20, 20))
def test_doubled_weights_double_the_map_to_the_bit(kernel, scene, power):
    scaled, expected = kernel(replace(scene, weight=scene.weight * 2.0**power)), kernel(scene) * 2.0**power
    # Smaller numbers have fewer bits: halving 2e-308 rounds.
    full = np.abs(expected) > 1e-290
    np.testing.assert_array_equal(scaled[full], expected[full])
    assert np.abs(scaled[~full]).max(initial=0.0) <= 2e-290


@pytest.mark.parametrize("kernel", MASSES.values(), ids=MASSES)
@given(scene=scenes())
def test_no_more_mass_than_weight(kernel, scene):
    assert kernel(scene).sum() <= scene.weight.sum() * (1.0 + 1e-4 if kernel is MASSES["binned"] else 1.0 + 1e-12)


FIXED = Scene(
    x=np.array([3.0, 250.0, 700.0, -120.0, 3.0]),
    y=np.array([4.0, 250.0, 333.0, 600.0, 4.0]),
    weight=np.array([1.0, 2.0, 0.5, 3.0, 1.5]),
    x0=0.0,
    y0=0.0,
    cell=250.0,
    nx=4,
    ny=3,
)


def test_interpreted_they_give_the_same():
    """With NUMBA_DISABLE_JIT=1, as one debugs a kernel, nothing differs and nothing warns."""
    code = (
        "import json; from tests.kernels.test_properties import ALL, FIXED; "
        "import sys; json.dump({name: kernel(FIXED).tolist() for name, kernel in ALL.items()}, sys.stdout)"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for name, values in json.loads(run.stdout).items():
        assert_close(ALL[name](FIXED), np.array(values), 1e-14)
