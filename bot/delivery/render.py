"""Late rendering: a row of the outbox holds ids, the message is drawn from the state of the moment it is sent.

So a message that waited is never stale. It reads the store and draws; it refuses to send.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.delivery import attach, files
from bot.domain.approval import Approval, is_oncall
from bot.domain.chart import Chart
from bot.domain.evidence import Evidence
from bot.domain.execution import Execution
from bot.domain.incident import Incident
from bot.domain.owed import MessageKind, OutboxRow, Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verification
from bot.slack.cards import AlertFacts, CardView, DigestView, card, digest, evidence_message
from bot.slack.cards.buttons import kept_blocks
from bot.slack.cards.header import line
from bot.slack.charts.choose import charts_of
from bot.slack.message import Attachment, Message
from bot.slack.mrkdwn import channel_ref, mention, safe
from bot.storage import (
    digests,
    due,
    evidence,
    executions,
    findings,
    freeze,
    incident_alerts,
    incidents,
    oncall,
    outbox,
    people,
    proposals,
    rendering,
    silences,
    verifications,
)
from bot.storage.db import Tx


def _no_link(_channel: str, _ts: str) -> str:
    return ""


@dataclass(frozen=True)
class Look:
    """What a card shows that isn't in the store: settings of this process, and how an address is built."""

    observe: bool = False
    approvers_missing: bool = False
    soak_note: str = ""
    permalink: Callable[[str, str], str] = _no_link
    command: str = "/incident"
    silencing_in: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Draft:
    """A message ready to send. ``row`` is the claimed row with the version that ``message`` shows.

    ``message`` is None when there is nothing to show (any more); ``thread_ts`` is the card's, ``user`` the one person
    who sees an ephemeral message. ``charts`` and ``attachment`` are what a message about them brings along. ``lost``
    means that another process has claimed the row.
    """

    row: OutboxRow
    message: Message | None = None
    thread_ts: str = ""
    user: str = ""
    lost: bool = False
    charts: tuple[Chart, ...] = ()
    attachment: Attachment | None = None


def load(tx: Tx, row: OutboxRow, look: Look, now: datetime, replaced: bool = False) -> Draft:
    """The draft for one claimed row; ``replaced`` tells on the card that an earlier one was deleted."""
    version = rendering.version_now(tx, row)
    if version is None:
        return Draft(row, lost=True)
    row = replace(row, version=version)
    if row.kind is MessageKind.CARD:
        if not row.posted_ts and incidents.digest_of(tx, row.subject) is not None:
            return Draft(row)  # it stands in the digest until somebody opens its card
        return Draft(row, _card(tx, row, look, now, replaced))
    if row.kind is MessageKind.DIGEST:
        return Draft(row, _digest(tx, row, look, now))
    if row.kind in {MessageKind.EPHEMERAL, MessageKind.STATUS}:
        return Draft(row, _text(row), user=str(row.params.get("user", "")))
    head = outbox.posted(tx, row.thread_key)
    if head is None:
        return Draft(row)
    if row.kind is MessageKind.POINTER:
        return Draft(row, _pointer(tx, row, look.permalink(*head)))
    row = replace(row, channel=head[0])
    if row.kind is MessageKind.CHART:
        return _charts(tx, row, head[1])
    if row.kind is MessageKind.FILE:
        return _file(tx, row, head[1])
    message = _evidence(tx, row, now) if row.kind is MessageKind.EVIDENCE else _text(row)
    return Draft(row, message, thread_ts=head[1])


def _charts(tx: Tx, row: OutboxRow, thread_ts: str) -> Draft:
    """The charts of the evidence as it is now; none when nothing was measured that is worth a look."""
    incident = incidents.get(tx, row.subject)
    found = _seen(tx, incident)
    charts = charts_of(found, incident_alerts.failing_since(tx, incident.id))
    return Draft(row, _told(incident, found) if charts else None, thread_ts=thread_ts, charts=charts)


def _told(incident: Incident, found: Sequence[Evidence]) -> Message:
    summary = next((item.summary for item in found if item.source == "metrics"), "")
    return Message(safe(f"Charts for {incident.ref}: {summary}", 600))


def _file(tx: Tx, row: OutboxRow, thread_ts: str) -> Draft:
    incident = incidents.get(tx, row.subject)
    what, title = str(row.params.get("what", "")), str(row.params.get("title", ""))
    made = files.made(what, title, incident, attach.file_name(row), _seen(tx, incident))
    return Draft(row, Message(made.comment) if made else None, thread_ts=thread_ts, attachment=made)


def _text(row: OutboxRow) -> Message | None:
    text = safe(str(row.params.get("text", "")), 3500, lines=True)
    if called := " ".join(mention(str(one)) for one in row.params.get("mentions", ())):
        text = f"{called} {text}"
    number = int(row.params.get("artifact", 0))
    return Message(text, kept_blocks(text, number), broadcast=bool(row.params.get("broadcast"))) if text else None


def _pointer(tx: Tx, row: OutboxRow, address: str) -> Message:
    incident = incidents.get(tx, row.subject)
    return Message(f"{line(incident, address)} · its card is in {channel_ref(incident.channel)}")


def _evidence(tx: Tx, row: OutboxRow, now: datetime) -> Message | None:
    incident = incidents.get(tx, row.subject)
    found = _seen(tx, incident)
    concluded = findings.of(tx, incident.id, incident.episode_at)
    return evidence_message(incident, found, now, concluded) if found else None


def _seen(tx: Tx, incident: Incident) -> tuple[Evidence, ...]:
    """The evidence of this episode: what an earlier one saw says nothing about now."""
    return tuple(item for item in evidence.of(tx, incident.id) if item.observed_at >= incident.episode_at)


