"""``predpol-eval trial``: what the analyst runs who holds the ledger."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from predpol_eval.cli.console import plain_errors, say
from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.events import Events

office = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="Folder of the trial.")]
Night = Annotated[str, typer.Argument(help="Day on which the night begins, such as 2018-07-01.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in plain words: it stands in the record.")]
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
        found = detectable(chosen, _events(events, format, read), grid, n_jobs=jobs, progress=True)
        typer.echo(found.in_words())


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


@office.command("register-key")
def register_key(
    folder: Folder,
    label: Annotated[str, typer.Argument(help="Whose it is.")],
    public: Annotated[Path, typer.Argument(help="File of the public key.")],
    reason: Reason = "first key",
) -> None:
    """Register the public key of a submitter."""
    with plain_errors():
        from predpol_eval.trial.administration import register_key as register
        from predpol_eval.trial.folder import Trial

        with public.open("rb") as handle:
            content = handle.read(65_536)
        mark = register(Trial(folder), label, content, reason)
        typer.echo(f"{label}: compare this with what they read out: {mark}")


@office.command("revoke-key")
def revoke_key(
    folder: Folder,
    label: Annotated[str, typer.Argument(help="Whose it is.")],
    fingerprint: Annotated[str, typer.Argument(help="Of the key.")],
    reason: Reason,
) -> None:
    """Revoke a key; what was received before stays valid."""
    with plain_errors():
        from predpol_eval.trial.administration import revoke_key as revoke
        from predpol_eval.trial.folder import Trial

        revoke(Trial(folder), label, fingerprint, reason)
        typer.echo(f"{label}: revoked.")


@office.command("seal-names")
def seal_names(
    folder: Folder,
    names: Annotated[
        Path, typer.Argument(help='TOML: A = "name of the vendor" for every label; delete it afterwards.')
    ],
) -> None:
    """Write who is who into a sealed file of its own, and its hash into the ledger."""
    with plain_errors():
        from predpol_eval.trial.administration import seal
        from predpol_eval.trial.folder import Trial

        try:
            read = tomllib.loads(names.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            # What stands in the file is not repeated.
            raise InputError(f'{names.name} cannot be read as TOML; write lines such as A = "name".') from error
        passphrase = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True)
        typer.echo(str(seal(Trial(folder), {key: str(value) for key, value in read.items()}, passphrase)))


@office.command("make-secret")
def make_secret(path: Annotated[Path, typer.Argument(help="New file.")]) -> None:
    """Make the secret of the pseudonyms in what vendors are given; keep a copy apart."""
    with plain_errors():
        from predpol_eval.trial.outcomes.pseudonyms import make_secret as make

        make(path)
        typer.echo(str(path))


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

        made = release_night(Trial(folder), _events(events, format, read), night, read_secret(secret))
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
        signed = envelope or file.with_name(file.name + ".envelope")
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

        kept = take_snapshot(Trial(folder), _events(events, format, read), _moment(taken_at), forced=forced)
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


@office.command("open-names")
def open_names(path: Annotated[Path, typer.Argument(help="The sealed file.")]) -> None:
    """Open the sealed file of who is who, once the trial is over."""
    with plain_errors():
        from predpol_eval.trial.keys import open_names as opened

        with path.open("rb") as handle:
            content = handle.read(1_000_000)
        for label, name in opened(content, typer.prompt("Passphrase", hide_input=True)).items():
            typer.echo(f"{label}: {name}")


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
) -> None:
    """Say in words, taken from the numbers alone, who caught how much and what can be told apart so far."""
    with plain_errors():
        from predpol_eval.trial.folder import Trial
        from predpol_eval.trial.scoring.nights_tally import tally_of
        from predpol_eval.trial.standings import league, sequences, standings_in_words

        trial = Trial(folder)
        history = trial.history()
        plan, void = trial.plan(history), tuple(history.void)
        tally = tally_of(trial, history, settled=not provisional)
        found = league(tally, plan, void=void)
        typer.echo("\n".join(standings_in_words(found, courses=sequences(tally, plan, void=void))))


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


def _events(path: Path, format: str, read: list[str] | None) -> Events:
    from predpol_eval.cli.options import setting
    from predpol_eval.data import read_events

    options: dict[str, Any] = dict(setting(text) for text in read or ())
    return read_events(path, format=format, **options)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{text!r} is no moment; write it like 2018-08-01T06:00Z.") from error
    if found.tzinfo is None:
        raise InputError(f"{text!r} has no time zone; write it like 2018-08-01T06:00Z or 2018-08-01T07:00+01:00.")
    return found.astimezone(UTC)
