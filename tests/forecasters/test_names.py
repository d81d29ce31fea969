"""The names of the forecasters' package, which are loaded on first use."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from predpol_eval import forecasters


@pytest.mark.parametrize("name", forecasters.__all__)
def test_every_name_loads_and_stays(name):
    value = getattr(forecasters, name)
    assert value.__module__.startswith("predpol_eval.forecasters.")
    assert getattr(forecasters, name) is value


def test_type_checkers_see_the_same_names():
    source = ast.parse(Path(forecasters.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in source.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    seen = {alias.asname: node.module.rsplit(".", 1)[1] for node in block.body for alias in node.names}
    assert seen == forecasters._HOME


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        forecasters.no_such_thing  # noqa: B018


def test_dir_lists_what_is_not_loaded_yet():
    assert set(forecasters.__all__) <= set(dir(forecasters))
