"""Kernels where numba has no place for its cache, or one that fails: they compile, warn once, and are right."""

from __future__ import annotations

import errno
import importlib.util
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from numba.core.caching import FunctionCache, IndexDataCacheFile

from predpol_eval.kernels import compiling

PACKAGE = Path(compiling.__file__).resolve().parents[1]
WARNING = "Compiled loops cannot be kept on disk"
LOOP = """
from predpol_eval.kernels.compiling import njit

@njit(cache=True)
def total(numbers):
    found = 0.0
    for number in numbers:
        found += number
    return found
"""
# Every kernel is imported, one is run.
EVERY_KERNEL = """
import importlib, pkgutil, sys, warnings
import predpol_eval.kernels
assert predpol_eval.__file__.startswith(sys.argv[1]), predpol_eval.__file__
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for module in pkgutil.iter_modules(predpol_eval.kernels.__path__):
        importlib.import_module("predpol_eval.kernels." + module.name)
    from predpol_eval.kernels.points import merge
    print([column.tolist() for column in merge([5.0, 1.0, 5.0], [2.0, 2.0, 2.0], [1.0, 1.0, 0.5])])
print(*(f"{found.category.__name__}: {found.message}" for found in caught), sep="\\n")
"""


@pytest.fixture
def copy(tmp_path):
    """The package where its own folder cannot hold a cache: a file stands there, so that not even root can write."""
    shutil.copytree(PACKAGE, tmp_path / "predpol_eval", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "predpol_eval" / "kernels" / "__pycache__").touch()
    return tmp_path


def first_kernel(copy: Path, cache: Path, home: Path) -> tuple[str, list[str]]:
    """What a fresh process says that imports the copy: the merged points, and the warnings."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    surroundings |= {
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(cache),
        # Where numba asks for the folder of the user, on Linux, macOS and Windows.
        **dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"), str(home)),
    }
    run = subprocess.run(
        [sys.executable, "-c", EVERY_KERNEL, str(copy)],
        cwd=copy,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    result, *warned = run.stdout.splitlines()
    return result, [line for line in warned if line]


def test_with_no_place_for_a_cache_kernels_compile_and_it_warns_once(copy):
    nowhere = copy / "a file"
    nowhere.touch()
    result, warned = first_kernel(copy, nowhere / "cache", nowhere / "home")
    assert result == "[[5.0, 1.0], [2.0, 2.0], [1.5, 1.0]]"
    assert len(warned) == 1
    assert warned[0].startswith(f"UserWarning: {WARNING}")
    assert "NUMBA_CACHE_DIR" in warned[0]


def test_where_the_named_folder_cannot_be_written_that_of_the_user_serves(copy):
    nowhere, home = copy / "a file", copy / "home"
    nowhere.touch()
    home.mkdir()
    result, warned = first_kernel(copy, nowhere / "cache", home)
    assert result == "[[5.0, 1.0], [2.0, 2.0], [1.5, 1.0]]"
    assert warned == []
    assert list(home.rglob("points._merge*.nbi"))


# A cache that is there, and fails ------------------------------------------------------------------------------------


@pytest.fixture
def load(tmp_path):
    """Import a file with one loop, as a new process would."""
    path = tmp_path / "one_loop.py"
    path.write_text(LOOP)
    compiling._warn.cache_clear()

    def fresh():
        spec = importlib.util.spec_from_file_location("one_loop", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.total

    yield fresh
    compiling._warn.cache_clear()


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_a_warning_and_not_the_result(load, monkeypatch):
    monkeypatch.setattr(IndexDataCacheFile, "save", full_disk)
    total = load()
    with pytest.warns(UserWarning, match=WARNING):
        assert total((1.0, 2.0)) == 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert total((1, 2)) == 3.0  # another signature, and no second warning


def test_a_cache_that_cannot_be_read_is_compiled_again(load, monkeypatch):
    assert load()((1.0, 2.0)) == 3.0
    monkeypatch.setattr(IndexDataCacheFile, "load", full_disk)
    total = load()
    assert total((1.0, 2.0)) == 3.0
    assert not total.stats.cache_hits


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_file_cut_short_by_a_crash_is_written_anew(load, tmp_path, kind):
    assert load()((1.0, 2.0)) == 3.0
    (kept,) = tmp_path.rglob(f"*.{kind}")
    kept.write_bytes(b"")
    assert load()((1.0, 2.0)) == 3.0
    again = load()
    assert again((1.0, 2.0)) == 3.0
    assert again.stats.cache_hits


def test_what_is_no_matter_of_the_cache_is_raised(load, monkeypatch):
    def broken(*_):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(FunctionCache, "save_overload", broken)
    with pytest.raises(KeyError):
        load()((1.0, 2.0))


def test_a_change_in_another_module_has_the_caller_compiled_anew(tmp_path):
    """Numba by itself would run the old machine code, without a word."""
    package = tmp_path / "loops"
    package.mkdir()
    (package / "__init__.py").touch()
    head = "from predpol_eval.kernels.compiling import njit\n"
    caller = head + "from loops.inner import one\n\n@njit(cache=True)\ndef outer():\n    return 10 * one()\n"
    (package / "caller.py").write_text(caller, encoding="utf-8")
    found = []
    for number in (1, 27, 27):
        inner = head + f"\n@njit(cache=True)\ndef one():\n    return {number}\n"
        if not (package / "inner.py").exists() or (package / "inner.py").read_text(encoding="utf-8") != inner:
            (package / "inner.py").write_text(inner, encoding="utf-8")
        code = "from loops.caller import outer; print(outer(), *outer.stats.cache_hits.values())"
        run = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(PACKAGE.parent)])},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found.append(run.stdout.split() or run.stderr)
    assert found == [["10"], ["270"], ["270", "1"]]
