"""Whole evenings when the clock on the wall is changed: what is in time, and what counts, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError
from predpol_eval.trial.closing import close_night
from predpol_eval.trial.data_exchange import release_night, take_snapshot
from predpol_eval.trial.intake import judge
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import tally_of
from predpol_eval.trial.status import status_of
from predpol_eval.trial.verifying import verify
from tests.trial.evenings import Evening
from tests.trial.plan.town import changed

SECRET = bytes(range(32))
A_MICROSECOND = timedelta(microseconds=1)


def evening(folder, first: str, at: str, cut: str, deadline: str, horizon: str = "1D", number: int = 3) -> Evening:
    """A trial of a few nights in London; it is locked in June 2018."""
    text = changed(
        ("first = 2018-07-01", f"first = {first}"),
        ("number = 30", f"number = {number}"),
        ('at = "20:00"', f'at = "{at}"\nhorizon = "{horizon}"'),
        ('cut = "17:00"', f'cut = "{cut}"'),
        ('deadline = "19:00"', f'deadline = "{deadline}"'),
        ("looks = [10, 20, 30]", f"looks = [{number}]"),
    )
    return Evening(folder, text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def crimes(*times: str, kind: str = "burglary") -> ppe.Events:
    """Crimes in one box, by the wall clock or, with an offset, beyond doubt."""
    moments = pd.to_datetime(list(times), utc=True).tz_convert("Europe/London")
    frame = pd.DataFrame({"x": 430_100.0, "y": 433_100.0, "t": moments, "kind": kind})
    frame["id"] = [f"case-{number}x" for number in range(len(frame))]
    start, end = moments.min().tz_localize(None), moments.max().tz_localize(None)
    observed = [(start.normalize() - pd.Timedelta("30D"), end.normalize() + pd.Timedelta("90D"))]
    return ppe.Events.from_frame(
        frame, happened="t", recorded="t", kind="kind", id="id", crs="EPSG:27700", tz="Europe/London", observed=observed
    )


@pytest.mark.parametrize(
    ("first", "changing", "moment"),
    [
        # The hour from 01:00 to 02:00 comes twice; of the deadline 01:30 the earlier is meant.
        ("2018-10-27", "2018-10-28", "2018-10-28T00:30"),
        # It does not come at all: the deadline is the moment at which the clock jumps over it.
        ("2019-03-30", "2019-03-31", "2019-03-31T01:00"),
    ],
)
def test_a_deadline_in_an_hour_that_comes_twice_or_never(tmp_path, first, changing, moment):
    here = evening(tmp_path, first, at="02:00", cut="00:30", deadline="01:30")
    deadline = utc(moment)
    assert here.trial.locked.night(changing).deadline == deadline
    data = here.file(changing)
    for label, at in (
        ("A", deadline - timedelta(seconds=1)),
        ("B", deadline - A_MICROSECOND),
        ("C", deadline),
        # The second time that clocks show 01:29 in autumn, and 02:29 in spring.
        ("in-house", deadline + timedelta(minutes=59)),
    ):
        here.clock.now = at
        here.hand_in(label, data, changing)
    judge(here.trial)
    history = here.trial.history()
    assert [verdict.nights[changing] for verdict in history.verdicts.values()] == [
        "accepted", "accepted", "late", "late",
    ]  # fmt: skip
    assert set(close_night(here.trial, changing).absent) == {"C", "in-house"}
    assert verify(here.again()) == []


@pytest.mark.parametrize("first", ["2018-10-26", "2019-03-29"])
def test_closing_waits_for_the_deadline_of_each_night(tmp_path, first):
    here = evening(tmp_path, first, at="20:00", cut="17:00", deadline="19:00", number=5)
    hours = {night.deadline.hour for night in here.trial.locked.nights}
    # Nineteen o'clock is at 18 and at 19 by UTC, on either side of the change.
    assert hours == {18, 19}
    for night in here.trial.locked.nights:
        here.clock.now = night.deadline - A_MICROSECOND
        with pytest.raises(InputError, match="deadline"):
            close_night(here.trial, night.name)
        here.clock.now = night.deadline
        assert close_night(here.trial, night.name).at == night.to_dict()["deadline"]
    assert verify(here.again()) == []


def test_a_night_whose_cut_and_deadline_are_after_midnight(tmp_path):
    here = evening(tmp_path, "2018-10-27", at="05:00", cut="01:00", deadline="03:00", horizon="8h")
    night = here.trial.locked.night("2018-10-28")
    # The day of the window names the night; its cut is on the same day, in the first of the two hours.
    assert (night.cut, night.deadline) == (utc("2018-10-28T00:00"), utc("2018-10-28T03:00"))
    assert night.end - night.start == timedelta(hours=8)
    events = crimes("2018-10-27T23:59:59Z", "2018-10-28T00:00:00Z", "2018-10-27T12:00:00Z")
    here.clock.now = night.cut - A_MICROSECOND
    with pytest.raises(InputError, match="before it not all is recorded"):
        release_night(here.trial, events, night.name, SECRET)
    here.clock.now = night.cut
    made = release_night(here.trial, events, night.name, SECRET)
    # What was recorded at the cut itself comes too late.
    assert made.crimes == 2
    assert b"2018-10-28 01:00:00" not in made.data
    here.clock.now = utc("2018-10-28T02:59:59")
    assert f"{night.name}: cut 2018-10-28T00:00:00.000000Z" in status_of(here.trial)
    here.hand_in("A", here.file(night.name), night.name)
    judge(here.trial)
    assert close_at(here, night.deadline, night.name).absent["B"] == "missing"


def close_at(here: Evening, moment: datetime, night: str):
    here.clock.now = moment
    return close_night(here.trial, night)


def counted(here: Evening, events: ppe.Events, night: str) -> float:
    """Crimes of a night, once it is closed and has settled."""
    for one in here.trial.locked.nights:
        close_at(here, max(one.deadline, here.clock()), one.name)
    here.clock.now = here.trial.locked.nights[-1].settled_from + timedelta(hours=1)
    take_snapshot(here.trial, events, here.clock(), forced="one kind of crime only", match="id")
    score(here.trial)
    history = here.trial.history()
    start = here.trial.locked.night(night).start.replace(tzinfo=None)
    tally = tally_of(here.trial, history).sel(window=pd.Timestamp(start), kind="burglary")
    assert verify(here.again()) == []
    # The same for everybody who is there: those run alongside.
    return float(tally["events"].sel(forecaster="uniform").sum())


@pytest.mark.parametrize(
    ("first", "night", "hours", "inside", "outside"),
    [
        (
            "2018-10-26", "2018-10-27", 9,
            ["2018-10-27T21:00:00Z", "2018-10-28T00:30:00Z", "2018-10-28T01:30:00Z", "2018-10-28T05:59:59Z"],
            ["2018-10-27T20:59:59Z", "2018-10-28T06:00:00Z"],
        ),
        (
            "2019-03-29", "2019-03-30", 7,
            ["2019-03-30T22:00:00Z", "2019-03-31T00:59:59Z", "2019-03-31T01:00:00Z", "2019-03-31T04:59:59Z"],
            ["2019-03-30T21:59:59Z", "2019-03-31T05:00:00Z"],
        ),
        # No change of the clock but a day more: a shift from the leap day to the first of March.
        (
            "2020-02-28", "2020-02-29", 8,
            ["2020-02-29T22:00:00Z", "2020-02-29T23:59:59Z", "2020-03-01T00:00:00Z", "2020-03-01T05:59:59Z"],
            ["2020-02-29T21:59:59Z", "2020-03-01T06:00:00Z"],
        ),
    ],
)  # fmt: skip
def test_what_counts_in_a_shift_of_eight_hours_by_the_wall_clock(tmp_path, first, night, hours, inside, outside):
    here = evening(tmp_path, first, at="22:00", cut="18:00", deadline="21:00", horizon="8h")
    window = here.trial.locked.night(night)
    assert window.end - window.start == timedelta(hours=hours)
    assert [one.name for one in here.trial.locked.nights][1] == night
    assert counted(here, crimes(*inside, *outside), night) == len(inside)
