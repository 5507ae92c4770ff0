"""The audit: written here alone, numbered inside the write lock, read and checked here.

``seq`` is head + 1 read in the transaction itself, never a sequence (those leave gaps) and never remembered from an
earlier group (another replica may have written). Entries hold ids and digests; ``audit_details`` holds what they
digest and may be purged. This module refuses to change or delete an entry; so do the database's triggers.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bot.domain.audit import GENESIS, AuditEntry, AuditNote, detail_digest, entry_hash, text_digest
from bot.domain.proposal import canonical
from bot.storage import people
from bot.storage.fields import JsonField, from_text, to_text
from bot.storage.tx import Tx

_COLUMNS = "seq, at, tag, actor, subject, outcome, incident_id, detail_digest, prev, hash"
_INSERT = f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - a constant
_INSERT_DETAIL = "INSERT INTO audit_details (seq, salt, detail) VALUES (?, ?, ?)"
_JSON = JsonField()
SALT = 16
"""Bytes of the salt in a detail's digest."""


def head(tx: Tx) -> tuple[int, str]:
    """(seq, hash) of the newest entry; (0, ``GENESIS``) of an empty chain."""
    row = tx.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (row[0], row[1]) if row else (0, GENESIS)


def append(
    tx: Tx, notes: Sequence[tuple[AuditNote, datetime]], last: tuple[int, str]
) -> tuple[tuple[int, str], list[AuditEntry]]:
    """Chain the notes after ``last``; the new head and the entries. Called by the writer alone, under its lock."""
    seq, prev = last
    rows: list[tuple[Any, ...]] = []
    details: list[tuple[Any, ...]] = []
    entries: list[AuditEntry] = []
    salts = secrets.token_hex(SALT * len(notes))
    for index, (note, at) in enumerate(notes):
        seq += 1
        digest = ""
        if note.detail:
            salt, text = salts[index * 2 * SALT : (index + 1) * 2 * SALT], canonical(note.detail)
            digest = text_digest(salt, text)
            details.append((seq, salt, text))
        stamp = to_text(at)
        link = entry_hash(
            seq=seq, at=stamp, tag=note.tag, actor=note.actor, subject=note.subject, outcome=note.outcome,
            incident_id=note.incident_id, detail_digest=digest, prev=prev,
        )  # fmt: skip
        row = (seq, stamp, note.tag, note.actor, note.subject, note.outcome, note.incident_id, digest, prev, link)
        rows.append(row)
        entries.append(AuditEntry(seq, at, *row[2:]))
        prev = link
    tx.execute_many(_INSERT, rows)
    tx.execute_many(_INSERT_DETAIL, details)
    return (seq, prev), entries


def entries(
    tx: Tx,
    *,
    after: int = 0,
    limit: int = 1000,
    incident_id: int | None = None,
    tag_prefix: str | None = None,
    since: datetime | None = None,
    newest: bool = False,
) -> list[AuditEntry]:
    """Entries in order, from ``after`` (a seq, exclusive), with details and actor names where they still exist.

    ``newest`` gives the last ``limit`` of them instead of the first, still in order.
    """
    where: list[str] = ["a.seq > ?"]
    params: list[Any] = [after]
    if incident_id is not None:
        where.append("a.incident_id = ?")
        params.append(incident_id)
    if tag_prefix:
        where.append("substr(a.tag, 1, ?) = ?")
        params += [len(tag_prefix), tag_prefix]
    if since is not None:
        where.append("a.at >= ?")
        params.append(to_text(since))
    columns = ", ".join("a." + name for name in _COLUMNS.split(", "))
    sql = (
        f"SELECT {columns}, d.detail FROM audit a LEFT JOIN audit_details d ON d.seq = a.seq "  # noqa: S608 - constants
        f"WHERE {' AND '.join(where)} ORDER BY a.seq {'DESC' if newest else 'ASC'} LIMIT ?"
    )
    rows = sorted(tx.execute(sql, (*params, limit)).fetchall(), key=lambda row: row[0])
    known = people.names(tx, {row[3] for row in rows})
    return [_entry(row, known) for row in rows]


def _entry(row: Sequence[Any], known: dict[str, tuple[str, str]]) -> AuditEntry:
    seq, at, tag, actor, subject, outcome, incident_id, digest, prev, link, detail = row
    return AuditEntry(
        seq, from_text(at), tag, actor, subject, outcome, incident_id, digest, prev, link,
        detail=_JSON.python_value(detail), actor_name=known.get(actor, ("", ""))[1],
    )  # fmt: skip


def verify_chain(tx: Tx, *, head: str | None = None) -> list[str]:
    """One sentence for each break; empty when the chain is whole.

    Found are gaps, changed entries (their hash), changed order (``prev``), details that don't match their digest,
    and a noted ``head`` (a hash written down elsewhere) that the chain doesn't hold: then its end was cut off or it
    was written anew. Details that were purged are no break.
    """
    problems: list[str] = []
    expected, prev, seen = 1, GENESIS, False
    for row in _whole(tx):
        seq, at, tag, actor, subject, outcome, incident_id, digest, linked, stored, salt, detail = row
        if seq != expected:
            missing = f"Entry {expected} is" if seq == expected + 1 else f"Entries {expected} to {seq - 1} are"
            problems.append(f"{missing} missing.")
        elif linked != prev:
            problems.append(f"Entry {seq} doesn't follow the entry before it (its prev is another hash).")
        computed = entry_hash(
            seq=seq, at=at, tag=tag, actor=actor, subject=subject, outcome=outcome,
            incident_id=incident_id, detail_digest=digest, prev=linked,
        )  # fmt: skip
        if computed != stored:
            problems.append(f"Entry {seq} was changed: its hash doesn't match its content.")
        if detail is not None and detail_digest(salt, _JSON.python_value(detail)) != digest:
            problems.append(f"The detail of entry {seq} was changed: it doesn't match its digest.")
        seen = seen or stored == head
        expected, prev = seq + 1, stored
    if head and head != GENESIS and not seen:
        problems.append(f"The noted head {head} is not in the chain: its end was cut off or it was written anew.")
    return problems


def _whole(tx: Tx, step: int = 2000) -> Iterable[Sequence[Any]]:
    """Every entry with its detail, in order, in slices that keep the memory flat."""
    columns = ", ".join("a." + name for name in _COLUMNS.split(", "))
    sql = (
        f"SELECT {columns}, d.salt, d.detail FROM audit a LEFT JOIN audit_details d ON d.seq = a.seq "  # noqa: S608 - constants
        "WHERE a.seq > ? ORDER BY a.seq LIMIT ?"
    )
    after = -1  # an entry numbered 0 would be a forgery, and is read to be found
    while True:
        rows = tx.execute(sql, (after, step)).fetchall()
        yield from rows
        if len(rows) < step:
            return
        after = rows[-1][0]
