"""The table of executions as it stands after the newest migration; it belongs to ``tables``. No logic."""

from __future__ import annotations

from peewee import AutoField, BooleanField, CharField, IntegerField, TextField

from bot.storage.fields import JsonField, Table, UtcField


class ExecutionRow(Table):
    """One attempt at a step of an approved proposal; ``in_flight`` until its verdict, unique per target (partial)."""

    id = AutoField()
    uid = CharField(max_length=64, unique=True)
    proposal_id = IntegerField()
    step = IntegerField(default=0)
    incident_id = IntegerField(index=True)
    target = JsonField()
    target_key = TextField()
    action = CharField(max_length=32)
    state = CharField(max_length=16)
    in_flight = BooleanField(default=True)
    created_at = UtcField()
    approved_at = UtcField()
    approved_by = CharField(max_length=64)
    request = JsonField(null=True)
    intent_at = UtcField(null=True)
    settled_at = UtcField(null=True)
    generation = IntegerField(null=True)
    baseline = JsonField(default=dict)
    outcome = TextField(default="")
    standing = CharField(max_length=16, default="")

    class Meta:
        table_name = "executions"
        indexes = ((("proposal_id", "step"), True),)
