"""The shortcuts of a message in a real Slack: the form opens, what it offers, and what comes of sending it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from bot.app_manifest import manifest
from bot.domain.incident import Incident
from bot.sandbox.slack.acting import Reply
from bot.sandbox.slack.models import Message, View
from bot.sandbox.slack.server import SlackServer
from bot.slack import ids
from bot.slack.client import SlackClient
from bot.storage import audit
from tests.patience import PATIENT

from .floor import Floor
from .test_pushpin_in_slack import ROOM, WORDS, Desk

UNDO = "“Add to incident timeline” on it again retracts it."


class Menu(Desk):
    """People who choose a shortcut in the menu of a message, and send the form."""

    async def chooses(self, user: str, said: Message, name: str = ids.NOTE_MESSAGE) -> str:
        """The shortcut is chosen and its form filled in; what it says."""
        reply = await self.server.shortcut(user, name, said.channel, said.ts)
        assert reply.acked
        await self.idle()
        stack = self.views(user)
        return str(stack[-1].blocks) if stack else ""

    async def again(self) -> None:
        """The first form that was sent arrives once more."""
        sent = next(one for one in self.server.sockets.sent if one["payload"]["type"] == "view_submission")
        await self.server.sockets.deliver("interactive", sent["payload"], accepts_payload=True)
        await self.idle()

    async def idle(self) -> None:
        """Whatever came in is answered."""
        await self.acked()
        await self.front.drain(PATIENT)

    def views(self, user: str) -> list[View]:
        """The forms that are open."""
        return self.server.workspace.open_views(user)

    async def sends(self, user: str, incident: Incident | None = None, **more: Any) -> str:
        """The form on top is sent; what they are told."""
        before = len(self.told(user))
        values = {ids.BLOCK_INCIDENT_PICK: ids.incident_value(incident.id)} if incident else {}
        reply: Reply = await self.server.submit(user, self.views(user)[-1].id, {**values, **more})
        assert (reply.acked, reply.errors) == (True, {})
        await self.idle()
        return "\n".join(one.text for one in self.told(user)[before:])


@pytest.fixture
async def menu(floor: Floor) -> AsyncIterator[Menu]:
    server = SlackServer(yaml.safe_load(manifest()))
    await server.start()
    slack = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    await slack.whoami()
    one = Menu(floor, server, slack)
    await one.connect()
    yield one
    await one.close()
    await slack.close()
    assert server.invalid == []
    await server.stop()


async def refusals(menu: Menu) -> list[str]:
    return [str((one.detail or {})["asked"]) for one in await menu.floor.entries("command:request:refused")]


async def test_a_message_is_added_and_retracted(menu: Menu) -> None:
    one = await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, f"{WORDS} <to> the replica & back, password=hunter2-hunter2")
    shown = await menu.chooses("U0ANA", said)
    assert "the replica &amp; back, password=[hidden]" in shown
    assert f"'initial_option': {{'text': {{'type': 'plain_text', 'text': '{one.ref}" in shown
    assert await menu.sends("U0ANA") == f"Noted in the timeline of {one.ref}. {UNDO}"
    _, _, rows = await menu.floor.verbs.show(one.id)
    assert (rows[-1].what, rows[-1].detail, rows[-1].link) == (
        "note added", f"{WORDS} <to> the replica & back, password=[hidden]", menu.slack.permalink(ROOM, said.ts),
    )  # fmt: skip
    assert "you hold it there" in await menu.chooses("U0ANA", said)
    assert "Retracted from the timeline" in await menu.sends("U0ANA")
    assert [stands for _, _, stands in await menu.notes()] == [False]
    assert await menu.floor.store.read(audit.verify_chain) == []


async def test_in_the_thread_of_a_card_its_incident_is_preselected_resolved_or_not(menu: Menu) -> None:
    one = await menu.incident(1, card=True)
    root = await menu.card(one)
    other = await menu.incident(2)
    await menu.floor.verbs.resolve(one.id, await menu.floor.person("ana"), "over")
    said = await menu.server.post_as("U0LI", ROOM, WORDS, root)
    shown = await menu.chooses("U0ANA", said)
    assert shown.index(one.ref) < shown.index(other.ref)
    assert "initial_option" in shown
    assert await menu.sends("U0ANA") == f"Noted in the timeline of {one.ref}. {UNDO}"
    _, _, rows = await menu.floor.verbs.show(one.id)
    assert rows[-1].link.endswith(f"?thread_ts={root}&cid={ROOM}")


async def test_between_two_incidents_nothing_is_preselected_and_the_choice_counts(menu: Menu) -> None:
    first, second = await menu.incident(1), await menu.incident(2)
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    assert "initial_option" not in await menu.chooses("U0ANA", said)
    assert (await menu.server.submit("U0ANA", menu.views("U0ANA")[-1].id)).error == "invalid_input"
    await menu.sends("U0ANA", second)
    assert await menu.notes() == [(second.id, WORDS, True)]
    assert first.id != second.id


async def test_a_note_stands_until_nobody_holds_it_whichever_way_they_do(menu: Menu) -> None:
    one = await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    await menu.sends("U0ANA")
    assert "stands there until nobody" not in await menu.pins("U0BO", said)
    assert "stands in the timeline of INC-1 already" in await menu.chooses("U0LI", said)
    assert f"The message is in the timeline of {one.ref}" in await menu.sends("U0LI", one)
    await menu.chooses("U0ANA", said)
    assert "somebody else holds it there" in await menu.sends("U0ANA")
    await menu.pins("U0BO", said, on=False)
    assert [stands for _, _, stands in await menu.notes()] == [True]
    await menu.chooses("U0LI", said)
    assert "Retracted from the timeline" in await menu.sends("U0LI")
    assert [stands for _, _, stands in await menu.notes()] == [False]


async def test_one_person_has_one_hold_by_the_shortcut_or_by_a_pin(menu: Menu) -> None:
    await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    await menu.sends("U0ANA")
    assert await menu.pins("U0ANA", said) == ""
    assert "Retracted from the timeline" in await menu.pins("U0ANA", said, on=False)
    assert [stands for _, _, stands in await menu.notes()] == [False]


@pytest.mark.parametrize("after", ["add", "retract"])
async def test_a_form_that_arrives_twice_counts_once(menu: Menu, after: str) -> None:
    """Also where it was taken back in between."""
    await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    await menu.sends("U0ANA")
    if after == "retract":
        await menu.chooses("U0ANA", said)
        await menu.sends("U0ANA")
    await menu.again()
    assert [stands for _, _, stands in await menu.notes()] == [after == "add"]
    assert len(await menu.floor.entries("incident:note:added")) == 1


@pytest.mark.parametrize(
    ("user", "told"), [("U0GUS", "guests may not do this"), ("U0MALLORY", "you are in another organisation")]
)
async def test_whoever_is_no_member_is_told_in_the_form_and_written_down(menu: Menu, user: str, told: str) -> None:
    await menu.incident()
    menu.server.workspace.add_member(ROOM, user)
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    assert told in await menu.chooses(user, said)
    assert "submit" not in menu.views(user)[-1].body
    assert await refusals(menu) == ["add a message to a timeline"]


async def test_without_an_open_incident_and_on_its_own_messages_it_says_so(menu: Menu) -> None:
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    assert "no incident is open" in await menu.chooses("U0ANA", said)
    one = await menu.incident(card=True)
    own = menu.server.workspace.message(ROOM, await menu.card(one))
    assert own is not None
    assert "Fettle's own" in await menu.chooses("U0LI", own)
    assert len(await refusals(menu)) == 2
    assert await menu.notes() == []


async def test_while_slack_does_not_say_who_asks_the_form_is_open_and_says_that(menu: Menu) -> None:
    await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    menu.server.faults.error("users.info", 503)
    assert "I couldn't ask Slack who you are" in await menu.chooses("U0ANA", said)
    assert await menu.notes() == []


async def test_whoever_became_a_guest_since_adds_and_retracts_nothing(menu: Menu) -> None:
    one = await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    menu.front.identities._known.clear()
    menu.server.workspace.people["U0ANA"].kind = "guest"
    assert "guests may not do this" in await menu.sends("U0ANA", one)
    assert await menu.notes() == []
    assert await refusals(menu) == ["add a message to a timeline"]


async def test_a_message_that_stands_elsewhere_meanwhile_is_not_moved(menu: Menu) -> None:
    first, second = await menu.incident(1), await menu.incident(2)
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    await menu.chooses("U0BO", said)
    await menu.sends("U0BO", first)
    assert "Retract it there first" in await menu.sends("U0ANA", second)
    assert await menu.notes() == [(first.id, WORDS, True)]


async def test_an_incident_is_declared_from_a_message_which_is_noted_in_it(menu: Menu) -> None:
    said = await menu.server.post_as("U0LI", ROOM, "Checkout answers 502, token=hunter2-hunter2\nsince 3:14")
    await menu.chooses("U0ANA", said, ids.DECLARE_FROM_MESSAGE)
    told = await menu.sends("U0ANA")
    await menu.again()
    assert "INC-1 is declared; its card is in the channel. The message is noted in its timeline." in told
    incident, _, rows = await menu.floor.verbs.show(1)
    assert incident.title == "Checkout answers 502, token=[hidden]"
    assert [row.what for row in rows][:2] == ["incident declared", "note added"]
    assert rows[1].link == menu.slack.permalink(ROOM, said.ts)
    assert await menu.floor.count("incidents") == 1
    assert len(await menu.floor.entries("incident:note:added")) == 1


async def test_of_a_message_that_stands_in_a_timeline_another_incident_can_be_declared(menu: Menu) -> None:
    one = await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0ANA", said)
    await menu.sends("U0ANA")
    await menu.chooses("U0BO", said, ids.DECLARE_FROM_MESSAGE)
    assert f"The message stays in the timeline of {one.ref}." in await menu.sends("U0BO")
    assert await menu.notes() == [(one.id, WORDS, True)]
    assert await menu.floor.count("incidents") == 2


async def test_a_guest_declares_nothing_from_a_message(menu: Menu) -> None:
    menu.server.workspace.add_member(ROOM, "U0GUS")
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    await menu.chooses("U0GUS", said, ids.DECLARE_FROM_MESSAGE)
    assert "guests may not do this" in await menu.sends("U0GUS")
    assert await menu.floor.count("incidents") == 0
    assert await refusals(menu) == ["declare an incident"]


async def test_two_forms_that_are_sent_at_once_make_one_note(menu: Menu) -> None:
    await menu.incident()
    said = await menu.server.post_as("U0LI", ROOM, WORDS)
    for user in ("U0ANA", "U0BO"):
        await menu.chooses(user, said)
    await asyncio.gather(*(menu.sends(user) for user in ("U0ANA", "U0BO")))
    await menu.idle()
    assert [stands for _, _, stands in await menu.notes()] == [True]
    assert len(await menu.floor.entries("incident:note:added")) == 1
