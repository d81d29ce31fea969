"""What can go wrong, by name.

Every message says what was found, what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable


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
