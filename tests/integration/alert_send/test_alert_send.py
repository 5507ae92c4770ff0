"""``fettle alert send`` against the real intake: what it prints and with which code it ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import web

from bot import alert_cli, clock
from bot.domain.severity import Severity
from bot.kube.client import Cluster
from bot.settings import load_webhook_only
from bot.storage.db import Store
from tests.integration.intake.door import Door, opened
from tests.typed import typed

TOKEN = "w" * 32
ROOT = Path(__file__).parents[3]
Open = Callable[..., Awaitable[Door]]


@pytest.fixture
async def open_door(sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens one intake with settings."""
    running: list[tuple[Door, Cluster]] = []

    async def one(**changes: str) -> Door:
        running.append(await opened(sqlite_store, tmp_path, **changes))
        running[-1][0].now = clock.now()  # the program that sends has the machine's time
        return running[-1][0]

    yield one
    for door, cluster in running:
        await door.http.close()
        await door.servers.stop()
        await cluster.close()


async def send(*words: str, folder: Path, stdin: bytes = b"", **environment: str) -> tuple[int, str, str]:
    """The program, in this process: exit code, output, errors."""
    return await asyncio.to_thread(
        typed,
        "alert",
        "send",
        *words,
        folder=folder,
        stdin=stdin,
        environment={"PATH": os.environ["PATH"], **environment},
    )


