"""Reading a report as a strict browser would: every tag closed, every id once, every reference met."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
NUMBER = re.compile(r"(?<![\w.])[−-]?\d[\d,]*(?:\.\d+)?")


class Reader(HTMLParser):
    """Notes what is wrong, and what stands where."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.parts: dict[str, list[str]] = {}
        self.section = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs).get("id") or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> closes itself outside a picture")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> where {self.open[-1:]} is open")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)
            self.parts.setdefault(self.section, []).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of(self, section: str) -> str:
        return " ".join(" ".join(self.parts.get(section, [])).split())


def read(page: str) -> Reader:
    """Read a page, and refuse what no report may hold."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    faults = list(reader.faults)
    faults += [f"<{tag}> is never closed" for tag in reader.open]
    attributes = [attrs for _, attrs in reader.tags]
    ids = [attrs["id"] for attrs in attributes if "id" in attrs]
    faults += [f"id {name} twice" for name in {name for name in ids if ids.count(name) > 1}]
    for tag, attrs in reader.tags:
        for name, value in attrs.items():
            told = value or ""
            if name in ("aria-labelledby", "aria-describedby"):
                faults += [f"no {one} for {name}" for one in told.split() if one not in ids]
            if name in ("href", "xlink:href") and not told.startswith(("#", "data:image/png")):
                faults.append(f"<{tag}> points to {told[:40]}")
            elif name == "href" and told.startswith("#") and told[1:] not in ids:
                faults.append(f"<{tag}> points to {told}, which is nowhere")
            if name in ("src", "srcset", "action", "formaction", "data", "poster") or name.startswith("on"):
                faults.append(f"<{tag}> has {name}")
    tags = [tag for tag, _ in reader.tags]
    faults += [f"there is a <{tag}>" for tag in ("script", "link", "iframe", "object", "embed", "base") if tag in tags]
    faults += [
        f"{tags.count(tag)} <{tag}>" for tag in ("h1", "main", "header", "footer", "nav") if tags.count(tag) != 1
    ]
    plain = page.replace("http://www.w3.org/2000/svg", "").replace("http://www.w3.org/1999/xlink", "")
    faults += [f"an address: {found}" for found in re.findall(r"https?://\S{0,20}|@import|url\((?!#)", plain)]
    assert not faults, faults[:10]
    return reader


def numbers(text: str) -> list[float]:
    """All numbers of a text, without those of dates."""
    told = re.sub(r"\d{4}-\d{2}-\d{2}", "", text)
    return [float(found.replace(",", "").replace("−", "-")) for found in NUMBER.findall(told)]
