"""Plans as people write them: every fault is told, all of them at once, with what to write instead."""

from __future__ import annotations

import datetime
import json
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval import InputError, PlanLockedError, PredPolError
from predpol_eval.trial.canonical import canonical_json
from predpol_eval.trial.plan import KEYS, as_markdown, example, load_plan, read_plan
from predpol_eval.trial.plan.checking import check_tables
from predpol_eval.trial.plan.reading import MOST_TOML_BYTES
from tests.trial.plan.town import PLAN, changed, made, wards, write_town


def faults(folder: Path, text: str, areas: bytes | None = None) -> str:
    """What is said of a plan that cannot be used."""
    with pytest.raises(InputError) as refusal:
        read_plan(write_town(folder, text, areas))
    return str(refusal.value)


def test_a_plan_is_read(tmp_path):
    plan = made(tmp_path)
    assert plan.name == "A trial"
    assert (plan.tz, plan.crs, plan.cell) == ("Europe/London", "EPSG:27700", 250.0)
    # Sorted as the grid sorts them.
    assert plan.areas == ("=North", "South", "mid") == plan.make_grid().labels
    assert plan.kinds == ("burglary", "robbery")
    assert (plan.vendors, plan.in_house) == (("A", "B", "C"), ("in-house",))
    assert plan.submitters == ("A", "B", "C", "in-house")
    assert (plan.k, plan.seed, plan.settling_days, plan.method) == (3, 1, 28, "aoristic")
    assert plan.test.looks == (10, 20, 30)
    assert plan.test.pairs == (
        ("A", "B"), ("A", "C"), ("B", "C"), ("A", "in-house"), ("B", "in-house"), ("C", "in-house"),
    )  # fmt: skip
    assert (plan.test.alpha, plan.test.method, plan.test.metric, plan.test.missing) == (0.05, "dm", "hit_rate", "zero")
    assert (plan.test.floor, plan.test.rho, plan.test.correction) == (None, 50.0, "holm")
    assert plan.limits.rows == 200_000
    assert plan.limits.nights == 31
    assert list(plan.baselines) == ["kernel", "three-week map"]
    assert repr(plan.forecasters()["three-week map"]) == "CountMap(lookback='21D', half_life=None)"
    assert len(plan.nights) == 30
    assert plan.sha256 in repr(plan)
    assert "=North" not in plan._repr_html_()
    assert plan.other_versions() == ()


def test_nights_are_found_by_name(tmp_path):
    plan = made(tmp_path)
    assert plan.night("2018-07-03").number == 2
    assert plan.night(datetime.date(2018, 7, 30)).number == 29
    with pytest.raises(
        InputError, match=r"no night '2018-7-03'. Did you mean '2018-07-03'\?.* 2018-07-01 to 2018-07-30"
    ):
        plan.night("2018-7-03")
    with pytest.raises(InputError, match="no night '2018-07-31'"):
        plan.night("2018-07-31")


def test_the_example_is_whole_and_names_every_key(tmp_path):
    path = tmp_path / "plan.toml"
    text = example().replace('use = ["70", "73", "75", "76", "77"]', 'use = ["0", "2"]')
    text = text.replace("AREA_SHORT_CODE", "number").replace("neighbourhoods_140", "wards")
    write_town(tmp_path, text.replace("EPSG:32617", "EPSG:27700"))
    plan = read_plan(path)
    assert plan.areas == ("0", "2")
    table, named = "", {}
    for line in example().splitlines():
        if match := re.match(r"\[(\w+)\]", line):
            table = match[1]
            named[table] = set()
        elif match := re.match(r"(?:# )?(\w+) = ", line):
            named[table].add(match[1])
    assert {name: set(keys) for name, keys in KEYS.items() if keys} == {
        name: keys for name, keys in named.items() if name != "baselines"
    }
    # What it says of keys that are left out is true: taking the marks away changes nothing but pairs and floor.
    spoken = re.sub(r"(?m)^# (?!pairs|floor)(\w+ = )", r"\1", path.read_text(encoding="utf-8"))
    assert spoken.count("#") < path.read_text(encoding="utf-8").count("#") - 15
    path.write_text(spoken, encoding="utf-8")
    assert read_plan(path) == plan


