"""Fills the places of a query (``$namespace``) from label values, quoted: the one builder for PromQL and LogQL.

Label values are hostile: an alert may carry ``"} or up{x="``. So a place may stand only inside the quoted value of a
matcher, where backslash, quote and newline are escaped, and in a regular expression its own characters too. ``check``
says at load time what ``fill`` would refuse. This module refuses to fill anything into any other spot of a query, and
to fill in nothing: an empty matcher would match everything.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.errors import RequestError
from bot.domain.query import PLACES

LONGEST = 8192
"""Characters of one expression; more is no query that a person wrote."""
LABEL = "label_"
PODS = "pods"

Values = Mapping[str, str | Sequence[str]]
"""Place -> text; ``pods`` -> the names of pods."""

_QUOTES = "\"'`"
_PLACE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_BRACED = re.compile(r"\$\{[A-Za-z_]")
_OPERATOR = re.compile(r"(?:(?<![=!<>|])(=~|!~|!=|=)|(\|=|\|~))\s*$")
"""What stands before the value of a matcher, or of a line filter in LogQL."""
_META = frozenset("\\.+*?()|[]{}^$")
"""What RE2's QuoteMeta escapes."""
_PLAIN = frozenset(chr(code) for code in range(0x20, 0x7F)) - {'"', "'", "\\"}


@dataclass(frozen=True)
class _Part:
    """A piece of an expression: code between strings, or one string without its quotes.

    ``operator`` is what stands before a string that is a value to match, else empty.
    """

    text: str
    quote: str = ""
    operator: str = ""


def check(expr: str) -> None:
    """Raises ``RequestError`` with a sentence for an expression that can't be filled safely, whatever comes."""
    _each_place(expr, lambda _name, _part: "")


def fill(expr: str, values: Values) -> str:
    """The expression with its places filled; raises ``RequestError`` when one isn't known or is empty."""
    return _each_place(expr, lambda name, part: _value(name, part, values))


def places(expr: str) -> frozenset[str]:
    """The names of the places that an expression needs; raises like ``check``."""
    named: set[str] = set()

    def note(name: str, _part: _Part) -> str:
        named.add(name)
        return ""

    _each_place(expr, note)
    return frozenset(named)


def balanced(expr: str) -> bool:
    """Whether every string of an expression ends: one that came with an alert isn't sent otherwise."""
    try:
        return bool(expr.strip()) and len(expr) <= LONGEST and bool(list(_parts(expr)))
    except RequestError:
        return False


def quoted(text: str) -> str:
    """Text as a string of a query, quotes and all; a ``$`` in it is left for ``fill``."""
    return f'"{_escaped(text)}"'


def comparison(expr: str) -> tuple[str, float] | None:
    """What an alert's expression compares with a number, and that number; None unless it is one plain comparison.

    ``rate(errors[5m]) > 0.05`` gives the rate and 0.05, so that the curve shows below the threshold too.
    """
    depth, found = 0, -1
    outside = _blanked(expr)
    for position, character in enumerate(outside):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in "<>=!" and found < 0:
            found = position
    match = (
        re.match(r"(>=|<=|==|!=|>|<)\s*(-?[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?)\s*$", outside[found:])
        if found > 0
        else None
    )
    if match is None or re.search(r"\b(and|or|unless)\b", _top(outside[:found])):
        return None
    return expr[:found].strip(), float(match[2])


def _each_place(expr: str, value_of: Callable[[str, _Part], str]) -> str:
    if not expr.strip():
        raise RequestError("The query is empty.")
    if len(expr) > LONGEST:
        raise RequestError(f"The query is longer than {LONGEST} characters.")
    return "".join(_filled(part, value_of) for part in _parts(expr))


def _filled(part: _Part, value_of: Callable[[str, _Part], str]) -> str:
    if not part.quote or not part.operator:
        _refuse_places(part)
        return f"{part.quote}{part.text}{part.quote}"
    if _BRACED.search(part.text):
        raise RequestError(f"Write places without braces ($namespace) in {_shown(part)}.")
    named = list(_PLACE.finditer(part.text))
    if not named:
        return f"{part.quote}{part.text}{part.quote}"
    if part.quote == "`":
        raise RequestError(f"${named[0][1]} stands in backquotes, where nothing can be escaped: use double quotes.")
    for match in named:
        _known(match[1], part)
    text = _PLACE.sub(lambda match: value_of(match[1], part), part.text)
    return f"{part.quote}{text}{part.quote}"


