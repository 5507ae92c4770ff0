"""Registers every listener with Bolt, and builds the Bolt app around the one client that we have.

Bolt answers unknown controls with silence, so there is a catch-all for each kind. Authorisation is static: asking
``auth.test`` for each event would drop events whenever that call is rate limited. It refuses to hold logic.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.slack import answers, ids
from commands import buttons, home, pickers, pushpin, shortcuts, slash, views
from commands.asked import Asked
from commands.front import Front

ANY = re.compile(r".*", re.DOTALL)


def register(app: AsyncApp, front: Front) -> None:
    """Registers commands, buttons, shortcuts and forms; the suffix ``eu`` makes ``/incident`` ``/incident-eu``."""
    for command, handler in slash.named(front.suffix).items():
        app.command(command)(front.listener(handler))
    for action_id, handler in buttons.HANDLERS.items():
        app.action(action_id)(front.listener(handler))
    for action_id, handler in (*home.HANDLERS.items(), *pushpin.HANDLERS.items()):
        app.action(action_id)(front.listener(handler))
    for callback_id, handler in shortcuts.SHORTCUTS.items():
        app.message_shortcut(callback_id)(front.listener(handler))
    app.event("app_home_opened")(home.event(front))
    for event in pushpin.EVENTS:
        app.event(event, middleware=[pushpin.keeping(front)])(pushpin.kept)
    app.action(ids.PICK_NAMESPACE)(front.listener(pickers.namespace_chosen))
    for callback_id, (check, handler) in views.SUBMISSIONS.items():
        app.view(callback_id)(views.submission(front, check, handler))
    app.options(ids.PICK_NAMESPACE)(pickers.namespace_options(front))
    app.options(ids.PICK_WORKLOAD)(pickers.workload_picker(front))
    _catch_all(app, front)


def _catch_all(app: AsyncApp, front: Front) -> None:
    """Registered last: Bolt takes the first listener that matches."""

    async def old_view(front: Front, who: Asked) -> None:
        await front.tell(who, answers.said("This form is out of date; nothing was done. Please open it again."))

    async def heard(ack: Callable[..., Awaitable[Any]]) -> None:
        await ack()

    app.command(ANY)(front.listener(slash.unknown))
    app.action(ANY)(front.listener(buttons.out_of_date))
    app.view(ANY)(front.listener(old_view))
    app.view_closed(ANY)(heard)
    app.options(ANY)(heard)
    app.shortcut(ANY)(front.listener(slash.unknown))
    app.event(ANY)(heard)


def bolt_app(front: Front) -> AsyncApp:
    """A Bolt app on the front's client with all listeners; ``slack.whoami`` was called before."""
    slack = front.slack
    identity = slack.identity
    if identity is None:
        raise RuntimeError("The preflight has to know who the bot is before Bolt starts.")
    result = AuthorizeResult(
        enterprise_id=None,
        team_id=identity.team_id,
        bot_token=slack.web.token,
        bot_user_id=identity.user_id,
        bot_id=identity.bot_id,
    )

    async def authorize(**_: Any) -> AuthorizeResult:
        # Strangers of a shared channel get on as far as ``identity``, which flags them: they are told and audited,
        # where Bolt would only be silent.
        return result

    logger = logging.getLogger("slack_bolt")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns that SLACK_BOT_TOKEN of the environment isn't used; that is meant
    # Without a name it looks for one in the source of every caller, which is a sixth of what a start takes.
    app = AsyncApp(name="fettle", client=slack.web, authorize=authorize, logger=logger)
    logger.setLevel(level)
    register(app, front)
    return app
