"""``predpol-eval trial rehearse``: a whole trial on past crimes, before the real one begins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from predpol_eval.cli.console import plain_errors
from predpol_eval.cli.options import crimes_of
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.events import Events
    from predpol_eval.trial.plan import TrialPlan

DIFFERS = 1


def rehearse(
    plan: Annotated[Path, typer.Argument(help="plan.toml")],
    folder: Annotated[Path, typer.Argument(help="New folder for the rehearsal, or that of one to go on with.")],
    events: Annotated[Path, typer.Option("--events", help="Recorded crimes.")],
    format: Annotated[str, typer.Option("--format", help="Whose file it is; see `predpol-eval formats`.")],
    read: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What else the reader of the format is to be told. Repeatable."),
    ] = None,
    vendors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL=KIND",
            help="A synthetic vendor: leaked, strong, count-map, random or unreliable. Repeatable.",
            show_default="one of each, under labels that the seed deals out",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of all draws.", show_default="that of the plan")] = None,
    first: Annotated[str | None, typer.Option("--first", help="First night.", show_default="that of the plan")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Last night.", show_default="that of the plan")] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write the report of the rehearsal, too.")] = None,
    score_only: Annotated[
        bool,
        typer.Option(
            "--score-only",
            help="Repeat the scoring alone, with vendors who are as good as each other, and count false findings.",
        ),
    ] = False,
    times: Annotated[
        int | None, typer.Option("--times", help="How many rehearsals of the scoring.", show_default="1000")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Worker processes, with --score-only.", show_default="1")
    ] = None,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")] = True,
) -> None:
    """Run the whole trial on past crimes with synthetic vendors of known quality. Exit code 1: not as it should be.

    Interrupted and run again with the same arguments, it goes on where it was.
    """
    with plain_errors():
        from predpol_eval.trial.plan import read_plan

        _refuse_what_does_not_go_together(score_only, times, jobs, vendors, report)
        own = read_plan(plan)
        crimes = crimes_of(events, format, read)
        if score_only:
            _scores(own, crimes, folder, first, until, times, seed, jobs, progress)
            return
        from predpol_eval.trial.rehearsal import rehearse as run

        found = run(own, crimes, folder, vendors=_cast(vendors), seed=seed, progress=progress, first=first, until=until)
        typer.echo(found.in_words())
        if report is not None:
            from predpol_eval.report import write_report

            typer.echo(f"Report: {write_report(found.findings, report, trial=found.trial)}")
        if not found.as_it_should_be:
            raise typer.Exit(DIFFERS)


def _refuse_what_does_not_go_together(
    score_only: bool, times: int | None, jobs: int | None, vendors: list[str] | None, report: Path | None
) -> None:
    given = {"--vendors": vendors, "--report": report} if score_only else {"--times": times, "--jobs": jobs}
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        only = "cannot be given with" if score_only else "goes only with"
        raise InputError(f"{' and '.join(wrong)} {only} --score-only.")


def _scores(
    plan: TrialPlan,
    crimes: Events,
    folder: Path,
    first: str | None,
    until: str | None,
    times: int | None,
    seed: int | None,
    jobs: int | None,
    progress: bool,
) -> None:
    """Rehearse the scoring many times; `folder` keeps what is finished."""
    from predpol_eval.trial.rehearsal.rehearsed_plan import rehearsed_plan
    from predpol_eval.trial.rehearsal.score_only import rehearse_scores

    chosen = rehearsed_plan(plan, plan.vendors, first=first, until=until)
    count: dict[str, Any] = {} if times is None else {"times": times}
    found = rehearse_scores(chosen, crimes, seed=seed, store=folder, progress=progress, n_jobs=jobs or 1, **count)
    typer.echo(found.in_words())


def _cast(vendors: list[str] | None) -> Mapping[str, str] | None:
    """Who is what, from texts such as ``A=strong``."""
    if not vendors:
        return None
    pairs = [text.partition("=") for text in vendors]
    wrong = [text for text, (label, sign, kind) in zip(vendors, pairs, strict=True) if not (label and sign and kind)]
    if wrong:
        raise InputError(f"--vendors {wrong[0]!r} cannot be read; write it like A=strong.")
    labels = [label for label, _, _ in pairs]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"--vendors gives {', '.join(twice)} twice; every label is one vendor.")
    return {label.strip(): kind.strip() for label, _, kind in pairs}
