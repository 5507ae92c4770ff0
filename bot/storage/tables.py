"""The tables as they stand after the newest migration; migrations hold frozen copies of their own.

Names, bodies and reasons live where they can be purged (``people``, ``alerts``' bodies, ``evidence``,
``audit_details``); the audit holds ids and digests alone. This module refuses logic.
"""

from __future__ import annotations

from peewee import SQL, AutoField, BigIntegerField, BooleanField, CharField, IntegerField, TextField

from bot.storage.artifact_table import ArtifactRow
from bot.storage.execution_table import ExecutionRow
from bot.storage.fields import JsonField, Table, UtcField
from bot.storage.note_tables import NoteRow, PinRow
from bot.storage.oncall_table import ShiftRow
from bot.storage.silence_table import SilenceRow


class Fact(Table):
    """Facts about this database: cluster uid, bot user, oldest program that may open it."""

    key = CharField(max_length=64, primary_key=True)
    value = TextField()

    class Meta:
        table_name = "facts"


class Person(Table):
    """Slack people whom Fettle met; ``person:ID`` is what the audit holds. Name and Slack id can be erased."""

    id = AutoField()
    slack_id = CharField(max_length=64, unique=True, null=True)
    name = TextField(default="")
    seen_at = UtcField()

    class Meta:
        table_name = "people"


class GroupMember(Table):
    """Members of the approver groups, refreshed by a job; read by policy instead of asking Slack."""

    id = AutoField()
    group_id = CharField(max_length=64)
    slack_id = CharField(max_length=64)

    class Meta:
        table_name = "group_members"
        indexes = ((("group_id", "slack_id"), True),)


class GroupRefresh(Table):
    """When a group was last read, and the sentence if that failed (then it denies)."""

    group_id = CharField(max_length=64, primary_key=True)
    refreshed_at = UtcField(null=True)
    problem = TextField(default="")

    class Meta:
        table_name = "group_refreshes"


class AlertRow(Table):
    """One alert episode: (fingerprint, starts_at). Bodies are null after retention.

    ``current`` marks the newest episode of its fingerprint (unique among those, partial index).
    """

    id = AutoField()
    fingerprint = CharField(max_length=128)
    starts_at = UtcField()
    status = CharField(max_length=16)
    ends_at = UtcField(null=True)
    resolved_arrived_at = UtcField(null=True)
    late_at = UtcField(null=True)
    incident_id = IntegerField(null=True)
    severity = IntegerField(default=3)
    name = TextField(default="")
    namespace = TextField(default="")
    labels = JsonField(null=True)
    annotations = JsonField(null=True)
    generator_url = TextField(default="")
    external_url = TextField(default="")
    first_seen_at = UtcField()
    last_seen_at = UtcField()
    deliveries = IntegerField(default=1)
    current = BooleanField(default=True)

    class Meta:
        table_name = "alerts"
        indexes = ((("starts_at", "fingerprint"), True), (("incident_id", "status"), False))


class Delivery(Table):
    """One delivery record, unique by what identifies it; ``ends_at`` is '' unless resolved."""

    id = AutoField()
    fingerprint = CharField(max_length=128)
    starts_at = UtcField()
    status = CharField(max_length=16)
    ends_at = CharField(max_length=27, default="")
    received_at = UtcField()
    effect = CharField(max_length=24)

    class Meta:
        table_name = "deliveries"
        indexes = ((("starts_at", "fingerprint", "status", "ends_at"), True),)


class Quarantine(Table):
    """One alert that could not be used, with the reason and the capped raw JSON."""

    id = AutoField()
    received_at = UtcField()
    receiver = TextField(default="")
    reason = TextField()
    body = TextField(null=True)


