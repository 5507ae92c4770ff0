"""The sandbox's silences answer as a real Alertmanager was recorded: statuses, words, shapes, and what is muted."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.alertmanager import Alertmanager
from bot.sandbox.alertmanager_api import AlertmanagerServer

CAPTURES = Path(__file__).resolve().parents[2] / "captures" / "alertmanager" / "api"
POSTS = sorted(path.stem for path in CAPTURES.glob("silence-post*.txt") if path.stem != "silence-post")


def recorded(name: str) -> tuple[Any, int, str, Any]:
    """The body that was sent, and the status, content type and body that came back."""
    command, _, rest = (CAPTURES / f"{name}.txt").read_text(encoding="utf-8").partition("\n")
    head, _, body = rest.partition("\n\n")
    status = int(head.split()[1])
    kind = next((line.split(": ")[1] for line in head.splitlines() if line.startswith("Content-Type")), "")
    sent = json.loads(command.split(" -d ", 1)[1]) if " -d " in command else None
    return sent, status, kind, json.loads(body) if body.strip() else None


def around_now(sent: dict[str, Any]) -> dict[str, Any]:
    """Times of today in the place of those that were sent then, unless the past is what it is about."""
    if sent.get("endsAt", "").startswith("2020"):
        return sent
    now = datetime.now(UTC)
    moved = {"startsAt": now - timedelta(minutes=1), "endsAt": now + timedelta(hours=2)}
    return {key: moved[key].isoformat() if key in moved else value for key, value in sent.items()}


@pytest.fixture
async def server() -> AsyncIterator[AlertmanagerServer]:
    made = AlertmanagerServer(Alertmanager("", ""))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trust_env=False) as opened:
        yield opened


async def posted(server: AlertmanagerServer, session: aiohttp.ClientSession, name: str = "silence-post") -> str:
    sent, *_ = recorded(name)
    async with session.post(f"{server.url}/api/v2/silences", json=around_now(sent)) as got:
        return str((await got.json())["silenceID"])


@pytest.mark.parametrize("name", [*POSTS, "silence-update-404"])
async def test_what_is_wrong_is_refused_in_its_words(
    server: AlertmanagerServer, session: aiohttp.ClientSession, name: str
) -> None:
    sent, status, kind, said = recorded(name)
    async with session.post(f"{server.url}/api/v2/silences", json=around_now(sent)) as got:
        assert (got.status, got.content_type, await got.json()) == (status, kind, said)


async def test_a_new_one_has_the_recorded_shape_and_starts_now(
    server: AlertmanagerServer, session: aiohttp.ClientSession
) -> None:
    made = await posted(server, session)
    _, _, _, said = recorded("silence-get-one")
    async with session.get(f"{server.url}/api/v2/silence/{made}") as got:
        found = await got.json()
    assert found.keys() == said.keys()
    assert (found["matchers"], found["status"], found["comment"]) == (said["matchers"], said["status"], said["comment"])
    assert datetime.now(UTC) - datetime.fromisoformat(found["startsAt"]) < timedelta(seconds=30)
    async with session.get(f"{server.url}/api/v2/silences") as got:
        assert [one.keys() for one in await got.json()] == [one.keys() for one in recorded("silences-list")[3]]


async def test_to_end_one_answers_empty_and_again_and_an_unknown_one_is_not_found(
    server: AlertmanagerServer, session: aiohttp.ClientSession
) -> None:
    made = await posted(server, session)
    for _ in range(2):
        async with session.delete(f"{server.url}/api/v2/silence/{made}") as got:
            assert (got.status, await got.read()) == (recorded("silence-delete")[1], b"")
    async with session.get(f"{server.url}/api/v2/silence/{made}") as got:
        assert (await got.json())["status"] == recorded("silence-get-expired")[3]["status"]
    async with session.get(f"{server.url}/api/v2/silence/11111111-1111-1111-1111-111111111111") as got:
        assert (got.status, await got.read()) == (recorded("silence-get-404")[1], b"")


async def test_a_change_ends_the_old_one_and_has_a_new_id(
    server: AlertmanagerServer, session: aiohttp.ClientSession
) -> None:
    made = await posted(server, session)
    changed = {**around_now(recorded("silence-post")[0]), "id": made}
    async with session.post(f"{server.url}/api/v2/silences", json=changed) as got:
        again = (await got.json())["silenceID"]
    assert again != made
    book = server.alertmanager.silences
    assert [one.state(datetime.now(UTC)) for one in book.kept.values()] == ["expired", "active"]


async def test_a_silenced_alert_is_told_as_recorded_and_notified_neither_of_its_start_nor_of_its_end(
    server: AlertmanagerServer, session: aiohttp.ClientSession
) -> None:
    (said,) = recorded("alerts-silenced")[3]
    made = await posted(server, session)
    sent = await server.alertmanager.fire("HighErrorRate", {"case": "plain"})
    assert (sent.muted, sent.accepted) == (True, True)
    async with session.get(f"{server.url}/api/v2/alerts") as got:
        (alert,) = await got.json()
    assert alert["status"] == {**said["status"], "silencedBy": [made]}
    assert set(said) - {"endsAt"} <= set(alert)
    (ended,) = await server.alertmanager.resolve("HighErrorRate")
    assert ended.muted
    assert server.alertmanager.deliveries == []
