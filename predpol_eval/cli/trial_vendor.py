"""``predpol-eval trial``: what a vendor runs, with the plan and a key, and no ledger."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from predpol_eval.cli.console import plain_errors, say
from predpol_eval.errors import InputError

vendor = typer.Typer()

PlanFile = Annotated[
    Path, typer.Option("--plan", help="The plan.json that you were given, with all that lay beside it.")
]
Label = Annotated[str, typer.Option("--label", help="Your label in the trial.")]
NightNames = Annotated[
    list[str], typer.Option("--night", help="Day on which the night begins, such as 2018-07-01. Repeatable.")
]
FAILED = 1


@vendor.command()
def keygen(
    folder: Annotated[Path, typer.Argument(help="Folder for the two files.")],
    label: Label,
    passphrase: Annotated[
        bool, typer.Option("--passphrase/--no-passphrase", help="Ask for one, to protect the private key.")
    ] = True,
) -> None:
    """Make a pair of keys: the private one stays with you, the public one goes to whoever runs the trial."""
    with plain_errors():
        from predpol_eval.trial.keys import keygen as make

        secret = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=True) if passphrase else None
        made = make(folder, label, passphrase=secret)
        typer.echo(f"{made.private_file}: keep it to yourself.\n{made.public_file}: hand it in.")
        typer.echo(f"Fingerprint, to be read out: {made.fingerprint}")


@vendor.command()
def template(
    plan: PlanFile,
    night: NightNames,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; .csv, .parquet or .geojson.")],
) -> None:
    """Write a valid file for tonight, to start from; its risks are made up."""
    with plain_errors():
        from predpol_eval.resumable_folders import write_whole
        from predpol_eval.trial.folder import read_handed_out
        from predpol_eval.trial.submissions.template import template as make

        form = output.suffix.removeprefix(".").lower()
        if output.exists():
            raise InputError(f"There is a file {output.name!r} already; give another name.")
        read = read_handed_out(plan)
        grid = read.make_grid()
        # An ending that is no form is refused there, with those that are.
        write_whole(output, make(read, grid, tuple(night), form=form))  # type: ignore[arg-type]
        typer.echo(f"{output}: {len(read.areas)} areas, {len(read.kinds)} kinds, {len(night)} nights.")


@vendor.command()
def check(
    file: Annotated[Path, typer.Argument(help="What you would hand in.")],
    plan: PlanFile,
    label: Label,
    night: NightNames,
) -> None:
    """Run the very checks that your file will meet, before you hand it in. Exit code 1: it would be rejected."""
    with plain_errors():
        from predpol_eval.trial.canonical import utc_text
        from predpol_eval.trial.folder import read_handed_out
        from predpol_eval.trial.intake import rules_for
        from predpol_eval.trial.submissions.checked import check_submission

        read = read_handed_out(plan)
        rules = rules_for(read, night, utc_text(datetime.now(UTC)))
        if not file.is_file():
            raise InputError(f"{file.name!r} is no file; give a CSV, Parquet or GeoJSON file.")
        with file.open("rb") as handle:
            data = handle.read(rules.limits.bytes + 1)
        found = check_submission(data, rules, read.make_grid(), label=label, nights=tuple(night), name=file.name)
        typer.echo(found.in_words())
        if found.outcome != "accepted":
            raise typer.Exit(FAILED)


@vendor.command()
def sign(
    file: Annotated[Path, typer.Argument(help="What you hand in.")],
    plan: PlanFile,
    label: Label,
    night: NightNames,
    key: Annotated[Path, typer.Option("--key", help="Your private key.")],
    serial: Annotated[
        int | None,
        typer.Option(help="Number that rises from file to file.", show_default="milliseconds since 1970"),
    ] = None,
    passphrase: Annotated[bool, typer.Option("--passphrase/--no-passphrase", help="Ask for that of the key.")] = True,
) -> None:
    """Sign a file: writes FILE.envelope beside it, which is handed in together with it."""
    with plain_errors():
        from predpol_eval.resumable_folders import write_whole
        from predpol_eval.trial.canonical import utc_text
        from predpol_eval.trial.folder import read_handed_out
        from predpol_eval.trial.intake import rules_for
        from predpol_eval.trial.keys import read_private, sign_submission

        secret = typer.prompt("Passphrase", hide_input=True) if passphrase else None
        private = read_private(key, secret)
        read = read_handed_out(plan)
        now = datetime.now(UTC)
        most = rules_for(read, night, utc_text(now)).limits.bytes
        if not file.is_file() or file.stat().st_size > most:
            raise InputError(f"{file.name!r} is no file of at most {most:,} bytes.")
        made = sign_submission(
            file.read_bytes(),
            private,
            # That of the plan as it was locked, which amendments leave as it is.
            plan=read.locked.sha256,
            label=label,
            nights=night,
            serial=time.time_ns() // 1_000_000 if serial is None else serial,
            now=now,
        )
        path = file.with_name(file.name + ".envelope")
        write_whole(path, made.to_bytes())
        say(f"Signed for {', '.join(made.nights)} under the plan {read.locked.sha256[:16]}..., number {made.serial}.")
        typer.echo(str(path))
