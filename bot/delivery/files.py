"""Files for a thread, made at delivery from the evidence that is stored then: one maker a kind.

They hold only what passed redaction on its way into the store. A maker that has nothing to say gives nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.domain.observed import LogSeen
from bot.domain.snapshot import Snapshot
from bot.slack.message import Attachment
from bot.slack.mrkdwn import clean, safe

LARGEST = 512 * 1024
"""Characters of one file; Slack shows the beginning and offers the rest."""

Maker = Callable[[Mapping[str, Evidence]], str]


def logs(evidence: Mapping[str, Evidence]) -> str:
    """What containers said: errors with their counts, then the last lines, container by container."""
    found = evidence.get("logs")
    if found is None or found.status is not EvidenceStatus.OK:
        return ""
    rows = Snapshot(found.observed_at, evidence=evidence).logs or ()
    return "\n\n".join(_container(row) for row in rows if row.signatures or row.tail)


def _container(row: LogSeen) -> str:
    lines = [f"=== {row.pod} {row.container}{' (previous)' if row.previous else ''}, {row.lines} lines read"]
    for one in row.signatures:
        lines += [
            f"--- {one.count} times, last {one.last_at or 'at an unknown time'}",
            one.sample or one.text,
            *one.trace,
        ]
    return "\n".join([*lines, "--- the end", *row.tail])


MAKERS: Mapping[str, Maker] = {"logs": logs}
"""What a row of the outbox may ask for -> its maker; a name from anywhere else makes nothing."""


def made(what: str, title: str, incident: Incident, name: str, evidence: Iterable[Evidence]) -> Attachment | None:
    """The file that is owed, None when there is nothing (any more) to put into it."""
    maker = MAKERS.get(what)
    text = maker({item.source: item for item in evidence}) if maker else ""
    if not text:
        return None
    title = clean(title) or what
    return Attachment(f"{name}.txt", title, text[:LARGEST].encode("utf-8", "replace"), safe(f"{incident.ref}: {title}"))
