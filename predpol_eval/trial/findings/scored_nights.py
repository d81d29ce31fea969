"""The score of each night that is the newest by now, and which files stood when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from predpol_eval.errors import InputError
from predpol_eval.trial.history import STANDING

if TYPE_CHECKING:
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.history import History
    from predpol_eval.trial.scoring.night_score import NightScore


class ScoredNight(NamedTuple):
    """The newest score of a night.

    Attributes
    ----------
    record : int
        Number of its record.
    settled : bool
    score : NightScore
    """

    record: int
    settled: bool
    score: NightScore

    @property
    def counts(self) -> bool:
        """Whether it counts: a night that is void, or on which our checks broke, counts for nobody."""
        from predpol_eval.trial.scoring.nights_tally import LEFT_OUT

        return not any(entry.status in LEFT_OUT for entry in self.score.entries)


def scored_nights(trial: Trial, history: History) -> dict[str, ScoredNight]:
    """Read the score of each night: the settled one, else the newest; by the name of the night."""
    from predpol_eval.trial.scoring.due import newest_scores
    from predpol_eval.trial.scoring.night_score import NightScore

    return {
        night: ScoredNight(
            record.number, bool(record.body["settled"]), NightScore.from_bytes(trial.blobs.get(record.body["blob"]))
        )
        for night, record in newest_scores(history).items()
    }


def that_count(scores: Mapping[str, ScoredNight], *, settled: bool) -> dict[str, ScoredNight]:
    """Those of which a tally is made."""
    return {name: one for name, one in scores.items() if one.counts and (one.settled or not settled)}


class FilesThen:
    """Which file stood for a submitter and a night when a record was written.

    A file that was held counts once it has been checked again, and may take the place of one that was scored before.

    Parameters
    ----------
    history : History
    """

    def __init__(self, history: History) -> None:
        self._judged: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for number, verdict in history.verdicts.items():
            for night, outcome in verdict.nights.items():
                if outcome in STANDING:
                    place = history.receipts[number].label, night
                    self._judged.setdefault(place, []).append((verdict.number, number))

    def receipt(self, label: str, night: str, record: int) -> int:
        """Number of the receipt that stood before a record.

        Raises
        ------
        InputError
            If none did.
        """
        stood = [number for judged, number in self._judged.get((label, night), ()) if judged < record]
        if not stood:
            raise InputError(
                f"Record {record} scores {label!r} on {night}, and no file of it stood then; verify the ledger."
            )
        return max(stood)
