"""Runs scenarios: a fresh world each, step by step, then what must hold at every end, then the audit.

It refuses to continue after a step that didn't come out; the transcript then ends with the reason.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.sandbox.bot_process import BotStartError
from bot.sandbox.breakages import every
from bot.sandbox.breakages.telling import broken_settings
from bot.sandbox.patience import stretched
from bot.sandbox.scenarios import audited
from bot.sandbox.scenarios.checks import final_problems
from bot.sandbox.scenarios.counted import headline
from bot.sandbox.scenarios.schema import Scenario, Step
from bot.sandbox.scenarios.steps import Player
from bot.sandbox.scenarios.transcript import Transcript
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack_room import UnmetError
from bot.sandbox.world import World, WorldOptions

LIMIT = 150.0
"""Seconds for one scenario."""
Turn = Callable[[int, Step, Player], Awaitable[bool]]
"""Called before each step, by its index; whether the player carries it out, because nobody else did."""


@dataclass
class Result:
    """How one scenario ended; no problems is as it says."""

    name: str
    seconds: float
    transcript: Transcript
    problems: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """When each step that came out was over, in seconds since the start."""

    @property
    def ok(self) -> bool:
        """Whether it ended as the scenario says."""
        return not self.problems


Watch = Callable[[World, Result], Turn]
"""Told of a world before it starts and of the result as it grows, and asked for what is called before each step."""


def world_of(
    scenario: Scenario,
    settings: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> WorldOptions:
    """What its world starts with; ``settings`` win over the scenario's own."""
    names = every.named(scenario.broken)
    return WorldOptions(
        settings={**(broken_settings(names) if names else {}), **scenario.settings, **(settings or {})},
        metrics=bool(names),
        silences=scenario.silences,
        broken=names,
        production_times=scenario.production_times,
        ready_after=scenario.ready_after,
        progress_deadline=scenario.progress_deadline,
        images=scenario.images,
        extra=extra or {},
    )


def begun(scenario: Scenario, show: Callable[[str], None] | None = None) -> Result:
    """The result of a scenario that begins now."""
    transcript = Transcript(show)
    transcript.write(f"== {scenario.name}: {scenario.title}")
    return Result(scenario.name, 0.0, transcript)


async def play(
    scenario: Scenario,
    show: Callable[[str], None] | None = None,
    settings: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> Result:
    """Run one scenario in a temporary folder; never raises for what the scenario or the bot does."""
    result = begun(scenario, show)
    with tempfile.TemporaryDirectory(prefix=f"fettle-{scenario.name}-") as folder:
        world = World(Path(folder), world_of(scenario, settings, extra))
        turn = watch(world, result) if watch is not None else at_once
        try:
            async with asyncio.timeout(stretched(LIMIT)), world:
                await play_in(world, scenario, result, turn)
                await look_back(world, result)
                await _end(world, result)
        except TimeoutError:
            result.problems.append(f"It was not over after {LIMIT:.0f} s.")
    conclude(result)
    return result


def conclude(result: Result) -> None:
    """The last lines of the transcript: how it ended."""
    transcript = result.transcript
    result.seconds = transcript.seconds
    transcript.say("as it should be" if result.ok else "NOT as it should be")
    for problem in result.problems:
        transcript.write(f"  ✗ {problem}")
    if any("\n" in problem for problem in result.problems):
        transcript.write("")  # what was there instead may be long: the reason is the last that is read
        transcript.write(f"  Why: {headline(result.problems[0])}")
    transcript.write("")


async def at_once(_at: int, _step: Step, _player: Player) -> bool:
    """No step waits for anything."""
    return True


async def play_in(world: World, scenario: Scenario, result: Result, turn: Turn = at_once) -> None:
    """Start the bot in a world that runs, and play every step up to the first that doesn't come out."""
    transcript = result.transcript
    for name in scenario.members:
        world.slack_server.workspace.add_member(world.slack.channel, world.slack_server.workspace.person(name).id)
    player = Player(world, transcript)
    try:
        await world.start_bot()
        transcript.say("Slack, the cluster and the bot run")
        for number, step in enumerate(scenario.steps, start=1):
            try:
                if await turn(number - 1, step, player):
                    await player.play(step)
                else:
                    transcript.say("Somebody did it on the page")
                    if step.press is not None:
                        await player.settle(step.press)
                result.times.append(transcript.seconds)
            except (UnmetError, NotThere, LookupError, TimeoutError) as error:
                result.problems.append(f"step {number} ({step.verb}): {error or type(error).__name__}")
                break
    except BotStartError as error:
        result.problems.append(str(error))


async def look_back(world: World, result: Result) -> None:
    """What must hold at every end, and the audit; the bot runs on."""
    transcript = result.transcript
    if not world.bot.running and not result.problems:
        result.problems.append(f"The bot ended by itself with {world.bot.exit_code}.{world.bot.last_lines()}")
    if world.bot.starts:
        result.problems += await final_problems(world)
        transcript.quote("The audit (times are UTC):", audited.told(world.folder / "fettle.db"))
    if result.problems:
        transcript.quote("The bot's last lines:", world.bot.last_lines().strip("\n").split("\n"))


async def _end(world: World, result: Result) -> None:
    """SIGTERM must end the bot with exit code 0 whatever was going on."""
    if world.bot.running:
        code = await world.bot.stop()
        if code != 0:
            result.problems.append(f"SIGTERM ended the bot with exit code {code}, not 0.{world.bot.last_lines()}")


async def play_all(
    scenarios: Sequence[Scenario],
    *,
    at_once: int = 2,
    done: Callable[[Result], None] | None = None,
    settings: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    watch: Watch | None = None,
) -> list[Result]:
    """Run many, some side by side; ``done`` gets each as it ends. In the order given."""
    gate = asyncio.Semaphore(at_once)

    async def one(scenario: Scenario) -> Result:
        async with gate:
            result = await play(scenario, settings=settings, extra=extra, watch=watch)
        if done is not None:
            done(result)
        return result

    # A group waits for every world to end, also when it is cancelled.
    async with asyncio.TaskGroup() as group:
        playing = [group.create_task(one(scenario)) for scenario in scenarios]
    return [task.result() for task in playing]
