"""What became of every night, and of everybody's file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.findings.nights import NightTold, nights_told
from predpol_eval.trial.findings.scored_nights import scored_nights
from predpol_eval.trial.intake import judge, judge_held
from predpol_eval.trial.scoring.nightly import score
from tests.trial.scoring.nights import CROWD, SETTLED, SOUTH, TIED, Nights, listed, six_nights


def told_of(nights: Nights) -> tuple[NightTold, ...]:
    trial, history = nights.trial, nights.trial.history()
    return nights_told(history, trial.plan(history), trial.clock(), scored_nights(trial, history))


def night_of(nights: Nights, name: str) -> NightTold:
    return next(one for one in told_of(nights) if one.night == name)


def test_every_state(tmp_path):
    nights = Nights(tmp_path)
    names = nights.names(6)
    declare_void(nights.trial, [names[4]], "our server\n was  down")
    told = told_of(nights)
    assert [one.night for one in told] == [night.name for night in nights.trial.locked.nights]
    assert [one.state for one in told[:6]] == ["open", "to come", "to come", "to come", "void", "to come"]
    assert told[4].reason == "our server was down"
    assert told[0].reason == ""
    for number, name in enumerate(names[:4]):
        nights.clock.set(1 + number, 16)
        nights.hand_in("A", listed(TIED, night=name), name)
        nights.close(name)
    # Taken before the third night ended.
    nights.keep(CROWD, datetime(2018, 7, 3, 21, tzinfo=UTC))
    score(nights.trial)
    assert [one.state for one in told_of(nights)[:6]] == [
        "provisional", "provisional", "closed", "closed", "void", "to come",
    ]  # fmt: skip
    nights.clock.set(5, 16)
    assert [one.state for one in told_of(nights)[4:7]] == ["void", "to come", "to come"]
    nights.clock.set(7, 16)
    assert [one.state for one in told_of(nights)[4:7]] == ["void", "open", "open"]
    nights.keep(CROWD, SETTLED)
    score(nights.trial)
    assert [one.state for one in told_of(nights)[:5]] == [
        "settled", "provisional", "provisional", "provisional", "void",
    ]  # fmt: skip


def test_a_cut_is_the_moment_from_which_a_night_is_open(tmp_path):
    nights = Nights(tmp_path)
    first = nights.trial.locked.nights[0]
    nights.clock.now = first.cut
    assert told_of(nights)[0].state == "open"
    nights.clock.now = first.cut - timedelta(microseconds=1)
    # The ledger was begun before.
    assert told_of(nights)[0].state == "to come"


def test_what_stands_and_what_was_handed_in(tmp_path):
    nights = Nights(tmp_path)
    (name,) = nights.names(1)
    nights.hand_in("A", listed(TIED, night=name), name)
    nights.clock.set(1, 16, 30)
    nights.hand_in("A", listed(TIED[:2], night=name), name)
    nights.hand_in("B", b"night,area,kind,cell,risk\n2018-07-01,Nowhere,burglary,r000c000,1\n", name)
    open_night = night_of(nights, name)
    assert set(open_night.outcomes.values()) == {""}
    assert open_night.received == {}
    assert open_night.files == {"A": 2, "B": 1, "C": 0, "in-house": 0}
    nights.clock.now = nights.trial.locked.night(name).deadline + timedelta(seconds=1)
    nights.hand_in("C", listed(TIED, night=name), name)
    nights.close(name)
    told = night_of(nights, name)
    assert told.outcomes == {"A": "in", "B": "rejected", "C": "late", "in-house": "missing"}
    assert told.received == {"A": "2018-07-01T16:30:00.000000Z"}
    assert told.files == {"A": 2, "B": 1, "C": 1, "in-house": 0}
    assert night_of(nights, nights.names(2)[1]).files == {"A": 0, "B": 0, "C": 0, "in-house": 0}


def test_a_settled_night_keeps_what_it_was_scored_with(tmp_path, slip):
    nights = Nights(tmp_path)
    name, other = nights.names(2)
    held = nights.hand_in("A", listed(TIED, night=name), name).receipt.number
    first = nights.hand_in("B", listed([(SOUTH, 1, 1.0)], night=other), other).receipt.number
    nights.clock.set(1, 16, 5)
    second = nights.hand_in("B", listed([(SOUTH, 2, 1.0)], night=other), other).receipt.number
    judge(nights.trial)
    slip()
    judge_held(nights.trial, first)
    nights.close(name, other)
    assert night_of(nights, name).outcomes["A"] == "held"
    assert night_of(nights, other).received["B"].startswith("2018-07-01T16:00")
    nights.keep(CROWD, SETTLED + timedelta(days=1))
    score(nights.trial)
    for number in (held, second):
        judge_held(nights.trial, number)
    told = night_of(nights, name)
    assert told.state == "settled"
    assert told.outcomes["A"] == "held"
    assert told.received == {}
    assert night_of(nights, other).received["B"].startswith("2018-07-01T16:00")


def test_six_nights(tmp_path):
    nights = six_nights(tmp_path)
    told = told_of(nights)
    assert [one.outcomes["B"] for one in told[:7]] == ["in", "in", "missing", "in", "in", "in", ""]
    assert [one.outcomes["C"] for one in told[:4]] == ["in", "in", "missing", "missing"]
