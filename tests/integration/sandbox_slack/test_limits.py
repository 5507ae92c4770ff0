"""Each limit that Slack documents, over the wire by its own client: it is the last that is taken, one more is refused.

A row names the constant it is about and what it is documented as, so that a constant which changes is caught, too.
"""

import itertools
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import rates
from bot.sandbox.slack.api.registry import METHODS
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.validation import charts, limits
from tests.integration.sandbox_slack.cards import button

Json = dict[str, Any]
Row = tuple[str, int, Callable[[int], Any]]
pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOM = "C0ONCALL"
DIVIDER: Json = {"type": "divider"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def slack() -> AsyncIterator[SlackServer]:
    """A server without rates, and an app behind it that takes its command."""
    server = SlackServer()
    await server.start()
    server.enforce_rates = False
    app = AsyncApp(name="test", client=AsyncWebClient(server.bot_token, base_url=server.api_url))

    @app.command("/open")
    async def opened(ack: Any) -> None:
        await ack()

    handler = AsyncSocketModeHandler(app, server.app_token)
    await handler.connect_async()
    await server.wait_connected()
    yield server
    await handler.close_async()
    await server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def web(slack: SlackServer) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])


def plain(length: int) -> Json:
    return {"type": "plain_text", "text": "x" * length}


def mrkdwn(length: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * length}


def actions(*elements: Json) -> list[Json]:
    return [{"type": "actions", "elements": list(elements)}]


def section(**parts: Any) -> list[Json]:
    return [{"type": "section", **parts}]


def choice(count: int = 1, kind: str = "static_select", **more: Any) -> Json:
    options = [{"text": plain(1), "value": str(number)} for number in range(count)]
    return {"type": kind, "action_id": "c", "options": options, **more}


def grouped(count: int, label: int) -> list[Json]:
    groups = [{"label": plain(label), "options": [{"text": plain(1), "value": f"{one}"}]} for one in range(count)]
    return actions({"type": "static_select", "action_id": "c", "option_groups": groups})


def option(**parts: Any) -> list[Json]:
    return actions({**choice(), "options": [{"text": plain(1), "value": "v", **parts}]})


def confirm(**parts: Any) -> list[Json]:
    whole = {"title": plain(1), "text": mrkdwn(1), "confirm": plain(1), "deny": plain(1), **parts}
    return actions(button("a", "x", confirm=whole))


def image(**parts: Any) -> list[Json]:
    return [{"type": "image", "image_url": "https://a.test/x.png", "alt_text": "a", **parts}]


def url(length: int) -> str:
    return "https://a.test/".ljust(length, "x")


def table(rows: int, columns: int) -> list[Json]:
    return [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * columns] * rows}]


def chart(title: int = 1, series: int = 1, labels: int = 1, **more: Any) -> Json:
    named = [f"{number}" for number in range(labels)]
    points = [{"label": label, "value": 1} for label in named]
    lines = [{"name": f"s{number}", "data": points} for number in range(series)]
    axis = {"categories": named, **more}
    body = {"type": "line", "series": lines, "axis_config": axis}
    return {"type": "data_visualization", "title": "x" * title, "chart": body}