async def started(*words: str, folder: Path, **environment: str) -> tuple[int, str, str]:
    """The program as a person starts it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "alert", "send", *words, cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_test_alert_becomes_an_incident_that_says_so(open_door: Open, tmp_path: Path) -> None:
    """The address and the token come from the settings; no Slack token is needed."""
    door = await open_door(WEBHOOK_TOKENS=f"other-{TOKEN},{TOKEN}", LISTEN_HOST="127.0.0.1")
    port = door.servers.intake_url.rsplit(":", 1)[1]
    code, out, err = await started(folder=tmp_path, WEBHOOK_TOKENS=TOKEN, LISTEN_PORT=port)
    assert (code, out, err) == (0, "Taken: 1 alert. Incidents: INC-1.\n", "")
    incident = await door.incident()
    assert (incident.alertname, incident.title) == ("FettleTest", "A test by fettle alert send; nothing is wrong.")
    assert incident.severity is Severity.SEV3
    assert (await door.owed()) == {"card:1"}


async def test_a_second_test_joins_the_first(open_door: Open, tmp_path: Path) -> None:
    door = await open_door()
    for _ in range(2):
        assert (await send("--url", door.servers.intake_url, folder=tmp_path))[0] == 0
    assert (await door.incident()).alerts_total >= 1


@pytest.mark.parametrize("way", ["file", "-"])
async def test_a_recorded_delivery_is_sent_as_it_is(open_door: Open, tmp_path: Path, way: str) -> None:
    door = await open_door()
    alert = {"labels": {"alertname": "KubePodNotReady", "namespace": "shop", "deployment": "api"}}
    body = json.dumps({"alerts": [alert, 7]}).encode()
    (tmp_path / "delivery.json").write_bytes(body)
    file = "delivery.json" if way == "file" else "-"
    code, out, err = await send(file, "--url", door.url, folder=tmp_path, stdin=body)
    assert (code, out) == (1, "")
    assert err == "Taken: 1 alert; 1 quarantined, because they could not be used. Incidents: INC-1.\n"


async def test_what_was_seen_before_is_told(open_door: Open, tmp_path: Path) -> None:
    door = await open_door()
    alert = {"labels": {"alertname": "X", "namespace": "shop"}, "startsAt": "2026-11-21T03:00:00Z"}
    for expected in ("Taken: 1 alert. Incidents: INC-1.\n", "Taken: 1 alert; 1 seen before. Incidents: INC-1.\n"):
        sent = await send("-", "--url", door.url, folder=tmp_path, stdin=json.dumps({"alerts": [alert]}).encode())
        assert sent[:2] == (0, expected)


async def test_json_is_one_line_for_programs(open_door: Open, tmp_path: Path) -> None:
    door = await open_door()
    code, out, _ = await send("--json", "--url", door.url, folder=tmp_path)
    found = json.loads(out)
    assert code == 0
    assert (found["status"], found["answer"]["incidents"]) == (HTTPStatus.OK, [1])


async def test_a_wrong_token_and_a_missing_one_are_told_apart_and_never_shown(open_door: Open, tmp_path: Path) -> None:
    door = await open_door(WEBHOOK_TOKENS=TOKEN, LISTEN_HOST="127.0.0.1")
    code, out, err = await send("--url", door.url, folder=tmp_path, WEBHOOK_TOKENS="wrong-token-1")
    assert (code, out) == (2, "")
    assert "the token isn't one of its WEBHOOK_TOKENS" in err
    assert "wrong-token-1" not in err
    code, _, err = await send("--url", door.url, folder=tmp_path)
    assert code == 2
    assert "set WEBHOOK_TOKENS" in err
    assert await door.incidents() == []


async def test_a_pair_is_used_where_no_token_is_set(open_door: Open, tmp_path: Path) -> None:
    door = await open_door(WEBHOOK_BASIC="am:password-1", LISTEN_HOST="127.0.0.1")
    assert (await send("--url", door.url, folder=tmp_path, WEBHOOK_BASIC="am:password-1"))[0] == 0


async def test_what_is_no_alert_is_refused_with_the_reason(open_door: Open, tmp_path: Path) -> None:
    door = await open_door()
    code, _, err = await send("-", "--url", door.url, folder=tmp_path, stdin=b"[1, 2")
    assert code == 1
    assert err.startswith("The body was not taken (400): ")
    assert len(err) > len("The body was not taken (400): \n")


async def test_nobody_listening_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code, _, err = await send(folder=tmp_path, LISTEN_PORT=str(port))
    assert code == 2
    assert f"http://127.0.0.1:{port}/webhooks/alertmanager can't be reached (connection refused)" in err
    assert "fettle run" in err


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(503, 1, "takes no writes now"), (302, 2, "check --url"), (404, 2, "check --url"), (200, 2, "check --url"),
     (500, 1, "answered 500"), (413, 1, "not taken (413)")],
)  # fmt: skip
async def test_every_other_answer_has_its_sentence(tmp_path: Path, status: int, code: int, words: str) -> None:
    """A redirect is not followed: Alertmanager would take it for a success."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=status, text="<html>", headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        found = await asyncio.to_thread(alert_cli.main, "", url, tmp_path / "none.env", as_json=False)
    finally:
        await runner.cleanup()
    assert found == code
    assert seen == [alert_cli.PATH]
    assert words in alert_cli.told(status, "<html>", url, given=True)[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [(["missing.json"], "missing.json can't be read"), (["-"], "Standard input is empty"),
     (["--url", "fettle:8080"], "write an address such as"), (["--url", "http://u:p@x/"], "write an address such as")],
)  # fmt: skip
async def test_what_must_be_put_right_first_is_a_sentence(tmp_path: Path, words: list[str], expected: str) -> None:
    code, out, err = await send(*words, folder=tmp_path)
    assert (code, out) == (2, "")
    assert expected in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "http://127.0.0.1:8080"), ({"WEBHOOK_TOKENS": TOKEN, "LISTEN_PORT": "81"}, "http://127.0.0.1:81"),
     ({"LISTEN_HOST": "::"}, "http://[::1]:8080"), ({"LISTEN_HOST": "10.1.2.3"}, "http://10.1.2.3:8080"),
     ({"TLS_CERT": "/c.pem", "TLS_KEY": "/k.pem"}, "https://127.0.0.1:8080")],
)  # fmt: skip
def test_the_address_is_where_these_settings_listen(changes: dict[str, str], expected: str, tmp_path: Path) -> None:
    settings = load_webhook_only(changes, tmp_path / "none.env", tmp_path / "none.yaml")
    assert alert_cli.own_address(settings) == expected + alert_cli.PATH
