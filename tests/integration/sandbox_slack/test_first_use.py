"""The way of a click, with the unmodified Bolt app."""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.cards import button, card

MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "deny",
    "title": {"type": "plain_text", "text": "Deny"},
    "submit": {"type": "plain_text", "text": "Deny"},
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Why?"},
            "element": {"type": "plain_text_input", "action_id": "words"},
        }
    ],
}


async def test_a_pressed_button_reaches_the_listener_and_the_card_is_edited(
    server: SlackServer, client: AsyncWebClient, bolt: Any
) -> None:
    """The card's buttons and blocks arrive in the payload; the edit keeps the old version."""
    heard: list[dict[str, Any]] = []

    @bolt.app.action("approve")
    async def approve(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        heard.append(body)
        where = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(**where, text="approved by @ana")
        server.workspace.changed("done")

    await bolt.connect()
    posted = await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=card(button("approve", "Approve")))
    mark = server.workspace.last_change
    reply = await server.press(user="U0ANA", channel="C0ONCALL", ts=posted["ts"], text="Approve")
    assert reply.acked
    assert reply.error is None
    while not any(c.kind == "done" for c in server.workspace.changes):
        await server.workspace.wait_change(mark, 3)
        mark = server.workspace.last_change
    assert heard[0]["actions"][0]["value"] == "p1"
    assert heard[0]["user"]["id"] == "U0ANA"
    message = server.workspace.messages("C0ONCALL")[0]
    assert message.blocks == []
    assert [v.text for v in message.versions] == ["page", "approved by @ana"]


async def test_a_slash_command_opens_a_modal_that_shows_errors_and_closes(server: SlackServer, bolt: Any) -> None:
    @bolt.app.command("/deny")
    async def command(ack: Any, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @bolt.app.view("deny")
    async def submitted(ack: Any, view: dict[str, Any]) -> None:
        words = view["state"]["values"]["reason"]["words"]["value"]
        if words == "no":
            await ack(response_action="errors", errors={"reason": "Say more."})
        else:
            await ack()

    await bolt.connect()
    reply = await server.slash("U0ANA", "C0ONCALL", "/deny", "shop/api")
    assert reply.acked
    mark = server.workspace.last_change
    while not server.workspace.open_views("U0ANA"):
        await server.workspace.wait_change(mark, 3)
    [view] = server.workspace.open_views("U0ANA")
    refused = await server.submit("U0ANA", view.id, {"reason": {"words": "no"}})
    assert refused.errors == {"reason": "Say more."}
    assert server.workspace.open_views("U0ANA") == [view]
    done = await server.submit("U0ANA", view.id, {"reason": "not now"})
    assert done.acked
    assert server.workspace.open_views("U0ANA") == []
    assert server.invalid == []
