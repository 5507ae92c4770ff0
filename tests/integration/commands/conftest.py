from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bot import clock
from bot.app_manifest import manifest
from bot.sandbox.slack.models import Message, View
from bot.sandbox.slack.server import SlackServer
from bot.slack.cards import CardView, card
from bot.slack.client import SlackClient
from commands.front import Front
from commands.listen import bolt_app
from commands.verbs import Verbs
from tests.integration.commands.fake_verbs import FakeVerbs
from tests.patience import PATIENT, until

CHANNEL = "C0ONCALL"


class Office:
    """Slack, a connected Bolt app, and the recorded workflow behind it."""

    def __init__(self, server: SlackServer, slack: SlackClient, verbs: FakeVerbs, front: Front) -> None:
        self.server = server
        self.slack = slack
        self.verbs = verbs
        self.front = front

    async def post(self, view: CardView) -> str:
        """A card in the channel; its ts."""
        ts = await self.slack.post(CHANNEL, card(view), key=f"card:{view.incident.id}")
        self.verbs.incidents = [view.incident]
        self.verbs.cards[view.incident.id] = (CHANNEL, ts)
        return ts

    def heard(self, user: str = "U0ANA") -> list[Message]:
        """What was said to one person alone."""
        return self.server.workspace.ephemerals(user, CHANNEL)

    async def modal(self, user: str = "U0ANA") -> View:
        """The modal that the person has open, waited for."""
        await self.until(lambda: bool(self.server.workspace.open_views(user)))
        return self.server.workspace.open_views(user)[-1]

    async def answered(self, user: str = "U0ANA", count: int = 1) -> str:
        """The newest thing said to that person, waited for."""
        await self.until(lambda: len(self.heard(user)) >= count)
        return self.heard(user)[-1].text

    async def until(self, holds: Callable[[], Any]) -> None:
        """Waits until something holds."""
        await until(holds, lambda: f"asked: {self.verbs.asked}")

    async def asked(self, verb: str) -> tuple[Any, ...]:
        """The arguments of a verb's newest call, waited for."""
        await self.until(lambda: any(call[0] == verb for call in self.verbs.asked))
        return next(call[1:] for call in reversed(self.verbs.asked) if call[0] == verb)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """The app as its manifest describes it, over real sockets."""
    async with opened() as one:
        yield one


@asynccontextmanager
async def opened(suffix: str = "") -> AsyncIterator[Office]:
    """The same, its commands with a suffix."""
    server = SlackServer(yaml.safe_load(manifest(suffix)))
    await server.start()
    slack = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    await slack.whoami()
    verbs: Verbs = FakeVerbs()
    front = Front(slack, verbs, clock.now, suffix)
    handler = AsyncSocketModeHandler(bolt_app(front), server.app_token, proxy=None)
    await handler.connect_async()
    await server.wait_connected()
    yield Office(server, slack, verbs, front)
    await handler.close_async()
    await front.insisting.close()
    await slack.close()
    assert server.invalid == []
    await server.stop()
