from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.domain.errors import ConfigError, ForbiddenError, OutcomeUnknownError, RejectedError, SlackUnavailableError
from bot.sandbox.slack.server import SlackServer
from bot.slack.client import SlackClient
from bot.slack.message import Message
from bot.slack.preflight import SCOPES, SPARED, only_channel, preflight
from bot.slack.workspace import is_loopback
from tests.patience import PATIENT

CHANNEL = "C0ONCALL"


async def test_all_is_well(server: SlackServer, slack: SlackClient) -> None:
    ready = await preflight(slack, server.app_token, CHANNEL)
    assert ready.identity.bot_id == server.workspace.bot_id
    assert ready.channel.name == "oncall"
    assert ready.warning == ""


async def test_the_bots_only_channel_is_found(server: SlackServer, slack: SlackClient) -> None:
    assert (await preflight(slack, server.app_token, "")).channel.id == CHANNEL
    server.workspace.add_channel("C0TWO", "two", members=[server.workspace.bot_user_id])
    with pytest.raises(ConfigError, match=r"in 2 channels: .*Set SLACK_CHANNEL_ID"):
        await only_channel(slack)


async def test_no_channel_at_all_is_said(server: SlackServer, slack: SlackClient) -> None:
    server.workspace.channels[CHANNEL].members.remove(server.workspace.bot_user_id)
    with pytest.raises(ConfigError, match="in no channel"):
        await only_channel(slack)


async def test_everything_that_is_wrong_is_said_at_once(server: SlackServer) -> None:
    client = await SlackClient.connect("xoxb-sandbox-wrong", server.api_url, timeout=PATIENT)
    with pytest.raises(ConfigError) as caught:
        await preflight(client, "xapp-sandbox-wrong", CHANNEL)
    assert [sentence.split()[0] for sentence in caught.value.sentences] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]
    await client.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [("leave", "the bot isn't in it"), ("archive", "is archived"), ("unknown", "channel_not_found")],
)
async def test_a_channel_that_takes_no_cards_is_said(
    server: SlackServer, slack: SlackClient, change: str, told: str
) -> None:
    channel = server.workspace.channels[CHANNEL]
    if change == "leave":
        channel.members.remove(server.workspace.bot_user_id)
    channel.is_archived = change == "archive"
    with pytest.raises(ConfigError, match=told):
        await preflight(slack, server.app_token, "C0NONE" if change == "unknown" else CHANNEL)


@pytest.mark.parametrize("missing", [*SPARED, "chat:write"])
async def test_a_permission_without_which_the_rest_works_never_stops_a_start(missing: str) -> None:
    granted = [scope for scope in SCOPES if scope != missing]
    server = SlackServer({"oauth_config": {"scopes": {"bot": granted}}})
    await server.start()
    client = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    if missing in SPARED:
        ready = await preflight(client, server.app_token, CHANNEL)
        assert ready.warning == f"The app lacks {missing}: {SPARED[missing]}. Reinstall it from manifest.yml."
    else:
        with pytest.raises(ConfigError, match=r"The app lacks chat:write; reinstall it from manifest.yml\."):
            await preflight(client, server.app_token, CHANNEL)
    await client.close()
    await server.stop()


async def test_a_shared_channel_is_a_warning(server: SlackServer, slack: SlackClient) -> None:
    server.workspace.add_member(CHANNEL, "U0MALLORY")
    assert "shared with another organisation" in (await preflight(slack, server.app_token, CHANNEL)).warning
    assert (await preflight(slack, server.app_token, CHANNEL, allow_shared=True)).warning == ""


async def test_an_unreachable_slack_is_no_wrong_setting() -> None:
    client = await SlackClient.connect("xoxb-x", "http://127.0.0.1:9/api/", timeout=PATIENT)
    with pytest.raises(SlackUnavailableError):
        await preflight(client, "xapp-x", CHANNEL)
    with pytest.raises(SlackUnavailableError):
        await client.post(CHANNEL, Message("x"), key="k")
    await client.close()


async def test_people_are_told_apart(slack: SlackClient) -> None:
    ana = await slack.user("U0ANA")
    assert (ana.name, ana.restricted, ana.stranger, ana.bot, ana.deleted) == ("ana", False, False, False, False)
    assert (await slack.user("U0GUS")).restricted
    assert (await slack.user("U0MALLORY")).stranger
    assert (await slack.user("U0FETTLE")).bot


