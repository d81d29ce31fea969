"""The kernels' tests run twice more in CI, with bounds checked and interpreted: what `make test-kernels` needs."""

from __future__ import annotations

import numba
import numpy as np
import pytest

INTERPRETED = bool(numba.config.DISABLE_JIT)
CHECKED = bool(numba.config.BOUNDSCHECK) and not INTERPRETED
# How loops are compiled and kept: with every index checked they show nothing new.
OF_MACHINE_CODE = {"test_compiled", "test_compiling", "test_bounds"}


def belongs(item: pytest.Item) -> bool:
    """Whether a test belongs into this run: interpreted, only those of Hypothesis and of the naive twins are small."""
    if INTERPRETED and item.originalname == "test_kernel_and_rival_agree":
        return item.callspec.params["rival"].name == "naive"
    if INTERPRETED:
        return hasattr(item.function, "hypothesis")
    return not CHECKED or item.path.stem not in OF_MACHINE_CODE


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With NUMBA_DISABLE_JIT=1 or NUMBA_BOUNDSCHECK=1, leave out what has no place or no time there."""
    if INTERPRETED or CHECKED:
        config.hook.pytest_deselected(items=[item for item in items if not belongs(item)])
        items[:] = [item for item in items if belongs(item)]


def pytest_sessionstart() -> None:
    """Where bounds are to be checked, refuse a cache of kernels that were compiled without: it would check nothing."""
    if not CHECKED:
        return
    from predpol_eval.kernels.points import _merge, floats

    column = floats(np.arange(3.0))
    try:
        _merge(column, column, column[:0])  # weights that are not there
    except IndexError:
        return
    pytest.exit(
        "NUMBA_BOUNDSCHECK is set, but a kernel that reads past the end of an array did not raise: the kernels in "
        f"{_merge._cache.cache_path} were compiled without. Give NUMBA_CACHE_DIR a folder that only such runs use.",
        returncode=1,
    )
