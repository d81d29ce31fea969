"""Reading a plan: from the file that people write, and from the form in which it was locked."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from predpol_eval.errors import InputError, PlanLockedError, PredPolError
from predpol_eval.trial.canonical import canonical_json, sha256_of
from predpol_eval.trial.plan.checking import check_tables, refuse
from predpol_eval.trial.plan.content import PARTS, SCHEMA, make_content, plan_of
from predpol_eval.trial.plan.nights import Night
from predpol_eval.trial.plan.plan import TrialPlan
from predpol_eval.trial.plan.study_area import MOST_BYTES, read_bytes

MOST_TOML_BYTES = 1_000_000
MOST_LOCKED_BYTES = 50_000_000


def example() -> str:
    """Text of a plan to start from, with every key explained."""
    return (files("predpol_eval.trial.plan") / "example.toml").read_text(encoding="utf-8")


def read_plan(path: str | Path) -> TrialPlan:
    """Read a plan from the file that people write, and check all of it.

    Parameters
    ----------
    path : path
        A file of TOML; `example` gives one to start from. The file of areas is looked for from its folder.

    Returns
    -------
    TrialPlan
        Its hash is the same whatever the order of tables and keys, the comments and the blanks.

    Raises
    ------
    InputError
        With all that is wrong, at once.
    """
    place = Path(path)
    tables = _toml(read_bytes(place, "plan", MOST_TOML_BYTES), place.name)
    values, problems = check_tables(tables)
    areas = None
    if name := values["place"].get("areas"):
        try:
            areas = read_bytes(place.parent / name, "file of areas", MOST_BYTES)
        except InputError as error:
            problems.append(f"[place] areas: {error}")
        # Where the file lay decides nothing, and is nobody's business.
        values["place"]["areas"] = re.split(r"[/\\]", name)[-1]
    content = make_content(values, areas, problems)
    refuse(problems)
    return plan_of(content, canonical_json(content), areas or b"")


def _toml(data: bytes, name: str) -> dict[str, Any]:
    try:
        # Some editors put a mark before the text.
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(f"{name} is not text in UTF-8 (line {line}); save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name} is not a TOML file: {error}.") from error
    except (RecursionError, ValueError) as error:
        raise InputError(f"{name} is not a plan: a value is nested too deeply, or has too many digits.") from error


def load_plan(canonical: bytes, areas: bytes, *, sha256: str | None = None) -> TrialPlan:
    """Read a plan again from the form in which it was locked.

    Nights, grid and versions are taken as they were locked and not worked out anew: what differs here is told by
    `TrialPlan.other_versions`.

    Parameters
    ----------
    canonical : bytes
        ``TrialPlan.canonical`` of a plan without amendments; with some, see `apply`.
    areas : bytes
        The file of areas.
    sha256 : str, optional
        The hash that the plan must have.

    Returns
    -------
    TrialPlan

    Raises
    ------
    PlanLockedError
        If the plan or the areas are not those that were locked.
    InputError
        If these bytes are no plan of this version.
    """
    if sha256 is not None and sha256_of(canonical) != sha256:
        raise PlanLockedError(
            f"The plan was changed: its SHA-256 is {sha256_of(canonical)}, expected {sha256}. Use the plan that was "
            "locked; what must change is amended by a dated record."
        )
    content = _locked(canonical)
    found = sha256_of(areas)
    if found != content["areas"]["sha256"]:
        raise PlanLockedError(
            f"The file of areas is not that of the plan: its SHA-256 is {found}, expected "
            f"{content['areas']['sha256']}. Use the file that the plan was locked with."
        )
    return plan_of(content, canonical, areas)


def _locked(canonical: bytes) -> dict[str, Any]:
    """Content of a locked plan, in every part as this version writes it."""
    if len(canonical) > MOST_LOCKED_BYTES:
        raise InputError(f"A locked plan is at most {MOST_LOCKED_BYTES:,} bytes; found {len(canonical):,}.")
    content: Any
    try:
        content = json.loads(canonical)
    except (ValueError, RecursionError) as error:
        raise InputError("These bytes are no locked plan: they are not JSON.") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"These bytes are no plan that this version can read: their schema is {str(schema)[:60]!r}, expected "
            f"{SCHEMA!r}. Use the version of the library that locked it."
        )
    if "amended" in content:
        raise InputError("This is a plan after an amendment; read the plan as it was locked, and apply its amendments.")
    if set(content) != set(PARTS):
        raise InputError(f"A locked plan has the parts {', '.join(PARTS)}; found {', '.join(map(str, content))[:200]}.")
    try:
        same = canonical_json(content) == canonical
    except PredPolError:
        same = False
    if not same:
        raise PlanLockedError("The plan was changed: it is not written as it was locked.")
    if not isinstance(content["keys"], dict):
        raise InputError("The keys of this plan are no tables.")
    values, problems = check_tables(content["keys"])
    refuse(problems, "The locked plan")
    # As bytes, since 250 equals 250.0.
    if canonical_json(values) != canonical_json(content["keys"]):
        raise PlanLockedError("The plan was changed: its keys are not written as they were locked.")
    _check_parts(content)
    return dict(content)


def _check_parts(content: dict[str, Any]) -> None:
    """Whether what follows from the keys is there, in the form in which this version writes it."""
    areas, nights, keys = content["areas"], content["nights"], content["keys"]
    fine = (
        isinstance(areas, dict)
        and set(areas) == {"sha256", "labels"}
        and isinstance(areas["labels"], list)
        and bool(areas["labels"])
        and all(isinstance(text, str) for text in (areas["sha256"], content["grid"], *areas["labels"]))
        and not set(keys["place"]["areas"]) & set("/\\")
        and keys["place"]["areas"] != ".."
        and (keys["place"]["label"] is None or keys["place"]["use"] == areas["labels"])
        and isinstance(nights, list)
        and len(nights) == keys["nights"]["number"]
        and isinstance(content["baselines"], dict)
        and set(content["baselines"]) == set(keys["baselines"])
        and all(_texts(told, {"is", "identity"}) for told in content["baselines"].values())
        and _texts(content["versions"])
    )
    if fine:
        read = [Night.from_dict(night) for night in nights]
        fine = read[0].name == keys["nights"]["first"] and [night.number for night in read] == list(range(len(read)))
    if not fine:
        raise PlanLockedError("The plan was changed: its nights, areas or baselines do not fit its keys.")


def _texts(value: Any, names: set[str] | None = None) -> bool:
    """Whether it maps names to texts."""
    return (
        isinstance(value, dict)
        and (names is None or set(value) == names)
        and all(isinstance(text, str) for text in value.values())
    )
