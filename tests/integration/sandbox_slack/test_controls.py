"""What happens when people use the controls in a message: payloads, state, answers."""

import re
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox import patience
from bot.sandbox.slack.server import NotThere, SlackServer
from bot.sandbox.slack.triggers import TRIGGER_SECONDS
from tests.integration.sandbox_slack.cards import button, card
from tests.patience import until

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


class Heard(list[Json]):
    """What arrived at the app's listeners, in order."""

    async def first(self) -> Json:
        """The first body, waiting for it."""
        await until(lambda: len(self))
        return self[0]


@pytest.fixture
async def heard(bolt: Any) -> Heard:
    """A connected app that acks every action and remembers its body."""
    kept = Heard()

    @bolt.app.action(re.compile(".*"))
    async def action(ack: Any, body: Json) -> None:
        await ack()
        kept.append(body)

    await bolt.connect()
    return kept


async def test_a_press_carries_everything_slack_sends(
    server: SlackServer, client: AsyncWebClient, heard: Heard
) -> None:
    picker = {"type": "users_select", "action_id": "who", "initial_user": "U0LI"}
    ts = (
        await client.chat_postMessage(
            channel="C0ONCALL", text="page", blocks=card(button("approve", "Approve"), picker)
        )
    )["ts"]
    reply = await server.press("U0ANA", "C0ONCALL", ts, action_id="approve")
    assert reply.acked
    assert reply.ack_ms is not None
    assert reply.ack_ms < 3000
    body = await heard.first()
    assert body["type"] == "block_actions"
    assert body["user"] == {"id": "U0ANA", "username": "ana", "name": "ana", "team_id": "T0SANDBOX"}
    assert body["channel"] == {"id": "C0ONCALL", "name": "oncall"}
    assert body["container"]["message_ts"] == body["message"]["ts"] == ts
    assert body["state"]["values"]["decide"]["who"]["selected_user"] == "U0LI"
    assert body["actions"][0]["block_id"] == "decide"
    assert body["actions"][0]["value"] == "p1"
    assert body["trigger_id"]
    assert body["response_url"].startswith(server.url)


async def test_what_a_person_chose_is_in_the_state_of_their_next_press_alone(
    server: SlackServer, client: AsyncWebClient, heard: Heard
) -> None:
    options = [{"text": plain("One"), "value": "1"}, {"text": plain("Two"), "value": "2"}]
    picker = {"type": "static_select", "action_id": "pick", "options": options}
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go"), picker)))["ts"]
    await server.choose("U0ANA", "C0ONCALL", ts, "pick", "2")
    await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    await server.press("U0LI", "C0ONCALL", ts, text="Go")
    chosen, ana, li = [body["state"]["values"]["decide"]["pick"] for body in heard]
    assert chosen["selected_option"]["value"] == "2"
    assert ana["selected_option"]["value"] == "2"
    assert li["selected_option"] is None
    with pytest.raises(NotThere, match="not offered"):
        await server.choose("U0ANA", "C0ONCALL", ts, "pick", "3")


async def test_a_person_can_only_press_what_is_in_front_of_them(
    server: SlackServer, client: AsyncWebClient, heard: Heard
) -> None:
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go"))))["ts"]
    for user, stamp, words in (
        ("U0ANA", ts, "Stop"),
        ("U0ANA", "1.000000", "Go"),
        ("U0MALLORY", ts, "Go"),
        ("U0NOBODY", ts, "Go"),
    ):
        with pytest.raises(NotThere):
            await server.press(user, "C0ONCALL", stamp, text=words)
    await client.chat_update(channel="C0ONCALL", ts=ts, text="over")
    with pytest.raises(NotThere):
        await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    assert heard == []