class IncidentRow(Table):
    """One incident; at most one that isn't resolved for a correlation key (partial unique index)."""

    id = AutoField()
    key = TextField()
    title = TextField()
    alertname = TextField(default="")
    namespace = TextField(default="")
    state = CharField(max_length=16)
    severity = IntegerField()
    opened_at = UtcField()
    episode_at = UtcField()
    updated_at = UtcField()
    resolved_at = UtcField(null=True)
    resolution = CharField(max_length=32, default="")
    reason = TextField(default="")
    target = JsonField(null=True)
    target_key = TextField(default="")
    target_note = TextField(default="")
    candidates = JsonField(default=list)
    acknowledged_by = CharField(max_length=64, default="")
    declared_by = CharField(max_length=64, default="")
    alerts_firing = IntegerField(default=0)
    alerts_total = IntegerField(default=0)
    flaps = IntegerField(default=0)
    episodes = IntegerField(default=1)
    foreign_cluster = TextField(default="")
    channel = CharField(max_length=64, default="")
    digest_id = IntegerField(null=True)
    investigated_at = UtcField(null=True)
    playbook = TextField(default="")
    links = JsonField(default=list)

    class Meta:
        table_name = "incidents"
        indexes = ((("key", "state"), False), (("target_key", "state"), False), (("state", "opened_at"), False))


class EvidenceRow(Table):
    """The newest answer of one collector for one incident."""

    id = AutoField()
    incident_id = IntegerField()
    source = CharField(max_length=32)
    status = CharField(max_length=16)
    summary = TextField()
    problem = TextField(default="")
    data = JsonField(null=True)
    observed_at = UtcField()

    class Meta:
        table_name = "evidence"
        indexes = ((("incident_id", "source"), True),)


class FindingRow(Table):
    """One conclusion of the newest look at an incident; ``rank`` 0 is the best. The body is null after retention."""

    id = AutoField()
    incident_id = IntegerField()
    rank = IntegerField()
    cause = CharField(max_length=32)
    body = JsonField(null=True)
    found_at = UtcField()

    class Meta:
        table_name = "findings"
        indexes = ((("incident_id", "rank"), True),)


class ProposalRow(Table):
    """One proposal; ``target_uid`` and ``target_key`` are columns for the guards."""

    id = AutoField()
    incident_id = IntegerField(index=True)
    action = CharField(max_length=32)
    target = JsonField()
    target_key = TextField()
    params = JsonField(default=dict)
    digest = CharField(max_length=64)
    state = CharField(max_length=16)
    text = JsonField()
    requested_by = CharField(max_length=64)
    created_at = UtcField()
    expires_at = UtcField(null=True)
    quorum = IntegerField(default=1)
    approvers = JsonField(default=list)
    baseline = JsonField(default=dict)
    decided_by = CharField(max_length=64, default="")
    decided_at = UtcField(null=True)
    reason = TextField(default="")
    steps = JsonField(default=list)
    stopped = TextField(default="")
    halt = CharField(max_length=16, default="")

    class Meta:
        table_name = "proposals"
        indexes = ((("state", "expires_at"), False),)


class ApprovalRow(Table):
    """Append-only (trigger): one line for each person and proposal."""

    id = AutoField()
    proposal_id = IntegerField()
    principal = CharField(max_length=64)
    verb = CharField(max_length=16)
    reason = TextField(default="")
    at = UtcField()

    class Meta:
        table_name = "approvals"
        indexes = ((("proposal_id", "principal"), True),)


class VerificationRow(Table):
    """One verification; at most one current for an execution (partial unique index)."""

    id = AutoField()
    execution_id = IntegerField(index=True)
    incident_id = IntegerField(index=True)
    target = JsonField()
    verdict = CharField(max_length=16)
    current = BooleanField(default=True)
    started_at = UtcField()
    deadline = UtcField()
    soak = IntegerField()
    generation = IntegerField(null=True)
    execution_uid = CharField(max_length=64, default="")
    baseline = JsonField(default=dict)
    checks = JsonField(default=list)
    progress = JsonField(default=dict)
    rolled_out_at = UtcField(null=True)
    settled_at = UtcField(null=True)
    note = TextField(default="")

    class Meta:
        table_name = "verifications"


