"""A figure as SVG for a page: nothing outside itself, a text for everybody, and the same whenever it is made."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from predpol_eval.errors import InputError
from predpol_eval.report.pictures.paper import new_sheet, panel, plain_settings, write
from predpol_eval.report.pictures.svg import as_svg

SVG = "{http://www.w3.org/2000/svg}"


def figure(text="A", image=True):
    with plain_settings():
        drawn, page = new_sheet(150)
        write(page, 20, 20, text)
        axes = panel(drawn, 40, 40, 200, 80)
        axes.plot([0, 1, 2], [1, 0, 2], "o", color="red")
        axes.set_xticks([1], ["$tick_1$"])
        if image:
            drawn_image = axes.imshow(np.zeros((2, 3, 4), np.uint8), extent=(0, 2, 0, 2), interpolation="none")
            drawn_image.set_clip_path(axes.patch)
        return drawn


def test_what_the_element_is():
    text = as_svg(figure(), title='"A" & <B>', description="It's <i>both</i>.")
    assert text.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 345.6 150"')
    assert "<?xml" not in text
    assert "<!DOCTYPE" not in text
    root = ElementTree.fromstring(text)
    assert "width" not in root.attrib
    assert "height" not in root.attrib
    assert root.attrib["role"] == "img"
    title, desc = root[0], root[1]
    assert (title.tag, title.text) == (f"{SVG}title", '"A" & <B>')
    assert (desc.tag, desc.text) == (f"{SVG}desc", "It's <i>both</i>.")
    assert root.attrib["aria-labelledby"] == f"{title.attrib['id']} {desc.attrib['id']}"
    assert len(list(root.iter(f"{SVG}title"))) == 1


def test_references_are_to_itself():
    text = as_svg(figure(), title="t", description="d")
    root = ElementTree.fromstring(text)
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    links = [element.attrib["href"] for element in root.iter(f"{SVG}use")]
    assert links
    assert {link[1:] for link in links} <= ids
    assert "xlink" not in text
    assert "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "", 1)
    (image,) = root.iter(f"{SVG}image")
    assert image.attrib["href"].startswith("data:image/png;base64,")
    assert "pixelated" in image.attrib["style"]
    assert not any(char in image.attrib["href"] for char in " \n")


LABELS = ("$5", "$a_1$", "a_b^c", "<script>alert(1)</script>", '"&amp;', "50 %", "\\alpha", "שלום")


@pytest.mark.parametrize("label", LABELS)
def test_labels_are_kept_to_the_letter(label):
    text = as_svg(figure(label), title="t", description="d")
    texts = [element.text for element in ElementTree.fromstring(text).iter(f"{SVG}text")]
    assert label in texts
    assert "$tick_1$" in texts
    assert "<script" not in text


def test_two_pictures_have_no_id_in_common():
    one, other = (as_svg(figure(label), title="t", description="d") for label in "AB")
    names = [{e.attrib["id"] for e in ElementTree.fromstring(text).iter() if "id" in e.attrib} for text in (one, other)]
    assert names[0]
    assert not names[0] & names[1]
    again = as_svg(figure("A"), title="t", description="another")
    assert not names[0] & {e.attrib["id"] for e in ElementTree.fromstring(again).iter() if "id" in e.attrib}


@pytest.mark.parametrize("words", [{"title": "", "description": "d"}, {"title": "t", "description": " \n"}])
def test_a_picture_needs_words(words):
    with pytest.raises(InputError, match="no title or no description"):
        as_svg(figure(), **words)


def test_what_hides_or_turns_text_is_taken_out():
    text = as_svg(figure(), title="a\u202eb\x00c\n d", description="d")
    assert "<title" in text
    assert ElementTree.fromstring(text)[0].text == "abc d"


def test_the_same_bytes_in_another_process():
    code = (
        "from tests.report.pictures.test_svg import figure; from predpol_eval.report.pictures.svg import as_svg; "
        "import sys; sys.stdout.write(as_svg(figure(), title='t', description='d'))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert made.stdout == as_svg(figure(), title="t", description="d")


def test_settings_come_back_after_an_error():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), plain_settings():
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before
