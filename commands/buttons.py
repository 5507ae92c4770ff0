"""Presses on cards, digests and ephemeral answers: each button is one verb, its value an opaque id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bot.domain.answer import Answer
from bot.domain.approval import Principal
from bot.domain.errors import RequestError
from bot.slack import answers, ids, modals
from commands import silence_words
from commands.asked import Asked
from commands.front import Front, Handler
from commands.verbs import Verbs

GARBLED = "This button's value can't be read; nothing was done. Use the incident's current card."


def _id(who: Asked, kind: str) -> int:
    number = ids.read_id(who.value, kind)
    if not number:
        raise RequestError(GARBLED)
    return number


def _on(kind: str, verb: Callable[[Verbs, int, Principal], Awaitable[Answer]], *, tell: bool = False) -> Handler:
    async def handle(front: Front, who: Asked) -> None:
        number = _id(who, kind)
        principal = await front.identities.principal(who)
        answer = await verb(front.verbs, number, principal)
        await (front.say if tell else front.refuse)(who, answer)

    return handle


async def approve(front: Front, who: Asked) -> None:
    """Approves at once, or asks why first where the policy wants a reason."""
    number = _id(who, "p")
    principal = await front.identities.principal(who)
    answer = await front.verbs.approve(number, principal)
    if answer.asks_reason:
        await front.slack.open_view(who.trigger_id, modals.approve(who.place, await front.verbs.proposal(number)))
    else:
        await front.refuse(who, answer)


async def reject(front: Front, who: Asked) -> None:
    """Opens the modal that asks why; who may reject is decided at its submission."""
    _id(who, "p")
    await front.slack.open_view(who.trigger_id, modals.reject(who.place))


async def change(front: Front, who: Asked) -> None:
    """Opens the modal that asks for another value; what was decided meanwhile is told at its submission."""
    proposal = await front.verbs.proposal(_id(who, "p"))
    await front.slack.open_view(who.trigger_id, modals.change(who.place, proposal))


async def break_glass(front: Front, who: Asked) -> None:
    """Opens the form that asks why; who may is decided at its submission."""
    proposal = await front.verbs.proposal(_id(who, "p"))
    await front.slack.open_view(who.trigger_id, modals.break_glass(who.place, proposal))


async def resolve_with_reason(front: Front, who: Asked) -> None:
    """Opens the modal that asks for the reason."""
    _id(who, "i")
    await front.slack.open_view(who.trigger_id, modals.resolve(who.place))


async def find_target(front: Front, who: Asked) -> None:
    """Opens the pickers for an incident without candidates."""
    _id(who, "i")
    await front.slack.open_view(who.trigger_id, modals.find_target(who.place))


async def choose_target(front: Front, who: Asked) -> None:
    """A candidate was picked on the card: its option holds a hash, the incident holds the names."""
    number = _id(who, "i")
    incident, _, _ = await front.verbs.show(number)
    wanted = ids.read_target(who.value)
    key = next((each.key for each in incident.candidates if ids.target_value(each.key) == wanted), "")
    if not key:
        raise RequestError(f"That workload is no candidate of {incident.ref} any more. Look at its current card.")
    principal = await front.identities.principal(who)
    await front.refuse(who, await front.verbs.choose_target(number, key, principal))


async def more(front: Front, who: Asked) -> None:
    """Shows policy, diff and story in a modal."""
    incident, proposals, timeline = await front.verbs.show(_id(who, "i"))
    await front.slack.open_view(who.trigger_id, modals.more(incident, proposals, timeline))


async def out_of_date(front: Front, who: Asked) -> None:
    """Any control that no listener knows: an old message after an upgrade. Said to the person, and audited."""
    number = await front.verbs.incident_at(who.channel, who.message_ts) if who.message_ts else None
    principal = await front.identities.principal(who)
    await front.verbs.refused(principal, f"press {who.action_id[:100]}", "the control is out of date")
    incident = (await front.verbs.show(number))[0] if number else None
    command = ids.command("/incident", front.suffix)
    await front.tell(who, answers.out_of_date(await front.address(number or 0), incident, command))


HANDLERS: Mapping[str, Handler] = {
    ids.APPROVE: approve,
    ids.REJECT: reject,
    ids.CHANGE: change,
    ids.STOP: _on("p", lambda verbs, number, who: verbs.stop(number, who)),
    ids.REQUEST_AGAIN: _on("p", lambda verbs, number, who: verbs.request_again(number, who)),
    ids.BREAK_GLASS: break_glass,
    ids.ACKNOWLEDGE: _on("i", lambda verbs, number, who: verbs.acknowledge(number, who)),
    ids.MEASURE_AGAIN: _on("i", lambda verbs, number, who: verbs.measure_again(number, who)),
    ids.RESOLVE: _on("i", lambda verbs, number, who: verbs.resolve(number, who, "")),
    ids.RESOLVE_WITH_REASON: resolve_with_reason,
    ids.KEEP_OPEN: _on("i", lambda verbs, number, who: verbs.keep_open(number, who)),
    ids.CHOOSE_TARGET: choose_target,
    ids.FIND_TARGET: find_target,
    ids.OPEN_CARD: _on("i", lambda verbs, number, who: verbs.open_card(number, who), tell=True),
    ids.MORE: more,
    ids.SILENCE: silence_words.pressed,
    ids.ARTIFACT_LINK: _on("a", lambda verbs, number, who: verbs.lend(number, who), tell=True),
    ids.UNSILENCE: _on("i", lambda verbs, number, who: verbs.unsilence(number, who)),
}
"""Every action a message can carry; a test holds that none is missing."""