def test_the_docs_tell_every_key():
    text = as_markdown()
    for name, keys in KEYS.items():
        assert f"### [{name}]" in text
        assert all(f"| `{key}` | " in text for key in keys)
    assert "Yes, from a night on." in text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[crimes]", "[crmies]", "[crmies] is unknown. Did you mean 'crimes'?"),
        ("[trial]", "alpha = 1\n[trial]", "[alpha] is unknown"),
        ("[trial]", "limits = 1\n[trial]", "limits is 1; write it as a table, [limits]"),
        ("kinds =", "kind =", "[crimes] has no key 'kind'. Did you mean 'kinds'? Its keys are kinds, tz, method."),
        ("kinds =", "Kinds =", "[crimes] has no key 'Kinds'. Did you mean 'kinds'?"),
        ('name = "A trial"', "", "[trial] lacks name"),
        ('"A trial"', '"  "', "[trial] name is '  '; expected a text of one line"),
        ('"A trial"', '"A\\ntrial"', "[trial] name is 'A\\ntrial'; expected a text of one line"),
        ('"A trial"', '"A\\u202etrial"', "expected a text of one line"),
        ('"A trial"', "3", "[trial] name is 3; expected a text"),
        ("[place]", "seed = 1.0\n[place]", "[trial] seed is 1.0; expected a whole number"),
        ("[place]", "seed = true\n[place]", "[trial] seed is True; expected a whole number"),
        ("[place]", "seed = -1\n[place]", "[trial] seed is -1"),
        ("[place]", f"seed = {10**90}\n[place]", "[trial] seed is a number of over 80 digits"),
        ("EPSG:27700", "EPSG:4326", "[place] crs: The coordinates are in EPSG:4326"),
        ("EPSG:27700", "EPSG:2", "[place] crs: 'EPSG:2' is not a coordinate reference system"),
        ('"EPSG:27700"', "27700", "[place] crs is 27700; expected the code"),
        ("[crimes]", "cell = nan\n[crimes]", "[place] cell is nan; expected a number above 0"),
        ("[crimes]", "cell = inf\n[crimes]", "[place] cell is inf"),
        ("[crimes]", "cell = 0\n[crimes]", "[place] cell is 0"),
        ("[crimes]", "cell = 250.00001\n[crimes]", "whole millimetres"),
        ("[crimes]", f"cell = 1{'0' * 400}\n[crimes]", "[place] cell is a number of over 80 digits"),
        ("[crimes]", "origin = [1]\n[crimes]", "[place] origin is [1]; expected two numbers"),
        ("[crimes]", "origin = [1, nan]\n[crimes]", "[place] origin is [1, nan]"),
        ("[crimes]", 'use = ["mdi"]\n[crimes]', "not in column 'ward': 'mdi' Did you mean 'mid'?"),
        ("[crimes]", 'use = ["mid", "mid"]\n[crimes]', "all different"),
        ('label = "ward"', 'use = ["mid"]', "no label says in which column"),
        ('label = "ward"', 'label = "wards"', "no column 'wards'. Did you mean 'ward'?"),
        ('label = "ward"', 'label = "wards"\nuse = ["mid"]', "no column 'wards'. Did you mean 'ward'?"),
        ("wards.geojson", "ward.geojson", "[place] areas: There is no file of areas"),
        ("wards.geojson", ".", "is a folder; give the file of areas itself"),
        ("wards.geojson", "plan.toml", "neither GeoJSON (a FeatureCollection) nor GeoPackage"),
        ('["burglary", "robbery"]', "[]", "[crimes] kinds is []; expected a list of 1 to 100, all different"),
        ('["burglary", "robbery"]', '["arson", "arson"]', "all different"),
        ('["burglary", "robbery"]', '"arson"', "[crimes] kinds is 'arson'; expected a list"),
        ('["burglary", "robbery"]', '["arson", 3]', "[crimes] kinds is ['arson', 3]"),
        ("Europe/London", "Europe/Londn", "[crimes] tz: 'Europe/Londn' is not an IANA time zone"),
        ("[nights]", 'method = "strat"\n[nights]', "[crimes] method is 'strat'; expected one of 'aoristic', 'start'"),
        ("2018-07-01", "2018-07-01T00:00:00", "[nights] first is 2018-07-01T00:00:00; expected a day"),
        ("2018-07-01", '"20180701"', "[nights] first is '20180701'; expected a day"),
        ("2018-07-01", '"2018-02-30"', "[nights] first is '2018-02-30'; expected a day"),
        ("2018-07-01", "1212-07-01", "of the years 1970 to 2200"),
        ("number = 30", "number = 0", "[nights] number is 0; expected a whole number from 1"),
        ("number = 30", "number = 29", "[test] looks ends at 30, but the trial has 29 nights"),
        ('at = "20:00"', 'at = "24:00"', "[nights] at is '24:00'; expected a time of day"),
        ('at = "20:00"', "at = 20:00:30", "[nights] at is 20:00:30; expected a time of day"),
        ("[budget]", 'horizon = "25h"\n[budget]', "[nights] horizon is '25h'; expected a length"),
        ("[budget]", 'horizon = "0h"\n[budget]', "[nights] horizon is '0h'"),
        ("[budget]", 'horizon = "90s"\n[budget]', "[nights] horizon is '90s'"),
        ("[budget]", "settling_days = -1\n[budget]", "[nights] settling_days is -1"),
        ('cut = "17:00"', 'cut = "19:01"', "The cut is after the deadline on 2018-07-01, 2018-07-02, 2018-07-03, "
         "2018-07-04, 2018-07-05 and 25 more nights"),
        ('deadline = "19:00"', 'deadline = "20:01"', "The deadline is after the start of the window on 2018-07-01"),
        ("boxes = 3", "boxes = 17", "areas with fewer boxes: '=North' (16), 'South' (16), 'mid' (16)"),
        ("boxes = 3", "boxes = 0", "[budget] boxes is 0; expected a whole number from 1"),
        ("[10, 20, 30]", "[20, 10, 30]", "[test] looks is [20, 10, 30]; expected a list of rising whole numbers"),
        ("[10, 20, 30]", "[0, 30]", "[test] looks is [0, 30]"),
        ("[10, 20, 30]", "[]", "[test] looks is []"),
        ("[10, 20, 30]", "[10.0, 30]", "[test] looks is [10.0, 30]"),
        ("[test]", "[test]\nalpha = 0", "[test] alpha is 0; expected a number above 0"),
        ("[test]", "[test]\nalpha = 5", "[test] alpha is 5"),
        ("[test]", '[test]\nmetric = "rri"', "[test] metric is 'rri'; expected one of 'hit_rate', 'pai'"),
        ("[test]", '[test]\nmethod = "sequence"', "[test] method is 'sequence'"),
        ("[test]", '[test]\nfloor = "some"', "floor is 'some'; expected a number above 0 and at most 1, or 'none'"),
        ("[test]", '[test]\npairs = [["A", "D"]]', "pairs names 'D', which is neither a submitter nor a baseline"),
        ("[test]", '[test]\npairs = [["A", "A"]]', "[test] pairs is [['A', 'A']]"),
        ("[test]", '[test]\npairs = [["A", "B"], ["B", "A"]]', "[test] pairs compares 'A' and 'B' twice"),
        ('["A", "B", "C"]', "[]", "[submitters] vendors is []"),
        ('["A", "B", "C"]', '["A", "a"]', "[submitters] vendors names 'a', but [submitters] vendors does so too"),
        ('["A", "B", "C"]', '["A", "../B"]', "1 to 20 letters"),
        ('["A", "B", "C"]', '["=A"]', "1 to 20 letters"),
        ('["A", "B", "C"]', '["A", "IN-HOUSE"]', "[submitters] in_house names 'in-house', but [submitters] ven"),
        ('["A", "B", "C"]', '["Kernel"]', "[baselines] names 'kernel', but [submitters] vendors does so too"),
        ('["A", "B", "C"]', '["Oracle"]', "names 'Oracle', which every trial is scored beside anyway"),
        ('["A", "B", "C"]', '["three-week-map"]', "[baselines] names 'three-week map', but [submitters] vendors does"),
        ('"kernel"', '"UNIFORM"', "names 'UNIFORM', which every trial is scored beside anyway"),
        ('"kernel"', '"Three  Week\u00a0Map"', "[baselines] names 'three-week map', but [baselines] does so too"),
        ('"kernel"', '"\uff4fracle"', "which every trial is scored beside anyway"),
        ('"robbery"]', '"all"]', "[crimes] kinds names 'all', as tables call all kinds together"),
        ('"robbery"]', '"All Kinds"]', "[crimes] kinds names 'All Kinds', as tables call"),
        ('"robbery"]', '"all  kinds_TOGETHER"]', "[crimes] kinds names 'all  kinds_TOGETHER', as tables call"),
        ('["A", "B", "C"]', str([f"V{n}" for n in range(27)]), "a list of 1 to 26"),
        ("[baselines]", "[limits]\nrows = 0\n[baselines]", "[limits] rows is 0; expected a whole number from 1"),
        ("[baselines]", "[limits]\nrow = 5\n[baselines]", "[limits] has no key 'row'. Did you mean 'rows'?"),
        ("CountMap(", "CoutnMap(", "[baselines] 'three-week map': There is no forecaster 'CoutnMap'. Did you mean"),
        ('"KDE(bandwidth=300)"', "300", "[baselines] kernel is 300; expected a forecaster in quotes"),
        ("KDE(bandwidth=300)", "KDE(bandwidth=-3)", "[baselines] 'kernel': KDE(bandwidth=-3)"),
        ("KDE(bandwidth=300)", "External(path='x.nc')", "'kernel' is \"External(path='x.nc')\": surfaces from a file"),
        ("KDE(bandwidth=300)", "Blend(members=[CountMap(), External(path='x.nc')])", "surfaces from a file are not"),
        ("KDE(bandwidth=300)", "__import__('os').system('true')", "cannot be read"),
        ("KDE(bandwidth=300)", "KDE(bandwidth=" + "(" * 900 + ")" * 900 + ")", "cannot be read"),
        ('"kernel"', '"ker\\nnel"', "is no name; give a text of one line"),
    ],
)  # fmt: skip
def test_one_fault_is_told(old, new, said, tmp_path):
    told = faults(tmp_path, changed((old, new)))
    assert said in told
    # One slip may show in two places: what was left out under its right name is lacking.
    assert told.count("\n  - ") in (0, 2, 3), told
    assert " faults:" not in told or "lacks" in told, told


