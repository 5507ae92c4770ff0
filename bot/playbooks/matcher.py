"""Label matchers in Alertmanager's syntax: ``severity="critical"``, ``!=``, ``=~`` and ``!~``, patterns fully anchored.

As there, a label that isn't there has the empty value: ``team!="infra"`` matches an alert without a team. It refuses
to read a label's value as anything but data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.playbooks import pattern

_FORM = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


class MatcherError(ValueError):
    """The text is no matcher; the message says what to write."""


@dataclass(frozen=True)
class Matcher:
    """One condition on one label."""

    name: str
    op: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet it."""
        given = labels.get(self.name, "")
        if self.op in {"=", "!="}:
            return (given == self.value) is (self.op == "=")
        return pattern.compiled(self.value).matches(given) is (self.op == "=~")

    @property
    def exact(self) -> bool:
        """Whether it names one value: such a matcher says more than the others."""
        return self.op == "="

    def __str__(self) -> str:
        quoted = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.op}"{quoted}"'


def parse(text: str) -> Matcher:
    """The matcher that this text is; raises ``MatcherError``."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise MatcherError(f'“{text}” is no matcher: write one such as severity="critical", team!="infra" or ns=~"a|b"')
    name, op, raw = found.groups()
    value = _value(text, raw)
    if op in {"=~", "!~"}:
        try:
            pattern.compiled(value)
        except pattern.PatternError as error:
            raise MatcherError(f"the pattern of “{text}” can't be used: {error}") from error
    return Matcher(name, op, value)


def first_mismatch(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> Matcher | None:
    """The first condition that isn't met, None when all are."""
    return next((one for one in matchers if not one.matches(labels)), None)


def _value(text: str, raw: str) -> str:
    quoted = len(raw) > 1 and raw[0] == raw[-1] == '"'
    inner = raw[1:-1] if quoted else raw
    made: list[str] = []
    at = 0
    while at < len(inner):
        char = inner[at]
        if char == "\\" and at + 1 < len(inner):
            at += 1
            made.append(_ESCAPES.get(inner[at], f"\\{inner[at]}"))
        elif char == '"' or (not quoted and (char in "{},'`" or char.isspace())):
            raise MatcherError(f'“{text}” is no matcher: put the value in double quotes and write \\" inside of it')
        else:
            made.append(char)
        at += 1
    if quoted and inner.endswith("\\") and not inner.endswith("\\\\"):
        raise MatcherError(f"“{text}” is no matcher: its quotes don't end")
    return "".join(made)
