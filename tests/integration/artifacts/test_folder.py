"""Dumps in a folder: whole or not at all, below the cap, and nothing is deleted that Fettle didn't make."""

# ruff: noqa: ASYNC240 - a test looks at a few files of its own

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import ForbiddenError, RejectedError, UnavailableError
from bot.integrations import artifacts, artifacts_folder
from bot.integrations.artifacts import CHUNK
from bot.integrations.artifacts_folder import Folder

DATA = bytes(range(256)) * 4096 * 9  # 9 MiB: more than one chunk


def draft(data: bytes = DATA, execution: str = "e1") -> Draft:
    return Draft(f"{execution}-heap.hprof", len(data), hashlib.sha256(data).hexdigest(), execution, {"pod": "api-1"})


async def kept(folder: Folder, data: bytes = DATA, execution: str = "e1") -> Kept:
    offset = 0
    async with await folder.begin(draft(data, execution)) as upload:
        while offset < len(data):
            offset = await artifacts.send(upload, offset, data[offset : offset + CHUNK])
        return await upload.finish()


async def test_a_file_is_there_whole_for_its_owner_alone_and_found_by_its_execution(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "dumps", 64 * 1024**2)
    made = await kept(folder)
    path = Path(made.link)
    assert path.read_bytes() == DATA
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert await folder.find("e1-heap.hprof", "e1") == made
    assert await folder.find("e1-heap.hprof", "e2") is None
    assert await folder.find("other.hprof", "e1") is None


async def test_what_is_left_unfinished_or_differs_from_what_was_announced_is_not_kept(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 64 * 1024**2)
    async with await folder.begin(draft()) as upload:
        await upload.append(DATA[:1000])
    assert list(tmp_path.iterdir()) == []
    async with await folder.begin(draft(b"abc")) as upload:
        await upload.append(b"abd")
        with pytest.raises(RejectedError, match="SHA-256 differ"):
            await upload.finish()
    async with await folder.begin(draft(b"abc")) as upload:
        with pytest.raises(RejectedError, match="longer than announced"):
            await upload.append(b"abcd")
    assert await folder.find("e1-heap.hprof", "e1") is None
    assert list(tmp_path.iterdir()) == []


async def test_the_cap_counts_what_is_there_and_refuses_before_the_first_byte(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 10 * 1024**2)
    await kept(folder)
    with pytest.raises(RejectedError, match="ARTIFACTS_MAX"):
        await folder.begin(draft(execution="e2"))
    assert [one.name for one in tmp_path.glob("e2*")] == []


async def test_a_disk_without_room_refuses_before_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts_folder, "SPARE", 1 << 60)
    with pytest.raises(RejectedError, match="would fill it"):
        await Folder(tmp_path, 64 * 1024**2).begin(draft())


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file of this process may pass 5 MiB: writes fail in the middle, as on a full disk."""
    import resource  # noqa: PLC0415 - for this one
    import signal  # noqa: PLC0415 - the same

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5 * 1024**2, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, was)


@pytest.mark.usefixtures("small_files")
async def test_a_disk_that_fills_on_the_way_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 64 * 1024**2)
    with pytest.raises(UnavailableError, match="ARTIFACTS_DIR"):
        await kept(folder)
    assert list(tmp_path.iterdir()) == []


async def test_a_file_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 64 * 1024**2)
    await kept(folder)
    with pytest.raises(RejectedError, match="nothing is overwritten"):
        await folder.begin(draft())


async def test_only_what_carries_the_mark_of_its_execution_is_deleted(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 64 * 1024**2)
    made = await kept(folder, b"mine")
    (tmp_path / "theirs.hprof").write_bytes(b"theirs")
    theirs = Kept(made.store, "theirs.hprof", "theirs.hprof", 6, "", "e1", "")
    with pytest.raises(RejectedError, match="mark"):
        await folder.delete(theirs)
    beside = tmp_path / "e1-heap.hprof.json"
    note = json.loads(beside.read_text())
    beside.write_text(json.dumps({**note, artifacts.MARK: "e9"}))
    with pytest.raises(RejectedError, match="mark"):
        await folder.delete(made)
    beside.write_text(json.dumps(note))
    assert await folder.delete(made) is True
    assert await folder.delete(made) is False
    assert [one.name for one in tmp_path.iterdir()] == ["theirs.hprof"]


@pytest.mark.parametrize("name", ["../e1.hprof", "/etc/passwd", ".hidden", "a/b", "", "a\0b"])
async def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder = Folder(tmp_path / "dumps", 1024**2)
    with pytest.raises(RejectedError, match="no name of an artifact"):
        await folder.find(name, "e1")


async def test_a_dead_process_leaves_a_part_that_is_thrown_away_later(tmp_path: Path) -> None:
    folder = Folder(tmp_path, 64 * 1024**2)
    part, new = tmp_path / "e1-heap.hprof.part", tmp_path / "e2-heap.hprof.part"
    part.write_bytes(b"half")
    new.write_bytes(b"half")
    now = datetime.now(UTC)
    os.utime(part, (0, (now - timedelta(days=2)).timestamp()))
    assert await folder.tidy(now - timedelta(days=1)) == 1
    assert [one.name for one in tmp_path.iterdir()] == [new.name]


async def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((UnavailableError, ForbiddenError), match="ARTIFACTS_DIR"):
        await Folder(tmp_path / "file" / "dumps", 1024**2).check()
    assert "0 B of 1 MiB" in await Folder(tmp_path / "new", 1024**2).check()


async def test_the_loop_turns_while_a_chunk_is_written(tmp_path: Path) -> None:
    """Writes stand in threads: a slow disk holds no alert up."""
    folder = Folder(tmp_path, 64 * 1024**2)
    turned = 0

    async def turning() -> None:
        nonlocal turned
        while True:
            turned += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(turning())
    await kept(folder)
    other.cancel()
    assert turned > 3
