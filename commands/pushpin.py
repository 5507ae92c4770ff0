"""📌 on a message: the event is kept before Slack is told that it arrived, the message is looked at afterwards.

Slack sends an event again that wasn't acknowledged, so nothing is lost between here and the store; and Bolt
acknowledges events before any listener runs, which is why the keeping is a middleware. Whoever pinned is told in an
ephemeral message: a reaction has no trigger, so no modal can ask which incident is meant, a select in it does. It
refuses to decide whose timeline it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from slack_bolt.response import BoltResponse

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.errors import FettleError, RejectedError, RequestError, SlackUnavailableError, UnavailableError
from bot.domain.incident import here_first
from bot.domain.note import PUSHPIN, Pin, PinNews, Seen
from bot.domain.owed import DueWork
from bot.slack import answers, ids
from bot.slack.message import Message
from commands.asked import Asked
from commands.front import Front, Handler

log = structlog.get_logger(__name__)

ADDED, REMOVED = "reaction_added", "reaction_removed"
EVENTS = (ADDED, REMOVED)
FIRST_WAIT, LAST_WAIT = 2.0, 30.0
"""Seconds until Slack is asked again about a message; longer where it names a time."""
PATIENCE = timedelta(minutes=10)
"""How long a message is tried to be read before the person is told that it wasn't noted."""
UNREAD = "The message couldn't be read, so nothing was noted. {} Take 📌 off and put it on again to try once more."
OVER = "The last open incident ended meanwhile. Nothing was noted."
GARBLED = "This choice can't be read; nothing was noted. Take 📌 off the message and put it on again."

Middleware = Callable[..., Awaitable[BoltResponse | None]]


def news_of(body: Mapping[str, Any], own: str) -> PinNews | None:
    """What an event says; None for other reactions, for what isn't a message, and for Fettle's own reactions."""
    told = body.get("event") or {}
    item = told.get("item") or {}
    user, channel, ts = str(told.get("user") or ""), str(item.get("channel") or ""), str(item.get("ts") or "")
    if told.get("reaction") != PUSHPIN or item.get("type") != "message" or not (user and channel and ts):
        return None
    if user == own:
        return None
    event_id = str(body.get("event_id") or f"{told.get('type')} {told.get('event_ts')}")
    return PinNews(event_id, channel, ts, user, on=told.get("type") == ADDED)


def keeping(front: Front) -> Middleware:
    """Keeps what an event says; one that can't be kept isn't acknowledged, so Slack sends it again."""

    async def keep(body: Mapping[str, Any], next_: Callable[[], Awaitable[Any]]) -> BoltResponse | None:
        identity = front.slack.identity
        news = news_of(body, identity.user_id if identity else "")
        if news is not None:
            try:
                await front.verbs.heard(news)
            except FettleError as error:
                log.warning("a reaction could not be kept; Slack sends it again", error=str(error))
                return BoltResponse(status=503)
            except Exception:  # the listener boundary: an exception here would reach Bolt
                log.exception("a reaction could not be kept; Slack sends it again")
                return BoltResponse(status=503)
        await next_()
        return None

    return keep


async def kept() -> None:
    """The listener of both events: what there was to do is owed by now, and Bolt has acknowledged."""


async def settle(front: Front, work: DueWork) -> None:
    """The stage: looks at a message on which somebody put 📌 or took it off, and says what became of it."""
    pin = await front.verbs.pin(work.subject)
    who = Asked(pin.slack_id, pin.channel, message_ts=pin.ts, action_id=PUSHPIN, at=pin.heard_at)
    try:
        seen, principal = await _looked(front, pin), await _principal(front, who, pin)
    except UnavailableError as error:
        if not pin.on or front.now() - pin.heard_at < PATIENCE or not isinstance(error, SlackUnavailableError):
            named = error.retry_after or 0.0
            wait = max(named, min(FIRST_WAIT * 2 ** min(work.attempts - 1, 10), LAST_WAIT))
            await front.verbs.put_off_pin(work, wait, str(error))
            return
        seen, principal = Seen(on=True, problem=UNREAD.format(error)), Principal(pin.person, "", "")
    answer = await front.verbs.settle_pin(work, principal, seen)
    if answer is not None:
        await _tell(front, who, seen, answer)


async def _looked(front: Front, pin: Pin) -> Seen:
    """The message as it is now; where Slack refuses to show it, the newest event has to be believed."""
    if front.slack.identity is None:
        raise SlackUnavailableError("Slack hasn't said yet who the bot is.")
    if not pin.slack_id:
        return Seen(on=bool(pin.note_id))  # the person was erased meanwhile: it stays as it is
    try:
        return await front.slack.pinned(pin.channel, pin.ts, pin.slack_id)
    except UnavailableError:
        raise
    except FettleError as error:
        return Seen(on=pin.on, problem=UNREAD.format(error))


async def _principal(front: Front, who: Asked, pin: Pin) -> Principal:
    """Who pinned; somebody whom Slack doesn't know is nobody, which policy refuses."""
    nobody = Principal(pin.person, "", "")
    try:
        return await front.verbs.principal(await front.identities.person(who.user_id)) if who.user_id else nobody
    except UnavailableError:
        raise
    except FettleError as error:
        log.warning("Slack doesn't know who pinned a message", error=str(error))
        return nobody


async def _tell(front: Front, who: Asked, seen: Seen, answer: Answer) -> None:
    place = Asked(who.user_id, who.channel, message_ts=who.message_ts, thread_ts=seen.thread_ts,
                  action_id=who.action_id, at=who.at)  # fmt: skip
    if answer.asks_incident:
        found = await front.verbs.list_open()
        asking = answers.which_incident(answer, here_first(found, who.channel)) if found else answers.said(OVER)
        await front.tell(place, asking)
        await front.verbs.asked_pin(answer.asks_incident)
    elif seen.problem and await _apart(front, who, answers.answer(answer)):
        return
    else:
        await front.say(place, answer)


async def _apart(front: Front, who: Asked, message: Message) -> bool:
    """Where the bot isn't in the channel any more nothing can be said there: a direct message is left."""
    try:
        await front.slack.ephemeral(who.channel, who.user_id, message)
    except RejectedError:
        try:
            await front.slack.post(who.user_id, message, key=f"pin:{who.channel}:{who.message_ts}")
        except FettleError as error:
            log.warning("an answer did not arrive", text=message.text, error=str(error))
    except FettleError:
        return False  # told again later, as any other answer
    return True


async def chosen(front: Front, who: Asked) -> None:
    """Whoever pinned says which incident is meant; what the select offers are ids alone."""
    number, pin_id = ids.read_id(who.value, "i"), ids.read_pin(who.value)
    if not number or not pin_id:
        raise RequestError(GARBLED)
    principal = await front.identities.principal(who)
    pin = await front.verbs.pin(pin_id)
    seen = await _looked(front, pin)
    await front.say(who, await front.verbs.choose_incident(pin_id, number, principal, seen))


HANDLERS: Mapping[str, Handler] = {ids.PIN_INCIDENT: chosen}
"""Every action that an answer to a 📌 can carry."""
