"""Cut the built-in sample from the Toronto Police Service's Major Crime Indicators.

    python docs/scripts/make_sample.py toronto_mci_2014_2018.csv.gz

writes predpol_eval/data/toronto_sample.parquet: whole centimetres (the publisher's degrees have eight
decimals, a millimetre, but the points are intersections), whole hours since 1970 in UTC, and the kind as a
dictionary. The same input gives the same rows; tests/data/test_sample.py compares them with the reader's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import predpol_eval as ppe
from predpol_eval.data.sample import KINDS, SAMPLE_FILE, SCHEMA

TARGET = Path(__file__).resolve().parents[2] / "predpol_eval" / "data" / SAMPLE_FILE
MOST_BYTES = 1_000_000


def main() -> None:
    """Read the publisher's file, write the sample, say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the publisher's CSV")
    parser.add_argument("--target", type=Path, default=TARGET)
    chosen = parser.parse_args()
    events = ppe.read_events(chosen.source, format="toronto", kinds=list(KINDS))
    print(events.report)
    hours = events.happened.astype("datetime64[h]")
    if (hours != events.happened).any():
        raise SystemExit("Some times are not whole hours; the sample cannot hold them.")
    table = pa.table(
        {
            "hour_utc": pa.array(hours.astype(np.int64), pa.int32()),
            "x_cm": pa.array(np.rint(events.x * 100).astype(np.int64), pa.int32()),
            "y_cm": pa.array(np.rint(events.y * 100).astype(np.int64), pa.int32()),
            "kind": pa.array(events.kind.tolist()).dictionary_encode(),
        },
    ).replace_schema_metadata({"schema": SCHEMA, "attribution": events.report.attribution})
    pq.write_table(table, chosen.target, compression="zstd", compression_level=19)
    size = chosen.target.stat().st_size
    print(f"{chosen.target}: {len(events):,} rows, {size:,} bytes")
    if size >= MOST_BYTES:
        raise SystemExit(f"The sample must stay under {MOST_BYTES:,} bytes.")


if __name__ == "__main__":
    main()
