"""From texts to numbers and times, telling blank values from wrong ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from predpol_eval.civil_time import TimeArray, to_wall

if TYPE_CHECKING:
    import pandas as pd

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
TextArray = npt.NDArray[np.object_]

ISO = "ISO8601"
_BLANK = ("", "NA", "N/A", "NaN", "nan", "NaT", "NULL", "Null", "null", "None", "none", "<NA>", "(null)")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}|\d{8}(?:T|$)")
_ISO_OFFSET = re.compile(r"[T ]\d{2}(?::?\d{2}){0,2}(?:\.\d+)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)$")
_MONTH = re.compile(r"\d{4}-\d{2}$")
# Written before anything else is tried on a column that is not in ISO form, to name the right one in the
# error.
_USUAL_FORMATS = (
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d/%m/%Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_EARLIEST, _LATEST = np.datetime64("1700-01-01", "s"), np.datetime64("2250-01-01", "s")


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """A column of numbers: NaN where the value is blank or wrong; `written` is the column itself."""

    values: FloatArray
    blank: BoolArray
    wrong: BoolArray
    written: tuple[pd.Series[Any], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """A column of times: NaT where the value is blank or wrong.

    Attributes
    ----------
    wall : array of datetime64[ns]
        Wall-clock times of the place.
    utc : array of datetime64[ns] or None
        The moments themselves, where the file tells their offset; no clock change makes these doubtful.
    blank, wrong : array of bool
        Which values are missing, and which are there but are no time.
    dates_only : bool
        Whether no value has an hour.
    written : tuple of pandas.Series
        The columns that the times were read from, to quote them in messages.
    """

    wall: TimeArray
    utc: TimeArray | None
    blank: BoolArray
    wrong: BoolArray
    dates_only: bool
    written: tuple[pd.Series[Any], ...] = ()


def texts(column: pd.Series[Any]) -> TextArray:
    """Texts without surrounding spaces; ``""`` where there is no value.

    Examples
    --------
    >>> import pandas as pd
    >>> texts(pd.Series([" a ", "NULL", None, 3.0]))
    array(['a', '', '', '3'], dtype=object)
    """
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        # 20180507 read as 20180507.0 because a value is missing is still 20180507.
        whole = column.dropna()
        if len(whole) and bool((whole == whole.round()).all()):
            column = column.astype("Int64")
    # Each different value is looked at once; a missing one has code -1, the last.
    codes, different = pd.factorize(column)
    written = [_text(value) for value in different.tolist()]
    written = ["" if text in _BLANK else text for text in written]
    result: TextArray = np.array([*written, ""], dtype=object)[codes]
    return result


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def numbers(column: pd.Series[Any], decimal: str = ".") -> Numbers:
    """Read a column of numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> found = numbers(pd.Series(["1,5", "", "x"]), decimal=",")
    >>> found.values.tolist(), found.blank.tolist(), found.wrong.tolist()
    ([1.5, nan, nan], [False, True, False], [False, False, True])
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        values = np.array(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))
        blank = np.isnan(values)
    else:
        written = pd.Series(texts(column), dtype=object)
        blank = (written == "").to_numpy(dtype=bool)
        if decimal != ".":
            written = written.str.replace(decimal, ".", regex=False)
        values = np.array(pd.to_numeric(written.where(~blank), errors="coerce"), dtype=np.float64)
    wrong = ~blank & ~np.isfinite(values)
    values[wrong] = np.nan
    return Numbers(values=np.asarray(values, dtype=np.float64), blank=blank, wrong=wrong, written=(column,))


