"""A bot whose time a sandbox lets pass: the line between the two, and the end that each of them holds.

The line is a pair of sockets without a name, made for one start of one bot: nothing can be connected to it later. Time
goes forward alone, and only while no stage of the bot has anything in its hands (``bot.jobs``): the bot says when, then
it waits until the rest of the world has followed. An image for production lacks this module; it refuses to know a bot.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
from collections.abc import Callable

from bot.sandbox.patience import stretched

MOST = 3600.0
"""Seconds that may pass at once."""
FOLLOWED_WITHIN = 30.0
"""Seconds that a bot waits for the rest of its world; without a word it goes on."""
TOLD_WITHIN = 5.0
"""Seconds that a bot waits at its start to hear how much has passed: it is there already."""
REST_WITHIN = 60.0
"""Seconds that a world waits for a bot to come to rest."""


NO_LINE = "--sandbox-clock names no line to a sandbox: fettle sandbox alone starts a bot with it. Start without it."


class NoLineError(ValueError):
    """What was named as the line isn't one; the message is a whole sentence."""


def _passed_before(line: socket.socket) -> float:
    """Seconds that had passed when the line was made; NaN where this is no such line."""
    if line.family != socket.AF_UNIX or line.type != socket.SOCK_STREAM:
        return math.nan
    line.settimeout(TOLD_WITHIN)
    try:
        word, seconds = line.recv(64).decode("ascii").split()
        passed = float(seconds)
    except (OSError, ValueError):
        return math.nan
    return passed if word == "at" and 0 <= passed < math.inf else math.nan


class Moved:
    """The bot's end; ``ahead`` are the seconds that were let pass so far."""

    def __init__(self, descriptor: int) -> None:
        """Reads how much had passed before this bot began; ``NoLineError`` where that isn't told."""
        try:
            self._line = socket.socket(fileno=descriptor)
        except OSError as error:
            raise NoLineError(NO_LINE) from error
        self.ahead = _passed_before(self._line)
        if math.isnan(self.ahead):
            self._line.detach()  # whatever it is, it isn't ours to close
            raise NoLineError(NO_LINE)
        self.asked = 0.0
        self._line.set_inheritable(False)
        self._line.setblocking(False)  # noqa: FBT003
        self._wake: Callable[[], None] = lambda: None
        self._told = b""
        self._followed = asyncio.Event()

    def listen(self, wake: Callable[[], None]) -> None:
        """Begins to listen in the running loop; ``wake`` is called when time is to pass."""
        self._wake = wake
        asyncio.get_running_loop().add_reader(self._line, self._read)

    def _read(self) -> None:
        try:
            heard = self._line.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        if not heard:  # the sandbox is gone: time goes on as everywhere
            asyncio.get_running_loop().remove_reader(self._line)
            self.asked = 0.0
            self._followed.set()
            return
        *lines, self._told = (self._told + heard).split(b"\n")
        for line in lines:
            self._hear(line.decode("ascii", "replace").split())

    def _hear(self, words: list[str]) -> None:
        if words == ["go"]:
            self._followed.set()
        elif words[:1] == ["pass"] and len(words) == 2:
            try:
                seconds = float(words[1])
            except ValueError:
                return
            if 0 < seconds <= MOST:
                self.asked = seconds
                self._wake()

    async def let(self) -> None:
        """What is asked for passes; returns when the rest of the world has followed."""
        self._followed.clear()
        self.ahead, self.asked = self.ahead + self.asked, 0.0
        try:
            self._line.send(b"passed\n")
            async with asyncio.timeout(FOLLOWED_WITHIN):
                await self._followed.wait()
        except (OSError, TimeoutError):
            return


class Hand:
    """The world's end of the line to one start of a bot; ``descriptor`` is what the bot inherits."""

    def __init__(self, ahead: float) -> None:
        self._line, self._theirs = socket.socketpair()
        self._line.setblocking(False)  # noqa: FBT003
        self._line.send(f"at {ahead!r}\n".encode())
        self.descriptor = self._theirs.fileno()

    def given(self) -> None:
        """The bot has its end now: with it, it ends."""
        self._theirs.close()

    async def let_pass(self, seconds: float, follow: Callable[[], None]) -> None:
        """Lets the bot's time pass when it is at rest, then ``follow`` the rest's; ``TimeoutError`` if it never rests.

        Of a bot that is gone only the rest of the world's.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._line, f"pass {seconds!r}\n".encode())
            async with asyncio.timeout(stretched(REST_WITHIN)):
                await loop.sock_recv(self._line, 64)
        except TimeoutError:
            raise TimeoutError(f"The bot didn't come to rest within {REST_WITHIN:.0f} s.") from None
        except OSError:
            pass  # it ended
        follow()
        with contextlib.suppress(OSError):
            await loop.sock_sendall(self._line, b"go\n")

    def close(self) -> None:
        """Nothing passes any more."""
        self._line.close()
