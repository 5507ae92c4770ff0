"""Takes off what keeps a secret from being recognized: colours, invisible and look-alike characters, escapes, base64.

Terminals colour the half of a word, URLs and JSON escape the sign between name and value, a Secret is base64. It
refuses to decide what is a secret; it only gives the plain text to whoever does.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,20}[ -/]{0,4}[@-~]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_ESCAPED = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_ODD = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]").search
_FOREIGN = re.compile("[\u0370-\u04ff\uff01-\uff5e]").search
_PERCENT = re.compile(r"%(?:25)*[2-7][0-9A-Fa-f]").search
_ENTITY = re.compile(r"&(?:#|lt;|gt;|equals;|quot;|colon;)").search
_LONG = 24


def coloured(text: str) -> bool:
    """Whether ``uncoloured`` could make a difference."""
    return "\x1b" in text or (not text.isascii() and _ODD(text) is not None)


def disguised(text: str) -> bool:
    """Whether ``plain`` could make a difference."""
    return bool(
        ("%" in text and _PERCENT(text))
        or "\\u00" in text
        or ("&" in text and _ENTITY(text))
        or (not text.isascii() and _FOREIGN(text))
    )


def bare(text: str) -> bool:
    """Whether the text is neither ``coloured`` nor ``disguised`` and holds no ``blob``; asked of every text."""
    if not text.isascii():
        return not (coloured(text) or disguised(text) or blob(text))
    return not (
        "\x1b" in text
        or "\\u00" in text
        or ("%" in text and _PERCENT(text))
        or ("&" in text and _ENTITY(text))
        or (len(text) >= _LONG and _RUN.search(text))
    )


_LOOK_ALIKE = str.maketrans(
    "аеоресухіјѕԁԛԝһкмтвАВЕКМНОРСТУХІЈЅαενοιτκρυΑΒΕΗΙΚΜΝΟΡΤΥΧ",
    "aeopecyxijsdqwhkmtbABEKMHOPCTYXIJSaevoitkpuABEHIKMNOPTYX",
)

_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}={0,2}")


def blob(text: str) -> bool:
    """Whether there is a run of characters that could be base64."""
    return len(text) >= _LONG and _RUN.search(text) is not None


def uncoloured(text: str) -> str:
    """The text without what a terminal or a page doesn't show."""
    return _INVISIBLE.sub("", _COLOURS.sub("", text))


def plain(text: str) -> str:
    """The text without escapes and look-alikes; itself when it has none."""
    if "%" in text:
        text = unquote(unquote(text))
    if "\\u00" in text:
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_LOOK_ALIKE)
    return text


def decoded(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """(where it stands, what it says) of each run of base64 that is text; digests and names of pods aren't."""
    for found in _RUN.finditer(text):
        told = found[0]
        if told.islower() or told.isupper():
            continue
        try:
            raw = base64.b64decode(told.rstrip("=").translate(_URLSAFE) + "=" * (-len(told.rstrip("=")) % 4))
        except (binascii.Error, ValueError):
            continue
        if raw.isascii() and not _NO_TEXT.search(raw):
            yield found.span(), raw.decode("ascii")


_URLSAFE = str.maketrans("-_", "+/")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
