"""Regression: by the naive twin, many nights at once against one by one, known coefficients, and what it refuses."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import predpol_eval as ppe
from predpol_eval.checks import make_city
from predpol_eval.forecasters import forecast, identity
from predpol_eval.forecasters.learning import estimators
from predpol_eval.forecasters.learning.steps import pieces
from tests.forecasters.towns import CRS, GROUND, towns
from tests.naive import regression as naive

CITY = make_city()
COUNTS = ppe.LaggedCounts(lookbacks=("7D", "28D"), half_lives=("30D",), neighbours=1, smooth=(300.0,))
POISSON = make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-2, solver="newton-cholesky"))
TREES = HistGradientBoostingRegressor(loss="poisson", max_iter=8, max_leaf_nodes=6, early_stopping=False)
SMALL = ppe.Regression(POISSON, (COUNTS, ppe.Calendar()), training="60D", refit="7D")


def nights(start, end, **named):
    return ppe.Schedule(start=start, end=end, tz=CITY.events.tz, **named).windows


def weather(values=None):
    days = pd.date_range("2018-01-01", "2018-04-30")
    rng = np.random.default_rng(3)
    return pd.DataFrame({"date": days, "warmth": rng.normal(size=len(days)) if values is None else values})


def everything():
    """One of each feature."""
    z = np.random.default_rng(4).normal(size=CITY.grid.shape)
    return (
        COUNTS,
        ppe.ForecastTerm(ppe.KDE(bandwidth=300, half_life="30D")),
        ppe.ForecastTerm(ppe.NearRepeat(radius=500)),
        ppe.Calendar(year=1),
        ppe.CellCovariate(z, "z", known="2017-06-01"),
        ppe.DailyCovariate(weather(), fill="last"),
    )


# By the book ------------------------------------------------------------------------------------------------------

LAGGED = {"lookbacks": ("3D", "14D"), "half_lives": (5.0,), "neighbours": 1, "smooth": (150.0,)}


@settings(max_examples=25)
@given(towns(least=4, most=12), st.sampled_from([None, 7]))
def test_it_is_the_naive_one(town, refit):
    estimator = PoissonRegressor(alpha=1.0, solver="newton-cholesky")
    counts = ppe.LaggedCounts(**{**LAGGED, "half_lives": ("5D",)})
    form = ppe.Regression(
        estimator, (counts, ppe.Calendar(year=1)), training="12D", refit=refit and f"{refit}D", sample=None
    )
    options = {"lagged": LAGGED, "year": 1, "training": "12D", "refit": refit}
    windows = [(town.until + s, town.until + s + n) for s, n in zip(town.starts, town.lengths, strict=True)]
    expected = naive.forecast(
        PoissonRegressor(alpha=1.0, solver="newton-cholesky"), town.crimes, town.observed, town.until, town.zone,
        GROUND, windows, options,
    )  # fmt: skip
    if expected is None:
        with pytest.raises(ppe.InputError):
            form.fit(town.events(), GROUND.grid, until=town.cut).predict(town.windows)
        return
    found = form.fit(town.events(), GROUND.grid, until=town.cut).predict(town.windows)
    assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert found.attrs["kind"] == "expected_count"


@pytest.mark.parametrize("estimator", [POISSON, TREES], ids=["poisson", "trees"])
def test_many_nights_at_once_are_those_one_by_one(estimator):
    form = ppe.Regression(estimator, everything(), training="12D", refit="7D", seed=5)
    windows = nights("2018-04-04", "2018-04-11", lead="3h", at="22:00", horizon="30h")[::2]
    # In another order, and two windows from one moment.
    mixed = ppe.Windows(*(part[[2, 0, 1, 1]].copy() for part in (windows.start, windows.end, windows.until)), "UTC")
    mixed = ppe.Windows(mixed.start, mixed.end, mixed.until, CITY.events.tz)
    quick = form.forecast(CITY.events, CITY.grid, mixed)
    plain = forecast(form, CITY.events, CITY.grid, mixed)
    assert_allclose(quick, plain, rtol=1e-9)
    assert len(np.unique([str(form.fit(CITY.events, CITY.grid, until=u).trained.anchor) for u in mixed.until])) > 1
    assert {key: value for key, value in quick.attrs.items() if key != "until"} == {
        key: value for key, value in plain.attrs.items() if key != "until"
    }


def test_nights_share_what_was_trained_at_their_anchor():
    # 2018-04-07 is a whole number of weeks after 2000-01-01.
    one, two, three = (SMALL.fit(CITY.events, CITY.grid, until=f"2018-04-{day:02d}") for day in (7, 13, 14))
    assert one.trained.anchor == two.trained.anchor == np.datetime64("2018-04-06T23:00", "ns")
    assert three.trained.anchor > two.trained.anchor
    assert one.coefficients == two.coefficients != three.coefficients
    night = nights("2018-04-20", "2018-04-21")
    assert not np.array_equal(one.predict(night), two.predict(night), equal_nan=True)  # the features went on
    always = ppe.Regression(POISSON, (COUNTS,), training="60D", refit=None)
    assert always.fit(CITY.events, CITY.grid, until="2018-04-13").trained.anchor == np.datetime64("2018-04-12T23", "ns")


def test_a_window_further_ahead_and_a_longer_one():
    fitted = SMALL.fit(CITY.events, CITY.grid, until="2018-04-10 21:00")
    week = nights("2018-04-13", "2018-04-20")
    whole = ppe.Windows(week.start[:1].copy(), week.end[-1:].copy(), week.until[:1].copy(), week.tz)
    assert_allclose(fitted.predict(week).sum("window", skipna=False), fitted.predict(whole)[0], rtol=1e-12)
    # Fridays are not Mondays: the calendar is that of each day.
    assert len(np.unique(fitted.predict(week).sum(["x", "y"]).to_numpy().round(9))) > 3


def test_pieces_stand_for_their_day_from_until_on():
    late = nights("2018-04-10", "2018-04-11", at="22:00", horizon="8h", lead="2h")
    cut = pieces(late, 1, daily=True)
    assert cut.days.tolist() == pytest.approx([2 / 24, 6 / 24])
    assert cut.asked.start.tolist() == [late.until[0].item(), (late.start[0] + np.timedelta64(2, "h")).item()]
    once = pieces(late, 1, daily=False)
    assert once.days.tolist() == pytest.approx([8 / 24])


# What is known ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        SMALL,
        ppe.Regression(TREES, (COUNTS,), training="40D"),
        ppe.Regression(POISSON, everything()[2:], training="6D", refit=None),
    ],
    ids=["poisson", "trees", "terms"],
)
def test_it_keeps_the_rules_of_a_forecaster(form):
    assert ppe.check_forecaster(form).passed


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.floats(0, 20))
def test_what_is_recorded_later_does_not_matter_to_the_bit(seed, hours):
    events, until = CITY.events, np.datetime64("2018-04-09T21:00", "ns")
    rng = np.random.default_rng(seed)
    table = events.frame()
    late = events.recorded >= until
    table.loc[late, "x"] = rng.permutation(table.loc[late, "x"])
    more = table.sample(60, random_state=seed % 1000)
    back = pd.to_timedelta(rng.uniform(0, 30, 60), unit="D")
    more["happened"] = pd.Timestamp(until, tz="UTC").tz_convert(events.tz) - back
    more["recorded"] = pd.Timestamp(until, tz="UTC").tz_convert(events.tz) + pd.Timedelta(hours=hours)
    more["id"] = 10_000 + np.arange(60)
    both = pd.concat([table, more], ignore_index=True)
    poisoned = ppe.Events.from_frame(
        both, happened="happened", recorded="recorded", kind="kind", id="id", crs=events.crs, tz=events.tz,
        observed=list(events.observed),
    )  # fmt: skip
    windows = CITY.windows
    one, two = (SMALL.fit(crimes, CITY.grid, until=until).predict(windows) for crimes in (events, poisoned))
    assert np.array_equal(one, two, equal_nan=True)
    if hours > 10:
        return
    three = SMALL.forecast(poisoned, CITY.grid, windows)
    assert np.array_equal(SMALL.forecast(events, CITY.grid, windows), three, equal_nan=True)


@pytest.mark.parametrize("known", [None, "issued"])
def test_covariates_not_known_yet_do_not_matter(known):
    until = pd.Timestamp("2018-04-10", tz=CITY.events.tz)
    clean = weather()
    clean["issued"] = (clean["date"] - pd.Timedelta(hours=6)).astype(str)
    poisoned = clean.copy()
    # Observations of the tenth on; forecasts issued from the tenth on, which are those for the eleventh and later.
    future = poisoned["date"] >= (pd.Timestamp("2018-04-10") if known is None else pd.Timestamp("2018-04-11"))
    poisoned.loc[future, "warmth"] = 1e6
    night = nights("2018-04-10", "2018-04-11")
    form, other = (
        ppe.Regression(POISSON, (COUNTS, ppe.DailyCovariate(table, columns=("warmth",), known=known)), training="30D")
        for table in (clean, poisoned)
    )
    assert identity(form) != identity(other)
    one, two = (each.fit(CITY.events, CITY.grid, until=until).predict(night) for each in (form, other))
    assert np.array_equal(one, two, equal_nan=True)


def test_a_forecast_of_the_day_is_used_for_that_day():
    table = weather().assign(issued="2017-12-01")
    form = ppe.Regression(POISSON, (ppe.DailyCovariate(table, known="issued"),), training="60D")
    fitted = form.fit(CITY.events, CITY.grid, until="2018-04-10")
    slope, start = fitted.coefficients["warmth"], fitted.coefficients["intercept"]
    risk = fitted.predict(nights("2018-04-12", "2018-04-14"))
    warmth = table.set_index("date")["warmth"].loc[["2018-04-12", "2018-04-13"]].to_numpy()
    whole = np.isclose(CITY.grid.inside_m2, CITY.grid.cell**2)
    assert_allclose(risk.to_numpy()[:, whole][:, 0], np.exp(start + slope * np.float32(warmth)), rtol=1e-6)


def test_the_latest_windows_can_be_left_out():
    plain = ppe.Regression(POISSON, (COUNTS,), training="30D", refit=None)
    settled = ppe.Regression(POISSON, (COUNTS,), training="30D", refit=None, settle="5D")
    one, two = (form.fit(CITY.events, CITY.grid, until="2018-04-10").trained for form in (plain, settled))
    assert len(one.windows) == 30
    assert len(two.windows) == 25
    assert two.windows.end[-1] == one.windows.end[-6]


def test_windows_in_a_gap_teach_nothing():
    # The made-up city was not observed from 5 to 12 February.
    windows = ppe.Regression(POISSON, (COUNTS,), training=None, refit=None).fit(
        CITY.events, CITY.grid, until="2018-03-01"
    ).trained.windows  # fmt: skip
    days = windows.start.astype("datetime64[D]")
    assert not ((days >= np.datetime64("2018-02-05")) & (days < np.datetime64("2018-02-12"))).any()
    # Nor does the twelfth, before which the week's lookback saw nothing; nor the very first day.
    assert len(days) == 58 - 7 - 1


# Known truth ------------------------------------------------------------------------------------------------------


def simulated(seed, days=150):
    """Counts whose logarithm of the rate is linear in a covariate per cell, one per day and the weekend."""
    rng = np.random.default_rng(seed)
    grid = ppe.Grid.from_bounds(0, 0, 5000, 4100, cell=250, crs=CRS)  # the last row holds 100 m of 250
    z = rng.normal(size=grid.shape)
    dates = pd.date_range("2018-01-01", periods=days)
    warmth = rng.normal(size=days)
    sunday = (dates.day_of_week == 6).astype(float)
    log_rate = -4.0 + 0.8 * z[None] + (0.5 * warmth - 0.6 * sunday)[:, None, None]
    number = rng.poisson(np.exp(log_rate) * (grid.inside_m2 / grid.cell**2))
    day, row, column = np.nonzero(number)
    repeat = number[day, row, column]
    day, row, column = (np.repeat(part, repeat) for part in (day, row, column))
    frame = pd.DataFrame(
        {"x": column * 250.0 + 50, "y": row * 250.0 + 50, "t": dates[day] + pd.to_timedelta(9, unit="h")}
    )
    events = ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[(str(dates[0]), str(dates[-1]))])
    table = pd.DataFrame({"date": dates, "warmth": warmth, "issued": dates - pd.Timedelta(hours=8)})
    features = (ppe.CellCovariate(z, "z"), ppe.DailyCovariate(table, known="issued"), ppe.Calendar())
    return events, grid, features, str(dates[-1].date()), z


@pytest.mark.parametrize("sample", [None, 3.0])
def test_coefficients_are_found_again(sample):
    found = []
    for seed in range(4):
        events, grid, features, until, _ = simulated(seed)
        form = ppe.Regression(
            make_pipeline(StandardScaler(), PoissonRegressor(alpha=0, solver="newton-cholesky")), features,
            training=None, refit=None, sample=sample,
        )  # fmt: skip
        fitted = form.fit(events, grid, until=until)
        slopes = fitted.coefficients
        found.append([slopes[name] for name in ("intercept", "z", "warmth", "sunday", "wednesday")])
    # About 1200 crimes each: standard errors of .03 to .1, halved by the mean of four.
    mean = np.mean(found, axis=0)
    assert_allclose(mean, [-4.0, 0.8, 0.5, -0.6, 0.0], atol=0.12)
    assert_allclose(mean[1:3], [0.8, 0.5], atol=0.05)


def test_sampled_rows_stand_for_all():
    events, grid, features, until, _ = simulated(9)
    plain = PoissonRegressor(alpha=0, solver="newton-cholesky")
    night = ppe.Schedule(start=until, end=str(np.datetime64(until) + 1), tz="UTC").windows
    named = {"training": None, "refit": None}
    full = ppe.Regression(plain, features[:1], sample=None, **named).fit(events, grid, until=until)
    drawn = ppe.Regression(plain, features[:1], sample=2.0, **named).fit(events, grid, until=until)
    assert drawn.trained.positives == full.trained.positives
    # Before the first day nothing is known, and the last is the one that is forecast.
    taught = int(((events.happened >= np.datetime64("2018-01-02")) & (events.happened < np.datetime64(until))).sum())
    assert drawn.trained.crimes == full.trained.crimes == taught
    assert drawn.trained.rows == pytest.approx(3 * drawn.trained.positives, rel=0.1)
    assert full.trained.rows == 148 * int(grid.mask.sum())
    assert_allclose(float(drawn.predict(night).sum()), float(full.predict(night).sum()), rtol=0.03)
    # A canonical link: what is expected on the rows it learnt from is what happened.
    assert float(full.predict(night).sum()) * 148 == pytest.approx(taught, rel=1e-3)


def test_another_seed_draws_other_rows():
    forms = [ppe.Regression(POISSON, (COUNTS,), training="30D", sample=1.0, seed=seed) for seed in (0, 0, 1)]
    one, again, other = (form.fit(CITY.events, CITY.grid, until="2018-04-10").coefficients for form in forms)
    assert one == again
    assert one != other
    assert len({identity(form) for form in forms}) == 2


def test_boosting_on_histograms_does_not_overshoot():
    """One cell with most of the crime: from one constant for all cells its first step is many orders too large."""
    rng = np.random.default_rng(0)
    grid = ppe.Grid.from_bounds(0, 0, 10_000, 10_000, cell=250, crs=CRS)
    days = rng.integers(0, 120, 1200)
    x = np.where(rng.random(1200) < 0.8, 130.0, rng.uniform(0, 10_000, 1200))
    y = np.where(x == 130.0, 130.0, rng.uniform(0, 10_000, 1200))
    frame = pd.DataFrame({"x": x, "y": y, "t": pd.Timestamp("2018-01-01 12:00") + pd.to_timedelta(days, unit="D")})
    events = ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[("2018-01-01", "2018-05-01")])
    night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="UTC").windows
    counts = ppe.LaggedCounts(lookbacks=("28D",), half_lives=(), smooth=())
    boosted = HistGradientBoostingRegressor(loss="poisson", max_iter=20)
    risk = ppe.Regression(boosted, (counts,), training="90D").fit(events, grid, until="2018-05-01").predict(night)
    assert float(risk.sum()) == pytest.approx(10, rel=0.3)
    assert "PoissonRegressor" in risk.attrs["base"]
    bare = ppe.Regression(boosted, (counts,), training="90D", base=None)
    wild = bare.fit(events, grid, until="2018-05-01").predict(night)
    assert wild.attrs["base"] == "none"
    assert abs(float(wild.sum()) - 10) > 30


# In a backtest ----------------------------------------------------------------------------------------------------


def test_it_is_backtested_stored_and_resumed(tmp_path):
    schedule = ppe.Schedule(start="2018-04-10", end="2018-04-19", tz=CITY.events.tz)
    named = {"budgets": [ppe.TopCells(3)], "progress": False, "n_jobs": 1, "store": tmp_path / "store"}
    first = ppe.backtest({"regression": SMALL}, CITY.events, CITY.grid, schedule, **named)
    again = ppe.backtest({"regression": SMALL}, CITY.events, CITY.grid, schedule, **named)
    assert (first.status == "ok").all()
    assert first.hits.equals(again.hits)
    other = ppe.Regression(POISSON, (COUNTS, ppe.Calendar()), training="50D", refit="7D")
    with pytest.raises(ppe.PredPolError):
        ppe.backtest({"regression": other}, CITY.events, CITY.grid, schedule, **named)


def test_a_city_without_crime_for_a_while_is_forecast_all_the_same():
    quiet = CITY.events.take(CITY.events.known_from < np.datetime64("2018-03-01"))
    risk = SMALL.fit(quiet, CITY.grid, until="2018-04-28").predict(nights("2018-04-28", "2018-04-29"))
    assert np.isfinite(risk.to_numpy()[0][CITY.grid.mask]).all()


# Estimators -------------------------------------------------------------------------------------------------------


def test_equal_estimators_have_one_identity_others_another():
    def form(**named):
        return ppe.Regression(make_pipeline(StandardScaler(), PoissonRegressor(**named)), (COUNTS,))

    assert identity(form(alpha=0.5)) == identity(form(alpha=0.5))
    assert form(alpha=0.5) == form(alpha=0.5)
    assert hash(form(alpha=0.5)) == hash(form(alpha=0.5))
    different = [form(), form(alpha=0.5), ppe.Regression(PoissonRegressor(alpha=0.5), (COUNTS,)), SMALL]
    different += [ppe.Regression(POISSON, (COUNTS,), **named) for named in (
        {}, {"training": "90D"}, {"step": "2D"}, {"refit": None}, {"sample": 2}, {"seed": 1}, {"lookback": "90D"},
        {"settle": "1D"}, {"clip": True}, {"base": None}, {"base": Ridge()},
    )]  # fmt: skip
    assert len({identity(each) for each in different}) == len(different)
    assert identity(ppe.Regression(POISSON, (COUNTS,), sample=2)) == identity(
        ppe.Regression(POISSON, (COUNTS,), sample=2.0)
    )


def test_an_identity_is_the_same_in_another_process():
    import subprocess

    code = (
        "import predpol_eval as ppe; from predpol_eval.forecasters import identity\n"
        "from sklearn.pipeline import make_pipeline; from sklearn.preprocessing import StandardScaler\n"
        "from sklearn.linear_model import PoissonRegressor\n"
        "print(identity(ppe.Regression(make_pipeline(StandardScaler(), PoissonRegressor()))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = ppe.Regression(make_pipeline(StandardScaler(), PoissonRegressor()))
    assert done.stdout.strip() == identity(here)


def test_it_keeps_a_copy_of_the_estimator():
    mine = PoissonRegressor(alpha=0.5)
    form = ppe.Regression(mine, (COUNTS,), training="30D")
    mine.set_params(alpha=9.0)
    assert form.estimator.alpha == 0.5
    fitted = form.fit(CITY.events, CITY.grid, until="2018-04-10")
    assert not hasattr(form.estimator, "coef_")
    assert fitted.trained.estimator is not form.estimator
    form.estimator.set_params(alpha=9.0)
    with pytest.raises(ppe.InputError, match="was changed after it was made"):
        form.fit(CITY.events, CITY.grid, until="2018-04-10")
    with pytest.raises(ppe.InputError, match="was changed after it was made"):
        form.forecast(CITY.events, CITY.grid, CITY.windows)


def test_dice_are_thrown_from_the_seed():
    forest = RandomForestRegressor(n_estimators=3, max_depth=3)
    form = ppe.Regression(make_pipeline(StandardScaler(), forest), (COUNTS,), training="20D", seed=7)
    one, two = (form.fit(CITY.events, CITY.grid, until="2018-04-10") for _ in range(2))
    assert np.array_equal(one.predict(CITY.windows), two.predict(CITY.windows), equal_nan=True)
    assert one.trained.seeded == ("randomforestregressor__random_state",)
    assert one.predict(CITY.windows).attrs["seeded_parameters"] == "randomforestregressor__random_state"
    assert "randomforestregressor__random_state = 7" in repr(one)
    assert form.estimator.get_params()["randomforestregressor__random_state"] is None


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (PoissonRegressor(), "sample_weight"),
        (make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), Ridge())), "pipeline__ridge__sample_weight"),
        (GridSearchCV(make_pipeline(Ridge()), {}), "ridge__sample_weight"),
        (TransformedTargetRegressor(Ridge()), "sample_weight"),
        (KNeighborsRegressor(), None),
        (make_pipeline(StandardScaler(), KNeighborsRegressor()), None),
    ],
)
def test_weights_find_their_way(estimator, name):
    assert estimators.weight_name(estimator) == name


def test_an_estimator_without_weights_learns_from_all_rows():
    with pytest.raises(ppe.InputError, match=r"takes no weights .*sample=None"):
        ppe.Regression(KNeighborsRegressor(), (COUNTS,), training="20D").fit(CITY.events, CITY.grid, until="2018-04-10")
    fitted = ppe.Regression(KNeighborsRegressor(), (COUNTS,), training="20D", sample=None).fit(
        CITY.events, CITY.grid, until="2018-04-10"
    )
    assert not fitted.trained.weighted
    assert np.isfinite(fitted.predict(CITY.windows).to_numpy()[:, CITY.grid.mask]).all()


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (PoissonRegressor, r"The estimator is the class PoissonRegressor; give an instance"),
        (3, "without fit, predict, get_params"),
        (LogisticRegression(), "is a classifier; counts of crimes need a regressor"),
        (
            make_pipeline(FunctionTransformer(np.log1p), Ridge()),
            r"Pipeline.steps\[0\]\[1\].func of the estimator is <ufunc 'log1p'>, a ufunc",
        ),
        (RandomForestRegressor(random_state=np.random.RandomState(0)), "RandomForestRegressor.random_state"),
    ],
)
def test_estimators_that_cannot_be_used(estimator, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.Regression(estimator)


def test_a_missing_extra_is_named_with_its_command(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ppe.InputError, match=r"not installed .*python -m pip install 'predpol-eval\[models\]'"):
        ppe.Regression(POISSON)


class Odd(DummyRegressor):
    """Predicts what it is told to, whatever it learnt."""

    def __init__(self, value=-1.0, constant=0.0, shape=1):
        super().__init__(strategy="constant", constant=constant)
        self.value, self.shape = value, shape

    def predict(self, X):
        made = np.full((len(X), self.shape), 0.01).squeeze()
        made[:3] = self.value
        return made


def odd(value, **named):
    form = ppe.Regression(Odd(value, shape=named.pop("shape", 1)), (COUNTS,), training="20D", **named)
    return form.fit(CITY.events, CITY.grid, until="2018-04-10")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-0.5, r"less than no crime in 3 of 93 cells, down to -0.5 per day.*clip=True"),
        (np.nan, "no finite number for 3 of 93 cells"),
        (np.inf, "no finite number for 3 of 93 cells"),
    ],
)
def test_numbers_that_are_no_rates_are_refused(value, message):
    cells = int(CITY.grid.mask.sum())
    with pytest.raises(ppe.InputError, match=message.replace("93", str(cells))):
        odd(value).predict(CITY.windows)
    if not np.isfinite(value):
        with pytest.raises(ppe.InputError, match="no finite number"):
            odd(value, clip=True).predict(CITY.windows)


def test_negative_numbers_are_clipped_when_that_is_asked_for():
    risk = odd(-0.5, clip=True).predict(CITY.windows[:1])
    assert int((risk == 0).sum()) == 3
    assert risk.attrs["clipped_predictions"] == 3
    with pytest.raises(ppe.InputError, match="expected one for each of"):
        odd(0.1, shape=2).predict(CITY.windows)


def test_what_an_estimator_raises_is_told_with_its_rows():
    broken = PoissonRegressor(alpha=-1.0)
    with pytest.raises(ppe.InputError, match=r"could not be trained on [\d,]+ rows of \d+ features: .*alpha"):
        ppe.Regression(broken, (COUNTS,), training="20D").fit(CITY.events, CITY.grid, until="2018-04-10")


def test_no_convergence_is_a_warning_that_says_what_to_do():
    hasty = PoissonRegressor(alpha=1e-9, max_iter=1)
    form = ppe.Regression(hasty, (COUNTS,), training="20D")
    with pytest.warns(ppe.PredPolWarning, match=r"has not converged.*Raise its max_iter.*StandardScaler"):
        form.fit(CITY.events, CITY.grid, until="2018-04-10")


def test_coefficients_are_those_before_the_scaler():
    raw, scaled = (
        ppe.Regression(estimator, (COUNTS,), training="60D").fit(CITY.events, CITY.grid, until="2018-04-10")
        for estimator in (LinearRegression(), make_pipeline(StandardScaler(), LinearRegression()))
    )
    assert raw.coefficients.keys() == scaled.coefficients.keys() == {"intercept", *COUNTS.names}
    assert_allclose(list(raw.coefficients.values()), list(scaled.coefficients.values()), rtol=1e-6, atol=1e-9)
    trees = ppe.Regression(TREES, (COUNTS,), training="20D").fit(CITY.events, CITY.grid, until="2018-04-10")
    assert trees.coefficients is None


# Refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"features": ()}, "features is empty"),
        ({"features": ("count",)}, "features holds 'count'; give instances of ppe.LaggedCounts"),
        ({"features": (ppe.LaggedCounts,)}, "features holds <class"),
        ({"features": (COUNTS, COUNTS)}, "Two features have the name 'count_28D'"),
        ({"training": "soon"}, "training is 'soon'"),
        ({"step": "8h"}, "step='8h'; give a number of whole days"),
        ({"step": None}, "step=None"),
        ({"refit": "36h"}, "refit='36h'; give a number of whole days"),
        ({"sample": 0}, "sample=0"),
        ({"sample": "all"}, "sample='all'"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"lookback": "0D"}, "lookback is '0D'"),
        ({"settle": "never"}, "settle is 'never'"),
        ({"clip": 1}, "clip=1"),
        ({"base": "glm"}, "The estimator is 'glm'"),
    ],
)
def test_bad_options_are_refused(wrong, message):
    with pytest.raises(ppe.InputError, match=message):
        ppe.Regression(**{"estimator": POISSON, **wrong})


def town(x, y, t, observed=("2018-01-01", "2018-05-01")):
    frame = pd.DataFrame({"x": np.broadcast_to(x, len(t)), "y": np.broadcast_to(y, len(t)), "t": t})
    return ppe.Events.from_frame(frame, crs=CRS, tz="UTC", observed=[observed])


@pytest.mark.parametrize(
    "events",
    [
        town(1100.0, 2100.0, ["2018-03-01"]),
        town(1100.0, 2100.0, pd.date_range("2018-01-02", periods=60)),
        town(np.linspace(1010, 1890, 40), 2100.0, ["2018-03-01"] * 40),
        town([1100.0, 1100.0, 1300.0, 1300.0], 2100.0, ["2018-03-01"] * 4),
    ],
    ids=["one", "one point", "one time", "duplicates"],
)
@pytest.mark.parametrize("estimator", [POISSON, TREES], ids=["poisson", "trees"])
def test_odd_tables_of_crimes(events, estimator):
    # The lookbacks of the features are longer than the data.
    form = ppe.Regression(estimator, training=None, refit=None)
    night = ppe.Schedule(start="2018-05-01", end="2018-05-02", tz="UTC").windows
    risk = form.fit(events, GROUND.grid, until="2018-05-01").predict(night).to_numpy()[0]
    assert np.isfinite(risk[GROUND.grid.mask]).all()
    assert (risk[GROUND.grid.mask] >= 0).all()


def test_nothing_to_learn_from_is_refused():
    events = town(1100.0, 2100.0, ["2018-03-01"])
    form = ppe.Regression(POISSON, (COUNTS,), training="14D", refit=None)
    with pytest.raises(ppe.InputError, match=r"No crime is known in the 14 past windows.*training='730D'"):
        form.fit(events, GROUND.grid, until="2018-04-15")
    with pytest.raises(ppe.InputError, match=r"no window of 1D was wholly observed in the 14D before.*refit='7D'"):
        form.fit(events, GROUND.grid, until="2018-01-02")
    late = ppe.CellCovariate(np.zeros(GROUND.grid.shape), "z", known="2018-04-14")
    with pytest.raises(ppe.InputError, match=r"For none of the 14 past windows .*'z' was not known"):
        ppe.Regression(POISSON, (late,), training="14D", refit=None).fit(events, GROUND.grid, until="2018-04-14")


def test_a_fit_is_not_saved_and_says_why(tmp_path):
    fitted = SMALL.fit(CITY.events, CITY.grid, until="2018-04-10")
    with pytest.raises(ppe.InputError, match=r"only pickle could store.*fitting again gives the same to the bit"):
        ppe.save_fit(fitted, tmp_path / "fit.nc")
    assert not (tmp_path / "fit.nc").exists()


def test_it_tells_how_it_was_made():
    fitted = SMALL.fit(CITY.events, CITY.grid, until="2018-04-10")
    text = repr(fitted)
    assert "trained at: 2018-04-06T23:00" in text
    assert "count_7D_ring1" in text
    assert "coefficients: intercept" in text
    attrs = fitted.predict(CITY.windows).attrs
    assert attrs["training_windows"] == 60 - 6 - 1 == 60 - 6 - attrs["training_windows_left_out"]
    assert attrs["estimator"].startswith("Pipeline(steps=[('standardscaler'")
    assert "\n" not in attrs["forecaster"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.predict(CITY.windows)
