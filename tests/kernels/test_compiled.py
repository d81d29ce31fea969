"""How the kernels are compiled: cached, once, on one thread, without fastmath, and never across modules."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from numba.core.caching import NullCache
from numba.core.dispatcher import Dispatcher

import predpol_eval.kernels
from predpol_eval.kernels import compiling, gaussian, kde

NAMES = [module.name for module in pkgutil.iter_modules(predpol_eval.kernels.__path__)]
# A product and a sum rounded once instead of twice, and in no other order.
HARMLESS = {"contract"}


def loops_of(name: str) -> dict[str, Dispatcher]:
    """Every compiled loop of a module of kernels."""
    module = importlib.import_module(f"predpol_eval.kernels.{name}")
    return {key: value for key, value in vars(module).items() if isinstance(value, Dispatcher)}


@pytest.mark.parametrize("name", NAMES)
def test_loops_are_cached_exact_and_of_this_package(name):
    for key, loop in loops_of(name).items():
        fastmath = loop.targetoptions.get("fastmath", False)
        assert not fastmath or (isinstance(fastmath, set) and fastmath <= HARMLESS), f"{key} reorders sums"
        assert not isinstance(loop._cache, NullCache), f"{key} is compiled in every process"
        # A change in another folder would not have the caller compiled anew.
        module = loop.py_func.__module__
        assert module.startswith("predpol_eval.kernels."), f"{key} comes from {module}"


@pytest.mark.parametrize("name", NAMES)
def test_loops_run_on_one_thread(name):
    """So that worker processes, and the threads of whoever calls, have the cores to themselves."""
    module = importlib.import_module(f"predpol_eval.kernels.{name}")
    for key, loop in loops_of(name).items():
        assert not loop.targetoptions.get("parallel", False), f"{key} starts threads of its own"
    source = inspect.getsource(module)
    for word in ("prange", "get_num_threads", "set_num_threads", "guvectorize", "import threading"):
        assert word not in source


@pytest.mark.parametrize("name", NAMES)
def test_loops_are_compiled_in_the_way_that_needs_no_cache(name):
    """Numba's own `njit(cache=True)` refuses where no folder can be written to; see `kernels/compiling.py`."""
    if name == "compiling":
        assert not loops_of(name)
        return
    source = ast.parse(inspect.getsource(importlib.import_module(f"predpol_eval.kernels.{name}")))
    taken = [node.module for node in ast.walk(source) if isinstance(node, ast.ImportFrom)]
    taken += [alias.name for node in ast.walk(source) if isinstance(node, ast.Import) for alias in node.names]
    assert not [module for module in taken if module and module.split(".")[0] == "numba"]
    assert all(isinstance(loop._cache, compiling._Cache) for loop in loops_of(name).values())


def test_importing_the_kernels_compiles_nothing():
    code = (
        "import importlib, pkgutil, predpol_eval.kernels as kernels\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "for name in [module.name for module in pkgutil.iter_modules(kernels.__path__)]:\n"
        "    module = importlib.import_module(f'predpol_eval.kernels.{name}')\n"
        "    for key, loop in vars(module).items():\n"
        "        if isinstance(loop, Dispatcher):\n"
        "            print(name, key, len(loop.signatures))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    assert len(lines) >= len(NAMES), run.stderr
    assert [line for line in lines if not line.endswith(" 0")] == []


@pytest.mark.parametrize("name", NAMES)
def test_no_loop_rounds_to_an_integer_before_it_compares(name):
    """Compiled, math.floor(1e300) is any integer: which one depends on the machine."""
    for key, loop in loops_of(name).items():
        source = inspect.getsource(loop.py_func)
        assert "math.floor" not in source, key
        assert "math.ceil" not in source, key


def test_whatever_the_arrays_are_a_kernel_is_compiled_once():
    column = np.arange(6, dtype=np.float64)
    fixed = column.copy()
    fixed.flags.writeable = False
    for x in (column, fixed, np.arange(12, dtype=np.float64)[::2], [0, 1, 2, 3, 4, 5], column.astype(np.float32)):
        kde.gaussian_cell_mass(x, column, fixed, 0, 0.0, 2, np.int32(3), 3, np.float32(1.0))
    assert len(gaussian._scatter.signatures) == 1
