"""Finished rehearsals are kept, taken again, and never mixed with others."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError, PlanLockedError
from predpol_eval.trial.rehearsal import score_only
from predpol_eval.trial.rehearsal.cached_surfaces import cached_surfaces
from predpol_eval.trial.rehearsal.exchangeable_store import opened
from predpol_eval.trial.rehearsal.score_only import BLOCK, rehearse_scores
from tests.trial.rehearsal.score_town import crimes, ground, plan, plan_with

ARRAYS = ("estimate", "p", "found", "hits", "overlap")


def rehearsed(store=None, times=2 * BLOCK + 5, chosen=None, **more):
    return rehearse_scores(chosen or plan(), crimes(), times=times, noise=0.5, forecaster="kernel", store=store, **more)


def same(found, expected):
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


@pytest.fixture(scope="module")
def plain():
    return rehearsed()


@pytest.fixture
def counted(monkeypatch):
    """Numbers of the rehearsals that are made anew."""
    made = []
    block = score_only.rehearse_block

    def noted(*arguments):
        made.extend(range(arguments[-2], sum(arguments[-2:])))
        return block(*arguments)

    monkeypatch.setattr(score_only, "rehearse_block", noted)
    return made


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch, counted, plain):
    store = tmp_path / "store"
    with monkeypatch.context() as patch:
        block = score_only.rehearse_block

        def pulled(*arguments):
            if arguments[-2] == BLOCK:
                raise KeyboardInterrupt
            return block(*arguments)

        patch.setattr(score_only, "rehearse_block", pulled)
        with pytest.raises(KeyboardInterrupt):
            rehearsed(store)
    assert counted == list(range(BLOCK))
    counted.clear()
    same(rehearsed(store), plain)
    assert counted == list(range(BLOCK, 2 * BLOCK + 5))
    counted.clear()
    same(rehearsed(store), plain)
    assert counted == []


def test_fewer_are_taken_and_more_are_added(tmp_path, counted, plain):
    store = tmp_path / "store"
    rehearsed(store, times=BLOCK + 3)
    counted.clear()
    few = rehearsed(store, times=7)
    assert counted == []
    np.testing.assert_array_equal(few.p, plain.p[:7])
    # The block that was begun is made again as a whole.
    same(rehearsed(store), plain)
    assert counted == list(range(BLOCK, 2 * BLOCK + 5))


def test_other_noise_seed_or_test_is_kept_apart(tmp_path, counted, plain):
    store = tmp_path / "store"
    same(rehearsed(store), plain)
    for other in ({"seed": 9}, {"missing": 0.1}, {"house_noise": 0.5}, {"chosen": plan_with(correction="bh")}):
        counted.clear()
        found = rehearsed(store, times=3, **other)
        assert counted == [0, 1, 2]
        same(rehearsed(times=3, **other), found)
    counted.clear()
    same(rehearsed(store), plain)
    assert counted == []


def test_surfaces_are_not_made_again(tmp_path, monkeypatch):
    store = tmp_path / "store"
    rehearsed(store, times=1)
    expected = ground().risk
    monkeypatch.setattr("predpol_eval.trial.rehearsal.cached_surfaces._made", None)
    with opened(store) as kept:
        again = cached_surfaces(plan(), crimes(), forecaster="kernel", store=kept)
    np.testing.assert_array_equal(again.risk, expected)


def test_other_crimes_forecasters_and_versions_are_refused(tmp_path):
    store = tmp_path / "store"
    rehearsed(store, times=1)
    with pytest.raises(PlanLockedError, match=r"holds other surfaces.*\n  - forecaster: the store has KDE"):
        rehearse_scores(plan(), crimes(), times=1, forecaster=ppe.CountMap(), store=store)
    with pytest.raises(PlanLockedError, match="crimes: the store has"):
        rehearse_scores(plan(), crimes(uncertain=True), times=1, forecaster="kernel", store=store)
    manifest = store / "manifest.json"
    record = json.loads(manifest.read_text())
    record["versions"]["predpol_eval"] = "0.0"
    manifest.write_text(json.dumps(record))
    with pytest.raises(PlanLockedError, match=r"versions > predpol_eval: the store has 0\.0"):
        rehearsed(store, times=1)


@pytest.mark.parametrize("name", ["surfaces.npz", "from-000000.npz"])
def test_a_damaged_file_is_named(tmp_path, name):
    store = tmp_path / "store"
    rehearsed(store, times=1)
    (path,) = store.rglob(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name} of the store is damaged.*delete this file"):
        rehearsed(store, times=1)
    path.unlink()
    assert rehearsed(store, times=1).times == 1


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        rehearsed(tmp_path, times=1)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_two_runs_do_not_write_at_once(tmp_path):
    with opened(tmp_path / "store"), pytest.raises(InputError, match="Another run is writing"):
        rehearsed(tmp_path / "store", times=1)


def test_nothing_in_a_store_is_pickled(tmp_path):
    rehearsed(tmp_path / "store", times=1)
    kept = sorted(path.name for path in (tmp_path / "store").rglob("*") if path.is_file())
    assert kept == ["from-000000.npz", "lock", "manifest.json", "settings.json", "surfaces.npz"]
    for path in (tmp_path / "store").rglob("*.npz"):
        with np.load(path, allow_pickle=False) as parts:
            assert all(parts[name].dtype != object for name in parts.files)


def test_two_workers_give_the_same(tmp_path, plain):
    same(rehearsed(tmp_path / "store", n_jobs=2), plain)
    # What workers made is kept as what one process makes.
    same(rehearsed(tmp_path / "store"), plain)
    with pytest.raises(InputError, match="n_jobs=0"):
        rehearsed(times=1, n_jobs=0)


def test_the_bar_counts_rehearsals(monkeypatch, capsys, plain):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", terminal)
        same(rehearsed(progress=True), plain)
    assert "45/45" in terminal.getvalue()
    # And none is drawn where nobody looks.
    rehearsed(times=1, progress=True)
    assert capsys.readouterr() == ("", "")
