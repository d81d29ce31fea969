"""Is the trial reliable, and safe? Writes docs/tables/trial_reliability.md and docs/tables/trial_security.md.

    python docs/scripts/trial_proofs.py [kills] [edits] [attacks] [fuzz] [guided] [pages]
        [--kills 200] [--others 20] [--files 10000] [--runs 100000]

The tests of tests/trial/proofs at full size, on Linux. Each part keeps its figures in build/trial_proofs.json, so that
parts can be made again by themselves; `pages` writes the two pages from what is there. Without parts all are made.
`guided` needs atheris, and is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
TABLES, KEPT = ROOT / "docs" / "tables", ROOT / "build" / "trial_proofs.json"
SEED = 3
MOST_SECONDS, MOST_MEBIBYTES = 2.0, 512.0

RELIABILITY = """\
---
orphan: true
---

# Is a trial reliable?

Commands of a trial of eight nights were killed with `SIGKILL` at random moments, again and again, and run anew until
they came to their end; and after the fact everything was done to a finished trial that somebody might do who holds its
folder. By a clock that stands still a trial is the same to the last bit however often its commands were killed, so the
hash of its last record is held against that of a trial whose commands ran undisturbed. Seeded; made by
`docs/scripts/trial_proofs.py` with the proofs in `tests/trial/proofs`.

{kills_told}

| command | killed | acknowledged and looked up | came to its end | seconds undisturbed |
| --- | ---: | ---: | ---: | ---: |
{kills}

{edits_told}

| what was done | what `predpol-eval trial verify` says first |
| --- | --- |
{edits}

Some parts of records follow from nothing else: {only_heads}. Whoever rewrites the whole chain can change them unseen
by anybody but those who kept a head; this is what heads are for.
"""

SECURITY = """\
---
orphan: true
---

# Is a trial safe from the files that are handed in?

Every file was handed in as a submitter would, with a signature as it should be, and went through receipt and checks.
Seconds are of the processor, that of child processes included; memory is the most that the intake took beyond what it
held before (child processes have a limit of their own). Made by `docs/scripts/trial_proofs.py` with the proofs in
`tests/trial/proofs`.

{fuzz_told}

| files | refused | rejected | accepted, or the same |
| --- | ---: | ---: | ---: |
{fuzz}

{guided_told}

{attacks_told}

| attack | bytes | outcome | seconds | MiB |
| --- | ---: | --- | ---: | ---: |
{attacks}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--others", type=int, default=20)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=100_000)
    asked = parser.parse_args()
    KEPT.parent.mkdir(exist_ok=True)
    for part in asked.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[part](Path(folder), asked)


def keep(part: str, found: Any) -> None:
    told = json.loads(KEPT.read_text()) if KEPT.is_file() else {}
    KEPT.write_text(json.dumps({**told, part: found}, indent=1))


# What is measured ---------------------------------------------------------------------------------------------


def kills(folder: Path, asked: argparse.Namespace) -> None:
    from tests.trial.proofs.commands import Server
    from tests.trial.proofs.killing import evening_scenes, kill_again_and_again, later_scenes

    (folder / "evening").mkdir()
    (folder / "later").mkdir()
    scenes = {**evening_scenes(folder / "evening"), **later_scenes(folder / "later")}
    with Server() as server:
        for name, scene in scenes.items():
            scratch = folder / name
            scratch.mkdir()
            many = asked.kills if name in ("submit", "score") else asked.others
            seen = kill_again_and_again(scene, server, scratch, many, SEED)
            told = json.loads(KEPT.read_text()).get("kills", {}) if KEPT.is_file() else {}
            keep("kills", {**told, name: asdict(seen)})
            print(seen, flush=True)


def edits(folder: Path, asked: argparse.Namespace) -> None:
    from predpol_eval.trial.verifying import verify
    from tests.trial.proofs.edits import QUICK, SLOW, ended_trial

    ended = ended_trial(folder)
    found = {}
    for number, (name, spoil) in enumerate({**QUICK, **SLOW}.items()):
        done = spoil(ended, folder / str(number))
        (first, *_) = verify(done.trial, done.heads)
        if (first.record, done.field or first.what) != (done.record, first.what):
            raise AssertionError(f"{name}: {first}")
        found[name] = {"said": str(first), "heads": bool(done.heads)}
    keep("edits", found)


def attacks(folder: Path, asked: argparse.Namespace) -> None:
    from tests.trial.proofs import hostile
    from tests.trial.proofs.test_hostile_files import alone

    found = []
    for number, (name, make, outcome) in enumerate(hostile.attacks()):
        size = len(make())
        # A process each, so that memory that one took does not count for the next.
        became, seconds, mebibytes = alone(folder / str(number), name)
        if became != outcome:
            raise AssertionError(f"{name}: {became}, expected {outcome}")
        found.append({"name": name, "bytes": size, "outcome": became, "seconds": seconds, "mebibytes": mebibytes})
    keep("attacks", found)


def fuzz(folder: Path, asked: argparse.Namespace) -> None:
    from tests.trial.proofs.test_fuzzed_files import fuzzed, sound

    told = fuzzed(folder, asked.files, SEED)
    sound(told)
    keep("fuzz", told)


