"""Writes ``NNNN.sql.gz``: a small database of today's schema with a whole story in it, for the tests of later ones.

Run it once when a migration is released, ``python tests/upgrade/write_dump.py 0001``, and never change the file again.
"""

import contextlib
import gzip
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.approval import Verb
from bot.domain.audit import AuditNote
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.execution import ExecutionEvent, WriteRequest
from bot.domain.finding import Cause, Cite, Confidence, Finding
from bot.domain.incident import IncidentEvent
from bot.domain.note import PinNews
from bot.domain.owed import MessageKind, Priority, Stage
from bot.domain.proposal import SYSTEM, ProposalEvent, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, VerdictEvent
from bot.storage import (
    due,
    evidence,
    executions,
    findings,
    freeze,
    incidents,
    notes,
    outbox,
    people,
    proposals,
    verifications,
)
from bot.storage.db import Store, Tx

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
API = Target("Deployment", "shop", "api", "u-1")


def story(tx: Tx) -> None:
    """An alert's incident, its proposal approved and carried out, the verdict, and what is still owed."""
    ana = people.person_for(tx, "U1", "Ana", NOW)
    people.set_group(tx, "S1", ["U1"], NOW)
    opened = incidents.add(
        tx, key="group\x1fshop\x1fDeployment=api", title="KubePodCrashLooping in shop",
        alertname="KubePodCrashLooping", namespace="shop", severity=Severity.SEV2, now=NOW, channel="C1", target=API,
    )  # fmt: skip
    tx.execute(
        "INSERT INTO alerts (fingerprint, starts_at, status, incident_id, name, namespace, labels, first_seen_at, "
        "last_seen_at) VALUES (?, ?, 'firing', ?, 'KubePodCrashLooping', 'shop', ?, ?, ?)",
        ("f1", "2026-11-21T03:10:00.000000Z", opened.id, '{"namespace":"shop"}', *["2026-11-21T03:14:00.000000Z"] * 2),
    )
    evidence.put(tx, opened.id, Evidence("pods", EvidenceStatus.OK, "5 of 6 ready", NOW, {"pods": []}))
    seen = Finding(Cause.CRASH_LOOP, "The container exits with 1.", Confidence.HIGH, (Cite("pods", "exit 1"),))
    findings.put(tx, opened.id, (seen,), NOW)
    offered = proposals.add(
        tx, opened.id, action="restart", target=API, params={}, digest="d" * 64, state=ProposalState.PENDING,
        text=ProposalText("Restart Deployment shop/api", "Restarted shop/api"), requested_by=SYSTEM, now=NOW,
        expires_at=NOW + timedelta(minutes=15), quorum=1, approvers=("U1",), baseline={"restarts": 3},
    )  # fmt: skip
    proposals.add_approval(tx, offered.id, ana, Verb.APPROVED, "go", NOW)
    proposals.settle(tx, offered.id, ProposalEvent.APPROVE, NOW, ana, "go")
    note = AuditNote("proposal:approval:granted", ana, f"proposal:{offered.id}", "granted", opened.id, {"reason": "go"})
    tx.audit(note, NOW)
    act = executions.add(tx, uid="e-1", proposal=offered, approved_by=ana, now=NOW)
    if act is None:
        raise RuntimeError("the target of an empty database was taken")
    executions.claim(tx, act.id, WriteRequest("PATCH", "/x", "application/json-patch+json", []), {}, NOW)
    done = executions.settle(tx, act.id, ExecutionEvent.SUCCEED, NOW, "patched", 8)
    incidents.move(tx, opened.id, IncidentEvent.EXECUTE, NOW)
    look = verifications.start(
        tx, execution=done, incident_id=opened.id, target=API, deadline=NOW + timedelta(minutes=10), soak=120,
        now=NOW, generation=8, execution_uid="e-1", baseline={},
    )  # fmt: skip
    checks = (Check("rollout", CheckState.GOOD, "6 ready", "6 ready", NOW),)
    verifications.settle(tx, look.id, VerdictEvent.PASS, checks, {"ready": 6}, NOW)
    outbox.owe(tx, MessageKind.CARD, opened.id, "C1", Priority.NEW_CARD, NOW, key=f"card:{opened.id}")
    due.owe(tx, Stage.INVESTIGATE, opened.id, NOW)
    number = notes.heard(tx, PinNews("Ev1", "C1", "1.000100", "U1", on=True), ana, NOW)
    held = notes.pin(tx, number)
    notes.add(tx, opened.id, held, link="https://x", text="failing over", author=ana, noted_by=ana, now=NOW)
    freeze.set_frozen(tx, True, "cli:ana", "drill", NOW)  # noqa: FBT003 - the switch


def main(number: str) -> None:
    """Write the dump beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fettle.db"
        store = Store.open(f"sqlite:///{path}")
        store.transact_now(story)
        store.close_now()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            text = "\n".join(connection.iterdump())
    Path(__file__).with_name(f"{number}.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
