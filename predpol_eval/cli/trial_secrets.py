"""``predpol-eval trial``: keys, names and secrets, for the analyst who holds the ledger."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from predpol_eval.cli.console import plain_errors
from predpol_eval.errors import InputError

Folder = Annotated[Path, typer.Argument(help="Folder of the trial.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in plain words: it stands in the record.")]


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


def make_secret(path: Annotated[Path, typer.Argument(help="New file.")]) -> None:
    """Make the secret of the pseudonyms in what vendors are given; keep a copy apart."""
    with plain_errors():
        from predpol_eval.trial.outcomes.pseudonyms import make_secret as make

        make(path)
        typer.echo(str(path))


def open_names(path: Annotated[Path, typer.Argument(help="The sealed file.")]) -> None:
    """Open the sealed file of who is who, once the trial is over."""
    with plain_errors():
        from predpol_eval.trial.keys import open_names as opened

        with path.open("rb") as handle:
            content = handle.read(1_000_000)
        for label, name in opened(content, typer.prompt("Passphrase", hide_input=True)).items():
            typer.echo(f"{label}: {name}")
