"""Finds which of many plain words stand in a text in one look at each character.

A hundred searches for a word each cost a hundred times the text; a pattern that shares beginnings costs little more
than one. It refuses patterns: words only, in lower case, looked for in text that is in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def shared(words: Iterable[str]) -> str:
    """A pattern for any of these, the longest first, each beginning written once."""
    tree: dict[str, Any] = {}
    for word in words:
        branch = tree
        for letter in word:
            branch = branch.setdefault(letter, {})
        branch[""] = {}
    return _pattern(tree)


def _pattern(tree: dict[str, Any]) -> str:
    ends = "" in tree
    branches = [re.escape(letter) + _pattern(below) for letter, below in sorted(tree.items()) if letter]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 and not ends else f"(?:{'|'.join(branches)})"
    return f"{joined}?" if ends else joined


class Marks:
    """The words, ready to be looked for."""

    def __init__(self, words: Iterable[str]) -> None:
        known = set(words)
        self.any = re.compile(shared(known)).search
        self._within = {word: {one for one in known if word.startswith(one)} for word in known}

    def found(self, lowered: str) -> set[str]:
        """All that stand in it."""
        told: set[str] = set()
        at = self.any(lowered)
        while at is not None:
            told |= self._within[at[0]]
            at = self.any(lowered, at.start() + 1)
        return told
