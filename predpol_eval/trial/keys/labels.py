"""Labels that stand for submitters in every output and in names of files."""

from __future__ import annotations

import re
from typing import Any

from predpol_eval.errors import InputError

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}", re.ASCII)
# Windows takes a file such as CON.private.pem for a device.
_DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.ASCII | re.IGNORECASE)


def check_label(label: Any) -> str:
    """Give a label back, or refuse it.

    Parameters
    ----------
    label : str
        1 to 20 of the letters A to Z and a to z, digits and hyphens, the first no hyphen. So it is no path, no
        option of a command, and no formula of a spreadsheet.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If it is anything else.

    Examples
    --------
    >>> check_label("in-house")
    'in-house'
    >>> check_label("../A")
    Traceback (most recent call last):
    predpol_eval.errors.InputError: '../A' is no label; give 1 to 20 letters A-Z a-z, digits and hyphens, ...
    """
    if not isinstance(label, str):
        raise InputError(f"A label of type {type(label).__name__} was given; give a text such as 'A'.")
    if not _LABEL.fullmatch(label):
        shown = repr(label[:40]) + (" ..." if len(label) > 40 else "")
        raise InputError(
            f"{shown} is no label; give 1 to 20 letters A-Z a-z, digits and hyphens, the first no hyphen, for "
            "instance 'A' or 'in-house'."
        )
    if _DEVICES.fullmatch(label):
        raise InputError(f"{label!r} is the name of a device on Windows; give another label.")
    return label
