"""Names that must not stand in an output are looked for before it is written, however they are spelled or escaped."""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from predpol_eval.errors import InputError, refuse_other_type

# A shorter one stands in every text by chance. Counted in bytes: two signs of Chinese are a name.
SHORTEST = 3
# Shorter ones stand in many a word ("sas" in "disaster") and across words ("beta" in "be taken"), so they are looked
# for as words of their own, or letter by letter; up to LONG less one also inside a single word.
WORD, LONG = 5, 7
# How often a text may be escaped over and over before it is called unreadable.
MOST_ROUNDS = 8
# Legal forms at the end of a name, which texts leave out.
_LEGAL_FORMS = frozenset(
    {"ltd", "limited", "inc", "incorporated", "llc", "llp", "lp", "plc", "corp", "corporation", "co", "company"}
    | {"pty", "gmbh", "ag", "kg", "ug", "se", "sa", "sas", "sarl", "spa", "srl", "bv", "nv", "ab", "as", "oy", "aps"}
)
_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}|\\U([0-9a-fA-F]{8})|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
# Signs that would be left over as letters; all others fall away with the punctuation.
_SHORT_ESCAPE = re.compile(r"\\[nrtbfv0]")
_TAG = re.compile(r"<[^<>]*>")
# Letters by chance: pictures and fonts inside a page, hashes and fingerprints.
_NOISE = re.compile(
    r"(?<=data:)(?:image/(?:png|jpe?g|gif|webp|avif)|font/|application/(?:font|x-font|octet-stream))"
    r"[^,<>\"'\s]{0,100};base64,[A-Za-z0-9+/=]*"
    r"|(?<![0-9A-Za-z])(?:[0-9a-f]{32,}|(?:[0-9a-f]{4}-){15}[0-9a-f]{4})(?![0-9A-Za-z])",
)
_WRAPPED = re.compile(r"(?<=data:)[^,<>\"'\s]{0,100};base64,([A-Za-z0-9+/=]+)")
_BETWEEN = re.compile(r"[\W_]+")
# Never part of a folded text, so that no name is found across it.
_BARRIER = "\n"


def find_names(text: str, names: Mapping[str, str]) -> list[str]:
    """Find the labels whose names stand in a text.

    Parameters
    ----------
    text : str
        An output: a page, a table, a record, a file name.
    names : mapping of str to str
        Name by label, as `open_names` gives them. Spellings parted by semicolons are looked for one by one, each
        without the legal form at its end ("Ltd", "Inc." and so on). A name of everyday words is best sealed as one
        word with its legal form, "CrimeMapLtd", else it is found wherever a crime map is mentioned.

    Returns
    -------
    list of str
        Labels, sorted. Found are names in small and large letters, with or without accents, with blanks, punctuation
        or tags between the letters, escaped as in HTML, JSON and web addresses, and inside longer words. Names of fewer
        than 7 letters are not looked for across words, of fewer than 5 not inside longer ones either: they would be
        found in every text ("SAS" in "disaster"). Letters in pictures and hashes, where they stand by chance, are
        passed over.

    Raises
    ------
    InputError
        If a name is too short to be looked for, or the text is escaped so often that it cannot be read.

    Examples
    --------
    >>> find_names("<p>by C R I M E - m a p s</p>", {"A": "Crime Maps Ltd", "B": "Night Owl"})
    ['A']
    >>> find_names("<p>by vendor A</p>", {"A": "Crime Maps Ltd", "B": "Night Owl"})
    []
    """
    refuse_other_type(text, str, "give the text that is to be written")
    wanted = {label: spellings_of(label, name) for label, name in names.items()}
    if not wanted:
        return []
    found: set[str] = set()
    for words in {_folded_text(reading) for reading in _readings(text)}:
        folded = words.replace(" ", "")
        found |= {
            label
            for label, spellings in wanted.items()
            if any(_stands(spelling, words, folded) for spelling in spellings)
        }
    return sorted(found)


