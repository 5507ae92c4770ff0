"""Severity SEV1..SEV4 from an alert's labels: priority first, then severity through a table.

Rule (definitions): ``priority`` P0..P3 if present, else ``severity`` through a table of the settings, case-insensitive,
default SEV3. An incident has its highest and never lowers it by itself; SEV1 only by P0 or by a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum

from bot.domain.errors import RequestError


class Severity(IntEnum):
    """1 is worst; compare with ``min`` for "highest"."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4

    @property
    def posted(self) -> bool:
        """SEV4 goes to the digest, not to a card of its own."""
        return self is not Severity.SEV4


PRIORITIES = {"p0": Severity.SEV1, "p1": Severity.SEV2, "p2": Severity.SEV3, "p3": Severity.SEV4}
DEFAULT_TABLE: Mapping[str, Severity] = {"critical": Severity.SEV2, "warning": Severity.SEV3}


def severity_of(labels: Mapping[str, str], table: Mapping[str, Severity] = DEFAULT_TABLE) -> Severity:
    """The severity of one alert; a severity word outside the table is SEV4, no word at all SEV3.

    The table can't give SEV1: that takes P0 or a person.
    """
    priority = labels.get("priority", "").strip().lower()
    if priority in PRIORITIES:
        return PRIORITIES[priority]
    word = labels.get("severity", "").strip().lower()
    if not word:
        return Severity.SEV3
    found = table.get(word, Severity.SEV4)
    return max(found, Severity.SEV2)


def highest(severities: Iterable[Severity]) -> Severity:
    """The worst of several, SEV3 of none."""
    return min(severities, default=Severity.SEV3)


def parse_severity(text: str) -> Severity:
    """``SEV2``, ``sev2`` or ``2``; raises ``RequestError`` otherwise."""
    word = text.strip().upper().removeprefix("SEV")
    if word in {"1", "2", "3", "4"}:
        return Severity(int(word))
    raise RequestError(f"“{text}” is not a severity. Use SEV1, SEV2, SEV3 or SEV4.")
