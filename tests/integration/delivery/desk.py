"""A desk for delivery tests: a store, a sandbox Slack, and a dispatcher that can be started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bot.delivery.dispatcher import Dispatcher, Options
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.domain.owed import MessageKind, Priority
from bot.domain.proposal import ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.sandbox.slack.models import Message
from bot.sandbox.slack.server import SlackServer
from bot.slack.client import SlackClient
from bot.storage import evidence, incidents, outbox, proposals
from bot.storage.db import Store, Tx
from tests.patience import until

CHANNEL = "C0ONCALL"
API = Target("Deployment", "shop", "api", "uid-1")
FAST = Options(post_interval=0.0, edit_interval=0.0, first_card_wait=0.0, tick=0.05)


def clock() -> datetime:
    return datetime.now(UTC)


def add_incident(tx: Tx, number: int = 1, **more: Any) -> Incident:
    """An incident that was looked at, with its card owed."""
    now = clock()
    fields: dict[str, Any] = {
        "key": f"k{number}",
        "title": "KubePodCrashLooping",
        "alertname": "KubePodCrashLooping",
        "namespace": "shop",
        "severity": Severity.SEV2,
        "now": now,
        "channel": CHANNEL,
        "target": API,
        "alerts_firing": 1,
        "alerts_total": 1,
        "investigated_at": now,
    }
    incident = incidents.add(tx, **{**fields, **more})
    owe_card(tx, incident, now=more.get("now", now))
    return incident


def owe_card(tx: Tx, incident: Incident, priority: Priority = Priority.NEW_CARD, **more: Any) -> None:
    given = {"key": f"card:{incident.id}", "now": clock(), **more}
    outbox.owe(tx, MessageKind.CARD, incident.id, CHANNEL, priority, given.pop("now"), **given)


def owe_thread(tx: Tx, incident: Incident, text: str, *, broadcast: bool = False) -> None:
    outbox.owe(
        tx,
        MessageKind.THREAD,
        incident.id,
        CHANNEL,
        Priority.THREAD,
        clock(),
        key=f"thread:{incident.id}:{text}",
        thread_key=f"card:{incident.id}",
        params={"text": text, "broadcast": broadcast},
    )


def owe_evidence(tx: Tx, incident: Incident, summary: str) -> None:
    evidence.put(tx, incident.id, Evidence("pods", EvidenceStatus.OK, summary, clock(), {"pods": []}))
    outbox.owe(
        tx,
        MessageKind.EVIDENCE,
        incident.id,
        CHANNEL,
        Priority.THREAD,
        clock(),
        key=f"evidence:{incident.id}",
        thread_key=f"card:{incident.id}",
    )


def propose(tx: Tx, incident: Incident, state: ProposalState = ProposalState.PENDING) -> int:
    """A pending proposal, with the edit owed."""
    now = clock()
    made = proposals.add(
        tx,
        incident.id,
        action="restart",
        target=API,
        params={},
        digest="d",
        state=state,
        text=ProposalText("Restart Deployment shop/api", "Restarted shop/api"),
        requested_by="fettle",
        now=now,
        expires_at=now + timedelta(minutes=15),
        quorum=1,
        approvers=("U0ANA",),
        baseline={},
    )
    owe_card(tx, incident)
    return made.id


class Desk:
    """Holds the three together; ``working`` runs a dispatcher for the length of a block."""

    def __init__(self, store: Store, server: SlackServer, slack: SlackClient) -> None:
        self.store = store
        self.server = server
        self.slack = slack
        self.dispatcher: Dispatcher | None = None
        self.clock: Callable[[], datetime] = clock

    @contextlib.asynccontextmanager
    async def working(self, options: Options = FAST) -> AsyncIterator[Dispatcher]:
        """A dispatcher at work."""
        self.dispatcher = Dispatcher(self.store, self.slack, self.clock, options)
        stop = asyncio.Event()
        task = asyncio.create_task(self.dispatcher.run(stop))
        try:
            yield self.dispatcher
        finally:
            stop.set()
            await task
            await self.dispatcher.drain(2)

    async def do(self, fn: Callable[..., Any], *args: Any, **more: Any) -> Any:
        """One transaction."""
        return await self.store.transact(fn, *args, **more)

    def cards(self) -> list[Message]:
        """What the channel shows."""
        return self.server.workspace.messages(CHANNEL)

    def calls(self, method: str) -> int:
        """How often Slack was asked for this."""
        return sum(call.method == method for call in self.server.calls)

    def limit(self, seconds: float) -> None:
        """How long the client waits for an answer from now on."""
        self.slack._session._timeout = aiohttp.ClientTimeout(total=seconds)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until something holds, or fails with what the channel shows."""
        await until(holds, lambda: [(message.text, len(message.versions)) for message in self.cards()])

    async def idle(self) -> None:
        """Waits until nothing is owed that could be sent."""

        async def nothing_owed() -> bool:
            return not (await self.store.read(outbox.lag, self.clock()))[0]

        await until(nothing_owed, lambda: "messages are still owed")
