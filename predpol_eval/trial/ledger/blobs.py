"""Raw bytes kept under their own SHA-256: written whole, never overwritten, checked when they are read."""

from __future__ import annotations

import contextlib
import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path

from predpol_eval.errors import InputError, number_of
from predpol_eval.resumable_folders import flush_folder
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.ledger.placing import sweep
from predpol_eval.trial.ledger.records import is_hash, shown
from predpol_eval.trial.placing import place_new

LARGEST_BLOB = 256 * 2**20  # bytes
_UNFINISHED = "unfinished"
_CHUNK = 2**20


class Blobs:
    """A folder of blobs; several processes may add to it at once.

    Parameters
    ----------
    folder : path
        Made with the first blob.
    limit : int
        Most bytes of a blob; a larger one is neither kept nor read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     blobs = Blobs(folder)
    ...     name = blobs.put(b"area,kind,cell")
    ...     blobs.get(name), blobs.missing([name, "0" * 64]) == ["0" * 64]
    (b'area,kind,cell', True)
    """

    def __init__(self, folder: str | Path, limit: int = LARGEST_BLOB) -> None:
        self.folder = Path(folder)
        self.limit = int(number_of(limit, "limit", "give a number of bytes, from 1", low=1, whole=True))

    def path(self, name: str) -> Path:
        """Where a blob lies.

        Parameters
        ----------
        name : str
            Its SHA-256, 64 hexadecimal digits in small letters.

        Raises
        ------
        InputError
            If it is written otherwise: no path is made of it.
        """
        if not is_hash(name):
            raise InputError(f"{shown(name)} names no blob; give a SHA-256, 64 hexadecimal digits in small letters.")
        return self.folder / name[:2] / name

    def put(self, data: bytes) -> str:
        """Keep some bytes; once this returns they are on the disk. The same bytes may be put again.

        Returns
        -------
        str
            Their SHA-256.

        Raises
        ------
        InputError
            If they are too many, the disk is full, or another content lies under their name.
        """
        if not isinstance(data, bytes):
            raise InputError(f"A blob is of type bytes, found {type(data).__name__}; give the bytes of a file.")
        if len(data) > self.limit:
            raise InputError(f"A blob of {len(data)} bytes is too large; the most is {self.limit}.")
        name = sha256_of(data)
        path, unfinished = self.path(name), self.folder / _UNFINISHED
        try:
            for folder in (self.folder, path.parent, unfinished):
                folder.mkdir(parents=True, exist_ok=True)
            sweep(unfinished)
            placed = place_new(unfinished, path, data, by_content=True)
            # The names of the folders must reach the disk too, whoever made them.
            flush_folder(self.folder)
            with contextlib.suppress(PermissionError):
                flush_folder(self.folder.absolute().parent)
        except OSError as error:
            raise InputError(
                f"The blob {name} cannot be kept in {str(self.folder)!r} ({error}). Those before are: "
                "make room, or allow writing there, and do it again."
            ) from error
        if not placed:
            self._refuse_other(name)
        return name

    def get(self, name: str) -> bytes:
        """The bytes of a SHA-256.

        Raises
        ------
        InputError
            If there are none, or other bytes lie there.
        """
        path = self.path(name)
        fault = self._fault(path)
        if fault is not None:
            raise _not_there(name, fault)
        try:
            # One byte more than allowed shows that there are more, however many.
            with path.open("rb") as handle:
                data = handle.read(self.limit + 1)
        except OSError as error:
            raise _not_there(name, f"a file that cannot be read ({error})") from error
        if sha256_of(data) != name:
            raise _not_there(name, f"other content, of SHA-256 {sha256_of(data)}")
        return data

    def missing(self, names: Iterable[str]) -> list[str]:
        """Those of some SHA-256 under which nothing lies, each once, in the order given.

        Raises
        ------
        InputError
            If one of them is no SHA-256.
        """
        return [name for name in dict.fromkeys(names) if not self.path(name).is_file()]

    def check(self, name: str) -> str | None:
        """What is wrong with a blob, in words, or None; it is read bit by bit, whatever its size.

        Raises
        ------
        InputError
            If this is no SHA-256.
        """
        path = self.path(name)
        fault = self._fault(path)
        if fault is not None:
            return fault
        digest = hashlib.sha256()
        try:
            with path.open("rb") as handle:
                while chunk := handle.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            return f"a file that cannot be read ({error})"
        return None if digest.hexdigest() == name else f"other content, of SHA-256 {digest.hexdigest()}"

    def _refuse_other(self, name: str) -> None:
        fault = self.check(name)
        if fault is not None:
            raise InputError(
                f"Under the name of the blob {name} lies {fault}; nothing is written over it. Keep that file as "
                f"evidence ({self.path(name)}), move it away, and do it again."
            )

    def _fault(self, path: Path) -> str | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return "nothing"
        except OSError as error:
            return f"a file that cannot be read ({error})"
        if not stat.S_ISREG(found.st_mode):
            return "something that is no plain file"
        if found.st_size > self.limit:
            return f"a file of {found.st_size} bytes, more than any blob has"
        return None


def _not_there(name: str, fault: str) -> InputError:
    return InputError(f"The blob {name} is not as it was kept: found {fault}. Verify the ledger, and restore a copy.")