def in_all(length: int) -> list[Json]:
    """Sections with so many characters together."""
    return [*section(text=mrkdwn(3000)) * (length // 3000), *section(text=mrkdwn(length % 3000))]


def pie(label: int) -> Json:
    segments = [{"label": "x" * label, "value": 1}]
    return {"type": "data_visualization", "title": "x", "chart": {"type": "pie", "segments": segments}}


MESSAGES: dict[str, Row] = {
    "blocks": ("MESSAGE_BLOCKS", 50, lambda n: [DIVIDER] * n),
    "characters in all": ("MESSAGE_CHARACTERS", 13_000, in_all),
    "header": ("HEADER", 150, lambda n: [{"type": "header", "text": plain(n)}]),
    "section": ("SECTION_TEXT", 3_000, lambda n: section(text=mrkdwn(n))),
    "fields": ("SECTION_FIELDS", 10, lambda n: section(fields=[mrkdwn(1)] * n)),
    "field": ("SECTION_FIELD", 2_000, lambda n: section(fields=[mrkdwn(n)])),
    "context": ("CONTEXT_ELEMENTS", 10, lambda n: [{"type": "context", "elements": [mrkdwn(1)] * n}]),
    "context text": ("CONTEXT_TEXT", 2_000, lambda n: [{"type": "context", "elements": [mrkdwn(n)]}]),
    "actions": ("ACTIONS_ELEMENTS", 25, lambda n: actions(*(button(f"a{one}", "x") for one in range(n)))),
    "action_id": ("ID", 255, lambda n: actions(button("a" * n, "x"))),
    "block_id": ("ID", 255, lambda n: [{**DIVIDER, "block_id": "b" * n}]),
    "button": ("BUTTON_TEXT", 75, lambda n: actions(button("a", "x" * n))),
    "spoken label": ("BUTTON_TEXT", 75, lambda n: actions(button("a", "x", accessibility_label="x" * n))),
    "value": ("BUTTON_VALUE", 2_000, lambda n: actions(button("a", "x", "v" * n))),
    "button's url": ("URL", 3_000, lambda n: actions(button("a", "x", url=url(n)))),
    "image's url": ("URL", 3_000, lambda n: image(image_url=url(n))),
    "alt text": ("IMAGE_ALT", 2_000, lambda n: image(alt_text="x" * n)),
    "image's title": ("IMAGE_TITLE", 2_000, lambda n: image(title=plain(n))),
    "placeholder": ("PLACEHOLDER", 150, lambda n: actions(choice(placeholder=plain(n)))),
    "options": ("OPTIONS", 100, lambda n: actions(choice(n))),
    "accessory's options": ("OPTIONS", 100, lambda n: section(text=mrkdwn(1), accessory=choice(n))),
    "groups of options": ("OPTIONS", 100, lambda n: grouped(n, 1)),
    "group's label": ("OPTION_TEXT", 75, lambda n: grouped(1, n)),
    "overflow": ("OVERFLOW_OPTIONS", 5, lambda n: actions(choice(n, "overflow"))),
    "radio buttons": ("CHOICE_OPTIONS", 10, lambda n: actions(choice(n, "radio_buttons"))),
    "checkboxes": ("CHOICE_OPTIONS", 10, lambda n: actions(choice(n, "checkboxes"))),
    "option": ("OPTION_TEXT", 75, lambda n: option(text=plain(n))),
    "option's description": ("OPTION_TEXT", 75, lambda n: option(description=plain(n))),
    "option's value": ("OPTION_VALUE", 150, lambda n: option(value="v" * n)),
    "confirm's title": ("CONFIRM_TITLE", 100, lambda n: confirm(title=plain(n))),
    "confirm's text": ("CONFIRM_TEXT", 300, lambda n: confirm(text=mrkdwn(n))),
    "confirm's yes": ("CONFIRM_BUTTON", 30, lambda n: confirm(confirm=plain(n))),
    "confirm's no": ("CONFIRM_BUTTON", 30, lambda n: confirm(deny=plain(n))),
    "markdown": ("MARKDOWN", 12_000, lambda n: [{"type": "markdown", "text": "x" * n}]),
    "rows": ("TABLE_ROWS", 100, lambda n: table(n, 1)),
    "columns": ("TABLE_COLUMNS", 20, lambda n: table(1, n)),
    "chart's title": ("charts.TITLE", 50, lambda n: [chart(title=n)]),
    "series": ("charts.SERIES", 6, lambda n: [chart(series=n)]),
    "categories": ("charts.CATEGORIES", 20, lambda n: [chart(labels=n)]),
    "segment": ("charts.LABEL", 20, lambda n: [pie(n)]),
    "axis": ("charts.AXIS_LABEL", 50, lambda n: [chart(y_label="x" * n)]),
    "charts": ("charts.BLOCKS", 2, lambda n: [chart()] * n),
}
CODES = {"characters in all": "msg_blocks_too_long"}


def modal(**parts: Any) -> Json:
    return {"type": "modal", "title": plain(1), "submit": plain(1), "blocks": [DIVIDER], **parts}


def asking(label: int = 1, hint: int = 1, **parts: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "a", **parts}
    return modal(blocks=[{"type": "input", "label": plain(label), "hint": plain(hint), "element": element}])


def sized(size: int) -> Json:
    """A modal of exactly so many bytes."""
    whole = modal(private_metadata="", blocks=section(text=mrkdwn(2900)) * 84)
    left = size - len(json.dumps(whole, ensure_ascii=False).encode())
    assert 0 <= left < 3000
    return {**whole, "private_metadata": "x" * left}


MODALS: dict[str, Row] = {
    "blocks": ("VIEW_BLOCKS", 100, lambda n: modal(blocks=[DIVIDER] * n)),
    "title": ("VIEW_TITLE", 24, lambda n: modal(title=plain(n))),
    "submit": ("VIEW_TITLE", 24, lambda n: modal(submit=plain(n))),
    "close": ("VIEW_TITLE", 24, lambda n: modal(close=plain(n))),
    "private_metadata": ("PRIVATE_METADATA", 3_000, lambda n: modal(private_metadata="x" * n)),
    "callback_id": ("ID", 255, lambda n: modal(callback_id="c" * n)),
    "external_id": ("ID", 255, lambda n: modal(external_id="e" * n)),
    "label": ("INPUT_LABEL", 2_000, lambda n: asking(label=n)),
    "hint": ("INPUT_LABEL", 2_000, lambda n: asking(hint=n)),
    "typed before": ("INPUT_VALUE", 3_000, lambda n: asking(initial_value="x" * n)),
    "most to type": ("INPUT_VALUE", 3_000, lambda n: asking(max_length=n)),
    "least to type": ("INPUT_VALUE", 3_000, lambda n: asking(min_length=n)),
    "bytes": ("VIEW_BYTES", 250_000, sized),
}
MODAL_CODES = {"bytes": "view_too_large"}
OTHERWISE = {
    "MESSAGE_TEXT": "it is cut, not refused: test_validation",
    "UPDATE_TEXT": "it is of an update's text: test_validation",
    "VIEW_STACK": "it is of presses in views: test_views",
}


async def test_every_limit_of_the_sandbox_is_as_documented_and_has_its_row() -> None:
    known = {
        f"{prefix}{name}": value
        for prefix, module in (("", limits), ("charts.", charts))
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int)
    }
    rows = {constant: value for constant, value, _ in (*MESSAGES.values(), *MODALS.values())}
    assert rows.items() <= known.items()
    assert known.keys() - rows.keys() == OTHERWISE.keys()


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_message_at_the_limit_is_taken_and_one_more_is_slacks_error(name: str, web: AsyncWebClient) -> None:
    _, most, build = MESSAGES[name]
    assert (await web.chat_postMessage(channel=ROOM, text="x", blocks=build(most)))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await web.chat_postMessage(channel=ROOM, text="x", blocks=build(most + 1))
    assert caught.value.response["error"] == CODES.get(name, "invalid_blocks")
    assert caught.value.response["response_metadata"]["messages"], "and says where"


@pytest.mark.parametrize("name", MODALS)
async def test_a_modal_at_the_limit_is_taken_and_one_more_is_slacks_error(
    name: str, slack: SlackServer, web: AsyncWebClient
) -> None:
    _, most, build = MODALS[name]
    trigger = (await slack.slash("U0ANA", ROOM, "/open")).sent["trigger_id"]
    with pytest.raises(SlackApiError) as caught:
        await web.views_open(trigger_id=trigger, view=build(most + 1))
    assert caught.value.response["error"] == MODAL_CODES.get(name, "invalid_arguments")
    opened = await web.views_open(trigger_id=trigger, view=build(most))
    assert opened["view"]["id"]


async def test_a_home_tab_takes_a_hundred_blocks(web: AsyncWebClient) -> None:
    await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": [DIVIDER] * 100})
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await web.views_publish(user_id="U0ANA", view={"type": "home", "blocks": [DIVIDER] * 101})


async def test_every_way_to_write_has_the_same_limits(web: AsyncWebClient) -> None:
    ts = (await web.chat_postMessage(channel=ROOM, text="x"))["ts"]
    for blocks, code in (([DIVIDER] * 51, "invalid_blocks"), (in_all(13_001), "msg_blocks_too_long")):
        for call in (
            web.chat_update(channel=ROOM, ts=ts, text="x", blocks=blocks),
            web.chat_postEphemeral(channel=ROOM, user="U0ANA", text="x", blocks=blocks),
        ):
            with pytest.raises(SlackApiError, match=code):
                await call


@pytest.mark.parametrize(
    ("method", "argument", "most", "code"),
    [
        ("conversations.create", "name", 80, "invalid_name_maxlength"),
        ("conversations.setTopic", "topic", 250, "too_long"),
        ("conversations.setPurpose", "purpose", 250, "too_long"),
    ],
)
async def test_what_a_channel_is_called_has_its_limits(
    web: AsyncWebClient, method: str, argument: str, most: int, code: str
) -> None:
    where = {} if argument == "name" else {"channel": ROOM}
    assert (await web.api_call(method, json={**where, argument: "x" * most}))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await web.api_call(method, json={**where, argument: "x" * (most + 1)})
    assert caught.value.response["error"] == code


TIERS = {
    2: ("conversations.create", "conversations.list", "usergroups.users.list", "users.list"),
    3: ("chat.update", "conversations.history", "conversations.replies", "conversations.invite", "conversations.join",
        "reactions.add"),
    4: ("views.open", "views.push", "views.update", "views.publish", "users.info", "chat.postEphemeral"),
}  # fmt: skip
PER_MINUTE = {2: 20, 3: 50, 4: 100}


async def test_methods_are_of_the_tiers_that_are_documented() -> None:
    told = {method: tier for tier, methods in TIERS.items() for method in methods}
    assert {method: METHODS[method].tier for method in told} == told


@pytest.mark.parametrize(
    ("tier", "method", "args"),
    [
        (2, "users.list", {}),
        (3, "conversations.history", {"channel": ROOM, "limit": 1}),
        (4, "users.info", {"user": "U0ANA"}),
    ],
)
async def test_a_tiers_last_call_of_a_minute_is_answered_and_the_next_is_429(
    slack: SlackServer, web: AsyncWebClient, tier: int, method: str, args: Json
) -> None:
    slack.enforce_rates = True
    try:
        for _ in itertools.repeat(None, PER_MINUTE[tier]):
            await web.api_call(method, params=args)
        with pytest.raises(SlackApiError) as caught:
            await web.api_call(method, params=args)
    finally:
        slack.enforce_rates = False
    answer = caught.value.response
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


async def test_a_channels_burst_ends_in_429_until_a_second_passed(slack: SlackServer, web: AsyncWebClient) -> None:
    slack.enforce_rates = True
    try:
        for _ in itertools.repeat(None, rates.POST_BURST):
            await web.chat_postMessage(channel=ROOM, text="x")
        with pytest.raises(SlackApiError) as caught:
            await web.chat_postMessage(channel=ROOM, text="x")
    finally:
        slack.enforce_rates = False
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
