"""The page's routes: what they show, what they do, and whom they refuse."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from tests.integration.sandbox_page.conftest import World
from tests.patience import PATIENT

# The same loop as the browser's tests, which share one browser.
pytestmark = pytest.mark.asyncio(loop_scope="session")

ANA = {"user": "U0ANA", "channel": "C0ONCALL"}


async def get(world: World, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(world.server.url + path, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def state(world: World, user: str = "U0ANA", **more: Any) -> Any:
    query = "&".join(f"{key}={value}" for key, value in more.items())
    _, text = await get(world, f"/page/state?user={user}&channel=C0ONCALL&{query}")
    return json.loads(text)


async def act(world: World, verb: str, body: Any, **headers: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.server.url}/page/{verb}", json=body, headers=headers) as answer,
    ):
        return answer.status, json.loads(await answer.text())


async def test_the_page_comes_with_its_messages_and_asks_nobody_else_for_anything(world: World) -> None:
    await world.post_card()
    status, html = await get(world, "/")
    assert status == 200
    assert "Approve restart" in html
    assert "Press <strong>Approve restart</strong>." in html
    for name in ("page.css", "page.js", "dates.js", "values.js", "controls.js"):
        assert (await get(world, f"/page/static/{name}"))[0] == 200
    assert "http://" not in html.replace("http://127.0.0.1", "").replace("https://example.test", "")


async def test_a_press_reaches_the_app_and_its_edit_reaches_the_page(world: World) -> None:
    ts = await world.post_card()
    before = await state(world)
    _, answer = await act(world, "press", {**ANA, "ts": ts, "block_id": "decide", "action_id": "approve"})
    assert answer == {"ok": True, "message": "", "errors": {}}
    await world.server.workspace.wait_change(before["version"], 5)
    after = await state(world, since=before["version"])
    assert after["messages"][0]["digest"] != before["messages"][0]["digest"]
    assert "running" in after["messages"][0]["html"]
    assert "Approve restart" not in after["messages"][0]["html"]


async def test_only_messages_that_changed_are_sent_again(world: World) -> None:
    first = await world.post(text="first")
    await world.post(text="second")
    before = await state(world)
    assert all("html" in item for item in before["messages"])
    await world.client.chat_postMessage(channel="C0ONCALL", text="a reply", thread_ts=first)
    after = await state(world, since=before["version"])
    assert ["html" in item for item in after["messages"]] == [True, False]
    assert "1 reply" in after["messages"][0]["html"]


async def test_an_ephemeral_message_is_seen_by_its_person_alone(world: World) -> None:
    await world.client.chat_postEphemeral(channel="C0ONCALL", user="U0BO", text="Only you, Bo.")
    assert (await state(world, "U0ANA"))["messages"] == []
    shown = (await state(world, "U0BO"))["messages"]
    assert "Only visible to you" in shown[0]["html"]


async def test_a_stranger_is_told_why_there_is_nothing_to_see(world: World) -> None:
    await world.post(text="inside")
    shown = await state(world, "U0MALLORY")
    assert shown["messages"] == []
    assert "belongs to another workspace" in shown["unseen"]


async def test_the_stream_tells_of_a_change_and_does_not_hold_up_the_stop(world: World) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.server.url}/page/stream") as stream,
    ):
        assert stream.content_type == "text/event-stream"
        await stream.content.readuntil(b"\n\n")
        await world.post(text="news")
        told = await asyncio.wait_for(stream.content.readuntil(b"\n\n"), PATIENT)
        assert told.decode().strip() == f"data: {world.server.workspace.last_change}"
        await world.server.stop()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Host": "evil.test"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_another_site_can_neither_read_nor_press(world: World, headers: dict[str, str]) -> None:
    ts = await world.post_card()
    body = {**ANA, "ts": ts, "block_id": "decide", "action_id": "approve"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.server.url}/page/press", data=json.dumps(body), headers=headers) as answer,
    ):
        assert answer.status == 403
    assert world.heard.actions == []
    if "Content-Type" not in headers:
        assert (await get(world, "/page/state", **headers))[0] == 403


@pytest.mark.parametrize(
    ("verb", "body", "said"),
    [
        ("press", {**ANA, "ts": "1.1", "action_id": "approve"}, "There is no message"),
        ("submit", {**ANA, "view_id": "V0"}, "not what"),
        ("press", ANA, "lacks action_id"),
        ("slash", {"user": "U0MALLORY", "channel": "C0ONCALL", "text": "/restart x"}, "cannot see"),
        ("post", {**ANA, "text": ""}, "lacks text"),
        ("press", [], "an object is wanted"),
    ],
)
async def test_what_cannot_be_done_is_said_in_a_sentence(world: World, verb: str, body: Any, said: str) -> None:
    status, answer = await act(world, verb, body)
    assert status in {200, 400}
    assert answer["ok"] is False
    assert said in answer["message"]


@pytest.mark.parametrize("token", ["xoxb-123456789012-1234567890123-abc", "xapp-1-A0123456789-123-abc", "xoxe-1-abc"])
async def test_what_looks_like_a_real_token_is_refused_and_kept_nowhere(world: World, token: str) -> None:
    _, answer = await act(world, "post", {**ANA, "text": f"mine is {token}"})
    assert "looks like a real Slack token" in answer["message"]
    assert world.server.workspace.messages("C0ONCALL") == []
    _, answer = await act(world, "post", {**ANA, "text": f"the sandbox's own is {world.server.bot_token}"})
    assert answer["ok"] is True


async def test_somebody_elses_direct_message_is_not_shown(world: World) -> None:
    await world.client.chat_postMessage(channel="U0LI", text="For Li alone.")
    room = world.server.workspace.direct_message("U0LI")
    _, text = await get(world, f"/page/state?user=U0ANA&channel={room.id}")
    assert "For Li alone." not in text
    assert json.loads(text)["channel"] == world.server.workspace.direct_message("U0ANA").id


async def test_an_act_of_a_panel_that_is_not_there_is_refused(world: World) -> None:
    _, answer = await act(world, "panel/cluster/harm", {"harm": "oom"})
    assert answer == {"ok": False, "message": "There is no panel cluster here."}


async def test_an_app_that_does_not_listen_is_named_as_the_reason(world: World) -> None:
    ts = await world.post_card()
    world.server.faults.refuse_sockets(100)
    world.server.faults.close_sockets()
    _, answer = await act(world, "press", {**ANA, "ts": ts, "block_id": "incident", "action_id": "ack"})
    assert answer["ok"] is False
    assert "Is the bot running?" in answer["message"]


async def test_fire_calls_the_hook_and_shows_its_sentence(world: World) -> None:
    _, answer = await act(world, "fire", {"name": "KubePodCrashLooping"})
    assert answer["message"] == "Fired KubePodCrashLooping."


async def test_static_serves_the_pages_own_files_alone(world: World) -> None:
    for name in ("..%2Froutes.py", "routes.py", "%2Fetc%2Fpasswd"):
        assert (await get(world, f"/page/static/{name}"))[0] == 404
