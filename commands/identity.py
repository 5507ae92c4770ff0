"""From a Slack user id to exactly one principal: what Slack says of the person is kept for a minute, no longer.

A press is answered by what the person is now: a guest, a stranger, a bot or a deleted account is flagged here and
refused by policy. It refuses to decide.
"""

from __future__ import annotations

import asyncio

from bot.domain.approval import Principal
from bot.domain.person import SlackPerson
from bot.slack.client import SlackClient
from commands.asked import Asked
from commands.verbs import Verbs

KEPT = 60.0
MOST = 1000


class Identities:
    """Slack people as last seen, at most ``KEPT`` seconds old."""

    def __init__(self, slack: SlackClient, verbs: Verbs) -> None:
        self._slack = slack
        self._verbs = verbs
        self._known: dict[str, tuple[float, SlackPerson]] = {}

    async def principal(self, who: Asked) -> Principal:
        """The principal of whoever asked; raises what Slack or the store raise, so that nobody unknown gets on."""
        # Whether the person is a stranger comes from users.info alone: in a grid organisation the payload's team is
        # the person's home workspace, which may differ from ours for one of our own.
        return await self._verbs.principal(await self._person(who.user_id))

    async def _person(self, user_id: str) -> SlackPerson:
        now = asyncio.get_running_loop().time()
        at, person = self._known.get(user_id, (0.0, None))
        if person is not None and now - at < KEPT:
            return person
        person = await self._slack.user(user_id)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[user_id] = (now, person)
        return person
