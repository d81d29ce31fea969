"""Names that must not stand in an output are found however they are written."""

from __future__ import annotations

import base64
import html
import json
import time
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predpol_eval.errors import InputError
from predpol_eval.trial.keys import find_names, refuse_names
from predpol_eval.trial.keys.blinding import spellings_of

NAMES = {"A": "PredPol Inc.", "B": "Nächtliche Eule GmbH; HunchLab", "C": "日立", "D": "Crime & Place"}

WRITTEN = {
    "plain": "<td>PredPol</td>",
    "small": "predpol_2018-07-01.csv",
    "large": "PREDPOL",
    "mixed": "pREDpOL",
    "inside a word": "superpredpolish",
    "blanks": "P r e d P o l",
    "hyphen": "Pred-Pol",
    "underscores": "P_r_e_d__P_o_l",
    "punctuation": "P.r.e.d., (P)o'l!",
    "lines": "Pred\n   Pol",
    "tab": "Pred\tPol",
    "soft hyphen": "Pred\u00adPol",
    "zero width": "P\u200br\u200ced\u2060Pol\ufeff",
    "no-break blank": "Pred\u00a0Pol",
    "html numbers": "&#80;redPo&#108;",
    "html hex": "&#x50;red&#X50;ol",
    "html without semicolon": "&#80redPol",
    "html with zeros": "&#0000080;redPol",
    "html named": "Pred&shy;Pol",
    "html named blank": "Pred&nbsp;Pol",
    "html twice": "&amp;#80;redPol",
    "html three times": "&amp;amp;#80;redPol",
    "tags": "<b>Pred</b><i class='x'>Pol</i>",
    "comment": "Pred<!-- here -->Pol",
    "escaped tags": "&lt;b&gt;Pred&lt;/b&gt;Pol",
    "attribute": "<img alt='PredPol'>",
    "json": "\\u0050red\\u0050ol",
    "json newline": '{"a": "Pred\\nPol"}',
    "json tab": "Pred\\tPol",
    "json twice": "\\\\u0050redPol",
    "json in html": "&quot;\\u0050redPol&quot;",
    "html in json": "\\u0026#80;redPol",
    "javascript": "\\x50red\\u{50}ol",
    "python": "\\U00000050redPol",
    "address": "https://example.org/?q=%50red%70ol",
    "address twice": "%2550redPol",
    "double width": "ＰｒｅｄＰｏｌ",
    "bold mathematics": "𝐏𝐫𝐞𝐝𝐏𝐨𝐥",
    "bold mathematics in json": json.dumps("𝐏𝐫𝐞𝐝𝐏𝐨𝐥"),
    "accents": "Prédpöl",
    "wrapped in an address": "data:text/html;base64," + base64.b64encode(b"<p>Pred<b>Pol</b></p>").decode(),
    "wrapped picture of text": "src='data:image/svg+xml;base64,"
    + base64.b64encode(b"<svg><text>&#80;redPol</text></svg>").decode().rstrip("=")
    + "'",
    "wrapped by percents": "data:image/svg+xml," + quote("<svg><text>PredPol</text></svg>"),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_name_is_found_however_it_is_written(how):
    text = f"<p>a vendor</p> {WRITTEN[how]} <p>the end</p>"
    assert find_names(text, NAMES) == ["A"]
    assert find_names(text.replace("\n", "\r\n"), NAMES) == ["A"]
    with pytest.raises(InputError, match="sealed name of 'A' and is not written") as caught:
        refuse_names(text, NAMES)
    assert "redpol" not in str(caught.value).lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Vendor A beat vendor B on 12 nights.",
        "predictive policing, predicted polygons",
        "pred pooled",
        "Eule",
        "日本",
        "place and crime",
        "<a href='x'>Hunch</a> <b>back lab</b>",
    ],
)
def test_other_texts_pass(text):
    assert find_names(text, NAMES) == []
    assert refuse_names(text, NAMES) is None


def test_every_spelling_of_every_name_is_found():
    assert find_names("NACHTLICHE EULE", NAMES) == ["B"]
    assert find_names(unicodedata.normalize("NFD", "nächtliche eule"), NAMES) == ["B"]
    assert find_names("N&auml;chtliche&nbsp;Eule", NAMES) == ["B"]
    assert find_names("hunchlab.csv", NAMES) == ["B"]
    assert find_names("von 日立 gemacht", NAMES) == ["C"]
    assert find_names("\\u65e5\\u7acb", NAMES) == ["C"]
    assert find_names("Crime &amp; Place", NAMES) == ["D"]
    assert find_names("crimeplace", NAMES) == ["D"]
    assert find_names("HunchLab and PredPol", NAMES) == ["A", "B"]
    with pytest.raises(InputError, match="of 'A', 'B' and"):
        refuse_names("HunchLab and PredPol", NAMES)
    assert find_names("PredPol", {}) == []


def test_sharp_s_and_ligatures():
    assert find_names("GROSSE KARTE", {"A": "Große Karte"}) == ["A"]
    assert find_names("große karte", {"A": "GROSSE Karte"}) == ["A"]
    assert find_names("ﬁne maps", {"A": "Fine Maps"}) == ["A"]


