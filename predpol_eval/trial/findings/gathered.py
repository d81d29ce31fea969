"""All that a trial has found by a moment: gathered once, so that words, tables and pictures tell the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from predpol_eval.describing import as_html, as_text
from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.findings.flagged import FlaggedNights, flagged_nights
from predpol_eval.trial.findings.looks_again import looks_again, looks_due
from predpol_eval.trial.findings.nights import NightTold, nights_told
from predpol_eval.trial.findings.scored_nights import ScoredNight, scored_nights, that_count
from predpol_eval.trial.history import History

if TYPE_CHECKING:
    import xarray as xr

    from predpol_eval.grid import Grid
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.outcomes.revisions import Revisions
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.standings import Course, Dosage, League, Look, PatrolReport, Suspicion, Together


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Findings:
    """What a trial has found.

    Attributes
    ----------
    plan : TrialPlan
        In force.
    grid : Grid
    at : datetime
        As of when.
    head : str
        Hash of the last record that counts: whoever keeps it can have all of this made again.
    records : int
        How many there are.
    settled_only : bool
        Whether nights whose crimes have not settled are left out of all numbers.
    nights : tuple of NightTold
        Every night of the plan.
    revisions : tuple of Revisions
        Between each snapshot and the next.
    tally : xarray.Dataset or None
        Nights that count; its coordinate ``settled`` says which have settled. None while there is none, and then all
        that follows is empty.
    league : League or None
    looks : tuple of Look
        Those that were taken, in order, made again from the records; always of settled nights alone.
    due : tuple of int
        Numbers of the plan's looks whose nights have settled and that were not taken.
    courses : tuple of Course
    suspicions : tuple of Suspicion
        Two of each submitter.
    together : tuple of Together
        Of the pairs of the plan in which both are submitters: what baselines flagged is not kept.
    patrols : PatrolReport or None
    flagged : FlaggedNights or None
        Boxes and crimes, night by night, for maps.
    """

    plan: TrialPlan
    grid: Grid
    at: datetime
    head: str
    records: int
    settled_only: bool
    nights: tuple[NightTold, ...]
    tally: xr.Dataset | None
    league: League | None
    looks: tuple[Look, ...]
    due: tuple[int, ...]
    courses: tuple[Course, ...]
    suspicions: tuple[Suspicion, ...]
    together: tuple[Together, ...]
    patrols: PatrolReport | None
    flagged: FlaggedNights | None
    revisions: tuple[Revisions, ...]

    def words(self) -> tuple[str, ...]:
        """Say what was found, most important first; see `standings_in_words`."""
        if self.league is None:
            what = "a settled score" if self.settled_only else "a score"
            return (f"No night has {what} that counts yet, so that nothing can be said of anybody.",)
        from predpol_eval.trial.standings import standings_in_words

        found = standings_in_words(
            self.league,
            self.looks[-1] if self.looks else None,
            courses=self.courses,
            suspicions=self.suspicions,
            together=self.together,
            patrols=self.patrols,
            provisional=self.provisional,
        )
        due = [
            f"Look {number} of the plan may be taken: its nights have settled, and it has not been."
            for number in self.due
        ]
        return (*found, *due)

    @property
    def provisional(self) -> int:
        """How many of the nights that count have not settled, so that their numbers may change."""
        return 0 if self.tally is None else int((~self.tally["settled"]).sum())

    def summary(self) -> dict[str, str]:
        """Describe them, one entry per line."""
        counted = 0 if self.tally is None else self.tally.sizes["window"]
        more = "" if self.settled_only else f", {self.provisional:,} of them provisional"
        taken = ", ".join(str(look.number) for look in self.looks) or "none"
        return {
            "trial": self.plan.name,
            "at": f"{utc_text(self.at)}, record {self.records:,}, head {self.head}",
            "nights": f"{counted:,} of {len(self.nights):,} count{more}",
            "looks taken": taken + (f"; due: {', '.join(map(str, self.due))}" if self.due else ""),
            "asked about": ", ".join(dict.fromkeys(one.label for one in self.suspicions if one.flagged)) or "nobody",
        }

    def __repr__(self) -> str:
        return as_text("Findings", self.summary())

    def _repr_html_(self) -> str:
        return as_html("Findings", self.summary())


def findings_of(trial: Trial, *, provisional: bool = False, patrols: Dosage | None = None) -> Findings:
    """Gather all that the records of a trial say by now.

    Parameters
    ----------
    trial : Trial
    provisional : bool
        With nights whose crimes have not settled, as the newest snapshot tells them.
    patrols : Dosage, optional
        The log of patrols; see `read_dosage`.

    Returns
    -------
    Findings
        All of it from one reading of the ledger: what is recorded meanwhile does not count.

    Raises
    ------
    InputError
        If a look is not what was recorded, or the records contradict each other.
    NotComparableError
        If a score is of another plan.
    PlanLockedError
        If the plan or its grid is not the one that was locked.
    """
    from predpol_eval.trial.standings import league, patrol_report, sequences

    with trial.ledger(read_only=True) as ledger:
        records = list(ledger.records())
    history, at = History().read(records), trial.clock()
    plan, void = trial.plan(history), tuple(history.void)
    scores = scored_nights(trial, history)
    settled = _tally(trial, history, scores, settled=True)
    tally = _tally(trial, history, scores, settled=False) if provisional else settled
    counted, places, flagged = None, None, None
    if tally is not None:
        # Nights that are told to be provisional would be taken for nights still to come.
        counted = tally.drop_vars("settled")
        places = league(counted, plan, void=void)
        flagged = flagged_nights(trial, history, settled=not provisional, scores=scores)
    return Findings(
        plan=plan,
        grid=trial.grid,
        at=at,
        head=records[-1].hash,
        records=len(records),
        settled_only=not provisional,
        nights=nights_told(history, plan, at, scores),
        tally=tally,
        league=places,
        looks=looks_again(trial, records),
        due=looks_due(plan, history, settled, at),
        courses=() if counted is None else sequences(counted, plan, void=void),
        suspicions=() if flagged is None else _suspicions(flagged, plan),
        together=() if flagged is None else _together(flagged, plan, trial.grid),
        patrols=None
        if flagged is None or patrols is None
        else patrol_report(patrols.dense(flagged.nights, flagged.cells), flagged.shares, flagged.crimes),
        flagged=flagged,
        revisions=_revisions(trial, history, plan),
    )


# The name by which it stands in this room; beside it, in `predpol_eval.trial`, a module has that name.
findings = findings_of


def _tally(trial: Trial, history: History, scores: Mapping[str, ScoredNight], *, settled: bool) -> xr.Dataset | None:
    """The nights that count, if there are any."""
    from predpol_eval.trial.scoring.nights_tally import tally_of

    return tally_of(trial, history, settled=settled) if that_count(scores, settled=settled) else None


def _together(flagged: FlaggedNights, plan: TrialPlan, grid: Grid) -> tuple[Together, ...]:
    """The pairs of the plan that can be laid over each other."""
    from predpol_eval.trial.standings import together

    ground = grid.inside_m2.ravel()[flagged.cells]
    return tuple(
        one
        for pair in plan.test.pairs
        if set(pair) <= set(flagged.shares)
        for one in together(
            {label: flagged.shares[label] for label in pair},
            flagged.crimes,
            areas=flagged.areas,
            k=plan.k,
            ranks={label: flagged.ranks[label] for label in pair if label in flagged.ranks},
            ground=ground,
            seed=plan.seed,
        )
    )


def _suspicions(flagged: FlaggedNights, plan: TrialPlan) -> tuple[Suspicion, ...]:
    """Both rules, for everybody who submits."""
    from predpol_eval.trial.standings import suspicions

    return tuple(
        one
        for label, shares in flagged.shares.items()
        for one in suspicions(label, shares, flagged.crimes, areas=flagged.areas, k=plan.k)
    )


def _revisions(trial: Trial, history: History, plan: TrialPlan) -> tuple[Revisions, ...]:
    """What each snapshot changed of the one before; how crimes are recognised is found out from the two."""
    from predpol_eval.trial.outcomes.revisions import compare_snapshots

    kept = [trial.blobs.get(body["blob"]) for body in history.snapshots]
    return tuple(compare_snapshots(old, new, plan, trial.grid) for old, new in pairwise(kept))
