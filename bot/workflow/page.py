"""Keeps a pager told of an incident: triggered, acknowledged, resolved; and calls it when Slack takes no card.

What is sent follows from the incident's state at that moment and from what was sent before, so that a lost answer or a
crash only means that the same event is sent again under the same key. It refuses to page for what somebody already
looks after, and what the pager refuses is said in the thread and in the audit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.domain.audit import AuditNote
from bot.domain.errors import RejectedError, UnavailableError
from bot.domain.incident import Incident, IncidentState
from bot.domain.owed import DueWork
from bot.domain.page import Page, PageEvent
from bot.domain.proposal import SYSTEM, canonical, sha256
from bot.storage import due, facts, findings, incidents, outbox
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.context import Context
from bot.workflow.pager import Pager

WITHIN = 10.0
"""Seconds for one event."""
FIRST_RETRY, LAST_RETRY = 2.0, 120.0
NO_PAGER = "No pager is configured: set PAGERDUTY_SERVICES, or take routing.pagerduty out of the playbook."

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What a pager should be told now, in this order."""

    incident: Incident
    service: str
    pages: tuple[Page, ...]


async def page(ctx: Context, work: DueWork) -> None:
    """Brings the pager up to date on the incident ``work.subject``."""
    wanted = await ctx.store.read(_wanted, ctx, work)
    try:
        for one in wanted.pages:
            await _pager(ctx).send(wanted.service, one, within=WITHIN)
            await ctx.store.transact(_sent, wanted, one, ctx.clock())
    except UnavailableError as error:
        wait = max(min(LAST_RETRY, FIRST_RETRY * 2 ** min(work.attempts, 10)), error.retry_after or 0.0)
        log.warning("the pager waits", incident=work.subject, seconds=wait, error=str(error))
        await ctx.store.transact(due.later, work, ctx.clock() + timedelta(seconds=wait), error=str(error)[:500])
    except RejectedError as error:
        log.warning("the pager refuses", incident=work.subject, error=str(error))
        await ctx.store.transact(_refused, work, wanted, str(error), ctx.clock())
    else:
        await ctx.store.transact(due.done, work)


def _pager(ctx: Context) -> Pager:
    if ctx.pager is None:
        raise RejectedError(NO_PAGER, "no_pager")
    return ctx.pager


def _wanted(tx: Tx, ctx: Context, work: DueWork) -> Wanted:
    incident = incidents.get(tx, work.subject)
    before = _before(tx, incident)
    service = str(before.get("service") or work.params.get("service", ""))
    may_trigger = bool(work.params.get("service"))
    if work.params.get("unless_taken") and not before:
        may_trigger = incident.state is IncidentState.TRIGGERED and not _taken(tx, incident)
    if may_trigger and incident.open and before.get("episode") != incident.episodes:
        service = str(work.params["service"])
        before = {}
    events = tuple(_events(incident, before, may_trigger=may_trigger))
    late = bool(work.params.get("unless_taken"))
    return Wanted(incident, service, tuple(_page(tx, incident, event, ctx.clock(), late=late) for event in events))


def _events(incident: Incident, before: Mapping[str, Any], *, may_trigger: bool) -> Iterator[PageEvent]:
    sent = before.get("sent", [])
    known = PageEvent.TRIGGER.value in sent
    if not incident.open:
        if known and PageEvent.RESOLVE.value not in sent:
            yield PageEvent.RESOLVE
        return
    if not known and may_trigger:
        known = True
        yield PageEvent.TRIGGER
    current = not before or before.get("episode") == incident.episodes
    if known and current and incident.state is not IncidentState.TRIGGERED and PageEvent.ACKNOWLEDGE.value not in sent:
        yield PageEvent.ACKNOWLEDGE


def _taken(tx: Tx, incident: Incident) -> bool:
    """Slack shows it: its card, or the digest that it stands in as it is now."""
    if outbox.posted(tx, owing.card_key(incident.id)) is not None:
        return True
    return incident.digest_id is not None and not outbox.waits(tx, f"digest:{incident.digest_id}")


def _page(tx: Tx, incident: Incident, event: PageEvent, now: datetime, *, late: bool) -> Page:
    found = findings.of(tx, incident.id, incident.episode_at)
    target = incident.target.label if incident.target else incident.namespace
    what = incident.alertname or incident.title
    summary = " · ".join(part for part in (incident.ref, incident.severity.name, target, what) if part)
    details = {"incident": incident.ref, "title": incident.title, "target": target}
    if found:
        details["finding"] = found[0].sentence
    if late:
        details["why"] = "Slack has not taken its card for two minutes."
        summary += " · Slack has not taken its card"
    # One database's numbers begin anew in another: the key is of the incident, not of its number alone.
    key = f"fettle-{sha256(f'{incident.id} {incident.opened_at.isoformat()} {incident.key}')[:32]}"
    return Page(event, key, summary, incident.severity, target or "kubernetes", now, details)


def _before(tx: Tx, incident: Incident) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(facts.get(tx, owing.paged_key(incident.id)) or "{}")
    return found


def _sent(tx: Tx, wanted: Wanted, one: Page, now: datetime) -> None:
    incident = wanted.incident
    before = _before(tx, incident)
    sent = [] if one.event is PageEvent.TRIGGER else list(before.get("sent", []))
    kept = {"service": wanted.service, "episode": incident.episodes, "sent": [*sent, one.event.value]}
    facts.put(tx, owing.paged_key(incident.id), canonical(kept))
    detail = {"service": wanted.service, "event": one.event.value, "key": one.key}
    note = AuditNote("incident:page:sent", SYSTEM, f"incident:{incident.id}", one.event.value, incident.id, detail)
    tx.audit(note, now)


def _refused(tx: Tx, work: DueWork, wanted: Wanted, why: str, now: datetime) -> None:
    incident = wanted.incident
    due.done(tx, work)
    detail = {"service": wanted.service, "reason": why}
    note = AuditNote("incident:page:refused", SYSTEM, f"incident:{incident.id}", "refused", incident.id, detail)
    tx.audit(note, now)
    owing.thread(tx, incident, f"page:{incident.episodes}:{sha256(why)[:8]}", f"Nobody was paged: {why}", now)
