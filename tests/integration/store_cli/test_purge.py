"""``fettle store purge``: what is old is gone from the file itself, what is open stays, and it stands in the audit."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import __main__ as program
from bot import clock, store_cli
from bot.domain.approval import Verb
from bot.domain.audit import AuditNote
from bot.domain.errors import ConfigError, FettleError, RequestError, StoreUnavailableError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.domain.incident import IncidentEvent
from bot.domain.proposal import SYSTEM, ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.storage import audit, evidence, findings, freeze, incidents, outbox, people, proposals, purge
from bot.storage.db import Store, Tx
from bot.storage.fields import to_text

Opener = Callable[..., Store]
NOW = clock.now()
LONG_AGO = NOW - timedelta(days=100)
API = Target("Deployment", "shop", "api", "u-1")


def told(tx: Tx, at: datetime, word: str, slack_id: str, *, over: bool) -> int:
    """An incident with an alert's body, evidence, a rejected proposal and the words of whoever rejected it."""
    person = people.person_for(tx, slack_id, f"Name of {slack_id}", at)
    made = incidents.add(
        tx, key=word, title="Down", alertname="Down", namespace="shop", severity=Severity.SEV2, now=at, channel="C1"
    )
    tx.execute(
        "INSERT INTO alerts (fingerprint, starts_at, status, incident_id, labels, annotations, first_seen_at, "
        "last_seen_at) VALUES (?, ?, 'resolved', ?, ?, '{}', ?, ?)",
        (word, to_text(at), made.id, f'{{"note":"label {word}"}}', to_text(at), to_text(at)),
    )
    seen = Evidence("pods", EvidenceStatus.OK, f"evidence {word}", at, {"log": f"line {word}"})
    evidence.put(tx, made.id, seen)
    concluded = Finding(Cause.CRASH_LOOP, f"finding {word}", Confidence.LOW, (Cite("logs", f"cite {word}"),))
    findings.put(tx, made.id, (concluded,), at)
    offered = proposals.add(
        tx, made.id, action="restart", target=API, params={}, digest="d", state=ProposalState.PENDING,
        text=ProposalText("Restart", "Restarted"), requested_by=SYSTEM, now=at, expires_at=at, quorum=1,
        approvers=(), baseline={},
    )  # fmt: skip
    proposals.add_approval(tx, offered.id, person, Verb.DENIED, f"reason {word}", at)
    proposals.settle(tx, offered.id, ProposalEvent.DENY, at, person, f"reason {word}")
    detail = {"reason": f"reason {word}"}
    tx.audit(AuditNote("proposal:approval:denied", person, f"proposal:{offered.id}", "denied", made.id, detail), at)
    if over:
        incidents.move(tx, made.id, IncidentEvent.RESOLVE, at, reason=f"ended {word}")
        tx.audit(AuditNote("incident:state:resolved", person, f"incident:{made.id}", "resolved", made.id), at)
    return made.id


