"""Label selectors as people write them for kubectl: ``pool=workers,tier!=db,zone in (a, b),gpu,!spot``.

An empty one selects nothing here: a guard that was left empty must not let everything through. It refuses to guess what
a term means that it can't read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?"
_EQUAL = re.compile(rf"({_KEY})\s*(!=|==|=)\s*({_VALUE})")
_AMONG = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_THERE = re.compile(rf"(!?)\s*({_KEY})")
_SPLIT = re.compile(r",(?![^()]*\))")


@dataclass(frozen=True)
class Term:
    """One condition: the label is, or isn't, one of these values; without values, that it is there."""

    key: str
    values: frozenset[str] | None
    holds: bool

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels satisfy it; a label that is missing satisfies what is negated, as in Kubernetes."""
        found = self.key in labels if self.values is None else labels.get(self.key) in self.values
        return found is self.holds


def parse(text: str) -> tuple[Term, ...]:
    """The terms of a selector, none for an empty text; raises ``ValueError`` with a sentence."""
    terms = [part.strip() for part in _SPLIT.split(text)] if text.strip() else []
    return tuple(map(_term, terms))


def selects(terms: tuple[Term, ...], labels: Mapping[str, str]) -> bool:
    """Whether all terms hold; no terms select nothing."""
    return bool(terms) and all(term.fits(labels) for term in terms)


def _term(text: str) -> Term:
    if found := _EQUAL.fullmatch(text):
        key, operator, value = found.groups()
        return Term(key, frozenset({value}), operator != "!=")
    if found := _AMONG.fullmatch(text):
        values = [value.strip() for value in found[3].split(",")]
        if all(re.fullmatch(_VALUE, value) for value in values):
            return Term(found[1], frozenset(values), found[2] == "in")
    elif found := _THERE.fullmatch(text):
        return Term(found[2], None, not found[1])
    raise ValueError("write a label selector, such as pool=workers,tier!=db or zone in (a, b)")
