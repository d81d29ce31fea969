"""``predpol-eval trial``: what the analyst runs who holds the ledger."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from predpol_eval.cli.console import plain_errors, say
from predpol_eval.cli.options import crimes_of
from predpol_eval.cli.trial_rehearse import rehearse
from predpol_eval.cli.trial_report import report
from predpol_eval.cli.trial_secrets import Folder, Reason, make_secret, open_names, register_key, revoke_key, seal_names
from predpol_eval.errors import InputError

office = typer.Typer()

Night = Annotated[str, typer.Argument(help="Day on which the night begins, such as 2018-07-01.")]
EventsFile = Annotated[Path, typer.Option("--events", help="Recorded crimes.")]
Format = Annotated[str, typer.Option("--format", help="Whose file it is; see `predpol-eval formats`.")]
Read = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="What else the reader of the format is to be told. Repeatable."),
]
DIFFERS = 1


@office.command()
def example() -> None:
    """Print a plan to start from."""
    from predpol_eval.trial.plan import example as text

    typer.echo(text(), nl=False)


@office.command()
def lock(
    plan: Annotated[Path, typer.Argument(help="plan.toml")],
    folder: Annotated[Path, typer.Argument(help="New folder for the trial.")],
) -> None:
    """Lock a plan and begin its ledger. From then on it is amended by dated records, never edited."""
    with plain_errors():
        from predpol_eval.trial.folder import HANDED_OUT
        from predpol_eval.trial.folder import lock as begin

        begun = begin(plan, folder)
        typer.echo(repr(begun.locked))
        typer.echo(f"Hash of the plan, for everybody who takes part: {begun.locked.sha256}")
        typer.echo(f"What vendors need: {begun.folder / HANDED_OUT}")


@office.command()
def power(
    plan: Annotated[Path, typer.Argument(help="plan.toml")],
    events: EventsFile,
    format: Format,
    read: Read = None,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", help="Worker processes.", show_default="1")] = None,
) -> None:
    """Say from past crimes what difference the trial can detect, before it begins."""
    with plain_errors():
        from predpol_eval.trial.plan import power as detectable
        from predpol_eval.trial.plan import read_plan

        chosen = read_plan(plan)
        grid = chosen.make_grid(plan.parent)
        found = detectable(chosen, crimes_of(events, format, read), grid, n_jobs=jobs, progress=True)
        typer.echo(found.in_words())


office.command()(rehearse)


@office.command()
def amend(
    folder: Folder,
    changes: Annotated[Path, typer.Argument(help="TOML with only the tables and keys that change.")],
    reason: Reason,
) -> None:
    """Amend the plan by a dated record, for nights whose cut lies ahead."""
    with plain_errors():
        from predpol_eval.trial.administration import amend_plan
        from predpol_eval.trial.folder import Trial

        try:
            tables = tomllib.loads(changes.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{changes.name} cannot be read as TOML: {error}") from error
        typer.echo(amend_plan(Trial(folder), tables, reason).in_words())


office.command("register-key")(register_key)
office.command("revoke-key")(revoke_key)
office.command("seal-names")(seal_names)
office.command("make-secret")(make_secret)


@office.command()
def release(
    folder: Folder,
    night: Night,
    events: EventsFile,
    format: Format,
    secret: Annotated[Path, typer.Option("--secret", help="Secret of the pseudonyms.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File for vendors.")],
    read: Read = None,
) -> None:
    """Write tonight's extract for vendors: what was recorded before the cut, without addresses."""
    with plain_errors():
        from predpol_eval.trial.data_exchange import release_night
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.outcomes.pseudonyms import read_secret

        made = release_night(Trial(folder), crimes_of(events, format, read), night, read_secret(secret))
        made.save(output)
        typer.echo(f"{made.words}\nSHA-256: {made.sha256}")


@office.command()
def submit(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="What a submitter handed in.")],
    envelope: Annotated[
        Path | None, typer.Option("--envelope", help="Its signature.", show_default="FILE.envelope")
    ] = None,
) -> None:
    """Take in a signed file: the receipt first, then its checks. Exit code 1: rejected."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.intake import check_receipt, judge, read_submitted, receive

        trial = Trial(folder)
        signed = envelope or file.parent / f"{file.name}.envelope"
        sealed = None
        if signed.is_file():
            with signed.open("rb") as handle:
                sealed = handle.read(65_537)
        taken = receive(trial, read_submitted(trial, file), sealed, file.name)
        typer.echo(taken.in_words())
        judge(trial)
        history = trial.history()
        verdict = history.verdicts[taken.receipt.number]
        typer.echo(check_receipt(trial, history, taken.receipt).in_words())
        typer.echo("; ".join(f"{night}: {outcome}" for night, outcome in verdict.nights.items()))
        if "rejected" in verdict.nights.values():
            raise typer.Exit(DIFFERS)


@office.command()
def close(
    folder: Folder,
    night: Night,
    heads: Annotated[Path | None, typer.Option("--heads", help="Folder for the head that vendors keep.")] = None,
) -> None:
    """Close a night after its deadline: who stands, who is missing; and write the head of the ledger."""
    with plain_errors():
        from predpol_eval.trial.closing import close_night, keep_head
        from predpol_eval.trial.folder import Trial

        trial = Trial(folder)
        found = close_night(trial, night)
        lines = [f"{label}: record {number}" for label, number in found.standing.items()]
        lines += [f"{label}: nothing ({why})" for label, why in found.absent.items()]
        typer.echo("\n".join(lines))
        place = heads or trial.folder / "heads"
        place.mkdir(parents=True, exist_ok=True)
        typer.echo(f"Head for vendors to keep: {keep_head(trial, place, night)}")


@office.command()
def void(folder: Folder, night: Annotated[list[str], typer.Argument(help="Nights.")], reason: Reason) -> None:
    """Declare nights void for everybody, before anybody knows how they went."""
    with plain_errors():
        from predpol_eval.trial.closing import declare_void
        from predpol_eval.trial.folder import Trial

        declare_void(Trial(folder), night, reason)
        typer.echo(f"Void: {', '.join(night)}.")


@office.command()
def snapshot(
    folder: Folder,
    events: EventsFile,
    format: Format,
    taken_at: Annotated[str, typer.Option("--taken-at", help="Up to when the table was kept: 2018-08-01T06:00Z.")],
    read: Read = None,
    forced: Annotated[
        str | None, typer.Option("--forced", help="Why it is kept though crimes of an earlier one are gone.")
    ] = None,
) -> None:
    """Keep recorded crime as of a date; an earlier snapshot is never changed."""
    with plain_errors():
        from predpol_eval.trial.data_exchange import take_snapshot
        from predpol_eval.trial.folder import Trial

        kept = take_snapshot(Trial(folder), crimes_of(events, format, read), _moment(taken_at), forced=forced)
        typer.echo(repr(kept))


@office.command("judge-held")
def judge_held(folder: Folder, record: Annotated[int, typer.Argument(help="Number of the receipt.")]) -> None:
    """Check a file again whose checks broke by our fault, with a library that is mended since."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.intake import judge_held as again

        found = again(Trial(folder), record)
        typer.echo("; ".join(f"{night}: {outcome}" for night, outcome in found.nights.items()))


