"""The slash commands: ``/incident``, ``/restart`` and ``/verify``; parse, then one verb, then an ephemeral answer.

Slash commands carry no thread, so an incident that isn't named is the one that is open in the channel, or is asked
for with a picker: never silence, never a guess between two.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace

from bot.domain.incident import here_first, parse_ref
from bot.slack import answers, ids, modals
from commands import act_words
from commands import help as words
from commands.asked import Asked
from commands.front import Front, Handler
from commands.views import act_on

INCIDENT, RESTART, VERIFY = "/incident", "/restart", "/verify"
MOST_ID = 10**9


async def incident(front: Front, who: Asked) -> None:
    """``/incident`` and its verbs, as the help lists them; a bare number shows that incident."""
    first, _, rest = who.text.partition(" ")
    verb = words.verb_of(first)
    if not verb and parse_ref(first):
        verb, rest = "show", who.text
    if verb == "list":
        found = await front.verbs.list_open()
        links = {each.id: await front.address(each.id) for each in found[: answers.LISTED]}
        await front.tell(who, answers.incident_list(found, links))
    elif verb == "new":
        # Slack escapes what was typed (should_escape); the modal shows it as typed.
        await front.slack.open_view(who.trigger_id, modals.declare(who.place, html.unescape(rest.strip())))
    elif verb == "act":
        await _act(front, who, rest.strip())
    elif verb in {"freeze", "thaw"}:
        principal = await front.identities.principal(who)
        reason = html.unescape(rest).strip().strip("\"'“”")
        asked = front.verbs.freeze(principal, reason) if verb == "freeze" else front.verbs.thaw(principal)
        await front.say(who, await asked)
    elif verb == "dump":
        number = int(rest.strip()) if rest.strip().isascii() and rest.strip().isdecimal() else 0
        if not 0 < number < MOST_ID:
            await front.tell(who, answers.said(words.DUMP_HELP.format(who.command or INCIDENT)))
            return
        await front.say(who, await front.verbs.lend(number, await front.identities.principal(who)))
    elif verb in {"show", "ack", "resolve", "break-glass", "silence", "unsilence"}:
        await _on_one(front, who, verb, rest.strip())
    else:
        wrong = "" if verb == "help" else first
        await front.tell(who, answers.said(words.incident_help(who.command or INCIDENT, wrong)))


async def _act(front: Front, who: Asked, rest: str) -> None:
    """``act rollback shop/api 41``: the action, the workload, and what the action takes; ``then`` before a next one."""
    first, *others = act_words.steps(html.unescape(rest))
    word, _, rest = first.partition(" ")
    action = act_words.action_of(word)
    then = [act_words.following(one) for one in others]
    wrong = next((one for one, known in ((word, action), *zip(others, then, strict=True)) if known is None), "")
    if action is None or wrong or not rest.strip():
        await front.tell(who, answers.said(words.act_help(who.command or INCIDENT, wrong.partition(" ")[0])))
        return
    principal = await front.identities.principal(who)
    workload, wanted = act_words.parse(action, rest)
    known = [one for one in then if one is not None]
    await front.say(who, await front.verbs.act(principal, action, workload, wanted, known))


async def _on_one(front: Front, who: Asked, verb: str, rest: str) -> None:
    first, _, tail = rest.partition(" ")
    number = parse_ref(first)
    if number is not None:
        await act_on(front, who, verb, number, html.unescape(tail.strip()))
        return
    found = await front.verbs.list_open()
    here = [each for each in found if each.channel == who.channel]
    if not found:
        await front.tell(who, answers.said("No incident is open."))
    elif len(here) == 1:
        await act_on(front, who, verb, here[0].id, html.unescape(rest))
    else:
        place = replace(who.place, verb=verb, reason=html.unescape(rest))
        await front.slack.open_view(who.trigger_id, modals.pick_incident(place, here_first(found, who.channel)))


async def restart(front: Front, who: Asked) -> None:
    """``/restart shop/api``; alone it opens the pickers."""
    if not who.text:
        await front.slack.open_view(who.trigger_id, modals.restart(who.place))
        return
    if words.verb_of(who.text) == "help":
        await front.tell(who, answers.said(words.RESTART_HELP.format(who.command or RESTART)))
        return
    principal = await front.identities.principal(who)
    await front.say(who, await front.verbs.restart(principal, who.text))


async def verify(front: Front, who: Asked) -> None:
    """``/verify shop/api``: the same checks as after an action, measured now."""
    if not who.text or words.verb_of(who.text) == "help":
        await front.tell(who, answers.said(words.VERIFY_HELP.format(who.command or VERIFY)))
        return
    principal = await front.identities.principal(who)
    await front.say(who, await front.verbs.verify(principal, who.text))


COMMANDS: Mapping[str, Handler] = {INCIDENT: incident, RESTART: restart, VERIFY: verify}
"""Every slash command; a test holds them equal to the manifest's."""


def named(suffix: str) -> Mapping[str, Handler]:
    """The commands as Slack knows them: with the suffix ``eu`` they are ``/incident-eu`` and so on."""
    return {ids.command(command, suffix): handler for command, handler in COMMANDS.items()}


async def unknown(front: Front, who: Asked) -> None:
    """A command that the manifest has and this version doesn't."""
    known = ", ".join(named(front.suffix))
    await front.tell(who, answers.said(f"This version of Fettle doesn't know that command. It knows {known}."))
