"""Talking to a person at a terminal: notes and errors in plain words, never a traceback for a mistake of theirs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from predpol_eval.errors import PredPolError, PredPolWarning

REFUSED, STOPPED = 2, 130


def say(text: str) -> None:
    """Tell something on the side (stderr), so that results can be piped."""
    typer.echo(text, err=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn refusals and interruptions into one message and an exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PredPolWarning)
        warnings.showwarning = _show_warning
        try:
            yield
        except PredPolError as error:
            say(f"predpol-eval: {error}")
            raise typer.Exit(REFUSED) from error
        except KeyboardInterrupt as error:
            say("\nStopped.")
            raise typer.Exit(STOPPED) from error
        except OSError as error:
            say(f"predpol-eval: {error}")
            raise typer.Exit(REFUSED) from error


@contextmanager
def told_of_store(store: Path | None) -> Iterator[None]:
    """When stopped, say what was kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        kept = (
            f"Finished blocks are kept in {store}; the same command resumes."
            if store is not None
            else "Nothing was kept; with --store FOLDER a stopped run resumes."
        )
        say(f"\nStopped. {kept}")
        raise typer.Exit(STOPPED) from error


def _show_warning(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
    if issubclass(category, PredPolWarning):
        say(f"note: {message}")
    else:
        say(warnings.formatwarning(message, category, *where[:2]).rstrip())
