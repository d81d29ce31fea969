"""Budgets and forecasters as text: read back as they are written, and nothing is ever run."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import PoissonRegressor

import predpol_eval as ppe
from predpol_eval import (
    KDE,
    Blend,
    CountMap,
    Coverage,
    External,
    Flags,
    InputError,
    TopCells,
    Uniform,
    forecasters,
    tune,
)
from predpol_eval.budget_phrases import read_budget
from predpol_eval.forecasters import describe
from predpol_eval.forecasters.phrases import EXAMPLES, FORECASTERS, fields_of, named_forecaster, read_forecaster


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("top 10 per area", TopCells(10, per="area")),
        ("Top  10 boxes per area", TopCells(10, per="area")),
        ("top 50", TopCells(50)),
        ("1%", Coverage(0.01)),
        ("1 % per area", Coverage(0.01, per="area")),
        (".5 percent", Coverage(0.005)),
        ("1.1 %", Coverage(0.011)),
        ("2 % floor", Coverage(0.02, rounding="floor")),
        ("flags up to 0.6 km2", Flags(600_000)),
    ],
)
def test_a_budget_is_read(text, budget):
    assert read_budget(text) == budget


@given(
    st.one_of(
        st.builds(TopCells, st.integers(1, 10**6), st.sampled_from([None, "area"])),
        st.builds(
            Coverage,
            st.integers(1, 1000).map(lambda thousandths: float(f"{thousandths}e-3")),
            st.sampled_from([None, "area"]),
            st.sampled_from(["exact", "floor", "ceil"]),
        ),
        st.integers(1, 10**5).map(lambda hectares: Flags(hectares * 10_000.0)),
    )
)
def test_a_budget_reads_back_from_its_own_label(budget):
    if "e+" not in str(budget):
        assert str(read_budget(str(budget))) == str(budget)


@pytest.mark.parametrize("text", ["", "ten boxes", "top ten", "top -3", "1", "1 % per night", "0x10 %", "flags"])
def test_an_unreadable_budget_says_how_to_write_one(text):
    with pytest.raises(InputError, match="write it like 'top 10 per area'"):
        read_budget(text)


@pytest.mark.parametrize("text", ["0 %", "101 %", "top 0"])
def test_an_impossible_budget_is_refused(text):
    with pytest.raises(InputError, match="give"):
        read_budget(text)


def test_forecasters_are_read():
    assert read_forecaster("Uniform") == Uniform()
    assert read_forecaster(" KDE( bandwidth = 250 , kernel='quartic') ") == KDE(bandwidth=250, kernel="quartic")
    assert read_forecaster("CountMap(lookback=None, half_life='30D')") == CountMap(lookback=None, half_life="30D")


def test_a_forecaster_reads_back_from_its_own_description():
    for made in (CountMap(lookback="90D"), KDE(bandwidth=123.5, lookback="1W"), Uniform()):
        assert read_forecaster(describe(made)) == made


def test_forecasters_within_forecasters_are_read():
    blend = read_forecaster("Blend(members=[CountMap(lookback=None), KDE(bandwidth=250)], weights=[.25, .75])")
    assert blend == Blend(members=(CountMap(lookback=None), KDE(bandwidth=250)), weights=(0.25, 0.75))
    tuned = read_forecaster("tune(forecaster=KDE(), space={'bandwidth': [250, 500]}, score='top 10 per area')")
    assert tuned == tune(KDE(), {"bandwidth": [250, 500]}, score=TopCells(10, per="area"))
    regression = read_forecaster(
        "Regression(estimator=PoissonRegressor(alpha=.01), features=[ForecastTerm(forecaster=KDE())])"
    )
    assert regression == ppe.Regression(PoissonRegressor(alpha=0.01), (ppe.ForecastTerm(KDE()),))
    both = read_forecaster("tune(forecaster=[CountMap(), Blend(members=[Uniform()])])")
    assert both == tune([CountMap(), Blend(members=(Uniform(),))])


@pytest.mark.parametrize(
    "text",
    [
        "Blend(members=[open('{file}', 'w')])",
        "tune(forecaster=KDE(), space={{'bandwidth': [open('{file}', 'w')]}})",
        "tune(forecaster=KDE(), space={{open('{file}', 'w'): [1]}})",
        "Blend(members=[x for x in [open('{file}', 'w')]])",
        "__import__('os').system('touch {file}')",
        "KDE(bandwidth=__import__('os').system('touch {file}'))",
        "KDE(bandwidth=open('{file}', 'w'))",
        "(lambda: open('{file}', 'w'))()",
        "[open('{file}', 'w')]",
        "KDE(**dict(bandwidth=open('{file}', 'w')))",
        "Uniform; open('{file}', 'w')",
        "CountMap(lookback=f\"{{open('{file}', 'w')}}\")",
        "External.__init__(open('{file}', 'w'))",
    ],
)
def test_text_never_runs(text, tmp_path):
    file = tmp_path / "was_run"
    with pytest.raises(InputError):
        read_forecaster(text.format(file=file))
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kde()", "There is no forecaster 'kde'. Did you mean 'KDE'?"),
        ("KDE(bandwith=3)", "KDE has no 'bandwith'. Did you mean 'bandwidth'?"),
        ("KDE(500)", "name every value"),
        ("KDE(bandwidth=500", "cannot be read"),
        ("KDE(bandwidth=500, bandwidth=1)", "cannot be read"),
        ("KDE(bandwidth=-5)", "KDE(bandwidth=-5): bandwidth=-5"),
        ("CountMap(lookback=21)", "lookback is 21"),
        ("SelfExciting(model=[1])", "SelfExciting(model=[1])"),
        ("External()", "External(path='vendor.nc')"),
        ("External(path='none.nc')", "no file none.nc"),
        ("External(surface=3)", "External has no 'surface'"),
        ("(" * 500 + ")" * 500, "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_forecaster_is_said(text, message):
    with pytest.raises(InputError) as refusal:
        read_forecaster(text)
    assert message in str(refusal.value)


def test_external_surfaces_come_from_a_file_beside_the_configuration(tmp_path):
    from predpol_eval import Grid, Schedule, make_surface, save_surface

    grid = Grid.from_bounds(0, 0, 500, 250, cell=250, crs="EPSG:27700")
    nights = Schedule(start="2018-05-01", end="2018-05-02", tz="Europe/London").windows
    save_surface(make_surface([[[0.5, 0.1]]], grid, nights, kind="score"), tmp_path / "vendor.nc")
    made = read_forecaster("External(path='vendor.nc')", folder=tmp_path, name="vendor A")
    assert isinstance(made, External)
    assert made.name == "vendor A"


def test_every_listed_forecaster_can_be_made():
    for name in FORECASTERS:
        assert hasattr(forecasters, name)
        if name == "External":
            continue
        made = read_forecaster(EXAMPLES.get(name, name))
        assert dataclasses.is_dataclass(made)
        if inspect.Parameter.empty in fields_of(name).values():
            with pytest.raises(InputError, match="write it like"):
                read_forecaster(name)
        if name in EXAMPLES:
            continue
        text = f"{name}({', '.join(f'{key}={value!r}' for key, value in fields_of(name).items())})"
        assert read_forecaster(text) == made


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        ("KDE(bandwidth=500)", "KDE(bandwidth=500)", "KDE(bandwidth=500)"),
        ("a map = KDE(bandwidth=500)", "a map", "KDE(bandwidth=500)"),
        ("Uniform", "Uniform", "Uniform"),
        ("floor=Uniform", "floor", "Uniform"),
        ("three-week map = CountMap(lookback='21D', half_life=None)", "three-week map",
         "CountMap(lookback='21D', half_life=None)"),
    ],
)  # fmt: skip
def test_names_are_taken_apart(text, name, what):
    assert named_forecaster(text) == (name, what)
