"""Whole rehearsals in a made-up town: what is known comes out, the same again, and after every interruption."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.trial.folder import LEDGER, Trial
from predpol_eval.trial.rehearsal import VENDORS, months
from predpol_eval.trial.rehearsal.vendors import Strong
from predpol_eval.trial.standings.suspicion import CANNOT_TELL
from predpol_eval.trial.verifying import verify
from tests.trial.rehearsal.town import ALONE, FIVE, KNOWN, PLAIN, RULES, crimes, files_of, played, told

ROOT = Path(__file__).resolve().parents[3]
HONEST = ("A", "C", "D", "E", "in-house")


@pytest.fixture(scope="module")
def events():
    return crimes()


@pytest.fixture(scope="module")
def whole(events, tmp_path_factory):
    """Ten nights with a vendor of every kind."""
    return played(tmp_path_factory.mktemp("whole") / "rehearsal", "2018-07-10", events=events, text=KNOWN)


@pytest.fixture(scope="module")
def short(events, tmp_path_factory):
    """Four nights."""
    return played(tmp_path_factory.mktemp("short") / "rehearsal", "2018-07-04", events=events, text=PLAIN)


def test_the_known_order_comes_out(whole):
    pairs = {(pair.better, pair.worse): pair for pair in whole.pairs}
    assert {pair.verdict for pair in whole.pairs} <= {"a finding", "ahead, not told apart", "too little to tell"}
    for better, worse in (("B", "E"), ("B", "A"), ("B", "in-house"), ("E", "A"), ("E", "in-house"), ("A", "C")):
        assert pairs[better, worse].verdict == "a finding", (better, worse)
        assert pairs[better, worse].first_look in (2, 3)
    under_the_rule = pairs["E", "D"]
    assert under_the_rule.missing_rule
    assert under_the_rule.estimate > 0.2
    assert {pair.better_kind for pair in whole.pairs if pair.worse_kind == "random"} == {"unreliable", "count-map"}
    assert whole.order_came_out is None
    assert "Of the known order nothing is wrong" in whole.in_words()


def test_equals_are_equal_to_the_last_hit(whole):
    assert {(one.a, one.b): one.nights for one in whole.equals} == {
        ("A", "in-house"): 10, ("A", "three-week map"): 10, ("in-house", "three-week map"): 10,
        ("D", "E"): sum(night.outcomes["D"] == "in" for night in whole.findings.nights),
    }  # fmt: skip
    assert all(one.apart <= 1e-9 for one in whole.equals)
    assert "A and three-week map caught the same to the last hit on the 10 nights that both have." in whole.in_words()


def test_what_is_too_thin_to_tell_is_said(whole):
    assert {one.verdict for one in whole.findings.suspicions} == {CANNOT_TELL}
    assert whole.only_cheats_flagged is None
    assert "cannot be told of all; expected: B." in whole.in_words()
    words = whole.in_words()
    assert "by hindsight: cannot be told of A, B, C, D, E, in-house; at least 20 hits and 8 weeks" in words
    assert whole.as_it_should_be


def test_every_evening_is_judged_as_it_should_be(whole):
    assert sum(way.evenings for way in whole.ways) == 10 * 6
    assert [way.odd for way in whole.ways if way.odd] == []
    assert len(whole.ways) > 4
    assert {night.outcomes["D"] for night in whole.findings.nights} > {"in"}


def test_nothing_is_left_out(whole):
    """The ledger has every part of a trial, and vendors' heads and report fit it."""
    records = [kind for kind, _, _ in told(whole)]
    count = {kind: records.count(kind) for kind in set(records)}
    assert count["plan"] == 1
    assert count["key"] == 6
    assert count["release"] == count["closed"] == 10
    assert count["look"] == 3
    assert count["snapshot"] == 3
    settled = [record.body["settled"] for record in whole.trial.history().scores]
    assert settled.count(True) == 10
    assert settled.count(False) > 0
    assert whole.differences == ()
    assert len(list((whole.folder / "heads").iterdir())) == 10
    # The forecasts were of released crimes only, and snapshots know no more than was recorded.
    assert whole.findings.revisions[0].total("added") > 0
    assert (whole.folder / "evenings" / "2018-07-01" / "A-1.parquet").exists()


