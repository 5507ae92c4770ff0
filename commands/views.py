"""Submissions of modals: what is missing is said in its place, the rest is one verb after the ack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.severity import parse_severity
from bot.domain.target import Target
from bot.slack import answers, ids, modals
from bot.slack.cards import blocks
from commands import home, shortcuts, silence_words
from commands.asked import Asked
from commands.front import Front, Handler, Listener, acknowledge

Check = Callable[[Mapping[str, str]], tuple[str, str] | None]
"""Looks at what was entered; (action id, sentence) for what is wrong."""


def submission(front: Front, check: Check, handler: Handler) -> Listener:
    """A Bolt view listener: errors are shown in the modal, otherwise it closes and the verb runs."""

    async def listen(ack: Callable[..., Awaitable[Any]], body: Mapping[str, Any]) -> None:
        who = front.asked(body)
        wrong = check(modals.values_of(who.view))
        if wrong:
            errors = {modals.block_of(who.view, wrong[0]): wrong[1]}
            await acknowledge(ack, response_action="errors", errors=errors)
            return
        with front.counted(who):
            await acknowledge(ack)
            await front.handled(handler, who)

    return listen


def _needs(action_id: str, sentence: str) -> Check:
    return lambda values: None if values.get(action_id) else (action_id, sentence)


async def _approve(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    reason = modals.values_of(who.view)[ids.ENTER_REASON]
    number = ids.read_id(who.place.value, "p")
    await front.refuse(who, await front.verbs.approve(number, principal, reason))


async def _change(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    value = modals.values_of(who.view)[ids.ENTER_VALUE]
    number = ids.read_id(who.place.value, "p")
    await front.refuse(who, await front.verbs.change(number, principal, value))


async def _break_glass(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    reason = modals.values_of(who.view)[ids.ENTER_REASON]
    number = ids.read_id(who.place.value, "p")
    await front.say(who, await front.verbs.break_glass(number, principal, reason))


async def _reject(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    reason = modals.values_of(who.view)[ids.ENTER_REASON]
    number = ids.read_id(who.place.value, "p")
    await front.refuse(who, await front.verbs.deny(number, principal, reason))


async def _resolve(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    reason = modals.values_of(who.view)[ids.ENTER_REASON]
    number = ids.read_id(who.place.value, "i")
    await front.refuse(who, await front.verbs.resolve(number, principal, reason))


async def _declare(front: Front, who: Asked) -> None:
    values = modals.values_of(who.view)
    principal = await front.identities.principal(who)
    severity = parse_severity(values.get(ids.PICK_SEVERITY) or "SEV3")
    where = values.get(ids.PICK_NAMESPACE, ""), values.get(ids.ENTER_SERVICE, "")
    title, place = values[ids.ENTER_TITLE], who.place
    if place.ts:
        message = shortcuts.brought(front, who, place)
        answer = await front.verbs.declare_from(principal, title, severity, *where, message)
    else:
        answer = await front.verbs.declare(principal, title, severity, *where, str(who.view.get("id", "")))
    await front.say(who, answer)


def _declared(values: Mapping[str, str]) -> tuple[str, str] | None:
    if not values.get(ids.ENTER_TITLE):
        return ids.ENTER_TITLE, "Say in a few words what is wrong."
    if values.get(ids.ENTER_SERVICE) and not values.get(ids.PICK_NAMESPACE):
        return ids.PICK_NAMESPACE, "A workload needs its namespace."
    return None


async def _restart(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    await front.say(who, await front.verbs.restart(principal, modals.values_of(who.view)[ids.PICK_WORKLOAD]))


async def _find_target(front: Front, who: Asked) -> None:
    principal = await front.identities.principal(who)
    number = ids.read_id(who.place.value, "i")
    key = modals.values_of(who.view)[ids.PICK_WORKLOAD]
    await front.refuse(who, await front.verbs.choose_target(number, key, principal))


async def _picked(front: Front, who: Asked) -> None:
    """A command that could mean several incidents goes on with the one that was picked."""
    number = ids.read_id(modals.values_of(who.view)[ids.PICK_INCIDENT], "i")
    await act_on(front, who, who.place.verb, number, who.place.reason)


async def act_on(front: Front, who: Asked, verb: str, number: int, reason: str) -> None:
    """``/incident`` and one of its verbs, on one incident."""
    if verb == "show":
        incident, proposals, timeline = await front.verbs.show(number)
        address = await front.address(number)
        await front.tell(who, answers.incident_shown(incident, proposals, timeline, incident.updated_at, address))
        return
    if verb == "silence":
        await silence_words.open_form(front, who, number, reason)
        return
    principal = await front.identities.principal(who)
    if verb == "ack":
        await front.say(who, await front.verbs.acknowledge(number, principal))
    elif verb == "resolve":
        await front.say(who, await front.verbs.resolve(number, principal, reason))
    elif verb == "break-glass":
        _, proposals, _ = await front.verbs.show(number)
        newest = max(proposals, key=lambda one: one.id, default=None)
        if newest is None:
            text = f"Nothing is proposed in INC-{number} that could be held up."
            await front.say(who, await front.verbs.refused(principal, f"break-glass INC-{number}", text))
        else:
            await front.say(who, await front.verbs.break_glass(newest.id, principal, reason))
    elif verb == "unsilence":
        await front.say(who, await front.verbs.unsilence(number, principal))
    else:
        raise RequestError(f"There is no “{verb[:40]}” for an incident.")


SUBMISSIONS: Mapping[str, tuple[Check, Handler]] = {
    ids.VIEW_APPROVE: (_needs(ids.ENTER_REASON, "Say why, for the audit."), _approve),
    ids.VIEW_BREAK_GLASS: (_needs(ids.ENTER_REASON, "Say why, for the channel and the audit."), _break_glass),
    ids.VIEW_REJECT: (_needs(ids.ENTER_REASON, "Say why, for the card and the audit."), _reject),
    ids.VIEW_RESOLVE: (_needs(ids.ENTER_REASON, "Say why, for the card and the audit."), _resolve),
    ids.VIEW_DECLARE: (_declared, _declare),
    ids.VIEW_CHANGE: (_needs(ids.ENTER_VALUE, "Write what is meant."), _change),
    ids.VIEW_FREEZE: (
        _needs(ids.ENTER_REASON, "Say why, for whoever may thaw."),
        home.freeze_for,
    ),
    ids.VIEW_RESTART: (_needs(ids.PICK_WORKLOAD, "Choose a workload."), _restart),
    ids.VIEW_FIND_TARGET: (_needs(ids.PICK_WORKLOAD, "Choose a workload."), _find_target),
    ids.VIEW_SILENCE: (_needs(ids.PICK_DURATION, "Choose how long."), silence_words.submitted),
    ids.VIEW_NOTE: (_needs(ids.PICK_INCIDENT, "Choose an incident."), shortcuts.noted),
    ids.VIEW_RETRACT: (lambda _: None, shortcuts.retracted),
    ids.VIEW_PICK_INCIDENT: (_needs(ids.PICK_INCIDENT, "Choose an incident."), _picked),
}
"""Every modal that can be submitted; a test holds that none is missing."""


def workload_options(found: list[Target]) -> list[dict[str, Any]]:
    """Options of the workload picker; a key that is longer than an option may hold is left out (type it instead)."""
    return [blocks.option(f"{each.kind} {each.name}", each.key) for each in found if len(each.key) <= 150][:100]
