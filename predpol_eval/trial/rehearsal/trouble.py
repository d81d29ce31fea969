"""How an unreliable vendor's evenings go wrong, and what should become of each: one table that the tests read, too."""

from __future__ import annotations

from predpol_eval.trial.rehearsal.attempts import Attempt, Signing, Way
from predpol_eval.trial.rehearsal.listed_file import Listed, as_csv
from predpol_eval.trial.submissions.context import as_cell
from predpol_eval.trial.submissions.template import COLUMNS

_NIGHT, _AREA, _KIND, _CELL, _RISK = range(5)
_OTHER_NIGHT = "1999-12-31"


def _texts(file: Listed) -> list[tuple[str, ...]]:
    return [(*map(as_cell, row[:4]), repr(row[4])) for row in file.rows]


def _letter(file: Listed) -> bytes:
    return b"Dear all, please find tonight's boxes attached.\n"


def _header_only(file: Listed) -> bytes:
    return as_csv(COLUMNS, [])


def _without_cells(file: Listed) -> bytes:
    names = tuple(name for name in COLUMNS if name != "cell")
    return as_csv(names, [row[:_CELL] + row[_RISK:] for row in _texts(file)])


def _with(column: int, value: str, file: Listed) -> bytes:
    """Another value in the first row."""
    first, *rest = _texts(file)
    return as_csv(COLUMNS, [(*first[:column], value, *first[column + 1 :]), *rest])


def _twice(file: Listed) -> bytes:
    rows = _texts(file)
    return as_csv(COLUMNS, [*rows, rows[0]])


def _in_degrees(file: Listed) -> bytes:
    names = ("night", "area", "kind", "x", "y", "risk")
    return as_csv(names, [(*row[:_CELL], "-79.38", "43.65", row[_RISK]) for row in _texts(file)])


def _cut_short(file: Listed) -> bytes:
    whole = file.csv()
    return whole[: whole.rindex(b",") - 1]


def _refused(name: str, sentence: str, signing: Signing, code: str) -> Way:
    attempt = Attempt(signing=signing, outcome="refused", by=code)
    return Way(name=name, sentence=sentence, attempts=(attempt,), stands="missing")


def _rejected(name: str, sentence: str, spoil: object, check: str) -> Way:
    attempt = Attempt(spoil=spoil, outcome="rejected", by=check)  # type: ignore[arg-type]
    return Way(name=name, sentence=sentence, attempts=(attempt,), stands="rejected")


_LETTER = Attempt(spoil=_letter, outcome="rejected", by="readable")

WAYS: tuple[Way, ...] = (
    Way(name="nothing", sentence="Nothing is handed in.", attempts=(), stands="missing"),
    Way(
        name="late",
        sentence="The file comes ten minutes after the deadline, before the night is closed.",
        attempts=(Attempt(when="late", outcome="late"),),
        stands="late",
    ),
    Way(
        name="next morning",
        sentence="The file comes when the night has been closed.",
        attempts=(Attempt(when="after closing", outcome="late"),),
        stands="missing",
    ),
    Way(
        name="corrected",
        sentence="A malformed file is followed by a good one before the deadline.",
        attempts=(_LETTER, Attempt(when="last minute")),
        stands="in",
    ),
    Way(
        name="spoiled afterwards",
        sentence="A good file is followed by a malformed one; the good one stands.",
        attempts=(Attempt(), Attempt(when="last minute", spoil=_letter, outcome="rejected", by="readable")),
        stands="in",
    ),
    Way(
        name="corrected too late",
        sentence="A malformed file is followed by a good one after the deadline.",
        attempts=(_LETTER, Attempt(when="late", outcome="late")),
        stands="late",
    ),
    _rejected("letter", "The file is a letter.", _letter, "readable"),
    _rejected("empty", "The file has a header and no row.", _header_only, "readable"),
    _rejected("column lost", "The column of cells is gone.", _without_cells, "columns"),
    _rejected(
        "other night", "A row is of another night.", lambda file: _with(_NIGHT, _OTHER_NIGHT, file), "nights_named"
    ),
    _rejected(
        "unknown area", "A row names an area that is none.", lambda file: _with(_AREA, "Atlantis", file), "areas_known"
    ),
    _rejected(
        "unknown kind", "A row names a kind that is none.", lambda file: _with(_KIND, "mischief", file), "kinds_known"
    ),
    _rejected(
        "unknown box", "A row names a box beyond the grid.", lambda file: _with(_CELL, "r99999c99999", file),
        "cells_known",
    ),
    _rejected("no number", "A risk is NaN.", lambda file: _with(_RISK, "nan", file), "values"),
    _rejected("infinite", "A risk is infinite.", lambda file: _with(_RISK, "inf", file), "values"),
    _rejected("negative", "A risk is below zero.", lambda file: _with(_RISK, "-1.0", file), "risk_number"),
    _rejected("row twice", "A row is there twice.", _twice, "duplicates"),
    _rejected("degrees", "Places are in degrees.", _in_degrees, "places_inside"),
    _rejected("cut short", "The file breaks off in its last row.", _cut_short, "values"),
    _refused("not signed", "The file comes without an envelope.", "none", "not signed"),
    _refused("other key", "It is signed with a key that is not registered.", "other key", "wrong key"),
    _refused("changed after signing", "The file was saved again after it was signed.", "other file", "other file"),
    _refused("number used before", "It is signed with the number of an earlier file.", "used number", "replayed"),
)  # fmt: skip
