"""Scenarios that play while their picture is drawn: one of them, or many side by side as a table.

It refuses to play by itself: the engine does, the same one as for plain lines, and the outcome is the engine's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from bot.sandbox.live import screen
from bot.sandbox.live.many import Many
from bot.sandbox.live.picture import ended, picture
from bot.sandbox.live.seen import Seen, Watched
from bot.sandbox.scenarios import engine
from bot.sandbox.scenarios.counted import headline
from bot.sandbox.scenarios.engine import Result, Turn
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World


async def play(scenario: Scenario, settings: Mapping[str, str]) -> Result:
    """Play one; its last picture stays, also when it is cancelled."""
    to = screen.console()
    watched: list[Watched] = []

    def watch(world: World, result: Result) -> Turn:
        watched.append(Watched(scenario, world, result))
        return watched[0].turn

    def draw(width: int, height: int) -> list[Text]:
        return picture(watched[0].seen(), width, height) if watched else []

    try:
        async with screen.following(to, lambda: watched[0].mark() if watched else None, draw):
            result = await engine.play(scenario, settings=settings, watch=watch)
    finally:
        if watched:
            _stay(to, watched[0].seen(), watched[0].world)
    return result


def _stay(to: Console, seen: Seen, world: World) -> None:
    for line in ended(seen, screen.size()[0]):
        to.print(line, soft_wrap=not line.no_wrap)
    if seen.problems and world.bot.log_lines:
        to.print(f"   The bot's last lines:{world.bot.last_lines()}", soft_wrap=True)
        to.print(f"   Why: {headline(seen.problems[0])}", soft_wrap=True)


async def play_many(scenarios: Sequence[Scenario], settings: Mapping[str, str], at_once: int) -> list[Result]:
    """Play many, as a table while they do."""
    many = Many(scenarios)
    async with screen.following(screen.console(), many.mark, many.picture):
        return await engine.play_all(scenarios, at_once=at_once, done=many.done, settings=settings, watch=many.watch)
