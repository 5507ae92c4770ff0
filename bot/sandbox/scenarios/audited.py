"""The audit at the end of a transcript: one short line an entry, and the reason below it where there is one.

What an entry holds beyond that is told by ``fettle audit list``, which this refuses to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from bot.sandbox.page.panels.audit import Entry, newest

ALL = 1_000_000
ALIKE = 3
"""Entries of one kind in a row that are told; of a storm the rest is counted."""
SHORT = 16
"""Of a subject's name: a hash isn't read anyway."""


def told(store: Path) -> list[str]:
    """The whole chain, oldest first; times are UTC."""
    entries, _ = newest(store, ALL)
    return list(lines(entries[::-1])) or ["nothing was written"]


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Of entries in their order."""
    number = len(str(len(entries))) + 1
    who = max((len(entry.who) for entry in entries), default=0)
    for _, found in groupby(entries, key=lambda entry: (entry.tag, entry.who, entry.reason)):
        alike = list(found)
        for entry in alike[:ALIKE]:
            yield f"#{entry.seq}".ljust(number) + f"  {entry.at[11:19]}  {entry.who.ljust(who)}  {what(entry)}"
            if entry.reason:
                yield f"    {entry.reason}"
        if len(alike) > ALIKE:
            yield f"    and {len(alike) - ALIKE} more like it"


def what(entry: Entry) -> str:
    """Its tag, the number of what it is about, and how it came out where the tag doesn't say so."""
    kind, _, number = entry.subject.partition(":")
    own = entry.tag.partition(":")[0] == kind and number.isdecimal()
    subject = f" {number}" if own else f" · {entry.subject}" if number and len(entry.subject) <= SHORT else ""
    outcome = "" if entry.tag.endswith(f":{entry.outcome}") else f" · {entry.outcome}"
    return f"{entry.tag}{subject}{outcome}"
