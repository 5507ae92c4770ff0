"""Answers that Slack didn't take at once: each is told again a little later, and says then what it answers.

It makes way for a newer request of the same person on the same thing, which it could only contradict, and it ends
with the process. It refuses to know how an answer is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.domain.errors import FettleError, OutcomeUnknownError, SlackUnavailableError
from bot.slack import answers
from bot.slack.message import Message
from commands.asked import Asked

log = structlog.get_logger(__name__)

AGAIN = (2.0, 10.0, 60.0)
"""Seconds until an answer that Slack didn't take is told again, or longer where Slack says so; its address takes five
in half an hour."""
INSISTING = 200
"""Answers that wait so at once; more are in the log alone, as in a storm of presses while Slack is away."""
STOPPING = "Fettle is stopping."
NEWER = "The same person asked again meanwhile, so it would be out of date."

Send = Callable[[Asked, Message], Awaitable[FettleError | None]]
"""What Slack said against an answer, None when it took it."""


@dataclass
class _Waiting:
    who: Asked
    message: Message
    why: str = ""
    """Why it was called off, for the log."""


class Late:
    """One process's answers that wait; as long as its number, so false when none does."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: dict[asyncio.Task[FettleError | None], _Waiting] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, who: Asked, message: Message, error: FettleError, outdated: str = "") -> None:
        """Tells it again later, if that is of use; what isn't told is in the log. ``outdated``: why it is too late."""
        if outdated or self._closed:
            _lost(message, outdated or STOPPING)
        elif not _passing(error) or len(self) >= INSISTING:
            _lost(message, str(error))
        else:
            # A task of its own: the press is answered as far as a stop is concerned.
            task = asyncio.create_task(self._insist(who, message, error), name="answer-again")
            self._waiting[task] = _Waiting(who, message)
            task.add_done_callback(self._ended)

    def make_way(self, newer: Asked) -> None:
        """Drops what the same person would still be told about the same thing."""
        for task, one in self._waiting.items():
            if newer.follows(one.who):
                self._call_off(task, NEWER)

    async def close(self) -> None:
        """Drops all, and takes no more: none wakes after this."""
        self._closed = True
        while self._waiting:
            left = list(self._waiting)
            for task in left:
                self._call_off(task, STOPPING)
            await asyncio.wait(left, timeout=1)

    def _call_off(self, task: asyncio.Task[FettleError | None], why: str) -> None:
        self._waiting[task].why = self._waiting[task].why or why
        task.cancel()

    async def _insist(self, who: Asked, message: Message, error: FettleError) -> FettleError | None:
        """Tells it again; a sentence that comes twice, since an answer was lost, is better than none."""
        late = answers.late(message, who.named, who.at)
        for pause in AGAIN:
            named = error.retry_after if isinstance(error, SlackUnavailableError) else None
            await asyncio.sleep(max(pause, named or 0))
            refused = await self._send(who, late)
            if refused is None or not _passing(refused):
                return refused
            error = refused
        return error

    def _ended(self, task: asyncio.Task[FettleError | None]) -> None:
        # Here and not in the task: one that is called off before its first step runs nothing.
        one = self._waiting.pop(task)
        if task.cancelled():
            _lost(one.message, one.why or STOPPING)
        elif error := task.exception() or task.result():
            _lost(one.message, str(error))


def _passing(error: FettleError) -> bool:
    return isinstance(error, SlackUnavailableError | OutcomeUnknownError)


def _lost(message: Message, why: str) -> None:
    log.warning("an answer did not arrive", text=message.text, error=why)