def test_all_faults_are_told_at_once(tmp_path):
    told = faults(
        tmp_path,
        changed(
            ("kinds =", "kind ="), ("2018-07-01", "7"), ("wards.geojson", "no.geojson"), ("KDE(", "KED("),
            ("boxes = 3", "boxes = 0"), ("looks = [10, 20, 30]", "lokos = 3"), ("[trial]", "[tiral]"),
        ),
    )  # fmt: skip
    for said in (
        "'kind'",
        "lacks kinds",
        "first is 7",
        "no.geojson",
        "KED",
        "boxes is 0",
        "'lokos'",
        "[tiral]",
        "lacks name",
    ):
        assert said in told, said
    assert told.startswith("The plan has 9 faults:\n  - ")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[trial]\nname = 'caf\xe9'\n", "not text in UTF-8 (line 2)"),
        ("[trial]".encode("utf-16"), "not text in UTF-8 (line 1)"),
        (b"[trial]\nname = \n", "line 2"),
        (b"[trial]\nname = 'a'\nname = 'b'\n", "Cannot overwrite a value"),
        (b"[trial]\x00", "not a TOML file"),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"a = " + b"1" * 5_000, "too many digits"),
        (b"#" * (MOST_TOML_BYTES + 1), "larger than 1,000,000 bytes"),
        (b"", "[trial] lacks name"),
    ],
)
def test_files_that_are_no_plan(data, said, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_bytes(data)
    with pytest.raises(InputError) as refusal:
        read_plan(path)
    assert said in str(refusal.value)


def test_paths_that_are_no_plan(tmp_path):
    with pytest.raises(InputError, match="is a folder; give the plan itself"):
        read_plan(tmp_path)
    with pytest.raises(InputError, match="There is no plan"):
        read_plan(tmp_path / "none.toml")
    with pytest.raises(InputError, match="There is no plan"):
        read_plan("a\0b")


@pytest.mark.parametrize(
    ("areas", "said"),
    [
        (b"", "neither GeoJSON"),
        (b'<OGRVRTDataSource><OGRVRTLayer name="x"/></OGRVRTDataSource>', "neither GeoJSON"),
        (
            b'{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read /etc/passwd"}',
            "neither GeoJSON",
        ),
        (b"[" * 100_000, "neither GeoJSON"),
        (b"SQLite format 3\x00" + b"\x00" * 52 + b"GPKG" + b"\x00" * 100, "cannot be read"),
        (b'{"type": "FeatureCollection", "features": []}', "There is no area"),
        (wards(("a", "b\nc", "d")), "Areas are called 'b\\nc'"),
        (wards(("a", None, "d")), "row 1 of the areas have a blank 'ward'"),
    ],
)
def test_files_that_are_no_areas(areas, said, tmp_path):
    assert said in faults(tmp_path, PLAN, areas)


@pytest.mark.parametrize("name", ["all", "ALL", "All  Areas", "all-areas", "\uff41ll"])
def test_no_area_is_called_as_all_together_are(name, tmp_path):
    assert f"An area is called {name!r}, as tables call all areas together" in faults(
        tmp_path, PLAN, wards(("South", name, "North"))
    )
    # One that does not take part is in nobody's way, and without names the whole is one area.
    use = changed(('label = "ward"', 'label = "ward"\nuse = ["South", "North"]'))
    assert read_plan(write_town(tmp_path, use, wards(("South", name, "North")))).areas == ("North", "South")
    whole = changed(('label = "ward"', ""))
    assert read_plan(write_town(tmp_path, whole, wards(("South", name, "North")))).areas == ("all",)


def test_areas_may_be_a_geopackage_in_degrees(tmp_path):
    import geopandas as gpd

    write_town(tmp_path)
    polygons = gpd.read_file(tmp_path / "wards.geojson").to_crs("EPSG:4326")
    polygons.to_file(tmp_path / "wards.gpkg")
    plan = made(tmp_path, ("wards.geojson", "wards.gpkg"))
    assert plan.areas == ("=North", "South", "mid")
    assert plan.make_grid().crs == "EPSG:27700"
    assert plan.make_grid().total_m2 == pytest.approx(3e6, rel=1e-5)


def test_a_mark_and_windows_line_ends_do_no_harm(tmp_path):
    plan = made(tmp_path)
    (tmp_path / "plan.toml").write_bytes(b"\xef\xbb\xbf" + PLAN.replace("\n", "\r\n").encode())
    assert read_plan(tmp_path / "plan.toml") == plan


def test_a_plan_is_read_again_as_it_was_locked(tmp_path):
    plan = made(tmp_path)
    again = load_plan(plan.canonical, plan.areas_bytes, sha256=plan.sha256)
    assert again == plan
    assert hash(again) == hash(plan)
    for name in plan.__slots__:
        assert getattr(again, name) == getattr(plan, name), name
    assert pickle.loads(pickle.dumps(plan)).nights == plan.nights


def test_another_plan_or_other_areas_are_refused(tmp_path):
    plan = made(tmp_path)
    with pytest.raises(PlanLockedError, match="file of areas is not that"):
        load_plan(plan.canonical, plan.areas_bytes + b" ")
    with pytest.raises(PlanLockedError, match=r"The plan was changed: its SHA-256 is"):
        load_plan(plan.canonical, plan.areas_bytes, sha256="0" * 64)
    with pytest.raises(InputError, match=r"schema is 'predpol_eval\.plan/9', expected 'predpol_eval\.plan/1'"):
        load_plan(plan.canonical.replace(b"eval.plan/1", b"eval.plan/9"), plan.areas_bytes)
    for data in (b"", b"\xff", b"[1]", b"null", b"[" * 100_000, b'{"schema":1}'):
        with pytest.raises(InputError):
            load_plan(data, plan.areas_bytes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"schema":', b' "schema":'),
        (b'"boxes":3', b'"boxes":3,"boxes":3'),
        (b'"boxes":3', b'"boxes":0'),
        (b'"cell":250.0', b'"cell":250'),
        (b'"horizon":"1D"', b'"horizon":"24h"'),
        (b'"number":30,', b'"number":29,'),
        (b'"name":"2018-07-01"', b'"name":"2018-07-02"'),
        (b'"number":1,', b'"number":2,'),
        (b'"2018-07-01T18:00:00.000000Z"', b'"2018-07-01T18:00:00Z"'),
        (b'"2018-07-01T18:00:00.000000Z"', b"7"),
        (b'"areas":"wards.geojson"', b'"areas":"../wards.geojson"'),
        (b'"labels":["=North","South","mid"]', b'"labels":["=North","mid"]'),
        (b'"labels":["=North","South","mid"]', b'"labels":7'),
        (b'"versions":{', b'"versions":{"a":1,'),
        (b'"seed":1', b'"seed":NaN'),
        (b'"schema":', b'"ammended":1,"schema":'),
    ],
)
def test_a_locked_plan_that_was_edited_is_refused(old, new, tmp_path):
    plan = made(tmp_path)
    assert old in plan.canonical
    with pytest.raises(PredPolError):
        load_plan(plan.canonical.replace(old, new, 1), plan.areas_bytes)


