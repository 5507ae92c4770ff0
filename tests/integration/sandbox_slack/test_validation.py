"""Every payload is checked by three independent judges, and refused as Slack refuses it."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.validation import check, schema, sdk_models
from tests.chance import examples
from tests.integration.sandbox_slack.cards import button, card
from tests.integration.sandbox_slack.test_limits import MESSAGES

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str, text: str = "x") -> Json:
    return {"text": plain(text), "value": value}


def select(count: int) -> Json:
    return {
        "type": "static_select",
        "action_id": "s",
        "options": [option(str(n)) for n in range(count)],
    }


CONFIRM = {"title": plain("t"), "text": mrkdwn("x"), "confirm": plain("Yes"), "deny": plain("No")}

WRONG_SHAPES: dict[str, Json] = {
    "unknown type": {"type": "sektion", "text": mrkdwn("x")},
    "unknown key": {"type": "divider", "color": "red"},
    "mrkdwn in a header": {"type": "header", "text": mrkdwn("x")},
    "number as value": actions(button("a", "x", value=7)),  # type: ignore[arg-type]
    "unknown style": actions(button("a", "x", style="green")),
    "missing alt text": {"type": "image", "image_url": "https://a.test/x.png"},
    "button in a context": {"type": "context", "elements": [button("a", "x")]},
}


@pytest.mark.parametrize("name", WRONG_SHAPES)
def test_the_schema_knows_shapes(name: str) -> None:
    [problem] = schema.block_problems(WRONG_SHAPES[name], "/blocks/0")
    assert "json-pointer:/blocks/0" in problem


def test_the_sdk_is_asked_too() -> None:
    assert list(sdk_models.block_problems({"type": "header", "text": plain("x" * 151)}, "/blocks/0"))
    assert not list(sdk_models.block_problems({"type": "header", "text": plain("x")}, "/blocks/0"))


def test_a_wide_variety_of_good_blocks_passes() -> None:
    text = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}
    good: list[Json] = [
        *card(button("approve", "Approve", style="primary", confirm=CONFIRM)),
        {"type": "section", "text": mrkdwn("x"), "accessory": {**select(2), "type": "overflow"}},
        {"type": "rich_text", "elements": [text]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
        {"type": "image", "image_url": "https://a.test/x.png", "alt_text": "a chart"},
        {"type": "markdown", "text": "**x**"},
        actions({"type": "users_select", "action_id": "who"}),
    ]
    assert check.message_blocks(good) == []


JUNK: list[Any] = [None, 1, "", True, [], {}, [1], [[]], {"text": 3}, {"type": []}, -1.5]


def spoiled(value: Any, chance: Random) -> Any:
    """The value with some parts left out or replaced by junk."""
    if chance.random() < 0.08:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        return {k: spoiled(v, chance) for k, v in value.items() if chance.random() > 0.04}
    if isinstance(value, list):
        return [spoiled(v, chance) for v in value[:4]]
    return value


@settings(max_examples=examples(800), deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_comes_is_judged_and_never_breaks_the_judge(chance: Random) -> None:
    good = [build(most)[0] for _, most, build in MESSAGES.values()] + card(button("a", "x", confirm=CONFIRM))
    blocks = [spoiled(chance.choice(good), chance) for _ in range(2)]
    assert isinstance(check.message_blocks(blocks), list)
    assert isinstance(check.view({"type": "modal", "title": plain("T"), "blocks": blocks}), list)
    assert isinstance(check.options(spoiled({"options": [option("1")]}, chance)), list)


async def test_bad_blocks_are_answered_as_slack_does_and_kept_for_looking_at(
    server: SlackServer, client: AsyncWebClient
) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(
            "chat.postMessage",
            json={"channel": "C0ONCALL", "text": "x", "blocks": [WRONG_SHAPES["unknown type"]]},
        )
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == ["unsupported type: sektion [json-pointer:/blocks/0/type]"]
    assert server.invalid[0]["method"] == "chat.postMessage"
    assert server.workspace.messages("C0ONCALL") == []


async def test_too_much_is_refused_as_what_it_is(client: AsyncWebClient) -> None:
    divider = {"type": "divider"}
    long = {"type": "section", "text": mrkdwn("x" * 2900)}
    for body, code in (
        ({"blocks": [divider] * 51}, "invalid_blocks"),
        ({"blocks": [long] * 5}, "msg_blocks_too_long"),
        ({"blocks": [{**divider, "block_id": "b"}] * 2}, "invalid_blocks"),
        ({"metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"text": " "}, "no_text"),
    ):
        with pytest.raises(SlackApiError, match=code):
            await client.api_call("chat.postMessage", json={"channel": "C0ONCALL", "text": "x", **body})


async def test_long_text_is_cut_in_a_post_and_refused_in_an_update(server: SlackServer, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="x" * 40_001))["ts"]
    assert len(server.workspace.messages("C0ONCALL")[0].text) == 40_000
    await client.chat_update(channel="C0ONCALL", ts=ts, text="x" * 4_000)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await client.chat_update(channel="C0ONCALL", ts=ts, text="x" * 4_001)


def chart(**changes: Any) -> Json:
    labels = ["03:00", "03:01"]
    points = [{"label": label, "value": 1} for label in labels]
    body = {"type": "line", "series": [{"name": "a", "data": points}], "axis_config": {"categories": labels}, **changes}
    return {"type": "data_visualization", "title": "Memory", "chart": body}


def many(count: int) -> list[Json]:
    points = chart()["chart"]["series"][0]["data"]
    return [{"name": f"s{number}", "data": points} for number in range(count)]


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([{**chart(), "title": "x" * 51}], "1 to 50 characters [json-pointer:/blocks/0/title]"),
        ([chart(series=many(7))], "needs 1 to 6 items"),
        ([chart(series=[*many(1), *many(1)])], "series names must be unique"),
        ([chart(axis_config={"categories": ["a", "a"]})], "categories must be unique"),
        ([chart(axis_config={"categories": [str(n) for n in range(21)]})], "needs 1 to 20 items"),
        ([chart(axis_config={"categories": ["x" * 21, "b"]})], "1 to 20 characters"),
        ([chart(axis_config={"categories": ["03:00", "03:02"]})], "each category needs its one point"),
        ([chart(colour="red")], "Additional properties are not allowed"),
        ([chart(type="radar")], "is not"),
        ([chart(), chart(), chart()], "only 2 data visualizations allowed"),
    ],
)
def test_a_chart_beyond_slacks_limits_is_refused(blocks: list[Json], told: str) -> None:
    assert any(told in problem for problem in check.message_blocks(blocks)), check.message_blocks(blocks)


def test_a_chart_within_the_limits_is_taken() -> None:
    assert check.message_blocks([chart(series=many(6)), chart(type="area")]) == []
    pie = {
        "type": "data_visualization",
        "title": "Pods",
        "chart": {"type": "pie", "segments": [{"label": "a", "value": 1}]},
    }
    assert check.message_blocks([pie]) == []
