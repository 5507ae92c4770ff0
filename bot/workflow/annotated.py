"""``fettle/channel`` of a workload or its namespace: one more channel that is told of the incident, if it may be one.

The first card goes out before the cluster is asked anything, so the annotation moves no card: its channel gets the one
line that leads to it, as a playbook's further channels do. It refuses any channel that neither the settings nor a
playbook in force names: whoever may write an annotation must not send incidents wherever they like.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError
from bot.domain.incident import Incident
from bot.domain.narrowing import Narrowing
from bot.domain.proposal import SYSTEM
from bot.domain.target import Target
from bot.kube import reads
from bot.storage import facts
from bot.storage.db import Tx
from bot.workflow import owing
from bot.workflow.context import Context

RANK = 5
"""In the slow lane behind the evidence that a finding rests on."""


async def read(ctx: Context, target: Target | None) -> Narrowing | None:
    """What the annotations say now, None if they can't be read: then there is no further channel, and no more."""
    if target is None or not target.namespace:
        return None
    try:
        return await reads.narrowing_of(ctx.cluster.slow_lane(RANK), target)
    except FettleError:
        return None


def channels(ctx: Context) -> frozenset[str]:
    """Every channel that may be told of an incident: the settings' and those of the playbooks in force."""
    named = (channel for one in ctx.playbooks.current.playbooks for channel in one.routing.channels)
    return frozenset({ctx.channel, *named})


def route(tx: Tx, incident: Incident, found: Narrowing | None, allowed: Collection[str], now: datetime) -> None:
    """Owes the channel its line, or the thread the sentence why not; each once for what is written there."""
    if found is None or not (found.channel or found.lost) or found.channel == incident.channel:
        return
    refused = found.lost
    if found.channel and found.channel not in allowed:
        refused = (
            f"The annotation fettle/channel of {found.channel_of} names {found.channel}, which neither "
            "SLACK_CHANNEL_ID nor a playbook names; it is ignored."
        )
    key = f"annotated:{incident.id}"
    said = refused or found.channel
    if facts.get(tx, key) == said:
        return
    facts.put(tx, key, said)
    if refused:
        owing.thread(tx, incident, "channel", refused, now)
    else:
        owing.pointer(tx, incident, found.channel, now)
    detail = {"reason": refused} if refused else {"channel": found.channel, "of": found.channel_of}
    outcome = "ignored" if refused else "told"
    tx.audit(
        AuditNote("incident:routing:annotated", SYSTEM, f"incident:{incident.id}", outcome, incident.id, detail), now
    )
