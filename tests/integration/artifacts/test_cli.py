"""``fettle artifacts``: what is kept and where, and a copy that is what was kept."""
# ruff: noqa: ASYNC240 - a test looks at a few files of its own

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import artifacts_cli
from bot.domain.artifact import Kept
from bot.domain.errors import ConfigError
from bot.domain.execution import Execution, ExecutionState
from bot.domain.target import Target
from bot.integrations.artifacts_folder import Folder
from bot.storage import artifacts
from bot.storage.db import Store, Tx
from tests.integration.artifacts import test_folder

NOW = datetime(2026, 11, 26, 3, 14, tzinfo=UTC)


def put(tx: Tx, kept: Kept, number: int) -> None:
    execution = Execution(
        number, f"e{number}", number, 12, Target("Deployment", "shop", "api"), "heap_dump", ExecutionState.SUCCEEDED,
        NOW, NOW, "person:1",
    )  # fmt: skip
    artifacts.add(tx, execution, "heap dump", kept, NOW, NOW + timedelta(days=7))


async def stored(sqlite_url: str, *all_kept: Kept) -> None:
    store = Store.open(sqlite_url)
    for number, kept in enumerate(all_kept, start=1):
        await store.transact(put, kept, number)
    await store.close()


async def test_a_copy_out_of_the_folder_is_whole_and_nobody_elses(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = await test_folder.kept(Folder(tmp_path / "dumps", 64 * 1024**2))
    await stored(sqlite_url, kept)
    assert artifacts_cli.listed(sqlite_url, as_json=False) == 0
    shown = capsys.readouterr().out
    assert f"1   INC-12    heap dump  9.0 MiB  2026-12-03  {kept.link}" in shown
    copy = tmp_path / "copy.hprof"
    assert artifacts_cli.get(sqlite_url, 1, copy) == 0
    assert copy.read_bytes() == test_folder.DATA
    assert copy.stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="is there already"):
        artifacts_cli.get(sqlite_url, 1, copy)
    assert artifacts_cli.get(sqlite_url, 1, tmp_path) == 0
    assert (tmp_path / kept.name).is_file()


async def test_a_file_that_was_changed_is_told_and_not_copied(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = await test_folder.kept(Folder(tmp_path / "dumps", 64 * 1024**2))
    await stored(sqlite_url, kept)
    Path(kept.link).write_bytes(b"other")
    assert artifacts_cli.get(sqlite_url, 1, tmp_path / "copy") == 1
    assert "its SHA-256 differs" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()
    Path(kept.link).unlink()
    with pytest.raises(ConfigError, match="Is this the machine"):
        artifacts_cli.get(sqlite_url, 1, tmp_path / "copy")


async def test_of_one_elsewhere_it_says_where_to_open_it(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    await stored(
        sqlite_url, Kept("drive://F", "r", "e1.hprof", 5, "ab", "e1", "https://drive.google.com/file/d/r/view")
    )
    assert artifacts_cli.get(sqlite_url, 1, None) == 0
    assert "your own login: https://drive.google.com/file/d/r/view" in capsys.readouterr().out
    artifacts_cli.listed(sqlite_url, as_json=True)
    assert json.loads(capsys.readouterr().out)["link"].endswith("/r/view")


async def test_what_is_not_there_or_was_deleted_is_a_sentence(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert artifacts_cli.listed(sqlite_url, as_json=False) == 0
    assert "No dump is kept." in capsys.readouterr().out
    with pytest.raises(ConfigError, match="no artifact 3"):
        artifacts_cli.get(sqlite_url, 3, None)
    await stored(sqlite_url, Kept("s3://b", "r", "e1.hprof", 5, "ab", "e1", "s3://b/r"))
    store = Store.open(sqlite_url)
    await store.transact(artifacts.kept_longer, 1, NOW + timedelta(days=8), "S3 says no")
    await store.close()
    artifacts_cli.listed(sqlite_url, as_json=False)
    assert "1 could not be deleted: S3 says no" in capsys.readouterr().out
    store = Store.open(sqlite_url)
    await store.transact(artifacts.gone, 1, NOW)
    await store.close()
    with pytest.raises(ConfigError, match="was deleted on 2026-11-26"):
        artifacts_cli.get(sqlite_url, 1, None)