def folded(url: str) -> bytes:
    """The bytes of the file with its log folded in."""
    path = Path(url.removeprefix("sqlite:///"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return path.read_bytes()


def test_what_is_old_is_erased_beside_a_running_bot_and_what_is_open_or_young_stays(
    store_url: str, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = open_store(store_url)
    old = bot.transact_now(told, LONG_AGO, "oldword", "U1", over=True)
    still = bot.transact_now(told, LONG_AGO, "openword", "U1", over=False)
    young = bot.transact_now(told, NOW - timedelta(days=5), "youngword", "U1", over=True)
    assert store_cli.erase(store_url, NOW - timedelta(days=90), "", "cli:ana") == 0
    counts = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    assert counts == {
        "alerts": "1", "evidence": "1", "findings": "1", "audit_details": "1", "proposals": "1", "approvals": "1",
        "incidents": "1", "quarantine": "0", "deliveries": "0", "outbox": "0", "silences": "0",
        "notes": "0", "pins": "0",
    }  # fmt: skip
    assert bot.read_now(incidents.get, old).reason == ""
    assert bot.read_now(evidence.of, old)[0].summary == ""
    assert bot.read_now(evidence.of, still)[0].summary == "evidence openword"
    assert bot.read_now(incidents.get, young).reason == "ended youngword"
    entry = bot.read_now(audit.entries)[-1]
    assert (entry.tag, entry.actor) == ("system:store:purged", "cli:ana")
    assert bot.read_now(audit.verify_chain) == []


def test_what_was_erased_can_not_be_read_from_the_file_any_more(sqlite_url: str, open_store: Opener) -> None:
    store = open_store(sqlite_url)
    store.transact_now(told, LONG_AGO, "s3cretword", "U1", over=True)
    store.close_now()
    assert b"s3cretword" in folded(sqlite_url)
    assert store_cli.erase(sqlite_url, NOW - timedelta(days=90), "U1", "cli:ana") == 0
    left = folded(sqlite_url)
    # The correlation key and the fingerprint are identities; they hold no words.
    for words in (b"label s3", b"evidence s3", b"line s3", b"reason s3", b"ended s3", b"Name of U1"):
        assert words not in left, words


def test_a_second_purge_finds_nothing_and_audits_nothing(sqlite_url: str, open_store: Opener) -> None:
    store = open_store(sqlite_url)
    store.transact_now(told, LONG_AGO, "old", "U1", over=True)
    for _ in range(2):
        assert store_cli.erase(sqlite_url, NOW - timedelta(days=90), "", "cli:ana") == 0
    assert [entry.tag for entry in store.read_now(audit.entries)].count("system:store:purged") == 1


async def test_an_incident_reopened_after_the_look_keeps_everything(store: Store) -> None:
    number = await store.transact(told, LONG_AGO, "old", "U1", over=True)
    before = NOW - timedelta(days=90)
    found = await store.read(purge.old, before)
    await store.transact(incidents.move, number, IncidentEvent.REOPEN, NOW)
    for name, keys in found.items():
        if keys and name != "deliveries":
            assert await store.transact(purge._erase, name, keys, before) == 0, name


async def test_years_of_it_are_erased_while_presses_go_through(sqlite_store: Store) -> None:
    def fill(tx: Tx) -> None:
        at = to_text(LONG_AGO)
        rows = [(f"f{number}", at, "firing", "", at, "opened") for number in range(20_000)]
        tx.execute_many(
            "INSERT INTO deliveries (fingerprint, starts_at, status, ends_at, received_at, effect) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    await sqlite_store.transact(fill)
    work = asyncio.create_task(purge.purge(sqlite_store, NOW, "fettle", NOW))
    pressed = 0
    while not work.done():
        await sqlite_store.transact(freeze.state)
        pressed += 1
    assert (await work)["deliveries"] == 20_000
    assert pressed > 10, "one between two slices, forty in all"


def test_a_person_is_forgotten_with_all_words_and_the_chain_verifies(
    store_url: str, open_store: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    bot = open_store(store_url)
    mine = bot.transact_now(told, NOW, "mine", "U1", over=True)
    other = bot.transact_now(told, NOW, "other", "U2", over=True)
    assert store_cli.erase(store_url, None, "U1", "cli:ana") == 0
    assert "U1 is forgotten" in capsys.readouterr().out
    assert bot.read_now(incidents.get, mine).reason == ""
    assert bot.read_now(incidents.get, other).reason == "ended other"
    assert bot.read_now(people.names, ["person:1", "person:2"]) == {
        "person:1": ("", ""), "person:2": ("U2", "Name of U2"),
    }  # fmt: skip
    entry = bot.read_now(audit.entries)[-1]
    assert (entry.tag, entry.actor, entry.subject) == ("person:identity:erased", "cli:ana", "person:1")
    assert "U1" not in str(entry)
    assert bot.read_now(audit.verify_chain) == []
    assert store_cli.erase(store_url, None, "U1", "cli:ana") == 1
    assert capsys.readouterr().err == "U1 is not in this store.\n"


def test_without_an_option_the_retention_of_the_settings_counts() -> None:
    at = store_cli.moment("", None, 90, default=True)
    assert at is not None
    assert abs(clock.now() - timedelta(days=90) - at) < timedelta(seconds=5)
    assert store_cli.moment("", None, 90, default=False) is None, "--person alone erases nothing by age"


@pytest.mark.parametrize(
    ("before", "at"),
    [
        ("2026-08-01", datetime(2026, 8, 1, tzinfo=UTC)), ("2026-08-01T12:00", datetime(2026, 8, 1, 12, tzinfo=UTC)),
        ("2026-08-01T12:00+02:00", datetime(2026, 8, 1, 10, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_date_is_utc_unless_it_says_otherwise(before: str, at: datetime) -> None:
    assert store_cli.moment(before, None, 90, default=True) == at


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--before", "2026-08-01", "--older-than", "3"], "not both"), (["--before", "yesterday"], "is no date"),
        (["--older-than", "-1"], "0 or more"), (["--before", "2999-01-01"], "has not come yet"),
    ],
)  # fmt: skip
def test_an_age_that_can_not_be_meant_is_a_sentence(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    with pytest.raises((ConfigError, RequestError), match=said) as refused:
        program.app(["store", "purge", *arguments], standalone_mode=False)
    assert isinstance(refused.value, FettleError), "main() makes it a sentence and exit code 2"


def test_a_store_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no database"):
        store_cli.erase(f"sqlite:///{tmp_path}/none.db", NOW, "", "cli:ana")


async def test_messages_that_wait_keep_what_they_say(sqlite_store: Store) -> None:
    """What was sent is forgotten; what Slack doesn't have yet isn't."""
    from bot.domain.owed import MessageKind, Priority  # noqa: PLC0415 - used here alone

    def owe(tx: Tx) -> None:
        for key in ("sent", "waits"):
            outbox.owe(
                tx, MessageKind.THREAD, 1, "C1", Priority.THREAD, LONG_AGO, key=key, params={"text": f"words {key}"}
            )
        tx.execute("UPDATE outbox SET sent_version = version WHERE key = 'sent'")

    await sqlite_store.transact(owe)
    counts = await purge.purge(sqlite_store, NOW, "fettle", NOW)
    assert counts["outbox"] == 1
    (left,) = await sqlite_store.transact(outbox.claim, NOW, timedelta(minutes=1), 5)
    assert left.params == {"text": "words waits"}


async def test_a_store_that_takes_no_writes_forgets_nothing(sqlite_store: Store) -> None:
    await sqlite_store.transact(told, LONG_AGO, "old", "U1", over=True)

    def refuse(_: str) -> None:
        raise StoreUnavailableError("the disk is full")

    sqlite_store.crash_point = refuse
    with pytest.raises(StoreUnavailableError):
        await purge.purge(sqlite_store, NOW, "fettle", NOW)
    assert (await sqlite_store.read(evidence.of, 1))[0].summary == "evidence old"
