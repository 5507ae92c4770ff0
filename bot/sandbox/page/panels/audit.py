"""The audit's panel: the chain as it grows, read from the bot's own store and never written.

The store is opened for reading, anew for each look; what is read is what ``fettle audit list`` shows. Each entry names
the hash of the one before; whether the whole chain holds is asked of the bot's own command. It refuses to judge.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from bot.sandbox.page.panels.panel import Act, Json
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere

SHOWN = 100
_NEWEST = """
SELECT a.seq, a.at, a.tag, a.actor, a.subject, a.outcome, a.prev, a.hash, d.detail, p.name
FROM audit a
LEFT JOIN audit_details d ON d.seq = a.seq
LEFT JOIN people p ON a.actor = 'person:' || p.id
ORDER BY a.seq DESC LIMIT ?
"""


@dataclass(frozen=True)
class Entry:
    """One entry; ``follows`` says that it names the hash of the one before, None where that one isn't shown."""

    seq: int
    at: str
    tag: str
    who: str
    subject: str
    outcome: str
    reason: str
    hash: str
    follows: bool | None


class AuditPanel:
    """``verify`` runs ``fettle audit verify`` and answers its exit code and output."""

    name, title = "audit", "Audit"

    def __init__(self, store: Path, verify: Callable[[], Awaitable[tuple[int, str]]]) -> None:
        self._store, self._verify = store, verify
        self.acts: Mapping[str, Act] = {"verify": self._whole}

    def mark(self) -> Hashable:
        """When the store and its journal were written last."""
        return written(self._store)

    def html(self) -> Markup:
        """The newest entries, newest first."""
        entries, total = self.entries()
        return render("panels/audit.html", entries=entries, total=total)

    def entries(self) -> tuple[list[Entry], int]:
        """The newest entries, newest first, and how many there are; none before a bot has written."""
        return newest(self._store)

    async def _whole(self, _body: Json) -> str:
        code, said = await self._verify()
        if code:
            raise NotThere(said.strip() or f"fettle audit verify ended with {code}.")
        return said.strip().splitlines()[0]


def written(store: Path) -> Hashable:
    """Changes whenever somebody writes to the store."""
    return tuple(_written(path) for path in (store, store.with_name(f"{store.name}-wal")))


def newest(store: Path, shown: int = SHOWN) -> tuple[list[Entry], int]:
    """The newest entries of a store, newest first, and how many there are; none before a bot has written."""
    if not store.is_file():
        return [], 0
    try:
        with closing(sqlite3.connect(f"{store.as_uri()}?mode=ro", uri=True, timeout=1.0)) as opened:
            rows = opened.execute(_NEWEST, (shown + 1,)).fetchall()
            (total,) = opened.execute("SELECT count(*) FROM audit").fetchone()
    except sqlite3.OperationalError:
        return [], 0  # the bot is making its tables
    before: list[str | None] = [*(row[7] for row in rows[1:]), None]
    linked = zip(rows, before, strict=False)  # without rows there is nothing before them either
    return [_entry(row, hash_before) for row, hash_before in linked][:shown], int(total)


def _written(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size


def _reason(detail: dict[str, object]) -> str:
    """Why, or what; how an execution ended where that is more than a word."""
    outcome = str(detail.get("outcome") or "")
    return str(detail.get("reason") or detail.get("headline") or (outcome if " " in outcome else ""))


def _entry(row: tuple[int, str, str, str, str, str, str, str, str | None, str | None], before: str | None) -> Entry:
    seq, at, tag, actor, subject, outcome, prev, digest, detail, name = row
    try:
        found = json.loads(detail or "{}")
    except ValueError:
        found = {}
    reason = _reason(found) if isinstance(found, dict) else ""
    follows = None if before is None else prev == before
    return Entry(seq, at, tag, f"@{name}" if name else actor, subject, outcome, reason, digest, follows)