def _stands(spelling: str, words: str, folded: str) -> bool:
    """Whether a spelling stands in a text, given as words and without blanks."""
    if spelling not in folded:
        return False
    # Scripts that put no blanks between words have signs enough to be told apart.
    if len(spelling) >= LONG or not spelling.isascii():
        return True
    if len(spelling) >= WORD and spelling in words:
        return True
    alone = rf"(?<![^ \n]){' ?'.join(map(re.escape, spelling))}(?![^ \n])"
    return re.search(alone, words) is not None


def refuse_names(text: str, names: Mapping[str, str]) -> None:
    r"""Refuse a text in which a name stands that is sealed.

    Parameters
    ----------
    text : str
        An output, before it is written.
    names : mapping of str to str
        Name by label.

    Raises
    ------
    InputError
        With the labels, never the names; see `find_names`.

    Examples
    --------
    >>> refuse_names('{"note": "cr\\u00efm\\u0065map"}', {"A": "Crimemap"})
    Traceback (most recent call last):
    predpol_eval.errors.InputError: The text holds the sealed name of 'A' and is not written; take the name out ...
    """
    found = find_names(text, names)
    if found:
        raise InputError(
            f"The text holds the sealed name of {', '.join(map(repr, found))} and is not written; take the name out of "
            "what it was made from, such as the names of files and columns."
        )


def spellings_of(label: str, name: str) -> tuple[str, ...]:
    """Give the spellings of a name that are looked for, in letters and digits only.

    Parameters
    ----------
    label : str
        Whose name it is, for the message.
    name : str
        Spellings parted by semicolons.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        If one is too short to be looked for; the message does not hold it.

    Examples
    --------
    >>> spellings_of("A", "Crime Maps Ltd.; Cri-Ma")
    ('crimemaps', 'crima')
    """
    if not isinstance(name, str):
        raise InputError(f"the name of {label!r} is of type {type(name).__name__}; give a text")
    spellings = tuple(_without_legal_form(part) for part in name.split(";"))
    if any(len(spelling.encode("utf-8")) < SHORTEST for spelling in spellings):
        raise InputError(
            f"the name of {label!r}, or a spelling of it, has fewer than {SHORTEST} letters and digits, so that it "
            "cannot be looked for in outputs; give it in full"
        )
    return spellings


def _without_legal_form(name: str) -> str:
    words = name.split()
    while len(words) > 1 and _folded(words[-1]) in _LEGAL_FORMS and len(_folded("".join(words[:-1]))) >= SHORTEST:
        words.pop()
    return _folded("".join(words))


def _folded(text: str, between: str = "") -> str:
    """Letters and digits only, small, without accents, in their plain forms; what is between them replaced."""
    if text.isascii():
        return _BETWEEN.sub(between, text.lower())
    # Halves of characters, as escapes leave them, are put together.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", whole).casefold())
    return _BETWEEN.sub(between, plain)


def _folded_text(text: str) -> str:
    """Words with one blank between them."""
    return _BARRIER.join(_folded(piece, " ") for piece in _NOISE.split(text))


def _readings(text: str) -> Iterator[str]:
    """Give a text as it is and as it is when unescaped, each with tags and without, and what is wrapped in it."""
    for once in dict.fromkeys((text, _unescaped(text))):
        yield once
        yield _TAG.sub("", once)
        for match in _WRAPPED.finditer(_NOISE.sub(_BARRIER, once)):
            inner = _unwrapped(match.group(1))
            yield from dict.fromkeys((inner, _unescaped(inner), _TAG.sub("", _unescaped(inner))))


def _unescaped(text: str) -> str:
    for _ in range(MOST_ROUNDS):
        before = text
        text = html.unescape(_SHORT_ESCAPE.sub(" ", _ESCAPE.sub(_sign, unquote(text))))
        if text == before:
            return text
    raise InputError(
        f"The text is escaped more than {MOST_ROUNDS} times over, so that nobody can say which names it holds; write "
        "it plainly."
    )


def _sign(match: re.Match[str]) -> str:
    number = int(next(filter(None, match.groups())), 16)
    return chr(number) if number <= 0x10FFFF else " "


def _unwrapped(text: str) -> str:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""
