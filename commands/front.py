"""What every listener shares: the verbs, Slack, who is asking, and how to answer them.

``listener`` is the boundary to Bolt: it acknowledges first, lets no exception through (Bolt would lose the ack), and
tells the person a sentence with an id that the log knows. It refuses to know any single command.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

from bot.clock import Clock
from bot.domain.answer import Answer
from bot.domain.errors import FettleError, RejectedError
from bot.slack import answers, errors
from bot.slack.client import SlackClient
from bot.slack.message import Message
from commands.asked import Asked, asked
from commands.identity import Identities
from commands.late import NEWER, Late
from commands.verbs import Verbs

log = structlog.get_logger(__name__)

TOLD_WITHIN = 1.0
"""Seconds for telling whoever was cut off: the process is about to end."""
CUT_OFF = "Fettle was stopped before this was finished. Look at the incident's card before you try again."

Handler = Callable[["Front", Asked], Awaitable[None]]
Listener = Callable[..., Awaitable[None]]


class Front:
    """One process's way to its people."""

    def __init__(self, slack: SlackClient, verbs: Verbs, clock: Clock, suffix: str = "") -> None:
        self.slack = slack
        self.suffix = suffix
        self.verbs = verbs
        self.identities = Identities(slack, verbs)
        self._running: dict[asyncio.Task[Any], Asked] = {}
        self._outdated: set[asyncio.Task[Any]] = set()
        self._clock = clock
        self.insisting = Late(self._sent)
        """Answers that Slack didn't take yet."""

    def now(self) -> datetime:
        """The present moment, as the store has it."""
        return self._clock()

    def asked(self, body: Mapping[str, Any]) -> Asked:
        """Reads a payload as it comes in, and notes when that was."""
        return asked(body, self._clock())

    def listener(self, handler: Handler) -> Listener:
        """A Bolt listener that acks, then handles; it never raises."""

        async def listen(ack: Callable[..., Awaitable[Any]], body: Mapping[str, Any]) -> None:
            who = self.asked(body)
            with self.counted(who):
                await acknowledge(ack)
                await self.handled(handler, who)

        return listen

    @contextmanager
    def counted(self, who: Asked) -> Iterator[None]:
        """From before the ack to the answer: ``drain`` waits for whatever is in here, as Slack won't send it again.

        What was asked before on the same thing by the same person is out of date as soon as its answer is late.
        """
        task = asyncio.current_task()
        if task is None or task in self._running:
            yield
            return
        self.insisting.make_way(who)
        self._outdated.update(older for older, one in self._running.items() if who.follows(one))
        self._running[task] = who
        try:
            yield
        finally:
            del self._running[task]
            self._outdated.discard(task)

    @property
    def busy(self) -> bool:
        """Whether something that was acknowledged isn't answered yet."""
        return bool(self._running)

    async def drain(self, seconds: float) -> None:
        """Waits for what was acknowledged, ``seconds`` at most; whoever is cut off is told. No new ones may come."""
        if self._running:
            await asyncio.wait(list(self._running), timeout=seconds)
        late = dict(self._running)
        for task in late:
            task.cancel()
        if late:
            log.warning("requests were cut off", number=len(late))
            told = [asyncio.create_task(self.tell(who, answers.said(CUT_OFF))) for who in late.values()]
            _, silent = await asyncio.wait([*late, *told], timeout=TOLD_WITHIN)
            for task in silent:
                task.cancel()
            if silent:
                await asyncio.wait(silent, timeout=TOLD_WITHIN)
        # At the end: until here, what was let finish may have had an answer that Slack didn't take.
        await self.insisting.close()

    async def handled(self, handler: Handler, who: Asked) -> None:
        """Runs a handler after the ack; whatever fails is logged and told."""
        with structlog.contextvars.bound_contextvars(slack_user=who.user_id, action=who.action_id):
            try:
                await handler(self, who)
            except FettleError as error:
                log.warning("a request could not be carried out", error=str(error))
                await self.tell(who, answers.said(errors.sentence(error)))
            except Exception as error:  # the listener boundary: an exception here would reach Bolt
                error_id = secrets.token_hex(4)
                log.exception("a listener failed", error_id=error_id)
                await self.tell(who, answers.said(errors.sentence(error, error_id=error_id)))

    async def tell(self, who: Asked, message: Message) -> None:
        """An answer that only the person sees; what Slack doesn't take is told again, and the log keeps the rest."""
        error = await self._sent(who, message)
        if error is not None:
            self.insisting.wait(who, message, error, NEWER if asyncio.current_task() in self._outdated else "")

    async def _sent(self, who: Asked, message: Message) -> FettleError | None:
        """What Slack said against it, None when it took it or there is nobody to tell."""
        try:
            if who.response_url and await self._responded(who, message):
                return None
            if who.channel:
                await self.slack.ephemeral(who.channel, who.user_id, message, thread_ts=who.thread_ts)
            else:
                log.warning("nowhere to answer", text=message.text)
        except FettleError as error:
            return error
        return None

    async def _responded(self, who: Asked, message: Message) -> bool:
        """By the address of the press or command; False where that is used up or over and the channel is left."""
        try:
            await self.slack.respond(who.response_url, message)
        except RejectedError as error:
            if not who.channel:
                raise
            log.info("an answer goes to the channel instead", error=str(error))
            return False
        return True

    async def refuse(self, who: Asked, answer: Answer) -> None:
        """Tells a refusal. A success shows on the card, which is edited anyway."""
        if not answer.ok:
            await self.tell(who, answers.answer(answer))

    async def say(self, who: Asked, answer: Answer) -> None:
        """Tells any answer, with the card's address."""
        await self.tell(who, answers.answer(answer, await self.address(answer.incident_id)))

    async def address(self, incident_id: int) -> str:
        """The permalink of an incident's card, empty if it has none yet."""
        place = await self.verbs.card_at(incident_id) if incident_id else None
        return self.slack.permalink(*place) if place else ""


async def acknowledge(ack: Callable[..., Awaitable[Any]], **answer: Any) -> None:
    """Acks; a connection that broke meanwhile must not end the work that follows."""
    try:
        await ack(**answer)
    except Exception as error:  # whatever the connection raises: the press itself has arrived  # noqa: BLE001
        log.warning("an ack did not arrive", error=repr(error))
