"""Pickers fed from the cluster while the person types; an empty list when it can't be read in time, never silence.

Slack waits three seconds for options, the lists have two. It refuses to cache: that is the workflow's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bot.domain.errors import FettleError
from bot.slack import ids, modals
from bot.slack.cards import blocks
from commands.asked import Asked, asked
from commands.front import Front, Listener, acknowledge
from commands.views import workload_options

log = structlog.get_logger(__name__)

_MODALS = {ids.VIEW_RESTART: modals.restart, ids.VIEW_FIND_TARGET: modals.find_target}


def namespace_options(front: Front) -> Listener:
    """Namespaces that contain what was typed."""

    async def listen(ack: Callable[..., Awaitable[Any]], body: Mapping[str, Any]) -> None:
        needle = str(body.get("value", "")).strip().lower()
        names: list[str] = []
        try:
            names = await front.verbs.namespaces()
        except FettleError as error:
            log.warning("no namespaces for a picker", error=str(error))
        fitting = [name for name in names if needle in name.lower()][:100]
        await acknowledge(ack, options=[blocks.option(name, name) for name in fitting])

    return listen


def workload_picker(front: Front) -> Listener:
    """Workloads of the namespace that was chosen above."""

    async def listen(ack: Callable[..., Awaitable[Any]], body: Mapping[str, Any]) -> None:
        who = asked(body)
        namespace = _namespace(who)
        found: list[dict[str, Any]] = []
        try:
            if namespace:
                found = workload_options(await front.verbs.workloads(namespace, str(body.get("value", ""))))
        except FettleError as error:
            log.warning("no workloads for a picker", error=str(error))
        await acknowledge(ack, options=found)

    return listen


def _namespace(who: Asked) -> str:
    return modals.values_of(who.view).get(ids.PICK_NAMESPACE) or who.place.namespace


async def namespace_chosen(front: Front, who: Asked) -> None:
    """Redraws the modal for that namespace, so that a workload of another one can't stay chosen."""
    build = _MODALS.get(str(who.view.get("callback_id", "")))
    if build is None or not who.value:
        return
    place = modals.Place(**{**vars(who.place), "namespace": who.value})
    await front.slack.update_view(str(who.view["id"]), build(place), str(who.view.get("hash", "")))
