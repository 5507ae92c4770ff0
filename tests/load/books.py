"""What a whole world holds once faults stop, read from outside: the invariants, and the laws of the digest.

The database is read with plain SQL, beside the running bot, as `tests.invariants` does.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from bot.sandbox.patience import stretched
from bot.sandbox.slack.models import Message
from bot.sandbox.slack_room import DIGEST, message_key
from bot.sandbox.world import World
from tests.invariants import UNATTEMPTED, Left, problems
from tests.patience import PATIENT

UNPOSTED = """
SELECT count(*) FROM incidents AS i WHERE NOT EXISTS (
  SELECT 1 FROM outbox AS o WHERE o.posted_ts <> '' AND o.key = CASE
    WHEN i.digest_id IS NULL THEN 'card:' || i.id ELSE 'digest:' || i.digest_id END)
  AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.posted_ts <> '' AND o.key = 'card:' || i.id)
"""
BEHIND = "SELECT count(*) FROM outbox WHERE version > sent_version AND NOT dropped AND kind = 'digest'"
UNSETTLED = "SELECT count(*) FROM executions WHERE state IN ('pending', 'running') OR in_flight"
WORKING = "SELECT count(*) FROM due WHERE stage <> 'expire'"


class Books:
    """The evidence of one world. ``accepted`` and ``ended``: whose firing, and whose resolve, was answered 2xx."""

    def __init__(self, world: World, accepted: Iterable[str] = (), ended: Iterable[str] = ()) -> None:
        self.world = world
        self.accepted = set(accepted)
        self.ended = set(ended)

    @property
    def left(self) -> Left:
        """What there is to be asked right now."""
        world = self.world
        return Left(
            url=world.bot.settings["DATABASE_URL"],
            server=world.cluster_server,
            slack=world.slack_server,
            channel=world.slack.channel,
            accepted=self.accepted,
            ended=self.ended,
            ttl=timedelta(minutes=5),  # as the world's bots are told
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of one SELECT on the bot's own database."""
        return self.left.rows(sql)

    def count(self, sql: str) -> int:
        """The one number that a SELECT answers."""
        return int(self.rows(sql)[0][0])

    def messages(self) -> list[Message]:
        """Every message that the bot ever posted into the channel or its threads."""
        return self.left.messages()

    # -- waiting ------------------------------------------------------------------------------------

    async def quiet(self, within: float) -> None:
        """Wait until every incident stands in Slack, the digest counts them, and no execution or stage is left.

        Edits of cards aren't waited for: Slack takes 50 of them a minute, whatever is owed.
        """
        asked = {
            "incidents that stand nowhere": UNPOSTED,
            "digests behind": BEHIND,
            "executions unsettled": UNSETTLED,
            "stages owed": WORKING,
        }
        end = time.monotonic() + stretched(within)
        while left := {words: number for words, sql in asked.items() if (number := self.count(sql))}:
            if time.monotonic() > end:
                raise AssertionError(f"after {within:.0f} s there are still {left}{self.world.bot.last_lines()}")
            await asyncio.sleep(0.25)

    async def attempted(self) -> float:
        """Wait until every message was tried, and how many seconds that took: one goes out a second in a channel."""
        begun, waiting = time.monotonic(), len(self.rows(UNATTEMPTED))
        while left := self.rows(UNATTEMPTED):
            if time.monotonic() - begun > waiting + PATIENT:
                raise AssertionError(f"of {waiting} messages {len(left)} were never tried{self.world.bot.last_lines()}")
            await asyncio.sleep(0.25)
        return time.monotonic() - begun

    # -- laws ---------------------------------------------------------------------------------------

    async def problems(self) -> list[str]:
        """A sentence for each law that doesn't hold; the world must be quiet."""
        code, said = await self.world.fettle("audit", "verify")
        audit = [] if code == 0 else [f"the audit doesn't verify: {said}"]
        return [*problems(self.left), *self.digests(), *audit]

    def digests(self) -> list[str]:
        """The digest counts all incidents that it stands for, whether or not they fit on it."""
        owed = self.rows("SELECT digest_id, count(*) FROM incidents WHERE digest_id IS NOT NULL GROUP BY digest_id")
        stand = {message_key(one): one for one in self.messages()}
        found = []
        for number, incidents in owed:
            said = stand[f"{DIGEST}{number}"].text if f"{DIGEST}{number}" in stand else "nothing"
            if not re.search(rf"\b{incidents} incident", said):
                found.append(f"digest {number} stands for {incidents} incidents and says: {said}")
        return found
