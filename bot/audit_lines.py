"""The audit on standard output, so that it stands somewhere else too: each entry as one JSON line at its commit.

It refuses to print names and bodies: ids and digests are enough to check a chain by.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from bot.domain.audit import AuditEntry

ENTRY = ("tag", "actor", "subject", "outcome", "incident_id", "detail_digest", "prev", "hash")
"""What of an entry goes there beside its number and time."""

_TOLD = attrgetter(*ENTRY)
_LINES = msgspec.json.Encoder().encode_lines


def print_entries(entries: Sequence[AuditEntry]) -> None:
    """Prints what was committed together."""
    lines = [
        {"audit": entry.seq, "at": entry.at.isoformat(), **dict(zip(ENTRY, _TOLD(entry), strict=True))}
        for entry in entries
    ]
    sys.stdout.write(_LINES(lines).decode())
    sys.stdout.flush()
