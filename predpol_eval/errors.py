"""What can go wrong, by name.

Every message says what was found, what was expected and what to do.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from typing import Any


class PredPolError(ValueError):
    """Any refusal of this library."""


class InputError(PredPolError):
    """Data or arguments that cannot be used as they are."""


class NotComparableError(PredPolError):
    """Things that must not be compared: other grids, other budgets, other kinds of surface."""


class PlanLockedError(PredPolError):
    """Something differs from what was fixed beforehand."""


class AmbiguousNameError(InputError, AttributeError):
    """A name that the field uses for different things."""


class PredPolWarning(UserWarning):
    """Something that is allowed but that the user should know."""


def refuse_other_type(value: object, expected: type, remedy: str) -> None:
    """Refuse an argument of another type than expected, such as a data frame in the place of Events.

    Examples
    --------
    >>> refuse_other_type("crimes.csv", dict, "read the file first")
    Traceback (most recent call last):
    predpol_eval.errors.InputError: Expected dict, found str; read the file first.
    """
    if not isinstance(value, expected):
        raise InputError(f"Expected {expected.__name__}, found {type(value).__name__}; {remedy}.")


def number_of(
    value: Any,
    name: str,
    remedy: str,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    whole: bool = False,
) -> float:
    """Give an argument as a plain finite number, or refuse it.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        Of the argument.
    remedy : str
        What to give, for the message.
    low, high : float
        Least and greatest number allowed.
    above, below : float
        Numbers that it must lie strictly between.
    whole : bool
        Whether only whole numbers will do.

    Raises
    ------
    InputError
        If it is anything else, such as a text, None, True or NaN.

    Examples
    --------
    >>> number_of("95", "level", "give a share between 0 and 1, for instance 0.95", above=0, below=1)
    Traceback (most recent call last):
    predpol_eval.errors.InputError: level='95'; give a share between 0 and 1, for instance 0.95.
    """
    plain = value.item() if getattr(value, "shape", None) == () else value
    is_number = isinstance(plain, numbers.Real) and not isinstance(plain, bool)
    if (
        not is_number
        or not math.isfinite(plain)
        or not (low <= plain <= high and above < plain < below)
        or (whole and plain != int(plain))
    ):
        raise InputError(f"{name}={plain!r}; {remedy}.")
    return float(plain)


def refuse_rri(metric: object) -> None:
    """Refuse the name that the field uses for two different metrics.

    Raises
    ------
    InputError
        If the metric is ``"rri"``, with the two names to choose from.
    """
    if isinstance(metric, str) and metric.lower() == "rri":
        raise InputError(
            f"metric={metric!r} has two meanings; say which: Levine's ratio of PAIs is ppe.rri_levine(t2, t1), the "
            "ratio of predicted to observed crimes is ppe.calibration_ratio(risk, observed)."
        )


def row_list(rows: Iterable[int], limit: int = 10) -> str:
    """Name rows in a message: all of a few, the first of many.

    Parameters
    ----------
    rows : iterable of int
        Row numbers, counted from 0.
    limit : int
        How many to name.

    Returns
    -------
    str
        For instance ``"row 3"`` or ``"rows 3, 5, 8 and 12 more"``.

    Examples
    --------
    >>> row_list([3])
    'row 3'
    >>> row_list(range(100), limit=2)
    'rows 0, 1 and 98 more'
    """
    found = [int(row) for row in rows]
    if len(found) == 1:
        return f"row {found[0]}"
    named = ", ".join(str(row) for row in found[:limit])
    more = len(found) - limit
    return f"rows {named} and {more} more" if more > 0 else f"rows {named}"