def test_a_locked_plan_that_lacks_a_night_or_a_baseline_is_refused(tmp_path):
    plan = made(tmp_path)
    content = json.loads(plan.canonical)
    for change in (
        {"nights": content["nights"][:-1]},
        {"nights": [*content["nights"], content["nights"][-1]]},
        {"nights": content["nights"][::-1]},
        {"baselines": {"kernel": content["baselines"]["kernel"]}},
        {"baselines": {**content["baselines"], "kernel": {"is": "KDE(bandwidth=300)"}}},
        {"areas": {**content["areas"], "labels": ["South", "mid"]}},
        {"grid": 1},
    ):
        with pytest.raises(PlanLockedError, match="do not fit its keys"):
            load_plan(canonical_json(content | change), plan.areas_bytes)


@given(data=st.data())
def test_no_damage_to_a_locked_plan_is_a_crash(data, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    plan = made(folder)
    place = data.draw(st.integers(0, len(plan.canonical) - 1))
    stop = data.draw(st.integers(place, min(place + 40, len(plan.canonical))))
    damaged = plan.canonical[:place] + data.draw(st.binary(max_size=8)) + plan.canonical[stop:]
    if damaged == plan.canonical:
        return
    with pytest.raises(PlanLockedError):
        load_plan(damaged, plan.areas_bytes, sha256=plan.sha256)
    try:
        other = load_plan(damaged, plan.areas_bytes)
    except PredPolError:
        return
    assert other.sha256 != plan.sha256


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([(table, key) for table, keys in KEYS.items() for key in (keys or {"x": 0})]), JSON)
def test_any_value_of_any_key_is_read_or_told(which, value):
    """Whatever is read is read again as it is kept."""
    import tomllib

    table, key = which
    tables = tomllib.loads(PLAN)
    tables.setdefault(table, {})[key] = value
    values, problems = check_tables(tables)
    if not problems:
        assert check_tables(values) == (values, [])
    else:
        assert all(len(problem) < 1_500 for problem in problems)


