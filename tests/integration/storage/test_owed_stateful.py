"""The outbox and the due work against a small model: no debt is lost, whatever order things happen in."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.domain.owed import DueWork, MessageKind, OutboxRow, Priority, Stage
from bot.storage import due, outbox
from bot.storage.db import Store, Tx
from tests.chance import examples

LEASE = timedelta(seconds=10)
SUBJECTS = st.integers(1, 3)


class Owed(RuleBasedStateMachine):
    """``debts`` are what the model still owes: messages by key with the version, work by subject."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.open(f"sqlite:///{Path(self.folder.name)}/fettle.db")
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.owed: dict[str, int] = {}
        self.shown: dict[str, int] = {}
        self.rows: list[tuple[OutboxRow, datetime]] = []
        self.work: dict[int, int] = {}
        self.finished: dict[int, int] = {}
        self.works: list[tuple[DueWork, int, datetime]] = []

    def teardown(self) -> None:
        """Close the store."""
        self.store.close_now()
        self.folder.cleanup()

    @rule(seconds=st.integers(1, 12))
    def time_passes(self, seconds: int) -> None:
        """Leases run out."""
        self.now += timedelta(seconds=seconds)

    @rule(subject=SUBJECTS, priority=st.sampled_from(list(Priority)), wait=st.integers(0, 5))
    def a_message_is_owed(self, subject: int, priority: Priority, wait: int) -> None:
        """Another version of one of three messages."""
        key = f"card:{subject}"
        self.store.transact_now(
            outbox.owe, MessageKind.CARD, subject, "C1", priority, self.now, key=key,
            not_before=self.now + timedelta(seconds=wait),
        )  # fmt: skip
        self.owed[key] = self.owed.get(key, 0) + 1

    @rule(limit=st.integers(1, 3))
    def messages_are_claimed(self, limit: int) -> None:
        """Nobody else holds what is claimed, and it is the newest version."""
        rows = self.store.transact_now(outbox.claim, self.now, LEASE, limit)
        for row in rows:
            held = [until for other, until in self.rows if other.id == row.id]
            assert all(until <= self.now for until in held), "claimed twice"
            assert row.version == self.owed[row.key] > self.shown.get(row.key, 0)
            assert row.uncertain or not held
        gone = {row.id for row in rows}
        self.rows = [(row, until) for row, until in self.rows if row.id not in gone]
        self.rows += [(row, self.now + LEASE) for row in rows]

    @rule(data=st.data(), how=st.sampled_from(["sent", "retry", "back"]))
    def a_claimed_message_ends(self, data: st.DataObject, how: str) -> None:
        """In one of three ways; only one pays the debt."""
        if not self.rows:
            return
        row, _until = self.rows.pop(data.draw(st.integers(0, len(self.rows) - 1)))
        if how == "sent":
            assert self.store.transact_now(outbox.sent, row, self.now, "C1", f"{row.subject}.1")
            self.shown[row.key] = row.version
        elif how == "retry":
            assert self.store.transact_now(outbox.retry, row, self.now, timedelta(seconds=3), "no")
        else:
            assert self.store.transact_now(outbox.give_back, row)

    @rule(subject=SUBJECTS, wait=st.integers(0, 5))
    def work_is_owed(self, subject: int, wait: int) -> None:
        """Again, perhaps while somebody works on it."""
        self.store.transact_now(due.owe, Stage.VERIFY, subject, self.now + timedelta(seconds=wait))
        self.work[subject] = self.work.get(subject, 0) + 1

    @rule(limit=st.integers(1, 3))
    def work_is_claimed(self, limit: int) -> None:
        """Nobody else holds what is claimed."""
        works = self.store.transact_now(due.claim, self.now, Stage.VERIFY, LEASE, limit)
        for work in works:
            held = [until for other, _debt, until in self.works if other.id == work.id]
            assert all(until <= self.now for until in held), "claimed twice"
        gone = {work.id for work in works}
        self.works = [entry for entry in self.works if entry[0].id not in gone]
        self.works += [(work, self.work[work.subject], self.now + LEASE) for work in works]

    @rule(data=st.data(), finish=st.booleans())
    def claimed_work_ends(self, data: st.DataObject, finish: bool) -> None:
        """Done only if nothing was owed meanwhile."""
        if not self.works:
            return
        work, debt, _until = self.works.pop(data.draw(st.integers(0, len(self.works) - 1)))
        if not finish:
            assert self.store.transact_now(due.later, work, self.now + timedelta(seconds=1))
            return
        done = self.store.transact_now(due.done, work)
        assert done == (debt == self.work[work.subject]), "a debt of meanwhile was erased, or a paid one kept"
        self.finished[work.subject] = debt

    @invariant()
    def what_is_owed_is_stored(self) -> None:
        """The model and the tables agree."""

        def waiting(tx: Tx) -> tuple[dict[str, int], set[int]]:
            messages = tx.execute("SELECT key, version FROM outbox WHERE version > sent_version").fetchall()
            return dict(messages), {row[0] for row in tx.execute("SELECT subject FROM due")}

        messages, work = self.store.read_now(waiting)
        assert messages == {key: version for key, version in self.owed.items() if self.shown.get(key, 0) < version}
        assert work == {subject for subject, debt in self.work.items() if self.finished.get(subject, 0) < debt}


TestOwed = Owed.TestCase
TestOwed.settings = settings(
    max_examples=examples(100),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
