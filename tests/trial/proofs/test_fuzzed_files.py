"""Spoiled files through the whole intake: refused or judged, never a crash, within limits, and nothing outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trial.evenings import Evening
from tests.trial.proofs.commands import ROOT
from tests.trial.proofs.measuring import hand_in

pytestmark = pytest.mark.linux_only
LIMITS = (2.0, 512.0)  # seconds of processor time, and MiB, for each file
READ_ONLY = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && exec "$@"'


def fuzzed(folder: Path, count: int, seed: int, *before: str) -> dict:
    """What `fuzzing` tells of so many files, in a process of its own."""
    command = [*before, sys.executable, "-m", "tests.trial.proofs.fuzzing", str(folder), str(count), str(seed)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder / "passing"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def sound(told: dict) -> None:
    assert told["held"] == []
    assert told["outside"] == told["around"] == []
    assert told["seconds"] < LIMITS[0]
    assert told["mebibytes"] < LIMITS[1]
    outcomes = told["outcomes"]
    assert sum(outcomes.values()) == told["files"]
    for form in ("csv", "geojson", "drawn", "parquet"):
        assert outcomes[f"{form} rejected"] > 0
    assert outcomes["envelope refused"] > 0


def test_some_fuzzed_files(tmp_path):
    sound(fuzzed(tmp_path, 40, 1))


@pytest.mark.slow
def test_ten_thousand_fuzzed_files(tmp_path):
    told = fuzzed(tmp_path, 10_000, 2)
    sound(told)
    # Both ways out are taken often, or the changes would prove nothing.
    assert sum(number for name, number in told["outcomes"].items() if name.endswith(("supersedes", "identical"))) > 500


@pytest.mark.slow
def test_with_the_rest_of_the_disk_read_only(tmp_path):
    """Where nothing but its folder can be written, an intake misses nothing."""
    probe = ["unshare", "--mount", "true"]
    if os.geteuid() != 0 or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs root and its own view of the disks (unshare)")
    sound(fuzzed(tmp_path, 200, 3, "unshare", "--mount", "sh", "-c", READ_ONLY, str(tmp_path)))
    proof = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(tmp_path), "touch", str(tmp_path.parent / "outside")]
    assert "Read-only" in subprocess.run(proof, capture_output=True, text=True, check=False).stderr


WATCHED = """
import os, sys
from pathlib import Path
from tests.trial.proofs.measuring import Watch
folder = Path(sys.argv[1])
watch = Watch(folder / "inside")
(folder / "inside" / "a").write_text("")
(folder / "inside" / "a").read_text()
(folder / "outside").write_text("")
os.rename(folder / "inside" / "a", folder / "b")
os.mkdir(folder / "c")
assert [line.split()[0] for line in watch.outside] == ["open", "os.rename", "os.mkdir"], watch.outside
"""


def test_what_is_written_outside_would_be_seen(tmp_path):
    (tmp_path / "inside").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# Built by Hypothesis, which looks for the smallest file that does harm -----------------------------------------


@pytest.fixture(scope="module")
def evening(tmp_path_factory):
    return Evening(tmp_path_factory.mktemp("fuzzed"))


CELLS = st.sampled_from(
    [
        "2018-07-01", "2018-07-02", "South", "mid", "=North", "'=North", "burglary", "robbery", "r000c000", "r003c011",
        "r9c9", "1", "0.5", "-0", "1e308", "1e-320", "nan", "430001", "433001.5", "", " ", '"', '""', '"a,b"', "=1+1",
        "\u00e9", "\ud7ff",
    ]
)  # fmt: skip
COLUMNS = st.permutations(["night", "area", "kind", "cell", "x", "y", "rank", "risk"])
LINES = st.lists(st.lists(CELLS, min_size=4, max_size=5), max_size=6)


@given(COLUMNS, LINES, st.sampled_from(["\n", "\r\n", "\r", "\n\r"]), st.sampled_from([",", ";", "\t"]))
def test_any_table_has_a_verdict(evening, columns, lines, ending, separator):
    text = ending.join(separator.join(line) for line in [columns[:5], *lines])
    cost = hand_in(evening, text.encode("utf-8", "surrogatepass"))
    assert cost.outcome != "held", cost.faults
    assert cost.seconds < LIMITS[0]


@given(st.binary(max_size=60), st.text(max_size=40))
def test_any_bytes_under_any_name_have_a_verdict(evening, data, name):
    cost = hand_in(evening, data, name)
    assert cost.outcome == "rejected", cost.faults
