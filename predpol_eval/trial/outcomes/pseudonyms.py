"""Names for crimes that only the trial's office can trace back: a keyed hash of what identifies each crime."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from predpol_eval.errors import InputError
from predpol_eval.events import Events
from predpol_eval.trial.outcomes.matching import Match, check_match, ended, millimetres, numbered
from predpol_eval.trial.placing import place_new

SECRET_BYTES = 32
SHOWN_BITS = 128
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# A letter in front, for a spreadsheet would take 32 digits with an "e" among them for a number.
_PREFIX = "c"


def make_secret(path: str | Path) -> bytes:
    """Make the secret of a trial's pseudonyms: 32 random bytes in a new file that only its owner can read.

    Whoever has it and the police's ids can tell which crime is behind a pseudonym; without it pseudonyms cannot be
    made again, so keep a copy apart from the trial.

    Parameters
    ----------
    path : path
        A file that is not there yet.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If something is there already (it is left as it is), or the file cannot be written.
    """
    place = Path(path)
    secret = secrets.token_bytes(SECRET_BYTES)
    try:
        placed = place_new(place.parent, place, secret, mode=0o600)
    except OSError as error:
        raise InputError(
            f"The secret {place.name!r} cannot be written ({error.strerror or error}); give a folder that exists, on a "
            "disk that knows owners of files."
        ) from error
    if not placed:
        raise InputError(
            f"There is a file {place.name!r} already, and a secret is never replaced: all pseudonyms would change. Use "
            "it, or give a new name."
        )
    return secret


def read_secret(path: str | Path) -> bytes:
    """Read what `make_secret` wrote.

    Raises
    ------
    InputError
        If there is no such file, others than its owner can read or change it, or it does not hold 32 bytes.
    """
    place = Path(path)
    try:
        # Not blocking: a named pipe would wait for ever.
        descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as handle:
            state = os.fstat(handle.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"{place.name!r} is no file; give the one that holds the secret.")
            content = handle.read(SECRET_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"There is no secret {place.name!r}; check the path, or make one with make_secret.") from error
    except OSError as error:
        raise InputError(f"The secret {place.name!r} cannot be read ({error.strerror or error}).") from error
    if os.name != "nt" and state.st_mode & _OTHERS:
        raise InputError(
            f"Others can read or change the secret {place.name!r} (mode {stat.S_IMODE(state.st_mode):03o}); only its "
            f"owner may: chmod 600 {place.name}. If somebody may have seen it, their guesses at ids can be checked."
        )
    return check_secret(content, f"The secret {place.name!r}")


def check_secret(secret: Any, what: str = "The secret") -> bytes:
    """Give a secret back, or refuse what is none (without telling what it is)."""
    if not isinstance(secret, bytes):
        raise InputError(f"{what} is of type {type(secret).__name__}; give the {SECRET_BYTES} bytes of read_secret.")
    if len(secret) != SECRET_BYTES or len(set(secret)) == 1:
        found = f"more than {SECRET_BYTES}" if len(secret) > SECRET_BYTES else f"{len(secret)}"
        same = ", all the same" if len(secret) == SECRET_BYTES else ""
        raise InputError(
            f"{what} has {found} bytes{same}; {SECRET_BYTES} random ones were expected. Make it with make_secret, or "
            "bring back the copy of it."
        )
    return secret


def pseudonyms(events: Events, secret: bytes, match: Match | None = None) -> npt.NDArray[np.str_]:
    """Name every crime by a keyed hash: the same crime has the same name every night, under another secret another.

    Parameters
    ----------
    events : Events
        The crimes to name.
    secret : bytes
        See `make_secret`.
    match : {"id", "content"}, optional
        What identifies a crime: the publisher's id (whatever else changes; rows with the same id share a name), or all
        that is told of it (kind, place, times: a crime that is corrected has another name; those that agree in
        everything are counted). Left out: the id, but mere numbers of rows are refused.

    Returns
    -------
    array of str
        A letter and 32 hexadecimal digits: 128 bits of HMAC-SHA256.

    Raises
    ------
    InputError
        If the secret is none, or the ids are numbers of rows and `match` is left out.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"x": [1e5], "y": [1e5], "t": ["2018-05-01"], "i": ["HY264819"]})
    >>> events = Events.from_frame(frame, id="i", crs="EPSG:27700", tz="Europe/London")
    >>> str(pseudonyms(events, bytes(range(32)))[0])
    'c747616a864b5295be916eb51726c28ea'
    """
    check_secret(secret)
    check_match(match)
    if match is None and numbered(events):
        raise InputError(
            f"The ids of the {len(events):,} crimes are whole numbers that rise with time, so they seem to be "
            "numbers of rows: a crime recorded late would change all that follow. Give match='content' to name crimes "
            "by what is told of them, or match='id' if these are the publisher's ids."
        )
    told = _by_content(events) if match == "content" else [f"id\n{name}" for name in events.id.astype(str).tolist()]
    prefix, digits = f"predpol_eval.pseudonym/1\n{_PREFIX}\n", SHOWN_BITS // 4
    # Half characters, which no text file can hold, still are different ids.
    hashed = [hmac.digest(secret, (prefix + text).encode("utf-8", "surrogatepass"), "sha256").hex() for text in told]
    return np.array([_PREFIX + name[:digits] for name in hashed], dtype=f"<U{digits + len(_PREFIX)}")


def _by_content(events: Events) -> list[str]:
    times = [column.astype(np.int64).tolist() for column in (events.happened, ended(events))]
    known = ["-"] * len(events) if events.recorded is None else events.recorded.astype(np.int64).tolist()
    place = [millimetres(column).tolist() for column in (events.x, events.y)]
    # The kind comes last, so that nothing it may hold can be taken for another part.
    plain = ["\n".join(map(str, parts)) for parts in zip(*place, *times, known, events.kind.tolist(), strict=True)]
    met: dict[str, int] = {}
    result = []
    for text in plain:
        turn = met[text] = met.get(text, -1) + 1
        result.append(f"content\n{turn}\n{text}")
    return result
