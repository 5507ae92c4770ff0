"""Audits what a start loaded beside playbooks: settings and handlers, with hash and difference; what widens is told.

The difference is to the last start on this database. It refuses to keep a secret, or anything a secret could be guessed
from.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.audit import AuditNote
from bot.domain.owed import MessageKind, Priority
from bot.domain.proposal import SYSTEM, canonical, sha256
from bot.evidence.handlers import Handlers
from bot.settings import Settings
from bot.storage import facts, outbox
from bot.storage.db import Tx
from bot.workflow import configured

HANDLERS, SETTINGS = "handlers", "settings"
"""The keys of the store's facts under which the last ones stand."""
NAMED = 12
"""Changes that an announcement names."""


def record_settings(tx: Tx, settings: Settings, channel: str, now: datetime) -> None:
    """Audits the settings of this start, and owes the announcement of what widens."""
    found = configured.content(settings)
    before = _kept(tx, SETTINGS)
    digest = sha256(canonical(found))
    changes = configured.difference(before, found) if before is not None else ()
    widening = [str(one) for one in changes if one.widens]
    detail = {
        "hash": digest,
        "before": sha256(canonical(before)) if before is not None else "",
        "changes": [str(one) for one in changes],
        "widens": widening,
    }
    tx.audit(AuditNote("system:settings:loaded", SYSTEM, f"settings:{digest[:16]}", "loaded", 0, detail), now)
    facts.put(tx, SETTINGS, canonical(found))
    _announce(tx, "Settings changed, and more may be done or approved than before", widening, digest, channel, now)


def record_handlers(tx: Tx, found: Handlers, channel: str, now: datetime) -> None:
    """Audits which handlers were loaded, each with its hash; nothing while there are none and were none.

    One that is new or another is announced: its code runs as Fettle. Comes before ``record_settings``.
    """
    stored = facts.get(tx, HANDLERS)
    before = _kept(tx, HANDLERS)
    if not found.hash and not stored:
        return
    content = found.content()
    changes, widening = _handlers_changed(before or {}, content)
    detail = {
        "hash": found.hash,
        "before": sha256(canonical(before)) if before else "",
        "handlers": content,
        "changes": changes,
        "widens": widening,
    }
    subject = f"handlers:{found.hash[:16] or 'none'}"
    tx.audit(AuditNote("system:handlers:loaded", SYSTEM, subject, "loaded", 0, detail), now)
    facts.put(tx, HANDLERS, canonical(content) if content else "")
    # The first start on a database has nothing to compare with, nor has the first of this release.
    known = facts.get(tx, SETTINGS) is not None and not (stored and before is None)
    told = widening if known else []
    _announce(tx, "Handlers changed, whose code runs as Fettle", told, found.hash, channel, now)


def record_secrets(tx: Tx, names: Sequence[str], now: datetime) -> None:
    """Audits that the files of these settings were read again, and holds nothing of what they say."""
    note = AuditNote("system:secret:replaced", SYSTEM, "settings", "loaded", 0, {"settings": list(names)})
    tx.audit(note, now)


def _handlers_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    fresh = [f"{name} is new ({', '.join(one['does'])})" for name, one in after.items() if name not in before]
    other = [f"{name} is another" for name, one in after.items() if name in before and before[name] != one]
    gone = [f"{name} is gone" for name in before if name not in after]
    return [*fresh, *other, *gone], [*fresh, *other]


def _announce(tx: Tx, what: str, widening: Sequence[str], digest: str, channel: str, now: datetime) -> None:
    if not widening:
        return
    rest = f"; and {len(widening) - NAMED} more" if len(widening) > NAMED else ""
    text = f"{what} ({digest[:12]}): {'; '.join(widening[:NAMED])}{rest}. If nobody meant that: fettle freeze on."
    key = f"loaded:{digest[:16]}:{int(now.timestamp())}"
    outbox.owe(tx, MessageKind.STATUS, 0, channel, Priority.DIGEST, now, key=key, params={"text": text})


def _kept(tx: Tx, key: str) -> Mapping[str, Any] | None:
    """What stood there last; None if nothing did, or something that an earlier release wrote."""
    try:
        found = json.loads(facts.get(tx, key) or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
