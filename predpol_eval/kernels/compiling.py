"""How the loops are compiled: by numba, kept on disk where that is possible, and without it where it is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_UNKEPT = (
    "Compiled loops cannot be kept on disk, so that every new process compiles them again, some seconds each time. "
    "Expected a folder that can be written to: name one in the environment variable NUMBA_CACHE_DIR before Python "
    "starts. Results do not depend on it."
)


class _Cache(FunctionCache):
    """A cache that may fail to keep, but never to compute: on a full disk, in a folder that became read-only.

    Numba holds what it kept against the file of the loop alone, and so would run the old code of a loop in another
    module that this one calls. Here it is held against all modules of the folder.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        made: Any = super()
        made.__init__(function)
        file: Any = self._cache_file
        file._source_stamp = (file._source_stamp, _stamps(Path(function.__code__.co_filename).parent))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Give what was kept, or None, so that it is compiled, where that cannot be read or was cut short."""
        kept: Any = super()
        try:
            return kept.load_overload(sig, target_context)
        except (OSError, EOFError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, if that is possible; over what was cut short before."""
        kept: Any = super()
        try:
            try:
                kept.save_overload(sig, data)
            except EOFError:
                kept.flush()
                kept.save_overload(sig, data)
        except OSError:
            _warn()


def njit(
    *, cache: bool = False, **options: Any
) -> Callable[[Callable[_Arguments, _Result]], Callable[_Arguments, _Result]]:
    """Compile a loop on its first call, as `numba.njit` does, but never refuse because its cache has no place.

    Numba itself raises on import where neither ``NUMBA_CACHE_DIR``, nor the folder of the package, nor that of the
    user can be written to (a container without a home, a disk mounted read-only), and in the first call where the
    disk is full.

    Parameters
    ----------
    cache : bool
        Whether to keep the machine code on disk, so that the next process only loads it.
    **options
        Those of `numba.njit`. It takes no signatures: with them, all loops would be compiled on import.

    Returns
    -------
    callable
        The decorator.

    Warns
    -----
    UserWarning
        Once in a process, if it cannot be kept.

    Examples
    --------
    >>> @njit(error_model="numpy")
    ... def twice(number):
    ...     return 2 * number
    >>> twice(21)
    42
    """

    def compiled(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
        loop: Any = numba.njit(**options)(function)
        # With NUMBA_DISABLE_JIT it is the function itself.
        if cache and hasattr(loop, "enable_caching"):
            try:
                # What `loop.enable_caching()` does, with a cache that forgives.
                loop._cache = cast(Any, _Cache)(function)
            except RuntimeError:
                _warn()
        return cast(Callable[_Arguments, _Result], loop)

    return compiled


@once
def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """When each module of a folder was last changed, and its size."""
    found = ((path.name, path.stat()) for path in sorted(folder.glob("*.py")))
    return tuple((name, stat.st_mtime_ns, stat.st_size) for name, stat in found)


@once
def _warn() -> None:
    warnings.warn(_UNKEPT, stacklevel=1)
