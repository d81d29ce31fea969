"""Forecasters that fail, warn, spy, dawdle or return nonsense."""

from __future__ import annotations

import os
import threading
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

import predpol_eval as ppe
from predpol_eval.backtests.block import run_blocks


class MuteError(RuntimeError):
    """An error that cannot say what it is."""

    def __str__(self):
        raise ValueError("mute")


@dataclass(frozen=True, kw_only=True)
class FailsOn:
    """A count map that raises on some nights, given by their `until` (UTC)."""

    nights: tuple[str, ...] = ()
    inner: Any = field(default_factory=ppe.CountMap)
    error: str = "RuntimeError"

    def fit(self, events, grid, *, until):
        if str(until) in self.nights:
            if self.error == "hidden KeyboardInterrupt":
                # As compiled code does with a Ctrl-C that falls into it.
                raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
            raise {
                "MuteError": MuteError,
                "RuntimeError": RuntimeError,
                "MemoryError": MemoryError,
                "SystemExit": SystemExit,
                "KeyboardInterrupt": KeyboardInterrupt,
            }[self.error]("no forecast\n   tonight")
        return self.inner.fit(events, grid, until=until)


@dataclass(frozen=True, kw_only=True)
class Warns:
    """A count map that warns on some nights, or on all."""

    nights: tuple[str, ...] | None = None
    text: str = "the fit is poor"

    def fit(self, events, grid, *, until):
        if self.nights is None or str(until) in self.nights:
            warnings.warn(self.text, UserWarning, stacklevel=2)
            # Time for the other threads to warn too.
            time.sleep(0.002)
            warnings.warn(self.text, UserWarning, stacklevel=2)
        return ppe.CountMap().fit(events, grid, until=until)


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Random scores, from an explicit seed and the night."""

    seed: int = 0

    def fit(self, events, grid, *, until):
        return Made(self, until, grid, lambda windows: self._draw(grid, until, len(windows)))

    def _draw(self, grid, until, number):
        night = int(np.datetime64(until).astype("datetime64[s]").astype(np.int64))
        return np.random.default_rng([self.seed, night]).random((number, *grid.shape))


@dataclass(frozen=True)
class Made:
    """A fitted forecaster that makes scores by a function of the windows."""

    forecaster: Any
    until: Any
    grid: Any
    values: Any

    def predict(self, windows):
        return ppe.make_surface(self.values(windows), self.grid, windows, kind="score")


@dataclass(frozen=True, kw_only=True)
class Returns:
    """Something wrong, by name."""

    what: str

    def fit(self, events, grid, *, until):
        if self.what == "no fitted":
            return None
        return Wrong(self.what, grid, until, ppe.CountMap().fit(events, grid, until=until))


@dataclass(frozen=True)
class Wrong:
    """Predicts something wrong."""

    what: str
    grid: Any
    until: Any
    right: Any

    def predict(self, windows):
        risk = self.right.predict(windows)
        values = risk.to_numpy().copy()
        inside = tuple(np.argwhere(self.grid.mask)[5])
        if self.what == "array":
            return values
        if self.what == "shape":
            return risk.isel(x=slice(1, None))
        if self.what == "negative":
            values[(0, *inside)] = -1.0
            return risk.copy(data=values)
        if self.what in ("nan", "infinite"):
            values[(0, *inside)] = np.nan if self.what == "nan" else np.inf
            return risk.copy(data=values)
        if self.what == "other windows":
            later = windows.start + np.timedelta64(1, "D")
            return self.right.predict(ppe.Windows(later, windows.end + np.timedelta64(1, "D"), later, windows.tz))
        if self.what == "two windows":
            start = np.concatenate([windows.start, windows.start + np.timedelta64(1, "D")])
            both = ppe.Windows(start, start + np.timedelta64(1, "D"), start, windows.tz)
            return self.right.predict(both)
        if self.what == "longer window":
            longer = ppe.Windows(windows.start, windows.end + np.timedelta64(1, "h"), windows.until, windows.tz)
            return self.right.predict(longer)
        if self.what == "other grid":
            moved = replace(self.grid, x0_mm=self.grid.x0_mm + 1000)
            return ppe.make_surface(np.zeros_like(values), moved, windows, kind="score")
        if self.what == "no kind":
            risk.attrs.pop("kind")
            return risk
        if self.what == "members":
            return risk.expand_dims(member=2)
        raise AssertionError(self.what)


@dataclass(frozen=True, kw_only=True)
class Spies:
    """Writes down every surface of another forecaster, one file per kind of crime and night."""

    name: str
    inner: Any
    folder: str

    def fit(self, events, grid, *, until):
        return Spied(self, until, self.inner.fit(events, grid, until=until), "-".join(events.kinds))


@dataclass(frozen=True)
class Spied:
    """Predicts, and writes it down."""

    forecaster: Any
    until: Any
    inner: Any
    kinds: str

    def predict(self, windows):
        risk = self.inner.predict(windows)
        name = f"{self.forecaster.name} {self.kinds} {windows.start[0]}.npy".replace(":", "")
        np.save(Path(self.forecaster.folder, name), risk.to_numpy())
        return risk


@dataclass(frozen=True, kw_only=True)
class Peeks:
    """Looks for crimes after `until` wherever it can, and writes down the latest moment that it saw."""

    folder: str

    def fit(self, events, grid, *, until):
        latest = np.datetime64("1970-01-01", "ns")
        for name in ("happened", "happened_until", "recorded"):
            column = getattr(events, name)
            while column is not None:
                latest = max(latest, column.max(initial=latest))
                # A view would still hold the whole column.
                column = column.base
        latest = max(latest, *events.frame()["happened"].dt.tz_convert(None).to_numpy("datetime64[ns]"))
        observed = max(end for _, end in events.observed)
        Path(self.folder, str(until).replace(":", "")).write_text(f"{latest} {observed}")
        return ppe.CountMap().fit(events, grid, until=until)


@dataclass(frozen=True, kw_only=True)
class HoldsALock:
    """Cannot be sent to another process."""

    lock: Any = field(default_factory=threading.Lock)
    fingerprint: str = "a lock"

    def fit(self, events, grid, *, until):
        return ppe.CountMap().fit(events, grid, until=until)


@dataclass(frozen=True, kw_only=True)
class Dies:
    """Takes its process with it, as a crash in compiled code does."""

    def fit(self, events, grid, *, until):
        os._exit(3)


@dataclass(frozen=True, kw_only=True)
class Dawdles:
    """A count map that takes its time."""

    seconds: float = 0.01
    lookback: str = "21D"

    def fit(self, events, grid, *, until):
        time.sleep(self.seconds)
        return ppe.CountMap(lookback=self.lookback).fit(events, grid, until=until)


@dataclass(frozen=True)
class Marks:
    """What is done with the blocks of a run, and a file that is there while one of them is computed."""

    folder: str

    def __call__(self, blocks, *arguments):
        marker = Path(self.folder, f"computing-{os.getpid()}")
        computing = run_blocks(*arguments)
        for block in blocks:
            marker.touch()
            done = next(computing)
            marker.unlink(missing_ok=True)
            yield block, done


@dataclass(frozen=True)
class MarksAll:
    """The same for a worker process, which hands over a whole run."""

    folder: str

    def __call__(self, blocks, *arguments):
        return list(Marks(self.folder)(blocks, *arguments))
