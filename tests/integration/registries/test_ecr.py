"""ECR over HTTP, played by moto's server: pages of tags, digest and push of one, and a sentence for each refusal."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot import doctor_registries
from bot.doctor_table import Level
from bot.domain.errors import ConfigError, ForbiddenError, NotFoundError, UnavailableError
from bot.evidence.registry import look
from bot.integrations import ecr
from bot.integrations.ecr import Ecr
from bot.integrations.registries import Registries
from bot.sandbox.ports import free_port
from bot.settings import load
from bot.settings_registries import registries
from tests.integration.replayed import answer, replaying
from tests.patience import PATIENT

HOST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
TARGET = "AmazonEC2ContainerRegistry_V20150921"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/ecr/aws4_request, SignedHeaders=host, Signature=0"


@pytest.fixture
def at_moto(moto: str, credentials: None, monkeypatch: pytest.MonkeyPatch) -> str:  # noqa: ARG001 - the environment
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", moto)
    return moto


async def told(url: str, action: str, **body: Any) -> Any:
    """One call as the SDK makes it, without the SDK."""
    headers = {
        "X-Amz-Target": f"{TARGET}.{action}", "Content-Type": "application/x-amz-json-1.1", "Authorization": SIGNED,
    }  # fmt: skip
    async with (
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(url, data=json.dumps(body), headers=headers) as got,
    ):
        assert got.status == 200, await got.text()
        return json.loads(await got.read())


async def push(url: str, repository: str, *names: str) -> None:
    """A repository with an image for each tag."""
    with contextlib.suppress(AssertionError):
        await told(url, "CreateRepository", repositoryName=repository)
    for name in names:
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": [],
                    "config": {"mediaType": "x", "size": 1, "digest": f"sha256:{name}"}}  # fmt: skip
        await told(url, "PutImage", repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=name)


@asynccontextmanager
async def client(options: str = "ecr") -> AsyncIterator[Ecr]:
    [made] = registries(f"{HOST} {options}")
    opened = Ecr(made)
    try:
        yield opened
    finally:
        await opened.close()


async def test_the_nearest_tag_comes_with_its_digest_and_when_it_was_pushed(at_moto: str) -> None:
    await push(at_moto, "shop/api", "1.4.0", "1.4.1", "1.4.2", "1.5.0", "latest")
    listed = Registries(registries(f"{HOST} ecr"))
    row = await look(listed, f"{HOST}/shop/api:1.4.3", 20)
    there = await look(listed, f"{HOST}/shop/api:1.4.2", 20)
    by_digest = await look(listed, f"{HOST}/shop/api@{row.digest}", 20)
    no_digest = await look(listed, f"{HOST}/shop/api@sha256:{'0' * 64}", 20)
    gone = await look(listed, f"{HOST}/shop/nothing:1", 20)
    await listed.close()
    assert (row.problem, row.exists, row.nearest, row.tags) == ("", False, "1.4.2", 5)
    assert row.digest.startswith("sha256:")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row.made_at)) < timedelta(minutes=10)
    assert (there.exists, there.digest) == (True, row.digest)
    assert (by_digest.exists, no_digest.exists) == (True, False)
    assert (gone.repository, gone.problem) == (False, "")


async def test_what_is_not_there_is_told_apart_from_what_may_not_be_asked(at_moto: str) -> None:
    await push(at_moto, "shop/web", "1.0.0")
    async with client() as opened:
        assert await opened.published("shop/web", "9.9.9", within=PATIENT) is None
        with pytest.raises(NotFoundError, match="has no repository shop/none"):
            await opened.tags("shop/none", within=PATIENT)
        with pytest.raises(NotFoundError, match="has no repository shop/none"):
            await opened.published("shop/none", "1", within=PATIENT)


@pytest.mark.usefixtures("credentials")
async def test_all_pages_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator gives all tags at once, so that a small server of the test's own pages as ECR does."""
    asked: list[dict[str, Any]] = []

    async def page(request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        asked.append(body)
        first = int(body.get("nextToken", 0))
        rows = [{"imageTag": f"1.0.{number}"} for number in range(first, min(first + body["maxResults"], 23))]
        more = {"nextToken": str(first + body["maxResults"])} if first + body["maxResults"] < 23 else {}
        return web.json_response({"imageIds": rows, **more}, content_type="application/x-amz-json-1.1")

    app = web.Application()
    app.router.add_post("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", site.name)
    monkeypatch.setattr(ecr, "PAGE", 10)
    async with client() as opened:
        found = await opened.tags("shop/many", within=PATIENT)
        assert (found.names, found.cut) == (tuple(f"1.0.{number}" for number in range(23)), False)
        assert [one.get("nextToken") for one in asked] == [None, "10", "20"]
        assert {one["filter"]["tagStatus"] for one in asked} == {"TAGGED"}
        monkeypatch.setattr(ecr, "MOST_TAGS", 15)
        cut = await opened.tags("shop/many", within=PATIENT)
        assert (len(cut.names), cut.cut) == (15, True)
    await runner.cleanup()


def refusal(code: str, status: str = "400 Bad Request") -> bytes:
    body = json.dumps({"__type": code, "message": "no"}).encode()
    return answer(status, body, Content_Type="application/x-amz-json-1.1")


@pytest.mark.parametrize(
    ("raw", "error", "sentence"),
    [
        (refusal("AccessDeniedException"), ForbiddenError, "the role needs ecr:ListImages and ecr:DescribeImages"),
        (refusal("UnrecognizedClientException"), ForbiddenError, "doesn't accept the AWS credentials"),
        (refusal("ExpiredTokenException"), ForbiddenError, "doesn't accept the AWS credentials"),
        (refusal("ThrottlingException"), UnavailableError, "limits how often it is asked"),
        (refusal("ServerException", "500 Internal Server Error"), UnavailableError, "limits how often it is asked"),
    ],
)
@pytest.mark.usefixtures("credentials")
async def test_what_aws_refuses_is_said_with_what_to_do(
    raw: bytes, error: type[Exception], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replaying(raw) as replay, client() as opened:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", replay.url)
        with pytest.raises(error, match=sentence):
            await opened.tags("shop/api", within=PATIENT)
        asked = replay.asked[0]
        assert json.loads(asked.body)["registryId"] == "123456789012"
        assert "/eu-central-1/ecr/" in asked.headers["authorization"]


@pytest.mark.usefixtures("credentials")
async def test_one_that_is_down_or_hangs_costs_its_time_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", f"http://127.0.0.1:{free_port()}")
    async with client() as opened:
        with pytest.raises(UnavailableError, match="can't be reached: EndpointConnectionError"):
            await opened.tags("shop/api", within=PATIENT)
    async with replaying(refusal("x")) as replay, client("ecr region=us-east-1") as opened:
        replay.delay = 3600
        monkeypatch.setattr(ecr, "READ", 1.0)
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", replay.url)
        with pytest.raises(UnavailableError, match=r"didn't answer within 0\.5 s"):
            await opened.tags("shop/api", within=0.5)


def test_aws_is_imported_at_the_first_question_alone() -> None:
    code = "import sys, bot.integrations.sources; sys.exit(bool({'boto3', 'botocore'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own words


@pytest.mark.usefixtures("credentials")
async def test_without_credentials_or_the_extra_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    async with client() as opened:
        with pytest.raises(ForbiddenError, match="no AWS credentials were found"):
            await opened.tags("shop/api", within=PATIENT)
    monkeypatch.setitem(sys.modules, "boto3", None)
    async with client() as opened:
        with pytest.raises(ConfigError, match=r"needs the extra aws: pip install 'fettle-bot\[aws\]'"):
            await opened.tags("shop/api", within=PATIENT)


async def test_the_doctor_asks_with_the_same_right(
    at_moto: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "KUBECONFIG": "k", "REGISTRIES": f"{HOST} ecr"}
    settings = load(base, tmp_path / "no.env", tmp_path / "no.yaml")
    assert at_moto

    async def row() -> tuple[Level, str]:
        listed = Registries(settings.REGISTRIES)
        [found] = await doctor_registries.rows(settings, listed)
        await listed.close()
        return found.level, found.sentence

    assert await row() == (Level.OK, f"Registry {HOST} answers and lets us list images.")
    async with replaying(refusal("AccessDeniedException")) as replay:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", replay.url)
        level, sentence = await row()
        assert level is Level.WARN
        assert sentence.endswith("That is fine if its policy names repositories.")
        replay.answer = refusal("UnrecognizedClientException")
        assert (await row())[0] is Level.FAIL
