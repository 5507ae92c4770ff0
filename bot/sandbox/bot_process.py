"""The bot as the sandbox runs it: `python -m bot run`, unmodified, as a child with a built environment.

Nothing is inherited but PATH and the language: no HOME, no proxies, no KUBECONFIG, and the working directory is the
data folder, so that no `.env` of the developer is read. It refuses to know how the bot works: it only starts it, asks
`/readyz`, keeps its last lines, and ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp

import bot
from bot.sandbox.moved_time import Hand
from bot.sandbox.patience import stretched

ROOT = Path(bot.__file__).resolve().parents[1]
"""The folder that holds the packages; put on the child's path because its working directory is elsewhere."""

KEPT_LINES = 400
INHERITED = ("PATH", "LANG", "LC_ALL", "TZ")


class BotStartError(RuntimeError):
    """The bot ended or didn't become ready; the message holds its last lines."""


def built_environment(settings: Mapping[str, str], extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a child: what is inherited by name, then ``settings``, then ``extra``."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings, **(extra or {})}


class BotProcess:
    """One bot, started and stopped any number of times; ``audit_lines`` and ``log_lines`` are its latest output.

    With a ``hand`` for each start, time can be let pass. Output is kept in ``bot.log`` (errors and log) and
    ``audit.jsonl`` (standard output) of ``folder`` too.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        extra: Mapping[str, str] | None = None,
        hand: Callable[[], Hand] | None = None,
    ) -> None:
        self.folder = folder
        self.settings = dict(settings)
        self.extra = dict(extra or {})
        self.audit_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.log_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.starts = 0
        self._new_hand = hand
        self._hand: Hand | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where the webhook, /healthz and /readyz are."""
        return f"http://127.0.0.1:{self.settings['LISTEN_PORT']}"

    @property
    def status_url(self) -> str:
        """Where /status and /metrics are."""
        return f"http://127.0.0.1:{self.settings['METRICS_PORT']}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id, 0 when it isn't running."""
        return self._process.pid if self._process is not None and self.running else 0

    async def start(self, within: float = 30.0) -> None:
        """Start and wait until /readyz says yes; ``BotStartError`` when it ends first or takes longer."""
        if self.running:
            raise RuntimeError("the bot runs already")
        self.starts += 1
        hand = self._hand = self._new_hand() if self._new_hand is not None else None
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the working directory is not searched for modules
            "-m",
            "bot",
            "run",
            *(("--sandbox-clock", str(hand.descriptor)) if hand is not None else ()),
            cwd=self.folder,
            env=built_environment(self.settings, self.extra),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=(hand.descriptor,) if hand is not None else (),
            start_new_session=True,  # Ctrl-C reaches the sandbox alone, which then ends the bot in order
            limit=1 << 20,
        )
        if hand is not None:
            hand.given()
        self._readers = [
            asyncio.create_task(self._keep(self._process.stdout, self.audit_lines, "audit.jsonl")),
            asyncio.create_task(self._keep(self._process.stderr, self.log_lines, "bot.log")),
        ]
        try:
            async with asyncio.timeout(stretched(within)):
                await self._until_ready()
        except TimeoutError:
            await self.kill()
            raise BotStartError(f"The bot was not ready within {within:.0f} s.{self.last_lines()}") from None

    async def _keep(self, stream: asyncio.StreamReader | None, lines: deque[str], name: str) -> None:
        if stream is None:
            return
        with (self.folder / name).open("a", encoding="utf-8") as file:
            while line := await stream.readline():
                text = line.decode(errors="replace")
                lines.append(text.rstrip("\n"))
                file.write(text)
                file.flush()

    async def let_pass(self, seconds: float, follow: Callable[[], None]) -> None:
        """Let time pass, the bot's as soon as it is at rest and then, by ``follow``, the rest's; see ``Hand``."""
        if self._hand is not None and self.running:
            await self._hand.let_pass(seconds, follow)
        else:
            follow()

    async def _until_ready(self) -> None:
        timeout = aiohttp.ClientTimeout(total=stretched(2))
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            while True:
                if not self.running:
                    await self._drain()
                    raise BotStartError(f"The bot ended with exit code {self.exit_code}.{self.last_lines()}")
                try:
                    async with session.get(f"{self.url}/readyz") as got:
                        if got.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass  # not listening yet
                await asyncio.sleep(0.05)

    @property
    def exit_code(self) -> int | None:
        """How it ended: minus the signal's number when a signal ended it; None while it runs."""
        return self._process.returncode if self._process is not None else None

    def last_lines(self, count: int = 15) -> str:
        """The last lines of its log, each on a line of its own, with a leading line break; "" without any."""
        lines = list(self.log_lines)[-count:]
        return "".join(f"\n  | {line}" for line in lines)

    async def stop(self, within: float = 20.0) -> int:
        """SIGTERM, and its exit code; killed when it takes longer than ``within`` seconds."""
        return await self._end(signal.SIGTERM, within)

    async def kill(self) -> int:
        """SIGKILL: as if the machine had gone."""
        return await self._end(signal.SIGKILL, 10.0)

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGTERM)

    async def _end(self, how: signal.Signals, within: float) -> int:
        if self._process is None:
            return 0
        if self.running:
            self._process.send_signal(how)
        try:
            async with asyncio.timeout(stretched(within)):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._drain()
        return self._process.returncode or 0

    async def wait(self) -> int:
        """Wait until it ends by itself."""
        if self._process is None:
            return 0
        await self._process.wait()
        await self._drain()
        return self._process.returncode or 0

    async def _drain(self) -> None:
        if self._hand is not None:
            self._hand.close()
            self._hand = None
        await asyncio.gather(*self._readers)
        self._readers = []


async def fettle(
    folder: Path, settings: Mapping[str, str], *words: str, extra: Mapping[str, str] | None = None, within: float = 30.0
) -> tuple[int, str]:
    """Run `fettle WORDS` beside the bot on the same store; its exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "bot",
        *words,
        cwd=folder,
        env={**built_environment(settings, extra), "COLUMNS": "200", "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1 << 24,
    )
    async with asyncio.timeout(stretched(within)):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace")
