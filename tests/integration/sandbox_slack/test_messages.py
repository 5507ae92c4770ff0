"""Posting, editing and reading messages as Slack means it."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.models import Message
from bot.sandbox.slack.server import SlackServer
from tests.integration.sandbox_slack.cards import button, card

METADATA = {"event_type": "card", "event_payload": {"key": "k1"}}


def error_of(caught: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(caught.value.response["error"])


async def test_an_update_with_text_alone_removes_the_blocks_and_keeps_the_metadata(
    server: SlackServer, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(
        channel="C0ONCALL", text="page", blocks=card(button("a", "A")), metadata=METADATA
    )
    await client.chat_update(channel="C0ONCALL", ts=posted["ts"], text="closed")
    [said] = server.workspace.messages("C0ONCALL")
    assert (said.text, said.blocks, said.metadata) == ("closed", [], METADATA)
    assert [version.text for version in said.versions] == ["page", "closed"]


async def test_metadata_is_shown_only_to_who_asks(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0ONCALL", text="page", metadata=METADATA)
    plain = await client.conversations_history(channel="C0ONCALL")
    full = await client.conversations_history(channel="C0ONCALL", include_all_metadata=True)
    thread = await client.conversations_replies(channel="C0ONCALL", ts=posted["ts"], include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == METADATA
    assert full["messages"][0]["bot_id"] == "B0FETTLE"
    assert thread["messages"][0]["metadata"] == METADATA


async def test_there_is_no_idempotency(server: SlackServer, client: AsyncWebClient) -> None:
    for _ in range(2):
        await client.chat_postMessage(channel="C0ONCALL", text="same", metadata=METADATA)
    assert len(server.workspace.messages("C0ONCALL")) == 2


async def test_only_own_messages_can_be_edited_or_deleted(server: SlackServer, client: AsyncWebClient) -> None:
    said = await server.post_as("U0ANA", "C0ONCALL", "hi")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await client.chat_update(channel="C0ONCALL", ts=said.ts, text="x")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        await client.chat_delete(channel="C0ONCALL", ts=said.ts)
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel="C0ONCALL", ts="1.000000", text="x")


async def test_an_ephemeral_message_is_in_no_history_and_cannot_be_updated(
    server: SlackServer, client: AsyncWebClient
) -> None:
    sent = await client.chat_postEphemeral(channel="C0ONCALL", user="U0ANA", text="psst")
    assert (await client.conversations_history(channel="C0ONCALL"))["messages"] == []
    assert [m.text for m in server.workspace.ephemerals("U0ANA", "C0ONCALL")] == ["psst"]
    assert server.workspace.ephemerals("U0LI", "C0ONCALL") == []
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.chat_update(channel="C0ONCALL", ts=sent["message_ts"], text="x")
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        await client.chat_postEphemeral(channel="C0ONCALL", user="U0MALLORY", text="psst")


async def test_where_the_bot_cannot_post_it_is_told_why(server: SlackServer, client: AsyncWebClient) -> None:
    server.workspace.add_channel("C0OTHER", "other", ["U0ANA"])
    server.workspace.add_channel("C0SECRET", "secret", ["U0ANA"], is_private=True)
    server.workspace.add_channel("C0OLD", "old", ["U0FETTLE"]).is_archived = True
    for channel, code in (
        ("C0OTHER", "not_in_channel"),
        ("C0SECRET", "channel_not_found"),
        ("C0NONE", "channel_not_found"),
        ("C0OLD", "is_archived"),
    ):
        with pytest.raises(SlackApiError) as caught:
            await client.chat_postMessage(channel=channel, text="x")
        assert error_of(caught) == code


async def test_replies_hang_under_their_root_and_a_broadcast_shows_in_the_channel(
    server: SlackServer, client: AsyncWebClient
) -> None:
    root = (await client.chat_postMessage(channel="#oncall", text="root"))["ts"]
    reply = await client.chat_postMessage(channel="C0ONCALL", text="re", thread_ts=root)
    await client.chat_postMessage(channel="C0ONCALL", text="loud", thread_ts=reply["ts"], reply_broadcast=True)
    history = await client.conversations_history(channel="C0ONCALL")
    assert [m["text"] for m in history["messages"]] == ["loud", "root"]
    assert history["messages"][1]["reply_count"] == 2
    thread = await client.conversations_replies(channel="C0ONCALL", ts=root)
    assert [m["text"] for m in thread["messages"]] == ["root", "re", "loud"]
    assert [m.text for m in server.workspace.messages("C0ONCALL", root)] == ["root", "re", "loud"]
    with pytest.raises(SlackApiError, match="thread_not_found"):
        await client.chat_postMessage(channel="C0ONCALL", text="x", thread_ts="1700000000.000001")


async def test_history_pages_with_a_cursor_and_respects_the_window(client: AsyncWebClient) -> None:
    stamps = [(await client.chat_postMessage(channel="C0ONCALL", text=str(n)))["ts"] for n in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await client.conversations_history(channel="C0ONCALL", limit=2, cursor=cursor)
        seen += [m["ts"] for m in answer["messages"]]
        if not answer["has_more"]:
            break
        cursor = answer["response_metadata"]["next_cursor"]
    assert seen == stamps[::-1]
    window = await client.conversations_history(channel="C0ONCALL", oldest=stamps[1], latest=stamps[3])
    assert [m["ts"] for m in window["messages"]] == [stamps[2]]
    window = await client.conversations_history(channel="C0ONCALL", oldest=stamps[1], latest=stamps[3], inclusive=True)
    assert [m["ts"] for m in window["messages"]] == stamps[1:4][::-1]


async def test_a_permalink_names_channel_message_and_thread(server: SlackServer, client: AsyncWebClient) -> None:
    root = (await client.chat_postMessage(channel="C0ONCALL", text="root"))["ts"]
    reply = (await client.chat_postMessage(channel="C0ONCALL", text="re", thread_ts=root))["ts"]
    link = await client.chat_getPermalink(channel="C0ONCALL", message_ts=reply)
    path = f"/archives/C0ONCALL/p{reply.replace('.', '')}?thread_ts={root}&cid=C0ONCALL"
    assert link["permalink"] == server.url + path


async def test_marks_are_added_once_and_removed_once(server: SlackServer, client: AsyncWebClient) -> None:
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="root"))["ts"]
    mark = {"channel": "C0ONCALL", "timestamp": ts, "name": "eyes"}
    await client.reactions_add(**mark)
    with pytest.raises(SlackApiError, match="already_reacted"):
        await client.reactions_add(**mark)
    await server.react("U0ANA", "C0ONCALL", ts, "eyes")
    answer = await client.reactions_get(channel="C0ONCALL", timestamp=ts)
    assert answer["message"]["reactions"] == [{"name": "eyes", "users": ["U0FETTLE", "U0ANA"], "count": 2}]
    await client.reactions_remove(**mark)
    with pytest.raises(SlackApiError, match="no_reaction"):
        await client.reactions_remove(**mark)
    await client.pins_add(channel="C0ONCALL", timestamp=ts)
    assert (await client.pins_list(channel="C0ONCALL"))["items"][0]["message"]["ts"] == ts
    await client.pins_remove(channel="C0ONCALL", timestamp=ts)
    await client.bookmarks_add(channel_id="C0ONCALL", title="Runbook", type="link", link="https://runbooks.test/x")
    assert (await client.bookmarks_list(channel_id="C0ONCALL"))["bookmarks"][0]["title"] == "Runbook"


async def test_reactions_are_read_with_the_address_that_alone_names_the_thread(
    server: SlackServer, client: AsyncWebClient
) -> None:
    root = (await client.chat_postMessage(channel="C0ONCALL", text="root"))["ts"]
    reply = (await client.chat_postMessage(channel="C0ONCALL", text="re", thread_ts=root))["ts"]
    users = [f"U{number}" for number in range(60)]
    said = server.workspace.message("C0ONCALL", reply)
    assert said is not None
    said.reactions["pushpin"] = users
    some = (await client.reactions_get(channel="C0ONCALL", timestamp=reply))["message"]
    assert "thread_ts" not in some
    assert some["permalink"].endswith(f"?thread_ts={root}&cid=C0ONCALL")
    assert (some["reactions"][0]["count"], len(some["reactions"][0]["users"])) == (60, 50)
    everybody = (await client.reactions_get(channel="C0ONCALL", timestamp=reply, full=True))["message"]
    assert everybody["reactions"][0]["users"] == users
    server.workspace.delete(said)
    with pytest.raises(SlackApiError, match="message_not_found"):
        await client.reactions_get(channel="C0ONCALL", timestamp=reply)
    server.workspace.channels["C0ONCALL"].members.remove("U0FETTLE")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await client.reactions_get(channel="C0ONCALL", timestamp=root)


async def test_every_change_is_numbered_and_wakes_who_waits(server: SlackServer, client: AsyncWebClient) -> None:
    before = server.workspace.last_change
    assert await server.workspace.wait_change(before, 0.01) == []
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="root"))["ts"]
    [change] = await server.workspace.wait_change(before, 1)
    assert (change.number, change.kind, change.ts) == (before + 1, "message", ts)


async def test_what_a_person_types_is_escaped_and_mentions_become_ids(server: SlackServer) -> None:
    said: Message = await server.post_as("U0ANA", "C0ONCALL", "@fettle is a < b & <!channel>?")
    assert said.text == "<@U0FETTLE> is a &lt; b &amp; <!channel>?"
