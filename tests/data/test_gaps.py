"""The gap finder: what is missing is found, and a quiet time is left alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import predpol_eval as ppe
from predpol_eval.data import find_gaps
from predpol_eval.data.notes import gap_list, without_gaps
from predpol_eval.data.report import Gap

DAYS = 1200
Maker = Callable[[np.random.Generator], npt.NDArray[np.int64]]


def clustered(rng: np.random.Generator, rate: float, branching: float) -> npt.NDArray[np.int64]:
    """Crimes that bring further crimes in the days after them."""
    counts = rng.poisson(rate * (1 - branching), DAYS)
    for day in range(DAYS):
        later = day + rng.geometric(0.2, rng.poisson(branching * counts[day]))
        np.add.at(counts, later[later < DAYS], 1)
    return counts


def wave(rate: float) -> npt.NDArray[np.float64]:
    return np.asarray(rate * (1 + 0.8 * np.sin(2 * np.pi * np.arange(DAYS) / 365)))


WITHOUT_GAPS: dict[str, Maker] = {
    "twenty a year": lambda rng: rng.poisson(0.055, DAYS),
    "one in five days": lambda rng: rng.poisson(0.2, DAYS),
    "one a day": lambda rng: rng.poisson(1.0, DAYS),
    "fifty a day": lambda rng: rng.poisson(50, DAYS),
    "uneven, one a day": lambda rng: rng.negative_binomial(0.5, 1 / 3, DAYS),
    "uneven, fifty a day": lambda rng: rng.negative_binomial(5, 1 / 11, DAYS),
    "strong seasons": lambda rng: rng.poisson(wave(2.0)),
    "strong seasons, many": lambda rng: rng.poisson(wave(40.0)),
    "growing fiftyfold": lambda rng: rng.poisson(np.exp(np.linspace(0, np.log(50), DAYS))),
    "nothing at weekends": lambda rng: rng.poisson(20, DAYS) * (np.arange(DAYS) % 7 < 5),
    "crimes in clusters": lambda rng: clustered(rng, 1.0, 0.8),
    "clusters, ten a day": lambda rng: clustered(rng, 10.0, 0.5),
}


@pytest.mark.parametrize("name", list(WITHOUT_GAPS))
def test_a_series_without_gaps_raises_no_alarm(name: str) -> None:
    rng = np.random.default_rng(20)
    alarms = sum(bool(find_gaps(WITHOUT_GAPS[name](rng))) for _ in range(60))
    assert alarms <= 1


@pytest.mark.parametrize(("rate", "length"), [(50.0, 1), (5.0, 9), (1.0, 35), (0.3, 120), (5.0, 500)])
def test_a_gap_is_found_with_its_edges(rate: float, length: int) -> None:
    rng = np.random.default_rng(21)
    for _ in range(20):
        counts = rng.poisson(rate, DAYS)
        counts[400 : 400 + length] = 0
        (found,) = find_gaps(counts)
        # Quiet days beside the gap may be taken with it.
        slack = int(12 / rate) if rate < 50 else 0
        assert 400 - slack <= found.start <= 400
        assert 400 + length <= found.end <= 400 + length + slack
        assert found.crimes <= 0.1 * found.expected
        assert found.expected == pytest.approx(rate * (found.end - found.start), rel=0.35)


def test_a_missing_day_is_found_although_weekends_are_quiet() -> None:
    # Saturdays and Sundays hold a tenth of the other days: only weekday by weekday does a missing Wednesday show.
    rng = np.random.default_rng(26)
    rate = np.where(np.arange(DAYS) % 7 < 5, 60.0, 6.0)
    counts = rng.poisson(rate)
    counts[7 * 60 + 2] = 0
    assert [(gap.start, gap.end) for gap in find_gaps(counts)] == [(422, 423)]
    shifted = find_gaps(counts[3:], weekday=3)
    assert [(gap.start, gap.end) for gap in shifted] == [(419, 420)]


def test_strays_at_the_beginning_and_the_end_are_gaps() -> None:
    rng = np.random.default_rng(22)
    counts = np.zeros(3000, dtype=int)
    counts[1000:2000] = rng.poisson(10, 1000)
    counts[[0, 300, 700, 2999]] = 1
    first, last = find_gaps(counts)
    assert (first.start, first.end, first.crimes) == (0, 1000, 3)
    assert (last.start, last.end, last.crimes) == (2000, 3000, 1)


def test_a_short_island_does_not_split_a_gap_and_a_long_one_does() -> None:
    rng = np.random.default_rng(23)
    for island, pieces in ((2, 1), (40, 2)):
        counts = rng.poisson(10, 1500)
        counts[500:900] = 0
        counts[690 : 690 + island] = 12
        assert len(find_gaps(counts)) == pieces


def test_every_gap_found_is_nearly_empty_and_they_do_not_touch() -> None:
    rng = np.random.default_rng(24)
    for _ in range(40):
        counts = rng.poisson(rng.uniform(0.5, 30), 600)
        for _ in range(3):
            start = rng.integers(0, 590)
            counts[start : start + rng.integers(1, 90)] = 0
        found = find_gaps(counts)
        for gap in found:
            assert counts[gap.start : gap.end].sum() == gap.crimes <= 0.11 * gap.expected
        for earlier, later in pairwise(found):
            assert earlier.end < later.start


@given(st.lists(st.integers(0, 40), max_size=60))
def test_any_series_is_taken(counts: list[int]) -> None:
    for gap in find_gaps(counts):
        assert 0 <= gap.start < gap.end <= len(counts)


def test_too_few_crimes_tell_nothing() -> None:
    assert find_gaps([]) == ()
    assert find_gaps([0] * 500) == ()
    assert find_gaps([5, *[0] * 900, 4]) == ()


def test_each_observed_period_is_searched_by_itself() -> None:
    days = np.arange(np.datetime64("2018-01-01"), np.datetime64("2019-01-01"))
    missing = (days >= np.datetime64("2018-05-10")) & (days < np.datetime64("2018-06-01"))
    wall = np.repeat(days[~missing], 8).astype("datetime64[ns]")
    year = [(days[0], np.datetime64("2019-01-01"))]
    (gap,) = gap_list(wall, year)
    assert (gap.start, gap.end, gap.crimes) == ("2018-05-10", "2018-06-01", 0)
    hint = without_gaps(year, (gap,))
    assert hint == (("2018-01-01", "2018-05-10"), ("2018-06-01", "2019-01-01"))
    declared = [(np.datetime64(start), np.datetime64(end)) for start, end in hint]
    assert gap_list(wall, declared) == ()


def test_gaps_at_the_edges_leave_no_empty_period() -> None:
    gaps = (Gap("2018-01-01", "2018-01-11", 0, 80.0), Gap("2018-01-21", "2018-02-01", 0, 80.0))
    assert without_gaps([("2018-01-01", "2018-02-01")], gaps) == (("2018-01-11", "2018-01-21"),)


def test_a_report_names_the_gap_and_the_call_and_the_call_works(tmp_path: Path) -> None:
    rng = np.random.default_rng(25)
    days = pd.date_range("2016-01-01", "2018-12-31")
    open_days = days[(days < "2017-02-01") | (days >= "2017-09-01")]
    chosen = rng.choice(open_days, 6000)
    frame = pd.DataFrame({"x": 530000.0, "y": 180000.0, "t": chosen, "k": rng.choice(["theft", "arson"], 6000)})
    frame.loc[frame["k"].eq("arson") & frame["t"].lt("2018-01-01"), "k"] = "theft"
    file = tmp_path / "gap.csv"
    frame.to_csv(file, index=False)
    options = {"format": "generic", "x": "x", "y": "y", "happened": "t", "crs": "EPSG:27700", "tz": "Europe/London"}
    report = ppe.read_events(file, **options).report
    (gap,) = report.gaps
    assert (gap.start, gap.end) == ("2017-02-01", "2017-09-01")
    note = next(note for note in report.notes if note.startswith("suspiciously empty"))
    assert "2017-02-01 to 2017-08-31 (0 crimes" in note
    assert "observed=[('2016-01-01', '2017-02-01'), ('2017-09-01', '2019-01-01')]" in note
    mended = ppe.read_events(file, **options, observed=report.observed_hint)
    assert mended.report.gaps == ()
    # The second stretch spans more clock changes back than forward, by one hour.
    assert mended.observed_days == pytest.approx(len(open_days) + 1 / 24)
    # Arson begins in 2018: the other kind shows that the days before were observed, the gap apart.
    arson = ppe.read_events(file, **options, kind="k", kinds=["arson"])
    assert [(found.start, found.end) for found in arson.report.gaps] == [("2017-02-01", "2017-09-01")]


def test_a_window_in_a_stretch_that_looks_unobserved_is_refused_until_someone_has_looked(tmp_path):
    rng = np.random.default_rng(4)
    days = np.concatenate([np.arange(0, 300), np.arange(500, 800)])
    times = np.datetime64("2015-01-01", "m") + np.repeat(days, 5) * 1440 + rng.integers(0, 1440, 5 * len(days))
    path = tmp_path / "crimes.csv"
    pd.DataFrame({"x": 530_000.0, "y": 180_000.0, "t": np.datetime_as_string(times)}).to_csv(path, index=False)
    options = {"format": "generic", "crs": "EPSG:27700", "tz": "UTC", "x": "x", "y": "y", "happened": "t"}
    grid = ppe.Grid.from_bounds(529_000, 179_000, 531_000, 181_000, cell=500, crs="EPSG:27700")
    nights = ppe.Schedule(start="2016-02-01", end="2016-02-03", tz="UTC")
    events = ppe.read_events(path, **options)
    with pytest.raises(ppe.InputError, match=r"2 of 2 windows lie in time that looks unobserved.*observed="):
        ppe.count(events, grid, nights)
    looked = ppe.read_events(path, observed=[("2015-01-01", "2017-03-11")], **options)
    assert ppe.count(looked, grid, nights).sum().item() == 0
