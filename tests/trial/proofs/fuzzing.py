"""Thousands of spoiled files through the whole intake: received, checked, and what they cost.

    python -m tests.trial.proofs.fuzzing FOLDER COUNT SEED

Files are honest ones with a few changes, signed after the change, so that nothing but the checks stands in their way;
of every twenty, two are Parquet, two are envelopes and one is a head. It prints a JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from predpol_eval.errors import InputError
from predpol_eval.trial.ledger import head_of, read_head
from predpol_eval.trial.ledger.heads import head_text
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import FIRST, Evening
from tests.trial.proofs.hostile import feature, features
from tests.trial.proofs.measuring import Cost, Watch, hand_in, listing
from tests.trial.submissions.reading.test_fuzz import PIECES, changed

# Files on one ledger; then a new one is begun, whose history is short again.
AT_ONCE = 200
FORMS = ("csv", "geojson", "parquet")
_WORDS = (
    b"burglary",
    b"robbery",
    b"South",
    b"mid",
    b"2018-07-01",
    b"Polygon",
    b"FeatureCollection",
    b"r000c000",
    b"risk",
)
_OTHERS = (
    b"", b"null", b"-0.0", b"1e308", b"1e-320", b"9007199254740993", b"../x", b"=1+1", b"\xc2\xa0", b"\xef\xbb\xbf",
    b"true", b"[]", b"{}", b'"', b"18446744073709551616", b"2018-07-32", b"r999c999", b"R000C000", b"burglary ",
)  # fmt: skip


def honest(evening: Evening) -> dict[str, bytes]:
    """Files that are accepted, in every form."""
    return {form: evening.file(form=form) for form in FORMS} | {
        "drawn": features(feature([[[430_000, 433_000], [430_250, 433_000], [430_250, 433_250], [430_000, 433_000]]]))
    }


def spoiled(data: bytes, draw: np.random.Generator) -> bytes:
    """Spoil a file: bits and pieces as for the reader, or some words for others, or parts of it in another order."""
    way = draw.integers(4)
    if way == 0:
        word, other = _WORDS[draw.integers(len(_WORDS))], [*_OTHERS, *PIECES][draw.integers(len(_OTHERS) + len(PIECES))]
        return data.replace(word, other, int(draw.integers(1, 4)))
    if way == 1 and data.count(b"\n") > 2:
        lines = data.split(b"\n")
        first, second = draw.integers(len(lines), size=2)
        lines[first], lines[second] = lines[second], lines[first]
        return b"\n".join(lines + lines[: int(draw.integers(3))])
    return changed(data, draw)


def fuzz(folder: Path, count: int, seed: int, watch: Watch | None = None) -> dict[str, Any]:
    """Hand in so many spoiled files; figures as plain content."""
    draw = np.random.default_rng(seed)
    outcomes: Counter[str] = Counter()
    slowest, largest = Cost("", 0, "", 0.0, 0.0, ""), Cost("", 0, "", 0.0, 0.0, "")
    held: list[str] = []
    evening, files = _begin(folder / "0")
    for number in range(count):
        if number and number % AT_ONCE == 0:
            assert verify(evening.trial) == []
            evening, files = _begin(folder / str(number))
        kind = _kind(number)
        if kind == "head":
            outcomes["head " + _head(evening, draw)] += 1
            continue
        cost = _envelope(evening, files, draw) if kind == "envelope" else hand_in(evening, spoiled(files[kind], draw))
        outcomes[f"{kind} {cost.outcome}"] += 1
        slowest, largest = max(slowest, cost, key=_time), max(largest, cost, key=_size)
        if cost.outcome == "held":
            held.append(cost.faults)
    assert verify(evening.trial) == []
    return {
        "files": count,
        "seed": seed,
        "outcomes": dict(sorted(outcomes.items())),
        "held": held,
        "seconds": slowest.seconds,
        "mebibytes": largest.mebibytes,
        "outside": [] if watch is None else watch.outside,
    }


def _time(cost: Cost) -> float:
    return cost.seconds


def _size(cost: Cost) -> float:
    return cost.mebibytes


def _kind(number: int) -> str:
    place = number % 20
    return {3: "parquet", 13: "parquet", 7: "envelope", 17: "envelope", 9: "head"}.get(
        place, ("csv", "geojson", "drawn")[number % 3]
    )


def _begin(folder: Path) -> tuple[Evening, dict[str, bytes]]:
    folder.mkdir()
    evening = Evening(folder)
    files = honest(evening)
    # The first of each is what the plan wants, so that the others differ from it by their change alone.
    for data in files.values():
        assert hand_in(evening, data).outcome in ("accepted", "supersedes", "identical")
    return evening, files


def _envelope(evening: Evening, files: dict[str, bytes], draw: np.random.Generator) -> Cost:
    """A file with a spoiled envelope, which is never taken in."""
    data = files["csv"]
    signed = evening.envelope("A", data)
    while (other := spoiled(signed, draw)) == signed:
        continue
    cost = hand_in(evening, data, envelope=other)
    assert cost.outcome == "refused", other
    return cost


def _head(evening: Evening, draw: np.random.Generator) -> str:
    """A spoiled page of a head is refused, or says what it said: it may have been wrapped anew."""
    with evening.trial.ledger(read_only=True) as ledger:
        head = head_of(ledger, FIRST)
    try:
        page = head_text(head).encode()
        while (other := spoiled(page, draw)) == page:
            continue
        found = read_head(other)
    except InputError:
        return "refused"
    assert found == head
    return "the same"


def main(place: str, count: str, seed: str) -> None:
    folder = Path(place)
    inside, passing = folder / "trials", folder / "passing"
    inside.mkdir()
    passing.mkdir()
    os.environ["TMPDIR"] = tempfile.tempdir = str(passing)
    _warm(folder)
    around = listing(folder)
    watch = Watch(inside)
    told = fuzz(inside, int(count), int(seed), watch)
    # Nothing but the folders of the trials is another than before.
    after = {name: found for name, found in listing(folder).items() if not name.startswith(inside.name)}
    told["around"] = sorted(name for name, found in after.items() if around.get(name) != found)
    sys.stdout.write(json.dumps(told) + "\n")


def _warm(folder: Path) -> None:
    """Load all that is loaded on first use, before anybody watches."""
    (folder / "warm").mkdir()
    evening, files = _begin(folder / "warm" / "0")
    _envelope(evening, files, np.random.default_rng(0))
    assert verify(evening.trial) == []


if __name__ == "__main__":
    main(*sys.argv[1:])
