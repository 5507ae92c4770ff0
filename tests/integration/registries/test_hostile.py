"""Whoever stands in a registry's place learns no password, sends us nowhere, takes no more than its time and room."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from bot.domain.errors import FettleError, ForbiddenError, RejectedError, UnavailableError
from bot.evidence.registry import look
from bot.integrations import oci
from bot.integrations.oci import OciRegistry
from bot.integrations.registries import Registries
from bot.settings_registries import registries
from tests.patience import PATIENT

PASSWORD = "hunter22"
Answer = Callable[[web.Request], web.StreamResponse]


@dataclass
class Stub:
    """A server that answers as told; what it was asked, and what was shown to it."""

    host: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    delay: float = 0.0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One question."""
        self.asked.append(f"{request.method} {request.path_qs}")
        self.shown.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.delay)
        made = self.answers.get(request.path)
        return made(request) if made else web.json_response({"errors": [{"code": "NOT_FOUND"}]}, status=404)


@asynccontextmanager
async def stub() -> AsyncIterator[Stub]:
    made = Stub()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.host = site.name.removeprefix("http://")
    try:
        yield made
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(tmp_path: Path, host: str, options: str = "") -> AsyncIterator[OciRegistry]:
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    [made] = registries(f"{host} insecure user=fettle password_file={tmp_path / 'password'} {options}")
    opened = OciRegistry(made)
    try:
        yield opened
    finally:
        await opened.close()


def challenge(realm: str) -> Answer:
    header = {"WWW-Authenticate": f'Bearer realm="{realm}",service="s",scope="repository:shop/api:pull,push,delete"'}
    return lambda _: web.Response(status=401, headers=header)


def listed(*names: str, link: str = "") -> Answer:
    headers = {"Link": link} if link else {}
    return lambda _: web.json_response({"name": "shop/api", "tags": list(names)}, headers=headers)


LIST = "/v2/shop/api/tags/list"


@pytest.mark.parametrize(
    "realm",
    [
        "http://{other}/auth", "https://{other}/auth", "http://169.254.169.254/latest", "https://evil.example/auth",
        "//{other}/auth", "/auth", "http://{host}@{other}/auth", "http://{host}.evil.example/auth", "ftp://{host}/auth",
        "http://{other}#{host}/auth", "http://{other}\\@{host}/", "", "http://", "http://{host}:1@{other}/",
    ],
)  # fmt: skip
async def test_a_token_is_asked_of_nobody_who_is_not_listed(tmp_path: Path, realm: str) -> None:
    async with stub() as other, stub() as server, asking(tmp_path, server.host) as opened:
        server.answers[LIST] = challenge(realm.format(other=other.host, host=server.host))
        with pytest.raises(RejectedError, match=r"isn't listed|without TLS|an address that is none"):
            await opened.tags("shop/api", within=PATIENT)
        assert not other.asked
        assert server.shown == [""], "no password without a known asker"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_of_a_question_or_of_a_token_is_followed(tmp_path: Path, status: int) -> None:
    async with stub() as other, stub() as server, asking(tmp_path, server.host, f"also={other.host}") as opened:
        away = {"Location": f"http://{other.host}{LIST}"}
        other.answers[LIST] = listed("1.4.2")
        server.answers[LIST] = lambda _: web.Response(status=status, headers=away)
        with pytest.raises(RejectedError, match="isn't followed"):
            await opened.tags("shop/api", within=PATIENT)
        server.answers |= {LIST: challenge(f"http://{server.host}/auth")}
        server.answers["/auth"] = lambda _: web.Response(status=status, headers=away)
        with pytest.raises(RejectedError, match="without a token"):
            await opened.tags("shop/api", within=PATIENT)
        assert not other.asked


