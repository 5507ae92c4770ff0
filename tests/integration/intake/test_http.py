"""The webhook as HTTP: who gets in, what is too large, what is answered when the store can't take it."""

import asyncio
import json
import socket
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from alerts import webhook
from bot.storage.db import Store, Tx
from bot.storage.writer import Lane
from tests.patience import PATIENT, until

from .door import Door, alert, group

OpenDoor = Callable[..., Awaitable[Door]]


async def test_wrong_tokens_are_refused_without_detail_and_count(sqlite_store: Store, open_door: OpenDoor) -> None:
    door = await open_door(sqlite_store, WEBHOOK_TOKENS="token-one,token-two", LISTEN_HOST="127.0.0.1")
    refusal = {"status": "error", "error": "Not authorized."}
    assert await door.post(group(alert())) == (401, refusal)
    assert await door.post(group(alert()), authorization="Bearer token-three") == (401, refusal)
    assert await door.rows("SELECT * FROM deliveries") == []
    assert (await door.post(group(alert()), authorization="Bearer token-one"))[0] == 200
    assert (await door.post(group(alert()), authorization="Bearer token-two", origin="http://x"))[1]["duplicates"] == 1
    assert 'fettle_deliveries_refused_total{reason="unauthorized"} 2.0' in (await door.get("/metrics", inner=True))[1]


async def test_without_a_token_a_page_in_a_browser_on_this_machine_is_refused(lite: Door) -> None:
    assert (await lite.post(group(alert()), origin="http://localhost:3000"))[0] == 401
    assert (await lite.post(group(alert())))[0] == 200


async def test_a_proxy_on_this_machine_does_not_make_everybody_local(lite: Door) -> None:
    assert (await lite.post(group(alert()), X_Forwarded_For="203.0.113.7"))[0] == 401


async def test_a_body_without_alerts_is_one_sentence_and_changes_nothing(lite: Door) -> None:
    for body in (b"", b"{", b'{"a": 1}', b"[" * 5000):
        status, answer = await lite.post(body)
        assert (status, answer["status"]) == (400, "error")
        assert answer["error"].endswith(".")
    assert await lite.rows("SELECT * FROM audit") == []


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65536


async def test_a_body_beyond_the_cap_is_refused_while_it_streams(lite: Door) -> None:
    async with lite.http.post(lite.url, data=endless()) as answer:
        assert (answer.status, (await answer.json())["status"]) == (413, "error")
    host, port = lite.servers.intake_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: {webhook.MAX_BODY + 1}\r\n\r\n".encode())
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_body_of_the_cap_is_taken_while_the_loop_turns(lite: Door) -> None:
    text = "x" * 4000
    alerts = [alert(pod=f"p{number}", deployment="api") | {"annotations": {"log": text}} for number in range(2500)]
    body = json.dumps(group(*alerts)).encode()
    body += b" " * (webhook.MAX_BODY - len(body))
    sent = asyncio.create_task(lite.post(body))
    while not sent.done():
        assert (await lite.get("/healthz"))[0] == 200
    status, answer = await sent
    assert (status, answer["accepted"], answer["incidents"]) == (200, 2500, [1])
    assert (await lite.incident()).alerts_firing == 2500
    counts = [entry.outcome for entry in await lite.entries("alert:")]
    assert counts == ["1000 accepted, 0 quarantined", "1000 accepted, 0 quarantined", "500 accepted, 0 quarantined"]


async def test_slices_of_poison_are_all_kept(lite: Door) -> None:
    status, answer = await lite.post({"alerts": [None] * 1500 + [alert()]})
    assert (status, answer["accepted"], answer["quarantined"]) == (200, 1, 1500)
    assert await lite.rows("SELECT count(*) FROM quarantine") == [(1500,)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/alert", 405), ("PUT", "/webhooks/alertmanager", 405), ("POST", "/webhooks/alertmanager/", 404),
        ("POST", "/", 404), ("GET", "/docs", 404), ("GET", "/openapi.json", 404), ("POST", "/healthz", 405),
        ("GET", "/metrics", 404), ("GET", "/status", 404), ("POST", "//alert", 404),
    ],
)  # fmt: skip
async def test_nothing_else_answers_and_nothing_redirects(lite: Door, method: str, path: str, status: int) -> None:
    url = lite.servers.intake_url + path
    async with lite.http.request(
        method, url, data=b"{}" if method == "POST" else None, allow_redirects=False
    ) as answer:
        assert answer.status == status
        assert "Location" not in answer.headers


