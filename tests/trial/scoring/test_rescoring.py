"""Recorded scores are made again, and whatever was changed is found."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.rescoring import Rescorer, rescore
from tests.trial.scoring.nights import AFTER, CROWD, SETTLED, six_nights


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    nights = six_nights(tmp_path_factory.mktemp("finished"))
    nights.keep(CROWD, AFTER.replace(day=10))
    score(nights.trial)
    nights.keep(CROWD, SETTLED + timedelta(days=40))
    score(nights.trial)
    return nights


def test_recorded_scores_are_made_again(finished):
    rescorer, history = Rescorer(finished.trial), None
    for record in finished.trial.history().scores:
        history = finished.before(record.number)
        assert rescorer.differences(history, record) == []
    assert len(finished.trial.history().scores) == 12


def planted(nights, record, change):
    """The record with another blob, in which something was changed."""
    told = json.loads(nights.trial.blobs.get(record.body["blob"]))
    change(told)
    return replace(record, body=record.body | {"blob": nights.trial.blobs.put(canonical_json(told))})


def hits_of(told, name="A", kind="burglary"):
    (row,) = [row for row in told["rows"] if (row["forecaster"], row["kind"]) == (name, kind)]
    return row["caught"]["hits"]


def raise_hits(by):
    def change(told):
        hits = hits_of(told)
        hits[1] += by

    return change


def swap(told):
    first, second = hits_of(told, "A"), hits_of(told, "B")
    first[:], second[:] = list(second), list(first)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (raise_hits(1e-6), "rows of A, burglary, caught, hits number 2"),
        (swap, "rows of B, burglary, caught, hits number 2"),
        (lambda told: told["rows"][0].update(status="late"), "rows of A, burglary, status"),
        (lambda told: told["rows"][0].update(forecaster="B"), "rows of A, burglary, forecaster"),
        (lambda told: told["rows"].pop(), "rows"),
        (lambda told: told["events"][0].__setitem__(1, told["events"][0][1] + 1.0), "events number 1 number 2"),
        (lambda told: told["outside"].__setitem__(0, 99.0), "outside number 1"),
        (lambda told: told["total_m2"].__setitem__(0, 1.0), "total_m2 number 1"),
        (lambda told: told.update(night="2018-07-05"), "night"),
        (lambda told: hits_of(told).__setitem__(0, None), "rows of A, burglary, caught, hits number 1"),
    ],
)
def test_a_changed_score_is_found(finished, change, what):
    record = finished.trial.history().scores[0]
    found = rescore(finished.trial, finished.before(record.number), planted(finished, record, change))
    assert what in [one.what for one in found]
    assert {one.record for one in found} == {record.number}


def test_last_digits_may_differ(finished):
    record = finished.trial.history().scores[0]
    other = planted(finished, record, raise_hits(1e-12))
    assert other.body["blob"] != record.body["blob"]
    assert rescore(finished.trial, finished.before(record.number), other) == []


def test_a_changed_record_is_found(finished):
    first, last = finished.trial.history().scores[0], finished.trial.history().scores[-1]
    before = finished.before(first.number)
    newer = finished.trial.history().snapshots[-1]["blob"]
    for name, value in (("settled", True), ("snapshot", newer), ("plan", "0" * 64), ("settled", 0)):
        changed_record = replace(first, body=first.body | {name: value})
        assert [one.what for one in rescore(finished.trial, before, changed_record)] == [name]
    # Of a night that is not closed, or of which the settled score is recorded.
    far = replace(first, body=first.body | {"night": "2018-07-20"})
    assert "not closed" in rescore(finished.trial, before, far)[0].found
    again = replace(last, number=last.number + 1)
    assert "after its settled one" in rescore(finished.trial, finished.before(last.number + 1), again)[0].found
    # Of a night of which there was no snapshot yet.
    earlier = finished.before(before.last)
    while earlier.snapshots:
        earlier = finished.before(earlier.last)
    assert [one.what for one in rescore(finished.trial, earlier, first)] == ["snapshot"]
    with pytest.raises(InputError, match="no score"):
        rescore(finished.trial, before, replace(first, body=first.body | {"blob": finished.trial.blobs.put(b"{}")}))
