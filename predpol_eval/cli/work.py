"""What the commands do: from a configuration, or the demonstration, to a folder of results."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from predpol_eval.cli.console import say, told_of_store
from predpol_eval.cli.folder import OutputFolder
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.cli.prepare import Prepared

ALL_FAILED = 1


def run_demo(output: Path, *, quick: bool, jobs: int | None, progress: bool, overwrite: bool) -> None:
    """Run the demonstration; it replaces whatever demonstration was there."""
    from predpol_eval.cli.demo import prepare_demo

    folder = OutputFolder(output, "demo", overwrite=overwrite)
    folder.check()
    _run(prepare_demo(quick=quick, jobs=jobs), folder, progress=progress, dry_run=False)


def run_config(
    config: Path | None, given: Mapping[str, Mapping[str, Any]], *, dry_run: bool, progress: bool, overwrite: bool
) -> None:
    """Run what a configuration file and the options laid over it ask for."""
    from predpol_eval.cli.config import check_config, merge, read_config
    from predpol_eval.cli.prepare import prepare

    tables = {} if config is None else read_config(config)
    # Paths in a file start from its folder; those of options come whole.
    checked, problems = check_config(merge(tables, given), Path() if config is None else config.parent)
    folder = OutputFolder(checked.path("output", "folder") or Path("backtest-output"), "backtest", overwrite=overwrite)
    if not dry_run:
        try:
            folder.check()
        except InputError as error:
            problems.append(str(error))
    _run(prepare(checked, problems), folder, progress=progress, dry_run=dry_run)


def _run(prepared: Prepared, folder: OutputFolder, *, progress: bool, dry_run: bool) -> None:
    from predpol_eval.backtests import backtest
    from predpol_eval.cli.outputs import plan_of, write_outputs
    from predpol_eval.cli.prepare import CURVE

    started = datetime.now(UTC)
    for note in prepared.notes:
        say(note)
    plan = plan_of(prepared)
    asked: dict[str, Any] = {
        "budgets": prepared.budgets,
        "kinds": prepared.kinds,
        "method": prepared.method,
        "n_jobs": prepared.jobs,
        "curve": CURVE,
    }
    things = (prepared.forecasters, prepared.events, prepared.grid, prepared.schedule)
    if dry_run:
        typer.echo(str(backtest(*things, **asked, dry_run=True)))
        return
    folder.check(None if folder.command == "demo" else plan["fingerprint"])
    with told_of_store(prepared.store):
        result = backtest(*things, **asked, store=prepared.store, progress=progress)
    say("Drawing and writing results.")
    text = write_outputs(result, prepared, folder, plan=plan, command_line=sys.argv[1:], started=started, say=say)
    typer.echo(text, nl=False)
    seconds = (datetime.now(UTC) - started).total_seconds()
    say(f"Results are in {folder.path} ({seconds:.0f} seconds).")
    if bool((result["status"] != "ok").all()):
        say("Every night of every forecaster failed; the reasons are above.")
        raise typer.Exit(ALL_FAILED)
