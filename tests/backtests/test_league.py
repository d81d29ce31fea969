"""The league's pages: a row recomputed from the raw files, and words that never outrun the numbers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import predpol_eval as ppe
from docs.scripts import league, league_page
from docs.scripts.league_cities import CITIES
from docs.scripts.league_words import log_score, verdict

TABLES = Path(__file__).resolve().parents[2] / "docs" / "tables"
SIMPLE = ("old count", "new count")


@pytest.mark.parametrize("name", ["count 365 days"])
def test_a_row_of_the_page_recomputed_from_the_raw_file(name, shared_data):
    text = (TABLES / "league_seattle.md").read_text(encoding="utf-8")
    found = league.play(CITIES["seattle"](shared_data), {name: league.FORECASTERS[name]}, before=False).league
    for budget in found["budget"].values:
        table = text.partition(f"### Burglary, {budget}\n")[2].partition("###")[0]
        assert league_page.ratio_table(found.sel(budget=[budget]))[-1] in table
    assert league_page.score_table(found.isel(budget=0))[-1] in text.partition("### Burglary, log score\n")[2]
    assert f"{float(found.events.sum()):,.0f} crimes in the cells" in text


@pytest.mark.parametrize("city", CITIES)
def test_a_page_has_every_forecaster_and_an_interval_in_every_cell(city):
    text = (TABLES / f"league_{city}.md").read_text(encoding="utf-8")
    kinds = {"toronto": 3, "chicago": 3, "seattle": 1}[city]
    assert text.count("| forecaster | caught | at worst to best | hit rate | PAI | lift | PEI |") == 2 * kinds
    assert text.count(f"| forecaster | floor {league.FLOOR:g} | no floor |") == kinds
    for name in league.FORECASTERS:
        rows = [line for line in text.splitlines() if line.startswith(f"| {name} | ") and " to " in line]
        scores = name not in {"prospective hot spots", "near repeat"}
        assert len(rows) == (2 + scores) * kinds, name
        for row in rows:
            cells = row.strip("| ").split(" | ")
            numbers = cells[3:] if len(cells) == 7 else cells[1:2]
            assert all(re.fullmatch(r"\S+ \(\S+ to \S+\)", cell) for cell in numbers), row
        assert f"\n| {name} | `" in text
    assert "nan" not in text


# Words --------------------------------------------------------------------------------------------------------


def tally(rates: dict[str, float], nights: int = 60, noise: float = 2.0) -> xr.Dataset:
    """Hits of each forecaster among 20 crimes a night; all share most of the luck of a night."""
    rng = np.random.default_rng(5)
    luck = rng.normal(0, noise, nights)
    hits = [20 * rate + luck + rng.normal(0, 0.3 * noise, nights) for rate in rates.values()]
    scores = [-50 + 10 * rate + luck for rate in rates.values()]
    by_night = ("forecaster", "kind", "area", "budget", "window")
    return xr.Dataset(
        {
            "hits": (by_night, np.reshape(hits, (len(rates), 1, 1, 1, nights))),
            "events": (by_night, np.full((len(rates), 1, 1, 1, nights), 20.0)),
            "log_score": (("forecaster", "kind", "window"), np.reshape(scores, (len(rates), 1, nights))),
            "log_score_nights": (("forecaster", "kind", "window"), np.ones((len(rates), 1, nights))),
        },
        coords={"forecaster": list(rates), "kind": ["theft"], "area": ["all"], "budget": ["top 10"]},
    )


BEFORE = tally({"old count": 0.3, "new count": 0.2})


def said(rates, metric="hit_rate"):
    here = tally(rates) if metric == "hit_rate" else tally(rates).isel(budget=0)
    return verdict(here, BEFORE, metric, SIMPLE)


def test_a_simple_count_that_is_highest_wins():
    found = said({"uniform": 0.05, "old count": 0.3, "new count": 0.2, "clever": 0.25})
    assert found.head == "**A simple count wins**: 'old count' is the highest of all."
    assert (found.chosen, found.top, found.above) == ("old count", "old count", ())
    assert found.level == found.highest == pytest.approx(0.3, abs=0.03)
    assert "lower for new count" in found.words
    assert "uniform" not in found.words


def test_a_count_other_than_the_one_chosen_beforehand_wins_as_a_count():
    found = said({"uniform": 0.05, "old count": 0.3, "new count": 0.5, "clever": 0.25})
    assert found.head == "**A simple count wins**: 'new count' is the highest of all."
    assert found.above == ("new count",)


def test_an_interval_that_covers_zero_is_never_called_higher():
    found = said({"uniform": 0.05, "old count": 0.3, "new count": 0.2, "clever": 0.303})
    assert found.head.startswith("**A simple count holds**: nothing is clearly higher than 'old count'; 'clever' has")
    assert found.above == ()
    assert "no clear difference for clever" in found.words
    assert "higher for" not in found.words


@pytest.mark.parametrize("metric", ["hit_rate", log_score])
def test_what_is_clearly_higher_is_named(metric):
    found = said({"uniform": 0.05, "old count": 0.3, "new count": 0.2, "clever": 0.5}, metric)
    assert found.head == "Clearly higher than the simple count 'old count': clever."
    assert "higher for clever (+" in found.words
    assert found.top == "clever"


def test_the_count_is_chosen_on_the_nights_before_not_with_hindsight():
    found = said({"uniform": 0.05, "old count": 0.2, "new count": 0.4, "clever": 0.3})
    assert found.chosen == "old count"
    assert "higher for new count" in found.words


def test_a_method_above_the_count_is_named_although_another_count_is_higher_still():
    found = said({"uniform": 0.05, "old count": 0.2, "new count": 0.6, "clever": 0.4})
    assert set(found.above) == {"new count", "clever"}
    assert found.head == (
        "**A simple count wins**: 'new count' is the highest of all. Clearly higher than the one chosen beforehand, "
        "'old count', is also clever."
    )


def test_log_scores_are_means_over_the_nights_that_have_one():
    made = tally({"old count": 0.3, "clever": 0.4})
    made["log_score"][1, 0, :30] = np.nan
    made["log_score_nights"][1, 0, :30] = np.nan
    found = log_score(made.sum(["window", "area"]))
    np.testing.assert_allclose(found, made.log_score.mean("window"), rtol=1e-12)
    assert not math.isnan(ppe.hit_rate(made.sum(["window", "area"])).sum())
