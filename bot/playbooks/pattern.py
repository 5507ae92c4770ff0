"""Regular expressions of label matchers, matched whole and in linear time by the engine that Alertmanager uses: RE2.

Label values are hostile and Python's own engine backtracks: a pattern such as ``(a+)+`` could stop the loop for hours.
It refuses what RE2 refuses (looking around, references back) and what would need much memory, with a sentence.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 1000
"""Characters of a pattern."""
MAX_MEMORY = 1 << 20
"""Bytes that one compiled pattern may take; RE2's own default is eight times that."""

engine: Any = re2
"""The binding carries no types; said once here."""


class PatternError(ValueError):
    """The pattern can't be taken; the message says why."""


class Pattern:
    """A compiled pattern. ``matches`` takes whole values only."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise PatternError(f"the pattern is longer than {MAX_LENGTH} characters")
        options = engine.Options()
        options.max_mem, options.log_errors = MAX_MEMORY, False
        try:
            self._compiled = engine.compile(text, options=options)
        except engine.error as error:
            raise PatternError(_sentence(error)) from error

    def matches(self, value: str) -> bool:
        """Whether the whole value fits; half characters count as question marks."""
        return self._compiled.fullmatch(value.encode(errors="replace").decode()) is not None


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The same, remembered; raises ``PatternError``."""
    return Pattern(text)


def _sentence(error: Exception) -> str:
    said = error.args[0] if error.args else "it gave no reason"
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return "it is too complex" if "too large" in text else f"RE2 says: {text}"
