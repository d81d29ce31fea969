"""Who is better, how sure is that, and is it too good to be true?"""

from __future__ import annotations

from predpol_eval.trial.standings.dosage import PatrolReport, patrol_report
from predpol_eval.trial.standings.flagged_arrays import laid_out
from predpol_eval.trial.standings.in_words import standings_in_words
from predpol_eval.trial.standings.league import league
from predpol_eval.trial.standings.look_found import Look, PairLook
from predpol_eval.trial.standings.looks import look
from predpol_eval.trial.standings.patrol_log import Dosage, read_dosage
from predpol_eval.trial.standings.places import League, Standing
from predpol_eval.trial.standings.sequences import Course, sequences
from predpol_eval.trial.standings.suspicion import Suspicion, hindsight, placebo_date, suspicions
from predpol_eval.trial.standings.together import Together, together

__all__ = [
    "Course",
    "Dosage",
    "League",
    "Look",
    "PairLook",
    "PatrolReport",
    "Standing",
    "Suspicion",
    "Together",
    "hindsight",
    "laid_out",
    "league",
    "look",
    "patrol_report",
    "placebo_date",
    "read_dosage",
    "sequences",
    "standings_in_words",
    "suspicions",
    "together",
]
