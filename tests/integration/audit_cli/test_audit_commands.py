"""``fettle audit`` and ``fettle freeze``: the whole story in a table, exit codes, and no trick on the reader."""

import contextlib
import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bot import audit_cli
from bot.domain.audit import AuditNote
from bot.storage import audit, freeze, people
from bot.storage.db import Store, Tx

Opener = Callable[..., Store]
NOW = datetime(2026, 11, 21, 3, 14, 15, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def story(tx: Tx) -> None:
    ana = people.person_for(tx, "U1", "Ana", NOW)
    people.person_for(tx, "U2", "Bo", NOW)
    tx.audit(AuditNote("incident:state:declared", "alertmanager", "incident:3", "triggered", 3), NOW)
    tx.audit(
        AuditNote(
            "proposal:approval:granted", ana, "proposal:7", "granted", 3,
            {
                "reason": "looks right", "asked": "person:2", "approvers": ["U1", "S1"], "facts": {"replicas": 6},
                "none": "",
            },
        ),
        NOW,
    )  # fmt: skip
    tx.audit(AuditNote("execution:state:succeeded", "fettle", "execution:1", "succeeded", 3, {"generation": 8}), NOW)


@pytest.fixture
def url(store_url: str, open_store: Opener) -> str:
    """A database with a story, and the bot that still has it open."""
    open_store(store_url).transact_now(story)
    return store_url


def tamper(url: str) -> None:
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("DROP TRIGGER audit_no_update")
            connection.execute("UPDATE audit SET outcome = 'denied' WHERE seq = 4")
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
            connection.execute("UPDATE audit SET outcome = 'denied' WHERE seq = 4")


def test_the_table_tells_the_story_with_names_reasons_and_outcomes(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit_cli.audit_list(url) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["#", "Time", "(UTC)", "Who", "What", "Subject", "Outcome", "Incident", "Details"]
    assert lines[4].split("  ")[0] == "4"
    for words in (
        "2026-11-21 03:14:15", "Ana (person:1)", "proposal:approval:granted", "proposal:7", "granted", "INC-3",
        'looks right · approvers: U1, S1 · asked: Bo (person:2) · facts: {"replicas":6}',
    ):  # fmt: skip
        assert words in lines[4]
    assert lines[5].endswith("generation: 8")


def test_what_was_erased_says_so(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    guest = Store.open(url, lock=False)
    guest.transact_now(people.erase, "U1")
    guest.close_now()
    assert audit_cli.audit_list(url) == 0
    out = capsys.readouterr().out
    assert "erased (person:1)" in out
    assert "(erased)" in out
    assert "Ana" not in out
    assert "looks right" not in out
    assert audit_cli.audit_verify(url) == 0


def test_one_incident_and_the_newest(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_cli.audit_list(url, json_lines=True, incident=3, limit=2) == 0
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [4, 5]
    assert audit_cli.audit_list(url, json_lines=True, limit=0) == 0
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert audit_cli.audit_list(url, incident=9) == 0
    assert capsys.readouterr().out == "The audit has no entries for INC-9.\n"


def test_json_lines_hold_every_field(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    audit_cli.audit_list(url, json_lines=True)
    entry = json.loads(capsys.readouterr().out.splitlines()[3])
    assert set(entry) == set(audit_cli.FIELDS)
    assert (entry["at"], entry["actor_name"], entry["detail"]["reason"]) == (
        "2026-11-21T03:14:15.000000Z", "Ana", "looks right",
    )  # fmt: skip


def test_a_reason_can_not_repaint_the_terminal(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    guest = Store.open(url, lock=False)
    guest.transact_now(freeze.set_frozen, True, "cli:ana", "a\x1b[2Jb\nc\u202ed", NOW)  # noqa: FBT003 - the switch
    guest.close_now()
    audit_cli.audit_list(url)
    out = capsys.readouterr().out
    assert "a\ufffd[2Jb\ufffdc\ufffdd" in out


def test_verify_says_whole_with_the_head_or_names_each_break(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit_cli.audit_verify(url) == 0
    out = capsys.readouterr().out
    assert "The audit is whole: 5 entries" in out
    head = out.split("Head: ")[1].strip()
    assert audit_cli.audit_verify(url, f" {head.upper()}\n") == 0
    assert "The noted head is in it." in capsys.readouterr().out
    assert audit_cli.audit_verify(url, "f" * 64) == 1
    assert "not in the chain" in capsys.readouterr().err
    tamper(url)
    assert audit_cli.audit_verify(url) == 1
    err = capsys.readouterr().err
    assert "Entry 4 was changed" in err
    assert "1 problem(s) in 5 entries" in err


@pytest.mark.parametrize("head", ["abc", "g" * 64, "f" * 63, "a\x1bb"])
def test_what_is_no_head_is_a_typing_error_and_no_broken_audit(
    url: str, head: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit_cli.audit_verify(url, head) == 2
    err = capsys.readouterr().err
    shown = head.replace("\x1b", "\N{REPLACEMENT CHARACTER}")
    assert err == f"{shown} is no head: 64 hex digits, as `fettle audit verify` prints it.\n"


def test_what_can_not_be_read_is_a_sentence_and_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = f"sqlite:///{tmp_path}/none.db"
    for run in (
        lambda: audit_cli.audit_list(missing),
        lambda: audit_cli.audit_verify(missing),
        lambda: audit_cli.audit_export(missing, "csv", "-"),
        lambda: audit_cli.freeze(missing, True, "drill", "cli:ana"),  # noqa: FBT003 - the switch
        lambda: audit_cli.audit_verify("postgresql://nobody@127.0.0.1:1/none"),
    ):
        assert run() == 2
        assert capsys.readouterr().err.strip().endswith(".")


def test_export_writes_every_entry_in_both_forms(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_cli, "PAGE", 2)
    assert audit_cli.audit_export(url, "csv", "-") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["seq"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert json.loads(rows[3]["detail"])["reason"] == "looks right"
    target = tmp_path / "audit.jsonl"
    assert audit_cli.audit_export(url, "json", str(target)) == 0
    assert "5 entries written" in capsys.readouterr().err
    assert [json.loads(line)["seq"] for line in target.read_text().splitlines()] == [1, 2, 3, 4, 5]
    assert audit_cli.audit_export(url, "xml", "-") == 2
    assert audit_cli.audit_export(url, "json", str(tmp_path / "no" / "folder")) == 2
    assert "can't be written" in capsys.readouterr().err


def test_a_spreadsheet_runs_nothing_from_the_export(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    guest = Store.open(url, lock=False)
    guest.transact_now(freeze.set_frozen, True, "=cmd|x", "", NOW)  # noqa: FBT003 - the switch
    guest.close_now()
    audit_cli.audit_export(url, "csv", "-")
    assert ",'=cmd|x," in capsys.readouterr().out


def test_freeze_works_beside_a_running_bot_and_is_audited(
    url: str, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit_cli.freeze(url, True, "drill", "cli:ana") == 0  # noqa: FBT003 - the switch
    assert "Frozen" in capsys.readouterr().out
    reader = open_store(url, query_only=True)
    assert reader.read_now(freeze.state)[:3] == (True, "cli:ana", "drill")
    _claim_one(url)
    assert audit_cli.freeze(url, True, "again", "cli:ana") == 0  # noqa: FBT003 - the switch
    assert "1 request(s) had left before" in capsys.readouterr().out
    assert audit_cli.freeze(url, False, "", "cli:ana") == 0  # noqa: FBT003 - the switch
    assert "Thawed" in capsys.readouterr().out
    last = reader.read_now(audit.entries, limit=1, newest=True)[0]
    assert (last.tag, last.actor) == ("freeze:state:off", "cli:ana")


def _claim_one(url: str) -> None:
    guest = Store.open(url, lock=False)
    guest.transact_now(
        Tx.execute,
        "INSERT INTO executions (uid, proposal_id, incident_id, target, target_key, action, state, created_at, "
        "approved_at, approved_by) VALUES ('e', 1, 1, '{}', 'k', 'restart', 'running', '', '', '')",
    )
    guest.close_now()


def test_a_terminal_gets_a_table_and_a_closed_pipe_no_traceback(url: str) -> None:
    code = "import sys; from bot import audit_cli; sys.exit(audit_cli.audit_list(sys.argv[1]))"
    master, slave = pty.openpty()
    environment = os.environ | {"TERM": "dumb"}
    run = [sys.executable, "-c", code, url]
    with subprocess.Popen(run, stdout=slave, stderr=subprocess.PIPE, cwd=ROOT, env=environment) as process:  # noqa: S603 - our own code
        os.close(slave)
        shown = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 65536):
                shown += chunk
        assert process.wait() == 0
    os.close(master)
    assert "│" in shown.decode()
    assert "proposal:7 · INC-3" in shown.decode()
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:  # noqa: S603 - our own code
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")
