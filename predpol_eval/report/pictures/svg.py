"""A figure as SVG that can stand in a page: no links, no dates, ids of its own, and a text for those who do not see."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from predpol_eval.errors import InputError
from predpol_eval.report.pictures.paper import plain_settings
from predpol_eval.report.pictures.short_names import clean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+")
_SINGLE = ("x", "y", "d", "points")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def as_svg(figure: Figure, *, title: str, description: str) -> str:
    """Make a figure into SVG for a page of HTML.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    title : str
        A few words, read out first by those who hear the page.
    description : str
        What is to be seen, for those who do not see it.

    Returns
    -------
    str
        One ``<svg>`` element, also well-formed XML: the same figure gives the same text. It has a ``viewBox`` and no
        size, so that the page decides how large it is. It refers to nothing outside itself, holds no script or style
        sheet, and its ids begin with a digest of all that is in it.

    Raises
    ------
    InputError
        If there is no title or description.

    Notes
    -----
    Text stays text: it can be searched and copied, browsers choose fonts for scripts that matplotlib cannot shape, and
    pictures are less than half as large. Letters of another font than that measured with may be of other widths; the
    fonts asked for are as wide or narrower (`predpol_eval.report.pictures.paper.FONTS`).

    Examples
    --------
    >>> from predpol_eval.report.pictures.paper import new_sheet
    >>> text = as_svg(new_sheet(100)[0], title="A & B", description="Nothing yet.")
    >>> text[:41], "A &amp; B" in text, "http" in text.replace("http://www.w3.org/2000/svg", "")
    ('<svg xmlns="http://www.w3.org/2000/svg" v', True, False)
    """
    if not clean(title) or not clean(description):
        raise InputError("A picture has no title or no description; give both, for those who do not see it.")
    stream = io.StringIO()
    with plain_settings():
        import matplotlib as mpl

        mpl.rcParams.update({"svg.hashsalt": "predpol_eval", "svg.fonttype": "none", "svg.image_inline": True})
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, facecolor="none", edgecolor="none")
    root = ElementTree.fromstring(stream.getvalue())
    _strip(root)
    digest = hashlib.sha256(f"{title}\0{description}\0{stream.getvalue()}".encode()).hexdigest()
    _name(root, f"p{digest[:10]}-")
    _flatten(root)
    _tell(root, f"p{digest[:10]}-", clean(title), clean(description))
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        element.tail = None
        if element.text is not None and not element.text.strip():
            element.text = None
    # Last, so that it comes first among attributes: the element is then SVG wherever it stands.
    root.attrib = {"xmlns": _SVG, **root.attrib}
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Take out what a page has no use for: metadata, style sheets and sizes; and digits that nobody sees."""
    kept = {"viewBox": root.attrib["viewBox"], "role": "img", "stroke-linejoin": "round", "stroke-linecap": "butt"}
    root.attrib.clear()
    root.attrib.update(kept)
    for parent in list(root.iter()):
        for child in list(parent):
            # A style sheet would hold for the whole page; what it says stands on the root now.
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):
                parent.remove(child)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}defs" and not len(child):
                parent.remove(child)
    for element in root.iter():
        for name in _SINGLE:
            if name in element.attrib:
                element.set(name, _NUMBER.sub(_rounded, " ".join(element.attrib[name].split())))
        if re.fullmatch(r"rotate\(-?0(\.0)? .*\)", element.attrib.get("transform", "")):
            del element.attrib["transform"]
        styles = {child.attrib.get("style") for child in element}
        if len(styles) == 1 and None not in styles and {child.tag for child in element} == {f"{{{_SVG}}}use"}:
            # Many marks of one look: told once, and inherited.
            element.set("style", str(styles.pop()))
            for child in element:
                del child.attrib["style"]
        if _LINK in element.attrib:
            element.set("href", "".join(element.attrib.pop(_LINK).split()))


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _name(root: ElementTree.Element, prefix: str) -> None:
    """Keep the ids that something refers to, and make them those of this picture."""
    used = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            used |= set(_REFERENCE.findall(value))
            if name == "href" and value.startswith("#"):
                used.add(value[1:])
    order = {name: f"{prefix}{place}" for place, name in enumerate(sorted(used))}
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            if name == "id":
                if value in order:
                    element.set("id", order[value])
                else:
                    del element.attrib["id"]
            elif name == "href" and value.startswith("#"):
                element.set("href", "#" + order[value[1:]])
            else:
                element.set(name, _REFERENCE.sub(lambda found: f"url(#{order[found[1]]})", value))


def _flatten(parent: ElementTree.Element) -> None:
    """Take out groups that group nothing."""
    children: list[ElementTree.Element] = []
    for child in parent:
        _flatten(child)
        children += list(child) if child.tag == f"{{{_SVG}}}g" and not child.attrib else [child]
    parent[:] = children


def _tell(root: ElementTree.Element, prefix: str, title: str, description: str) -> None:
    """Put title and description first, where browsers and screen readers look for them."""
    root.set("aria-labelledby", f"{prefix}title {prefix}desc")
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": prefix + tag})
        element.text = text
        root.insert(place, element)
