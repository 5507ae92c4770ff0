"""Retention: bodies, evidence, reasons and audit details of incidents that were resolved long ago are forgotten.

Rows and the audit's entries stay, so that counts, deduplication and the chain hold. What is old is looked for on a
snapshot and erased in slices, so that neither a press nor an alert waits behind years of it. This module refuses to
choose the age.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.audit import AuditNote
from bot.storage.db import Store
from bot.storage.fields import to_text
from bot.storage.tx import Tx

SLICE = 500
"""Rows of one transaction: some milliseconds of the writer's time."""


@dataclass(frozen=True)
class _Rule:
    """What is done to which rows of a table; each ``?`` of ``which`` is the age."""

    do: str
    which: str
    key: str = "id"


def _ended(incident: str) -> str:
    """Whose incident was resolved before the age. By primary key, so that a slice costs what its rows cost."""
    return (
        f"EXISTS (SELECT 1 FROM incidents AS ended WHERE ended.id = {incident} "  # noqa: S608 - constants
        "AND ended.state = 'resolved' AND ended.resolved_at < ?)"
    )


_RULES: Mapping[str, _Rule] = {
    "alerts": _Rule(
        "UPDATE alerts SET labels = NULL, annotations = NULL, generator_url = '', external_url = ''",
        f"labels IS NOT NULL AND last_seen_at < ? AND (incident_id IS NULL OR {_ended('alerts.incident_id')})",
    ),
    "evidence": _Rule(
        "UPDATE evidence SET data = NULL, summary = '', problem = ''",
        f"data IS NOT NULL AND {_ended('evidence.incident_id')}",
    ),
    "findings": _Rule("UPDATE findings SET body = NULL", f"body IS NOT NULL AND {_ended('findings.incident_id')}"),
    "audit_details": _Rule(
        "DELETE FROM audit_details",
        "EXISTS (SELECT 1 FROM audit WHERE audit.seq = audit_details.seq AND audit.at < ? "  # noqa: S608 - constants
        f"AND (audit.incident_id = 0 OR {_ended('audit.incident_id')}))",
        key="seq",
    ),
    "proposals": _Rule("UPDATE proposals SET reason = ''", f"reason <> '' AND {_ended('proposals.incident_id')}"),
    "approvals": _Rule(
        "UPDATE approvals SET reason = ''",
        "reason <> '' AND EXISTS (SELECT 1 FROM proposals WHERE proposals.id = approvals.proposal_id "  # noqa: S608 - constants
        f"AND {_ended('proposals.incident_id')})",
    ),
    "silences": _Rule(
        "UPDATE silences SET body = NULL, comment = '', matchers = '[]'",
        f"matchers <> '[]' AND NOT in_force AND {_ended('silences.incident_id')}",
    ),
    "notes": _Rule(
        "UPDATE notes SET text = '', link = ''", f"(text <> '' OR link <> '') AND {_ended('notes.incident_id')}"
    ),
    "pins": _Rule(
        "DELETE FROM pins",
        "heard_at < ? AND NOT EXISTS (SELECT 1 FROM due WHERE due.stage = 'pin' AND due.subject = pins.id) "  # noqa: S608 - constants
        "AND (note_id = 0 OR EXISTS (SELECT 1 FROM notes WHERE notes.id = pins.note_id "
        f"AND {_ended('notes.incident_id')}))",
    ),
    "incidents": _Rule("UPDATE incidents SET reason = ''", "reason <> '' AND state = 'resolved' AND resolved_at < ?"),
    "quarantine": _Rule("UPDATE quarantine SET body = NULL", "body IS NOT NULL AND received_at < ?"),
    "deliveries": _Rule("DELETE FROM deliveries", "received_at < ?"),
    "outbox": _Rule(
        "UPDATE outbox SET params = '{}'", "params <> '{}' AND owed_at < ? AND (version <= sent_version OR dropped)"
    ),
}


async def purge(store: Store, before: datetime, actor: str, now: datetime) -> dict[str, int]:
    """Forget what is older than ``before``; table to rows erased. Open incidents keep everything.

    Audited as ``actor`` with the counts before the first row is erased, and not at all when there is nothing. What a
    crash leaves is found the next time. Raises ``StoreUnavailableError``.
    """
    found = await store.read(old, before)
    if any(found.values()):
        await store.transact(_note, found, before, actor, now)
    counts = dict.fromkeys(found, 0)
    for name, keys in found.items():
        for some in _slices(keys):
            counts[name] += await store.transact(_erase, name, some, before)
    return counts


def old(tx: Tx, before: datetime) -> dict[str, list[int]]:
    """Table to the keys of the rows in which something would be erased."""
    at = to_text(before)
    found = {}
    for name, rule in _RULES.items():
        sql = f"SELECT {rule.key} FROM {name} WHERE {rule.which} ORDER BY {rule.key}"  # noqa: S608 - constants
        found[name] = [row[0] for row in tx.execute(sql, (at,) * rule.which.count("?"))]
    return found


def _erase(tx: Tx, name: str, keys: Sequence[int], before: datetime) -> int:
    """The rule holds for each row at this moment, too: an incident may have been reopened since the look."""
    rule = _RULES[name]
    marks = ", ".join("?" * len(keys))
    ages = (to_text(before),) * rule.which.count("?")
    return tx.execute(f"{rule.do} WHERE {rule.key} IN ({marks}) AND {rule.which}", (*keys, *ages)).rowcount


def _note(tx: Tx, found: Mapping[str, Sequence[int]], before: datetime, actor: str, now: datetime) -> None:
    detail = {"before": to_text(before), "rows": {name: len(keys) for name, keys in found.items() if keys}}
    tx.audit(AuditNote("system:store:purged", actor, "store", "purged", detail=detail), now)


def _slices(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), SLICE):
        yield keys[start : start + SLICE]
