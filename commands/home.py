"""App Home: drawn when somebody opens it; its one pair of buttons is the kill switch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.domain.answer import Answer
from bot.slack import home, ids, modals
from commands.asked import Asked
from commands.front import Front, Handler


async def opened(front: Front, who: Asked) -> None:
    """Draws it anew for whoever looks."""
    await _draw(front, who)


async def freeze(front: Front, who: Asked) -> None:
    """Opens the modal that asks why."""
    await front.slack.open_view(who.trigger_id, modals.freeze())


async def freeze_for(front: Front, who: Asked) -> None:
    """The modal was sent."""
    principal = await front.identities.principal(who)
    await _draw(front, who, await front.verbs.freeze(principal, modals.values_of(who.view)[ids.ENTER_REASON]))


async def thaw(front: Front, who: Asked) -> None:
    """Lifts it, or says who may."""
    await _draw(front, who, await front.verbs.thaw(await front.identities.principal(who)))


async def _draw(front: Front, who: Asked, answer: Answer | None = None) -> None:
    found = await front.verbs.home(await front.identities.principal(who))
    await front.slack.publish_home(who.user_id, home.view(found, front.slack.permalink, answer.text if answer else ""))


HANDLERS: Mapping[str, Handler] = {ids.FREEZE: freeze, ids.THAW: thaw}
"""Every action that App Home can carry."""


def event(front: Front) -> Callable[..., Awaitable[None]]:
    """The listener of ``app_home_opened``; the tab of messages isn't ours to draw."""

    async def listen(ack: Callable[..., Awaitable[Any]], body: Mapping[str, Any]) -> None:
        await ack()
        told = body.get("event") or {}
        if told.get("tab") == "home":
            who = Asked(user_id=str(told.get("user", "")), action_id="app_home_opened")
            with front.counted(who):
                await front.handled(opened, who)

    return listen