def test_only_the_owner_reads_it(whole):
    for path in (whole.folder, whole.folder / "keys", whole.folder / "trial"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (*(whole.folder / "keys").glob("*.private.pem"), whole.folder / "secret"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_shows_itself(whole):
    assert "cheats flagged, and nobody else: too little to tell" in repr(whole)
    assert "<th" in whole._repr_html_()
    spent = {one.what: one for one in whole.spent}
    assert spent["release"].number == 10
    assert spent["release"].most >= spent["release"].median > 0


def test_the_same_seed_gives_the_same(events, short, tmp_path):
    again = played(tmp_path / "again", "2018-07-04", events=events, text=PLAIN)
    assert files_of(again.folder) == files_of(short.folder)
    assert told(again) == told(short)
    assert again.findings.words() == short.findings.words()
    # Keys are drawn anew, so that the hashes differ.
    assert again.findings.head != short.findings.head


# Where a run is broken off: right after each of these has done its work, at the call of that number.
BREAKS = [
    ("signing.keygen", 2), ("signing.register_key", 1), ("signing.register_key", 3), ("signing.make_secret", 1),
    ("office.release_night", 1), ("office.write_quickly", 1), ("signing.write_quickly", 1),
    ("signing.write_quickly", 2),
    ("office.receive", 1), ("office.judge", 1), ("office.receive", 2), ("office.close_night", 1),
    ("office.keep_head", 1), ("office.release_night", 1), ("office.judge", 4), ("office.close_night", 1),
    ("office.take_snapshot", 1), ("office.score", 1), ("office.take_snapshot", 1), ("office.take_look", 1),
]  # fmt: skip


def test_broken_off_anywhere_it_goes_on_to_the_same_end(events, short, tmp_path, monkeypatch):
    place = tmp_path / "rehearsal"

    def half_locked(plan, folder, **words):
        (folder / "blobs").mkdir(parents=True)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(months, "lock", half_locked)
        with pytest.raises(KeyboardInterrupt):
            played(place, "2018-07-04", events=events, text=PLAIN)
    for name, call in BREAKS:
        with monkeypatch.context() as patch:
            module, function = name.split(".")
            _break(patch, f"predpol_eval.trial.rehearsal.{module}", function, call)
            with pytest.raises(KeyboardInterrupt):  # noqa: PT012
                played(place, "2018-07-04", events=events, text=PLAIN)
                pytest.fail(f"{name}, call {call}, was not met.")
    again = played(place, "2018-07-04", events=events, text=PLAIN)
    assert files_of(place) == files_of(short.folder)
    assert told(again) == told(short)
    assert again.findings.words() == short.findings.words()
    assert again.differences == ()
    # Run once more, there is nothing left to do.
    before = (place / "trial" / LEDGER).read_bytes()
    played(place, "2018-07-04", events=events, text=PLAIN)
    assert (place / "trial" / LEDGER).read_bytes() == before


def _break(patch, module, function, call):
    """Let a function do its work, and break off after so many calls."""
    import importlib

    real = getattr(importlib.import_module(module), function)
    left = [call]

    def broken(*arguments, **words):
        found = real(*arguments, **words)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return found

    patch.setattr(f"{module}.{function}", broken)


@pytest.fixture(scope="module")
def changed(events):
    """All that was recorded after the cut of the second night falls into other boxes."""
    frame = events.frame().assign(id=events.id)
    cut = np.datetime64("2018-07-02T16:00")
    late = events.known_from >= cut
    assert late.sum() > 100
    assert ((events.happened < cut) & late).sum() > 3
    # Mirrored within the town.
    frame.loc[late, "y"] = 433_000 + 1_000 - (frame.loc[late, "y"] - 433_000) - 1e-3
    return ppe.Events.from_frame(
        frame, happened="happened", recorded="recorded", kind="kind", id="id", crs=events.crs, tz=events.tz,
        observed=[("2017-11-01", "2018-09-01")],
    )  # fmt: skip


def test_only_the_cheat_knows_what_was_recorded_later(changed, short, tmp_path):
    poisoned = played(tmp_path / "poisoned", "2018-07-02", events=changed, text=PLAIN)
    for label in HONEST:
        mine = files_of(poisoned.folder, label)
        assert mine
        assert all(files_of(short.folder, label)[name] == data for name, data in mine.items()), label
    tonight = "evenings/2018-07-02/B-1.csv"
    assert files_of(poisoned.folder, "B")[tonight] != files_of(short.folder, "B")[tonight]


class Greedy(Strong):
    """Counts whatever it was given; our own forecasters would leave out by themselves what is not known yet."""

    def risks(self, tonight):
        assert tonight.truth is None
        boxes = tonight.scene.position[tonight.grid.cells_of(tonight.known)]
        count = np.bincount(boxes, minlength=len(tonight.scene.cells)).astype(float)
        return dict.fromkeys(tonight.plan.kinds, count)


def test_who_uses_all_that_was_given_knows_nothing_later_either(events, changed, tmp_path):
    one, other = (
        played(tmp_path / name, "2018-07-02", events=crimes, vendors={"A": Greedy()}, text=ALONE)
        for name, crimes in (("one", events), ("other", changed))
    )
    assert files_of(one.folder) == files_of(other.folder)
    assert len(files_of(one.folder)) == 2


def test_other_arguments_are_refused(events, short):
    place = short.folder
    with pytest.raises(PlanLockedError, match=r"seed: the store has \d+, this run 99"):
        played(place, "2018-07-04", events=events, text=PLAIN, seed=99)
    with pytest.raises(PlanLockedError, match="plan > nights > number: the store has 4, this run 5"):
        played(place, "2018-07-05", events=events, text=PLAIN)
    with pytest.raises(PlanLockedError, match="vendors > A"):
        played(place, "2018-07-04", events=events, text=PLAIN, vendors={**FIVE, "A": "strong"})
    with pytest.raises(PlanLockedError, match="crimes > fingerprint"):
        played(place, "2018-07-04", events=crimes(6), text=PLAIN)
    assert verify(Trial(place / "trial", short.trial.clock)) == []


def test_other_folders_are_refused(events, tmp_path):
    place = tmp_path / "rehearsal"
    place.mkdir()
    (place / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds other files \(thesis.txt\)"):
        played(place, "2018-07-04", events=events, text=PLAIN)
    (place / "thesis.txt").unlink()
    (place / "rehearsal.json").write_text("{")
    with pytest.raises(InputError, match="begin in a new folder"):
        played(place, "2018-07-04", events=events, text=PLAIN)


def test_arguments_that_cannot_be(events, tmp_path):
    for words, message in (
        ({"vendors": {"A": "weak"}}, "There is no synthetic vendor 'weak'"),
        ({"vendors": {"in-house": "strong"}}, "in-house"),
        ({"vendors": {}}, "vendors"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": True}, "seed=True"),
    ):
        with pytest.raises(InputError, match=message):
            played(tmp_path / "rehearsal", "2018-07-04", events=events, text=PLAIN, **words)
    with pytest.raises(InputError, match="do not tell of 2018-08-31, 2018-09-01, 2018-09-02"):
        played(tmp_path / "rehearsal", "2018-09-02", events=events, text=_longer())
    with pytest.raises(InputError, match="settles on 2018-09-0"):
        played(tmp_path / "rehearsal", "2018-08-30", events=events, text=_longer())
    assert not (tmp_path / "rehearsal").exists()


def _longer() -> str:
    return RULES.replace("number = 30", "number = 90").replace("looks = [4, 8, 30]", "looks = [4, 8, 90]")


def test_a_forecast_that_is_another_each_time_is_told(events, tmp_path, monkeypatch):
    """A vendor of one's own that its evening does not decide would make a rehearsal that cannot be resumed."""

    class Moody(Strong):
        def risks(self, tonight):
            moods.append(len(moods))
            return {kind: np.arange(len(tonight.scene.cells)) * (1.0 + len(moods)) for kind in tonight.plan.kinds}

    moods: list[int] = []
    place = tmp_path / "rehearsal"
    with monkeypatch.context() as patch:
        _break(patch, "predpol_eval.trial.rehearsal.office", "receive", 1)
        with pytest.raises(KeyboardInterrupt):
            played(place, "2018-07-01", events=events, text=PLAIN, vendors={"A": Moody()})
    # Received, and not yet checked: the evening is gone through again.
    with pytest.raises(InputError, match="was another when it was made before"):
        played(place, "2018-07-01", events=events, text=PLAIN, vendors={"A": Moody()})


def test_labels_are_dealt_out_by_the_seed(events, tmp_path):
    one = played(tmp_path / "one", "2018-07-01", events=events, text=PLAIN, vendors=None, seed=3)
    assert sorted(one.kinds) == ["A", "B", "C", "D", "E", "in-house"]
    assert set(one.kinds.values()) == set(VENDORS)
    assert json.loads((one.folder / "rehearsal.json").read_bytes())["seed"] == 3
    # One night tells nothing, and that is said.
    assert one.order_came_out is None
    assert one.as_it_should_be


KILLED = """
import sys
from pathlib import Path
from tests.trial.rehearsal.town import PLAIN, played
played(Path(sys.argv[1]), "2018-07-06", text=PLAIN)
"""


@pytest.mark.slow
@pytest.mark.linux_only
def test_killed_at_random_moments(events, tmp_path):
    """SIGKILL again and again, later and later; the end is that of a run that was left alone."""
    place = tmp_path / "rehearsal"
    draw = np.random.default_rng(4)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = 0
    for _ in range(60):
        child = subprocess.Popen([sys.executable, "-c", KILLED, str(place)], cwd=ROOT, env=environment)
        try:
            child.wait(timeout=float(draw.uniform(3, 12)))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            killed += 1
            continue
        assert child.returncode == 0
        break
    assert killed >= 3
    alone = played(tmp_path / "alone", "2018-07-06", events=events, text=PLAIN)
    again = played(place, "2018-07-06", events=events, text=PLAIN)
    assert files_of(place) == files_of(alone.folder)
    assert told(again) == told(alone)
    assert again.differences == ()
