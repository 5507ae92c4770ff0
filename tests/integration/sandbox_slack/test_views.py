"""Modals and home tabs: the stack, hashes, inputs, answers to a submission."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.models import View
from bot.sandbox.slack.server import NotThere, SlackServer
from tests.integration.sandbox_slack.cards import button

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def an_input(block_id: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain("L"), "element": element, **more}


def modal(*blocks: Json, callback_id: str = "m", **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain("T"),
        "submit": plain("Go"),
        "blocks": list(blocks) or [{"type": "divider"}],
        **more,
    }


WORDS = an_input("reason", {"type": "plain_text_input", "action_id": "words", "max_length": 10})
PICK = an_input("target", {"type": "external_select", "action_id": "find", "min_query_length": 2}, optional=True)


class Door:
    """Opens views for ana through a real command and its trigger."""

    def __init__(self, server: SlackServer, client: AsyncWebClient) -> None:
        self.server = server
        self.client = client

    async def open(self, view: Json) -> View:
        """The view as ana has it in front of her."""
        reply = await self.server.slash("U0ANA", "C0ONCALL", "/open")
        await self.client.views_open(trigger_id=reply.sent["trigger_id"], view=view)
        return self.server.workspace.open_views("U0ANA")[-1]


@pytest.fixture
async def door(server: SlackServer, client: AsyncWebClient, bolt: Any) -> Door:
    @bolt.app.command("/open")
    async def command(ack: Any) -> None:
        await ack()

    @bolt.app.action("press")
    async def press(ack: Any) -> None:
        await ack()

    await bolt.connect()
    return Door(server, client)


async def test_a_required_input_left_empty_is_held_back_by_the_client(server: SlackServer, door: Door) -> None:
    view = await door.open(modal(WORDS, PICK))
    reply = await server.submit("U0ANA", view.id)
    assert (reply.error, set(reply.errors), reply.sent) == ("invalid_input", {"reason"}, {})
    reply = await server.submit("U0ANA", view.id, {"reason": "x" * 11})
    assert set(reply.errors) == {"reason"}


async def test_a_submission_carries_the_state_and_closes_the_view(server: SlackServer, bolt: Any, door: Door) -> None:
    seen: list[Json] = []

    @bolt.app.view("m")
    async def submitted(ack: Any, view: Json) -> None:
        await ack()
        seen.append(view)

    view = await door.open(modal(WORDS, PICK, private_metadata="p1"))
    reply = await server.submit("U0ANA", view.id, {"reason": {"words": "because"}})
    assert reply.acked
    assert seen[0]["state"]["values"] == {
        "reason": {"words": {"type": "plain_text_input", "value": "because"}},
        "target": {"find": {"type": "external_select", "selected_option": None}},
    }
    assert seen[0]["private_metadata"] == "p1"
    assert server.workspace.open_views("U0ANA") == []
    with pytest.raises(NotThere):
        await server.submit("U0ANA", view.id, {"reason": "again"})


@pytest.mark.parametrize("how", ["update", "push", "clear"])
async def test_a_submission_is_answered_by_another_view_or_none(
    server: SlackServer, bolt: Any, door: Door, how: str
) -> None:
    @bolt.app.view("m")
    async def submitted(ack: Any) -> None:
        view = modal(callback_id="next")
        await (ack(response_action=how) if how == "clear" else ack(response_action=how, view=view))

    view = await door.open(modal())
    await server.submit("U0ANA", view.id)
    shown = [v.callback_id for v in server.workspace.open_views("U0ANA")]
    assert shown == {"update": ["next"], "push": ["m", "next"], "clear": []}[how]


async def test_errors_that_name_no_input_are_the_apps_mistake(server: SlackServer, bolt: Any, door: Door) -> None:
    @bolt.app.view("m")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"nosuch": "x"})

    view = await door.open(modal(WORDS))
    reply = await server.submit("U0ANA", view.id, {"reason": "x"})
    assert reply.error == "invalid"
    assert len(server.invalid) == 1


async def test_options_come_from_the_app_and_can_then_be_chosen(server: SlackServer, bolt: Any, door: Door) -> None:
    got: list[Json] = []

    @bolt.app.options("find")
    async def find(ack: Any, body: Json) -> None:
        await ack(options=[{"text": plain(f"shop/{body['value']}"), "value": body["value"]}])

    @bolt.app.view("m")
    async def submitted(ack: Any, view: Json) -> None:
        await ack()
        got.append(view["state"]["values"]["target"]["find"]["selected_option"])

    view = await door.open(modal(PICK))
    assert (await server.options("U0ANA", "find", "a")).error == "query_too_short"
    reply = await server.options("U0ANA", "find", "api")
    assert reply.payload is not None
    assert reply.payload["options"][0]["value"] == "api"
    await server.submit("U0ANA", view.id, {"target": "api"})
    assert got[0]["text"]["text"] == "shop/api"


async def test_at_most_three_views_lie_on_a_stack(server: SlackServer, client: AsyncWebClient, door: Door) -> None:
    pusher = modal({"type": "actions", "elements": [button("press", "More")]})
    await door.open(pusher)
    for n in range(3):
        top = server.workspace.open_views("U0ANA")[-1]
        reply = await server.press("U0ANA", view_id=top.id, text="More")
        push = client.views_push(trigger_id=reply.sent["trigger_id"], view=pusher)
        if n < 2:
            answer = await push
            assert answer["view"]["previous_view_id"] == top.id
        else:
            with pytest.raises(SlackApiError, match="push_limit_reached"):
                await push


async def test_a_view_is_updated_by_id_and_hash_and_keeps_what_was_typed(
    server: SlackServer, client: AsyncWebClient, door: Door
) -> None:
    view = await door.open(modal(WORDS, external_id="one"))
    old = view.hash
    await server.choose("U0ANA", view_id=view.id, action_id="words", value="typed")
    await client.views_update(view_id=view.id, hash=old, view=modal(WORDS, external_id="one"))
    assert view.values["reason"]["words"]["value"] == "typed"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=view.id, hash=old, view=modal(WORDS))
    await client.views_update(external_id="one", view=modal(WORDS))
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id="V0NONE", view=modal())


async def test_closing_is_told_only_if_asked_for(server: SlackServer, bolt: Any, door: Door) -> None:
    told: list[Json] = []

    @bolt.app.view_closed("m")
    async def closed(ack: Any, body: Json) -> None:
        await ack()
        told.append(body)

    quiet = await door.open(modal())
    assert (await server.close_view("U0ANA", quiet.id)).acked is False
    loud = await door.open(modal(notify_on_close=True))
    assert (await server.close_view("U0ANA", loud.id)).acked is True
    assert [body["view"]["id"] for body in told] == [loud.id]


@pytest.mark.usefixtures("door")
async def test_a_view_that_slack_would_refuse_is_refused_and_the_trigger_stays_good(
    server: SlackServer, client: AsyncWebClient
) -> None:
    reply = await server.slash("U0ANA", "C0ONCALL", "/open")
    trigger = reply.sent["trigger_id"]
    huge = {"type": "section", "text": plain("x" * 2999)}
    for bad, code in (
        (modal(title=plain("T" * 25)), "invalid_arguments"),
        (modal(private_metadata="x" * 3001), "invalid_arguments"),
        (modal(*[{"type": "divider"}] * 101), "invalid_arguments"),
        (modal(colour="red"), "invalid_arguments"),
        (modal(WORDS, submit=None), "invalid_arguments"),
        (modal(*[huge] * 90), "view_too_large"),
    ):
        with pytest.raises(SlackApiError, match=code):
            await client.api_call("views.open", json={"trigger_id": trigger, "view": bad})
    assert len(server.invalid) == 6
    assert (await client.views_open(trigger_id=trigger, view=modal()))["view"]["id"]


@pytest.mark.usefixtures("door")
async def test_a_home_tab_is_published_for_one_user(server: SlackServer, client: AsyncWebClient) -> None:
    home = {"type": "home", "blocks": [{"type": "actions", "elements": [button("press", "X")]}]}
    published = (await client.views_publish(user_id="U0ANA", view=home))["view"]
    assert server.workspace.homes["U0ANA"].id == published["id"]
    assert (await server.press("U0ANA", view_id=published["id"], text="X")).acked
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_publish(user_id="U0ANA", view=home, hash="old")
