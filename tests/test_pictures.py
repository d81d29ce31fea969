"""The pictures of the forecasters' pages: there, small, told in words, and the same whenever they are drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from docs.scripts import forecaster_pictures as pictures

PAGES = Path(__file__).resolve().parents[1] / "docs" / "forecasters"
EMBEDDED = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<path>pictures/[\w]+\.png)\)\n\n\*(?P<caption>[^*]+)\*\n")
each_page = pytest.mark.parametrize(
    "page", sorted(path for path in PAGES.glob("*.md") if path.stem != "index"), ids=lambda path: path.stem
)


@each_page
def test_a_page_shows_its_forecaster(page):
    found = list(EMBEDDED.finditer(page.read_text(encoding="utf-8")))
    assert found, "no picture with a text for those who cannot see it and a caption"
    for one in found:
        assert (PAGES / one["path"]).is_file()
        assert len(one["alt"]) > 30
        # One sentence.
        assert re.fullmatch(r"[A-Z][^.]+(\.\d[^.]*)*\.", one["caption"].strip(), re.DOTALL), one["caption"]


def test_every_picture_is_shown_drawn_by_the_script_and_small():
    shown = {
        Path(one["path"]).stem for page in PAGES.glob("*.md") for one in EMBEDDED.finditer(page.read_text("utf-8"))
    }
    files = {path.stem: path for path in pictures.PICTURES.iterdir()}
    assert set(files) == set(pictures.FORECASTERS) == shown
    for path in files.values():
        assert path.stat().st_size < 60 * 1024, path.name
        with Image.open(path) as picture:
            assert picture.width >= 700
            assert picture.text == {}


def test_the_same_picture_twice(tmp_path):
    sample = pictures.sample()
    for name in ("one", "two"):
        pictures.save(pictures.draw("count_map", sample), tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
