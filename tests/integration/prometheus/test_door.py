"""The door to outside systems: how it shows itself, what it refuses, and what is said when nobody is behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.errors import ConfigError, ForbiddenError, RejectedError, UnavailableError
from bot.integrations.door import Access, Door
from bot.sandbox.kubernetes import certificate
from bot.sandbox.ports import free_port
from tests.integration.replayed import Replay, answer, replaying
from tests.patience import PATIENT

OK = answer("200 OK", b'{"fine": true}', Content_Type="application/json")


@asynccontextmanager
async def door(raw: bytes = OK, **more: Any) -> AsyncIterator[tuple[Door, Replay]]:
    async with replaying(raw) as replay:
        opened = Door(Access("Prometheus", "PROMETHEUS", f"{replay.url}/base", **more))
        try:
            yield opened, replay
        finally:
            await opened.close()


@pytest.mark.parametrize(
    ("access", "header", "value"),
    [
        ({"token": SecretStr("s3cret")}, "authorization", "Bearer s3cret"),
        ({"basic": SecretStr("me:pä:ss")}, "authorization", "Basic bWU6cMOkOnNz"),
        ({"tenant": "team-a|team-b"}, "x-scope-orgid", "team-a|team-b"),
    ],
)
async def test_it_shows_what_lets_us_in(access: dict[str, Any], header: str, value: str) -> None:
    async with door(**access) as (opened, replay):
        reply = await opened.get("/x", {"a": "b c"}, within=PATIENT)
    assert await reply.data() == {"fine": True}
    assert replay.asked[0].path == "/base/x"
    assert replay.asked[0].headers[header] == value


async def test_no_secret_shows_in_what_it_is() -> None:
    access = Access("Prometheus", "PROMETHEUS", "http://x", SecretStr("s3cret"), SecretStr("me:pass"))
    assert "s3cret" not in repr(access)
    assert "pass" not in repr(access)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
async def test_a_redirect_is_not_followed_whereever_it_points(status: str) -> None:
    async with replaying(OK) as other:
        async with door(answer(status, Location=f"{other.url}/steal"), token=SecretStr("t")) as (opened, _):
            with pytest.raises(RejectedError, match="set PROMETHEUS_URL to the address behind it"):
                await opened.get("/x", within=PATIENT)
        assert other.asked == []


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_a_refusal_names_the_settings_to_look_at(status: str) -> None:
    async with door(answer(status)) as (opened, _):
        with pytest.raises(ForbiddenError, match="PROMETHEUS_TOKEN, PROMETHEUS_BASIC and PROMETHEUS_TENANT"):
            await opened.get("/x", within=PATIENT)


async def test_a_rate_limit_says_how_long() -> None:
    async with door(answer("429 Too Many Requests", Retry_After="7")) as (opened, _):
        with pytest.raises(UnavailableError) as raised:
            await opened.get("/x", within=PATIENT)
    assert raised.value.retry_after == 7


async def test_a_broken_gateway_is_trouble_that_passes() -> None:
    async with door(answer("502 Bad Gateway", b"<html>oops</html>", Content_Type="text/html")) as (opened, _):
        with pytest.raises(UnavailableError, match="answers 502 for now"):
            await opened.get("/x", within=PATIENT)


async def test_an_answer_without_end_is_cut_off() -> None:
    big = answer("200 OK", b"x" * 3_000_000)
    async with door(big) as (opened, _):
        with pytest.raises(RejectedError, match="larger than 1 MiB"):
            await opened.get("/x", within=PATIENT, largest=1024 * 1024)


async def test_a_silent_system_costs_the_time_that_was_given_and_no_more() -> None:
    async with door() as (opened, replay):
        replay.delay = 3600
        with pytest.raises(UnavailableError, match=r"didn't answer within 0.2 s"):
            await opened.get("/x", within=0.2)


async def test_nobody_there_is_said_with_the_address() -> None:
    opened = Door(Access("Loki", "LOKI", f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(UnavailableError, match=r"Loki can't be reached at http://127.0.0.1:\d+: connection refused\."):
        await opened.get("/x", within=PATIENT)
    await opened.close()


async def test_a_certificate_file_that_is_none_is_said_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    for file, told in ((tmp_path / "gone.pem", "No such file"), (tmp_path / "ca.pem", "PROMETHEUS_CA_FILE")):
        opened = Door(Access("Prometheus", "PROMETHEUS", "https://127.0.0.1:1", ca_file=file))
        with pytest.raises(ConfigError, match=told):
            await opened.get("/x", within=PATIENT)
        await opened.close()


async def test_a_certificate_of_our_own_authority_is_trusted_once_it_is_named(tmp_path: Path) -> None:
    made = certificate.of_this_process()
    (tmp_path / "cert.pem").write_text(made.pem, encoding="ascii")
    async with replaying(OK, made.context()) as replay:
        trusting = Door(Access("Prometheus", "PROMETHEUS", replay.url, ca_file=tmp_path / "cert.pem"))
        assert (await trusting.get("/x", within=PATIENT)).status == 200
        await trusting.close()
        strange = Door(Access("Prometheus", "PROMETHEUS", replay.url))
        with pytest.raises(UnavailableError, match=r"isn't trusted.*Name its authority in PROMETHEUS_CA_FILE"):
            await strange.get("/x", within=PATIENT)
        await strange.close()


async def test_at_most_eight_questions_are_on_their_way() -> None:
    async with door() as (opened, replay):
        replay.delay = 0.1
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(opened.get("/x", within=PATIENT) for _ in range(17)))
        assert asyncio.get_running_loop().time() - begun >= 0.29
