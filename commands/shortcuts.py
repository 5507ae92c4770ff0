"""The shortcuts in the menu of a message: *Add to incident timeline* and *Declare incident*.

Slack sends the message along, so nothing has to be read and no scope is needed; the form carries it to its submission.
A trigger is good for three seconds, so the form of the timeline is opened first and filled in when Slack has said who
asks. It refuses to decide whose timeline it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog

from bot.domain.answer import Answer
from bot.domain.errors import FettleError, RequestError
from bot.domain.note import Brought, Noting, Seen
from bot.slack import answers, errors, ids, modals, note_modal, said
from commands.asked import Asked
from commands.front import Front, Handler

log = structlog.get_logger(__name__)

GARBLED = "This form can't be read; nothing was done. Choose the shortcut on the message again."

NOT_SHOWN = "The form couldn't be shown, or was closed before; nothing was noted. {}"


def place_of(who: Asked) -> modals.Place:
    """Where the form answers, and the message that it is about: as people read it, secrets hidden."""
    message: Mapping[str, Any] = who.message
    return replace(
        who.place,
        ts=who.message_ts,
        thread_ts=said.root_of(message),
        author=str(message.get("user") or ""),
        text=said.words(message),
    )


def brought(front: Front, who: Asked, place: modals.Place) -> Brought:
    """The message that the form carries; ``RequestError`` for a form that carries none."""
    if not (place.channel and place.ts):
        raise RequestError(GARBLED)
    identity = front.slack.identity
    own = identity is not None and place.author == identity.user_id
    link = front.slack.permalink(place.channel, place.ts, place.thread_ts)
    seen = Seen(True, place.text, place.thread_ts, place.author, link, own=own)  # noqa: FBT003 - as it is read elsewhere
    return Brought(place.channel, place.ts, seen, str(who.view.get("id", "")))


async def note(front: Front, who: Asked) -> None:
    """Opens the form at once and fills it in; why nothing can be noted stands in its place."""
    place = place_of(who)
    view_id = await front.slack.open_view(who.trigger_id, note_modal.waiting(place))
    found = await _found(front, who, place)
    view = note_modal.refused(found) if isinstance(found, str) else note_modal.form(place, found)
    try:
        await front.slack.update_view(view_id, view)
    except FettleError as error:
        log.info("the form of a note could not be filled in", error=str(error))
        await front.tell(
            who, answers.said(found if isinstance(found, str) else NOT_SHOWN.format(errors.sentence(error)))
        )


async def _found(front: Front, who: Asked, place: modals.Place) -> Noting | str:
    """What the form offers, or why nothing can be noted."""
    try:
        principal = await front.identities.principal(who)
        found = await front.verbs.noting(principal, brought(front, who, place))
    except FettleError as error:
        return errors.sentence(error)
    return found.text if isinstance(found, Answer) else found


async def noted(front: Front, who: Asked) -> None:
    """The form was sent: the message is added to the timeline of the incident that was chosen."""
    number = ids.read_id(modals.values_of(who.view).get(ids.PICK_INCIDENT, ""), "i")
    if not number:
        raise RequestError(GARBLED)
    message = brought(front, who, who.place)
    principal = await front.identities.principal(who)
    await front.say(who, await front.verbs.note(principal, number, message))


async def retracted(front: Front, who: Asked) -> None:
    """*Retract* was pressed."""
    message = brought(front, who, who.place)
    principal = await front.identities.principal(who)
    await front.say(who, await front.verbs.retract(principal, message))


async def declare(front: Front, who: Asked) -> None:
    """The form of ``/incident new``, with the message's first line as its title; who may is said at its submission."""
    lines = said.told(who.message).splitlines()
    first = next((line.strip() for line in lines if line.strip()), "")
    await front.slack.open_view(who.trigger_id, modals.declare(place_of(who), first))


SHORTCUTS: Mapping[str, Handler] = {ids.NOTE_MESSAGE: note, ids.DECLARE_FROM_MESSAGE: declare}
"""Every shortcut; a test holds them equal to the manifest's."""
