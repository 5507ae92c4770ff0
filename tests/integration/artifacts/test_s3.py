"""Dumps in S3, played by moto's server over HTTP: parts, cuts, encryption, the mark, and a sentence for each no."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import aiohttp
import boto3
import pytest
from aiohttp import web

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import ForbiddenError, RejectedError, UnavailableError
from bot.integrations import artifacts, artifacts_s3
from bot.integrations.artifacts import CHUNK
from bot.integrations.artifacts_s3 import S3, Bucket
from bot.sandbox.ports import free_port
from tests.integration.artifacts.cutting import Cutter, cutter

DATA = hashlib.sha256(b"seed").digest() * (CHUNK // 32 * 2 + 40_000)  # two whole chunks and a piece
REGION = "eu-central-1"


@pytest.fixture
def aws(moto: str, credentials: None) -> Any:  # noqa: ARG001 - the environment
    return boto3.session.Session().client("s3", endpoint_url=moto, region_name=REGION)


@pytest.fixture
def bucket(aws: Any) -> str:
    name = f"dumps-{uuid4().hex[:10]}"
    aws.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
async def way(moto: str) -> AsyncIterator[Cutter]:
    async with cutter(int(moto.rpartition(":")[2])) as one:
        yield one


def store_at(bucket: str, url: str, **more: Any) -> S3:
    return S3(Bucket(bucket, "fettle", REGION, url, **more))


@pytest.fixture
async def store(bucket: str, moto: str) -> AsyncIterator[S3]:
    one = store_at(bucket, moto)
    yield one
    await one.close()


def draft(data: bytes = DATA, execution: str = "e1") -> Draft:
    digest = hashlib.sha256(data).hexdigest()
    return Draft(f"{execution}-heap.hprof", len(data), digest, execution, {"pod": "api-1", "incident": "INC-4 ü"})


async def kept(store: S3, data: bytes = DATA, execution: str = "e1") -> Kept:
    offset = 0
    async with await store.begin(draft(data, execution)) as upload:
        while offset < len(data):
            offset = await artifacts.send(upload, offset, data[offset : offset + CHUNK])
        return await upload.finish()


async def test_a_file_comes_whole_in_parts_encrypted_and_marked(store: S3, aws: Any, bucket: str) -> None:
    made = await kept(store)
    found = aws.get_object(Bucket=bucket, Key="fettle/e1-heap.hprof")
    assert found["Body"].read() == DATA
    assert found["ServerSideEncryption"] == "AES256"
    assert found["Metadata"][artifacts.MARK] == "e1"
    assert made.ref == "fettle/e1-heap.hprof"
    assert made.sha256 == hashlib.sha256(DATA).hexdigest()
    assert await store.find("e1-heap.hprof", "e1") == made
    assert await store.find("e1-heap.hprof", "e2") is None
    assert aws.head_object(Bucket=bucket, Key=made.ref)["ETag"].endswith('-3"')


async def test_the_encryption_that_was_set_is_asked_for(moto: str, bucket: str, aws: Any) -> None:
    store = store_at(bucket, moto, encryption="aws:kms:key-7")
    made = await kept(store, b"threads")
    told = aws.head_object(Bucket=bucket, Key=made.ref)
    assert told["ServerSideEncryption"] == "aws:kms"
    assert told["SSEKMSKeyId"].endswith("key-7")
    await store.close()
    plain = store_at(bucket, moto, encryption="none")
    await kept(plain, b"threads", "e2")
    await plain.close()


async def test_parts_that_are_cut_off_are_put_again_and_the_file_is_whole(
    way: Cutter, bucket: str, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six connections break in the middle of parts, at places of their own, and two answers are lost."""
    monkeypatch.setattr(artifacts_s3, "READ", 5.0)
    store = store_at(bucket, f"http://127.0.0.1:{way.port}")
    way.cuts = [1, 100_000, 3_000_000, 8_000_000, 65_536, 5_242_880]
    offset = 0
    async with await store.begin(draft()) as upload:
        while offset < len(DATA):
            way.lose_answers = 1
            offset = await artifacts.send(upload, offset, DATA[offset : offset + CHUNK])
        await upload.finish()
    await store.close()
    assert way.broken >= 8
    assert aws.get_object(Bucket=bucket, Key="fettle/e1-heap.hprof")["Body"].read() == DATA


async def test_a_lost_answer_to_the_last_question_is_asked_after(way: Cutter, bucket: str) -> None:
    store = store_at(bucket, f"http://127.0.0.1:{way.port}")
    async with await store.begin(draft(b"threads")) as upload:
        await upload.append(b"threads")
        way.lose_answers = 2  # boto3 asks twice
        made = await upload.finish()
    assert made.size == 7
    await store.close()