def guided(folder: Path, asked: argparse.Namespace) -> None:
    from tests.trial.submissions.reading.test_fuzz import GUIDED, SEEDS

    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: no runs that are guided by coverage")
        return
    for name in ("csv", "geojson"):
        (folder / name).write_bytes(SEEDS[name])
    text = textwrap.dedent(GUIDED).replace("-runs=100000", f"-runs={asked.runs}")
    ran = subprocess.run(
        [sys.executable, "-c", text, str(folder)], capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False
    )
    if ran.returncode or f"Done {asked.runs} runs" not in ran.stderr:
        raise AssertionError(ran.stderr[-3000:])
    covered = [int(number) for number in re.findall(r" cov: (\d+) ", ran.stderr)]
    keep("guided", {"runs": asked.runs, "first": covered[0], "last": covered[-1]})


# What is written ----------------------------------------------------------------------------------------------


def pages(folder: Path, asked: argparse.Namespace) -> None:
    told = json.loads(KEPT.read_text())
    for name, text in (("trial_reliability.md", reliability(told)), ("trial_security.md", security(told))):
        # The same bytes on every system.
        (TABLES / name).write_text(text, encoding="utf-8", newline="\n")


def reliability(told: dict[str, Any]) -> str:
    from tests.trial.proofs.edits import ONLY_HEADS

    seen, done = told["kills"].values(), told["edits"]
    with_heads = sum(one["heads"] for one in done.values())
    return RELIABILITY.format(
        kills_told=paragraph(
            f"{sum(one['kills'] for one in seen):,} kills, {told['kills']['submit']['kills']} of them in `submit` and "
            f"{told['kills']['score']['kills']} in `score`: of {sum(one['acknowledged'] for one in seen):,} "
            "acknowledgements none was lost, the trial could be verified after every kill, and all "
            f"{sum(one['ended'] for one in seen)} runs that came to their end have the hash of the undisturbed one."
        ),
        kills=rows(
            (f"`{one['name']}`", one["kills"], f"{one['acknowledged']:,}", one["ended"], f"{one['seconds']:.1f}")
            for one in seen
        ),
        edits_told=paragraph(
            f"All {len(done)} things that were done are named, {with_heads} of them with the help of a head that a "
            "vendor kept: without it these chains are sound, and say what plan and files make of them."
        ),
        edits=rows((name, shortened(one["said"])) for name, one in done.items()),
        only_heads=listed(f"{name} of {kind}" for kind, name in sorted(ONLY_HEADS)),
    )


def security(told: dict[str, Any]) -> str:
    fuzzed, done = told["fuzz"], told["attacks"]
    slowest, largest = max(done, key=lambda one: one["seconds"]), max(done, key=lambda one: one["mebibytes"])
    over = [one["name"] for one in done if one["seconds"] >= MOST_SECONDS or one["mebibytes"] >= MOST_MEBIBYTES]
    within = "All are" if not over else f"All but {listed(over)} are"
    guided = "No runs guided by coverage were made."
    if "guided" in told:
        one = told["guided"]
        guided = (
            f"{one['runs']:,} more files were bred by atheris, which follows what the readers of CSV and GeoJSON do: "
            f"places of their code reached rose from {one['first']:,} to {one['last']:,}, and none made them fail."
        )
    return SECURITY.format(
        fuzz_told=paragraph(
            f"{fuzzed['files']:,} spoiled files: none made the intake fail, on none a check of ours broke, "
            f"{len(fuzzed['outside']) or 'nothing'} was written outside the folder of the trial. The slowest took "
            f"{fuzzed['seconds']:.2f} s, the largest {fuzzed['mebibytes']:.0f} MiB."
        ),
        fuzz=rows(by_kind(fuzzed["outcomes"])),
        guided_told=paragraph(guided),
        attacks_told=paragraph(
            f"{len(done)} attacks, each by itself. {within} within {MOST_SECONDS:g} s and {MOST_MEBIBYTES:g} MiB; the "
            f"slowest is {slowest['name']} ({slowest['seconds']:.2f} s), the largest {largest['name']} "
            f"({largest['mebibytes']:.0f} MiB)."
        ),
        attacks=rows(
            (one["name"], f"{one['bytes']:,}", one["outcome"], f"{one['seconds']:.2f}", f"{one['mebibytes']:.0f}")
            for one in done
        ),
    )


def by_kind(outcomes: dict[str, int]) -> Iterable[tuple[Any, ...]]:
    names = {"csv": "CSV", "geojson": "GeoJSON", "drawn": "polygons in GeoJSON", "parquet": "Parquet"}
    names |= {"envelope": "CSV with a spoiled envelope", "head": "heads"}
    for kind, name in names.items():
        of = {key.removeprefix(kind + " "): number for key, number in outcomes.items() if key.startswith(kind + " ")}
        taken = sum(number for key, number in of.items() if key not in ("refused", "rejected"))
        yield name, f"{of.get('refused', 0):,}", f"{of.get('rejected', 0):,}", f"{taken:,}"


def rows(every: Iterable[tuple[Any, ...]]) -> str:
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in every)


def paragraph(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def listed(every: Iterable[str]) -> str:
    found = list(every)
    return ", ".join(found[:-1]) + f" and {found[-1]}" if len(found) > 1 else "".join(found)


def shortened(text: str) -> str:
    """A sentence in which hashes, and what is long, are cut."""
    plain = re.sub(r"\b([0-9a-f]{8})[0-9a-f]{24,}\b", r"\1...", text.replace("\n", " "))
    return plain if len(plain) <= 260 else plain[:257] + "..."


PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "kills": kills, "edits": edits, "attacks": attacks, "fuzz": fuzz, "guided": guided, "pages": pages,
}  # fmt: skip

if __name__ == "__main__":
    main()
