"""The hash of a plan: the same whatever decides nothing, another with everything that decides."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.plan import KEYS, read_plan
from tests.trial.plan.town import PLAN, X, Y, made, wards, write_town

# Another value of every key; a test sees to it that none is left out.
OTHERS = {
    ("trial", "name"): 'name = "Another"',
    ("trial", "seed"): "seed = 2",
    ("place", "areas"): 'areas = "others.geojson"',
    ("place", "label"): 'label = "number"',
    ("place", "use"): 'use = ["South", "mid"]',
    ("place", "crs"): 'crs = "EPSG:32630"',
    ("place", "cell"): "cell = 125",
    ("place", "origin"): "origin = [10, 0]",
    ("crimes", "kinds"): 'kinds = ["robbery", "burglary"]',
    ("crimes", "tz"): 'tz = "Europe/Dublin"',
    ("crimes", "method"): 'method = "start"',
    ("nights", "first"): "first = 2018-07-02",
    ("nights", "number"): "number = 31",
    ("nights", "at"): 'at = "20:01"',
    ("nights", "horizon"): 'horizon = "23h"',
    ("nights", "cut"): 'cut = "17:01"',
    ("nights", "cut_days_before"): "cut_days_before = 1",
    ("nights", "deadline"): 'deadline = "18:59"',
    ("nights", "deadline_days_before"): "deadline_days_before = 1\ncut_days_before = 1",
    ("nights", "settling_days"): "settling_days = 29",
    ("budget", "boxes"): "boxes = 4",
    ("test", "metric"): 'metric = "pai"',
    ("test", "method"): 'method = "bootstrap"',
    ("test", "alpha"): "alpha = 0.01",
    ("test", "spending"): 'spending = "pocock"',
    ("test", "looks"): "looks = [15, 30]",
    ("test", "pairs"): 'pairs = [["A", "kernel"]]',
    ("test", "correction"): 'correction = "by"',
    ("test", "missing"): 'missing = "chance"',
    ("test", "rho"): "rho = 51",
    ("test", "draws"): "draws = 1999",
    ("test", "floor"): "floor = 1e-6",
    ("submitters", "vendors"): 'vendors = ["A", "B"]',
    ("submitters", "in_house"): "in_house = []",
    ("limits", "bytes"): "bytes = 1000000",
    ("limits", "rows"): "rows = 1000",
    ("limits", "vertices"): "vertices = 1000",
    ("limits", "nights"): "nights = 2",
}
# There is one rule only, so far.
ONE_VALUE = {("test", "ties")}


def with_key(table: str, line: str) -> str:
    """The plan with the keys of some lines set in a table."""
    tables = tomllib.loads(PLAN)
    text = PLAN
    for part in line.split("\n"):
        key = part.split(" ")[0]
        if key in tables.get(table, {}):
            head, rest = text.split(f"[{table}]\n")
            text = f"{head}[{table}]\n" + re.sub(rf"(?m)^{key} = .*\n", "", rest, count=1)
        if f"[{table}]" not in text:
            text += f"\n[{table}]\n"
        text = text.replace(f"[{table}]\n", f"[{table}]\n{part}\n")
    if line.startswith("number ="):
        text = text.replace("[10, 20, 30]", "[10, 20, 31]")
    if line.startswith("vendors"):
        text = text.replace("looks =", 'pairs = [["A", "B"]]\nlooks =')
    return text


def test_every_key_has_another_value_here():
    every = {(table, key) for table, keys in KEYS.items() for key in keys}
    assert every == set(OTHERS) | ONE_VALUE


@pytest.mark.parametrize(("table", "key"), OTHERS)
def test_every_key_changes_the_hash(table, key, tmp_path):
    plan = made(tmp_path)
    (tmp_path / "others.geojson").write_bytes(wards())
    other = read_plan(write_town(tmp_path, with_key(table, OTHERS[table, key])))
    assert other.sha256 != plan.sha256
    assert other.keys[table][key] != plan.keys[table][key]


def test_the_hash_is_that_of_the_canonical_form(tmp_path):
    plan = made(tmp_path)
    assert plan.sha256 == sha256_of(plan.canonical)
    content = json.loads(plan.canonical)
    assert plan.canonical == canonical_json(content)
    assert content["schema"] == "predpol_eval.plan/1"
    assert content["grid"] == plan.make_grid().fingerprint
    assert content["areas"]["sha256"] == sha256_of(wards())
    assert [night["name"] for night in content["nights"]] == [night.name for night in plan.nights]
    assert content["baselines"]["kernel"]["is"] == "KDE(bandwidth=300)"
    assert set(content["versions"]) >= {"predpol_eval", "python", "numpy", "scikit-learn", "pyproj", "time zones"}
    assert content["keys"]["nights"]["horizon"] == "1D"
    assert set(content["keys"]) == set(KEYS)
    assert all(set(content["keys"][table]) == set(keys) for table, keys in KEYS.items() if keys)


@given(order=st.permutations(range(9)), data=st.data())
def test_the_order_of_tables_and_keys_comments_and_blanks_decide_nothing(order, data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "order"
    folder.mkdir(exist_ok=True)
    tables = re.split(r"\n(?=\[)", PLAN.strip())
    lines = []
    for place in [number for number in order if number < len(tables)]:
        head, *keys = [line for line in tables[place].split("\n") if line]
        lines += [f"  {head} # a word", *data.draw(st.permutations(keys)), "", "# another"]
    assert made(folder) == read_plan(write_town(folder, "\n".join(lines).replace(" = ", "   =\t")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2018-07-01", '"2018-07-01"'),
        ('at = "20:00"', "at = 20:00:00"),
        ('cut = "17:00"', 'cut = "17:00:00"'),
        ("[budget]", 'horizon = "24h"\n[budget]'),
        ("[budget]", 'horizon = "1d"\ncut_days_before = 0\n[budget]'),
        ("[crimes]", "cell = 250\n[crimes]"),
        ("[crimes]", "cell = 250.0\norigin = [0, -0.0]\n[crimes]"),
        ("[crimes]", 'use = ["mid", "=North", "South"]\n[crimes]'),
        ("EPSG:27700", "epsg:27700"),
        ("[test]", '[test]\nalpha = 0.05\nfloor = "none"'),
        (
            "[test]",
            '[test]\npairs = [["A","B"],["A","C"],["B","C"],["A","in-house"],["B","in-house"],["C","in-house"]]',
        ),
        ('"KDE(bandwidth=300)"', "' KDE(bandwidth=300) '"),
        ("[submitters]", "[limits]\nrows = 200_000\n[submitters]"),
    ],
)
def test_the_same_said_otherwise_is_the_same_plan(old, new, tmp_path):
    assert made(tmp_path, (old, new)) == made(tmp_path)


def test_where_the_file_of_areas_lies_decides_nothing(tmp_path):
    plan = made(tmp_path)
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "wards.geojson").write_bytes(wards())
    assert made(tmp_path, ("wards.geojson", "maps/wards.geojson")) == plan
    assert made(tmp_path, ("wards.geojson", f"{tmp_path}/maps/wards.geojson")) == plan
    assert str(tmp_path).encode() not in made(tmp_path, ("wards.geojson", f"{tmp_path}/wards.geojson")).canonical


def test_a_byte_of_the_areas_changes_the_hash(tmp_path):
    plan = made(tmp_path)
    blank = read_plan(write_town(tmp_path, areas=wards() + b" "))
    assert blank.sha256 != plan.sha256
    assert blank.grid_fingerprint == plan.grid_fingerprint
    moved = read_plan(write_town(tmp_path, areas=wards().replace(f"[{X}, {Y}]".encode(), f"[{X + 1}, {Y}]".encode())))
    assert moved.grid_fingerprint != plan.grid_fingerprint


def test_baselines_change_the_hash(tmp_path):
    plan = made(tmp_path)
    assert made(tmp_path, ("bandwidth=300", "bandwidth=301")).sha256 != plan.sha256
    assert made(tmp_path, ('"kernel"', '"kernels"')).sha256 != plan.sha256
    assert made(tmp_path, ('"kernel" = "KDE(bandwidth=300)"\n', "")).sha256 != plan.sha256


def test_versions_and_the_time_zone_database_change_the_hash(tmp_path, monkeypatch):
    from predpol_eval.trial.plan import content, versions

    plan = made(tmp_path)
    monkeypatch.setattr(content, "versions", lambda tz: {**versions.versions(tz), "time zones": "2099z"})
    other = made(tmp_path)
    assert other.sha256 != plan.sha256
    (told,) = other.other_versions()
    assert re.fullmatch(r"time zones is .+ here; the plan was locked with 2099z\.", told)
