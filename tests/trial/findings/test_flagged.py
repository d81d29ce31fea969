"""Boxes and crimes night by night, held to a slow twin and to the recorded hits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from predpol_eval.errors import InputError
from predpol_eval.trial.closing import declare_void
from predpol_eval.trial.findings import flagged_nights
from predpol_eval.trial.findings.scored_nights import scored_nights
from predpol_eval.trial.intake import judge, judge_held
from predpol_eval.trial.scoring.nightly import score
from predpol_eval.trial.scoring.nights_tally import tally_of
from tests.trial.findings.twins import same_as_slow, slow_flagged
from tests.trial.plan.town import PLAN
from tests.trial.scoring.nights import (
    CROWD,
    MID,
    NORTH,
    SETTLED,
    SOUTH,
    TIED,
    Nights,
    drawn,
    listed,
    random_crimes,
    rectangle,
    six_nights,
)


def within_the_score(nights: Nights, found, *, settled: bool = True) -> int:
    """Hold hits in flagged cells to those of the tally; how many of them were tied."""
    trial = nights.trial
    tally = tally_of(trial, settled=settled)
    names = {np.datetime64(night.start.replace(tzinfo=None), "ns"): night.number for night in trial.locked.nights}
    places = [names[start] for start in tally["window"].to_numpy().astype("datetime64[ns]")]
    told = scored_nights(trial, trial.history())
    drew = {
        (entry.forecaster, one.score.night, entry.kind)
        for one in told.values()
        for entry in one.score.entries
        if entry.form == "boxes"
    }
    tied = 0
    for label, shares in found.shares.items():
        for code, area in enumerate(trial.grid.labels):
            mine = found.areas == code
            caught = (shares * found.crimes)[places][..., mine].sum(axis=-1)
            hits, worst, best = (
                tally[name].sel(forecaster=label, area=area).isel(budget=0).transpose("window", "kind").to_numpy()
                for name in ("hits", "hits_worst", "hits_best")
            )
            np.testing.assert_array_equal(np.isnan(caught), np.isnan(hits))
            lists = ~np.array(
                [
                    [(label, trial.locked.nights[place].name, kind) in drew for kind in trial.locked.kinds]
                    for place in places
                ]
            )
            definite = best - worst < 1e-9
            np.testing.assert_allclose(caught[lists & definite], hits[lists & definite], atol=1e-9)
            here = lists & ~np.isnan(hits) & ~definite
            assert (caught[here] >= worst[here] - 1e-9).all()
            assert (caught[here] <= best[here] + 1e-9).all()
            tied += int(here.sum())
    return tied


def test_all_of_a_whole_trial(ended):
    history = ended.trial.history()
    found = flagged_nights(ended.trial, history)
    same_as_slow(found, slow_flagged(ended.trial), ended.trial.grid)
    # The template ranks all alike, so that what C caught was decided by lot.
    within_the_score(ended, found)
    tally = tally_of(ended.trial, history)
    for label in ("A", "B"):
        hits = float(tally["hits"].sel(forecaster=label).sum())
        assert float(np.nansum(found.shares[label] * found.crimes)) == pytest.approx(hits)
    assert np.isnan(found.crimes[4]).all()
    assert np.isnan(found.shares["A"][4]).all()
    assert np.isnan(found.shares["B"][8]).all()
    assert not np.isnan(found.shares["A"][8]).any()
    counted = found.shares["A"][[0, 7, 29]]
    for code in range(3):
        assert (counted[..., found.areas == code].sum(axis=-1) == ended.trial.locked.k).all()


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """Six nights with ties, a missing file and polygons, some settled and some not."""
    nights = six_nights(tmp_path_factory.mktemp("six"))
    nights.keep(CROWD, datetime(2018, 7, 8, 12, tzinfo=UTC))
    score(nights.trial)
    nights.keep(CROWD, SETTLED + timedelta(days=2))
    score(nights.trial)
    # What is left out of the record later changes the nights that settle then, and no other.
    early = CROWD.happened < np.datetime64("2018-07-04T19:00")
    since = CROWD.happened >= np.datetime64("2018-07-01T19:00")
    nights.keep(CROWD.take(~(early & since & (np.arange(len(CROWD)) % 2 == 0))), SETTLED + timedelta(days=3))
    score(nights.trial)
    return nights


@pytest.mark.parametrize("settled", [True, False])
def test_ties_polygons_and_files_that_are_missing(six, settled):
    found = flagged_nights(six.trial, six.trial.history(), settled=settled)
    same_as_slow(found, slow_flagged(six.trial, settled=settled), six.trial.grid)
    assert within_the_score(six, found, settled=settled) >= 1
    count = 4 if settled else 6
    told = ~np.isnan(found.crimes).any(axis=(1, 2))
    assert told.tolist() == [True] * count + [False] * (30 - count)
    assert np.isnan(found.shares["B"][2]).all()
    # A has listed five boxes of burglary in two areas, and nothing of robbery.
    assert found.shares["A"][0].sum(axis=-1).tolist() == [4.0, 0.0]
    assert sorted(found.ranks["A"][0, 0].tolist())[-5:] == [1, 1, 2, 3, 4]
    assert found.shares["C"][0].max() == pytest.approx(0.25)
    assert set(found.ranks) == {"A", "B", "C"}
    assert (found.ranks["C"][0] == 0).all()
    assert found.ranks["C"][1].max() == 4
    # Nobody who never handed in anything is left out.
    assert np.isnan(found.shares["in-house"]).all()


def test_lots_are_the_same_for_all(six):
    found = flagged_nights(six.trial, six.trial.history(), settled=False)
    np.testing.assert_array_equal(found.ranks["A"][1], found.ranks["C"][1])
    # Every night the same cells of those that are tied, since only seed and place decide.
    np.testing.assert_array_equal(found.ranks["A"][0], found.ranks["A"][5])


def test_another_seed_has_other_lots(tmp_path):
    flagged = set()
    for seed in range(3):
        nights = Nights(tmp_path / str(seed), PLAN.replace('name = "A trial"', f'name = "A trial"\nseed = {seed}'))
        nights.hand_in("A", listed(TIED))
        nights.close("2018-07-01")
        nights.keep(CROWD, datetime(2018, 7, 4, 12, tzinfo=UTC))
        score(nights.trial)
        found = flagged_nights(nights.trial, nights.trial.history(), settled=False)
        flagged.add(tuple(np.flatnonzero(found.shares["A"][0, 0]).tolist()))
    assert len(flagged) > 1


def random_file(draw, name: str) -> bytes | None:
    """A file of boxes with many ties, of polygons along cells or across them; or none."""
    form = draw.choice(["none", "boxes", "along", "across"], p=[0.15, 0.55, 0.15, 0.15])
    if form == "none":
        return None
    if form == "boxes":
        parts = []
        for kind in ("burglary", "robbery"):
            places = [(column, row) for column in range(12) for row in range(4) if draw.random() < draw.random()]
            parts.append(listed([(*place, float(draw.integers(4))) for place in places], kind, name).decode())
        lines = [line for part in parts for line in part.splitlines()[1:]]
        return "\n".join(["night,area,kind,cell,risk", *lines, ""]).encode() if lines else None
    shapes = []
    for ward in (SOUTH, MID, NORTH):
        column, row = ward + int(draw.integers(3)), int(draw.integers(3))
        west, south = 250 * column, 250 * row
        if form == "along":
            shapes.append(rectangle(west, south, west + 500, south + 250))
        else:
            # It may reach over the border of the ward, and of the study area.
            east, up = draw.uniform(50, 400, 2)
            shapes.append(rectangle(west - 60, south - 60, west + east, south + up))
    return drawn(shapes, str(draw.choice(["burglary", "robbery"])), name)


@pytest.mark.parametrize(("seed", "uncertain"), [(1, False), (2, True)])
def test_any_trial(tmp_path, seed, uncertain):
    any_trial(tmp_path, seed, uncertain)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 23))
def test_any_of_many_trials(tmp_path, seed):
    any_trial(tmp_path, seed, seed % 2 == 0)


def any_trial(tmp_path, seed: int, uncertain: bool) -> None:
    draw = np.random.default_rng([seed, uncertain])
    nights = Nights(tmp_path)
    for name in nights.names(7):
        nights.clock.now = nights.trial.locked.night(name).cut
        for label in nights.trial.locked.submitters[:3]:
            data = random_file(draw, name)
            if data is not None:
                nights.hand_in(label, data, name)
        nights.close(name)
    crimes = random_crimes(seed, "2018-06-01", 60, 900, uncertain=uncertain)
    for day in (6, 12):
        nights.keep(crimes, datetime(2018, 7, day, 12, tzinfo=UTC))
        score(nights.trial)
    nights.keep(crimes, SETTLED + timedelta(days=3))
    score(nights.trial)
    assert {record.body["settled"] for record in nights.trial.history().scores} == {True, False}
    for settled in (True, False):
        found = flagged_nights(nights.trial, nights.trial.history(), settled=settled)
        same_as_slow(found, slow_flagged(nights.trial, settled=settled), nights.trial.grid)
        assert within_the_score(nights, found, settled=settled) > 0


def test_nights_that_count_for_nobody(tmp_path, slip):
    nights = Nights(tmp_path)
    names = nights.names(4)
    for number, name in enumerate(names):
        nights.clock.set(1 + number, 16)
        nights.hand_in("A", listed(TIED, night=name), name)
        nights.hand_in("B", listed(TIED, night=name), name)
        if number == 1:
            judge(nights.trial)
            slip()
        nights.close(name)
    declare_void(nights.trial, [names[2]], "our server was down")
    nights.keep(CROWD, datetime(2018, 7, 10, 12, tzinfo=UTC))
    score(nights.trial)
    found = flagged_nights(nights.trial, nights.trial.history(), settled=False)
    same_as_slow(found, slow_flagged(nights.trial, settled=False), nights.trial.grid)
    told = [3]
    assert np.flatnonzero(~np.isnan(found.crimes).any(axis=(1, 2))).tolist() == told
    assert np.flatnonzero(~np.isnan(found.shares["B"]).any(axis=(1, 2))).tolist() == told


def test_a_night_is_of_the_files_that_it_was_scored_with(tmp_path, slip):
    nights = Nights(tmp_path)
    (name,) = nights.names(1)
    first, second = listed([(SOUTH, 1, 1.0)], night=name), listed([(SOUTH, 2, 1.0)], night=name)
    numbers = [nights.hand_in("A", data, name).receipt.number for data in (first, second)]
    judge(nights.trial)
    slip()
    # Both were held by our fault; only the first was checked again before the night was scored.
    judge_held(nights.trial, numbers[0])
    nights.close(name)
    nights.keep(CROWD, datetime(2018, 7, 4, 12, tzinfo=UTC))
    score(nights.trial)
    judge_held(nights.trial, numbers[1])
    assert nights.trial.history().standing("A", name).number == numbers[1]

    def box() -> list[int]:
        found = flagged_nights(nights.trial, nights.trial.history(), settled=False)
        same_as_slow(found, slow_flagged(nights.trial, settled=False), nights.trial.grid)
        # The first column of the grid, from the south.
        return found.cells[found.shares["A"][0, 0] == 1].tolist()

    assert box() == [12]
    nights.keep(CROWD, datetime(2018, 7, 5, 12, tzinfo=UTC))
    score(nights.trial)
    assert box() == [24]


def test_a_held_file_counts_once_the_night_is_scored_anew(tmp_path, slip):
    nights = Nights(tmp_path)
    (name,) = nights.names(1)
    held = nights.hand_in("A", listed([(SOUTH, 1, 1.0)], night=name), name).receipt.number
    nights.close(name)
    nights.keep(CROWD, datetime(2018, 7, 4, 12, tzinfo=UTC))
    score(nights.trial)
    slip()
    judge_held(nights.trial, held)
    assert np.isnan(flagged_nights(nights.trial, nights.trial.history(), settled=False).crimes).all()
    nights.keep(CROWD, datetime(2018, 7, 5, 12, tzinfo=UTC))
    score(nights.trial)
    found = flagged_nights(nights.trial, nights.trial.history(), settled=False)
    assert found.shares["A"][0, 0].sum() == 1
    same_as_slow(found, slow_flagged(nights.trial, settled=False), nights.trial.grid)


def test_a_score_of_a_file_that_never_stood(tmp_path):
    nights = Nights(tmp_path)
    (name,) = nights.names(1)
    nights.hand_in("A", listed([(SOUTH, 1, 1.0)], night=name), name)
    nights.close(name)
    nights.keep(CROWD, datetime(2018, 7, 4, 12, tzinfo=UTC))
    score(nights.trial)
    history = nights.trial.history()
    history.verdicts.clear()
    with pytest.raises(InputError, match="no file of it stood then; verify the ledger"):
        flagged_nights(nights.trial, history, settled=False)
