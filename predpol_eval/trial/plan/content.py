"""Everything that decides a trial, as plain content: what the hash of a plan is made of."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from predpol_eval.errors import InputError, PredPolError
from predpol_eval.trial.canonical import sha256_of
from predpol_eval.trial.plan.checking import Tables, reserved_areas
from predpol_eval.trial.plan.keys import KEYS
from predpol_eval.trial.plan.limits import Limits
from predpol_eval.trial.plan.nights import Night, faults_of, make_nights
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.planned_test import PlannedTest
from predpol_eval.trial.plan.study_area import lay_grid, refuse_small_areas
from predpol_eval.trial.plan.versions import versions

if TYPE_CHECKING:
    from predpol_eval.trial.plan.amendment_records import Amendment

SCHEMA = "predpol_eval.plan/1"
PARTS = ("schema", "keys", "areas", "grid", "nights", "baselines", "versions")


def make_content(values: Tables, areas: bytes | None, problems: list[str]) -> dict[str, Any]:
    """Work out all that follows from the keys of a plan, or note why it cannot be.

    Parameters
    ----------
    values : dict of dict
        The keys that are right, as `check_tables` gave them.
    areas : bytes or None
        The file of areas; None if it could not be read, which was noted before.
    problems : list of str
        What is wrong; more is added.

    Returns
    -------
    dict
        Plain content for `canonical_json`; of no use if there are problems.
    """

    def attempt(task: Callable[[], Any]) -> Any:
        try:
            return task()
        except PredPolError as error:
            problems.append(str(error))
            return None

    nights: tuple[Night, ...] = ()
    if _whole(values, "nights") and "tz" in values["crimes"]:
        nights = make_nights(values["nights"], values["crimes"]["tz"])
        problems += faults_of(nights)
    baselines = {
        name: attempt(lambda name=name, text=text: _told(name, text))  # type: ignore[misc]
        for name, text in values["baselines"].items()
    }
    place = values["place"]
    grid = None
    if areas is not None and _whole(values, "place"):
        grid = attempt(lambda: lay_grid(areas, place))
    if grid is not None and place["label"] is not None:
        problems += reserved_areas(grid.labels)
    if grid is not None and "boxes" in values["budget"]:
        attempt(lambda: refuse_small_areas(grid, values["budget"]["boxes"]))
    if problems or grid is None or areas is None:
        return {}
    keys = {**values, "place": {**place, "use": None if place["label"] is None else list(grid.labels)}}
    return {
        "schema": SCHEMA,
        "keys": keys,
        "areas": {"sha256": sha256_of(areas), "labels": list(grid.labels)},
        "grid": grid.fingerprint,
        "nights": [night.to_dict() for night in nights],
        "baselines": baselines,
        "versions": versions(values["crimes"]["tz"]),
    }


def _whole(values: Tables, table: str) -> bool:
    """Whether all keys of a table are right."""
    return set(values[table]) == set(KEYS[table])


def _told(name: str, text: str) -> dict[str, str]:
    """What a baseline is, in one form however it was written."""
    from predpol_eval.forecasters.base import describe, identity
    from predpol_eval.forecasters.phrases import read_forecaster

    if _names_a_file(text):
        raise InputError(
            f"[baselines] {name!r} is {text!r}: surfaces from a file are not in the plan, so nothing would hold them "
            "to what they were. Let whoever makes them submit under a label of [submitters] in_house."
        )
    try:
        forecaster = read_forecaster(text)
        return {"is": describe(forecaster), "identity": identity(forecaster)}
    except PredPolError as error:
        raise InputError(f"[baselines] {name!r}: {error}") from error


def _names_a_file(text: str) -> bool:
    """Whether an External stands anywhere in the text of a forecaster."""
    try:
        tree = ast.parse(text, mode="eval")
        return any(isinstance(node, ast.Name) and node.id == "External" for node in ast.walk(tree))
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # It cannot be read, which is told by who reads it.
        return False


def plan_of(
    content: Mapping[str, Any],
    canonical: bytes,
    areas: bytes,
    before: TrialPlan | None = None,
    amendment: Amendment | None = None,
) -> TrialPlan:
    """Make a plan of its canonical content, which was checked before."""
    keys: Mapping[str, Mapping[str, Any]] = content["keys"]
    place, crimes, who, test = keys["place"], keys["crimes"], keys["submitters"], keys["test"]
    planned = PlannedTest(
        **{
            **test,
            "looks": tuple(test["looks"]),
            "pairs": tuple((first, second) for first, second in test["pairs"]),
        }
    )
    return TrialPlan(
        name=keys["trial"]["name"],
        seed=keys["trial"]["seed"],
        tz=crimes["tz"],
        kinds=tuple(crimes["kinds"]),
        method=crimes["method"],
        crs=place["crs"],
        cell=place["cell"],
        areas=tuple(content["areas"]["labels"]),
        areas_file=place["areas"],
        areas_sha256=content["areas"]["sha256"],
        areas_bytes=areas,
        grid_fingerprint=content["grid"],
        nights=tuple(map(Night.from_dict, content["nights"])),
        settling_days=keys["nights"]["settling_days"],
        k=keys["budget"]["boxes"],
        test=planned,
        vendors=tuple(who["vendors"]),
        in_house=tuple(who["in_house"]),
        limits=Limits(**keys["limits"]),
        baseline_texts=tuple(sorted(keys["baselines"].items())),
        baseline_identities=tuple((name, told["identity"]) for name, told in sorted(content["baselines"].items())),
        canonical=canonical,
        sha256=sha256_of(canonical),
        before=before,
        amendment=amendment,
    )
