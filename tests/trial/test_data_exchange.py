"""What goes out each evening and what comes in about the nights, as the ledger has it."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError
from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.data_exchange import release_night, take_snapshot
from predpol_eval.trial.outcomes.snapshots import thaw
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import FIRST, SECOND, Evening

SECRET = bytes(range(32))


@pytest.fixture
def evening(tmp_path):
    return Evening(tmp_path)


def crimes(*moments: str, until: str = "2018-07-02") -> ppe.Events:
    frame = pd.DataFrame(
        {
            "x": [430_100.0 + 10 * number for number in range(len(moments))],
            "y": 433_100.0,
            "t": list(moments),
            "kind": ["burglary", "robbery"] * (len(moments) // 2) + ["burglary"] * (len(moments) % 2),
            "id": [f"case {number}" for number in range(len(moments))],
        }
    )
    return ppe.Events.from_frame(
        frame, happened="t", kind="kind", id="id", crs="EPSG:27700", tz="Europe/London",
        observed=[("2018-01-01", until)],
    )  # fmt: skip


BEFORE = ("2018-06-03 12:00", "2018-06-04 13:00", "2018-06-30 23:00")


def test_a_release_is_recorded_once_and_the_same_for_all(evening):
    made = release_night(evening.trial, crimes(*BEFORE), FIRST, SECRET)
    assert made.crimes == 3
    again = release_night(evening.again(), crimes(*BEFORE), FIRST, SECRET)
    assert again.data == made.data
    with evening.trial.ledger(read_only=True) as ledger:
        (record,) = ledger.records("release")
    assert record.body["sha256"] == made.sha256
    # With another crime it would not be what others were given.
    with pytest.raises(InputError, match="released before with other content"):
        release_night(evening.trial, crimes(*BEFORE, "2018-06-30 22:00"), FIRST, SECRET)
    # What happened after the cut is nobody's yet, and changes nothing.
    later = release_night(evening.trial, crimes(*BEFORE, "2018-07-01 23:00"), FIRST, SECRET)
    assert later.data == made.data


def test_a_release_waits_for_the_cut(evening):
    evening.clock.set(1, 15, 59, 59)
    with pytest.raises(InputError, match="Release it afterwards"):
        release_night(evening.trial, crimes(*BEFORE), FIRST, SECRET)
    evening.clock.set(1, 16)
    release_night(evening.trial, crimes(*BEFORE), FIRST, SECRET)


def test_snapshots_are_kept_as_they_were(evening):
    evening.clock.set(3, 9)
    first = take_snapshot(evening.trial, crimes(*BEFORE), datetime(2018, 7, 3, 6, tzinfo=UTC))
    evening.clock.set(10, 9)
    second = take_snapshot(
        evening.trial, crimes(*BEFORE, "2018-07-01 23:00", until="2018-07-09"), datetime(2018, 7, 10, 6, tzinfo=UTC)
    )
    assert [one["sha256"] if "sha256" in one else one["blob"] for one in evening.trial.history().snapshots] == [
        first.sha256,
        second.sha256,
    ]
    assert len(thaw(evening.trial.blobs.get(first.sha256))) == 3
    assert len(thaw(evening.trial.blobs.get(second.sha256))) == 4
    with pytest.raises(InputError, match="not kept"):
        take_snapshot(evening.trial, crimes(*BEFORE), datetime(2018, 7, 2, 6, tzinfo=UTC))
    assert verify(evening.trial) == []


def test_a_night_that_a_snapshot_tells_of_is_not_declared_void(evening):
    evening.clock.set(3, 9)
    take_snapshot(evening.trial, crimes(*BEFORE, until="2018-07-02"), datetime(2018, 7, 3, 6, tzinfo=UTC))
    with pytest.raises(InputError, match=f"of {FIRST} crimes are recorded in a snapshot already"):
        declare_void(evening.trial, [FIRST], "we do not like it")
    # Up to the beginning of the second night it tells nothing.
    declare_void(evening.trial, [SECOND], "our server was down")


def test_a_night_that_a_later_extract_tells_of_is_not_declared_void(evening):
    release_night(evening.trial, crimes(*BEFORE), FIRST, SECRET)
    evening.clock.set(2, 16)
    release_night(evening.trial, crimes(*BEFORE, "2018-07-01 23:00"), SECOND, SECRET)
    with pytest.raises(InputError, match=f"of {FIRST} crimes may stand in the extract for {SECOND}"):
        declare_void(evening.trial, [FIRST], "we do not like it")
    # Of its own night an extract knows nothing.
    declare_void(evening.trial, [SECOND], "our server was down")
    assert verify(evening.trial) == []
    with evening.trial.ledger() as ledger:
        ledger.append("void", {"nights": [FIRST], "reason": "we do not like it"})
    (found,) = verify(evening.trial)
    assert "the extract for" in found.found


def test_an_extract_that_could_not_be_is_found_by_verifying(evening):
    release_night(evening.trial, crimes(*BEFORE), FIRST, SECRET)
    assert verify(evening.trial) == []
    with evening.trial.ledger() as ledger:
        body = next(ledger.records("release")).body
        ledger.append("release", {**body, "sha256": "0" * 64})
        ledger.append("release", {**body, "night": SECOND})
    assert [(one.what, one.found.split(" for ")[0]) for one in verify(evening.trial)] == [
        ("night", "a second extract"),
        ("at", "2018-07-01T16:00:00.000000Z"),
    ]
