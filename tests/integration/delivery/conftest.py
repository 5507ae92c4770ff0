from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.slack.server import SlackServer
from bot.slack.client import SlackClient
from bot.storage.db import Store
from tests.integration.delivery.desk import Desk
from tests.patience import PATIENT


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    """A sandbox Slack without rate limits; tests that are about rates switch them on."""
    slack = SlackServer()
    slack.enforce_rates = False
    await slack.start()
    yield slack
    # What the bot sent was never refused as malformed, whatever the test was about.
    assert slack.invalid == []
    await slack.stop()


@pytest.fixture
async def slack(server: SlackServer) -> AsyncIterator[SlackClient]:
    """The unmodified client, connected and known to itself."""
    client = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    await client.whoami()
    yield client
    await client.close()


@pytest.fixture
async def desk(sqlite_store: Store, server: SlackServer, slack: SlackClient) -> Desk:
    """Store, Slack and dispatcher together."""
    return Desk(sqlite_store, server, slack)
