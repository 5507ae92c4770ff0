"""Dumps in Google Drive, by a server that speaks its resumable upload: pieces, cuts, tokens, the mark, and each no."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import ConfigError, ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.integrations import artifacts
from bot.integrations.artifacts import CHUNK
from bot.integrations.artifacts_drive import Drive
from tests.integration.artifacts import drive as served
from tests.integration.artifacts.drive import FOLDER, STEP

DATA = hashlib.sha256(b"seed").digest() * (CHUNK // 32 * 2 + 40_000)


@pytest.fixture
async def google() -> AsyncIterator[served.Drive]:
    async with served.drive() as one:
        yield one


@pytest.fixture
async def now() -> list[datetime]:
    return [datetime.now(UTC)]


@pytest.fixture
async def store(google: served.Drive, tmp_path: Path, now: list[datetime]) -> AsyncIterator[Drive]:
    one = Drive(FOLDER, google.key_file(tmp_path), google.url, lambda: now[0])
    yield one
    await one.close()


def draft(data: bytes = DATA, execution: str = "e1") -> Draft:
    return Draft(f"{execution}-heap.hprof", len(data), hashlib.sha256(data).hexdigest(), execution, {"pod": "api-1"})


async def kept(store: Drive, data: bytes = DATA, execution: str = "e1") -> Kept:
    offset = 0
    async with await store.begin(draft(data, execution)) as upload:
        while offset < len(data):
            offset = await artifacts.send(upload, offset, data[offset : offset + CHUNK])
        return await upload.finish()


async def test_a_file_comes_whole_by_pieces_with_the_mark_and_drives_own_link(
    store: Drive, google: served.Drive
) -> None:
    made = await kept(store)
    assert google.contents[made.ref] == DATA
    assert made.link == f"https://drive.google.com/file/d/{made.ref}/view"
    assert made.sha256 == hashlib.sha256(DATA).hexdigest()
    assert google.files[made.ref]["appProperties"] == {artifacts.MARK: "e1"}
    assert await store.find("e1-heap.hprof", "e1") == made
    assert await store.find("e1-heap.hprof", "e2") is None
    assert google.given == 1


@pytest.mark.parametrize("held", [0, STEP - 1, STEP, 3 * STEP + 5, CHUNK])
async def test_a_piece_that_is_cut_off_goes_on_where_drive_stopped(
    store: Drive, google: served.Drive, held: int
) -> None:
    google.keep = [held, held, held]
    made = await kept(store)
    assert google.keep == []
    assert google.contents[made.ref] == DATA


async def test_a_lost_last_answer_and_a_busy_drive_cost_nothing(store: Drive, google: served.Drive) -> None:
    google.lose_last = 1
    made = await kept(store)
    assert google.contents[made.ref] == DATA
    assert len(google.files) == 1
    google.busy = 1
    with pytest.raises(UnavailableError):
        await store.find("x", "e9")
    offset = 0
    async with await store.begin(draft(execution="e2")) as upload:
        while offset < len(DATA):
            google.busy = 1
            offset = await artifacts.send(upload, offset, DATA[offset : offset + CHUNK])
        made = await upload.finish()
    assert google.contents[made.ref] == DATA


async def test_a_drive_that_stays_silent_is_an_error_and_the_session_is_thrown_away(
    store: Drive, google: served.Drive
) -> None:
    google.keep = [0] * 9
    with pytest.raises(UnavailableError):
        await kept(store)
    assert google.sessions == {}
    assert google.files == {}


async def test_a_token_that_runs_out_or_is_refused_is_renewed(
    store: Drive, google: served.Drive, now: list[datetime]
) -> None:
    await store.check()
    now[0] += timedelta(minutes=54)
    await store.check()
    assert google.given == 1
    now[0] += timedelta(minutes=2)
    await store.check()
    assert google.given == 2
    google.tokens.clear()
    await store.check()
    assert google.given == 3


async def test_what_drive_holds_must_be_what_was_sent(store: Drive, google: served.Drive) -> None:
    google.spoil = True
    with pytest.raises(RejectedError, match="another content"):
        await kept(store, b"threads")
    assert google.files == {}


async def test_only_what_carries_the_mark_of_its_execution_is_deleted(store: Drive, google: served.Drive) -> None:
    made = await kept(store, b"threads")
    google.files[made.ref]["appProperties"] = {artifacts.MARK: "e9"}
    with pytest.raises(RejectedError, match="mark"):
        await store.delete(made)
    google.files[made.ref]["appProperties"] = {artifacts.MARK: "e1"}
    assert await store.delete(made) is True
    assert await store.delete(made) is False
    assert google.files == {}


async def test_a_file_that_is_there_is_never_made_twice(store: Drive) -> None:
    await kept(store, b"threads")
    with pytest.raises(RejectedError, match="nothing is overwritten"):
        await store.begin(draft(b"threads"))


async def test_an_upload_is_never_sent_elsewhere(store: Drive, google: served.Drive) -> None:
    google.elsewhere = "http://127.0.0.1:1"
    with pytest.raises(RejectedError, match="another place"):
        await store.begin(draft(b"threads"))


async def test_each_no_is_a_sentence(google: served.Drive, tmp_path: Path) -> None:
    def at(folder: str = FOLDER, **changes: str) -> Drive:
        return Drive(folder, google.key_file(tmp_path, **changes), google.url, lambda: datetime.now(UTC))

    store = at()
    assert FOLDER in await store.check()
    google.may_add = False
    with pytest.raises(ForbiddenError, match="may add nothing"):
        await store.check()
    with pytest.raises(ForbiddenError, match="content manager"):
        await store.begin(draft())
    await store.close()
    lost = at("1NoSuchFolderHere")
    with pytest.raises(NotFoundError, match="look at the folder"):
        await lost.check()
    await lost.close()
    stranger = at(token_uri=f"{google.url}/token", client_email="x", private_key=google_other_key())
    with pytest.raises(ForbiddenError, match="doesn't accept the key"):
        await stranger.check()
    await stranger.close()
    for changes, words in (({"private_key": "no"}, "can't be used"), ({"token_uri": "ftp://x"}, "no address")):
        broken = at(**changes)
        with pytest.raises(ConfigError, match=words):
            await broken.check()
        await broken.close()
    (tmp_path / "key.json").write_text(json.dumps({"type": "authorized_user"}))
    broken = Drive(FOLDER, tmp_path / "key.json", google.url, lambda: datetime.now(UTC))
    with pytest.raises(ConfigError, match="no key of a service account"):
        await broken.check()
    await broken.close()


def google_other_key() -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - for this one
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - the same

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
