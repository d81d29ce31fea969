"""How the kernels are compiled: cached, once, without fastmath, and never across modules."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import predpol_eval.kernels
from predpol_eval.kernels import gaussian, kde

NAMES = [module.name for module in pkgutil.iter_modules(predpol_eval.kernels.__path__)]


@pytest.mark.parametrize("name", NAMES)
def test_loops_are_cached_exact_and_of_their_own_module(name):
    module = importlib.import_module(f"predpol_eval.kernels.{name}")
    loops = {key: value for key, value in vars(module).items() if isinstance(value, Dispatcher)}
    for key, loop in loops.items():
        assert not loop.targetoptions.get("fastmath", False), f"{key} reorders sums"
        assert not isinstance(loop._cache, NullCache), f"{key} is compiled in every process"
        # A change in the other file would not make numba compile the caller anew.
        assert loop.py_func.__module__ == module.__name__, f"{key} comes from {loop.py_func.__module__}"


@pytest.mark.parametrize("name", NAMES)
def test_no_loop_rounds_to_an_integer_before_it_compares(name):
    """Compiled, math.floor(1e300) is any integer: which one depends on the machine."""
    module = importlib.import_module(f"predpol_eval.kernels.{name}")
    for key, value in vars(module).items():
        if isinstance(value, Dispatcher):
            source = inspect.getsource(value.py_func)
            assert "math.floor" not in source, key
            assert "math.ceil" not in source, key


def test_whatever_the_arrays_are_a_kernel_is_compiled_once():
    column = np.arange(6, dtype=np.float64)
    fixed = column.copy()
    fixed.flags.writeable = False
    for x in (column, fixed, np.arange(12, dtype=np.float64)[::2], [0, 1, 2, 3, 4, 5], column.astype(np.float32)):
        kde.gaussian_cell_mass(x, column, fixed, 0, 0.0, 2, np.int32(3), 3, np.float32(1.0))
    assert len(gaussian._scatter.signatures) == 1
