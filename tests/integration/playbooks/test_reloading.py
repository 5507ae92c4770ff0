"""What comes into force is audited with its difference, and what widens is announced; on both databases."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import doctor_here
from bot.doctor_table import Level
from bot.domain.errors import StoreUnavailableError
from bot.jobs import Jobs
from bot.playbooks import loader
from bot.playbooks.choose import PlaybookSet
from bot.playbooks.shelf import Shelf
from bot.storage import audit
from bot.storage.db import Store, Tx
from bot.workflow import reloading
from bot.workflow.context import Context
from bot.workflow.reloading import Reloading
from tests.integration.intake.door import settings_for

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
CHANNEL = "C0ONCALL"
MINE = "name: mine\ntitle: Mine\nmatch: {alerts: [A]}\nevidence: [pods]\nfindings: {crash_loop: [%s]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "playbooks"
    made.mkdir()
    return made


def context(store: Store, folder: Path) -> Context:
    missing: Any = None
    return Context(store, missing, missing, lambda: NOW, CHANNEL, playbooks=Shelf(folder))


async def entries(store: Store) -> list[dict[str, Any]]:
    found = await store.read(audit.entries)
    return [dict(one.detail or {}) for one in found if one.tag == "system:playbooks:loaded"]


async def announced(store: Store) -> list[str]:
    def texts(tx: Tx) -> list[str]:
        rows = tx.execute("SELECT params FROM outbox WHERE kind = 'status' AND channel = ?", (CHANNEL,)).fetchall()
        return [str((json.loads(row[0]) if isinstance(row[0], str) else row[0])["text"]) for row in rows]

    return await store.read(texts)


async def put(store: Store, found: PlaybookSet, later: int = 0) -> None:
    await store.transact(reloading.record, found, CHANNEL, NOW + timedelta(seconds=later))


async def test_the_first_set_is_audited_and_announces_nothing(store: Store) -> None:
    await put(store, loader.built_in())
    (entry,) = await entries(store)
    assert entry["hash"] == loader.built_in().hash
    assert (entry["before"], entry["changed"]) == ("", 0)
    assert not await announced(store)


async def test_the_same_set_at_the_next_start_says_nothing_again(store: Store) -> None:
    await put(store, loader.built_in())
    await put(store, loader.built_in(), later=60)
    assert len(await entries(store)) == 1


async def test_a_change_over_a_restart_is_told_from_what_the_store_kept(store: Store, folder: Path) -> None:
    await put(store, loader.built_in())
    (folder / "mine.yaml").write_text(MINE % "restart", encoding="utf-8")
    await put(store, loader.load(folder), later=60)
    entry = (await entries(store))[-1]
    assert entry["before"] == loader.built_in().hash
    assert entry["own"] == ["mine"]
    assert entry["changes"] == entry["widens"] == ["mine: new, may propose restart"]
    (text,) = await announced(store)
    assert "more may be proposed or approved than before: mine: new, may propose restart." in text
    assert "fettle freeze on" in text


async def test_what_only_narrows_is_audited_and_not_announced(store: Store, folder: Path) -> None:
    file = folder / "mine.yaml"
    file.write_text(MINE % "restart, rollback", encoding="utf-8")
    await put(store, loader.load(folder))
    file.write_text(MINE % "restart", encoding="utf-8")
    await put(store, loader.load(folder), later=60)
    assert (await entries(store))[-1]["changes"] == ["mine: no longer proposes rollback for crash_loop"]
    assert not await announced(store)


async def test_a_look_puts_a_change_in_force_after_it_was_audited(store: Store, folder: Path) -> None:
    ctx = context(store, folder)
    await put(store, ctx.playbooks.current)
    looking = Reloading()
    (folder / "mine.yaml").write_text(MINE % "restart", encoding="utf-8")
    await looking.look(ctx)
    assert not ctx.playbooks.current.own
    await looking.look(ctx)
    assert ctx.playbooks.current.own == {"mine"}
    assert (await entries(store))[-1]["hash"] == ctx.playbooks.current.hash


async def test_what_cannot_be_audited_is_not_in_force(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is down for the first try; the change isn't lost and isn't in force meanwhile."""
    ctx = context(store, folder)
    await put(store, ctx.playbooks.current)
    looking = Reloading()
    (folder / "mine.yaml").write_text(MINE % "restart", encoding="utf-8")
    await looking.look(ctx)

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", down)
        with pytest.raises(StoreUnavailableError):
            await looking.look(ctx)
    assert not ctx.playbooks.current.own
    await looking.look(ctx)
    assert ctx.playbooks.current.own == {"mine"}


async def test_a_wrong_folder_is_logged_once_and_audits_nothing(store: Store, folder: Path) -> None:
    ctx = context(store, folder)
    looking = Reloading()
    (folder / "mine.yaml").write_text("name: mine\n", encoding="utf-8")
    for _ in range(4):
        await looking.look(ctx)
    assert ctx.playbooks.problems
    assert not ctx.playbooks.current.own
    assert not await entries(store)


async def test_a_set_of_another_release_that_cannot_be_read_back_is_no_obstacle(store: Store) -> None:
    def spoil(tx: Tx) -> None:
        tx.execute(
            "INSERT INTO facts (key, value) VALUES (?, ?)",
            (reloading.IN_FORCE, '{"playbooks": {"x": {"y": 1}}, "own": []}'),
        )

    await store.transact(spoil)
    await put(store, loader.built_in())
    assert (await entries(store))[-1]["before"] == ""


async def test_the_tick_goes_on_when_the_store_takes_no_audit(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes every few seconds: a failure is for the log, and the next one does what is left."""
    jobs = Jobs(context(store, folder))
    (folder / "mine.yaml").write_text(MINE % "restart", encoding="utf-8")
    await jobs.playbooks()

    async def down(*_: object, **__: object) -> None:
        raise StoreUnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "transact", down)
        await jobs.playbooks()
    assert not await entries(store)
    await jobs.playbooks()
    assert (await entries(store))[-1]["own"] == ["mine"]


def test_doctor_says_what_a_start_would_say_of_the_folder(folder: Path) -> None:
    settings = settings_for(PLAYBOOKS_DIR=str(folder))
    (folder / "mine.yaml").write_text(MINE % "restart", encoding="utf-8")
    (right,) = doctor_here.playbook_rows(settings)
    assert (right.level, "1 of them yours" in right.sentence) == (Level.OK, True)
    (folder / "mine.yaml").write_text(MINE % "restrat" + "colour: red\n", encoding="utf-8")
    wrong = doctor_here.playbook_rows(settings)
    assert [row.level for row in wrong] == [Level.FAIL, Level.FAIL]
    assert "did you mean restart?" in wrong[0].sentence
