"""A file that was handed in, whatever it is: its rows, or why it has none."""

from __future__ import annotations

from pathlib import PurePosixPath

from predpol_eval.trial.submissions.csv_rows import read_csv
from predpol_eval.trial.submissions.geojson_boxes import read_geojson
from predpol_eval.trial.submissions.limits_hit import LimitHit as LimitHit
from predpol_eval.trial.submissions.limits_hit import Limits, refuse_beyond
from predpol_eval.trial.submissions.parquet_rows import MAGIC, read_parquet
from predpol_eval.trial.submissions.rows import Problem as Problem
from predpol_eval.trial.submissions.rows import Rows, Unreadable, shown

_ENDINGS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"} | {
    ".geojson": "geojson",
    ".json": "geojson",
}
_SPOKEN = {"csv": "CSV", "parquet": "Parquet", "geojson": "GeoJSON"}
# What people hand over instead, told by its first bytes.
_OTHERS = (
    (b"\x1f\x8b", "a gzip file; unpack it"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"BZh", "a bzip2 file; unpack it"),
    (b"\xfd7zXZ\x00", "an xz file; unpack it"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"%PDF", "a PDF; send the table itself"),
    (b"SQLite format 3\x00", "an SQLite or GeoPackage file; write it as GeoJSON or CSV"),
    (b"ARROW1", "an Arrow (Feather) file; write it as Parquet"),
    (b"\x89HDF", "an HDF5 or NetCDF file; write it as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy file; write it as Parquet or CSV"),
    (b"\x80\x04\x95", "a Python pickle, which is never opened; write it as Parquet or CSV"),
    (b"\x80\x05\x95", "a Python pickle, which is never opened; write it as Parquet or CSV"),
    (b"PARE", "an encrypted Parquet file; send it as it is, for it is signed, not secret to us"),
)
_MARK = b"\xef\xbb\xbf"


def read_rows(data: bytes, limits: Limits, name: str = "", *, crs: str | None = None) -> Rows:
    r"""Read the rows of a file that was handed in: CSV, Parquet or GeoJSON.

    Parameters
    ----------
    data : bytes
        The file. What it is, is told by its content.
    limits : Limits
        How much it may hold; its bytes are looked at first.
    name : str
        Name of the file, for messages only: nothing is opened by it.
    crs : str, optional
        Reference system of the plan, held against what a GeoJSON file may say (see `geojson_boxes.read_geojson`).

    Returns
    -------
    Rows
        Single values that could not be read are among its `problems`.

    Raises
    ------
    Unreadable
        If there is no table, or one that holds more than allowed (`LimitHit`).
    SandboxBroken
        If the process could not be started in which hostile files are read; that is our fault, not the file's.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> limits = SimpleNamespace(bytes=1000, rows=10, vertices=100, nights=1)
    >>> rows = read_rows(b"kind,cell,risk\nburglary,r001c002,0.5\n", limits)
    >>> rows.columns, rows.risk.tolist(), rows.row.tolist()
    (('kind', 'cell', 'risk'), [0.5], [2])
    """
    refuse_beyond("bytes", limits, len(data))
    head = data[:4096].removeprefix(_MARK).lstrip()
    if not head and not data.strip():
        raise Unreadable(f"The file is empty ({len(data)} bytes).")
    if data.startswith(MAGIC):
        source = "parquet"
    else:
        for start, what in _OTHERS:
            if data.startswith(start):
                raise Unreadable(f"{_called(name)} is {what}. Expected: CSV, Parquet or GeoJSON.")
        if head.startswith(b"<"):
            raise Unreadable(f"{_called(name)} is a web page or XML. Expected: CSV, Parquet or GeoJSON.")
        source = "geojson" if head.startswith((b"{", b"[")) else "csv"
    try:
        if source == "parquet":
            rows = read_parquet(data, limits)
        elif source == "geojson":
            rows = read_geojson(data, limits, crs=crs)
        else:
            rows = read_csv(data, limits)
    except LimitHit:
        raise
    except Unreadable as error:
        hint = _other_than_named(name, source)
        if hint:
            raise Unreadable(f"{error} {hint}") from error
        raise
    if rows.night is not None:
        refuse_beyond("nights", limits, len({*rows.night.tolist()} - {""}))
    return rows


def _called(name: str) -> str:
    # A name may hold folders of another machine, and anything else.
    last = PurePosixPath(name.replace("\\", "/")).name
    return shown(last) if last else "The file"


def _other_than_named(name: str, source: str) -> str:
    said = _ENDINGS.get(PurePosixPath(name.replace("\\", "/").lower()).suffix)
    if said is None or said == source:
        return ""
    return f"(It was read as {_SPOKEN[source]} for its content, though its name ends like that of {_SPOKEN[said]}.)"