async def test_whoever_is_of_another_workspace_is_a_stranger_though_slack_flags_them_as_nothing(
    server: SlackServer, slack: SlackClient
) -> None:
    server.workspace.people["U0ANA"].team_id = "T0ELSEWHERE"
    assert (await slack.user("U0ANA")).stranger


async def test_groups_have_names(slack: SlackClient) -> None:
    assert (await slack.group_names())["S0SRE"] == "sre-oncall"


async def test_groups_are_read_and_a_free_plan_says_what_to_do(server: SlackServer, slack: SlackClient) -> None:
    [group] = server.workspace.usergroups
    assert set(await slack.group_members(group)) == {"U0ANA", "U0LI"}
    server.workspace.plan = "free"
    with pytest.raises(ForbiddenError, match="set APPROVERS to user ids"):
        await slack.group_members(group)


async def test_a_key_is_found_only_in_our_own_messages(server: SlackServer, slack: SlackClient) -> None:
    ts = await slack.post(CHANNEL, Message("one"), key="card:1")
    reply = await slack.post(CHANNEL, Message("two"), key="thread:1", thread_ts=ts)
    assert await slack.find_by_key(CHANNEL, "card:1", oldest=0) == ts
    assert await slack.find_by_key(CHANNEL, "card:2", oldest=0) == ""
    assert await slack.find_by_key(CHANNEL, "thread:1", oldest=0, thread_ts=ts) == reply
    for message in server.workspace.messages(CHANNEL):
        message.bot_id = "B0OTHER"
    assert await slack.find_by_key(CHANNEL, "card:1", oldest=0) == ""


async def test_a_post_is_never_tried_twice_by_the_library(server: SlackServer, slack: SlackClient) -> None:
    server.faults.drop_after("chat.postMessage", times=3)
    with pytest.raises(OutcomeUnknownError):
        await slack.post(CHANNEL, Message("once"), key="k")
    assert len(server.workspace.messages(CHANNEL)) == 1


async def test_an_edit_without_blocks_takes_the_old_ones_away(server: SlackServer, slack: SlackClient) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "old"}}
    ts = await slack.post(CHANNEL, Message("old", [block]), key="k")
    await slack.update(CHANNEL, ts, Message("new"))
    [message] = server.workspace.messages(CHANNEL)
    assert (message.text, message.blocks) == ("new", [])
    assert message.metadata == {"event_type": "fettle_message", "event_payload": {"fettle_key": "k"}}


@pytest.mark.parametrize("address", ["https://evil.example.com/x", "http://hooks.slack.com/x", "file:///etc/passwd"])
async def test_answers_go_to_slack_alone(slack: SlackClient, address: str) -> None:
    with pytest.raises(RejectedError, match="not Slack's"):
        await slack.respond(address, Message("x"))


async def test_permalinks_are_built_as_slack_builds_them(server: SlackServer, slack: SlackClient) -> None:
    ts = await slack.post(CHANNEL, Message("x"), key="k")
    told = await slack.web.chat_getPermalink(channel=CHANNEL, message_ts=ts)
    assert slack.permalink(CHANNEL, ts) == told["permalink"]
    assert server.invalid == []


@pytest.fixture
async def proxied(server: SlackServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlackClient]:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = await SlackClient.connect(server.bot_token, server.api_url, timeout=PATIENT)
    yield client
    await client.close()


async def test_no_proxy_stands_between_us_and_a_local_slack(proxied: SlackClient) -> None:
    assert (await proxied.whoami()).team_id == "T0SANDBOX"


def test_loopback_is_told_by_address() -> None:
    assert is_loopback("http://127.0.0.1:1/api/")
    assert is_loopback("http://[::1]:1/")
    assert is_loopback("http://localhost/")
    assert not is_loopback("https://slack.com/api/")
    assert not is_loopback("http://127.0.0.1.example.com/")


async def test_a_history_without_end_counts_as_not_posted(slack: SlackClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a busy channel a card that may have been posted must go out one day."""
    monkeypatch.setattr("bot.slack.client.PAGES", 0)
    await slack.post(CHANNEL, Message("one"), key="card:1")
    assert await slack.find_by_key(CHANNEL, "card:1", oldest=0) == ""


async def test_a_look_for_a_key_has_two_ends(slack: SlackClient) -> None:
    ts = await slack.post(CHANNEL, Message("one"), key="card:1")
    assert await slack.find_by_key(CHANNEL, "card:1", oldest=float(ts) - 1, latest=float(ts) + 1) == ts
    assert await slack.find_by_key(CHANNEL, "card:1", oldest=0, latest=float(ts) - 1) == ""
