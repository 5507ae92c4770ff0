"""Whether a channel may be posted to: one that other organisations read gets nothing, unless the setting allows it.

A channel can become shared while we run, so each is looked at again from time to time. A first look must succeed:
what can't be read isn't posted to. Later ones get a moment only: when Slack doesn't answer that question, the last
answer counts for a day, because a card must not wait for it.
"""

from __future__ import annotations

import asyncio

from bot.domain.errors import FettleError, RejectedError
from bot.slack.client import SlackClient
from bot.slack.preflight import shared_warning
from bot.slack.workspace import ChannelFacts

FACTS_FOR = 600.0
"""Seconds that a look counts."""
MOMENT = 0.5
"""Seconds that a message waits for a look at a channel that was fine before."""
TRUSTED_FOR = 86_400.0
"""Seconds for which an earlier look stands in for one that Slack doesn't answer."""


class Channels:
    """One per process."""

    def __init__(self, slack: SlackClient, *, allow_shared: bool) -> None:
        self._slack = slack
        self._allow_shared = allow_shared
        self._fine: dict[str, float] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}

    def seen(self, facts: ChannelFacts) -> None:
        """Somebody else has looked, at the start for one."""
        if facts.shared:
            self._fine.pop(facts.id, None)
        else:
            self._fine[facts.id] = asyncio.get_running_loop().time()

    async def refuse_shared(self, channel: str) -> None:
        """Raises ``RejectedError`` for a shared channel, and whatever the look raised where nothing is known."""
        now = asyncio.get_running_loop().time()
        seen = self._fine.get(channel)
        if self._allow_shared or (seen is not None and now - seen < FACTS_FOR):
            return
        look = self._looking(channel)
        known = seen is not None and now - seen < TRUSTED_FOR
        done, _ = await asyncio.wait({look}, timeout=MOMENT if known else None)
        if not done:
            return
        try:
            look.result()
        except FettleError as error:
            if not (known and error.retry):
                raise

    def close(self) -> None:
        """Ends the looks that still wait."""
        for look in self._looks.values():
            look.cancel()

    def _looking(self, channel: str) -> asyncio.Task[None]:
        """The look at a channel; one at a time, whoever asks."""
        look = self._looks.get(channel)
        if look is None:
            look = self._looks[channel] = asyncio.create_task(self._look(channel), name=f"look-{channel}")
            look.add_done_callback(lambda done: self._ended(channel, done))
        return look

    def _ended(self, channel: str, done: asyncio.Task[None]) -> None:
        self._looks.pop(channel, None)
        if not done.cancelled():
            done.exception()  # looked at, or asyncio complains when nobody waits for it any more

    async def _look(self, channel: str) -> None:
        facts = await self._slack.channel(channel)
        self.seen(facts)
        warning = shared_warning(facts, allow_shared=False)
        if warning:
            raise RejectedError(warning, "shared_channel")
