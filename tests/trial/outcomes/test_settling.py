"""Which snapshot scores a night: the first when it has settled, for good; the newest until then."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.outcomes.settling import in_words, provisional, settled, status_of
from predpol_eval.trial.outcomes.snapshots import Snapshot
from tests.trial.outcomes.towns import CRS, TZ, night, nights, wall

TONIGHT = night("2018-07-01")  # to 2 July, 20:00; settles on 30 July, 20:00


def snapshot(taken: str, *, name: str = "", observed=(("2018-01-01 00:00", None),), suspect=()) -> Snapshot:
    def read(pairs):
        return tuple((wall(first), wall(last or taken)) for first, last in pairs)

    return Snapshot(
        taken_at=wall(taken), sha256=name or taken, fingerprint="", crimes=1, crs=CRS, tz=TZ, observed=read(observed),
        suspect=read(suspect),
    )  # fmt: skip


def test_the_first_that_is_late_enough_settles():
    early, exact, later = (snapshot(text) for text in ("2018-07-30 19:59", "2018-07-30 20:00", "2018-08-30 12:00"))
    assert settled(TONIGHT, [early, exact, later]).snapshot is exact
    assert settled(TONIGHT, [early, exact, later]).status == "settled"
    assert settled(TONIGHT, [early, later]).snapshot is later
    none = settled(TONIGHT, [early])
    assert (none.status, none.snapshot) == ("none", None)
    assert none.reason == "no snapshot was taken at or after 2018-07-30T19:00:00.000000Z, when it settles"


def test_one_that_does_not_cover_the_window_is_passed_over():
    short = snapshot("2018-07-31 12:00", observed=[("2018-01-01 00:00", "2018-07-02 19:59")])
    doubtful = snapshot("2018-08-01 12:00", suspect=[("2018-07-02 00:00", "2018-07-03 00:00")])
    good = snapshot("2018-08-02 12:00")
    assert settled(TONIGHT, [short, doubtful, good]).snapshot is good
    told = settled(TONIGHT, [short, doubtful]).reason
    assert told.startswith(
        "2 snapshots were taken since it settled (2018-07-30T19:00:00.000000Z), but none has observed"
    )
    assert provisional(TONIGHT, [short, doubtful]).reason.startswith("2 snapshots were taken since it ended, but none")
    assert provisional(TONIGHT, [short]).reason.startswith("1 snapshot was")


def test_meanwhile_it_is_the_newest_that_covers():
    before, first, newest, gap = (
        snapshot("2018-07-02 19:59"), snapshot("2018-07-03 12:00"), snapshot("2018-07-10 12:00"),
        snapshot("2018-07-11 12:00", observed=[("2018-07-05 00:00", None)]),
    )  # fmt: skip
    found = provisional(TONIGHT, [before, first, newest, gap])
    assert (found.status, found.snapshot) == ("provisional", newest)
    assert found.reason.startswith("no snapshot was taken at or after 2018-07-30")
    assert provisional(TONIGHT, [before]).reason == "no snapshot was taken since it ended (2018-07-02T19:00:00.000000Z)"
    assert provisional(TONIGHT, []).status == "none"


def test_of_two_taken_at_one_moment_the_first_kept_counts():
    one, two = snapshot("2018-08-01 12:00", name="one"), snapshot("2018-08-01 12:00", name="two")
    assert settled(TONIGHT, [one, two]).snapshot is one
    assert settled(TONIGHT, [two, one]).snapshot is two
    assert provisional(TONIGHT, [one, two]).snapshot is two


def test_the_table_of_a_trial():
    trial = nights("2018-07-01", 40)
    rows = status_of(trial, [snapshot("2018-07-20 12:00"), snapshot("2018-08-03 12:00")])
    assert [row.night for row in rows] == [one.name for one in trial]
    assert [row.status for row in rows] == ["settled"] * 4 + ["provisional"] * 28 + ["none"] * 8
    assert all((row.snapshot is None) == (row.status == "none") for row in rows)
    assert all((row.reason == "") == (row.status == "settled") for row in rows)
    assert in_words(rows) == "Nights settled: 4, provisional: 28, without a snapshot: 8, together 40."
    assert status_of([], []) == ()


def test_windows_over_clock_changes():
    """23 and 25 hours long; the moment of settling is that of the wall clock."""
    for day, hours in (("2018-03-24", 23), ("2018-10-27", 25)):
        tonight = night(day)
        assert tonight.end - tonight.start == timedelta(hours=hours)
        just = Snapshot(
            taken_at=tonight.end, sha256="", fingerprint="", crimes=0, crs=CRS, tz=TZ,
            observed=((tonight.start, tonight.end),),
        )  # fmt: skip
        assert provisional(tonight, [just]).snapshot is just
    autumn = night("2018-10-20")
    assert autumn.settled_from == autumn.end + timedelta(days=28, hours=1)
    almost = autumn.settled_from - timedelta(seconds=1)
    for taken, status in ((almost, "none"), (autumn.settled_from, "settled")):
        found = Snapshot(
            taken_at=taken, sha256="", fingerprint="", crimes=0, crs=CRS, tz=TZ, observed=((autumn.start, taken),)
        )
        assert settled(autumn, [found]).status == status


days = st.lists(st.tuples(st.integers(1, 80), st.integers(-40, 0), st.booleans()), max_size=8)


@given(days, days)
def test_what_is_settled_stays_settled(before, after):
    """However many snapshots are kept later, the score that stands is on the same one."""
    start = wall("2018-07-01 00:00")
    trial = nights("2018-07-01", 5, settling=7)
    taken = sorted(before, key=lambda row: row[0])
    last = max((row[0] for row in taken), default=0)
    taken += sorted(((row[0] + last, *row[1:]) for row in after), key=lambda row: row[0])
    kept = [
        Snapshot(
            taken_at=start + timedelta(days=day), sha256=str(number), fingerprint="", crimes=0, crs=CRS, tz=TZ,
            observed=((start if whole else start + timedelta(days=2), start + timedelta(days=max(day + back, 3))),),
        )
        for number, (day, back, whole) in enumerate(taken)
    ]  # fmt: skip
    then, now = status_of(trial, kept[: len(before)]), status_of(trial, kept)
    for one, two, tonight in zip(then, now, trial, strict=True):
        if one.status == "settled":
            assert two == one
        if two.status == "settled":
            assert two.snapshot.taken_at >= tonight.settled_from
        if two.status == "none":
            assert not any(part.covers(tonight.start, tonight.end) for part in kept)
        else:
            assert two.snapshot.covers(tonight.start, tonight.end)
