"""Writing a report: the whole file or none, and none that holds a name that is sealed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from predpol_eval.errors import InputError
from predpol_eval.report.page import report_html
from predpol_eval.resumable_folders import write_whole

if TYPE_CHECKING:
    from predpol_eval.trial.findings.gathered import Findings
    from predpol_eval.trial.folder import Trial


def write_report(
    findings: Findings, path: str | Path, *, trial: Trial | None = None, names: Mapping[str, str] | None = None
) -> Path:
    """Write the report of a trial into one file that opens from disk without a network.

    Parameters
    ----------
    findings : Findings
        As `predpol_eval.trial.findings_of` gathers them.
    path : path
        The file; an older report there is replaced.
    trial : Trial, optional
        The trial they are of; see `report_html`.
    names : mapping of str to str, optional
        Sealed name of every vendor by label, as `open_names` gives them. With them no file is written in which one of
        the names stands.

    Returns
    -------
    path
        The file.

    Raises
    ------
    InputError
        If a sealed name would stand in it (the message has the label, never the name), the findings are of another
        trial, or the file cannot be written.
    """
    place = Path(path)
    if place.is_dir() or not place.absolute().parent.is_dir():
        raise InputError(f"{str(place)!r} is no place for a file; give the name of one in a folder that exists.")
    text = report_html(findings, trial=trial)
    if names is not None:
        from predpol_eval.trial.keys.blinding import refuse_names

        refuse_names(f"{place.name}\n{text}", names)
    try:
        write_whole(place, text.encode("utf-8"))
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {str(place)!r} ({error}); make room, or give another place."
        ) from error
    return place
