"""Channels, people, groups, files; that every method answers; and that a workspace is kept."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import persist
from bot.sandbox.slack.api.registry import METHODS
from bot.sandbox.slack.server import SlackServer


async def test_the_bot_finds_the_channels_it_is_in(server: SlackServer, client: AsyncWebClient) -> None:
    server.workspace.add_channel("C0OTHER", "other", ["U0ANA"])
    mine = await client.users_conversations(types="public_channel,private_channel")
    assert [c["id"] for c in mine["channels"]] == ["C0ONCALL"]
    everything = await client.conversations_list()
    assert [c["id"] for c in everything["channels"]] == ["C0ONCALL", "C0OTHER"]
    assert (await client.conversations_info(channel="C0OTHER"))["channel"]["is_member"] is False
    await client.conversations_join(channel="C0OTHER")
    mine = await client.users_conversations()
    assert [c["id"] for c in mine["channels"]] == ["C0ONCALL", "C0OTHER"]


@pytest.mark.parametrize(
    ("user", "flags"),
    [
        ("U0ANA", {}),
        ("U0GUS", {"is_restricted": True}),
        ("U0MALLORY", {"is_stranger": True, "team_id": "T0ELSEWHERE"}),
        ("U0FETTLE", {"is_bot": True}),
        ("U0GONE", {"deleted": True}),
    ],
)
async def test_users_info_tells_who_must_not_press(
    server: SlackServer, client: AsyncWebClient, user: str, flags: dict[str, Any]
) -> None:
    server.workspace.add_person("U0GONE", "gone", kind="deleted")
    shown = (await client.users_info(user=user))["user"]
    usual: dict[str, Any] = {
        "is_restricted": False,
        "is_stranger": False,
        "is_bot": False,
        "deleted": False,
        "team_id": "T0SANDBOX",
    }
    assert {k: shown.get(k, False) for k in usual} == {**usual, **flags}


async def test_group_members_come_from_the_group_on_paid_plans_only(
    server: SlackServer, client: AsyncWebClient
) -> None:
    groups = (await client.usergroups_list())["usergroups"]
    assert [g["handle"] for g in groups] == ["sre-oncall"]
    assert (await client.usergroups_users_list(usergroup="S0SRE"))["users"] == ["U0ANA", "U0LI"]
    server.workspace.people["U0LI"].kind = "deleted"
    assert (await client.usergroups_users_list(usergroup="S0SRE"))["users"] == ["U0ANA"]
    with pytest.raises(SlackApiError, match="no_such_subteam"):
        await client.usergroups_users_list(usergroup="S0NONE")
    server.workspace.plan = "free"
    with pytest.raises(SlackApiError, match="plan_upgrade_required"):
        await client.usergroups_users_list(usergroup="S0SRE")


async def test_people_are_found_and_strangers_are_in_no_list(client: AsyncWebClient) -> None:
    listed = [p["id"] for p in (await client.users_list())["members"]]
    assert listed == ["U0FETTLE", "U0ANA", "U0LI", "U0BO", "U0GUS"]
    found = await client.users_lookupByEmail(email="ANA@example.test")
    assert found["user"]["id"] == "U0ANA"
    with pytest.raises(SlackApiError, match="users_not_found"):
        await client.users_lookupByEmail(email="mallory@example.test")
    assert (await client.bots_info(bot="B0FETTLE"))["bot"]["user_id"] == "U0FETTLE"
    assert (await client.team_info())["team"]["id"] == "T0SANDBOX"


async def test_a_direct_message_is_opened_once_and_a_user_id_posts_into_it(
    server: SlackServer, client: AsyncWebClient
) -> None:
    first = (await client.conversations_open(users="U0ANA", return_im=True))["channel"]
    again = (await client.conversations_open(users=["U0ANA"]))["channel"]
    assert (first["id"], first["is_im"], first["user"]) == (again["id"], True, "U0ANA")
    posted = await client.chat_postMessage(channel="U0ANA", text="psst")
    assert posted["channel"] == first["id"]
    assert not server.workspace.may_see("U0LI", first["id"])


async def test_a_private_channel_is_unknown_to_who_is_not_in_it(server: SlackServer, client: AsyncWebClient) -> None:
    secret = (await client.conversations_create(name="secret", is_private=True))["channel"]["id"]
    listed = (await client.conversations_list(types="private_channel"))["channels"]
    assert [c["id"] for c in listed] == [secret]
    server.workspace.remove_member(secret, "U0FETTLE")
    assert (await client.conversations_list(types="private_channel"))["channels"] == []
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await client.conversations_info(channel=secret)


async def test_an_incident_channel_is_made_filled_and_archived(server: SlackServer, client: AsyncWebClient) -> None:
    channel = (await client.conversations_create(name="inc-42"))["channel"]["id"]
    for name, code in (("inc-42", "name_taken"), ("Inc 43", "invalid_name_specials")):
        with pytest.raises(SlackApiError, match=code):
            await client.conversations_create(name=name)
    await client.conversations_invite(channel=channel, users=["U0ANA", "U0BO"])
    with pytest.raises(SlackApiError, match="already_in_channel"):
        await client.conversations_invite(channel=channel, users=["U0ANA"])
    await client.conversations_setTopic(channel=channel, topic="SEV2")
    await client.conversations_setPurpose(channel=channel, purpose="one incident")
    members = (await client.conversations_members(channel=channel))["members"]
    assert members == ["U0FETTLE", "U0ANA", "U0BO"]
    await client.conversations_archive(channel=channel)
    assert server.workspace.channels[channel].is_archived


async def test_a_file_goes_up_in_three_steps_and_is_shared_in_the_thread(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    root = (await client.chat_postMessage(channel="C0ONCALL", text="root"))["ts"]
    answer = await client.files_upload_v2(
        content="line one\n",
        filename="logs.txt",
        title="Logs",
        channel="C0ONCALL",
        thread_ts=root,
        initial_comment="the logs",
    )
    [shared] = server.workspace.replies("C0ONCALL", root)
    [file_id] = shared.files
    assert shared.text == "the logs"
    assert server.workspace.files[file_id].content == b"line one\n"
    assert (await client.files_info(file=file_id))["file"]["title"] == "Logs"
    address = answer["file"]["url_private"]
    headers = {"Authorization": f"Bearer {server.bot_token}"}
    async with session.get(address, headers=headers) as got:
        assert await got.read() == b"line one\n"
    async with session.get(address) as got:
        assert got.status == 403


async def test_bytes_of_another_length_than_announced_are_refused(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    step = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with session.post(step["upload_url"], data=b"four") as answer:
        assert answer.status == 400
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": "F0NONE", "title": "x"}])
    assert server.workspace.messages("C0ONCALL") == []


async def test_every_method_answers_even_without_arguments(server: SlackServer, client: AsyncWebClient) -> None:
    """No call may end in an HTTP error: what is missing is a logical error."""
    for name, method in METHODS.items():
        client.token = server.app_token if method.token == "app" else server.bot_token
        for how in ({"params": {}}, {"json": {}}):
            try:
                answer = await client.api_call(name, **how)  # type: ignore[arg-type]
            except SlackApiError as error:
                answer = error.response  # type: ignore[assignment]
            assert answer.status_code == 200, name
            assert answer.get("error") != "unknown_method", name
            assert hasattr(client, name.replace(".", "_")), name


async def test_a_kept_workspace_comes_back_as_it_was(
    server: SlackServer, client: AsyncWebClient, tmp_path: Path
) -> None:
    metadata = {"event_type": "card", "event_payload": {"key": "k1"}}
    ts = (await client.chat_postMessage(channel="C0ONCALL", text="one", metadata=metadata))["ts"]
    await client.chat_update(channel="C0ONCALL", ts=ts, text="two")
    await client.files_upload_v2(content="x", filename="a.txt", channel="C0ONCALL")
    file = tmp_path / "slack.json"
    persist.save(server.workspace, file)
    again = persist.load(file)
    assert again.all_messages == server.workspace.all_messages
    assert again.people == server.workspace.people
    assert again.channels == server.workspace.channels
    assert again.files == server.workspace.files
    assert again.new_ts() > ts
    file.write_text("{}")
    with pytest.raises(ValueError, match="format"):
        persist.load(file)


async def test_a_picture_carries_its_kind_and_what_a_screen_reader_says(client: AsyncWebClient) -> None:
    begun = await client.files_getUploadURLExternal(filename="memory.png", length=3, alt_txt="Memory, 504 MiB")
    async with aiohttp.ClientSession(trust_env=False) as session, session.post(begun["upload_url"], data=b"PNG") as got:
        assert got.status == 200
    done = await client.files_completeUploadExternal(files=[{"id": begun["file_id"]}], channel_id="C0ONCALL")
    shown = done["files"][0]
    assert (shown["mimetype"], shown["alt_txt"]) == ("image/png", "Memory, 504 MiB")


async def test_a_workspace_refuses_a_kind_of_block_that_it_does_not_know_yet(
    server: SlackServer, client: AsyncWebClient
) -> None:
    server.unknown_blocks.add("divider")
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_postMessage(channel="C0ONCALL", text="x", blocks=[{"type": "divider"}])
    assert server.invalid == [], "the app is not to blame"