def _refuse_places(part: _Part) -> None:
    """Outside of strings there is no ``$``; in other strings ``$1`` is a group of ``label_replace``, a place isn't."""
    for match in _PLACE.finditer(part.text):
        if not part.quote or match[1] in PLACES or match[1].startswith(LABEL):
            where = "outside quotes" if not part.quote else "in a string that isn't a matcher's value"
            raise RequestError(f'${match[1]} stands {where}: write it as a matcher, such as namespace="$namespace".')


def _known(name: str, part: _Part) -> None:
    if name.startswith(LABEL) and len(name) > len(LABEL):
        return
    if name not in PLACES:
        near = difflib.get_close_matches(name, PLACES, n=1)
        advice = f"did you mean ${near[0]}?" if near else f"there are {', '.join(f'${one}' for one in PLACES)}."
        raise RequestError(f"${name} is no place: {advice}")
    if name == PODS and part.operator not in {"=~", "!~", "|~"}:
        raise RequestError('$pods matches several names: write it with =~, such as pod=~"$pods".')


def _value(name: str, part: _Part, values: Values) -> str:
    found = values.get(name) or ""
    many = [found] if isinstance(found, str) else list(found)
    kept = [one for one in many if one]
    if not kept:
        raise RequestError(f"The query needs ${name}, which isn't known here.")
    if "~" not in part.operator:
        return _escaped(kept[0])
    pattern = "|".join(_literal(one) for one in kept)
    alone = part.text == f"${name}"
    return _escaped(pattern if alone or len(kept) == 1 else f"(?:{pattern})")


def _literal(value: str) -> str:
    """The value as a regular expression that matches it and nothing else."""
    return "".join(f"\\{character}" if character in _META else character for character in value)


def _escaped(value: str) -> str:
    """The value as the inside of a quoted string: printable ASCII as it is, all else escaped.

    Lone surrogates, which JSON can carry and UTF-8 can't, become U+FFFD; that one is escaped too, since Prometheus
    takes it for broken UTF-8 otherwise.
    """
    return "".join(character if character in _PLAIN else _escape(character) for character in value)


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    code = ord(character)  # quotes too: a code means the same between either kind of quotes
    if 0xD800 <= code <= 0xDFFF:
        code = 0xFFFD
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _parts(expr: str) -> Iterator[_Part]:
    """Code and strings in turn; raises ``RequestError`` for a string that doesn't end. Comments count as code."""
    begin = position = 0
    while position < len(expr):
        character = expr[position]
        if character == "#":
            end = expr.find("\n", position)
            position = len(expr) if end < 0 else end
        elif character in _QUOTES:
            code = expr[begin:position]
            yield _Part(code)
            end = _end_of_string(expr, position)
            before = _OPERATOR.search(code)
            yield _Part(expr[position + 1 : end], character, (before[1] or before[2]) if before else "")
            begin = position = end + 1
        else:
            position += 1
    yield _Part(expr[begin:])


def _end_of_string(expr: str, begin: int) -> int:
    quote, position = expr[begin], begin + 1
    while position < len(expr) and expr[position] != quote:
        if quote != "`" and expr[position] == "\n":
            break
        position += 2 if quote != "`" and expr[position] == "\\" else 1
    if position >= len(expr) or expr[position] != quote:
        raise RequestError(f"A string of the query doesn't end: {expr[begin : begin + 40]}")
    return position


def _blanked(expr: str) -> str:
    """The expression, strings and comments blanked, so that what is left is operators and names; same length."""
    made = []
    for part in _parts(expr):
        text = (
            re.sub(r"#[^\n]*", lambda match: " " * len(match[0]), part.text) if not part.quote else " " * len(part.text)
        )
        made.append(f"{part.quote and ' '}{text}{part.quote and ' '}")
    return "".join(made)


def _top(outside: str) -> str:
    """What stands outside of all brackets."""
    kept, depth = [], 0
    for character in outside:
        depth += character in "([{"
        kept.append(character if depth == 0 else " ")
        depth -= character in ")]}"
    return "".join(kept)


def _shown(part: _Part) -> str:
    return f"{part.quote}{part.text[:60]}{part.quote}"
