"""What goes wrong with Alertmanager's API on a switch: exactly that, so often, until it is taken back."""

import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.alertmanager import Alertmanager
from bot.sandbox.alertmanager_api import AlertmanagerServer

SILENCE = {
    "matchers": [{"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True}],
    "startsAt": "2026-11-26T00:00:00Z", "endsAt": "2126-11-26T00:00:00Z", "createdBy": "ana", "comment": "c",
}  # fmt: skip


@pytest.fixture
async def server() -> AsyncIterator[AlertmanagerServer]:
    made = AlertmanagerServer(Alertmanager("", ""))
    await made.start()
    yield made
    await made.stop()


async def ask(server: AlertmanagerServer, method: str, path: str) -> int:
    body = SILENCE if method == "POST" else None
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.request(method, f"{server.url}/api/v2/{path}", json=body) as answer,
    ):
        return answer.status


async def test_an_error_hits_its_method_and_path_until_it_is_taken_back(server: AlertmanagerServer) -> None:
    server.fault("error", "get alerts", times=None, status=500)
    server.fault("error", "*", times=1)
    assert [await ask(server, "GET", "silences") for _ in range(2)] == [503, 200]
    assert [await ask(server, "GET", "alerts") for _ in range(2)] == [500, 500]
    assert server.is_on("error", "get alerts", status=500)
    server.lift("error", "get alerts")
    assert await ask(server, "GET", "alerts") == 500, "another status is another fault"
    server.lift("error", "get alerts", status=500)
    assert await ask(server, "GET", "alerts") == 200


@pytest.mark.parametrize(("kind", "kept"), [("drop_after", 1), ("drop_before", 0)])
async def test_a_lost_answer_was_work_or_none(server: AlertmanagerServer, kind: str, kept: int) -> None:
    server.fault(kind, "post silences")
    with pytest.raises(aiohttp.ClientError):
        await ask(server, "POST", "silences")
    assert len(server.alertmanager.silences.kept) == kept
    assert await ask(server, "POST", "silences") == 200


async def test_a_slow_answer_comes_late(server: AlertmanagerServer) -> None:
    server.fault("hang", "*", seconds=0.2)
    start = time.monotonic()
    assert await ask(server, "GET", "status") == 200
    assert time.monotonic() - start >= 0.2


def test_a_kind_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault flood"):
        AlertmanagerServer(Alertmanager("", "")).fault("flood", "*")
