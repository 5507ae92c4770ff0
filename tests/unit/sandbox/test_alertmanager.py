"""Alerts are sent as Alertmanager sends them: its fingerprints, groups, reasons, and its way of trying again."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bot.sandbox.alertmanager import Alertmanager, fingerprint

CAPTURES = Path(__file__).resolve().parents[2] / "captures" / "alertmanager"
Receiver = Callable[[list[int]], Awaitable[tuple[str, list[dict[str, object]]]]]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook that answers with the given statuses in turn, then 200; its address and what it got."""
    runners: list[web.AppRunner] = []

    async def start(statuses: list[int]) -> tuple[str, list[dict[str, object]]]:
        got: list[dict[str, object]] = []

        async def take(request: web.Request) -> web.Response:
            got.append(await request.json())
            return web.json_response({"incidents": []}, status=statuses.pop(0) if statuses else 200)

        app = web.Application()
        app.router.add_post("/", take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}/", got

    yield start
    for runner in runners:
        await runner.cleanup()


def _recorded() -> list[dict[str, object]]:
    lines = [line for path in CAPTURES.rglob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    return [alert for line in lines for alert in json.loads(line)["alerts"]]


def test_fingerprints_are_those_of_the_recorded_alerts() -> None:
    recorded = _recorded()
    assert recorded
    assert all(fingerprint(alert["labels"]) == alert["fingerprint"] for alert in recorded)  # type: ignore[arg-type]


async def test_a_body_has_every_key_of_a_recorded_one(receiver: Receiver) -> None:
    url, got = await receiver([])
    manager = Alertmanager(url, "token")
    await manager.fire("HighErrorRate", {"namespace": "shop", "deployment": "api"})
    await manager.close()
    line = (CAPTURES / "v0.33.1" / "bearer.jsonl").read_text(encoding="utf-8").splitlines()[0]
    recorded = json.loads(line)
    assert set(got[0]) == set(recorded)
    assert set(got[0]["alerts"][0]) == set(recorded["alerts"][0])  # type: ignore[index]


async def test_resolving_some_keeps_the_group_firing_and_the_last_notice_says_all(receiver: Receiver) -> None:
    url, got = await receiver([])
    manager = Alertmanager(url, "token")
    await manager.fire("X", {"namespace": "shop", "pod": "a"}, {"namespace": "shop", "pod": "b"})
    await manager.resolve("X", {"pod": "a"})
    await manager.resolve("X")
    await manager.close()
    assert [(body["status"], body["notification_reason"]) for body in got] == [
        ("firing", "first notification"),
        ("firing", "some alerts resolved"),
        ("resolved", "all alerts resolved"),
    ]
    assert len(got[2]["alerts"]) == 1  # type: ignore[arg-type]


async def test_a_5xx_is_tried_again_and_a_4xx_never(receiver: Receiver) -> None:
    url, got = await receiver([503, 500])
    manager = Alertmanager(url, "token", retry_every=0.01)
    assert (await manager.fire("X", {"namespace": "shop"})).tries == 3
    refused, seen = await receiver([429])
    manager.url = refused
    assert (await manager.fire("Y", {"namespace": "shop"})).status == 429
    await manager.close()
    assert (len(got), len(seen)) == (3, 1)


async def test_a_storm_sends_exactly_as_many_alerts_as_asked_for(receiver: Receiver) -> None:
    url, got = await receiver([])
    manager = Alertmanager(url, "token")
    sent = await manager.storm(50, 7)
    await manager.close()
    assert len(sent) == len(got) == 7
    assert sum(len(body["alerts"]) for body in got) == 50  # type: ignore[arg-type]
