"""The project's own rules: names, sizes, imports, versions and what is shipped."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import predpol_eval

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "predpol_eval"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)
HEAVY = (
    "numba",
    "pandas",
    "xarray",
    "matplotlib",
    "geopandas",
    "shapely",
    "pyproj",
    "pyarrow",
    "scipy",
    "joblib",
)
TOP_LEVEL = {
    ".ci", ".editorconfig", ".gitattributes", ".github", ".gitignore",
    "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
    "benchmarks", "docs", "notebooks", "predpol_eval", "pyproject.toml", "tests",
}  # fmt: skip


def dotted(path: Path) -> str:
    """Name the module of a file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    """Parse a module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, in full, with the line."""
    package = dotted(path).split(".") if path.name == "__init__.py" else dotted(path).split(".")[:-1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def global_random(node: ast.Attribute) -> bool:
    """Whether this is numpy's shared generator, or a way to seed it."""
    harmless = {"default_rng", "Generator", "SeedSequence", "BitGenerator", "PCG64", "SFC64"}
    return ast.unparse(node.value) in {"np.random", "numpy.random"} and node.attr not in harmless


def of_package(path: Path) -> str:
    """Name a file the short way, for messages and test ids."""
    return path.relative_to(ROOT).as_posix()


each_module = pytest.mark.parametrize("path", MODULES, ids=of_package)


# Public names ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", predpol_eval.__all__)
def test_every_public_name_loads(name):
    value = getattr(predpol_eval, name)
    assert getattr(predpol_eval, name) is value
    if name != "__version__":
        assert value.__module__.startswith("predpol_eval.")
        assert (value.__doc__ or "").strip(), f"{name} has no docstring"


def test_type_checkers_see_the_same_names():
    source = tree(PACKAGE / "__init__.py")
    (block,) = [node for node in source.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name, f"line {node.lineno}: write `import {alias.name} as {alias.name}`"
            seen[alias.name] = node.module.removeprefix("predpol_eval.")
    assert seen == predpol_eval._HOME


def test_no_public_name_is_that_of_a_module():
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert not modules & set(predpol_eval.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        predpol_eval.no_such_thing  # noqa: B018


def test_dir_lists_what_is_not_loaded_yet():
    code = "import predpol_eval as ppe, json; print(json.dumps(dir(ppe)))"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(predpol_eval.__all__) <= set(json.loads(listed))


def test_import_loads_no_heavy_library():
    code = f"import sys, predpol_eval; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


# Modules --------------------------------------------------------------------------------------------------


@each_module
def test_module_has_a_docstring_and_one_idea(path):
    assert (ast.get_docstring(tree(path)) or "").strip(), "no docstring"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 400, f"{lines} lines: split it"
    assert path.stem not in {"utils", "util", "helpers", "misc", "common"}


@each_module
def test_module_avoids_what_a_library_must_not_do(path):
    faults = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Assert):
            faults.append((node.lineno, "assert: raise InputError, for `python -O` drops it"))
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            faults.append((node.lineno, "bare except"))
        elif isinstance(node, ast.Global):
            faults.append((node.lineno, "global state"))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            faults.append((node.lineno, "print"))
        elif isinstance(node, ast.Attribute) and global_random(node):
            faults.append((node.lineno, f"{ast.unparse(node)}: use default_rng(seed)"))
    for line, name in imports(path):
        if name.split(".")[0] in {"pickle", "dill", "cloudpickle", "random"}:
            faults.append((line, f"import of {name}"))
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", text):
            faults.append((line, text.strip()))
    assert not faults


@each_module
def test_module_does_not_import_the_public_names(path):
    # `from predpol_eval import tally` would go round the ladder that import-linter holds.
    public = {f"predpol_eval.{name}" for name in predpol_eval._HOME} | {"predpol_eval"}
    assert [(line, name) for line, name in imports(path) if name in public] == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "kernels").glob("*.py")), ids=of_package)
def test_kernels_import_numpy_and_numba_only(path):
    allowed = {"numpy", "numba", "math", "__future__", "typing", "collections"}
    if path.name == "compiling.py":
        # No loop, but what compiles them, keeps them with the files they come from, and may warn that it cannot.
        allowed |= {"warnings", "functools", "pathlib"}
    others = [
        (line, name)
        for line, name in imports(path)
        if name.split(".")[0] not in allowed and not name.startswith("predpol_eval.kernels.")
    ]
    assert not others


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "naive").glob("*.py")), ids=of_package)
def test_naive_twins_import_nothing_of_the_package(path):
    assert not [(line, name) for line, name in imports(path) if name.split(".")[0] == "predpol_eval"]


# Files ----------------------------------------------------------------------------------------------------


def test_top_level_entries_are_as_fixed():
    if (ROOT / ".git").exists() and shutil.which("git"):
        git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {line.split("/")[0] for line in git.stdout.splitlines()} <= TOP_LEVEL
    assert {"pyproject.toml", "README.md", "Makefile", "LICENSE", "predpol_eval", "tests"} <= {
        path.name for path in ROOT.iterdir()
    }


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "predpol_eval/__init__.py"
    version = re.escape(predpol_eval.__version__)
    for name, line in (("CHANGELOG.md", rf"^## {version}( |$)"), ("CITATION.cff", rf"^version: {version}$")):
        assert re.search(line, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE), name


def test_readme_opens_with_the_two_commands():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    code = lines.index("```sh")
    assert code <= 3
    assert lines[code + 1].startswith("make demo ")
    assert lines[code + 2].startswith("make test ")


def test_linux_only_tests_are_listed_in_contributing():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    using = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if "mark.linux_only" in path.read_text(encoding="utf-8") and path != Path(__file__).resolve()
    ]
    assert [path for path in using if f"`{path}`" not in text] == []


def test_the_wheel_holds_the_whole_package(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert f"-{predpol_eval.__version__}-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
    here = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "predpol_eval/py.typed" in shipped
    assert here <= shipped
    assert any(name.endswith("/licenses/LICENSE") for name in shipped)
    assert all(name.startswith(("predpol_eval/", "predpol_eval-")) for name in shipped)


def test_every_module_imports():
    for path in MODULES:
        importlib.import_module(dotted(path))


def test_one_script_makes_every_table_of_recovery():
    made = set(
        re.findall(
            r"\w+",
            re.search(r"MODELS = \((.*?)\)", (ROOT / "docs" / "scripts" / "recovery.py").read_text(encoding="utf-8"))[
                1
            ],
        )
    )
    tables = {path.stem.removeprefix("recovery_") for path in (ROOT / "docs" / "tables").glob("recovery_*.md")}
    scripts = {path.stem.removeprefix("recovery_") for path in (ROOT / "docs" / "scripts").glob("recovery_*.py")}
    assert made == tables == scripts