@office.command()
def status(folder: Folder, night: Annotated[str | None, typer.Option("--night", help="Of one night.")] = None) -> None:
    """Say who is in, whose keys are in force, and what waits."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.status import status_of

        typer.echo(status_of(Trial(folder), night))


@office.command()
def wait(folder: Folder) -> None:
    """Wait until a clock that is behind the last record has come to it: until then nothing can be recorded."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.ledger.clock import told
        from predpol_eval.trial.waiting import wait as until_then

        found = until_then(Trial(folder), say=lambda left: say(f"The clock is {told(left)} behind the last record."))
        typer.echo(f"Records can be added. The clock was {told(found)} behind." if found else "Records can be added.")


office.command("open-names")(open_names)


@office.command()
def score(
    folder: Folder,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show a progress bar.")] = True,
) -> None:
    """Score every closed night that a snapshot tells of: provisionally at first, once more when it is settled."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.scoring.nightly import score as make

        made = make(Trial(folder), progress=progress)
        settled = sum(bool(record.body["settled"]) for record in made)
        typer.echo(f"{len(made)} nights scored, {settled} of them settled.")


@office.command()
def standings(
    folder: Folder,
    provisional: Annotated[
        bool, typer.Option("--provisional", help="With nights whose crimes are not yet settled.")
    ] = False,
    patrols: Annotated[
        Path | None, typer.Option("--patrols", help="Log of patrols: CSV with night, area, cell, minutes.")
    ] = None,
) -> None:
    """Say in words, taken from the numbers alone, who caught how much and what can be told apart so far."""
    with plain_errors():
        from predpol_eval.trial.findings import findings_of
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.standings import read_dosage

        trial = Trial(folder)
        logged = None
        if patrols is not None:
            plan = trial.plan(trial.history())
            with patrols.open("rb") as handle:
                # One byte more than is allowed is enough to refuse it.
                content = handle.read(plan.limits.bytes + 1)
            logged = read_dosage(content, plan, trial.grid)
        typer.echo("\n".join(findings_of(trial, provisional=provisional, patrols=logged).words()))


@office.command()
def look(folder: Folder, number: Annotated[int, typer.Argument(help="Which of the plan's looks, from 1.")]) -> None:
    """Make the test that the plan declared, at one of its looks, and record it: once, and for good."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.look_records import take_look
        from predpol_eval.trial.scoring.nights_tally import tally_of
        from predpol_eval.trial.standings import league, standings_in_words

        trial = Trial(folder)
        found = take_look(trial, number)
        history = trial.history()
        table = league(tally_of(trial, history), trial.plan(history), void=tuple(history.void))
        typer.echo("\n".join(standings_in_words(table, found)))


office.command()(report)


@office.command()
def verify(
    folder: Folder,
    head: Annotated[list[Path] | None, typer.Option("--head", help="A head that a vendor kept. Repeatable.")] = None,
) -> None:
    """Recompute all that can be, and print the first difference. Exit code 1: there is one."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.ledger import read_head
        from predpol_eval.trial.verifying import verify as check

        kept = []
        for path in head or []:
            if not path.is_file():
                raise InputError(f"There is no head {str(path)!r}; give the file that a vendor kept.")
            with path.open("rb") as handle:
                kept.append(read_head(handle.read(65_536)))
        found = check(Trial(folder), kept)
        if found:
            typer.echo(str(found[0]))
            say(f"{len(found)} differences in all." if len(found) > 1 else "No other difference.")
            raise typer.Exit(DIFFERS)
        typer.echo("All is as it was recorded: chain, plan, signatures, verdicts, closings, scores, looks.")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no moment; write it like 2018-08-01T06:00Z.") from error
    if found.tzinfo is None:
        raise InputError(f"{text!r} has no time zone; write it like 2018-08-01T06:00Z or 2018-08-01T07:00+01:00.")
    return found.astimezone(UTC)
