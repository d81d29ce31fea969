"""A metric of one's own: any function of a summed tally, asked with care."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

EXAMPLE = "lambda total: ppe.ppai(total, 0.5)"


def result_of(function: Callable[..., Any], total: xr.Dataset, asked: str | None = None) -> xr.DataArray:
    """Give what a function makes of a summed tally.

    Parameters
    ----------
    function : callable
        Of a summed tally alone.
    total : xarray.Dataset
    asked : str, optional
        What to call the function in messages; by default its own name.

    Raises
    ------
    InputError
        If it needs more than the tally, or gives anything but a DataArray.

    Examples
    --------
    >>> import xarray as xr, predpol_eval as ppe
    >>> result_of(ppe.hit_rate, xr.Dataset({"hits": 4.0, "events": 10.0})).item()
    0.4
    """
    import xarray as xr

    name = asked or getattr(function, "__name__", type(function).__name__)
    try:
        inspect.signature(function).bind(total)
    except TypeError as error:
        raise InputError(
            f"The metric {name!r} cannot be asked with a summed tally alone ({error}); give a function of the tally, "
            f"for instance {EXAMPLE}."
        ) from None
    except ValueError:  # some built-in functions do not tell what they take
        pass
    found = function(total)
    if not isinstance(found, xr.DataArray):
        raise InputError(
            f"The metric {name!r} gives a {type(found).__name__}; expected a DataArray made of the tally's counts, for "
            f"instance {EXAMPLE}."
        )
    return found
