"""Says at load time which places of a query can't be filled safely: ``$namespace`` belongs inside a quoted matcher.

It refuses to fill anything in.
"""

from __future__ import annotations

import re

from bot.domain.query import PLACES

_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`")
_PLACE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_OPERATOR = re.compile(r"(=~|!~|!=|=|\|=|\|~)\s*$")


def problem(expr: str) -> str:
    """A sentence without its end, empty when every place can be filled."""
    at = 0
    for string in _STRING.finditer(expr):
        if found := _PLACE.search(expr[at : string.start()]):
            return _outside(found[1])
        before = _OPERATOR.search(expr[: string.start()])
        for place in _PLACE.finditer(string[0]):
            if wrong := _wrong(place[1], before[1] if before else ""):
                return wrong
        at = string.end()
    if found := _PLACE.search(expr[at:]):
        return _outside(found[1])
    return "a string doesn't end" if any(quote in expr[at:] for quote in "\"'`") else ""


def _outside(name: str) -> str:
    return f'${name} stands outside of a matcher\'s quotes: write it such as namespace="$namespace"'


def _wrong(name: str, operator: str) -> str:
    if name not in PLACES and not (name.startswith("label_") and len(name) > len("label_")):
        return f"${name} is no place: there are {', '.join(f'${one}' for one in PLACES)} and $label_NAME"
    if not operator:
        return _outside(name)
    if name == "pods" and "~" not in operator:
        return '$pods stands for several names: write pod=~"$pods"'
    return ""
