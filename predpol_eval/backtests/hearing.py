"""Which night a warning belongs to, also where nights run side by side in the threads of one process."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from typing import Any


class Ears:
    """Hand every warning to the thread it was raised in.

    The filters of `warnings` belong to the whole process: two threads that each enter `warnings.catch_warnings` hear
    each other's warnings and may leave the filters changed for good. So the first listener changes them and the last
    restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[int, list[str]] = {}
        self._before = contextlib.ExitStack()
        self._usual: Any = None

    @contextlib.contextmanager
    def listen(self) -> Iterator[list[str]]:
        """Collect the texts of the warnings that this thread raises; nobody else sees them."""
        mine: list[str] = []
        with self._lock:
            if not self._heard:
                self._before.enter_context(warnings.catch_warnings())
                warnings.simplefilter("always")
                self._usual = warnings.showwarning
                warnings.showwarning = self._hear
            self._heard[threading.get_ident()] = mine
        try:
            yield mine
        finally:
            with self._lock:
                del self._heard[threading.get_ident()]
                if not self._heard:
                    self._before.close()

    def _hear(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        mine = self._heard.get(threading.get_ident())
        # When an unclosed file is noticed depends on the garbage collector, not on the night.
        if mine is None or issubclass(category, ResourceWarning):
            self._usual(message, category, *where, **more)
        else:
            mine.append(str(message))


ears = Ears()
