"""Everything that goes wrong with the Web API, on a switch; and the rate limits."""

import asyncio
import time
from email.utils import parsedate_to_datetime

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.faults import Fault
from bot.sandbox.slack.rates import Rates
from bot.sandbox.slack.server import SlackServer
from tests.patience import PATIENT, until


async def post(client: AsyncWebClient, text: str = "x") -> None:
    await client.chat_postMessage(channel="C0ONCALL", text=text)


async def test_a_rate_limit_answers_429_with_retry_after(server: SlackServer, client: AsyncWebClient) -> None:
    server.faults.rate_limit("chat.postMessage", retry_after=7, times=1)
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    assert caught.value.response["error"] == "ratelimited"
    await post(client)
    assert len(server.workspace.messages("C0ONCALL")) == 1


async def test_the_clients_own_retry_waits_and_succeeds(server: SlackServer, client: AsyncWebClient) -> None:
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    server.faults.rate_limit("chat.postMessage", retry_after=1, times=1)
    await post(client)
    assert len(server.workspace.messages("C0ONCALL")) == 1


async def test_a_call_dropped_after_processing_is_done_and_a_careless_retry_doubles_it(
    server: SlackServer, client: AsyncWebClient
) -> None:
    """The reason why posts must not be repeated without looking."""
    server.faults.drop_after("chat.postMessage")
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client)
    assert len(server.workspace.messages("C0ONCALL")) == 1
    client.retry_handlers.append(AsyncConnectionErrorRetryHandler(max_retry_count=1))
    server.faults.drop_after("chat.postMessage")
    await post(client)
    assert len(server.workspace.messages("C0ONCALL")) == 3


async def test_a_call_dropped_before_processing_is_not_done(server: SlackServer, client: AsyncWebClient) -> None:
    server.faults.drop_before("chat.postMessage")
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client)
    assert server.workspace.messages("C0ONCALL") == []


async def test_errors_are_slacks_code_or_html(server: SlackServer, client: AsyncWebClient) -> None:
    server.faults.error("chat.postMessage", "internal_error", times=1)
    with pytest.raises(SlackApiError, match="internal_error"):
        await post(client)
    server.faults.error("*", 503, times=1)
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.status_code == 503
    assert [call.error for call in server.calls] == ["internal_error", "http_503"]


async def test_a_hanging_call_never_answers_and_a_slow_one_is_done_late(
    server: SlackServer, client: AsyncWebClient
) -> None:
    server.faults.hang("chat.postMessage", times=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await post(client)
    server.faults.slow("chat.postMessage", 0.5, times=1)
    before = server.workspace.last_change
    giving_up = asyncio.create_task(post(client))
    await until(lambda: not server.faults.is_on("chat.postMessage", Fault("slow", None, seconds=0.5)))
    giving_up.cancel()
    assert await server.workspace.wait_change(before, PATIENT)
    assert len(server.workspace.messages("C0ONCALL")) == 1


async def test_clear_switches_everything_off(server: SlackServer, client: AsyncWebClient) -> None:
    server.faults.error("*", "internal_error")
    server.faults.hang("chat.postMessage")
    server.faults.clear()
    await post(client)


async def test_posting_is_limited_by_channel_and_updating_for_the_workspace(
    server: SlackServer, client: AsyncWebClient
) -> None:
    server.workspace.add_channel("C0TWO", "two", ["U0FETTLE"])
    server._doors.rates = Rates(lambda: 1000.0)  # no time passes
    for n in range(5):
        await post(client, str(n))
    with pytest.raises(SlackApiError) as caught:
        await post(client)
    assert caught.value.response.headers["Retry-After"] == "1"
    ts = (await client.chat_postMessage(channel="C0TWO", text="x"))["ts"]
    for _ in range(50):
        await client.chat_update(channel="C0TWO", ts=ts, text="x")
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.chat_update(channel="C0TWO", ts=ts, text="x")
    server.enforce_rates = False
    await client.chat_update(channel="C0TWO", ts=ts, text="x")
    await post(client)


def test_a_full_minute_is_forgiven_call_by_call() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    for second in range(20):
        now[0] = second
        assert rates.spend("users.list", 2) is None
    now[0] = 30.0
    assert rates.spend("users.list", 2) == 30
    now[0] = 60.0
    assert rates.spend("users.list", 2) is None
    assert rates.spend("users.list", 2) == 1


def test_a_channel_takes_a_short_burst_and_then_one_post_a_second() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert [rates.spend("chat.postMessage", 4, "C1") for _ in range(6)] == [None] * 5 + [1]
    assert rates.spend("chat.postMessage", 4, "C2") is None
    now[0] = 1.0
    assert [rates.spend("chat.postMessage", 4, "C1") for _ in range(2)] == [None, 1]


async def test_answers_tell_the_scopes_of_the_app_and_lose_what_is_taken(
    server: SlackServer, client: AsyncWebClient
) -> None:
    assert "x-oauth-scopes" not in (await client.auth_test()).headers, "nothing is told where all is granted"
    server.scopes = frozenset({"chat:write", "commands"})
    assert (await client.auth_test()).headers["x-oauth-scopes"] == "chat:write,commands"
    server.scopes = frozenset({"commands"})
    with pytest.raises(SlackApiError, match="missing_scope"):
        await post(client)


async def test_a_token_that_was_taken_back_is_revoked_for_every_call(
    server: SlackServer, client: AsyncWebClient
) -> None:
    server.revoke("bot")
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.auth_test()
    assert (await client.apps_connections_open(app_token=server.app_token))["ok"]
    server.revoke("app")
    with pytest.raises(SlackApiError, match="token_revoked"):
        await client.apps_connections_open(app_token=server.app_token)


async def test_the_clock_of_the_answers_can_be_off(server: SlackServer, client: AsyncWebClient) -> None:
    server.faults.clock_off = 90.0
    before = time.time()
    told = parsedate_to_datetime((await client.auth_test()).headers["date"]).timestamp()
    assert before + 89 < told
    assert told - 91 < time.time()
