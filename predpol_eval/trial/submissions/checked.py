"""Checking one file: every check has its say, and what they find decides once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.submissions.check_table import CHECKS, Check, Severity
from predpol_eval.trial.submissions.context import Case, Fault, Skip
from predpol_eval.trial.submissions.rows import shown

if TYPE_CHECKING:
    from predpol_eval.grid import Grid
    from predpol_eval.trial.plan import TrialPlan
    from predpol_eval.trial.submissions.predictions import Predictions
    from predpol_eval.trial.submissions.rows import Rows

SCHEMA = "predpol_eval.check_report/1"

Outcome = Literal["pass", "fail", "broke", "skipped"]
Verdict = Literal["accepted", "rejected", "held"]

_FORMS = {"cells": "lists cells and draws no polygons", "boxes": "draws polygons and lists no cells"}
LONGEST_NAME = 100
LONGEST_NIGHT = 40
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check found.

    Attributes
    ----------
    name, sentence, remedy : str
        The check, its rule, and what to do if it is broken.
    severity : {"error", "warning", "note"}
    outcome : {"pass", "fail", "broke", "skipped"}
        ``broke`` is our own fault: the check itself could not be carried out.
    faults : tuple of Fault
        What is wrong, if it failed: a text, the first rows, and how many rows in all.
    reason : str
        Why it was skipped, or how it broke.
    """

    name: str
    sentence: str
    remedy: str
    severity: Severity
    outcome: Outcome
    faults: tuple[Fault, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Checked:
    """What checking a file found.

    Attributes
    ----------
    label : str
        Whose it is.
    nights : tuple of str
        Nights that it was submitted for.
    name : str
        Its name, cleaned; decides nothing.
    file, plan : str
        SHA-256 of the file and of the plan that it was held against.
    source : str
        ``csv``, ``parquet`` or ``geojson``; blank if it could not be read.
    results : tuple of Result
        One for each check, in the order of the table.
    outcome : {"accepted", "rejected", "held"}
        Held if one of our checks broke: then nothing is held against the file.
    predictions : Predictions or None
        Only of an accepted file.
    """

    label: str
    nights: tuple[str, ...]
    name: str
    file: str
    plan: str
    source: str
    results: tuple[Result, ...]
    outcome: Verdict
    predictions: Predictions | None

    def __getitem__(self, name: str) -> Result:
        for result in self.results:
            if result.name == name:
                return result
        raise InputError(f"There is no check {name!r}; the checks are {', '.join(r.name for r in self.results)}.")

    def failed(self, severity: Severity = "error") -> tuple[Result, ...]:
        """Checks of a severity that failed."""
        return tuple(result for result in self.results if result.outcome == "fail" and result.severity == severity)

    @property
    def broke(self) -> tuple[Result, ...]:
        """Checks that could not be carried out."""
        return tuple(result for result in self.results if result.outcome == "broke")

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain content, for `canonical_json`."""
        return {
            "schema": SCHEMA,
            "label": self.label,
            "nights": list(self.nights),
            "name": self.name,
            "file": self.file,
            "plan": self.plan,
            "source": self.source,
            "outcome": self.outcome,
            "predictions": None if self.predictions is None else self.predictions.sha256,
            "results": [
                {
                    "name": result.name,
                    "severity": result.severity,
                    "outcome": result.outcome,
                    "reason": result.reason,
                    "faults": [
                        {"text": fault.text, "rows": list(fault.rows), "count": fault.count} for fault in result.faults
                    ],
                }
                for result in self.results
            ],
        }

    def in_words(self) -> str:
        """Say it so that a submitter can put it right: what failed, in which rows, and what to do."""
        from predpol_eval.trial.submissions.in_words import in_words

        return in_words(self)

    def __repr__(self) -> str:
        from predpol_eval.describing import as_text
        from predpol_eval.trial.submissions.in_words import lines

        return as_text("Checked", lines(self))

    def _repr_html_(self) -> str:
        from predpol_eval.trial.submissions.in_words import in_html

        return in_html(self)


def check_submission(
    data: bytes,
    plan: TrialPlan,
    grid: Grid,
    *,
    label: str,
    nights: tuple[str, ...],
    name: str = "",
    earlier: Mapping[str, str] | None = None,
) -> Checked:
    """Check what a file says, without ledger or keys.

    Parameters
    ----------
    data : bytes
        The file, as it came.
    plan : TrialPlan
    grid : Grid
        ``plan.make_grid(folder)``.
    label : str
        Whose file it is: one of ``plan.submitters``.
    nights : tuple of str
        Nights that it is submitted for, such as ``("2018-07-01",)``.
    name : str
        Name of the file, for messages; it decides nothing.
    earlier : mapping of str to str, optional
        Of nights that this submitter submitted before, `Predictions.fingerprint`: a file that says the same again gets
        a note.

    Returns
    -------
    Checked
        The same for the same arguments, whenever and wherever it is asked for.

    Raises
    ------
    InputError
        If the label is not one of the plan's, a night is no such name, or the grid is not that of the plan. Whatever is
        wrong with the file is told in the result.
    """
    from predpol_eval.trial.submissions.reading import read_rows

    if label not in plan.submitters:
        close = difflib.get_close_matches(str(label)[:100], plan.submitters, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(
            f"{shown(str(label))} submits nothing in this trial.{hint} The submitters are {', '.join(plan.submitters)}."
        )
    asked = tuple(str(night) for night in nights)
    odd = [night for night in asked if len(night) > LONGEST_NIGHT or not night.isprintable()]
    if odd:
        raise InputError(f"{shown(odd[0])} is no name of a night; they are written like '2018-07-01'.")
    shown_name = clean_name(name)

    def load() -> Rows:
        return read_rows(data, plan.limits, shown_name, crs=plan.crs)

    case = Case(size=len(data), load=load, plan=plan, grid=grid, nights=asked, earlier=dict(earlier or {}))
    return judge(case, label=label, name=shown_name, file=sha256_of(data))


def judge(case: Case, *, label: str, name: str, file: str, table: tuple[Check, ...] = CHECKS) -> Checked:
    """Let every check of a table have its say, and decide."""
    case.ground.code  # noqa: B018 - a grid of another plan is a fault of the call and not of the file
    results = run_checks(case, table)
    outcome: Verdict = "accepted"
    if any(result.outcome == "broke" for result in results):
        outcome = "held"
    elif any(result.outcome == "fail" and result.severity == "error" for result in results):
        outcome = "rejected"
    return Checked(
        label=label,
        nights=case.nights,
        name=name,
        file=file,
        plan=case.plan.sha256,
        source=case.source,
        results=results,
        outcome=outcome,
        predictions=case.predictions if outcome == "accepted" else None,
    )


def run_checks(case: Case, table: tuple[Check, ...] = CHECKS) -> tuple[Result, ...]:
    """Run the checks of a table one after the other; none keeps those that can still be tried from running."""
    results: list[Result] = []
    bad: set[str] = set()
    stopped = ""
    for check in table:
        missing = [name for name in check.needs if name in bad]
        if check.form and case.form and check.form != case.form:
            result = _result(check, "skipped", reason=f"the file {_FORMS[case.form]}")
        elif stopped or missing:
            names = [stopped] if stopped else missing
            quoted = " and ".join(
                [", ".join(map(repr, names[:-1])), repr(names[-1])] if names[1:] else [repr(names[0])]
            )
            result = _result(check, "skipped", reason=f"needs {quoted} to pass first")
            # What needs this one can not be tried either, but is told what is at the bottom of it.
            bad.add(check.name)
        else:
            result = _tried(check, case)
            if result.outcome in ("fail", "broke"):
                bad.add(check.name)
                stopped = check.name if check.stops else ""
        results.append(result)
    return tuple(results)


def _tried(check: Check, case: Case) -> Result:
    import numpy as np

    try:
        # Absurd numbers are for the checks to find; that they overflow is no fault of ours.
        with np.errstate(over="ignore", invalid="ignore"):
            found = check.run(case)
    except Exception as error:  # noqa: BLE001 - our own fault: the file is held, and the other checks go on
        told = _ADDRESS.sub("0x...", f"{type(error).__name__}: {error}")[:300]
        return _result(check, "broke", reason=told)
    if isinstance(found, Skip):
        return _result(check, "skipped", reason=found.reason)
    return _result(check, "fail" if found else "pass", faults=tuple(found))


def _result(check: Check, outcome: Outcome, *, faults: tuple[Fault, ...] = (), reason: str = "") -> Result:
    return Result(
        name=check.name,
        sentence=check.sentence,
        remedy=check.remedy,
        severity=check.severity,
        outcome=outcome,
        faults=faults,
        reason=reason,
    )


def clean_name(name: str) -> str:
    r"""Name of a file without folders, and without what a screen would obey.

    Examples
    --------
    >>> clean_name("../../tonight\x1b[2J.csv")
    'tonight?[2J.csv'
    """
    last = re.split(r"[/\\]", str(name)[-1000:])[-1]
    return "".join(letter if letter.isprintable() else "?" for letter in last)[:LONGEST_NAME]
