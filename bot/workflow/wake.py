"""What came in quiet hours and still is open when they end gets its card; the digest's line then leads to it.

It refuses to wake what is over, what a person has opened meanwhile, and what quiet hours hold again by now.
"""

from __future__ import annotations

from bot.domain.audit import AuditNote
from bot.domain.owed import DueWork, Priority, Stage
from bot.domain.proposal import SYSTEM
from bot.domain.severity import severity_of
from bot.storage import due, incident_alerts, incidents
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.context import Context
from bot.workflow.route import routed


async def wake(ctx: Context, work: DueWork) -> None:
    """Quiet hours are over for the incident ``work.subject``."""
    await ctx.store.transact(_wake, ctx, work)


def _wake(tx: Tx, ctx: Context, work: DueWork) -> None:
    now = ctx.clock()
    incident = incidents.get(tx, work.subject)
    due.done(tx, work)
    if not incident.open or incident.digest_id is None or not incident.severity.posted:
        return
    labels = incident_alerts.labels_of(tx, incident.id)
    said = min((severity_of(one, ctx.settings.SEVERITY_MAP) for one in labels), default=incident.severity)
    playbook = ctx.playbooks.current.choose_for(labels, said)
    route = routed(playbook, incident.severity, incident.channel, now)
    if route.quiet_until is not None:
        # The playbook's hours were changed meanwhile, or the clock was set.
        due.owe(tx, Stage.WAKE, incident.id, route.quiet_until)
        return
    owing.card(tx, incident, Priority.DIGEST, now)  # its line there changes
    incident = incidents.update(tx, incident.id, now, digest_id=None)
    note = AuditNote("incident:routing:woken", SYSTEM, f"incident:{incident.id}", "quiet hours are over", incident.id)
    tx.audit(note, now)
    due.owe(tx, Stage.INVESTIGATE, incident.id, now)
    owing.page(tx, incident, route.pager, now)
    owing.mentions(tx, incident, route.mentions, now)
    owing.card(tx, incident, Priority.NEW_CARD, now)