@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        ("PredPol Inc.", ("predpol",)),
        ("PredPol, Inc", ("predpol",)),
        ("Night Owl Co. Ltd.", ("nightowl",)),
        ("Night Owl L.L.C.", ("nightowl",)),
        ("Ltd", ("ltd",)),
        ("AB Ltd", ("abltd",)),
        ("CrimeMapLtd", ("crimemapltd",)),
        ("Limited Maps", ("limitedmaps",)),
        ("Night Owl; N.O.W.L.", ("nightowl", "nowl")),
    ],
)
def test_legal_forms_are_left_out(name, spellings):
    assert spellings_of("A", name) == spellings


@pytest.mark.parametrize("name", ["", "X", "A.B", "PredPol; X", "PredPol;", "!?;:", None, 5])
def test_a_name_that_cannot_be_looked_for_is_refused(name):
    for call in (find_names, refuse_names):
        with pytest.raises(InputError, match="'A'") as caught:
            call("text", {"A": name})
        assert "PredPol" not in str(caught.value)


@pytest.mark.parametrize("text", [None, b"PredPol", 5])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(InputError, match="Expected str"):
        find_names(text, NAMES)


def test_letters_by_chance_are_passed_over():
    names = {"A": "ABBA", "B": "Face"}
    picture = base64.b64encode(bytes(range(256)) * 40).decode() + "abbaFace"
    for text in (
        f"<img src='data:image/png;base64,{picture}'>",
        f"url(data:font/woff2;base64,{picture})",
        "00abba" + "0" * 58,
        "SHA-256: face" + "0" * 60,
        "-".join(["abba", "face"] * 8),
        f"x\nabbaface{'0' * 56}\ny",
    ):
        assert find_names(text, names) == []
    assert find_names("<img src='data:image/png;base64,AAAA'> abba", names) == ["A"]
    assert find_names(f"{'0' * 64} face", names) == ["B"]
    # A long word that is no hash is no hiding place.
    assert find_names("abbas" + "x" * 40, {"A": "Abbas"}) == ["A"]
    assert find_names("abba-face-1", names) == ["A", "B"]
    assert find_names("xfaced" + "0" * 40, {"B": "faced"}) == ["B"]
    assert find_names("0" * 40 + "facedx", {"B": "faced"}) == ["B"]
    # Nothing is found across what was passed over.
    assert find_names(f"ab {'0' * 64} ba", names) == []


def test_short_names_are_no_part_of_other_words():
    names = {"A": "SAS", "B": "IBM", "C": "Beta", "D": "Vista"}
    everyday = "The disaster has as much to be taken as distrib models do: it was vis-a-vis tables, this is tall."
    assert find_names(everyday, names) == []
    for text, found in {
        "made by SAS.": ["A"],
        "made by s-a-s!": ["A"],
        "<b>I</b>B<i>M</i>": ["B"],
        "ibm_watson.csv": ["B"],
        "b e t a": ["C"],
        "(&#66;eta)": ["C"],
        "revistas": ["D"],
        "VISTA's": ["D"],
        "SAS": ["A"],
        "in\nSAS\nby": ["A"],
    }.items():
        assert find_names(text, names) == found, text


def test_what_only_looks_like_an_escape_hides_nothing():
    names = {"A": "Network Maps", "B": "Adult Maps", "C": "Notify"}
    assert find_names("C:\\network maps", names) == ["A"]
    assert find_names("50%Adult maps", names) == ["B"]
    assert find_names("this&notify", names) == ["C"]


def test_a_text_that_cannot_be_read_is_refused():
    text = "%" + "25" * 20 + "50redPol"
    with pytest.raises(InputError, match="8 times over"):
        refuse_names(text, NAMES)
    assert find_names("%" + "25" * 5 + "50redPol", NAMES) == ["A"]


@pytest.mark.parametrize(
    "part",
    [
        "<",
        "&",
        "&amp;",
        "\\",
        "\\u",
        "%",
        "data:",
        "data:;base64,",
        "0",
        "0123-",
        "<a",
        "&#",
        "data:image/png",
        "é",
        "-",
    ],
)
def test_hostile_texts_take_no_long_time(part):
    text = part * (400_000 // len(part))
    before = time.process_time()
    assert find_names(text, NAMES) == []
    assert time.process_time() - before < 3


letters = st.characters(codec="utf-8", categories=["Lu", "Ll"], max_codepoint=0x24F)
names = st.text(letters, min_size=4, max_size=12)
between = st.sampled_from(["", " ", "-", ".", "_", "\n", "\u200b", "<br>", "&nbsp;", "\\n", "\\u00ad", "&#8203;", "/"])
writings = st.sampled_from(
    [
        lambda letter: letter,
        str.upper,
        str.lower,
        lambda letter: f"&#{ord(letter)};",
        lambda letter: f"&#x{ord(letter):x};",
        lambda letter: json.dumps(letter)[1:-1],
        html.escape,
        lambda letter: f"\\u{ord(letter):04X}",
        quote,
        lambda letter: unicodedata.normalize("NFD", letter),
    ]
)


@given(names, st.data(), st.text(max_size=10), st.text(max_size=10))
def test_any_name_is_found_in_any_writing(name, data, before, after):
    written = "".join(data.draw(writings)(letter) + data.draw(between) for letter in name)
    # A barrier on both sides, so that what is drawn around it does not become part of an escape.
    text = f"{before} . {written} . {after}"
    assert find_names(text, {"A": name, "B": "zzzzzzzzzzzzzz"}) == ["A"]
