"""What the checks found: one row each, and what to say about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

from predpol_eval.errors import InputError, PredPolError

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["pass", "fail", "error", "skipped"]
OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "error", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Outcome of one check.

    Attributes
    ----------
    name, sentence : str
        The check, and the rule it holds the forecaster to.
    outcome : {"pass", "fail", "error", "skipped"}
        ``error`` is a check that broke: it says nothing about the forecaster.
    reason : str
        Why it did not pass; empty if it did.
    """

    name: str
    sentence: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check_forecaster` found.

    Attributes
    ----------
    forecaster : str
        What was checked.
    results : tuple of CheckResult
        One for each check, in the order in which they ran.

    Examples
    --------
    >>> import predpol_eval as ppe
    >>> report = ppe.check_forecaster(ppe.CountMap())
    >>> report.passed, report["future_added"].outcome
    (True, 'pass')
    """

    forecaster: str
    results: tuple[CheckResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed and none broke."""
        return not self.failures

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The checks that failed, and those that broke."""
        return tuple(result for result in self.results if result.outcome in ("fail", "error"))

    @property
    def summary(self) -> str:
        """How many checks ended how, in one line."""
        numbers = [sum(result.outcome == outcome for result in self.results) for outcome in OUTCOMES]
        words = ("passed", "failed", "broke (a fault of the check, please report it)", "skipped")
        return ", ".join(f"{n} {word}" for n, word in zip(numbers, words, strict=True) if n) or "no checks"

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[CheckResult]:
        return iter(self.results)

    def __getitem__(self, name: str) -> CheckResult:
        for result in self.results:
            if result.name == name:
                return result
        raise InputError(f"There is no check {name!r}; the checks are {', '.join(r.name for r in self.results)}.")

    def frame(self) -> pd.DataFrame:
        """Give the report as a table: name, sentence, outcome, reason."""
        import pandas as pd

        rows = [(r.name, r.sentence, r.outcome, r.reason) for r in self.results]
        return pd.DataFrame(rows, columns=["name", "sentence", "outcome", "reason"])

    def __str__(self) -> str:
        width = max((len(result.name) for result in self.results), default=0)
        lines = [f"{self.forecaster}: {self.summary}"]
        for result in self.results:
            lines.append(f"  {result.outcome:<7}  {result.name:<{width}}  {result.sentence}")
            if result.reason:
                lines.append(f"{'':<11}{'':<{width}}  -> {result.reason}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        colour = {"pass": "#2e7d32", "fail": "#c62828", "error": "#ef6c00", "skipped": "#757575"}
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><td style='color:{colour[r.outcome]}'>{r.outcome}</td><td {left}><code>{escape(r.name)}</code></td>"
            f"<td {left}>{escape(r.sentence)}</td><td {left}>{escape(r.reason)}</td></tr>"
            for r in self.results
        )
        head = "<tr><th></th><th>check</th><th>rule</th><th>reason</th></tr>"
        return f"<table><caption>{escape(self.forecaster)}: {escape(self.summary)}</caption>{head}{rows}</table>"


class CheckError(PredPolError):
    """A forecaster breaks rules; the message lists all of them, `report` has the whole table."""

    def __init__(self, report: CheckReport) -> None:
        listed = "\n".join(f"  {r.outcome}: {r.name}: {r.sentence} {r.reason}" for r in report.failures)
        super().__init__(f"{report.forecaster}: {report.summary}.\n{listed}")
        self.report = report