async def test_a_sender_that_hangs_up_leaves_nothing_behind(lite: Door, caplog: pytest.LogCaptureFixture) -> None:
    host, port = lite.servers.intake_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as sender:
        sender.sendall(b"POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n[{")
        await asyncio.sleep(0.05)

    async def noticed() -> bool:
        return 'reason="disconnected"' in (await lite.get("/metrics", inner=True))[1]

    await until(noticed)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
    assert await lite.rows("SELECT * FROM audit") == []


async def test_a_sender_that_never_ends_its_body_is_let_go(lite: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "BODY_WITHIN", 0.1)
    host, port = lite.servers.intake_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /alert HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n[{")
    assert b" 408 " in await reader.readline()
    writer.close()


async def test_nothing_is_answered_while_its_commit_is_still_to_come(lite: Door) -> None:
    begun, gate = threading.Event(), threading.Event()
    held = asyncio.create_task(lite.store.transact(lambda _tx: begun.set() or gate.wait(PATIENT)))
    await until(begun.is_set)
    posted = asyncio.create_task(lite.post(group(alert())))
    answered, _ = await asyncio.wait({posted}, timeout=0.3)
    gate.set()
    await held
    assert not answered
    assert (await posted)[0] == 200


async def test_a_saturated_store_is_503_and_what_waited_is_committed(sqlite_url: str, open_door: OpenDoor) -> None:
    store = Store.open(sqlite_url, max_waiting=2, group_size=1)
    begun, gate = threading.Event(), threading.Event()
    try:
        door = await open_door(store)
        held = asyncio.create_task(store.transact(lambda _tx: begun.set() or gate.wait(PATIENT)))
        await until(begun.is_set)
        waiting = [asyncio.create_task(door.post(group(alert(pod=str(number))))) for number in range(2)]
        await until(lambda: len(store._writing()._lanes[Lane.INTAKE]) == 2)
        url = door.url
        async with door.http.post(url, json=group(alert(pod="late"))) as refused:
            assert (refused.status, refused.headers["Retry-After"]) == (503, webhook.RETRY_AFTER)
        assert (await door.get("/readyz"))[0] == 503
        gate.set()
        assert [answer[0] for answer in await asyncio.gather(*waiting)] == [200, 200]
        await held
        assert (await door.incident()).alerts_firing == 2
        assert 'reason="unavailable"} 1.0' in (await door.get("/metrics", inner=True))[1]
    finally:
        gate.set()
        await store.close()


async def test_a_delivery_that_cannot_be_written_whole_is_503_and_leaves_nothing(lite: Door, sqlite_url: str) -> None:
    """A trigger stands for a full disk in the middle of a delivery's statements."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER broken BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'no'); END")
    assert (await lite.post(group(alert())))[0] == 503
    for table in ("alerts", "deliveries", "incidents", "audit", "due", "outbox"):
        assert await lite.rows(f"SELECT count(*) FROM {table}") == [(0,)], table  # noqa: S608 - names above
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER broken")
    assert (await lite.post(group(alert())))[1] == {
        "status": "success", "incidents": [1], "accepted": 1, "duplicates": 0, "quarantined": 0,
    }  # fmt: skip


async def test_a_store_that_is_closed_is_503(sqlite_url: str, open_door: OpenDoor) -> None:
    store = Store.open(sqlite_url)
    door = await open_door(store)
    await store.close()
    assert (await door.post(group(alert())))[0] == 503
    assert (await door.get("/readyz"))[0] == 503
    assert (await door.get("/healthz"))[0] == 200


async def test_a_crash_before_the_commit_is_never_answered_2xx(sqlite_url: str, open_door: OpenDoor) -> None:
    store = Store.open(sqlite_url)

    def crash(point: str) -> None:
        if point == "before:take":
            raise KeyboardInterrupt

    store.crash_point = crash
    door = await open_door(store)
    async with door.http.post(door.url, json=group(alert())) as answer:
        assert answer.status == 500
    await store.close()
    guest = Store.open(sqlite_url, query_only=True)
    assert guest.read_now(_count) == 0
    await guest.close()


def _count(tx: Tx) -> int:
    return int(tx.execute("SELECT count(*) FROM alerts").fetchone()[0])


async def test_what_was_answered_2xx_is_durable(sqlite_url: str, open_door: OpenDoor) -> None:
    """Another connection sees it the moment the answer is there."""
    store = Store.open(sqlite_url)
    try:
        door = await open_door(store)
        for number in range(5):
            assert (await door.post(group(alert(pod=str(number)))))[0] == 200
            guest = Store.open(sqlite_url, query_only=True)
            assert guest.read_now(_count) == number + 1
            await guest.close()
    finally:
        await store.close()
