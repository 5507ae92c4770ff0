"""Events: the manifest subscribes to those that are listened to, and 📌 alone is kept of the reactions."""

from __future__ import annotations

from typing import Any, cast

import yaml

from bot.app_manifest import manifest
from bot.domain.note import PinNews
from commands import listen
from tests.integration.commands.conftest import CHANNEL, Office


class Listening:
    """Takes every registration as Bolt does, and notes the events that are named."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def event(self, name: Any, **_: Any) -> Any:
        """A listener of an event, or of all others."""
        self.events += [name] if isinstance(name, str) else []
        return lambda listener: listener

    def __getattr__(self, _name: str) -> Any:
        return lambda *_, **__: lambda listener: listener


async def test_the_manifest_subscribes_to_the_events_that_are_listened_to(office: Office) -> None:
    app = Listening()
    listen.register(cast("Any", app), office.front)
    assert app.events == yaml.safe_load(manifest())["settings"]["event_subscriptions"]["bot_events"]


async def test_a_pushpin_is_kept_with_its_person_message_and_event(office: Office) -> None:
    said = await office.server.post_as("U0LI", CHANNEL, "failing over")
    await office.server.react("U0ANA", CHANNEL, said.ts, "eyes")
    await office.server.react("U0ANA", CHANNEL, said.ts, "pushpin")
    (on,) = await office.asked("heard")
    await office.server.unreact("U0ANA", CHANNEL, said.ts, "pushpin")
    await office.until(lambda: office.verbs.asked[-1][1] != on)
    (off,) = await office.asked("heard")
    assert on == PinNews(on.event_id, CHANNEL, said.ts, "U0ANA", on=True)
    assert off == PinNews(off.event_id, CHANNEL, said.ts, "U0ANA", on=False)
    assert on.event_id.startswith("Ev")
    assert len(office.verbs.asked) == 2
