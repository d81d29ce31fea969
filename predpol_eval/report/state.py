"""Where a trial stands: over, between two looks, or with nothing to tell yet; and how loudly that must be said."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from predpol_eval.report.numbers_told import counted, listed

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.standings import Look


class State(NamedTuple):
    """In a word for the badge, and in a sentence below it."""

    word: str
    sentence: str


def states_of(findings: Findings) -> tuple[State, ...]:
    """Say where the trial stands.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    tuple of State
        The first one says how far it is; a second one, that numbers below are provisional.
    """
    made = [_how_far(findings)]
    if not findings.settled_only:
        made.append(
            State(
                "Provisional",
                "The numbers below include nights whose crimes are still being recorded and corrected. They will "
                "change. Only the planned looks, which use settled nights alone, are findings.",
            )
        )
    return tuple(made)


def last_look(findings: Findings) -> Look | None:
    """The look that was taken last."""
    return findings.looks[-1] if findings.looks else None


def _how_far(findings: Findings) -> State:
    look, total = last_look(findings), len(findings.plan.nights)
    if look is not None and look.last:
        void = f"; {counted(len(look.void), 'night')} counted for nobody" if look.void else ""
        return State(
            "Final",
            f"The last planned look has been made, after {counted(len(look.nights), 'settled night')} of "
            f"{total:,}{void}. It decides.",
        )
    counted_nights = 0 if findings.league is None else len(findings.league.nights)
    if not counted_nights and look is None:
        return State("Nothing counts yet", f"None of the {counted(total, 'night')} of the plan has been counted yet.")
    due = f" Due, and not yet made: look {listed(list(map(str, findings.due)))}." if findings.due else ""
    provisional = 0 if findings.settled_only else findings.provisional
    settled = counted_nights - provisional
    more = f", and {provisional:,} provisionally" if provisional else ""
    so_far = f"{settled:,} of {counted(total, 'night')} {'has' if settled == 1 else 'have'} settled{more}"
    if look is None:
        return State("Interim", f"{so_far}, and no planned look has been made: nothing is decided yet.{due}")
    return State(
        "Interim",
        f"Look {look.number} of {len(findings.plan.test.looks)} was made after "
        f"{counted(len(look.nights), 'settled night')}; by now {so_far}. The last look decides.{due}",
    )
