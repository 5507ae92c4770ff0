"""`fettle sandbox`: a local Slack and a local cluster with the bot in between, in one process tree.

Loopback only. It reads no `.env`, no KUBECONFIG and no in-cluster account, and takes no token from anybody: every
token in it is made here. Exit codes: 0 ended as asked; 1 the bot died or a scenario ended otherwise; 2 a wrong option.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import tour
from bot.sandbox.bot_process import BotStartError, fettle
from bot.sandbox.breakages.every import BREAKAGES
from bot.sandbox.breakages.telling import broken_settings
from bot.sandbox.demo import BUTTONS, CRASH, Demo
from bot.sandbox.page.panels.every import beside
from bot.sandbox.page.routes import add_page
from bot.sandbox.scenarios import engine, listing, schema
from bot.sandbox.world import World, WorldOptions

PLACE = "shop"
"""The namespace in which something is broken in a sandbox to play with; the bot may act there."""
AT_ONCE = 3
"""Scenarios side by side: most of their time is waiting."""
FILES = (".yaml", ".yml")
"""How the name of a scenario's file ends."""


@dataclass(frozen=True)
class SandboxOptions:
    """The options of the command line, as they are named there."""

    headless: bool = False
    scenario: str = ""
    breaks: str = ""
    list_scenarios: bool = False
    env: Path | None = None
    demo: bool = True
    data: Path | None = None
    bot: bool = True
    port: int = 0
    playbooks: Path | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What the options say to the bot itself."""
        return {"PLAYBOOKS_DIR": str(self.playbooks.absolute())} if self.playbooks is not None else {}


def run(options: SandboxOptions) -> int:
    """Do what the options say; the exit code."""
    try:
        scenarios = schema.load_all()
    except schema.ScenarioError as error:
        return _wrong(str(error))
    if options.list_scenarios:
        for line in listing.lines(scenarios.values()):
            _say(line)
        return 0
    if options.breaks and options.breaks not in BREAKAGES:
        return _unknown("breakage", options.breaks, BREAKAGES)
    if options.playbooks is not None and (wrong := _wrong_in(options.playbooks)):
        return _wrong(wrong)
    if options.headless or options.scenario:
        return _play(options, scenarios)
    if options.env is not None and not options.env.absolute().parent.is_dir():
        return _wrong(f"--env {options.env}: the folder {options.env.absolute().parent} doesn't exist.")
    return _until_signal(lambda stop: _serve(options, stop))


def _wrong_in(playbooks: Path) -> str:
    """What the bot's own check says against this folder; "" for nothing."""
    if not playbooks.is_dir():
        return f"--playbooks {playbooks}: there is no such folder; name one that holds playbooks."
    words = ("playbooks", "check", str(playbooks.absolute()))
    code, said = asyncio.run(fettle(Path.cwd(), {}, *words))
    return said.strip() if code else ""


def _say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wrong(sentence: str) -> int:
    sys.stderr.write(sentence + "\n")
    return 2


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


def _unknown(what: str, name: str, known: Iterable[str]) -> int:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    advice = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}."
    return _wrong(f"There is no {what} {name}: {advice}")


def _play(options: SandboxOptions, scenarios: dict[str, schema.Scenario]) -> int:
    name = options.scenario
    if not name:
        return _wrong(f"--headless needs --scenario NAME, FILE or all. There are: {', '.join(scenarios)}.")
    known = {**scenarios, **listing.broken()}
    if name == "all":
        chosen = list(scenarios.values())
    elif name in known:
        chosen = [known[name]]
    elif Path(name).suffix in FILES or os.sep in name:
        try:
            chosen = [schema.load(Path(name))]
        except schema.ScenarioError as error:
            return _wrong(str(error))
    else:
        return _unknown("scenario", name, known)
    if options.headless:
        return _until_signal(lambda stop: _play_until(chosen, options, stop))
    return _tour(chosen, options)


def _tour(chosen: Sequence[schema.Scenario], options: SandboxOptions) -> int:
    """Play one on the page."""
    if len(chosen) > 1:
        return _wrong("--scenario all needs --headless: the page shows one at a time.")
    given = {
        "--break": bool(options.breaks),
        "--env": options.env is not None,
        "--data": options.data is not None,
        "--no-bot": not options.bot,
    }
    if unfit := [name for name, is_given in given.items() if is_given]:
        return _wrong(f"--scenario makes a world of its own for the page: leave out {' and '.join(unfit)}.")

    async def shown(stop: asyncio.Event) -> int:
        try:
            return await tour.show(chosen[0], settings=options.settings, port=options.port, say=_say, stop=stop)
        except OSError as error:
            return _wrong(f"The sandbox can't listen: {error}. Choose another --port.")

    return _until_signal(shown)


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
    _say("interrupted")
    return 1


async def _play_one(scenario: schema.Scenario, options: SandboxOptions) -> int:
    return 0 if (await engine.play(scenario, show=_say, settings=options.settings)).ok else 1