@pytest.mark.usefixtures("heard")
async def test_a_guest_and_a_stranger_in_the_channel_can_press(server: SlackServer, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go"))))["ts"]
    assert (await server.press("U0GUS", "C0ONCALL", ts, text="Go")).acked
    server.workspace.add_member("C0ONCALL", "U0MALLORY")
    assert server.workspace.channels["C0ONCALL"].is_ext_shared
    reply = await server.press("U0MALLORY", "C0ONCALL", ts, text="Go")
    assert reply.sent["user"]["team_id"] != "T0SANDBOX"


async def test_saying_no_to_a_confirmation_sends_nothing(
    server: SlackServer, client: AsyncWebClient, heard: Heard
) -> None:
    confirm = {"title": plain("Sure?"), "text": plain("x"), "confirm": plain("Y"), "deny": plain("N")}
    ts = (
        await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go", confirm=confirm)))
    )["ts"]
    reply = await server.press("U0ANA", "C0ONCALL", ts, text="Go", confirm=False)
    assert reply.error == "not_confirmed"
    assert heard == []
    assert (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).acked


async def test_an_ephemeral_message_is_pressed_by_its_reader_and_replaced_by_its_address(
    server: SlackServer, client: AsyncWebClient, heard: Heard, session: aiohttp.ClientSession
) -> None:
    ts = (
        await client.chat_postEphemeral(channel="C0ONCALL", user="U0ANA", text="psst", blocks=card(button("go", "Go")))
    )["message_ts"]
    with pytest.raises(NotThere):
        await server.press("U0LI", "C0ONCALL", ts, text="Go")
    await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    body = await heard.first()
    assert body["container"]["is_ephemeral"] is True
    hook = AsyncWebhookClient(body["response_url"], session=session)
    assert (await hook.send(text="done", replace_original=True)).body == "ok"
    [said] = server.workspace.ephemerals("U0ANA", "C0ONCALL")
    assert (said.text, said.blocks) == ("done", [])
    await hook.send(delete_original=True, text="")
    assert server.workspace.ephemerals("U0ANA", "C0ONCALL") == []


@pytest.mark.usefixtures("heard")
async def test_a_response_url_takes_five_answers_in_thirty_minutes(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go"))))["ts"]
    reply = await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    hook = AsyncWebhookClient(reply.sent["response_url"], session=session)
    for n in range(5):
        assert (await hook.send(text=str(n))).status_code == 200
    spent = await hook.send(text="6")
    assert spent.status_code == 404
    assert "used_url" in spent.body
    assert len(server.workspace.ephemerals("U0ANA", "C0ONCALL")) == 5

    reply = await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    clock = server.workspace.clock
    server.workspace.clock = lambda: clock() + 31 * 60
    late = await AsyncWebhookClient(reply.sent["response_url"], session=session).send(text="x")
    assert "expired_url" in late.body


async def test_a_command_is_answered_by_its_ack_and_mentions_in_it_are_ids(server: SlackServer, bolt: Any) -> None:
    @bolt.app.command("/restart")
    async def restart(ack: Any, body: Json) -> None:
        await ack(f"{body['user_name']} wants {body['text']}")

    await bolt.connect()
    reply = await server.slash("U0ANA", "C0ONCALL", "/restart", "shop/api for @bo")
    assert reply.payload == {"text": "ana wants shop/api for <@U0BO|bo>"}
    [said] = server.workspace.ephemerals("U0ANA", "C0ONCALL")
    assert said.text == "ana wants shop/api for <@U0BO|bo>"


@pytest.mark.parametrize(
    ("escapes", "text"),
    [
        (True, "<@U0BO|bo> <!subteam^S0SRE|@sre-oncall> <#C0ONCALL|oncall> &lt;"),
        (False, "@bo @sre-oncall #oncall &lt;"),
    ],
)
async def test_should_escape_turns_mentions_into_ids(escapes: bool, text: str) -> None:
    command = {"command": "/restart", "should_escape": escapes}
    server = SlackServer({"features": {"slash_commands": [command]}})
    await server.start()
    reply = await server.slash("U0ANA", "C0ONCALL", "/restart", "@bo @sre-oncall #oncall <")
    await server.stop()
    assert reply.error == "dispatch_failed"
    assert reply.sent["text"] == text


async def test_every_kind_of_control_reports_its_value(
    server: SlackServer, client: AsyncWebClient, heard: Heard
) -> None:
    option = {"text": plain("One"), "value": "1"}
    elements: list[Json] = [
        {"type": "overflow", "action_id": "more", "options": [option]},
        {"type": "datepicker", "action_id": "day"},
        {"type": "checkboxes", "action_id": "tick", "options": [option]},
        {"type": "radio_buttons", "action_id": "one", "options": [option]},
        {"type": "users_select", "action_id": "who"},
        {"type": "multi_users_select", "action_id": "all"},
    ]
    multi = {"type": "section", "text": plain("x"), "accessory": elements.pop()}
    blocks = [{"type": "actions", "elements": elements}, multi]
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=blocks))["ts"]
    for action_id, value in (
        ("more", "One"),
        ("day", "2030-01-02"),
        ("tick", ["1"]),
        ("one", "1"),
        ("who", "U0BO"),
        ("all", ["U0BO", "U0LI"]),
    ):
        assert (await server.choose("U0ANA", "C0ONCALL", ts, action_id, value)).acked
    done = {body["actions"][0]["action_id"]: body["actions"][0] for body in heard}
    assert done["more"]["selected_option"]["value"] == "1"
    assert done["day"]["selected_date"] == "2030-01-02"
    assert done["tick"]["selected_options"][0]["value"] == "1"
    assert done["one"]["selected_option"]["value"] == "1"
    assert done["who"]["selected_user"] == "U0BO"
    assert done["all"]["selected_users"] == ["U0BO", "U0LI"]


async def test_only_commands_and_shortcuts_of_the_manifest_exist() -> None:
    features = {
        "slash_commands": [{"command": "/restart"}],
        "shortcuts": [{"callback_id": "declare", "type": "message"}],
    }
    server = SlackServer({"features": features})
    with pytest.raises(NotThere, match="not a valid command"):
        await server.slash("U0ANA", "C0ONCALL", "/reboot")
    with pytest.raises(NotThere, match="shortcut"):
        await server.shortcut("U0ANA", "declare")


async def test_a_message_shortcut_brings_the_message(server: SlackServer, bolt: Any) -> None:
    heard = Heard()

    @bolt.app.shortcut("declare")
    async def declare(ack: Any, body: Json) -> None:
        await ack()
        heard.append(body)

    await bolt.connect()
    said = await server.post_as("U0BO", "C0ONCALL", "it is slow")
    await server.shortcut("U0ANA", "declare", "C0ONCALL", said.ts)
    await server.shortcut("U0ANA", "declare")
    assert [body["type"] for body in heard] == ["message_action", "shortcut"]
    assert heard[0]["message"]["text"] == "it is slow"


@pytest.mark.usefixtures("heard")
async def test_a_trigger_opens_one_view_within_three_seconds(server: SlackServer, client: AsyncWebClient) -> None:
    view = {"type": "modal", "title": plain("T"), "blocks": [{"type": "divider"}]}
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("go", "Go"))))["ts"]
    trigger = (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).sent["trigger_id"]
    await client.views_open(trigger_id=trigger, view=view)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await client.views_open(trigger_id=trigger, view=view)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        await client.views_open(trigger_id="1.2.3", view=view)
    trigger = (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).sent["trigger_id"]
    clock = server.workspace.clock
    server.workspace.clock = lambda: clock() + patience.stretched(TRIGGER_SECONDS) + 0.1
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await client.views_open(trigger_id=trigger, view=view)
