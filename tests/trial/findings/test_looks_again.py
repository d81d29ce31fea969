"""Looks that were taken are made again; those that may be taken are the ones that would be."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.administration import amend_plan
from predpol_eval.trial.canonical import canonical_json, utc_text
from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.findings import findings_of
from predpol_eval.trial.findings.looks_again import looks_again, looks_due
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.look_records import look_at, take_look
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import tally_of
from tests.trial.plan.town import PLAN
from tests.trial.scoring.nights import CROWD, TIED, Nights, listed


@pytest.fixture
def copy(ended, tmp_path):
    """A trial that is over, to go on with."""
    shutil.copytree(ended.trial.folder, tmp_path / "trial")
    return Trial(tmp_path / "trial", ended.clock)


def would_be_taken(trial: Trial) -> tuple[int, ...]:
    """Obvious and slow: every look is tried."""
    history, at = trial.history(), trial.clock()
    found = []
    for number in range(1, len(trial.locked.test.looks) + 1):
        try:
            look_at(trial, history, number, at)
        except InputError:
            continue
        found.append(number)
    return tuple(found)


def records_of(trial: Trial):
    with trial.ledger(read_only=True) as ledger:
        return list(ledger.records())


def due(trial: Trial) -> tuple[int, ...]:
    """Looks that may be taken, held to those that would be."""
    history = trial.history()
    settled = [record for record in history.scores if record.body["settled"]]
    found = looks_due(trial.plan(history), history, tally_of(trial, history) if settled else None, trial.clock())
    assert found == would_be_taken(trial)
    return found


def test_looks_are_those_that_were_taken(copy):
    first = take_look(copy, 1)
    assert due(copy) == (2, 3)
    last = take_look(copy, 3)
    # They are of settled nights also where others are shown.
    found = findings_of(copy, provisional=True)
    assert found.due == ()
    assert [one.number for one in found.looks] == [1, 3]
    for again, was in zip(found.looks, (first, last), strict=True):
        assert canonical_json(again.record()) == canonical_json(was.record())
    assert "At the last look, after 29 settled nights of 30" in "\n".join(found.words())
    # What came after a look does not change it.
    assert [one.number for one in looks_again(copy, records_of(copy)[:-1])] == [1]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"number": 1}, r"Look 1 \(record \d+\) is not what was recorded.*verify the ledger"),
        ({"number": 4}, r"Look 4 \(record \d+\) cannot be made again: .*Verify the ledger"),
        ({"number": 1, "until": "2018-07-02T00:00:00.000000Z"}, r"Look 1 .*cannot be made again"),
    ],
)
def test_a_look_that_is_not_what_was_recorded(copy, body, told):
    blob = copy.blobs.put(b"{}")
    with copy.ledger() as ledger:
        ledger.append("look", {"settled": 10, "until": utc_text(copy.clock()), "blob": blob, **body})
    with pytest.raises(InputError, match=told):
        looks_again(copy, records_of(copy))


def test_looks_that_may_be_taken_as_nights_settle(tmp_path):
    text = PLAN.replace("number = 30", "number = 5").replace("[10, 20, 30]", "[2, 4, 5]")
    nights = Nights(tmp_path, text)
    names = nights.names(5)
    seen = [due(nights.trial)]
    declare_void(nights.trial, [names[1]], "our server was down")
    for number, name in enumerate(names):
        nights.clock.set(1 + number, 16)
        nights.hand_in("A", listed(TIED, night=name), name)
        # The third is forgotten at first.
        if number != 2:
            nights.close(name)
    for day in (30, 31):
        nights.keep(CROWD, datetime(2018, 7, day, 20, tzinfo=UTC))
        score(nights.trial)
        seen.append(due(nights.trial))
    for day in (1, 2, 3):
        nights.keep(CROWD, datetime(2018, 8, day, 20, tzinfo=UTC))
        seen.append(due(nights.trial))
        score(nights.trial)
        seen.append(due(nights.trial))
        if day == 1:
            nights.close(names[2])
            seen.append(due(nights.trial))
            score(nights.trial)
            seen.append(due(nights.trial))
            nights.clock.set(2, 12, month=8)
            seen.append(due(nights.trial))
    take_look(nights.trial, 1)
    seen.append(due(nights.trial))
    take_look(nights.trial, 3)
    seen.append(due(nights.trial))
    assert seen[0] == ()
    assert (1,) in seen
    assert seen[-3:] == [(1, 2, 3), (2, 3), ()]


def test_a_look_waits_for_a_night_before_those_that_have_settled(tmp_path):
    nights = Nights(tmp_path, PLAN.replace("number = 30", "number = 3").replace("[10, 20, 30]", "[1, 3]"))
    first, second, _ = nights.names(3)
    nights.close(first)
    amend_plan(nights.trial, {"nights": {"settling_days": 2}}, "crimes settle sooner")
    nights.close(second)
    nights.keep(CROWD, datetime(2018, 7, 6, 12, tzinfo=UTC))
    score(nights.trial)
    assert [record.body["night"] for record in nights.trial.history().scores if record.body["settled"]] == [second]
    assert due(nights.trial) == ()
