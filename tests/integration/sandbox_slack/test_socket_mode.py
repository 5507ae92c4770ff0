"""Socket Mode on the wire and with the unmodified client: tickets, acks, several connections."""

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.sockets import ACK_SECONDS
from tests.integration.sandbox_slack.cards import button, card
from tests.patience import PATIENT, until

Json = dict[str, Any]


async def link(server: SlackServer, client: AsyncWebClient) -> str:
    answer = await client.apps_connections_open(app_token=server.app_token)
    return str(answer["url"])


async def posted(client: AsyncWebClient) -> str:
    blocks = card(button("go", "Go"))
    answer = await client.chat_postMessage(channel="C0ONCALL", text="page", blocks=blocks)
    return str(answer["ts"])


async def test_a_ticket_is_good_for_one_handshake(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    url = await link(server, client)
    async with session.ws_connect(url) as socket:
        hello = await socket.receive_json(timeout=PATIENT)
        assert hello["type"] == "hello"
        assert hello["num_connections"] == 1
        assert hello["connection_info"] == {"app_id": "A0FETTLE"}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_a_ticket_can_be_over_before_it_is_used(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    """When it is handed out, or while the client still holds it; the next one is good."""
    server.faults.stale_tickets()
    stale = await link(server, client)
    held = await link(server, client)
    server.faults.expire_tickets()
    for url in (stale, held):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(url)
    async with session.ws_connect(await link(server, client)) as socket:
        assert (await socket.receive_json(timeout=PATIENT))["type"] == "hello"


async def test_an_ack_counts_by_envelope_id_on_whatever_connection(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    ts = await posted(client)
    async with (
        session.ws_connect(await link(server, client)) as one,
        session.ws_connect(await link(server, client)) as two,
    ):
        assert [(await s.receive_json())["num_connections"] for s in (one, two)] == [1, 2]
        await server.wait_connected(2)
        sockets = [one, two]
        for _ in range(2):
            press = asyncio.create_task(server.press("U0ANA", "C0ONCALL", ts, text="Go"))
            waiting = [asyncio.create_task(s.receive_json()) for s in sockets]
            done, idle = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in idle:
                task.cancel()
            [envelope] = [task.result() for task in done]
            assert envelope["type"] == "interactive"
            assert envelope["accepts_response_payload"] is False
            other = sockets[1 - waiting.index(done.pop())]
            await other.send_json({"envelope_id": envelope["envelope_id"]})
            assert (await press).acked


async def test_pings_are_echoed_with_their_payload(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(await link(server, client), autoping=False) as socket:
        await socket.receive_json()
        await socket.ping(b"sdk-ping-pong:1")
        answer = await socket.receive(timeout=PATIENT)
        assert (answer.type, bytes(answer.data)) == (aiohttp.WSMsgType.PONG, b"sdk-ping-pong:1")
        server.faults.no_pong()
        await socket.ping(b"again")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)


async def test_without_a_connection_a_press_fails_at_once(server: SlackServer, client: AsyncWebClient) -> None:
    reply = await server.press("U0ANA", "C0ONCALL", await posted(client), text="Go")
    assert (reply.acked, reply.error) == (False, "dispatch_failed")


async def test_an_interaction_not_acked_in_time_is_over_and_not_sent_again(
    server: SlackServer, client: AsyncWebClient, bolt: Any
) -> None:
    """Three seconds at Slack; the test shortens the wait and keeps the law."""
    assert ACK_SECONDS == 3.0
    server.sockets.ack_seconds = 0.1
    calls: list[str] = []

    @bolt.app.action("go")
    async def go(ack: Any) -> None:
        calls.append("go")
        await asyncio.sleep(0.3)
        await ack()

    await bolt.connect()
    reply = await server.press("U0ANA", "C0ONCALL", await posted(client), text="Go")
    assert (reply.acked, reply.error) == (False, "operation_timed_out")
    await until(lambda: server.sockets.late_acks)
    assert calls == ["go"]


async def test_an_event_not_acked_is_sent_again_with_the_same_event_id(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    assert server.sockets.event_retries == (0.0, 60.0, 300.0)
    server.sockets.event_retries = (0.0, 0.05)
    for within in (0.1, 1.0, 10.0):  # on a busy machine the second acknowledgement is late, too, at first
        server.sockets.ack_seconds = within
        async with session.ws_connect(await link(server, client)) as socket:
            await socket.receive_json()
            await server.wait_connected()
            await server.post_as("U0ANA", "C0ONCALL", "hello")
            first, second = [await socket.receive_json(timeout=PATIENT) for _ in range(2)]
            assert first["payload"]["event_id"] == second["payload"]["event_id"]
            assert first["envelope_id"] != second["envelope_id"]
            assert (first["retry_attempt"], second["retry_attempt"]) == (0, 1)
            assert second["retry_reason"] == "timeout"
            await socket.send_json({"envelope_id": second["envelope_id"]})
            with contextlib.suppress(TimeoutError):
                await socket.receive(timeout=3 * within)
                continue
            return
    raise AssertionError("it came a third time")


async def test_events_go_out_only_if_the_manifest_subscribes(session: aiohttp.ClientSession) -> None:
    events = {"event_subscriptions": {"bot_events": ["app_mention"]}}
    server = SlackServer({"settings": events})
    await server.start()
    try:
        client = AsyncWebClient(server.bot_token, base_url=server.api_url, session=session)
        async with session.ws_connect(await link(server, client)) as socket:
            await socket.receive_json()
            await server.wait_connected()
            await server.post_as("U0ANA", "C0ONCALL", "hello")
            await server.post_as("U0ANA", "C0ONCALL", "hello @fettle")
            envelope = await socket.receive_json(timeout=PATIENT)
            assert envelope["payload"]["event"]["type"] == "app_mention"
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
    finally:
        await server.stop()


async def test_the_same_payload_can_be_made_to_come_twice(
    server: SlackServer, client: AsyncWebClient, bolt: Any
) -> None:
    calls: list[str] = []

    @bolt.app.action("go")
    async def go(ack: Any, body: Json) -> None:
        await ack()
        calls.append(body["trigger_id"])

    await bolt.connect()
    ts = await posted(client)
    server.faults.duplicate_next_envelope()
    await server.press("U0ANA", "C0ONCALL", ts, text="Go")
    await until(lambda: len(calls) == 2)
    assert calls[0] == calls[1]


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled", "abort"])
async def test_the_client_comes_back_after_every_kind_of_parting(
    server: SlackServer, client: AsyncWebClient, bolt: Any, reason: str
) -> None:
    @bolt.app.action("go")
    async def go(ack: Any) -> None:
        await ack()

    ts = await posted(client)
    handler = await bolt.connect(ping_interval=0.3)
    opened = [c.method for c in server.calls].count("apps.connections.open")
    old = handler.client.current_session
    if reason == "abort":
        assert server.faults.close_sockets() == 1
    else:
        assert await server.faults.disconnect(reason) == 1
    await until(lambda: handler.client.current_session is not old and server.sockets.connections == 1)
    again = [c.method for c in server.calls].count("apps.connections.open")
    assert again == opened + 1
    assert (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).acked


async def test_a_refused_handshake_is_tried_again(server: SlackServer, bolt: Any) -> None:
    server.faults.refuse_sockets(1)
    bolt.app.logger.disabled = True
    handler = await bolt.connect(ping_interval=0.2)
    assert await handler.client.is_connected()


async def test_an_eleventh_connection_is_turned_away(
    server: SlackServer, client: AsyncWebClient, session: aiohttp.ClientSession
) -> None:
    sockets = [await session.ws_connect(await link(server, client)) for _ in range(11)]
    said = [(await socket.receive_json(timeout=PATIENT)) for socket in sockets]
    assert [s["type"] for s in said] == ["hello"] * 10 + ["disconnect"]
    assert said[-1]["reason"] == "too_many_websockets"
    for socket in sockets:
        await socket.close()


async def test_a_ghost_takes_its_share_of_the_payloads(server: SlackServer, client: AsyncWebClient, bolt: Any) -> None:
    @bolt.app.action("go")
    async def go(ack: Any) -> None:
        await ack()

    await bolt.connect()
    server.faults.ghosts(1)
    ts = await posted(client)
    for within in (0.2, 2.0, 20.0):  # what a busy machine acknowledges later isn't the ghost's
        server.sockets.ack_seconds = within
        replies = [await server.press("U0ANA", "C0ONCALL", ts, text="Go") for _ in range(4)]
        if any(reply.acked for reply in replies):
            break
    acked = [reply.acked for reply in replies]
    assert acked in ([False, True, False, True], [True, False, True, False])
    server.faults.clear()
    server.sockets.ack_seconds = PATIENT
    assert (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).acked


async def test_a_mention_and_an_opened_home_tab_reach_the_app(server: SlackServer, bolt: Any) -> None:
    heard: list[str] = []

    @bolt.app.event("app_mention")
    async def mention(event: Json) -> None:
        heard.append(event["text"])

    @bolt.app.event("app_home_opened")
    async def home(event: Json) -> None:
        heard.append(event["user"])

    @bolt.app.event("reaction_added")
    async def reaction(event: Json) -> None:
        heard.append(event["reaction"])

    @bolt.app.event("message")
    async def message(event: Json) -> None:
        heard.append(event["channel_type"])

    await bolt.connect()
    said = await server.post_as("U0ANA", "C0ONCALL", "@fettle hello")
    await server.react("U0BO", "C0ONCALL", said.ts, ":eyes:")
    await server.open_home("U0LI")
    await until(lambda: len(heard) == 4)
    assert sorted(heard) == ["<@U0FETTLE> hello", "U0LI", "channel", "eyes"]


async def test_the_client_survives_slack_being_away(server: SlackServer, client: AsyncWebClient, bolt: Any) -> None:
    @bolt.app.action("go")
    async def go(ack: Any) -> None:
        await ack()

    ts = await posted(client)
    bolt.app.logger.disabled = True
    await bolt.connect(ping_interval=0.2)
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.auth_test()
    await server.start(port=port)
    await server.wait_connected()
    assert (await server.press("U0ANA", "C0ONCALL", ts, text="Go")).acked
    with pytest.raises(OSError, match="in use"):
        await SlackServer().start(port=port)
