"""Published tables: arson in Chicago, burglary and car theft in Toronto; and a peer that counts the same pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import predpol_eval as ppe
from tests.near_repeats.scenes import INF, crimes

ARSON_BANDS = [0, 0.01, 200, 400, 600, INF], [0, 1, 2, 3, INF]
ARSON = [[0, 2, 0, 8], [9, 1, 1, 45], [4, 0, 0, 141], [6, 0, 0, 233], [393, 710, 770, 133658]]
# Knox ratios of 2017 and 2018 at the same intersection, within 200 m and between 200 and 400 m, by days; None is not
# told. They were found with few permutations, hence the tolerances.
TORONTO_BANDS = [0, 0.01, 200, 400], [0, 7, 14, 28, 56]
BURGLARY = [[3.8, 1.6, 1.4, 1.2], [1.31, 1.17, 1.10, 1.06], [1.17, 1.07, 1.07, 1.04]]


@pytest.fixture(scope="module")
def arson(shared_data):
    frame = pd.read_csv(shared_data / "near_repeat" / "chicago_arson.csv", header=None, names=["x", "y", "t"])
    return ppe.Events.from_frame(frame, crs="EPSG:26971", tz="America/Chicago")


@pytest.fixture(scope="module")
def toronto(shared_data):
    frame = pd.read_parquet(shared_data / "toronto" / "toronto_property_robbery_2014_2018_tidy.parquet")
    events = ppe.Events.from_frame(
        frame, happened="occurred", kind="offence", crs="EPSG:32617", tz="America/Toronto", ambiguous="earlier",
        nonexistent="shift_forward",
    )  # fmt: skip
    return events.select(start="2017-01-01", end="2019-01-01")


def test_the_arson_table_is_reproduced(arson):
    found = ppe.knox(arson, *ARSON_BANDS, "manhattan", seed=1)
    assert found.observed.to_numpy().tolist() == ARSON
    assert found.attrs["days"] == "whole civil days"
    assert int(found.observed.sum()) == 522 * 521 // 2
    # As Ratcliffe's calculator found with 99 permutations: an excess on the day itself, and next day at the same place.
    low = found.p_value <= 0.01
    assert low.to_numpy().tolist() == [
        [False, True, False, False], [True, False, False, False], [True, False, False, False],
        [True, False, False, False], [False, False, False, True],
    ]  # fmt: skip
    # 56 of all 135 981 pairs are within 200 m, and 414 within the day: three standard errors around the product.
    chance = 56 * 414 / 135_981
    assert found.expected[1, 0].item() == pytest.approx(chance, abs=3 * (chance / 999) ** 0.5)


def test_the_calculators_own_edge_is_one_pair(arson):
    """It has 140 and 234: one pair is 399.96 m apart, which it counts as 400."""
    shifted = ppe.knox(arson, [0, 0.01, 200, 399.9, 600], [3, INF], "manhattan", seed=1, permutations=1)
    assert shifted.observed[:, 0].to_numpy().tolist() == [8, 45, 140, 234]


@pytest.mark.parametrize(("delta", "tau"), [(250.5, 1.5), (500.5, 6.5), (1000.5, 13.5)])
def test_pointpats_counts_the_same_pairs(arson, delta, tau):
    from pointpats import Knox

    days = (arson.happened - arson.happened.min()) / np.timedelta64(1, "D")
    peer = Knox(np.column_stack([arson.x, arson.y]), days[:, None], delta=delta, tau=tau, permutations=0)
    found = ppe.knox(arson, [0, delta, INF], [0, tau, INF], seed=1)
    assert found.observed.to_numpy().tolist() == peer.observed.astype(int).tolist()
    # Its expectation is the product of the margins: that of the permutations, without their error.
    assert found.expected[0, 0].item() == pytest.approx(peer.expected[0, 0], rel=0.03)


def test_ratios_of_toronto_burglary(toronto):
    burglary = toronto.select(kinds="Break and Enter")
    assert len(burglary) == 14_114
    found = ppe.knox(burglary, *TORONTO_BANDS, permutations=199, seed=1)
    assert found.attrs["days"] == "civil days with their fraction"
    tolerance = np.array([[0.05] * 4, [0.015] * 4, [0.015] * 4])
    assert (np.abs(found.ratio.to_numpy() - BURGLARY) <= tolerance).all(), found.ratio.to_numpy().round(3)
    assert (found.p_value == 1 / 200).all()


def test_ratios_of_toronto_car_theft(toronto):
    found = ppe.knox(toronto.select(kinds="Auto Theft"), *TORONTO_BANDS, permutations=199, seed=1)
    assert found.ratio[0, 0].item() == pytest.approx(1.51, abs=0.04)
    assert found.ratio[1, 0].item() == pytest.approx(1.34, abs=0.03)


@pytest.mark.slow
def test_ratios_of_toronto_with_many_permutations(toronto):
    """The ratios of 999 permutations, to three digits: two seeds agree within their error."""
    burglary = toronto.select(kinds="Break and Enter")
    one, two = (ppe.knox(burglary, *TORONTO_BANDS, seed=seed).ratio.to_numpy() for seed in (1, 2))
    np.testing.assert_allclose(one, two, rtol=0.008)
    np.testing.assert_allclose(one, BURGLARY, rtol=0.035)


def test_memory_grows_with_the_close_pairs():
    """30 000 crimes have 450 million pairs; at a few bytes each a list of them would take gigabytes."""
    import tracemalloc

    rng = np.random.default_rng(1)
    x, y = 1000.0 + rng.uniform(0, 40_000, (2, 30_000))
    events = crimes(x, y, np.datetime64("2018-01-01") + rng.integers(0, 365, 30_000))
    ppe.knox(events, [0, 200, INF], [0, 7, INF], permutations=1, seed=1)
    tracemalloc.start()
    found = ppe.knox(events, [0, 200, INF], [0, 7, INF], permutations=8, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.observed.sum() == 30_000 * 29_999 // 2
    assert peak < 30e6
