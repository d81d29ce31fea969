"""``predpol-eval trial report``: all that a trial has found, as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from predpol_eval.cli.console import plain_errors, say
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.trial.findings import Findings
    from predpol_eval.trial.folder import Trial
    from predpol_eval.trial.standings import Dosage

_MOST_SEALED = 1_000_000


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of the trial.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of the report; an older one is replaced.")],
    provisional: Annotated[
        bool, typer.Option("--provisional", help="With nights whose crimes are not yet settled.")
    ] = False,
    patrols: Annotated[
        Path | None, typer.Option("--patrols", help="Log of patrols: CSV with night, area, cell, minutes.")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option("--names", help="Sealed file of who is who: no report is written in which one of them stands."),
    ] = None,
) -> None:
    """Write all that was found into one HTML file, which opens from disk without a network."""
    with plain_errors():
        from predpol_eval.report import write_report
        from predpol_eval.report.state import states_of
        from predpol_eval.trial.findings import findings_of
        from predpol_eval.trial.folder import Trial

        trial = Trial(folder)
        # The passphrase is asked for first: gathering takes a while.
        sealed = _names(trial, names)
        found: Findings = findings_of(trial, provisional=provisional, patrols=_dosage(trial, patrols))
        place = write_report(found, output, trial=trial, names=sealed)
        for state in states_of(found):
            typer.echo(f"{state.word}: {state.sentence}")
        typer.echo(f"Report: {place}")


def _dosage(trial: Trial, path: Path | None) -> Dosage | None:
    if path is None:
        return None
    from predpol_eval.trial.standings import read_dosage

    plan = trial.plan(trial.history())
    with path.open("rb") as handle:
        # One byte more than is allowed is enough to refuse it.
        content = handle.read(plan.limits.bytes + 1)
    return read_dosage(content, plan, trial.grid)


def _names(trial: Trial, path: Path | None) -> dict[str, str] | None:
    """Open the sealed names, if they are those of the trial."""
    recorded = trial.history().names
    if path is None:
        if recorded is not None:
            say("Names were not looked for in the report; to be sure that none stands in it, give --names.")
        return None
    from predpol_eval.trial.keys import commitment, open_names

    with path.open("rb") as handle:
        content = handle.read(_MOST_SEALED)
    if commitment(content) != recorded:
        told = "no names were sealed in this trial" if recorded is None else f"the ledger has the hash {recorded}"
        raise InputError(f"{path.name} is not the sealed file of this trial: {told}. Give the one that was sealed.")
    return open_names(content, typer.prompt("Passphrase", hide_input=True))
