"""How long the evenings of a rehearsal took, kept beside it, so that one that was resumed can tell, too."""

from __future__ import annotations

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from predpol_eval.trial.rehearsal.calendar_of_steps import Step

TIMES = "times.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of wall time on one kind of work.

    Attributes
    ----------
    what : str
    number : int
        How many times it was done.
    total, median, most : float
        Seconds.
    """

    what: str
    number: int
    total: float
    median: float
    most: float

    def in_words(self) -> str:
        """One line."""
        return f"{self.what}: {self.number:,} times, median {self.median:.2g} s, at most {self.most:.2g} s"


class Stopwatch:
    """Notes how long each step took; a step that was broken off is not noted.

    Parameters
    ----------
    path : path
        One line of JSON for each step.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def over(self, step: Step) -> Iterator[None]:
        """Note how long a step takes."""
        begun = time.perf_counter()
        yield
        told = {"what": step.what, "at": step.at.isoformat(), "seconds": time.perf_counter() - begun}
        with self._path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(told) + "\n")

    def spent(self) -> tuple[Spent, ...]:
        """Sum up by kind of work; an evening is all that is done between one noon and the next.

        Returns
        -------
        tuple of Spent
            Releases, intake of an evening, and intake and scores of an evening.
        """
        releases: list[float] = []
        intake: dict[str, float] = defaultdict(float)
        both: dict[str, float] = defaultdict(float)
        for line in self._lines():
            if line["what"] == "release":
                releases.append(line["seconds"])
                continue
            day = line["at"][:10]
            both[day] += line["seconds"]
            if line["what"] in ("hand in", "close"):
                intake[day] += line["seconds"]
        parts = {
            "release": releases,
            "intake of an evening, with the forecasts of all vendors": list(intake.values()),
            "intake, snapshot and scores of an evening": list(both.values()),
        }
        return tuple(
            Spent(what=what, number=len(seconds), total=sum(seconds), median=median(seconds), most=max(seconds))
            for what, seconds in parts.items()
            if seconds
        )

    def _lines(self) -> Iterator[dict[str, Any]]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            # A run that was killed leaves half a line.
            with contextlib.suppress(ValueError):
                yield json.loads(line)
