"""Whoever holds the ledger may write it anew as a whole, with every hash right again: copies on which that was done."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from predpol_eval.trial.folder import BLOBS, LEDGER, Trial
from predpol_eval.trial.ledger import Ledger, Record

Change = Callable[[Record], Record | None]


def records_of(trial: Trial) -> list[Record]:
    with trial.ledger(read_only=True) as ledger:
        return list(ledger.records())


def copy_of(trial: Trial, folder: Path) -> Trial:
    """A copy to be spoiled; bytes of blobs are shared until they are spoiled, see `spoil_blob`."""
    folder.mkdir(parents=True)
    for path in trial.folder.iterdir():
        if path.name == BLOBS:
            shutil.copytree(path, folder / BLOBS, copy_function=_linked)
        elif path.is_dir():
            shutil.copytree(path, folder / path.name)
        else:
            shutil.copyfile(path, folder / path.name)
    return Trial(folder, trial.clock)


def _linked(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def spoil_blob(trial: Trial, name: str, content: bytes | None) -> None:
    """Put other bytes under the name of a blob, or remove it."""
    path = trial.blobs.path(name)
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def write_anew(trial: Trial, folder: Path, change: Change) -> Trial:
    """A copy whose chain was written anew with some records changed (or left out): every hash and number is right.

    Numbers of records that others name (the receipt of a verdict, those that stand at a closing) move along.
    """
    copy = copy_of(trial, folder)
    old = records_of(trial)
    for path in folder.glob(LEDGER + "*"):
        path.unlink()
    numbers: dict[int, int] = {}
    made: list[Record] = []
    for record in old:
        changed = change(record)
        if changed is not None:
            made.append(replace(changed, body=_renumbered(changed, numbers) if changed is record else changed.body))
            numbers[record.number] = len(made)
    first = made[0]
    Ledger.create(folder / LEDGER, first.kind, first.body, first.moment).close()
    with Ledger.open(folder / LEDGER) as ledger, ledger.writing():
        for record in made[1:]:
            ledger.append(record.kind, record.body, record.moment)
    return copy


def _renumbered(record: Record, numbers: dict[int, int]) -> dict[str, Any]:
    body = dict(record.body)
    if record.kind == "verdict":
        body["receipt"] = numbers.get(body["receipt"], body["receipt"])
    elif record.kind == "closed":
        body["standing"] = {label: numbers.get(number, number) for label, number in body["standing"].items()}
    return body


def edited(number: int, path: Sequence[str | int], value: Any) -> Change:
    """A change of one part of the body of one record."""

    def change(record: Record) -> Record:
        return record if record.number != number else replace(record, body=with_part(record.body, path, value))

    return change


def with_part(body: Any, path: Sequence[str | int], value: Any) -> Any:
    """A copy of plain content with one part replaced."""
    if not path:
        return value
    if isinstance(body, list):
        return [with_part(part, path[1:], value) if place == path[0] else part for place, part in enumerate(body)]
    return {name: with_part(part, path[1:], value) if name == path[0] else part for name, part in body.items()}


def parts_of(body: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    """All parts of plain content that hold no others, with where they stand."""
    if isinstance(body, dict) and body:
        return [found for name, part in body.items() for found in parts_of(part, (*path, name))]
    if isinstance(body, list) and body:
        return [found for place, part in enumerate(body) for found in parts_of(part, (*path, place))]
    return [(path, body)]
