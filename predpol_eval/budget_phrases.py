"""Budgets written as text, as people write them in a terminal or a configuration file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError

if TYPE_CHECKING:
    from predpol_eval.budgets import Budget

BUDGET_FORMS = "'top 10 per area', 'top 50', '1 %', '1 % per area', '1 % floor' or 'flags up to 0.6 km2'"
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"


def read_budget(text: str) -> Budget:
    """Read a budget as people write it, or as results name it.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> read_budget("top 10 per area"), read_budget("1%")
    (TopCells(k=10, per='area'), Coverage(fraction=0.01, per=None, rounding='exact'))
    """
    from predpol_eval.budgets import Coverage, Flags, TopCells

    plain = " ".join(str(text).lower().split())
    if match := re.fullmatch(r"top (\d+)( per area)?( boxes| cells)?( per area)?", plain):
        return TopCells(int(match[1]), per="area" if match[2] or match[4] else None)
    if match := re.fullmatch(
        rf"{_NUMBER} ?(?:%|percent)( of the ground| of the city| of each area| per area)?"
        r"(?:,? (?:whole cells )?\(?(floor|ceil)\)?)?",
        plain,
    ):
        per = "area" if match[2] in (" of each area", " per area") else None
        rounding: Any = match[3] or "exact"
        # 1.1 / 100 is not the double nearest to 0.011; reading "1.1e-2" is.
        return Coverage(float(f"{match[1]}e-2"), per=per, rounding=rounding)  # type: ignore[arg-type]
    if match := re.fullmatch(rf"flags(?: up to)? {_NUMBER} ?km2", plain):
        return Flags(float(f"{match[1]}e6"))
    raise InputError(f"The budget {text!r} cannot be read; write it like {BUDGET_FORMS}.")
