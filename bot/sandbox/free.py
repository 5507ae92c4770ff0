"""The free sandbox: a world to play with, its first alert, and what to do next. Nothing in it is scripted.

It refuses to know when it ends: it runs until its bot dies or whoever runs it cancels it.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bot.sandbox import env_file
from bot.sandbox.bot_process import BotStartError
from bot.sandbox.breakages.telling import broken_settings
from bot.sandbox.demo import BUTTONS, CRASH, Demo
from bot.sandbox.lasting import Lasting
from bot.sandbox.options import SandboxOptions, say
from bot.sandbox.page.panels.every import PLACE, beside, break_here
from bot.sandbox.page.panels.playbill import Playbill
from bot.sandbox.page.panels.rehearsal import Rehearsal
from bot.sandbox.page.routes import add_page
from bot.sandbox.scenarios.schema import Scenario
from bot.sandbox.world import World, WorldOptions

START = (
    "Start your bot in another terminal, with the file of `--env`: `fettle doctor --env-file FILE`, then "
    "`fettle run --env-file FILE`."
)
REHEARSE = "Press *Scenarios* above: what you choose is broken in this cluster, and its alert is sent to your bot."
HINT = "Press *Scenarios* above, and one of them is played for you, step by step, on this page."

COMING = "The first alert is on its way: a pod of shop/api crashes, and its card comes here by itself in a few seconds."


class FreeSandbox:
    """One world to play with. ``first`` is whether its first alert comes, or the breakage that was asked for.

    ``playbill`` is where another world is chosen; whoever runs a bot of their own chooses a breakage of ``groups``.
    """

    def __init__(
        self,
        options: SandboxOptions,
        folder: Path,
        listener: socket.socket,
        *,
        lasting: Lasting | None = None,
        playbill: Playbill | Rehearsal | None = None,
        first: bool = True,
        told: str = "",
        groups: Mapping[str, Sequence[Scenario]] | None = None,
    ) -> None:
        settings = {**(broken_settings(()) if options.breaks else {}), **options.settings}
        self.world = World(folder, WorldOptions(metrics=True, silences=True, settings=settings), lasting)
        self.world.listener = listener
        self.code = 0
        self._options, self._first = options, first
        self._demo = Demo(self.world)
        if not options.bot:
            playbill = Rehearsal(groups or {}, partial(break_here, self.world, self._demo))
        self._playbill = playbill
        self.page = add_page(
            self.world.slack_server,
            fire=self._demo.fire if options.bot else None,
            hints=self._hints,
            fires=BUTTONS if options.bot else (),
            panels=beside(self.world, self._demo),
            playbill=playbill,
            told=told,
            coming=COMING if first and options.demo and options.bot and not options.breaks else "",
        )

    def _hints(self) -> list[str]:
        if not self._options.bot:
            return [START, REHEARSE, *self._demo.hints()]
        return [*self._demo.hints(), *([HINT] if self._playbill is not None else [])]

    async def run(self) -> None:
        """Until the bot dies, then ``code`` is 1, or until cancelled; the state is saved where it is to be kept."""
        began = False
        try:
            async with self.world:
                began = True
                await self._run()
        finally:
            if began and self._options.data is not None:
                self.world.save()

    async def _run(self) -> None:
        world, options = self.world, self._options
        if options.bot:
            try:
                await world.start_bot()
            except BotStartError as error:
                sys.stderr.write(f"{error}\n")
                self.code = 1
                return
        first = await self._begin() if self._first else ""
        with env_file.kept(options.env, world.dotenv()):
            _greet(world, options, first)
            attending = asyncio.create_task(self._demo.attend())
            try:
                await self._until_dead()
            finally:
                attending.cancel()
                await asyncio.gather(attending, return_exceptions=True)

    async def _begin(self) -> str:
        """What happens at once: the breakage that was asked for, else the demo's alert; a sentence about it."""
        world, options = self.world, self._options
        if not options.breaks:
            return await self._demo.fire(CRASH) if options.demo and options.bot else ""
        (broken,) = world.break_(options.breaks, namespace=PLACE)
        said = await self._demo.tell(broken)
        comes = said.replace("tells of it.", "tells of it; its card comes at once.")
        return f"Broken in {PLACE}: {broken.breakage.title}. {comes}"

    async def _until_dead(self) -> None:
        if not self._options.bot:
            await asyncio.Event().wait()
        await self.world.bot.wait()
        sys.stderr.write(f"The bot ended with exit code {self.world.bot.exit_code}.{self.world.bot.last_lines()}\n")
        self.code = 1


def program() -> str:
    """How this program was called, to be typed again in another terminal: it needn't be on the PATH there."""
    typed = sys.argv[0]
    named = Path(typed).name == "fettle" and typed != shutil.which("fettle")
    return shlex.quote(typed) if named else "fettle"


def _greet(world: World, options: SandboxOptions, first: str) -> None:
    admin = world.kubeconfig("admin")
    rows = [("Page", f"{world.slack_server.url}/"), ("Slack API", world.slack_server.api_url)]
    rows += [("Alerts to", world.alertmanager.url), ("Status", f"{world.bot.status_url}/status")] if options.bot else []
    rows += [("Cluster", f"export KUBECONFIG={admin}"), ("State", str(world.folder))]
    rows += [("Settings", str(options.env.absolute()))] if options.env else []
    say("Fettle's sandbox runs; nothing leaves this machine.")
    say()
    for name, value in rows:
        say(f"  {name:10} {value}")
    say()
    if first and not options.bot:
        say(first)
    if not options.bot:
        file = options.env if options.env is not None else "FILE (--env FILE writes it)"
        say("No bot runs. In another terminal, look first, then start one:")
        say(f"  {program()} doctor --env-file {file}")
        say(f"  {program()} run --env-file {file}")
        say("Then press Scenarios on the page, or break something in the panel Cluster: your bot is told of it.")
    else:
        if first:
            say(first)
        say("What to do next:")
        for number, step in enumerate(_steps(world, broken=bool(options.breaks)), start=1):
            say(f"  {number}. {step}")
        say("A verdict takes seconds here instead of minutes (short soaks), and the card says so.")
    say("Ctrl-C ends everything.")


def _steps(world: World, *, broken: bool) -> list[str]:
    token = f"-H 'Authorization: Bearer {world.webhook_token}'"
    body = '\'{"alerts":[{"labels":{"alertname":"HighErrorRate","namespace":"shop","deployment":"web"}}]}\''
    first = "Open the page and press Approve restart as ana, then Restart; the pods restart, the card ends with PASS."
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
        "Write into the card's thread and put 📌 on it under ⋯: /incident show 1 has it in the timeline.",
        f"Send an alert: curl {token} {world.alertmanager.url} -d {body}",
        "Look with kubectl: kubectl get pods -n shop -w",
        "Press Scenarios on the page: each is played for you there, step by step.",
    ]
