"""Amendments: dated, with a reason, from a night on; what was promised, and what has begun, never changes."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError, PlanLockedError, PredPolError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.plan import KEYS, Amendment, amend, apply, load_plan
from predpol_eval.trial.plan.keys import BASELINES_FIXED
from tests.trial.plan.town import made

# Four in the afternoon of the sixth night, an hour before its cut.
AT = datetime(2018, 7, 6, 15, tzinfo=UTC)
WHY = "Vendor B asked for half an hour more."
LATER = {"nights": {"deadline": "19:30"}}
AMENDED = {
    ("trial", "name"), ("test", "looks"), ("nights", "cut"), ("nights", "cut_days_before"), ("nights", "deadline"),
    ("nights", "deadline_days_before"), ("nights", "settling_days"), ("limits", "bytes"), ("limits", "rows"),
    ("limits", "vertices"), ("limits", "nights"),
}  # fmt: skip


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return made(tmp_path_factory.mktemp("plan"))


def test_a_deadline_moves_from_a_night_on(plan):
    after, amendment = amend(plan, LATER, reason=WHY, at=AT)
    assert amendment.night == "2018-07-06"
    assert after.nights[:5] == plan.nights[:5]
    assert all(
        new == dataclasses.replace(old, deadline=old.deadline + timedelta(minutes=30))
        for new, old in zip(after.nights[5:], plan.nights[5:], strict=True)
    )
    assert after.sha256 != plan.sha256 == amendment.plan == after.locked.sha256
    assert after.sha256 == sha256_of(after.canonical)
    assert after.amendments == (amendment,)
    assert amendment.in_words() == (
        "Amendment 1 of 2018-07-06T15:00Z, from the night 2018-07-06 on: [nights] deadline from 19:00 to 19:30. "
        "Reason: Vendor B asked for half an hour more."
    )
    # The plan itself is what it was.
    assert plan.nights[5].deadline == AT + timedelta(hours=3)
    assert "amended 1 times" in repr(after)


def test_the_plan_in_force_is_that_of_the_night(plan):
    once, _ = amend(plan, {"limits": {"rows": 1_000}}, reason=WHY, at=AT)
    twice, _ = amend(once, {"limits": {"rows": 5_000}}, reason="Too few.", at=AT + timedelta(days=10))
    rows = [twice.in_force(night).limits.rows for night in twice.nights]
    assert rows == [200_000] * 5 + [1_000] * 10 + [5_000] * 15
    assert twice.in_force("2018-07-05") == plan
    assert twice.in_force("2018-07-06") == once
    assert once.in_force("2018-07-30") == once
    assert twice.nights == plan.nights
    with pytest.raises(InputError, match="no night"):
        twice.in_force("2018-08-30")


def test_every_key_is_either_amended_or_says_why_not():
    assert {(table, key) for table, keys in KEYS.items() for key, entry in keys.items() if not entry.fixed} == AMENDED
    assert all(len(entry.fixed) > 20 for keys in KEYS.values() for entry in keys.values() if entry.fixed)


@pytest.mark.parametrize(
    ("table", "key"), [(table, key) for table, keys in KEYS.items() for key in keys if (table, key) not in AMENDED]
)
def test_what_may_not_be_amended_is_refused_with_its_reason(table, key, plan):
    with pytest.raises(PlanLockedError) as refusal:
        amend(plan, {table: {key: 5}}, reason=WHY, at=AT)
    assert str(refusal.value) == f"[{table}] {key} cannot be amended: {KEYS[table][key].fixed}."


def test_all_that_may_not_be_amended_is_told_at_once(plan):
    changes = {"budget": {"boxes": 4}, "baselines": {"x": "Uniform()"}, "nights": {"horizon": "8h", "cutt": 1}}
    with pytest.raises(PlanLockedError) as refusal:
        amend(plan, changes, reason=WHY, at=AT)
    told = str(refusal.value)
    assert f"[baselines] cannot be amended: {BASELINES_FIXED}." in told
    assert all(part in told for part in ("[budget] boxes cannot", "[nights] horizon cannot", "Did you mean 'cut'?"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "changes nothing"),
        ({"nights": {}}, "changes nothing"),
        ({"nights": {"deadline": "19:00"}}, "changes nothing"),
        ({"limits": {"rows": 200_000, "nights": 31}}, "changes nothing"),
        ({"nihgts": {"cut": "16:00"}}, "[nihgts] is unknown. Did you mean 'nights'?"),
        ({"nights": 5}, "nights is 5; write it as a table"),
        ({"nights": {"deadlin": "19:30"}}, "no key 'deadlin'. Did you mean 'deadline'?"),
        ({"nights": {"deadline": "25:00"}}, "[nights] deadline is '25:00'; expected a time of day"),
        ({"nights": {"deadline": "20:30"}}, "The deadline is after the start of the window on 2018-07-06, 2018-07-07"),
        ({"nights": {"cut": "19:30"}}, "The cut is after the deadline on 2018-07-06"),
        ({"test": {"looks": [10, 20]}}, "looks ends at 20, but the trial has 30 nights"),
    ],
)
def test_amendments_that_cannot_be(changes, said, plan):
    with pytest.raises(InputError) as refusal:
        amend(plan, changes, reason=WHY, at=AT)
    assert said in str(refusal.value)


@pytest.mark.parametrize("reason", ["", "  ", None, 5, "x" * 2_001])
def test_an_amendment_needs_a_reason(reason, plan):
    with pytest.raises(InputError, match="say in up to 2,000 signs why"):
        amend(plan, LATER, reason=reason, at=AT)


def test_an_amendment_needs_a_moment_in_order(plan):
    with pytest.raises(InputError, match="no time zone"):
        amend(plan, LATER, reason=WHY, at=AT.replace(tzinfo=None))
    after, _ = amend(plan, LATER, reason=WHY, at=AT.astimezone(timezone(timedelta(hours=5))))
    assert after.amendment.at == AT
    with pytest.raises(InputError, match="before amendment 1 of 2018-07-06T15:00"):
        amend(after, {"limits": {"rows": 9}}, reason=WHY, at=AT - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("at", "changes", "night"),
    [
        # The cut is at 16:00 UTC, to the microsecond.
        (datetime(2018, 7, 6, 15, 59, 59, 999999, tzinfo=UTC), LATER, "2018-07-06"),
        (datetime(2018, 7, 6, 16, tzinfo=UTC), LATER, "2018-07-07"),
        # Between cut and deadline vendors have tonight's data.
        (datetime(2018, 7, 6, 17, tzinfo=UTC), LATER, "2018-07-07"),
        # The new cut would have passed.
        (AT, {"nights": {"cut": "15:30"}}, "2018-07-07"),
        (AT, {"nights": {"cut": "16:30"}}, "2018-07-06"),
        # The new deadline would have passed.
        (AT, {"nights": {"cut": "15:00", "deadline": "15:30"}}, "2018-07-07"),
        (AT, {"nights": {"cut_days_before": 3}}, "2018-07-09"),
        (datetime(2018, 1, 1, tzinfo=UTC), LATER, "2018-07-01"),
        (AT, {"trial": {"name": "Better"}}, "2018-07-06"),
    ],
)
def test_from_which_night_on(at, changes, night, plan):
    after, amendment = amend(plan, changes, reason=WHY, at=at)
    assert amendment.night == night
    number = plan.night(night).number
    assert amendment.number_from == number
    assert after.nights[:number] == plan.nights[:number]
    assert after.nights[number:] != plan.nights[number:] or "nights" not in changes
    assert apply(plan.canonical, [amendment], areas=plan.areas_bytes) == after


def test_after_the_last_cut_nothing_is_left(plan):
    with pytest.raises(PlanLockedError, match="the cut of the last one, 2018-07-30, has passed"):
        amend(plan, LATER, reason=WHY, at=plan.nights[-1].cut)
    assert amend(plan, LATER, reason=WHY, at=plan.nights[-1].cut - timedelta(seconds=1))[1].night == "2018-07-30"


def test_looks_that_may_have_been_taken_stay(tmp_path):
    short = made(tmp_path, ("number = 30", "number = 90\nsettling_days = 7"), ("[10, 20, 30]", "[10, 20, 90]"))
    # By the end of July, 22 nights are settled.
    at = short.nights[21].settled_from
    for looks in ([10, 90], [10, 20, 22, 90], [12, 20, 90], [90]):
        with pytest.raises(PlanLockedError, match="22 nights are settled by now, so looks up to 22"):
            amend(short, {"test": {"looks": looks}}, reason=WHY, at=at)
    after, _ = amend(short, {"test": {"looks": [10, 20, 23, 60, 90]}}, reason=WHY, at=at)
    assert after.test.looks == (10, 20, 23, 60, 90)
    assert after.in_force("2018-07-01").test.looks == (10, 20, 90)


def test_amendments_are_read_again_and_make_the_same_plan(plan):
    steps = [
        ({"nights": {"deadline": "19:30", "cut": "16:45"}, "limits": {"rows": 7}}, AT),
        ({"nights": {"settling_days": 40}}, AT + timedelta(days=3)),
        ({"test": {"looks": [15, 30]}, "trial": {"name": "A longer one"}}, AT + timedelta(days=3)),
    ]
    after, records = plan, []
    for changes, at in steps:
        after, made_now = amend(after, changes, reason=WHY, at=at)
        records.append(Amendment.from_bytes(made_now.to_bytes()))
        assert records[-1] == made_now
    again = apply(plan.canonical, records, areas=plan.areas_bytes, sha256=plan.sha256)
    assert again == after
    assert [one.number for one in again.amendments] == [1, 2, 3]
    assert again.nights == after.nights
    assert again.other_versions() == ()
    assert again.settling_days == 40
    assert apply(plan.canonical, [], areas=plan.areas_bytes) == plan


def test_an_amendment_missing_out_of_turn_or_edited_is_refused(plan):
    once, first = amend(plan, LATER, reason=WHY, at=AT)
    _, second = amend(once, {"limits": {"rows": 7}}, reason=WHY, at=AT)

    def applied(*records):
        return apply(plan.canonical, records, areas=plan.areas_bytes)

    for records in ([second], [second, first], [first, first]):
        with pytest.raises(PlanLockedError, match="an amendment is missing, out of turn, or was changed"):
            applied(*records)
    before = (dataclasses.replace(plan.nights[4], deadline=AT),)
    edits = [
        {"number": 2},
        {"night": "2018-07-07"},
        {"at": AT + timedelta(days=1)},
        {"nights": first.nights[1:]},
        {"nights": before + first.nights},
        {"changes": (dataclasses.replace(first.changes[0], old="18:00"),)},
        {"changes": (dataclasses.replace(first.changes[0], new="19:40"),)},
    ]
    for edit in edits:
        with pytest.raises(PlanLockedError):
            applied(dataclasses.replace(first, **edit))
    # What no rule can tell from the truth has another hash, which the ledger keeps.
    reworded = dataclasses.replace(first, reason="Another.")
    assert reworded.sha256 != first.sha256
    assert applied(reworded) != once
    with pytest.raises(PlanLockedError, match="cannot hold from night number 4"):
        applied(dataclasses.replace(first, number_from=4, night="2018-07-05"))
    with pytest.raises(PlanLockedError):
        applied(dataclasses.replace(first, number_from=30))


def test_nights_of_a_record_made_by_another_clock_hold(plan, monkeypatch):
    from predpol_eval.trial.plan import amendments

    monkeypatch.setattr(amendments, "zones_of", lambda tz: "2099z")
    after, record = amend(plan, LATER, reason=WHY, at=AT)
    assert record.zones == "2099z"
    monkeypatch.undo()
    # As if the hands had been put back by law in 2099.
    odd = tuple(dataclasses.replace(night, deadline=night.deadline - timedelta(hours=1)) for night in record.nights)
    there = dataclasses.replace(record, nights=odd)
    again = apply(plan.canonical, [there], areas=plan.areas_bytes)
    assert again.nights[6].deadline == after.nights[6].deadline - timedelta(hours=1)
    assert again.nights[:5] == plan.nights[:5]
    assert "other moments for 2018-07-06, 2018-07-07" in again.other_versions()[-1]
    # By the same clock there is no such excuse.
    with pytest.raises(PlanLockedError, match="Amendment 1 was changed: made again, it is another"):
        apply(plan.canonical, [dataclasses.replace(there, zones=plan.versions["time zones"])], areas=plan.areas_bytes)


def test_a_plan_after_an_amendment_is_not_taken_for_a_locked_one(plan):
    after, _ = amend(plan, LATER, reason=WHY, at=AT)
    with pytest.raises(InputError, match="read the plan as it was locked, and apply its amendments"):
        load_plan(after.canonical, after.areas_bytes)


def test_what_is_no_amendment_is_refused(plan):
    _, record = amend(plan, LATER, reason=WHY, at=AT)
    told = json.loads(record.to_bytes())
    wrong = [b"", b"\xff", b"[]", b"null", b"[" * 100_000, record.to_bytes() + b" ", b"x" * 10_000_001]
    for name in told:
        wrong.append(canonical_json({key: value for key, value in told.items() if key != name}))
        for value in (None, True, 5, "x", [], [1], {"a": 1}):
            if value != told[name] and not (name in ("reason", "zones") and value == "x"):
                wrong.append(canonical_json({**told, name: value}))  # noqa: PERF401
    taken = []
    for data in wrong:
        try:
            taken.append(Amendment.from_bytes(data))
        except PredPolError:
            continue
    # Other numbers, and no change or no moved night, are well formed; the plan then refuses them.
    for record in taken:
        with pytest.raises(PredPolError):
            apply(plan.canonical, [record], areas=plan.areas_bytes)


@given(
    hours=st.integers(-200, 900),
    cut=st.integers(0, 19 * 60),
    before=st.integers(0, 3),
    wait=st.integers(0, 60),
    days=st.integers(0, 60),
)
def test_nothing_that_has_begun_ever_changes(hours, cut, before, wait, days, plan):
    at = AT + timedelta(hours=hours)
    deadline = min(cut + wait, 20 * 60)
    changes = {
        "nights": {
            "cut": f"{cut // 60:02d}:{cut % 60:02d}",
            "deadline": f"{deadline // 60:02d}:{deadline % 60:02d}",
            "cut_days_before": before,
            "settling_days": days,
        }
    }
    if min(plan.nights[-1].cut, plan.nights[-1].cut - timedelta(days=before, hours=17) + timedelta(minutes=cut)) <= at:
        with pytest.raises(PlanLockedError, match="No night is left"):
            amend(plan, changes, reason=WHY, at=at)
        return
    after, amendment = amend(plan, changes, reason=WHY, at=at)
    for old, new in zip(plan.nights, after.nights, strict=True):
        if old != new:
            assert min(old.cut, new.cut, old.deadline, new.deadline) > at
        assert (new.start, new.end) == (old.start, old.end)
        assert new.cut <= new.deadline <= new.start
        assert after.in_force(new) in (plan, after)
    assert apply(plan.canonical, [Amendment.from_bytes(amendment.to_bytes())], areas=plan.areas_bytes) == after