async def test_what_is_left_unfinished_is_no_object_and_no_upload(store: S3, aws: Any, bucket: str) -> None:
    async with await store.begin(draft()) as upload:
        await upload.append(DATA[:CHUNK])
    assert "Uploads" not in aws.list_multipart_uploads(Bucket=bucket)
    async with await store.begin(draft(b"abc")) as upload:
        await upload.append(b"abd")
        with pytest.raises(RejectedError, match="SHA-256 differ"):
            await upload.finish()
    assert "Contents" not in aws.list_objects_v2(Bucket=bucket)


async def test_uploads_of_a_dead_process_are_thrown_away_and_nobody_elses(store: S3, aws: Any, bucket: str) -> None:
    await store.begin(draft())
    aws.create_multipart_upload(Bucket=bucket, Key="others/file")
    began = aws.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"]
    assert await store.tidy(began) == 0
    assert await store.tidy(began + timedelta(seconds=1)) == 1
    assert [one["Key"] for one in aws.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["others/file"]


async def test_only_what_carries_the_mark_of_its_execution_is_deleted(store: S3, aws: Any, bucket: str) -> None:
    made = await kept(store, b"threads")
    aws.put_object(Bucket=bucket, Key=made.ref, Body=b"somebody else's")
    with pytest.raises(RejectedError, match="mark"):
        await store.delete(made)
    aws.delete_object(Bucket=bucket, Key=made.ref)
    assert await store.delete(made) is False
    made = await kept(store, b"threads")
    assert await store.delete(made) is True
    assert "Contents" not in aws.list_objects_v2(Bucket=bucket)


async def test_an_object_that_is_there_is_never_overwritten(store: S3) -> None:
    await kept(store, b"threads")
    with pytest.raises(RejectedError, match="nothing is overwritten"):
        await store.begin(draft(b"threads"))


async def test_amazons_link_leads_to_the_console_and_others_name_the_object(bucket: str, moto: str) -> None:
    console = S3(Bucket(bucket, "fettle", REGION)).kept("a b.hprof", 1, "", "e1").link
    expected = f"https://s3.console.aws.amazon.com/s3/object/{bucket}?prefix=fettle/a%20b.hprof&region={REGION}"
    assert console == expected
    assert store_at(bucket, moto).kept("a.hprof", 1, "", "e1").link == f"s3://{bucket}/fettle/a.hprof"


async def fetched(url: str) -> tuple[int, bytes, str]:
    async with aiohttp.ClientSession() as web_client, web_client.get(url) as reply:
        return reply.status, await reply.read(), reply.headers.get("Content-Disposition", "")


async def test_a_lent_link_reads_one_object_without_a_login_for_an_hour(store: S3, bucket: str) -> None:
    made = await kept(store, b"threads")
    url = await store.lend(made, timedelta(hours=1))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert asked["X-Amz-Expires"] == "3600"
    assert asked["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert urlsplit(url).path == f"/{bucket}/{made.ref}"
    assert await fetched(url) == (200, b"threads", 'attachment; filename="e1-heap.hprof"')


async def test_no_link_is_made_to_what_isnt_ours(store: S3, aws: Any, bucket: str) -> None:
    made = await kept(store, b"threads")
    aws.put_object(Bucket=bucket, Key=made.ref, Body=b"somebody else's")
    with pytest.raises(RejectedError, match="with Fettle's mark"):
        await store.lend(made, timedelta(hours=1))
    aws.delete_object(Bucket=bucket, Key=made.ref)
    with pytest.raises(RejectedError, match="with Fettle's mark"):
        await store.lend(made, timedelta(hours=1))


async def test_what_is_wrong_is_a_sentence(moto: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = store_at("no-such-bucket-here", moto)
    with pytest.raises(RejectedError, match="There is no bucket no-such-bucket-here"):
        await nowhere.check()
    here = store_at(bucket, moto)
    assert "AES256" in await here.check()
    silent = store_at(bucket, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnavailableError, match="can't be reached"):
        await silent.check()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bare = store_at(bucket, moto)
    with pytest.raises(ForbiddenError, match="no AWS credentials were found"):
        await bare.check()
    await asyncio.gather(*(one.close() for one in (nowhere, here, silent, bare)))


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (403, "AccessDenied", ForbiddenError, "s3:PutObject"),
        (403, "ExpiredToken", ForbiddenError, "renew the role"),
        (503, "SlowDown", UnavailableError, "can't take it now"),
        (400, "InvalidArgument", RejectedError, "refuses the request"),
        (501, "NotImplemented", RejectedError, "NotImplemented"),
    ],
)
async def test_each_no_of_s3_has_its_kind_and_its_sentence(
    bucket: str, credentials: None, status: int, code: str, kind: type[Exception], words: str
) -> None:
    del credentials

    async def answer(_request: web.Request) -> web.Response:
        body = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        return web.Response(status=status, text=body, content_type="application/xml")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store = store_at(bucket, f"http://127.0.0.1:{runner.addresses[0][1]}")
    with pytest.raises(kind, match=words):
        await store.check()
    await store.close()
    await runner.cleanup()
