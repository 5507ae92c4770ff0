"""`fettle sandbox`: a local Slack and a local cluster with the bot in between, in one process tree.

Loopback only. It reads no `.env`, no KUBECONFIG and no in-cluster account, and takes no token from anybody: every
token in it is made here. Exit codes: 0 ended as asked; 1 the bot died or a scenario ended otherwise; 2 a wrong option.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bot.sandbox import naming
from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.fitting import unfit
from bot.sandbox.live.fit import is_fit
from bot.sandbox.options import SandboxOptions, say, wrong
from bot.sandbox.scenarios import engine, listing, schema
from bot.sandbox.scenarios.transcript import Transcript, folded
from bot.sandbox.stage import Stage

__all__ = ["SandboxOptions", "run"]

REHEARSED = (
    "It is judged by what a bot does that begins afresh, so it needs the sandbox's own; yours is shown what is broken: "
    "--no-bot --break NAME, or Scenarios on the page."
)
AT_ONCE = 3
"""Scenarios side by side: most of their time is waiting."""

READ_WELL = 100
"""Columns of what goes into a pipe."""


def run(options: SandboxOptions) -> int:
    """Do what the options say; the exit code."""
    try:
        scenarios = schema.load_all()
    except schema.ScenarioError as error:
        return wrong(str(error))
    if options.list_scenarios:
        for line in listing.lines(scenarios.values()):
            say(line)
        return 0
    if options.breaks and options.breaks not in BREAKAGES:
        return wrong(naming.no_breakage(options.breaks, BREAKAGES, scenarios))
    if said := unfit(options):
        return wrong(said)
    if options.headless or options.scenario:
        return _play(options, scenarios)
    return _until_signal(lambda stop: Stage(options, scenarios, stop).run(None))


def _until_signal(work: Callable[[asyncio.Event], Awaitable[int]]) -> int:
    """Run with SIGINT and SIGTERM setting an event instead of interrupting whatever runs."""

    async def main() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await work(stop)

    return asyncio.run(main())


# -- scenarios ------------------------------------------------------------------------------------


def _play(options: SandboxOptions, scenarios: dict[str, schema.Scenario]) -> int:
    name = options.scenario
    if not name:
        return wrong(f"--headless needs --scenario NAME, FILE or all; {naming.LIST}")
    known = {**scenarios, **listing.broken()}
    if name == "all":
        chosen = list(scenarios.values())
    elif name in known:
        chosen = [known[name]]
    elif Path(name).suffix in naming.FILES or os.sep in name:
        try:
            chosen = [schema.load(Path(name))]
        except schema.ScenarioError as error:
            return wrong(str(error))
    else:
        return wrong(naming.no_scenario(name, known))
    if options.headless:
        return _until_signal(lambda stop: _play_until(chosen, options, stop))
    return _tour(chosen, options, scenarios)


def _tour(chosen: Sequence[schema.Scenario], options: SandboxOptions, scenarios: dict[str, schema.Scenario]) -> int:
    """Play one on the page, where another one can be chosen then."""
    if len(chosen) > 1:
        return wrong("--scenario all needs --headless: the page shows one at a time.")
    given = {
        "--break": bool(options.breaks),
        "--data": options.data is not None,
        "--no-bot": not options.bot,
    }
    if unfit := [name for name, is_given in given.items() if is_given]:
        aside = "" if options.bot else f" {REHEARSED}"
        return wrong(f"--scenario makes a world of its own for the page: leave out {' and '.join(unfit)}.{aside}")

    (first,) = chosen
    own = None if first.name in {**scenarios, **listing.broken()} else first
    return _until_signal(lambda stop: Stage(options, scenarios, stop, own).run(first))


async def _play_until(chosen: Sequence[schema.Scenario], options: SandboxOptions, stop: asyncio.Event) -> int:
    """Play; a signal ends the worlds in order, with exit code 1, because nothing was shown then."""
    work = _play_one(chosen[0], options) if len(chosen) == 1 else _play_many(chosen, options)
    playing = asyncio.ensure_future(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if playing.done():
        return playing.result()
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await playing
    say("interrupted")
    return 1


def _line(line: str) -> None:
    """As wide as the terminal, or as is read well where that isn't known."""
    say(folded(line, shutil.get_terminal_size((READ_WELL, 0)).columns))


def _text(transcript: Transcript) -> None:
    for line in transcript.lines:
        _line(line)


async def _play_one(scenario: schema.Scenario, options: SandboxOptions) -> int:
    if is_fit(sys.stdout, plain=options.plain):
        from bot.sandbox.live import watching  # noqa: PLC0415 - heavy, and of use at a terminal alone

        return 0 if (await watching.play(scenario, options.settings)).ok else 1
    return 0 if (await engine.play(scenario, show=_line, settings=options.settings)).ok else 1


async def _play_many(chosen: Sequence[schema.Scenario], options: SandboxOptions) -> int:
    if is_fit(sys.stdout, plain=options.plain):
        from bot.sandbox.live import watching  # noqa: PLC0415 - as above

        results = await watching.play_many(chosen, options.settings, AT_ONCE)
        for result in results:
            if not result.ok:
                _text(result.transcript)
    else:
        results = await engine.play_all(
            chosen, at_once=AT_ONCE, done=lambda result: _text(result.transcript), settings=options.settings
        )
    say(f"{'scenario':26} {'seconds':>7}  result")
    for result in results:
        first = "as it should be" if result.ok else f"FAILED: {result.problems[0].splitlines()[0]}"
        say(f"{result.name:26} {result.seconds:7.1f}  {first}")
    bad = sum(not result.ok for result in results)
    say(f"{len(results)} scenarios, {len(results) - bad} as they should be, {bad} not")
    return 1 if bad else 0
