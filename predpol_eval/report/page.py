"""The whole report as one page: sections in their order, through one template that escapes all but our own pictures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from predpol_eval.report.answer import answer
from predpol_eval.report.blocks import Section, Words, words
from predpol_eval.report.comparison_section import comparison_section
from predpol_eval.report.illustrations import (
    course_illustration,
    league_illustration,
    map_illustration,
    nights_illustration,
    pairs_illustration,
    sequence_illustration,
    strata_illustration,
)
from predpol_eval.report.league_section import league_section
from predpol_eval.report.method_section import method_section
from predpol_eval.report.nights_section import nights_section
from predpol_eval.report.numbers_told import moment_in_words
from predpol_eval.report.provenance_section import kept_in, provenance_section
from predpol_eval.report.revision_section import revision_section
from predpol_eval.report.side_sections import patrol_section, suspicion_section, together_section
from predpol_eval.report.state import State, states_of
from predpol_eval.report.strata_section import strata_section

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.folder import Trial

# Signs that no page may hold, that would turn the text after them round, or that are half of another.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

_BEFORE_PERCENT = re.compile(r"(?<=\d) %")


class Page(NamedTuple):
    """What the template lays out."""

    name: str
    as_of: str
    states: tuple[State, ...]
    answer: tuple[Words, ...]
    sections: tuple[Section, ...]
    records: int
    head: str


def report_html(findings: Findings, *, trial: Trial | None = None) -> str:
    """Write the report of a trial as one page of HTML that needs nothing else.

    Parameters
    ----------
    findings : Findings
    trial : Trial, optional
        The trial they are of; with it the report also lists every snapshot, every look as recorded and every change of
        a key.

    Returns
    -------
    str
        The same findings give the same text. It holds no script, and nothing that is loaded from elsewhere.

    Raises
    ------
    InputError
        If the findings are of another trial, or its ledger was changed.
    """
    made: str = _template().render(page=page_of(findings, trial))
    return made


def page_of(findings: Findings, trial: Trial | None = None) -> Page:
    """All parts of the report in their order."""
    kept = None if trial is None else kept_in(trial, findings)
    course, map_ = course_illustration(findings), map_illustration(findings)
    nothing = words("There is nothing to draw yet.")
    return Page(
        name=findings.plan.name,
        as_of=moment_in_words(findings.at, findings.plan.tz),
        states=states_of(findings),
        answer=answer(findings),
        sections=(
            league_section(findings, league_illustration(findings)),
            comparison_section(findings, pairs_illustration(findings), sequence_illustration(findings)),
            Section("course", "Night by night", course or nothing),
            strata_section(findings, strata_illustration(findings)),
            Section("map", "Where boxes were flagged", map_ or nothing),
            together_section(findings),
            patrol_section(findings),
            suspicion_section(findings),
            nights_section(findings, nights_illustration(findings)),
            revision_section(findings),
            method_section(findings),
            provenance_section(findings, kept),
        ),
        records=findings.records,
        head=findings.head,
    )


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("predpol_eval.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_fit, keep_trailing_newline=True,
    )  # fmt: skip
    return environment.get_template("page.html")


def _fit(value: Any) -> Any:
    """A text without signs that do not belong on a page; each leaves a mark. No line ends before a %."""
    return _BEFORE_PERCENT.sub("\u00a0%", _UNFIT.sub("\ufffd", value)) if type(value) is str else value