async def test_a_blob_is_fetched_from_a_listed_host_alone_and_without_the_password(tmp_path: Path) -> None:
    config = json.dumps({"created": "2026-11-20T00:00:00Z"}).encode()
    named = f"sha256:{hashlib.sha256(config).hexdigest()}"
    manifest = json.dumps({"config": {"digest": named}}).encode()
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    basic = {"WWW-Authenticate": 'Basic realm="x"'}

    def guarded(answer: Answer) -> Answer:
        return lambda asked: (
            answer(asked) if "Authorization" in asked.headers else web.Response(status=401, headers=basic)
        )

    def told(_: web.Request) -> web.Response:
        return web.Response(body=manifest, headers={"Docker-Content-Digest": digest})

    async with stub() as other, stub() as server:
        away = {"Location": f"http://{other.host}/kept?signed=a%2Fb"}
        other.answers["/kept"] = lambda _: web.Response(body=config)
        for at in ("1.4.2", digest):
            server.answers[f"/v2/shop/api/manifests/{at}"] = guarded(told)
        server.answers[f"/v2/shop/api/blobs/{named}"] = guarded(lambda _: web.Response(status=307, headers=away))
        async with asking(tmp_path, server.host) as opened:
            found = await opened.published("shop/api", "1.4.2", within=PATIENT)
            assert found is not None
            assert (found.digest, found.made_at) == (digest, "")
            assert not other.asked
        async with asking(tmp_path, server.host, f"also={other.host}") as opened:
            found = await opened.published("shop/api", "1.4.2", within=PATIENT)
            assert found is not None
            assert found.made_at == "2026-11-20T00:00:00Z"
            assert other.shown == [""]
            other.answers["/kept"] = lambda _: web.Response(body=config.replace(b"2026", b"2025"))
            found = await opened.published("shop/api", "1.4.2", within=PATIENT)
            assert found is not None
            assert found.made_at == "", "what isn't what its digest names isn't believed"


async def test_pages_are_read_by_their_query_alone_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stub() as other, stub() as server, asking(tmp_path, server.host) as opened:
        pages = {
            None: listed("1.4.0", link=f'<http://{other.host}/v2/secret/tags/list?last=1.4.0&n=1000>; rel="next"'),
            "1.4.0": listed("1.4.1", link=f'<{LIST}?last=1.4.1&n=1000>; rel="next"'),
            "1.4.1": listed("1.4.2", "no tag", "../x", ""),
        }
        server.answers[LIST] = lambda asked: pages[asked.query.get("last")](asked)
        found = await opened.tags("shop/api", within=PATIENT)
        assert (found.names, found.cut) == (("1.4.0", "1.4.1", "1.4.2"), False)
        assert not other.asked
        assert server.asked[1] == f"GET {LIST}?last=1.4.0&n=1000"
        monkeypatch.setattr(oci, "PAGES", 5)
        counted = iter(range(1000))

        def endless(_: web.Request) -> web.StreamResponse:
            at = next(counted)
            return listed(f"1.0.{at}", link=f'<{LIST}?last=1.0.{at}&n=1000>; rel="next"')(_)

        server.answers[LIST] = endless
        found = await opened.tags("shop/api", within=PATIENT)
        assert (len(found.names), found.cut) == (5, True)
        server.answers[LIST] = listed("1.0.0", link=f'<{LIST}?n=1000>; rel="next"')
        before = len(server.asked)
        assert not (await opened.tags("shop/api", within=PATIENT)).cut
        assert len(server.asked) == before + 1, "a next page that is this one ends it"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda _: web.Response(body=b"x" * (oci.LARGEST + 1)), "larger than 4 MiB"),
        (lambda _: web.Response(text="<html>hello</html>", content_type="text/html"), "not as a registry does"),
        (lambda _: web.json_response({"tags": "1.4.2"}), "not as a registry does"),
        (lambda _: web.json_response([1]), "not as a registry does"),
        (lambda _: web.Response(text="[" * 100_000, content_type="application/json"), "not as a registry does"),
        (lambda _: web.json_response({"errors": [{"code": "DENIED", "message": "no"}]}, status=403), "doesn't accept"),
        (lambda _: web.json_response({"errors": [{"code": "NAME_INVALID", "message": "bad\nname"}]}, status=400),
        "answers 400: NAME_INVALID bad name."),
        (lambda _: web.json_response({}, status=503), "answers 503 for now"),
        (lambda _: web.Response(status=429, headers={"Retry-After": "7"}), "answers 429 for now"),
        (lambda _: web.Response(status=401), "doesn't accept user fettle"),
        (lambda _: web.Response(status=401, headers={"WWW-Authenticate": "Negotiate"}), "doesn't accept user fettle"),
        (lambda _: web.Response(status=401, headers={"WWW-Authenticate": 'Bearer a="s"'}), "address that is none"),
    ],
)  # fmt: skip
async def test_whatever_it_answers_is_a_sentence(tmp_path: Path, answer: Answer, told: str) -> None:
    async with stub() as server, asking(tmp_path, server.host) as opened:
        server.answers[LIST] = answer
        with pytest.raises(FettleError) as raised:
            await opened.tags("shop/api", within=PATIENT)
        assert told in str(raised.value)
        assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize(
    "body",
    [
        {}, {"token": ""}, {"token": 7}, {"token": "a b"}, {"token": "a\r\nX: y"}, {"token": "é"},
        {"token": "a" * 20_000}, [], "x",
    ],
)  # fmt: skip
async def test_only_a_token_is_taken_for_one(tmp_path: Path, body: object) -> None:
    async with stub() as server, asking(tmp_path, server.host) as opened:
        server.answers[LIST] = challenge(f"http://{server.host}/auth")
        server.answers["/auth"] = lambda _: web.json_response(body)
        with pytest.raises(RejectedError, match="without a token"):
            await opened.tags("shop/api", within=PATIENT)
        assert len(server.asked) == 2


