"""Hides what looks like a secret in text that came from outside, before it is stored, logged or shown.

Event messages, annotations and log lines carry tokens that somebody printed by mistake. ``redact`` knows the shapes of
common tokens (``secret_shapes``), the names under which secrets are written (``secret_names``, ``secret_values``), what
hides both from a plain look (``disguises``), and Fettle's own secrets. It is a net, not a wall: a password that stands
alone, without a name and without a shape, is a word like any other. It never decides what is stored. Linear in the
length.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote

from bot.domain import disguises, secret_names
from bot.domain.marks import Marks
from bot.domain.secret_names import core_of
from bot.domain.secret_shapes import HIDDEN, SHAPES
from bot.domain.secret_values import harmless_under, hide_named

__all__ = ["HIDDEN", "forgotten_by", "know", "learn", "names_secret", "redact", "redact_name", "redact_values"]

_MARKS = Marks({mark for shape in SHAPES for mark in shape.marks} | set(secret_names.MARKS))
"""Without one of these, in lower case, nothing can match: looking for them is far cheaper than the patterns."""
_NAMES = frozenset(secret_names.MARKS)
_SHORT = 300
_SHORTEST_OWN = 8


class _Own:
    """The process's own secrets, as they may be written; set once at the start."""

    forms: tuple[str, ...] = ()


def know(secrets: Iterable[str]) -> None:
    """From now on these are hidden wherever they stand: Fettle's own tokens, of eight characters or more."""
    _Own.forms = ()
    learn(secrets)


def learn(secrets: Iterable[str]) -> None:
    """The same of further ones: what was read again from a file; what was known stays hidden."""
    forms = set(_Own.forms)
    for one in secrets:
        if len(one) >= _SHORTEST_OWN:
            forms |= {one, quote(one, safe=""), base64.b64encode(one.encode()).decode().rstrip("=")}
    _Own.forms = tuple(sorted(forms, key=len, reverse=True))
    _remembered.cache_clear()
    _remembered_name.cache_clear()
    for forget in _FORGET:
        forget()


_FORGET: list[Callable[[], None]] = []


def forgotten_by(forget: Callable[[], None]) -> None:
    """Whoever remembers redacted text says here how it is forgotten: it is asked when more is known to be secret."""
    _FORGET.append(forget)


def redact(text: str) -> str:
    """``text`` with everything that looks like a secret replaced by ``[hidden]``; other text is left as it is."""
    return _remembered(text) if len(text) < _SHORT else _redacted(text)


def redact_name(text: str) -> str:
    """The same of a name or an image, where ``secret:1.4`` is no secret: shapes and own secrets alone count."""
    return _remembered_name(text) if len(text) < _SHORT else _redacted_name(text)


def _redacted_name(text: str) -> str:
    text = _without_own(text)
    return _shapes_hidden(text, _MARKS.found(text.lower()))


def _redacted(text: str) -> str:
    if _MARKS.any(text.lower()) is None and disguises.bare(text) and not _own_in(text):
        return text  # nearly every text, and none of the steps below would change it
    text = _without_own(text)
    if disguises.coloured(text):
        bare = disguises.uncoloured(text)
        told = _hidden(bare)
        text = text if told == bare else told  # colours stay where nothing was hidden
    text = _hidden(text)
    if disguises.disguised(text):
        bare = disguises.plain(text)
        told = _hidden(bare)
        text = text if told == bare else told
    return _decoded(text) if disguises.blob(text) else text


def _hidden(text: str) -> str:
    """The same, of text that is no disguise."""
    found = _MARKS.found(text.lower())
    if not found:
        return text
    text = _shapes_hidden(text, found)
    return text if found.isdisjoint(_NAMES) else hide_named(text)


def _shapes_hidden(text: str, found: set[str]) -> str:
    for shape in SHAPES:
        if not found.isdisjoint(shape.marks):
            text = shape.pattern.sub(shape.shown, text)
    return text


def _own_in(text: str) -> bool:
    return any(map(text.__contains__, _Own.forms))


def _without_own(text: str) -> str:
    for secret in _Own.forms:
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return text


def _decoded(text: str) -> str:
    """Hides each run of base64 whose plain text holds a secret."""
    kept, done = [], 0
    for (start, end), told in disguises.decoded(text):
        if _hidden(told) != told:
            kept += [text[done:start], HIDDEN]
            done = end
    return "".join((*kept, text[done:])) if kept else text


_remembered = lru_cache(maxsize=4096)(_redacted)
_remembered_name = lru_cache(maxsize=4096)(_redacted_name)
"""Alerts bring the same short values again and again; what was asked is kept in memory, where the alerts are anyway."""


def redact_values(table: Mapping[str, str]) -> dict[str, str]:
    """The same for every value; a value whose own key names a secret is hidden whole."""
    # What is remembered is asked for at once: five alerts have forty values, and two calls of Python for each count.
    return {
        key: HIDDEN
        if value and core_of(key) and not harmless_under(key, value)
        else (_remembered(value) if len(value) < _SHORT else _redacted(value))
        for key, value in table.items()
    }


def names_secret(key: str) -> bool:
    """Whether what stands under this name is a secret; remembered, as alerts bring the same few names again."""
    return bool(core_of(key))
