"""The step that looks at all cards at once: whatever was taken is on a card or in the digest.

It refuses to look at a single card.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from bot.sandbox.scenarios import schema
from bot.sandbox.scenarios.checks import untold
from bot.sandbox.scenarios.counted import spread
from bot.sandbox.scenarios.transcript import Transcript
from bot.sandbox.slack_room import DIGEST, UnmetError
from bot.sandbox.world import World

Poll = Callable[[Callable[[], bool], float, Callable[[], str]], Awaitable[None]]


async def look(world: World, expect: schema.ExpectCards, poll: Poll, transcript: Transcript) -> None:
    """Waits for it; raises ``UnmetError``."""
    room = world.slack
    owed = {number for one in world.alertmanager.deliveries for number in one.answer.get("incidents", [])}

    def told() -> tuple[set[int], str]:
        cards = {card.incident for card in room.cards()}
        digest = "\n".join(line for message in room.messages(DIGEST) for line in room.read(message))
        listed = {int(found) for found in re.findall(r"INC-(\d+)", digest)}
        return cards | listed, digest

    await poll(lambda: owed <= told()[0], expect.within, lambda: untold(owed - told()[0]))
    cards, (_, digest) = len(room.cards()), told()
    transcript.say(spread(len(owed), cards))
    if expect.digest:
        transcript.quote("The digest:", digest.split("\n")[:12])
    if expect.digest and not digest:
        raise UnmetError("There is no digest.")
    if expect.count is not None and cards != expect.count:
        raise UnmetError(f"There are {cards} cards, not {expect.count}.")
