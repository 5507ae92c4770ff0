"""What a stage owes to Slack, in the words of the outbox; delivery renders it late, from the state of that moment.

It refuses to write message bodies for cards: a card is its incident's id, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.evidence import Evidence
from bot.domain.incident import Incident
from bot.domain.owed import MessageKind, Priority, Stage
from bot.domain.snapshot import Snapshot
from bot.storage import due, facts, outbox
from bot.storage import evidence as evidence_rows
from bot.storage.db import Tx

SLACK_LATE = timedelta(minutes=2)
"""How long Slack may take for a grave incident before somebody is paged instead."""
LOGS = "logs"
"""The source whose evidence may be longer than a message, and the name of its file's maker."""
LONG_LOG = 30
"""Lines of one container from which they are a file too: of more the thread shows the errors and the last few."""
METRICS = "metrics"
"""The source whose evidence is drawn."""


def card_key(incident_id: int) -> str:
    """The outbox key of an incident's one card."""
    return f"card:{incident_id}"


def card(tx: Tx, incident: Incident, priority: Priority, now: datetime) -> None:
    """Owes the card, or an edit of it. An incident that stands in the digest owes that message instead."""
    if incident.digest_id is not None and outbox.posted(tx, card_key(incident.id)) is None:
        outbox.owe(
            tx,
            MessageKind.DIGEST,
            incident.digest_id,
            incident.channel,
            Priority.DIGEST,
            now,
            key=f"digest:{incident.digest_id}",
        )
        return
    outbox.owe(tx, MessageKind.CARD, incident.id, incident.channel, priority, now, key=card_key(incident.id))


def progress(tx: Tx, incident: Incident, now: datetime) -> None:
    """Owes an edit that only counts further: it keeps its pace, and gives way to whatever changes a card's state."""
    card(tx, incident, Priority.THREAD, now)


def cards(tx: Tx, owed: Iterable[tuple[Incident, datetime]], priority: Priority) -> None:
    """The same for the cards of many incidents."""
    own: list[tuple[str, int, str, datetime]] = []
    for incident, now in owed:
        if incident.digest_id is None:
            own.append((card_key(incident.id), incident.id, incident.channel, now))
        else:
            card(tx, incident, priority, now)
    outbox.owe_many(tx, MessageKind.CARD, priority, own)


def evidence(tx: Tx, incident: Incident, now: datetime) -> None:
    """Owes the thread's one evidence message, or an edit of it, and the charts of what was measured."""
    if incident.digest_id is not None:
        return
    outbox.owe(
        tx,
        MessageKind.EVIDENCE,
        incident.id,
        incident.channel,
        Priority.THREAD,
        now,
        key=f"evidence:{incident.id}",
        thread_key=card_key(incident.id),
    )
    # Charts can't be edited: they wait for the whole look, which brings the limits and rollouts to draw beside them.
    if incident.investigated_at is not None and evidence_rows.answered(tx, incident.id, METRICS):
        _once(tx, incident, MessageKind.CHART, f"chart:{incident.id}:{incident.episodes}", {}, now)


def file(tx: Tx, incident: Incident, what: str, title: str, now: datetime) -> None:
    """Owes a file in the thread, once an episode; delivery makes it then from stored evidence (``delivery.files``)."""
    if incident.digest_id is None:
        key = f"file:{incident.id}:{incident.episodes}:{what}"
        _once(tx, incident, MessageKind.FILE, key, {"what": what, "title": title}, now)


def logs(tx: Tx, incident: Incident, found: Sequence[Evidence], now: datetime) -> None:
    """Owes what containers said as a file, where that is longer than the thread shows."""
    rows = Snapshot(now, evidence={item.source: item for item in found}).logs or ()
    if any(row.lines > LONG_LOG for row in rows):
        where = incident.target.ref if incident.target else incident.ref
        file(tx, incident, LOGS, f"Logs of {where}", now)


def _once(tx: Tx, incident: Incident, kind: MessageKind, key: str, params: Mapping[str, str], now: datetime) -> None:
    outbox.owe(
        tx, kind, incident.id, incident.channel, Priority.THREAD, now, key=key, thread_key=card_key(incident.id),
        params=params, once=True,
    )  # fmt: skip


def pointer(tx: Tx, incident: Incident, channel: str, now: datetime) -> None:
    """Owes another channel its one line, which leads to the card; it isn't due before that stands."""
    outbox.owe(
        tx, MessageKind.POINTER, incident.id, channel, Priority.DIGEST, now,
        key=f"pointer:{incident.id}:{channel}", thread_key=card_key(incident.id), once=True,
    )  # fmt: skip


def mentions(tx: Tx, incident: Incident, slack_ids: Sequence[str], now: datetime) -> None:
    """Owes the thread's one message that mentions these people and groups; once in an incident's life."""
    if not slack_ids or incident.digest_id is not None:
        return
    text = f"{incident.ref}: {incident.alertname or incident.title} ({incident.severity.name})"
    outbox.owe(
        tx, MessageKind.THREAD, incident.id, incident.channel, Priority.NEW_CARD, now,
        key=f"thread:{incident.id}:mentions", thread_key=card_key(incident.id),
        params={"text": text, "mentions": list(slack_ids)}, once=True,
    )  # fmt: skip


def paged_key(incident_id: int) -> str:
    """The key of the fact that holds what a pager was told of an incident."""
    return f"page:{incident_id}"


def page(tx: Tx, incident: Incident, service: str, now: datetime, *, severe: bool = True, at_once: bool = True) -> None:
    """Owes a page to this service: at once, or only if Slack has not shown the incident after a while."""
    if service and severe:
        params = {"service": service} if at_once else {"service": service, "unless_taken": True}
        due.owe(tx, Stage.PAGE, incident.id, now if at_once else now + SLACK_LATE, params)


def page_state(tx: Tx, incident: Incident, now: datetime) -> None:
    """The incident's state changed: whoever was paged for it, or is about to be, is told."""
    if facts.get(tx, paged_key(incident.id)) is not None or due.owed(tx, Stage.PAGE, incident.id):
        due.owe(tx, Stage.PAGE, incident.id, now)


def thread(
    tx: Tx,
    incident: Incident,
    name: str,
    text: str,
    now: datetime,
    *,
    broadcast: bool = False,
    mentions: Sequence[str] = (),
    artifact: int = 0,
) -> None:
    """Owes a message in the card's thread; ``name`` makes it unique within the incident (``resolved:2``).

    ``broadcast`` also shows it in the channel: only what pages does that. ``mentions`` are Slack ids before the text.
    ``artifact`` is a kept file to which the message lets people ask for a link.
    """
    more = {**({"mentions": list(mentions)} if mentions else {}), **({"artifact": artifact} if artifact else {})}
    if incident.digest_id is not None:
        return
    outbox.owe(
        tx,
        MessageKind.THREAD,
        incident.id,
        incident.channel,
        Priority.PRESS if broadcast else Priority.THREAD,
        now,
        key=f"thread:{incident.id}:{name}",
        thread_key=card_key(incident.id),
        params={"text": text, "broadcast": broadcast, **more},
    )
