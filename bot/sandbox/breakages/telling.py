"""Tells a running bot of what is broken, and looks at each card: does it name the cause first, and what helps.

It reads what a person reads, and the bot's audit for the cause by its name. It refuses to look into the bot's store.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bot.sandbox.breakages.timeline import Broken
from bot.sandbox.slack_room import CardHandle, UnmetError

if TYPE_CHECKING:
    from bot.sandbox.world import World

HEADINGS = ("Likely cause", "Possible cause", "Seen")
APPROVE, NONE = "Approve", "No proposal"
_CAUSE = re.compile(r"incident:evidence:collected +incident:(\d+) .* findings: (\w+) \(")


def broken_settings(names: Iterable[str]) -> dict[str, str]:
    """Settings with which a bot may act where these happen, looks at many, and gives each alert a card of its own."""
    return {
        "ALLOWED_NAMESPACES": ",".join(["shop", "pay", *names]),
        "ALLOWED_ACTIONS": "restart,rollback",
        "EVIDENCE_RATE": "100",
        "SEVERITY_MAP": "critical=SEV2,warning=SEV3,info=SEV3",
    }


async def tell_all(
    world: World, *, at_once: int = 2, within: float = 30.0, say: Callable[[str], None] = lambda _line: None
) -> list[str]:
    """Fire the first alert of all that is broken; a paragraph for each card that says something else."""
    gate = asyncio.Semaphore(at_once)
    unlike: list[str] = []
    incidents: dict[int, Broken] = {}

    async def one(broken: Broken) -> None:
        async with gate:
            number = await fire(world, broken)
            incidents[number] = broken
            problem = await read(world, broken, number, within=within)
        say(f"INC-{number} {broken.breakage.name}: {'told' if not problem else 'NOT told'}")
        unlike.extend([problem] if problem else [])

    await asyncio.gather(*(one(broken) for broken in world.broken))
    found = await causes(world)
    for number, broken in incidents.items():
        cause, wanted = found.get(number, "none"), broken.breakage.cause
        unlike += [f"{broken.breakage.name}: the cause is {cause}, not {wanted}"] if cause != wanted else []
    return unlike


async def fire(world: World, broken: Broken) -> int:
    """Fire the first alert of a breakage; the incident that it made."""
    delivery = await world.tell(broken)
    numbers = delivery.answer.get("incidents", [])
    if not delivery.accepted or len(numbers) != 1:
        raise UnmetError(f"{broken.breakage.name}: answered {delivery.status}, with incidents {numbers}")
    return int(numbers[0])


async def read(world: World, broken: Broken, number: int, *, within: float = 30.0) -> str:
    """Wait for the card of a breakage's incident; "" when it says what is broken, else what it says."""

    def look() -> CardHandle | None:
        card = next((one for one in world.slack.cards() if one.incident == number), None)
        return card if card is not None and not list(lacking(card.lines, card.buttons, broken)) else None

    try:
        await world.slack.until(look, within, lambda: "")
    except UnmetError:
        return _told(world, broken, number)
    return ""


async def causes(world: World) -> dict[int, str]:
    """Incident -> the first cause that the bot's audit has for it."""
    return {int(number): cause for number, cause in reversed(_CAUSE.findall(await world.audit()))}


def cause_line(lines: Sequence[str]) -> str:
    """The line of a card that names the first finding; empty without one."""
    return next((line for line in lines if line.startswith(HEADINGS)), "")


def lacking(lines: Sequence[str], buttons: Sequence[str], broken: Broken) -> Iterator[str]:
    """What a card with these lines and buttons lacks."""
    breakage, first, text = broken.breakage, cause_line(lines), "\n".join(lines)
    yield from (f"the cause “{words}”" for words in breakage.says if words.lower() not in first.lower())
    offered = [label for label in buttons if label.startswith(APPROVE)]
    if breakage.offers:
        yield from () if any(label.startswith(breakage.offers) for label in offered) else (breakage.offers,)
    elif offered or (breakage.refuses or NONE) not in text:
        yield f"that nothing is proposed (it offers {', '.join(offered) or 'nothing yet'})"
    if breakage.by_hand and breakage.by_hand not in text:
        yield f"the command “{breakage.by_hand}”"


def _told(world: World, broken: Broken, number: int) -> str:
    card = next((one for one in world.slack.cards() if one.incident == number), None)
    if card is None:
        return f"{broken.breakage.name}: there is no card of INC-{number}"
    lacks = "; ".join(lacking(card.lines, card.buttons, broken))
    return f"{broken.breakage.name}: the card lacks {lacks}. It says:\n" + "\n".join(f"  | {x}" for x in card.lines)
