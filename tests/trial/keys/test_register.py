"""Which key counts when, and files judged by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import utc_text
from predpol_eval.trial.keys import KeyRegister, SignatureRefused, fingerprint, sign_submission
from tests.trial.keys.vectors import NOW, PLAN, private_key, record

DATA = b"file"
TICK = timedelta(microseconds=1)
START, CHANGE = datetime(2018, 6, 1, 12, tzinfo=UTC), datetime(2018, 8, 1, 12, tzinfo=UTC)
KEYS = [private_key(number) for number in range(3)]
MARKS = [fingerprint(key.public_key()) for key in KEYS]


def key(number, at, label, which, /, **changed):
    raw = KEYS[which].public_key().public_bytes_raw()
    body = {"label": label, "public": raw.hex(), "fingerprint": MARKS[which], "reason": "start", **changed}
    return record(number, "key", at, body)


def revoked(number, at, label, which, /, **changed):
    body = {"label": label, "fingerprint": MARKS[which], "reason": "lost", **changed}
    return record(number, "key revoked", at, body)


def signed(which=0, label="A", serial=1, **changed):
    parts = {"plan": PLAN, "nights": ["2018-07-01"], "now": NOW, **changed}
    return sign_submission(DATA, KEYS[which], label=label, serial=serial, **parts)


def code_of(register, envelope, *, data=DATA, received_at=NOW, plan=PLAN, last_serial=0, **expected):
    with pytest.raises(SignatureRefused) as caught:
        register.check(envelope, data, received_at=received_at, plan=plan, last_serial=last_serial, **expected)
    return caught.value.code


def check(register, envelope, *, data=DATA, received_at=NOW, plan=PLAN, last_serial=0, **expected):
    return register.check(envelope, data, received_at=received_at, plan=plan, last_serial=last_serial, **expected)


def faults_of(*records):
    with pytest.raises(InputError) as caught:
        KeyRegister.from_records(records)
    return str(caught.value)


TWO = KeyRegister.from_records([key(1, START, "A", 0), key(2, START, "B", 1)])
# A's key is replaced.
CHANGED = KeyRegister.from_records(
    [
        record(0, "plan", START, {"sha256": PLAN}),
        key(1, START, "A", 0),
        record(2, "receipt", START, "anything"),
        key(3, START, "B", 1),
        revoked(7, CHANGE, "A", 0),
        key(9, CHANGE + TICK, "A", 2),
    ]
)


def test_keys_are_read_from_records():
    first, second, third = CHANGED.keys
    assert (first.label, first.fingerprint, first.record, first.since, first.until) == ("A", MARKS[0], 1, START, CHANGE)
    assert (second.label, second.record, second.until) == ("B", 3, None)
    assert (third.label, third.fingerprint, third.since) == ("A", MARKS[2], CHANGE + TICK)
    assert third.public == KEYS[2].public_key().public_bytes_raw()
    assert KeyRegister.from_records([]).keys == ()


def test_a_key_is_in_force_from_its_record_until_its_revocation():
    assert CHANGED.of("A", START - TICK) is None
    assert CHANGED.of("A", START).fingerprint == MARKS[0]
    assert CHANGED.of("A", CHANGE - TICK).fingerprint == MARKS[0]
    assert CHANGED.of("A", CHANGE) is None
    assert CHANGED.of("A", utc_text(CHANGE + TICK)).fingerprint == MARKS[2]
    assert CHANGED.of("B", CHANGE).fingerprint == MARKS[1]
    assert CHANGED.of("C", CHANGE) is None


def test_moments_may_be_records_texts_or_of_any_zone():
    there = NOW.astimezone(timezone(timedelta(hours=-7)))
    as_datetimes = KeyRegister.from_records([record(1, "key", "", {}), key(2, START, "A", 0)][1:])
    assert as_datetimes.of("A", there) == as_datetimes.of("A", utc_text(NOW))
    late = key(2, START, "A", 0)
    late.at = START.astimezone(timezone(timedelta(hours=9)))
    assert KeyRegister.from_records([late]) == as_datetimes
    for wrong in (datetime(2018, 7, 1), "yesterday", None, 5):
        with pytest.raises(InputError, match=r"moment|time zone"):
            as_datetimes.of("A", wrong)
        with pytest.raises(InputError, match=r"moment|time zone"):
            check(TWO, signed(), received_at=wrong)


# Files ------------------------------------------------------------------------------------------------------


def test_a_signed_file_passes():
    assert check(TWO, signed()) is None
    assert check(TWO, signed(1, "B")) is None
    assert check(TWO, signed(serial=8), last_serial=7, label="A", nights=["2018-07-01"]) is None
    assert check(TWO, signed(), received_at=utc_text(NOW)) is None


def test_the_key_of_another_is_refused():
    # B signs as A, A signs as B, and a key that nobody registered.
    assert code_of(TWO, signed(1, "A")) == "wrong key"
    assert code_of(TWO, signed(0, "B")) == "wrong key"
    assert code_of(TWO, signed(2, "A")) == "wrong key"
    assert code_of(TWO, signed(0, "C")) == "wrong key"
    assert code_of(KeyRegister(), signed()) == "wrong key"


def test_whose_key_it_is_instead_is_not_told():
    with pytest.raises(SignatureRefused) as caught:
        check(TWO, signed(1, "A"))
    assert "'B'" not in str(caught.value)
    assert MARKS[0] not in str(caught.value)


def test_every_other_refusal_keeps_its_code():
    assert code_of(TWO, None) == "not signed"
    assert code_of(TWO, signed(), data=b"other") == "other file"
    assert code_of(TWO, signed(), plan="cd" * 32) == "other plan"
    assert code_of(TWO, signed(), label="B") == "other label"
    assert code_of(TWO, signed(), nights=["2018-07-02"]) == "other nights"
    assert code_of(TWO, signed(serial=3), last_serial=3) == "replayed"
    assert code_of(TWO, signed(serial=3), last_serial=4) == "replayed"
    forged = signed(1, "B").signature
    own = signed()
    assert code_of(TWO, type(own)(**{**vars(own), "signature": forged})) == "wrong signature"


def test_revoked_keys_at_the_boundary():
    assert check(CHANGED, signed(), received_at=CHANGE - TICK) is None
    assert code_of(CHANGED, signed(), received_at=CHANGE) == "wrong key"
    assert code_of(CHANGED, signed(), received_at=CHANGE + TICK) == "wrong key"
    # What the submitter says about the time of signing does not help.
    assert code_of(CHANGED, signed(now=START), received_at=CHANGE) == "wrong key"


def test_new_keys_at_the_boundary():
    assert check(CHANGED, signed(), received_at=START) is None
    assert code_of(CHANGED, signed(), received_at=START - TICK) == "wrong key"
    assert code_of(CHANGED, signed(2), received_at=CHANGE) == "wrong key"
    assert check(CHANGED, signed(2), received_at=CHANGE + TICK) is None


def test_a_key_replaced_at_one_moment_leaves_no_gap():
    register = KeyRegister.from_records([key(1, START, "A", 0), revoked(2, CHANGE, "A", 0), key(3, CHANGE, "A", 2)])
    assert check(register, signed(0), received_at=CHANGE - TICK) is None
    assert code_of(register, signed(0), received_at=CHANGE) == "wrong key"
    assert check(register, signed(2), received_at=CHANGE) is None
    assert code_of(register, signed(2), received_at=CHANGE - TICK) == "wrong key"


def test_a_second_revocation_leaves_the_first_as_it_was():
    late = CHANGE + timedelta(days=9)
    register = KeyRegister.from_records(
        [key(1, START, "A", 0), revoked(2, CHANGE, "A", 0), key(3, CHANGE, "A", 2), revoked(4, late, "A", 2)]
    )
    assert [each.until for each in register.keys] == [CHANGE, late]
    assert code_of(register, signed(0), received_at=late - TICK) == "wrong key"


def test_serial_numbers_go_on_under_a_new_key():
    assert code_of(CHANGED, signed(2, serial=5), received_at=CHANGE + TICK, last_serial=5) == "replayed"


def test_reasons_say_what_to_do():
    for received_at, words in (
        (CHANGE, "was revoked at 2018-08-01T12"),
        (START - TICK, "was registered at 2018-06-01T12"),
    ):
        with pytest.raises(SignatureRefused, match=words):
            check(CHANGED, signed(), received_at=received_at)


@pytest.mark.parametrize("last_serial", [-1, None, "3", 1.0, True])
def test_last_serial_is_a_number(last_serial):
    with pytest.raises(InputError, match="last_serial"):
        check(TWO, signed(), last_serial=last_serial)


def test_the_plan_is_needed():
    with pytest.raises(InputError, match="plan="):
        check(TWO, signed(), plan=None)


# Records that break a rule ----------------------------------------------------------------------------------


def test_a_key_for_two_labels_is_refused():
    assert "record 2 (key): the key" in faults_of(key(1, START, "A", 0), key(2, START, "B", 0))
    text = faults_of(key(1, START, "A", 0), revoked(2, START, "A", 0), key(3, START, "B", 0))
    assert "record 3 (key)" in text
    assert "every label has its own key" in text


def test_a_second_key_without_a_revocation_is_refused():
    assert "revoke it before another" in faults_of(key(1, START, "A", 0), key(2, CHANGE, "A", 1))


def test_a_key_cannot_come_back():
    assert "is registered already" in faults_of(key(1, START, "A", 0), key(2, START, "A", 0))
    assert "was revoked already" in faults_of(key(1, START, "A", 0), revoked(2, START, "A", 0), key(3, START, "A", 0))
    # Nor after another one.
    text = faults_of(
        key(1, START, "A", 0), revoked(2, START, "A", 0), key(3, START, "A", 1), revoked(4, START, "A", 1),
        key(5, START, "A", 0),
    )  # fmt: skip
    assert "record 5" in text


def test_only_a_key_in_force_can_be_revoked():
    assert "not registered for 'A'" in faults_of(revoked(1, START, "A", 0))
    assert "not registered for 'B'" in faults_of(key(1, START, "A", 0), revoked(2, START, "B", 0))
    text = faults_of(key(1, START, "A", 0), revoked(2, START, "A", 0), revoked(3, CHANGE, "A", 0))
    assert "record 3 (key revoked)" in text
    assert "was revoked already" in text


def test_records_are_read_in_their_order():
    assert "record 1 (key): it stands after" in faults_of(key(2, START, "A", 0), key(1, START, "B", 1))
    assert "record 2 (key): it stands after" in faults_of(key(2, START, "A", 0), key(2, START, "B", 1))
    assert "record 2 (key revoked): it stands" in faults_of(key(1, START, "A", 0), revoked(2, START - TICK, "A", 0))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"public": "ab" * 32}, "not safe"),
        ({"public": "00" * 32}, "not safe"),
        ({"public": "AB" * 32}, "64 hexadecimal"),
        ({"public": "zz"}, "64 hexadecimal"),
        ({"public": None}, "public is None"),
        ({"fingerprint": MARKS[1]}, "that of its public key is another"),
        ({"fingerprint": ""}, "fingerprint is ''"),
        ({"label": "../A"}, "no label"),
        ({"label": 5}, "label is 5"),
        ({"reason": "  "}, "reason is"),
        ({"reason": None}, "reason is None"),
    ],
)
def test_damaged_bodies_are_refused(changed, words):
    assert words in faults_of(key(4, START, "A", 0, **changed))


def test_damaged_revocations_and_records_are_refused():
    assert "reason is None" in faults_of(key(1, START, "A", 0), revoked(2, START, "A", 0, reason=None))
    assert "no keys and values" in faults_of(record(1, "key", START, ["A"]))
    assert "no moment" in faults_of(key(1, "2018", "A", 0))


def test_all_records_that_break_a_rule_are_named():
    text = faults_of(key(1, START, "A", 0), key(2, START, "B", 0), revoked(3, START, "C", 1), key(4, START, "A", 2))
    assert [f"record {number}" in text for number in range(1, 5)] == [False, True, True, True]


# Bodies of new records --------------------------------------------------------------------------------------


def test_bodies_of_new_records_fit():
    register = KeyRegister()
    body = register.new_key("A", KEYS[0].public_key(), "first key")
    assert body == key(1, START, "A", 0, reason="first key").body
    register = KeyRegister.from_records([record(1, "key", START, body)])
    gone = register.revocation("A", MARKS[0], "lost")
    assert gone == revoked(2, CHANGE, "A", 0).body
    register = KeyRegister.from_records([record(1, "key", START, body), record(2, "key revoked", CHANGE, gone)])
    assert register.of("A", CHANGE) is None


def test_bodies_that_would_break_a_rule_are_refused():
    with pytest.raises(InputError, match="every label has its own"):
        TWO.new_key("C", KEYS[0].public_key(), "x")
    with pytest.raises(InputError, match="revoke it before"):
        TWO.new_key("A", KEYS[2].public_key(), "x")
    with pytest.raises(InputError, match="cannot be registered again"):
        CHANGED.new_key("A", KEYS[0].public_key(), "x")
    with pytest.raises(InputError, match="no label"):
        TWO.new_key("C/", KEYS[2].public_key(), "x")
    with pytest.raises(InputError, match="reason"):
        TWO.new_key("C", KEYS[2].public_key(), "")
    with pytest.raises(InputError, match="not safe"):
        TWO.new_key("C", bytes(32), "x")
    with pytest.raises(InputError, match="cannot be revoked"):
        TWO.revocation("A", MARKS[1], "x")
    with pytest.raises(InputError, match="was revoked already"):
        CHANGED.revocation("A", MARKS[0], "x")
    with pytest.raises(InputError, match="reason"):
        TWO.revocation("A", MARKS[0], " ")


# Any story --------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["key", "key revoked"]), st.sampled_from("AB"), st.integers(0, 2), st.integers(0, 2)),
    max_size=8,
)


@given(steps)
def test_the_register_agrees_with_a_diary(story):
    records, now = [], START
    state, used, in_force = {}, set(), {}
    for number, (kind, label, which, wait) in enumerate(story):
        now += wait * TICK
        make = key if kind == "key" else revoked
        allowed = which not in used and label not in state if kind == "key" else state.get(label) == which
        attempt = [*records, make(number, now, label, which)]
        if not allowed:
            assert f"record {number}" in faults_of(*attempt)
            continue
        register = KeyRegister.from_records(attempt)
        records = attempt
        if kind == "key":
            state[label] = which
            used.add(which)
        else:
            del state[label]
        # The last record of a moment says what holds at that moment.
        in_force[now] = dict(state)
        for moment, keys in in_force.items():
            for each in "AB":
                found = register.of(each, moment)
                assert (found.fingerprint if found else None) == (MARKS[keys[each]] if each in keys else None)