async def test_a_token_is_asked_for_reading_alone_and_again_when_it_has_run_out(tmp_path: Path) -> None:
    async with stub() as server, asking(tmp_path, server.host) as opened:
        given = iter(["first", "second", "third"])
        good = {"Bearer first"}
        refused = challenge(f"http://{server.host}/auth?x=1")

        def answer(asked: web.Request) -> web.StreamResponse:
            return listed("1.4.2")(asked) if asked.headers.get("Authorization") in good else refused(asked)

        server.answers[LIST] = answer
        server.answers["/auth"] = lambda _: web.json_response({"token": next(given), "expires_in": 3600})
        for _ in range(3):
            await opened.tags("shop/api", within=PATIENT)
        asked = [one for one in server.asked if "/auth" in one]
        assert asked == ["GET /auth?x=1&service=s&scope=repository:shop/api:pull"]
        good.clear()
        good.add("Bearer second")
        await opened.tags("shop/api", within=PATIENT)
        good.clear()
        with pytest.raises(ForbiddenError):
            await opened.tags("shop/api", within=PATIENT)


async def test_one_that_hangs_costs_its_time_and_no_more(tmp_path: Path) -> None:
    async with stub() as server, asking(tmp_path, server.host) as opened:
        server.delay = 3600
        with pytest.raises(UnavailableError, match=r"didn't answer within 0\.\d+ s"):
            await opened.tags("shop/api", within=0.3)


async def test_a_crowd_asks_once_and_a_host_that_is_not_listed_never() -> None:
    async with stub() as server, stub() as other:
        made = Registries(registries(f"{server.host} insecure"))
        server.answers[LIST] = listed("1.4.2")
        server.delay = 0.05
        rows = await asyncio.gather(*(look(made, f"{server.host}/shop/api:1.4.3", 5) for _ in range(50)))
        assert {row.nearest for row in rows} == {"1.4.2"}
        assert len([one for one in server.asked if "/tags/list" in one]) == 1
        row = await look(made, f"{other.host}/shop/api:1.4.3", 5)
        assert row.problem == f"{other.host} isn't listed in REGISTRIES, so it isn't asked for tags."
        for text in ("169.254.169.254/x", "localhost/x", "127.0.0.1:1/x", "metadata.google.internal/x", "x"):
            assert "isn't listed" in (await look(made, text, 5)).problem
        for text in (f"{server.host}/../x", f"{server.host}/X", f"{server.host}/x:y:z", "http://x/y", "a@b"):
            assert "is no valid name of an image" in (await look(made, text, 5)).problem
        await made.close()
    assert not other.asked


async def test_an_answer_is_asked_for_again_after_half_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stub() as server:
        made = Registries(registries(f"{server.host} insecure"))
        server.answers[LIST] = listed("1.4.2")
        await look(made, f"{server.host}/shop/api:1.4.3", 5)
        monkeypatch.setattr("bot.integrations.registries.FRESH", 0.0)
        server.answers[LIST] = listed("1.4.2", "1.4.3")
        assert (await look(made, f"{server.host}/shop/api:1.4.3", 5)).exists is True
        await made.close()
