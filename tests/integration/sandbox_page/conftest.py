"""A sandbox with the page and a small Bolt app on it, over real sockets."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.page.routes import add_page
from bot.sandbox.slack.server import SlackServer
from tests.integration.sandbox_page.browsing import opened
from tests.integration.sandbox_page.card_shots import CHROMIUM, CHROMIUM_ARGS
from tests.integration.sandbox_page.form_view import FORM_VIEW, words

Json = dict[str, Any]
SAMPLES = Path(__file__).parent / "card_samples.json"
COMMANDS = [
    {"command": "/incident", "usage_hint": "list | show | new", "description": "Incidents"},
    {"command": "/restart", "usage_hint": "namespace/name", "description": "Restart a workload"},
]

SHORTCUTS = [
    {"name": "Note in the timeline", "type": "message", "callback_id": "note", "description": "Notes a message"},
    {"name": "Declare an incident", "type": "global", "callback_id": "declare", "description": "Declares one"},
]


REASON_VIEW: Json = {
    "type": "modal",
    "callback_id": "reject",
    "title": words("Reject the restart"),
    "submit": words("Reject"),
    "close": words("Cancel"),
    "blocks": [
        {
            "type": "section",
            "block_id": "said",
            "text": {"type": "mrkdwn", "text": "Nothing is done to *shop/api*."},
        },
        {
            "type": "input",
            "block_id": "why",
            "label": words("Reason"),
            "hint": words("It stands in the audit and on the card."),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "kind",
            "label": words("Instead"),
            "optional": True,
            "element": {
                "type": "static_select",
                "action_id": "one",
                "options": [
                    {"text": words("Nothing"), "value": "none"},
                    {"text": words("Roll back"), "value": "rollback"},
                ],
            },
        },
        {
            "type": "input",
            "block_id": "target",
            "label": words("Workload"),
            "optional": True,
            "element": {
                "type": "external_select",
                "action_id": "find",
                "min_query_length": 1,
                "placeholder": words("Search"),
            },
        },
    ],
}


@dataclass
class Heard:
    """What the small app was told, in order."""

    actions: list[Json] = field(default_factory=list)
    submitted: list[Json] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    shortcuts: list[Json] = field(default_factory=list)


@dataclass
class World:
    """The server with its page, the client of the app, and what the app heard."""

    server: SlackServer
    client: AsyncWebClient
    heard: Heard

    async def post(self, **more: Any) -> str:
        """Posts as the app; the message's ts."""
        answer = await self.client.chat_postMessage(channel="C0ONCALL", **more)
        return str(answer["ts"])

    async def post_card(self, name: str = "proposed") -> str:
        """Posts a sample card; its ts."""
        samples = {sample["name"]: sample for sample in json.loads(SAMPLES.read_text())}
        return await self.post(text=samples[name]["text"], blocks=samples[name].get("blocks"))


def _beside_messages(app: AsyncApp, heard: Heard) -> None:
    """Shortcuts are noted, a form is filled in, and the home tab is drawn when it is opened."""

    @app.shortcut("note")
    @app.shortcut("declare")
    async def noted(ack: Any, body: Json) -> None:
        await ack()
        heard.shortcuts.append(body)

    @app.command("/form")
    async def form(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM_VIEW)

    @app.view("form")
    async def filled(ack: Any, body: Json) -> None:
        await ack()
        heard.submitted.append(body["view"]["state"]["values"])

    @app.options("it")
    async def offered(ack: Any, body: Json) -> None:
        found = [name for name in ("shop/api", "shop/web") if body["value"] in name]
        await ack(options=[{"text": words(name), "value": name} for name in found])

    @app.action("level")
    async def level(ack: Any) -> None:
        await ack()

    @app.event("app_home_opened")
    async def home(body: Json, client: AsyncWebClient) -> None:
        user = body["event"]["user"]
        press = {"type": "button", "action_id": "ack", "text": words("Freeze")}
        tab = [{"type": "header", "text": words(f"The tab of {user}")}, {"type": "actions", "elements": [press]}]
        await client.views_publish(user_id=user, view={"type": "home", "blocks": tab})


def _app(client: AsyncWebClient, heard: Heard) -> AsyncApp:
    """Approve edits the card, Reject opens a modal, any other control answers ephemerally."""

    async def authorize(**_: Any) -> AuthorizeResult:
        ids = {"team_id": "T0SANDBOX", "bot_user_id": "U0FETTLE", "bot_id": "B0FETTLE"}
        return AuthorizeResult(enterprise_id=None, bot_token=client.token, **ids)

    app = AsyncApp(name="test", client=client, authorize=authorize)

    @app.action("approve")
    async def approve(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        heard.actions.append(body)
        running = {"type": "mrkdwn", "text": f"approved by <@{body['user']['id']}> · running"}
        blocks = [body["message"]["blocks"][0], {"type": "section", "text": running}]
        where = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(**where, text="approved", blocks=blocks)

    @app.action("reject")
    async def reject(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=REASON_VIEW)

    @app.action("silence")
    @app.action("ack")
    async def chosen(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        heard.actions.append(body)
        user = body["user"]["id"]
        words_ = f"<@{user}>, noted: {body['actions'][0]['action_id']}"
        if "channel" not in body:
            return
        await client.chat_postEphemeral(channel=body["channel"]["id"], user=user, text=words_)

    @app.options("find")
    async def find(ack: Any, body: Json) -> None:
        names = [f"shop/{name}" for name in ("api", "web", "worker") if body["value"] in name]
        await ack(options=[{"text": words(name), "value": name} for name in names])

    @app.view("reject")
    async def rejected(ack: Any, body: Json) -> None:
        values = body["view"]["state"]["values"]
        if len(values["why"]["text"]["value"]) < 5:
            await ack(response_action="errors", errors={"why": "Say it in a few words."})
            return
        await ack()
        heard.submitted.append(values)

    @app.command("/restart")
    async def restart(ack: Any, body: Json) -> None:
        heard.commands.append(body["text"])
        await ack(f"Noted: restart `{body['text']}`")

    _beside_messages(app, heard)
    return app


@pytest_asyncio.fixture(loop_scope="session")
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    server = SlackServer()
    server.manifest = replace(server.manifest, raw={"features": {"shortcuts": SHORTCUTS}})
    heard = Heard()

    async def fire(name: str) -> str:
        return f"Fired {name}."

    add_page(server, fire=fire, hints=lambda: ["Press *Approve restart*."], commands=COMMANDS)
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            client = AsyncWebClient(server.bot_token, base_url=server.api_url, session=session)
            handler = AsyncSocketModeHandler(_app(client, heard), server.app_token)
            try:
                await handler.connect_async()
                await server.wait_connected()
                yield World(server, client, heard)
            finally:
                await handler.close_async()
    finally:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all: starting it takes longer than most of the tests."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(world: World, browser: Browser) -> AsyncIterator[Page]:
    """The page as Ana opens it."""
    async with opened(browser, world.server.url) as shown:
        yield shown
