"""``fettle store backup``: one snapshot of a store that is written meanwhile, complete or not there at all."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import store_cli
from bot.domain.audit import AuditNote
from bot.domain.errors import IntegrityError, RequestError, StoreUnavailableError
from bot.storage import audit, copies, facts
from bot.storage.db import Store, Tx
from tests.typed import typed

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def pair(tx: Tx, number: int) -> None:
    """One transaction writes two places; a copy holds both or neither."""
    facts.put(tx, f"pair-{number}", "x" * 400)
    tx.audit(AuditNote("alert:delivery:received", "alertmanager", f"pair:{number}", "received"), NOW)


def fettle(url: str, *arguments: str, folder: Path) -> tuple[int, str, str]:
    """The command line; what starts a bot does so as a person would."""
    env = {"DATABASE_URL": url, "PATH": os.defpath}
    if arguments != ("run",):
        return typed(*arguments, folder=folder, environment=env)
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", *arguments], env={**env, "PYTHONPATH": str(ROOT)}, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_copy_made_under_load_is_one_moment_of_the_store(
    sqlite_url: str, open_store: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(sqlite_url)
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        number = 0
        while not stop.is_set():
            store.transact_now(pair, number)
            written.append(number)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    copied = []
    try:
        for number in range(5):
            before = len(written)
            while len(written) < before + 20:
                time.sleep(0.001)
            acknowledged = len(written)
            assert store_cli.backup(sqlite_url, tmp_path / f"{number}.db") == 0
            copied.append((tmp_path / f"{number}.db", acknowledged, len(written) + 1))
    finally:
        stop.set()
        thread.join()
    for path, least, most in copied:
        copy = Store.open(f"sqlite:///{path}", lock=False, query_only=True)
        seq, _ = copy.read_now(audit.head)
        pairs = copy.read_now(lambda tx: tx.execute("SELECT count(*) FROM facts WHERE key LIKE 'pair-%'").fetchone()[0])
        copy.close_now()
        assert seq == pairs, "both halves of each transaction, or neither"
        assert least <= seq <= most, "what was acknowledged before the copy began is in it"
    assert "no gap and no change" in capsys.readouterr().out


def test_a_copy_is_one_file_for_its_owner_alone(sqlite_url: str, open_store: Opener, tmp_path: Path) -> None:
    open_store(sqlite_url).transact_now(pair, 1)
    (tmp_path / "copies").mkdir()
    file = tmp_path / "copies" / "fettle.db"
    assert store_cli.backup(sqlite_url, file) == 0
    assert [path.name for path in file.parent.iterdir()] == ["fettle.db"]
    assert file.stat().st_mode & 0o777 == 0o600
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_nothing_is_overwritten_and_nothing_half_written_is_left(
    sqlite_url: str, open_store: Opener, tmp_path: Path
) -> None:
    open_store(sqlite_url)
    file = tmp_path / "copy.db"
    file.write_text("somebody's")
    with pytest.raises(RequestError, match="there already"):
        store_cli.backup(sqlite_url, file)
    assert file.read_text() == "somebody's"
    with pytest.raises(RequestError, match="no folder"):
        store_cli.backup(sqlite_url, tmp_path / "none" / "copy.db")
    (tmp_path / "torn.db").write_bytes(b"SQLite format 3\0" + b"\1" * 8000)
    with pytest.raises(IntegrityError, match=r"torn\.db"):
        copies.copy(tmp_path / "torn.db", tmp_path / "other.db")
    assert not list(tmp_path.glob("*.partial*"))
    assert not (tmp_path / "other.db").exists()


def test_a_copy_for_which_there_is_no_room_is_not_there(sqlite_url: str, open_store: Opener, tmp_path: Path) -> None:
    store = open_store(sqlite_url)
    for number in range(200):
        store.transact_now(pair, number)
    code = (
        "import resource, sys; from pathlib import Path; from bot.storage import copies\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "copies.copy(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    file = tmp_path / "copy.db"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, sqlite_url.removeprefix("sqlite:///"), str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert StoreUnavailableError.__name__ in done.stderr
    assert not file.exists()
    assert not list(tmp_path.glob("*.partial*"))


def test_a_broken_chain_is_copied_and_said(
    sqlite_url: str, open_store: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_store(sqlite_url).transact_now(pair, 1)
    with contextlib.closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET outcome = 'denied' WHERE seq = 1")
    assert store_cli.backup(sqlite_url, tmp_path / "copy.db") == 1
    assert "Entry 1 was changed" in capsys.readouterr().err
    assert (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (("backup", "a copy.dump"), "pg_dump --format=custom --file='a copy.dump' --dbname=postgresql://bo@db:5433/fettle"),
        (("restore", "x.dump"), "pg_restore --clean --if-exists --single-transaction --dbname=postgresql://bo@db:5433/"),
    ],
)  # fmt: skip
def test_on_postgresql_the_line_to_use_is_said_without_the_password(
    command: tuple[str, str], wanted: str, tmp_path: Path
) -> None:
    code, out, err = fettle("postgresql://bo:hunter2@db:5433/fettle", "store", *command, folder=tmp_path)
    assert code == 2
    assert wanted in err
    assert "hunter2" not in out + err


@pytest.mark.parametrize(
    "command",
    [
        ("store", "backup", "copy.db"), ("store", "purge"), ("store", "void"), ("audit", "verify"),
        ("freeze", "on"), ("run",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_store_of_a_newer_program_is_refused_in_a_sentence_by_every_command(
    sqlite_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    with contextlib.closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01 00:00:00')")
    (tmp_path / "kubeconfig").write_text("{}")
    (tmp_path / ".env").write_text("SLACK_BOT_TOKEN=xoxb-1\nSLACK_APP_TOKEN=xapp-1\nKUBECONFIG=kubeconfig\n")
    code, _, err = fettle(sqlite_url, *command, folder=tmp_path)
    assert code == 2, err
    assert "written by a newer version of this program (9999_future). Install that version" in err
    assert "Traceback" not in err
    assert not (tmp_path / "copy.db").exists()
