"""From a Slack user id to exactly one principal: what Slack says of the person is kept for a minute, no longer.

A press is answered by what the person is now: a guest, a stranger, a bot or a deleted account is flagged here and
refused by policy. It refuses to decide.
"""

from __future__ import annotations

import asyncio
import math

import structlog

from bot.domain.approval import Principal
from bot.domain.errors import FettleError, RequestError, SlackUnavailableError, StoreUnavailableError
from bot.domain.person import SlackPerson
from bot.slack.client import SlackClient
from commands.asked import Asked
from commands.verbs import Verbs

log = structlog.get_logger(__name__)

NOBODY = "I couldn't ask Slack who you are, so nothing was done. Press again."
LIMITED = "I couldn't ask Slack who you are (429, too many requests), so nothing was done. Press again in {:.0f} s."
KEPT = 60.0
MOST = 1000


class Identities:
    """Slack people as last seen, at most ``KEPT`` seconds old."""

    def __init__(self, slack: SlackClient, verbs: Verbs) -> None:
        self._slack = slack
        self._verbs = verbs
        self._known: dict[str, tuple[float, SlackPerson]] = {}

    async def principal(self, who: Asked) -> Principal:
        """The principal of whoever asked; ``RequestError`` if Slack doesn't say, so that nobody unknown gets on."""
        # Whether the person is a stranger comes from users.info alone: in a grid organisation the payload's team is
        # the person's home workspace, which may differ from ours for one of our own.
        try:
            person = await self.person(who.user_id)
        except FettleError as error:
            await self._refused(who, error)
            raise RequestError(_told(error)) from error
        return await self._verbs.principal(person)

    async def _refused(self, who: Asked, error: FettleError) -> None:
        """Audits what was asked. Slack's outage must not become the store's: the sentence to the person comes first."""
        asked = f"press {who.action_id}" if who.action_id else who.command or "submit a form"
        try:
            await self._verbs.unidentified(who.user_id, asked[:100], str(error))
        except StoreUnavailableError as store_error:
            log.warning("a refusal could not be audited", error=str(store_error))

    async def person(self, user_id: str) -> SlackPerson:
        """What Slack says of a person, a minute old at most; raises what ``SlackClient.user`` does."""
        now = asyncio.get_running_loop().time()
        at, person = self._known.get(user_id, (0.0, None))
        if person is not None and now - at < KEPT:
            return person
        person = await self._slack.user(user_id)
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[user_id] = (now, person)
        return person


def _told(error: FettleError) -> str:
    """Why nobody is known, as far as it is of use to whoever pressed: Slack's limit passes, and when is known."""
    wait = error.retry_after if isinstance(error, SlackUnavailableError) else None
    return NOBODY if wait is None else LIMITED.format(max(math.ceil(wait), 1))