def _digest(tx: Tx, row: OutboxRow, look: Look, now: datetime) -> Message | None:
    found = tuple(digests.incidents_in(tx, row.subject))
    if not found and not row.posted_ts:
        return None
    return digest(DigestView(found, now, _links(tx, found, look), look.command))


def _links(tx: Tx, found: Iterable[Incident], look: Look) -> dict[int, str]:
    posted = {incident.id: outbox.posted(tx, f"card:{incident.id}") for incident in found}
    links = {number: look.permalink(*place) for number, place in posted.items() if place}
    return {number: address for number, address in links.items() if address}


def _card(tx: Tx, row: OutboxRow, look: Look, now: datetime, replaced: bool) -> Message:
    return card(card_view(tx, row.subject, look, now, owed_at=row.owed_at, replaced=replaced))


def card_view(
    tx: Tx, incident_id: int, look: Look, now: datetime, *, owed_at: datetime | None = None, replaced: bool = False
) -> CardView:
    """All that the card of one incident shows now; ``NotFoundError`` if there is no such incident."""
    incident = incidents.get(tx, incident_id)
    offered = tuple(p for p in proposals.of_incident(tx, incident_id) if p.created_at >= incident.episode_at)
    execution = _current(executions.of_incident(tx, incident_id), incident)
    related = tuple(incidents.related(tx, incident))
    waiting = [one for one in offered if one.state is ProposalState.PENDING and one.quorum > 1]
    silence = silences.in_force(tx, incident_id)
    given = tuple(one for proposal in waiting for one in proposals.approvals(tx, proposal.id))
    on, by, reason, at = freeze.state(tx)
    frozen = (by, reason, at) if on else None
    others = [*([frozen[0]] if frozen else []), *([silence.requested_by] if silence else [])]
    return CardView(
        incident=incident,
        now=now,
        alerts=_alerts(tx, incident_id),
        evidence=_seen(tx, incident),
        findings=findings.of(tx, incident_id, incident.episode_at),
        proposals=offered,
        approvals=given,
        alone=_alone(tx, offered),
        execution=execution,
        verification=verifications.current_of(tx, execution.id) if execution else None,
        earlier=_earlier(tx, execution) if execution and execution.step else (),
        people=_people(tx, incident, offered, execution, given, *others),
        related=related,
        links=_links(tx, related, look),
        delayed=int((now - owed_at).total_seconds()) if owed_at else 0,
        soak_note=look.soak_note,
        observe=look.observe,
        approvers_missing=look.approvers_missing,
        frozen=frozen,
        replaced=replaced,
        silence=silence,
        silences_set=silences.ids_of(tx, incident_id),
        silencing=incident.namespace in look.silencing_in,
        on_call=oncall.on_at(tx, now) if any(is_oncall(one) for each in offered for one in each.approvers) else {},
    )


def _alone(tx: Tx, offered: Iterable[Proposal]) -> tuple[str, datetime | None] | None:
    """What is owed to the newest pending proposal without a person: the playbook, and from when on."""
    newest = max((one for one in offered if one.state is ProposalState.PENDING), key=lambda one: one.id, default=None)
    terms = due.terms(tx, Stage.ACT_ALONE, newest.id) if newest is not None else None
    if terms is None:
        return None
    at, params = terms
    return str(params["playbook"]), at if params["told"] else None


def _current(found: Iterable[Execution], incident: Incident) -> Execution | None:
    """The newest execution of this episode: an earlier episode's verdict says nothing about this one."""
    ours = [execution for execution in found if execution.created_at >= incident.episode_at]
    return max(ours, key=lambda execution: execution.id, default=None)


def _earlier(tx: Tx, execution: Execution) -> tuple[tuple[Execution, Verification | None], ...]:
    """The steps before this one of the same proposal, with their verdicts."""
    runs = executions.by_proposal(tx, execution.proposal_id)
    return tuple((run, verifications.current_of(tx, run.id)) for run in runs if run.step < execution.step)


def _people(
    tx: Tx,
    incident: Incident,
    offered: Iterable[Proposal],
    execution: Execution | None,
    given: Iterable[Approval],
    *others: str,
) -> dict[str, str]:
    named = {*others, incident.acknowledged_by, incident.declared_by, execution.approved_by if execution else ""}
    for proposal in offered:
        named |= {proposal.requested_by, proposal.decided_by}
    named |= {approval.principal for approval in given}
    found = people.names(tx, named - {""})
    return {principal: slack_id for principal, (slack_id, _) in found.items() if slack_id}


def _alerts(tx: Tx, incident_id: int) -> AlertFacts:
    rows = rendering.alert_words(tx, incident_id)
    if not rows:
        return AlertFacts()
    _, labels, annotations, generator, external = rows[0]
    words = (annotations.get(key, "") for key in ("summary", "message", "description"))
    return AlertFacts(
        names=tuple(dict.fromkeys(row[0] for row in rows)),
        summary=next((text for text in words if text), ""),
        runbook_url=annotations.get("runbook_url") or annotations.get("runbook", ""),
        graph_url=annotations.get("dashboard_url") or generator,
        alert_url=external,
        labels=labels,
        since=incident_alerts.failing_since(tx, incident_id),
    )


def looked_at(tx: Tx, incident_ids: Iterable[int]) -> set[int]:
    """Which of these incidents have been investigated and have an answer, so that their first card can go."""
    done: set[int] = set()
    for number in incident_ids:
        incident = incidents.get(tx, number)
        # Without a workload, or for another cluster's, no proposal comes that would be worth waiting for.
        none_comes = incident.target is None or bool(incident.foreign_cluster)
        answered = incident.investigated_at is not None and (none_comes or bool(proposals.of_incident(tx, number)))
        never = incident.declared_by and incident.target is None
        if answered or never or not incident.open:
            done.add(number)
    return done
