"""All that a trial has found, from one reading of its ledger."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from predpol_eval.cli import app
from predpol_eval.trial.administration import amend_plan
from predpol_eval.trial.closing import close_night, declare_void
from predpol_eval.trial.findings import Findings, findings, findings_of, gathered
from predpol_eval.trial.folder import Trial
from predpol_eval.trial.look_records import look_at
from predpol_eval.trial.outcomes.revisions import compare_snapshots
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import tally_of
from predpol_eval.trial.standings import (
    league,
    patrol_report,
    read_dosage,
    sequences,
    standings_in_words,
    suspicions,
    together,
)
from tests.trial.plan.town import PLAN
from tests.trial.scoring.nights import CROWD, MID, SETTLED, SOUTH, TIED, Nights, drawn, listed, rectangle, six_nights
from tests.trial.thirty_nights import MISSED, VOID

PATROLS = b"night,area,cell,minutes\n2018-07-02,South,r000c000,30\n2018-07-05,South,r001c001,10\n"


@pytest.fixture(scope="module")
def found(ended) -> Findings:
    return findings_of(ended.trial, patrols=read_dosage(PATROLS, ended.trial.locked, ended.trial.grid))


def same(one, other) -> None:
    """Hold results to each other; what is not known is the same."""
    assert repr(one) == repr(other)


def test_it_is_what_its_parts_are(ended, found):
    trial, history = ended.trial, ended.trial.history()
    plan, grid = trial.locked, trial.grid
    with trial.ledger(read_only=True) as ledger:
        assert (found.head, found.records) == (ledger.head.hash, len(ledger))
    assert found.at == trial.clock()
    assert found.plan == plan
    assert found.grid is grid
    assert found.settled_only
    assert findings is findings_of
    tally = tally_of(trial, history)
    xr.testing.assert_identical(found.tally, tally)
    same(found.league, league(tally, plan, void=(VOID,)))
    flagged = found.flagged
    assert [one.label for one in found.suspicions] == [label for label in plan.submitters for _ in range(2)]
    same(
        found.suspicions[:2],
        suspicions("A", flagged.shares["A"], flagged.crimes, areas=flagged.areas, k=plan.k),
    )
    assert [(one.a, one.b) for one in found.courses] == list(plan.test.pairs)
    for mine, theirs in zip(found.courses, sequences(tally, plan, void=(VOID,)), strict=True):
        xr.testing.assert_identical(mine.data, theirs.data)
        assert mine.p_adjusted == theirs.p_adjusted
    assert [(one.a, one.b) for one in found.together] == list(plan.test.pairs)
    every = together(
        flagged.shares, flagged.crimes, areas=flagged.areas, k=plan.k, ranks=flagged.ranks,
        ground=grid.inside_m2.ravel()[flagged.cells], seed=plan.seed,
    )  # fmt: skip
    same([one for one in found.together if {one.a, one.b} == {"A", "B"}], [one for one in every if one.b == "B"])
    same(
        found.patrols,
        patrol_report(
            read_dosage(PATROLS, plan, grid).dense(flagged.nights, flagged.cells), flagged.shares, flagged.crimes
        ),
    )
    assert found.patrols.logged == 2
    # Of nights that were logged, the one that is void is nobody's.
    assert {row.nights for row in found.patrols.rows} == {1}
    assert found.revisions == ()
    assert found.words() == (
        *standings_in_words(
            found.league, courses=found.courses, suspicions=found.suspicions, together=found.together,
            patrols=found.patrols,
        ),
        *(
            f"Look {number} of the plan may be taken: its nights have settled, and it has not been."
            for number in (1, 2, 3)
        ),
    )  # fmt: skip
    assert "29 of 30 count" in repr(found)
    assert "looks taken: none; due: 1, 2, 3" in repr(found)
    assert found.head in found._repr_html_()


def test_nights_that_are_told_and_nights_that_count_are_the_same(found):
    state = {one.night: one.state for one in found.nights}
    assert state == {night.name: "void" if night.name == VOID else "settled" for night in found.plan.nights}
    told = {one.night: one for one in found.nights}
    assert told[MISSED].outcomes == {"A": "in", "B": "missing", "C": "in", "in-house": "in"}
    for number, night in enumerate(found.plan.nights):
        here = {label for label, values in found.flagged.shares.items() if not np.isnan(values[number]).any()}
        assert here == {label for label, what in told[night.name].outcomes.items() if what == "in"}
        assert here == set(told[night.name].received)


def test_from_the_command_line(ended, tmp_path, found):
    log = tmp_path / "patrols.csv"
    log.write_bytes(PATROLS)
    folder = str(ended.trial.folder)
    told = CliRunner().invoke(app, ["trial", "standings", folder, "--patrols", str(log)])
    assert told.exit_code == 0
    assert told.output.splitlines() == list(found.words())
    log.write_bytes(PATROLS + b"2018-07-02,South,r000c000,-1\n")
    told = CliRunner().invoke(app, ["trial", "standings", folder, "--patrols", str(log)])
    assert told.exit_code == 2
    assert "row 4: minutes are '-1'" in told.output
    told = CliRunner().invoke(app, ["trial", "standings", folder, "--patrols", str(tmp_path / "none.csv")])
    assert told.exit_code == 2


def test_ground_that_both_flagged_is_measured_inside_the_study_area(found, monkeypatch):
    asked = []
    monkeypatch.setattr("predpol_eval.trial.standings.together", lambda *given, **more: asked.append(more) or ())
    gathered._together(found.flagged, found.plan, found.grid)
    assert len(asked) == len(found.plan.test.pairs)
    for more in asked:
        assert more["ground"].tolist() == found.grid.inside_m2[found.grid.mask].tolist()


class Busy:
    """A clock that lets something happen the first time it is looked at."""

    def __init__(self, now: datetime, happens) -> None:
        self.now, self.happens = now, happens

    def __call__(self) -> datetime:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return self.now


def test_what_is_recorded_meanwhile_does_not_count(tmp_path):
    nights = six_nights(tmp_path)
    nights.keep(CROWD, datetime(2018, 7, 9, 12, tzinfo=UTC))
    score(nights.trial)
    before = findings_of(nights.trial, provisional=True)

    def happens() -> None:
        nights.hand_in("B", listed(TIED, night="2018-07-12"), "2018-07-12")
        nights.keep(CROWD, SETTLED)
        score(nights.trial)

    now = nights.clock.now
    found = findings_of(Trial(nights.trial.folder, Busy(now, happens)), provisional=True)
    assert len(nights.trial.history().scores) > 6
    assert (found.head, found.records) == (before.head, before.records)
    assert found.words() == before.words()
    assert found.nights == before.nights
    assert found.revisions == before.revisions == ()


def test_before_the_first_night(tmp_path):
    nights = Nights(tmp_path)
    patrols = read_dosage(PATROLS, nights.trial.locked, nights.trial.grid)
    for provisional in (False, True):
        found = findings_of(nights.trial, provisional=provisional, patrols=patrols)
        assert found.words() == (
            f"No night has a {'' if provisional else 'settled '}score that counts yet, so that nothing can be said of "
            "anybody.",
        )
        assert (found.tally, found.league, found.flagged, found.patrols) == (None,) * 4
        assert found.looks == found.due == found.courses == found.suspicions == found.together == found.revisions == ()
        assert found.provisional == 0
        assert len(found.nights) == 30
        assert "0 of 30 count" in repr(found)
    for more, what in (([], "settled score"), (["--provisional"], "score")):
        told = CliRunner().invoke(app, ["trial", "standings", str(nights.trial.folder), *more])
        assert told.exit_code == 0
        assert told.output.startswith(f"No night has a {what} that counts")


SHORT = PLAN.replace("number = 30", "number = 3").replace("[10, 20, 30]", "[3]")


def test_all_nights_void(tmp_path):
    nights = Nights(tmp_path, SHORT)
    declare_void(nights.trial, nights.names(3), "our server was down")
    nights.close(*nights.names(3))
    for day in (1, 2):
        nights.keep(CROWD, datetime(2018, 8, day, 20, tzinfo=UTC))
        score(nights.trial)
    found = findings_of(nights.trial)
    assert found.words()[0].startswith("No night has a settled score that counts")
    assert {one.state for one in found.nights} == {"void"}
    assert found.due == ()
    assert found.tally is None
    # What changed in the record is told all the same.
    assert [one.matched_by for one in found.revisions] == ["id"]


def test_a_night_that_is_held_and_a_submitter_who_never_submits(tmp_path, slip):
    nights = Nights(tmp_path, SHORT)
    first, *rest = nights.names(3)
    nights.hand_in("A", listed(TIED, night=first), first)
    nights.close(first)
    slip()
    for name in rest:
        nights.clock.now = nights.trial.locked.night(name).cut
        nights.hand_in("A", listed(TIED, night=name), name)
        nights.hand_in("B", drawn([rectangle(0, 0, 250, 250)], night=name), name)
        nights.close(name)
    nights.keep(CROWD, SETTLED + timedelta(days=5))
    score(nights.trial)
    found = findings_of(nights.trial)
    assert found.nights[0].outcomes["A"] == "held"
    assert found.tally.sizes["window"] == 2
    assert np.isnan(found.flagged.shares["B"][0]).all()
    assert np.isnan(found.flagged.shares["C"]).all()
    # A held night is left out for everybody, and not waited for.
    assert found.due == (1,)
    assert len(look_at(nights.trial, nights.trial.history(), 1, nights.clock.now).nights) == 2
    assert set(found.flagged.ranks) == {"A"}
    pair = next(one for one in found.together if {one.a, one.b} == {"A", "B"})
    assert pair.nights == 2
    assert pair.mixture_nights == 0
    assert next(one for one in found.together if {one.a, one.b} == {"A", "C"}).nights == 0
    assert {one.verdict for one in found.suspicions if one.label == "C"} == {"cannot tell"}
    words = "\n".join(found.words())
    assert "C has no settled night." in words


def test_provisional_nights_count_where_they_are_asked_for(tmp_path):
    nights = six_nights(tmp_path)
    nights.keep(CROWD, datetime(2018, 7, 8, 12, tzinfo=UTC))
    score(nights.trial)
    nights.keep(CROWD, SETTLED + timedelta(days=2))
    score(nights.trial)
    settled, all_of_it = (findings_of(nights.trial, provisional=which) for which in (False, True))
    assert settled.tally.sizes["window"] == 3
    assert all_of_it.tally.sizes["window"] == 6
    assert (settled.provisional, all_of_it.provisional) == (0, 3)
    assert settled.words()[0] == "3 nights have settled, 27 nights are still to come."
    assert all_of_it.words()[0] == (
        "3 nights have settled, 3 nights are provisional and may change, 24 nights are still to come."
    )
    for one, count in ((settled, 3), (all_of_it, 6)):
        (row,) = [row for row in one.league.scope() if row.forecaster == "A"]
        assert row.nights == len(one.league.nights) == count
        hits = one.tally["hits"].sel(forecaster="A").sum()
        assert row.hits == pytest.approx(float(hits))
        assert int((~np.isnan(one.flagged.crimes)).all(axis=(1, 2)).sum()) == count
    assert "6 of 30 count, 3 of them provisional" in repr(all_of_it)
    bytes_of = [nights.trial.blobs.get(body["blob"]) for body in nights.trial.history().snapshots]
    expected = compare_snapshots(*bytes_of, nights.trial.locked, nights.trial.grid)
    assert [one.record() for one in settled.revisions] == [expected.record()]
    assert settled.revisions[0].total("added") > 0


def test_an_amendment_in_force(tmp_path):
    nights = Nights(tmp_path)
    first, second, void = nights.names(3)
    # Void before anybody closes it, so that no score says so.
    declare_void(nights.trial, [void], "our server was down")
    nights.hand_in("A", listed(TIED, night=first), first)
    nights.close(first)
    amend_plan(nights.trial, {"nights": {"settling_days": 2}}, "crimes settle sooner")
    nights.clock.now = nights.trial.locked.night(second).cut
    nights.hand_in("A", listed(TIED, night=second), second)
    nights.close(second)
    nights.keep(CROWD, datetime(2018, 7, 10, 12, tzinfo=UTC))
    score(nights.trial)
    found = findings_of(nights.trial)
    assert len(found.plan.amendments) == 1
    assert found.plan == nights.trial.plan(nights.trial.history())
    assert [one.state for one in found.nights[:2]] == ["provisional", "settled"]
    assert found.league.nights == (second,)
    assert found.league.void == (void,)
    assert found.nights[2].state == "void"
    assert np.flatnonzero(~np.isnan(found.flagged.crimes).any(axis=(1, 2))).tolist() == [1]


SWAP = {"A": "B", "B": "A"}


def swapped_trials(folder) -> list[Nights]:
    """Two trials that differ in who is A and who is B, and in nothing else."""
    made = []
    for label in (dict, lambda names: {name: SWAP.get(name, name) for name in names}):
        names = label({"A": "A", "B": "B", "C": "C"})
        nights = Nights(folder / str(len(made)))
        draw = np.random.default_rng(5)
        for number, name in enumerate(nights.names(9)):
            nights.clock.now = nights.trial.locked.night(name).cut
            for who in ("A", "B", "C"):
                places = [(c, r, float(draw.integers(1, 5))) for c in range(12) for r in range(4)]
                if (who, number % 5) == ("B", 3):
                    continue
                data = listed(places, str(draw.choice(["burglary", "robbery"])), name)
                if (who, number % 4) == ("A", 1):
                    data = drawn([rectangle(250 * SOUTH, 0, 600, 250), rectangle(250 * MID, 0, 1500, 250)], night=name)
                nights.hand_in(names[who], data, name)
            close_night_now(nights, name)
        nights.keep(CROWD, SETTLED + timedelta(days=9))
        score(nights.trial)
        made.append(nights)
    return made


def close_night_now(nights: Nights, name: str) -> None:
    nights.clock.now = nights.trial.locked.night(name).deadline
    close_night(nights.trial, name)


def test_exchanging_two_labels_exchanges_them_and_nothing_else(tmp_path):
    one, other = (findings_of(nights.trial) for nights in swapped_trials(tmp_path))
    np.testing.assert_array_equal(one.flagged.crimes, other.flagged.crimes)
    for label in one.flagged.shares:
        np.testing.assert_array_equal(one.flagged.shares[label], other.flagged.shares[SWAP.get(label, label)])
    for label in one.flagged.ranks:
        np.testing.assert_array_equal(one.flagged.ranks[label], other.flagged.ranks[SWAP.get(label, label)])
    for mine, theirs in zip(one.nights, other.nights, strict=True):
        for part in ("outcomes", "received", "files"):
            assert {SWAP.get(label, label): what for label, what in getattr(mine, part).items()} == getattr(
                theirs, part
            )
    rows = {repr(replace(row, forecaster=SWAP.get(row.forecaster, row.forecaster))) for row in one.league.rows}
    assert rows == {repr(row) for row in other.league.rows}
    told = {repr(replace(each, label=SWAP.get(each.label, each.label))) for each in one.suspicions}
    assert told == {repr(each) for each in other.suspicions}

    named = {re.sub(r"\b[AB]\b", lambda label: SWAP[label.group()], sentence) for sentence in one.words()}
    assert named == set(other.words())
    assert set(one.words()) != set(other.words())


def test_pairs_with_a_baseline_are_compared_and_not_laid_over_each_other(tmp_path):
    text = PLAN.replace("looks = [10, 20, 30]", 'pairs = [["A", "kernel"], ["B", "A"]]')
    nights = Nights(tmp_path, text)
    (name,) = nights.names(1)
    nights.hand_in("A", listed(TIED, night=name), name)
    nights.hand_in("B", listed(TIED, night=name), name)
    nights.close(name)
    nights.keep(CROWD, SETTLED)
    score(nights.trial)
    found = findings_of(nights.trial)
    assert [(one.a, one.b) for one in found.courses] == [("A", "kernel"), ("B", "A")]
    assert [(one.a, one.b) for one in found.together] == [("B", "A")]


def test_a_folder_that_was_copied_tells_the_same(ended, found, tmp_path):
    shutil.copytree(ended.trial.folder, tmp_path / "trial")
    again = findings_of(Trial(tmp_path / "trial", ended.clock))
    assert again.head == found.head
    assert again.words()[:9] == found.words()[:9]
    same(again.league, found.league)