class AuditRow(Table):
    """The chain; UPDATE and DELETE are refused by triggers. ``seq`` is head + 1, never a sequence."""

    seq = BigIntegerField(primary_key=True)
    at = CharField(max_length=27)
    tag = CharField(max_length=48)
    actor = CharField(max_length=64)
    subject = CharField(max_length=64)
    outcome = TextField()
    incident_id = IntegerField(default=0)
    detail_digest = CharField(max_length=64, default="")
    prev = CharField(max_length=64)
    hash = CharField(max_length=64)

    class Meta:
        table_name = "audit"
        indexes = ((("incident_id",), False),)


class AuditDetail(Table):
    """What an entry digests; rows may be purged, the chain still verifies."""

    seq = BigIntegerField(primary_key=True)
    salt = CharField(max_length=32)
    detail = JsonField()

    class Meta:
        table_name = "audit_details"


class OutboxEntry(Table):
    """One message owed to Slack, for life: ``version`` counts what is owed, ``sent_version`` what went out."""

    id = AutoField()
    key = CharField(max_length=128, unique=True)
    kind = CharField(max_length=16)
    subject = IntegerField()
    channel = CharField(max_length=64)
    rank = IntegerField()
    owed_at = UtcField()
    due_at = UtcField()
    version = IntegerField(default=1)
    sent_version = IntegerField(default=0)
    sent_at = UtcField(null=True)
    claimed_until = UtcField(null=True)
    epoch = IntegerField(default=0)
    attempts = IntegerField(default=0)
    last_error = TextField(default="")
    thread_key = CharField(max_length=128, default="")
    posted_channel = CharField(max_length=64, default="")
    posted_ts = CharField(max_length=32, default="")
    params = JsonField(default=dict)
    uncertain = BooleanField(default=False)
    dropped = BooleanField(default=False)

    class Meta:
        table_name = "outbox"
        indexes = ((("due_at", "rank"), False), (("channel", "posted_ts"), False))


class DueRow(Table):
    """Work owed to a stage; a row is deleted when done (the audit keeps what happened).

    ``version`` counts how often it was owed: what is owed again while it is worked on stays when that work is done.
    """

    id = AutoField()
    stage = CharField(max_length=16)
    subject = IntegerField()
    due_at = UtcField()
    claimed_until = UtcField(null=True)
    epoch = IntegerField(default=0)
    version = IntegerField(default=1)
    claimed_version = IntegerField(default=0)
    attempts = IntegerField(default=0)
    last_error = TextField(default="")
    params = JsonField(default=dict)

    class Meta:
        table_name = "due"
        indexes = ((("stage", "subject"), True), (("due_at",), False))


class FreezeRow(Table):
    """One row (id 1): the kill switch."""

    id = IntegerField(primary_key=True, constraints=[SQL("CHECK (id = 1)")])
    on = BooleanField(default=False, column_name="is_on")
    actor = CharField(max_length=64, default="")
    reason = TextField(default="")
    at = UtcField(null=True)

    class Meta:
        table_name = "freeze"


class Digest(Table):
    """One digest message in a channel: incidents beyond the storm threshold and all SEV4."""

    id = AutoField()
    channel = CharField(max_length=64)
    opened_at = UtcField()
    closed_at = UtcField(null=True)

    class Meta:
        table_name = "digests"


ALL: tuple[type[Table], ...] = (
    Fact, Person, GroupMember, GroupRefresh, AlertRow, Delivery, Quarantine, IncidentRow, EvidenceRow, FindingRow,
    ProposalRow, ApprovalRow, ExecutionRow, VerificationRow, SilenceRow, AuditRow, AuditDetail, OutboxEntry, DueRow,
    FreezeRow, Digest, ArtifactRow, ShiftRow, NoteRow, PinRow,
)  # fmt: skip
