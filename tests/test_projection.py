"""Metres or nothing."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from predpol_eval import InputError
from predpol_eval.projection import looks_like_degrees, metric_crs, project, refuse_mixed


@pytest.mark.parametrize(
    ("crs", "name"),
    [
        ("EPSG:27700", "EPSG:27700"),
        ("epsg:32617", "EPSG:32617"),
        (pyproj.CRS(27700), "EPSG:27700"),
        (27700, "EPSG:27700"),
        (np.int64(32617), "EPSG:32617"),
        (pyproj.CRS(26971).to_wkt(), "EPSG:26971"),
        ("+proj=utm +zone=17 +datum=WGS84 +units=m", None),
    ],
)
def test_systems_in_metres(crs, name):
    found = metric_crs(crs)
    assert name is None or found == name
    assert pyproj.CRS(found).equals(pyproj.CRS(crs), ignore_axis_order=True)


@pytest.mark.parametrize(
    ("crs", "told"),
    [
        (None, "No coordinate reference system"),
        (4326, r"in degrees.*source_crs='EPSG:4326'"),
        (27700.5, r"is 27700\.5; give an EPSG code"),
        ("EPSG:4326", r"in degrees.*source_crs='EPSG:4326'.*to_crs"),
        (pyproj.CRS(4269), "degrees"),
        ("OGC:CRS84", "degrees"),
        ("EPSG:2913", "unit is foot"),
        ("EPSG:3435", "US survey foot"),
        ("EPSG:3857", r"web maps.*stretched"),
        ("EPSG:99999", "PROJ"),
        ("London", "PROJ"),
        ("EPSG:4978", "EPSG:4978"),  # earth-centred
    ],
)
def test_other_systems_are_refused_with_what_to_do(crs, told):
    with pytest.raises(InputError, match=told) as refused:
        metric_crs(crs)
    assert "EPSG:" in str(refused.value)


def test_longitude_comes_first():
    x, y = project(np.array([-79.38]), np.array([43.65]), "EPSG:4326", "EPSG:32617")
    assert x[0] == pytest.approx(630_600, abs=200)
    assert y[0] == pytest.approx(4_834_300, abs=500)


def test_a_small_made_up_city_near_the_origin_is_left_alone():
    assert not looks_like_degrees(np.array([10.0, 170]), np.array([10.0, 20]), "EPSG:27700")
    assert not looks_like_degrees(np.array([]), np.array([]), "EPSG:27700")
    assert not looks_like_degrees(np.array([10.0, 200]), np.array([50.0, 60]), "EPSG:27700")
    assert looks_like_degrees(np.array([-0.5, 1]), np.array([50.0, 60]), "EPSG:27700")


def test_two_systems_are_not_one():
    refuse_mixed("EPSG:27700", "EPSG:27700", "The events", "the grid")
    with pytest.raises(InputError, match=r"events are in EPSG:27700 but the grid is in EPSG:32630.*Convert one"):
        refuse_mixed("EPSG:27700", "EPSG:32630", "The events", "the grid")