def test_the_areas_must_stay_as_they_were(tmp_path):
    plan = made(tmp_path)
    fingerprint = plan.grid_fingerprint
    assert plan.make_grid(tmp_path).fingerprint == fingerprint
    (tmp_path / "wards.geojson").write_bytes(wards() + b"\n")
    with pytest.raises(PlanLockedError, match=r"'wards\.geojson' was changed"):
        plan.make_grid(tmp_path)
    assert plan.make_grid().fingerprint == fingerprint
    (tmp_path / "wards.geojson").unlink()
    assert plan.make_grid(tmp_path).fingerprint == fingerprint


def test_libraries_that_lay_another_grid_are_refused(tmp_path):
    plan = made(tmp_path)
    other = load_plan(plan.canonical.replace(plan.grid_fingerprint.encode(), b"0" * 64), plan.areas_bytes)
    with pytest.raises(PlanLockedError, match="the grid laid over them here is another"):
        other.make_grid()


def test_other_versions_are_told_and_no_reason_to_refuse(tmp_path):
    import numpy as np

    plan = made(tmp_path)
    told = f'"numpy":"{np.__version__}"'.encode()
    older = load_plan(plan.canonical.replace(told, b'"numpy":"1.9"'), plan.areas_bytes)
    assert older.other_versions() == (f"numpy is {np.__version__} here; the plan was locked with 1.9.",)
    assert older != plan
    # As if the clock had been changed by law after the plan was locked.
    moved = plan.canonical.replace(b'"cut":"2018-07-03T16:00', b'"cut":"2018-07-03T15:00')
    assert load_plan(moved, plan.areas_bytes).other_versions() == (
        "The time zone database here gives other moments for 2018-07-03; those of the plan hold.",
    )


def test_a_baseline_that_became_another_is_refused(tmp_path):
    plan = made(tmp_path)
    identity = dict(plan.baseline_identities)["kernel"].encode()
    other = load_plan(plan.canonical.replace(identity, b"0" * 64), plan.areas_bytes)
    with pytest.raises(PlanLockedError, match="baselines 'kernel' are not what they were"):
        other.forecasters()