async def _play_many(chosen: Sequence[schema.Scenario], options: SandboxOptions) -> int:
    results = await engine.play_all(
        chosen, at_once=AT_ONCE, done=lambda result: _say(result.transcript.text), settings=options.settings
    )
    _say(f"{'scenario':26} {'seconds':>7}  result")
    for result in results:
        first = "as it should be" if result.ok else f"FAILED: {result.problems[0].splitlines()[0]}"
        _say(f"{result.name:26} {result.seconds:7.1f}  {first}")
    bad = sum(not result.ok for result in results)
    _say(f"{len(results)} scenarios, {len(results) - bad} as they should be, {bad} not")
    return 1 if bad else 0


# -- the sandbox to play with ---------------------------------------------------------------------


async def _serve(options: SandboxOptions, stop: asyncio.Event) -> int:
    with contextlib.ExitStack() as folders:
        if options.data is not None:
            folder = options.data.absolute()
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="fettle-sandbox-")))
        settings = {**(broken_settings(()) if options.breaks else {}), **options.settings}
        world = World(folder, WorldOptions(port=options.port, metrics=True, silences=True, settings=settings))
        demo = Demo(world)
        fire = demo.fire if options.bot else None
        add_page(
            world.slack_server,
            fire=fire,
            hints=demo.hints,
            fires=BUTTONS if options.bot else (),
            panels=beside(world, demo),
        )
        try:
            async with world:
                return await _served(world, demo, options, stop)
        except OSError as error:
            return _wrong(f"The sandbox can't listen: {error}. Choose another --port.")
        finally:
            if options.data is not None:
                world.save()


async def _served(world: World, demo: Demo, options: SandboxOptions, stop: asyncio.Event) -> int:
    if options.bot:
        try:
            await world.start_bot()
        except BotStartError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    first = await _first(world, demo, options)
    if options.env is not None:
        _write_env(options.env.absolute(), world.dotenv())
    _greet(world, options, first)
    attending = asyncio.create_task(demo.attend())
    try:
        return await _until_end(world, options, stop)
    finally:
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)
        if options.env is not None:
            # Its addresses and tokens are dead from now on.
            options.env.absolute().unlink(missing_ok=True)


async def _first(world: World, demo: Demo, options: SandboxOptions) -> str:
    """What happens at once: the breakage that was asked for, else the demo's alert; a sentence about it."""
    if not options.breaks:
        return await demo.fire(CRASH) if options.demo and options.bot else ""
    (broken,) = world.break_(options.breaks, namespace=PLACE)
    if options.bot:
        await world.tell(broken)
    return (
        f"Broken in {PLACE}: {broken.breakage.title}. {broken.breakage.alerts[0]} tells of it; its card comes at once."
    )


async def _until_end(world: World, options: SandboxOptions, stop: asyncio.Event) -> int:
    waiting: set[asyncio.Task[object]] = {asyncio.create_task(stop.wait())}
    if options.bot:
        waiting.add(asyncio.create_task(world.bot.wait()))
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if not stop.is_set():
        sys.stderr.write(f"The bot ended with exit code {world.bot.exit_code}.{world.bot.last_lines()}\n")
        return 1
    _say("Ending: the bot first, then Slack and the cluster.")
    return 0


def _write_env(path: Path, content: str) -> None:
    """Whole or not at all, readable by its owner only."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    beside.replace(path)


def _greet(world: World, options: SandboxOptions, first: str) -> None:
    admin = world.kubeconfig("admin")
    rows = [("Page", f"{world.slack_server.url}/"), ("Slack API", world.slack_server.api_url)]
    rows += [("Alerts to", world.alertmanager.url), ("Status", f"{world.bot.status_url}/status")] if options.bot else []
    rows += [("Cluster", f"export KUBECONFIG={admin}"), ("State", str(world.folder))]
    rows += [("Settings", str(options.env.absolute()))] if options.env else []
    _say("Fettle's sandbox runs; nothing leaves this machine.")
    _say()
    for name, value in rows:
        _say(f"  {name:10} {value}")
    _say()
    if not options.bot:
        file = options.env if options.env is not None else "FILE (--env FILE writes it)"
        _say("No bot runs. In another terminal, look first, then start one:")
        _say(f"  fettle doctor --env-file {file}")
        _say(f"  fettle run --env-file {file}")
    else:
        if first:
            _say(first)
        _say("What to do next:")
        for number, step in enumerate(_steps(world, broken=bool(options.breaks)), start=1):
            _say(f"  {number}. {step}")
        _say("A verdict takes seconds here instead of minutes (short soaks), and the card says so.")
    _say("Ctrl-C ends everything.")


def _steps(world: World, *, broken: bool) -> list[str]:
    token = f"-H 'Authorization: Bearer {world.webhook_token}'"
    body = '\'{"alerts":[{"labels":{"alertname":"HighErrorRate","namespace":"shop","deployment":"web"}}]}\''
    first = "Open the page and press Approve restart as ana; watch the pods restart and the card end with PASS."
    if broken:
        first = (
            "Open the page: the card names the cause, what it rests on, and what helps. Approve it as ana if it can."
        )
    return [
        first,
        "Act as bo, who is no approver, and press it: the bot says why not.",
        "Break something in the panel Cluster: its pods change colour, and the alert that tells of it follows.",
        "Press Silence… as ana: nobody is notified until then, and it ends with the incident.",
        "Type /restart shop/web, /verify shop/api or /incident there.",
        f"Send an alert: curl {token} {world.alertmanager.url} -d {body}",
        "Look with kubectl: kubectl get pods -n shop -w",
    ]