def times(column: pd.Series[Any], tz: str, formats: Sequence[str] = (ISO,)) -> Times:
    """Read a column of times written in one of `formats`: the one in which fewest values are wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> times(pd.Series(["2018-07-01 21:30", ""]), "Europe/London").wall
    array(['2018-07-01T21:30:00.000000000',                           'NaT'],
          dtype='datetime64[ns]')
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        stamps, written = column, None
        blank = column.isna().to_numpy(dtype=bool)
        with_offset = getattr(column.dt, "tz", None) is not None
        if with_offset:
            stamps = column.dt.tz_convert("UTC").dt.tz_localize(None)
    else:
        written = texts(column)
        blank = written == ""
        series = pd.Series(written, dtype=object).where(~blank)
        with_offset, stamps = False, pd.Series(np.full(len(written), np.datetime64("NaT", "ns")))
        fewest = len(written) + 1
        for form in formats:
            attempt, offset = _parse(series, form)
            failed = int((attempt.isna().to_numpy() & ~blank).sum())
            if failed < fewest:
                fewest, stamps, with_offset = failed, attempt, offset
            if fewest == 0:
                break
    seconds = stamps.to_numpy().astype("datetime64[s]")
    wrong = ~blank & (np.isnat(seconds) | (seconds < _EARLIEST) | (seconds > _LATEST))
    exact = np.full(len(seconds), np.datetime64("NaT", "ns"))
    usable = ~blank & ~wrong
    exact[usable] = stamps.to_numpy()[usable].astype("datetime64[ns]")
    wall = to_wall(exact, tz) if with_offset else exact
    found = wall[usable]
    return Times(
        wall=wall,
        utc=exact if with_offset else None,
        blank=np.asarray(blank, dtype=bool),
        wrong=wrong,
        dates_only=bool(len(found)) and bool((found == found.astype("datetime64[D]")).all()),
        written=(column,),
    )


def _parse(series: pd.Series[Any], form: str) -> tuple[pd.Series[Any], bool]:
    """Times in one format, and whether they carry an offset (then in UTC)."""
    import pandas as pd

    if form != ISO:
        has_offset = "%z" in form
        parsed = pd.to_datetime(series, format=form, errors="coerce", utc=has_offset)
        return (parsed.dt.tz_localize(None) if has_offset else parsed), has_offset
    # pandas would also read "2018" or "43101" as a date.
    shaped = series.str.match(_ISO_DAY, na=False).astype(bool)
    offset = series.str.contains(_ISO_OFFSET, na=False).astype(bool)
    if offset.any():
        parsed = pd.to_datetime(series.where(shaped & offset), format=ISO, errors="coerce", utc=True)
        return parsed.dt.tz_localize(None), True
    return pd.to_datetime(series.where(shaped), format=ISO, errors="coerce"), False


def likely_formats(column: pd.Series[Any]) -> tuple[str, ...]:
    """Formats in which every value of a column is a time; several where day and month cannot be told apart.

    Examples
    --------
    >>> import pandas as pd
    >>> likely_formats(pd.Series(["07/17/2010 11:11:00 PM"]))
    ('%m/%d/%Y %I:%M:%S %p',)
    >>> likely_formats(pd.Series(["01/02/2010"]))
    ('%m/%d/%Y', '%d/%m/%Y')
    """
    import pandas as pd

    written = texts(column)
    values = pd.Series(list(dict.fromkeys(written[written != ""].tolist())), dtype=object)
    fitting = []
    for form in _USUAL_FORMATS:
        # A handful settles most formats; only a survivor is tried on all.
        for sample in (values.head(20), values):
            good = pd.to_datetime(sample, format=form, errors="coerce").notna()
            if not len(sample) or not good.all():
                break
        else:
            fitting.append(form)
    return tuple(fitting)


def looks_like_months(column: pd.Series[Any]) -> bool:
    """Whether every value is a month such as ``2018-07``."""
    written = texts(column)
    filled = written[written != ""]
    return bool(len(filled)) and all(_MONTH.match(value) for value in filled.tolist())


def months(column: pd.Series[Any]) -> tuple[Times, Times]:
    """Start and end (the start of the next month) of each month of a column of texts such as ``2018-07``."""
    written = texts(column)
    blank = written == ""
    start = np.full(len(written), np.datetime64("NaT", "M"))
    wrong = np.zeros(len(written), dtype=bool)
    for text in dict.fromkeys(written[~blank].tolist()):
        here = written == text
        valid = _MONTH.match(text) and 1 <= int(text[5:]) <= 12 and 1700 <= int(text[:4]) <= 2249
        if valid:
            start[here] = np.datetime64(text, "M")
        else:
            wrong |= here
    first = start.astype("datetime64[ns]")
    last = (start + np.timedelta64(1, "M")).astype("datetime64[ns]")

    def column_of(wall: TimeArray) -> Times:
        return Times(
            wall=wall,
            utc=None,
            blank=np.asarray(blank, dtype=bool),
            wrong=wrong,
            dates_only=True,
            written=(column,),
        )

    return column_of(first), column_of(last)
