"""``/incident silence`` and its form: open it, fill it in from what was typed, hand on what was submitted.

The form is opened first and filled in when Alertmanager has answered: Slack takes a form for three seconds after the
press, and an Alertmanager may take longer. It refuses to silence anything that wasn't shown.
"""

from __future__ import annotations

import re
from datetime import timedelta

import structlog

from bot.domain.errors import FettleError, RequestError
from bot.slack import errors, ids, modals, silence_modal
from bot.slack.mrkdwn import duration
from commands.asked import Asked
from commands.front import Front

log = structlog.get_logger(__name__)

_SPAN = re.compile(r"(\d{1,4})(m|min|mins|minutes?|h|hr|hours?|d|days?)")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
NO_SPAN = "There is no time in “{0}”. Write it as 30m, 2h or 1d, for example: {1} silence 2h deploying."
TOO_LONG = "{0} is longer than a silence may last here, which is {1} (SILENCE_MAX). Nothing was silenced."


def split(text: str, command: str = "/incident") -> tuple[timedelta | None, str]:
    """(how long, why) of ``2h deploying``; None without a time, ``RequestError`` for one that can't be read."""
    first, _, rest = text.strip().partition(" ")
    found = _SPAN.fullmatch(first.lower())
    if found:
        return timedelta(seconds=int(found[1]) * _SECONDS[found[2][0]]), rest.strip()
    if first[:1].isdecimal():
        raise RequestError(NO_SPAN.format(first[:40], command))
    return None, text.strip()


async def open_form(front: Front, who: Asked, number: int, text: str = "") -> None:
    """Opens the form for one incident, with the time and the reason that were typed."""
    wanted, comment = split(text, ids.command("/incident", front.suffix))
    place = modals.Place(who.channel, who.response_url, ids.incident_value(number), asked_on=who.asked_on)
    view_id = await front.slack.open_view(who.trigger_id, silence_modal.waiting(place))
    try:
        view = await _form(front, who, place, number, wanted, comment)
    except FettleError as error:
        view = silence_modal.refused(errors.sentence(error))
    try:
        await front.slack.update_view(view_id, view)
    except FettleError as error:  # closed before Alertmanager answered: whoever closes it wants nothing
        log.info("the form of a silence was gone before it was filled in", error=str(error))


async def _form(
    front: Front, who: Asked, place: modals.Place, number: int, wanted: timedelta | None, comment: str
) -> modals.View:
    principal = await front.identities.principal(who)
    preview = await front.verbs.silence_preview(number, principal)
    if wanted is not None and not preview.refusal and wanted > preview.longest:
        said = TOO_LONG.format(duration(wanted.total_seconds()), duration(preview.longest.total_seconds()))
        return silence_modal.refused((await front.verbs.refused(principal, "silence", said)).text)
    return silence_modal.form(place, preview, wanted, comment)


async def pressed(front: Front, who: Asked) -> None:
    """``Silence…`` on the card."""
    number = ids.read_id(who.value, "i")
    if not number:
        raise RequestError("This button's value can't be read; nothing was done. Use the incident's current card.")
    await open_form(front, who, number)


async def submitted(front: Front, who: Asked) -> None:
    """The form was sent."""
    values = modals.values_of(who.view)
    principal = await front.identities.principal(who)
    number, seconds = ids.read_id(who.place.value, "i"), values.get(ids.PICK_DURATION, "")
    if not number or not seconds.isdecimal() or len(seconds) > 7:
        raise RequestError("This form is out of date; nothing was done. Please open it again.")
    lasting = timedelta(seconds=int(seconds))
    answer = await front.verbs.silence(number, principal, lasting, values.get(ids.ENTER_COMMENT, ""), who.place.shown)
    await front.refuse(who, answer)
