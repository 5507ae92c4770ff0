"""An incident's story, a line for each entry of its audit: what happened, by whom, and what people noted.

It refuses to hide anything: a note that was retracted stays where it stood, and says that it was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from bot.domain.answer import TimelineRow
from bot.domain.audit import AuditEntry
from bot.storage import audit, people
from bot.storage.db import Tx

ADDED, RETRACTED = "incident:note:added", "incident:note:retracted"
LINES = 200
"""The newest entries that are told."""
_NAMED = re.compile(r"@([USW][A-Z0-9]{3,20})\b")
"""How a message that was noted names a person or a group: by the id that Slack gives, which can be erased."""
_TOLD = frozenset({"evidence", "aftermath", "approval", "note", "verdict", "page"})
"""Parts of a tag that say more than the thing they are of: it is the evidence that was collected, not the incident."""


def rows(tx: Tx, incident_id: int) -> list[TimelineRow]:
    """The newest lines, oldest first."""
    found = audit.entries(tx, incident_id=incident_id, limit=LINES, newest=True)
    gone = {one.subject for one in found if one.tag == RETRACTED}
    authors = {str((one.detail or {}).get("author", "")) for one in found if one.tag == ADDED}
    wrote = people.names(tx, authors)
    named = {slack_id for one in found if one.tag == ADDED for slack_id in _NAMED.findall(_text(one))}
    called = people.called(tx, named) if named else {}
    return [_line(one, gone, wrote, called) for one in found]


def _text(entry: AuditEntry) -> str:
    return str((entry.detail or {}).get("text", ""))


def _line(
    entry: AuditEntry, gone: Collection[str], wrote: Mapping[str, tuple[str, str]], called: Mapping[str, str]
) -> TimelineRow:
    detail = entry.detail or {}
    who = entry.actor_name or entry.actor
    thing, _, rest = entry.tag.partition(":")
    part, _, what = rest.rpartition(":")
    told = f"{part if part in _TOLD else thing} {what}"
    if entry.tag in {ADDED, RETRACTED}:
        if entry.tag == ADDED and entry.subject in gone:
            told = "note added, retracted since"
        slack_id, author = wrote.get(str(detail.get("author", "")), ("", ""))
        text = _NAMED.sub(lambda found: called.get(found[1], found[0]), _text(entry))
        words = f"@{author}: {text}" if author and text else text
        unnamed = slack_id if text and not author else ""
        return TimelineRow(entry.at, who, told, words, str(detail.get("link", "")), unnamed)
    words = detail.get("reason") or detail.get("headline") or detail.get("outcome") or detail.get("target") or ""
    return TimelineRow(entry.at, who, told, str(words))
