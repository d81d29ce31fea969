"""Configuration files: the table of keys is the whole truth, and all problems are told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from predpol_eval import InputError
from predpol_eval.cli.config import KEYS, check_config, merge, read_config
from predpol_eval.cli.options import example, tables
from predpol_eval.cli.prepare import prepare
from tests.cli.town import CONFIG, write_town

ROOT = Path(__file__).resolve().parents[2]


def problems_of(text: str, folder: Path) -> str:
    """What is said of a configuration."""
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        prepare(*check_config(read_config(path), folder))
    return str(refusal.value)


def test_the_printed_example_is_the_one_in_the_docs():
    assert (ROOT / "docs" / "examples" / "toronto.toml").read_text(encoding="utf-8") == example()


def test_the_example_names_every_key_and_no_other(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(example(), encoding="utf-8")
    _, problems = check_config(read_config(path), tmp_path)
    assert problems == []
    # Keys that are commented out are keys, too.
    table, named = "", {}
    for line in example().splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            table = match[1]
        elif match := re.match(r"(?:# )?(\w+) = ", line):
            named.setdefault(table, set()).add(match[1])
    generic = {"x", "y", "happened", "crs", "tz", "observed"}
    for name, keys in KEYS.items():
        assert set(keys) - named.get(name, set()) <= {"step", "origin"}, name
        assert named.get(name, set()) - set(keys) - generic == set() or name == "forecasters"


def test_a_town_is_prepared(tmp_path):
    prepared = prepare(*check_config(read_config(write_town(tmp_path)), tmp_path))
    assert len(prepared.events) == 900
    assert prepared.grid.labels == ("+North", "Mid", "South")
    assert prepared.grid.crs == "EPSG:27700"
    # Converting polygons to degrees and back moves their corners by less than a millimetre.
    assert prepared.grid.total_m2 == pytest.approx(3 * 1500**2 - 500 * 400, abs=5)
    assert any("converted from EPSG:4326 to the crimes' EPSG:27700" in note for note in prepared.notes)
    assert prepared.kinds == ("burglary", "=vehicle crime")
    assert prepared.baseline == "nothing known"
    assert [str(budget) for budget in prepared.budgets] == ["top 2 per area", "5 % of the ground"]
    assert len(prepared.schedule.windows) == 14
    assert prepared.schedule.tz == "Europe/London"


def test_kinds_can_be_pooled(tmp_path):
    config = read_config(write_town(tmp_path))
    config["events"]["pool"] = True
    assert prepare(*check_config(config, tmp_path)).kinds is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[areas]", "[arreas]", "[arreas] is unknown. Did you mean 'areas'?"),
        ("label =", "lable =", "[areas] has no key 'lable'. Did you mean 'label'? Its keys are file, label."),
        ('x = "lon"', 'xx = "lon"', "[events] has no key 'xx'"),
        ('format = "generic"', 'format = "genric"', "format is 'genric'. Did you mean 'generic'?"),
        ('budgets = ["top 2 per area", "5 %"]', "budgets = []", "budgets is []; give a list of texts"),
        ('budgets = ["top 2 per area", "5 %"]', 'budgets = ["5 %", "5.0 %"]', "more than once: 5 % of the ground"),
        ('budgets = ["top 2 per area", "5 %"]', 'budgets = "5 %"', "budgets is '5 %'; expected a list"),
        ("start = 2018-04-02", "", "[schedule] lacks start (--start): first night"),
        ("start = 2018-04-02", "start = 7", "start is 7; expected a day such as 2018-06-01"),
        ("start = 2018-04-02", 'start = "2018-04-31"', "start='2018-04-31'; give a civil day"),
        ("start = 2018-04-02", "start = 2018-05-02", "has no window; give an end after the start"),
        ('x = "lon"', "", "[events] lacks x (--read KEY=VALUE)"),
        ("Uniform()", "Unifrom()", "There is no forecaster 'Unifrom'. Did you mean 'Uniform'?"),
        ('"Uniform()"', "3", "[forecasters] nothing known is 3; write it as a text"),
        ("crimes.csv", "crime.csv", "There is no file of crimes"),
        ("areas.geojson", "area.geojson", "There is no file of areas"),
        ("areas.geojson", "crimes.csv", "no polygons"),
        ("areas.geojson", "run.toml", "cannot be read as a file of areas"),
        ('label = "ward"', 'label = "Ward"', "have no column 'Ward' (--label); the columns are 'ward'"),
        ("[output]", "[output]\nmap_forecaster = 'map'", "map_forecaster is 'map'; choose one of the forecasters"),
        ("[backtest]", "[backtest]\nbaseline = 'map'", "baseline is 'map'; choose one of the forecasters"),
        ("[backtest]", "[backtest]\nmethod = 'later'", "method is 'later'; choose one of aoristic"),
        ("[backtest]", "[backtest]\njobs = 1.5", "jobs is 1.5; expected a whole number"),
        ("[backtest]", "[backtest]\njobs = true", "jobs is True; expected a whole number"),
        ("[backtest]", "[backtest]\njobs = 0", "jobs is 0; give the number"),
        ("resamples = 200", "resamples = 0", "resamples is less than 1"),
        ("[schedule]", "[grid]\ncell = 0\n[schedule]", "cell is 0; give the side of a box"),
        ("[schedule]", "[grid]\nbounds = [1, 2, 3, 4]\n[schedule]", "Both [areas] and bounds"),
        ("[schedule]", "[grid]\norigin = [1]\n[schedule]", "origin is [1]; give 2 numbers"),
        ('kinds = ["burglary", "=vehicle crime"]', 'kinds = ["burglary", "burglary"]', "name each kind once"),
        ('kinds = ["burglary", "=vehicle crime"]', 'kinds = ["arson"]', "arson"),
    ],
)
def test_one_problem_is_told(old, new, said, tmp_path):
    write_town(tmp_path)
    assert old in CONFIG
    assert said in problems_of(CONFIG.replace(old, new), tmp_path)


def test_all_problems_are_told_at_once(tmp_path):
    write_town(tmp_path)
    text = CONFIG
    for old, new in (
        ("label =", "lable ="),
        ("Uniform()", "Unifrom()"),
        ('"5 %"', '"5 percents"'),
        ("crimes.csv", "crime.csv"),
        ('end = "2018-04-16"', 'end = "soon"'),
        ("resamples = 200", "resamples = 'many'"),
    ):
        text = text.replace(old, new)
    said = problems_of(text, tmp_path)
    assert said.startswith("6 problems:\n  - ")
    for part in ("'lable'", "'Unifrom'", "'5 percents'", "crime.csv", "end='soon'", "resamples is 'many'"):
        assert part in said


def test_broken_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"There is no file .*nope\.toml.*--example"):
        read_config(tmp_path / "nope.toml")
    (tmp_path / "run.toml").write_text("[events\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.toml is not a TOML file"):
        read_config(tmp_path / "run.toml")
    (tmp_path / "run.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not a TOML file"):
        read_config(tmp_path / "run.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_config(tmp_path)


def given_options(**more):
    """Options as the command line hands them over."""
    names = (
        "events", "format", "kind", "pool", "areas", "label", "cell", "start", "end", "at", "horizon", "step", "lead",
        "budget", "baseline", "output", "store", "jobs",
    )  # fmt: skip
    return tables(**{**dict.fromkeys(names), **more})


def test_options_lie_over_the_file(tmp_path):
    config = read_config(write_town(tmp_path))
    options = given_options(
        start="2018-04-05",
        jobs=2,
        forecaster=["KDE(bandwidth=300)", "b = Uniform()"],
        budget=["3 %"],
        observed=["2018-01-01, 2018-05-02"],
        read=["decimal=.", "columns=['a', 'b']"],
        output=Path("elsewhere"),
    )
    merged = merge(config, options)
    assert merged["schedule"] == {"start": "2018-04-05", "end": "2018-04-16"}
    assert merged["backtest"] == {"budgets": ["3 %"], "jobs": 2}
    assert merged["forecasters"] == {"KDE(bandwidth=300)": "KDE(bandwidth=300)", "b": "Uniform()"}
    assert merged["events"]["observed"] == [["2018-01-01", "2018-05-02"]]
    assert merged["events"]["columns"] == ["a", "b"]
    assert merged["events"]["file"] == "crimes.csv"
    assert Path(merged["output"]["folder"]) == Path("elsewhere").absolute()
    assert config["schedule"]["end"] == "2018-04-16"
    assert "jobs" not in config["backtest"]
    assert given_options() == {}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"observed": ["2018-01-01"]}, "write two days, end excluded"),
        ({"read": ["lon"]}, "write KEY=VALUE"),
        ({"forecaster": ["KDE()", "KDE()"]}, "Two forecasters are called 'KDE\\(\\)'"),
    ],
)
def test_options_that_cannot_be_read_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        given_options(**options)
