"""Many nights: the same numbers as a backtest's, recorded once each, and one tally of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import predpol_eval as ppe
from predpol_eval.errors import InputError
from predpol_eval.trial.administration import amend_plan
from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.intake import judge, judge_held
from predpol_eval.trial.outcomes.snapshots import thaw
from predpol_eval.trial.plan import windows_of
from predpol_eval.trial.scoring import nightly
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import pooled, tally_of
from predpol_eval.trial.scoring.rescoring import rescore
from tests.trial.evenings import FIRST, SECOND
from tests.trial.plan.town import changed
from tests.trial.scoring.nights import (
    AFTER,
    BEFORE,
    CROWD,
    SETTLED,
    TIED,
    Nights,
    crime,
    events_of,
    listed,
    middle,
    random_crimes,
    row_of,
    six_nights,
)
from tests.trial.scoring.test_one_night import CRIMES

# Thirty nights over the end of summer time, 28 October 2018, and over the end of a stretch.
AUTUMN = changed(("first = 2018-07-01", "first = 2018-10-10"), ("\"kernel\" = \"KDE(bandwidth=300)\"", (
    "\"kernel\" = \"KDE(bandwidth=300)\"\n"
    "\"prospective\" = \"ProspectiveHotspot()\"\n"
    "\"excited\" = \"SelfExciting()\""
)))  # fmt: skip


def bodies(records):
    return [(record.body["night"], record.body["settled"]) for record in records]


def same(found, expected):
    """Two tallies agree in all that both have."""
    for name in expected.data_vars:
        if name in ("status", "reason"):
            np.testing.assert_array_equal(found[name].to_numpy(), expected[name].to_numpy())
        else:
            np.testing.assert_allclose(
                found[name].to_numpy(), expected[name].to_numpy(), rtol=1e-9, atol=1e-9, err_msg=name
            )
    assert set(found.data_vars) == set(expected.data_vars)


@pytest.mark.parametrize("uncertain", [False, True], ids=["exact times", "uncertain times"])
def test_baselines_are_those_of_a_backtest(tmp_path, uncertain):
    nights = Nights(tmp_path, AUTUMN)
    plan = nights.trial.locked
    crimes = random_crimes(7, "2018-07-01", 140, 900, uncertain=uncertain)
    nights.close(*nights.names(30))
    at = datetime(2018, 12, 31, tzinfo=UTC)
    nights.keep(crimes, at)
    assert bodies(score(nights.trial)) == [(name, True) for name in nights.names(30)]
    found = tally_of(nights.trial)
    known = crimes.known_at(np.datetime64("2018-12-31"))
    expected = ppe.backtest(
        {**plan.forecasters(), "uniform": ppe.Uniform()},
        known,
        nights.trial.grid,
        windows_of(plan),
        budgets=ppe.TopCells(plan.k, per="area"),
        kinds=plan.kinds,
        method=plan.method,
        progress=False,
    )
    alongside = found.sel(forecaster=expected["forecaster"].to_numpy())
    same(alongside, expected)
    assert ("hits_once" in found) == uncertain
    for name, values in expected.coords.items():
        np.testing.assert_array_equal(found.coords[name] if name != "forecaster" else alongside[name], values)
    for name in ("grid", "crs", "cell", "tz", "method", "information_set", "n_areas"):
        assert found.attrs[name] == expected.attrs[name]
    assert found["role"].to_numpy().tolist() == ["vendor"] * 3 + ["in-house"] + ["baseline"] * 4 + ["chance"]
    # The night on which the clock is put back has 25 hours.
    hours = (found["window_end"] - found["window"]).to_numpy() / np.timedelta64(1, "h")
    assert hours.tolist() == [25 if name == "2018-10-27" else 24 for name in nights.names(30)]
    assert (found["status"].sel(forecaster="A") == "missing").all()
    assert found["hits"].sel(forecaster="A").isnull().all()
    assert found["events"].sel(forecaster="A").isnull().all()


@pytest.mark.parametrize("name", ["three-week map", "kernel"])
def test_a_baseline_handed_in_scores_as_the_baseline(tmp_path, name):
    nights = Nights(tmp_path)
    plan, grid = nights.trial.locked, nights.trial.grid
    crimes = random_crimes(3, "2018-06-01", 50, 400)
    lines = ["night,area,kind,cell,risk"]
    for kind in plan.kinds:
        risk = plan.forecasters()[name].fit(
            crimes.select(kinds=kind).known_at("2018-07-01 17:00"), grid, until="2018-07-01 17:00"
        )
        values = risk.predict(windows_of(plan)[:1]).to_numpy()[0]
        for column in range(12):
            area = {0: "South", 4: "mid", 8: "=North"}[column // 4 * 4]
            lines += [
                f"{FIRST},{area},{kind},r{row:03d}c{column:03d},{float(values[row, column])!r}" for row in range(4)
            ]
    nights.hand_in("A", "\n".join(lines).encode())
    nights.close(FIRST)
    nights.keep(crimes, AFTER)
    (record,) = score(nights.trial)
    found = nights.score_of(record)
    for kind in plan.kinds:
        for area in plan.areas:
            mine, theirs = row_of(found, "A", area, kind), row_of(found, name, area, kind)
            assert mine[7:] == pytest.approx(theirs[7:], rel=1e-12)
            assert mine.status == theirs.status == "ok"
    assert sum(row.hits for row in found.rows if row.forecaster == "A") > 0


LATE = crime(middle(1, 0), "2018-07-02 03:00", r="2018-07-20 12:00")


def test_provisional_scores_give_way_to_the_settled_one(tmp_path):
    nights = Nights(tmp_path)
    nights.hand_in("A", listed(TIED))
    nights.close(FIRST)
    crimes = events_of([*(one | {"r": one["t"]} for one in (*BEFORE, *CRIMES)), LATE])
    nights.keep(crimes, AFTER)
    first = score(nights.trial)
    assert bodies(first) == [(FIRST, False)]
    assert row_of(nights.score_of(first[0]), "A", "South").events == 7
    # The same snapshot is not scored twice; a newer one is.
    assert score(nights.trial) == ()
    nights.keep(crimes, AFTER.replace(day=21))
    second = score(nights.trial)
    assert bodies(second) == [(FIRST, False)]
    assert row_of(nights.score_of(second[0]), "A", "South").events == 8
    with pytest.raises(InputError, match="No night has a settled score"):
        tally_of(nights.trial)
    assert tally_of(nights.trial, settled=False)["settled"].to_numpy().tolist() == [False]
    nights.keep(crimes, SETTLED)
    third = score(nights.trial)
    assert bodies(third) == [(FIRST, True)]
    assert row_of(nights.score_of(third[0]), "A", "South").hits == pytest.approx(2 + 2 / 3 * 5)
    # It stands, whatever comes later.
    more = [crime(middle(0, 0), "2018-07-02 03:00", r="2018-08-20 12:00")]
    nights.keep(
        events_of([*(one | {"r": one["t"]} for one in (*BEFORE, *CRIMES)), LATE, *more]), SETTLED.replace(month=9)
    )
    assert score(nights.trial) == ()
    for settled in (True, False):
        assert tally_of(nights.trial, settled=settled)["events"].sel(forecaster="A").sum() == 12
    # As it was known at the time.
    assert (
        tally_of(nights.trial, nights.before(second[0].number), settled=False)["events"].sel(forecaster="A").sum() == 11
    )
    for record in (*first, *second, *third):
        assert rescore(nights.trial, nights.before(record.number), record) == []


def test_a_snapshot_that_settles_at_once_is_scored_once_for_good(tmp_path):
    nights = Nights(tmp_path)
    nights.close(FIRST, SECOND)
    crimes = events_of([*BEFORE, *CRIMES])
    nights.keep(crimes, SETTLED - timedelta(microseconds=1))
    assert bodies(score(nights.trial)) == [(FIRST, False), (SECOND, False)]
    nights.keep(crimes, SETTLED)
    # The second night settles a day later.
    assert bodies(score(nights.trial)) == [(FIRST, True), (SECOND, False)]
    nights.close("2018-07-03")
    assert bodies(score(nights.trial)) == [("2018-07-03", False)]


def test_interrupted_and_in_any_order_the_bytes_are_the_same(tmp_path, monkeypatch):
    straight, broken = (six_nights(tmp_path / name) for name in ("straight", "broken"))
    for each in (straight, broken):
        each.keep(CROWD, SETTLED + timedelta(days=40))
    expected = {record.body["night"]: record.body for record in score(straight.trial)}
    assert list(expected) == straight.names(6)
    calls = []
    true = nightly.score_night

    def dying(trial, history, night, *rest, **words):
        calls.append(night)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return true(trial, history, night, *rest, **words)

    monkeypatch.setattr(nightly, "score_night", dying)
    with pytest.raises(KeyboardInterrupt):
        score(broken.trial)
    assert len(broken.trial.history().scores) == 3
    assert len(score(broken.again())) == 3
    found = {record.body["night"]: record.body for record in broken.trial.history().scores}
    assert found == expected
    # One night by itself, of the middle, from its history.
    record = straight.trial.history().scores[4]
    (body,) = [straight.trial.history().snapshots[0]]
    from predpol_eval.trial.outcomes.snapshots import Snapshot

    snapshot = Snapshot.from_record(body)
    crimes = thaw(straight.trial.blobs.get(snapshot.sha256))
    alone = true(straight.trial, straight.before(record.number), record.body["night"], snapshot, crimes)
    assert alone.sha256 == record.body["blob"]


def test_the_plan_of_a_score_is_the_one_in_force_for_its_night(tmp_path):
    nights = Nights(tmp_path)
    locked = nights.trial.locked.sha256
    # The cut of the first night has passed.
    nights.clock.set(1, 17)
    amend_plan(nights.trial, {"nights": {"settling_days": 14}}, "records come in sooner")
    amended = nights.trial.plan(nights.trial.history()).sha256
    nights.close(*nights.names(2))
    nights.keep(CROWD, datetime(2018, 7, 20, tzinfo=UTC))
    records = score(nights.trial)
    # The second night settles by the plan as it was amended, the first as it was locked.
    assert bodies(records) == [(FIRST, False), (SECOND, True)]
    assert [record.body["plan"] for record in records] == [locked, amended]
    assert [nights.score_of(record).plan for record in records] == [locked, amended]
    for record in records:
        assert rescore(nights.trial, nights.before(record.number), record) == []


def test_two_who_score_at_once_record_each_night_once(tmp_path, monkeypatch):
    nights = six_nights(tmp_path)
    nights.keep(CROWD, AFTER.replace(day=10))
    true, others = nightly.score_night, []

    def slow(trial, history, night, *rest, **words):
        made = true(trial, history, night, *rest, **words)
        if night == nights.names(6)[2] and not others:
            others.append(())
            others.extend(score(nights.again()))
        return made

    monkeypatch.setattr(nightly, "score_night", slow)
    mine = score(nights.trial)
    assert [record.body["night"] for record in mine] == nights.names(2)
    assert [record.body["night"] for record in others[1:]] == nights.names(6)[2:]
    assert len(nights.trial.history().scores) == 6


def test_what_comes_in_meanwhile_is_taken_into_account(tmp_path, monkeypatch):
    nights = six_nights(tmp_path)
    nights.keep(CROWD, AFTER.replace(day=10))
    true, done = nightly.score_night, []

    def slow(trial, history, night, *rest, **words):
        made = true(trial, history, night, *rest, **words)
        if len(done) == 1:
            # While the second night is counted, a newer snapshot is kept.
            nights.keep(CROWD, AFTER.replace(day=12))
        done.append(night)
        return made

    monkeypatch.setattr(nightly, "score_night", slow)
    records = score(nights.trial)
    newest = nights.trial.history().snapshots[-1]["blob"]
    # The first stands on the older snapshot until it is scored again on the newer; the second never stood on it.
    assert [record.body["snapshot"] == newest for record in records] == [False] + [True] * 6
    assert [record.body["night"] for record in records] == [FIRST, *nights.names(6)]
    for record in records:
        assert rescore(nights.trial, nights.before(record.number), record) == []


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """The tally of six nights, of which some files are missing."""
    nights = six_nights(tmp_path_factory.mktemp("settled"))
    nights.keep(CROWD, SETTLED + timedelta(days=40))
    score(nights.trial)
    return tally_of(nights.trial)


def test_the_tally_is_compared_as_a_backtest_is(settled):
    found = settled
    together = pooled(found)
    result = ppe.compare(
        together.sel(forecaster="A"), together.sel(forecaster="B"), method="signflip", names=("A", "B")
    )
    assert result.n == 5
    assert result.with_missing.n == 6
    chosen = [0, 1, 3, 4, 5]
    hits = found["hits"].sum(["kind", "area", "budget"], skipna=False)
    events = found["events"].sum(["kind", "area"], skipna=False).sel(forecaster="A")
    gap = float((hits.sel(forecaster="A") - hits.sel(forecaster="B")).isel(window=chosen).sum())
    assert result.estimate == pytest.approx(gap / float(events.isel(window=chosen).sum()))
    all_of_a = float(hits.sel(forecaster="A").sum()) - float(hits.sel(forecaster="B").isel(window=chosen).sum())
    assert result.with_missing.estimate == pytest.approx(all_of_a / float(events.sum()))
    assert together["status"].sel(forecaster="B").to_numpy().tolist() == ["ok"] * 2 + ["missing"] + ["ok"] * 3
    assert "nothing was handed in" in together["reason"].sel(forecaster="B").to_numpy()[2]
    assert together.attrs["grid"] == found.attrs["grid"]
    # Of who draws polygons on any night, what follows the grid is not known on any.
    drawer = found.sel(forecaster="C").sum(["window", "kind", "area"])
    assert float(drawer["events"].squeeze()) > 0
    assert np.isnan(ppe.pei(drawer)).all()
    assert np.isnan(ppe.precision(drawer)).all()
    assert float(ppe.pei(found.sel(forecaster="A").sum(["window", "kind", "area"])).squeeze()) <= 1
    sequence = ppe.confidence_sequence(together.sel(forecaster="A"), together.sel(forecaster="uniform"))
    assert sequence.sizes["window"] == 6


def test_a_kind_that_failed_makes_the_night_miss(settled):
    found = settled
    broken = found.copy(deep=True)
    place = {"forecaster": "kernel", "kind": "robbery", "window": found["window"].to_numpy()[1]}
    for name in found.data_vars:
        broken[name].loc[place] = {"status": "failed", "reason": "an error"}.get(name, np.nan)
    together = pooled(broken).sel(forecaster="kernel")
    assert together["status"].to_numpy().tolist() == ["ok", "failed", "ok", "ok", "ok", "ok"]
    assert together["reason"].to_numpy().tolist() == ["", "an error", "", "", "", ""]
    assert np.isnan(together["hits"].isel(window=1)).all()
    assert np.isnan(together["events"].isel(window=1)).all()
    assert not np.isnan(together["hits"].isel(window=0)).any()
    with pytest.raises(InputError, match="dimension kind"):
        pooled(together)


def test_void_and_held_nights_count_for_nobody(tmp_path, slip):
    nights = Nights(tmp_path)
    names = nights.names(4)
    for number, name in enumerate(names):
        nights.clock.set(1 + number, 16)
        nights.hand_in("A", listed(TIED, night=name), name)
        if number == 1:
            judge(nights.trial)
            slip()
        nights.close(name)
    declare_void(nights.trial, [names[2]], "our server was down")
    nights.keep(CROWD, AFTER.replace(day=10))
    score(nights.trial)
    found = tally_of(nights.trial, settled=False)
    left_out = json.loads(found.attrs["left_out"])
    # Our check was broken on the first two evenings, and mended before the third.
    assert set(left_out) == set(names[:3])
    assert left_out[names[2]] == "void for all: our server was down"
    assert left_out[names[0]] == "our checks broke on what was handed in (A)"
    assert found.sizes["window"] == 1
    assert set(json.loads(found.attrs["record"])["scores"]) == {names[3]}
    for receipt in nights.trial.history().held:
        judge_held(nights.trial, receipt.number)
    nights.keep(CROWD, AFTER.replace(day=11))
    score(nights.trial)
    assert tally_of(nights.trial, settled=False).sizes["window"] == 3


def test_no_night_that_counts(tmp_path):
    nights = Nights(tmp_path)
    with pytest.raises(InputError, match="of 30 nights of the plan"):
        tally_of(nights.trial, settled=False)


def test_the_tally_is_saved_and_loaded(settled, tmp_path):
    found = settled
    ppe.save_tally(found, tmp_path / "tally.nc")
    again = ppe.load_tally(tmp_path / "tally.nc")
    same(again, found)
    assert again.attrs["left_out"] == "{}"
