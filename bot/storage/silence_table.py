"""The table of silences as it stands after the newest migration; it belongs to ``tables``, which lists it.

The comment, and the body with the requester's name, can be purged. This module refuses logic.
"""

from __future__ import annotations

from peewee import AutoField, BooleanField, CharField, IntegerField, TextField

from bot.storage.fields import JsonField, Table, UtcField


class SilenceRow(Table):
    """One silence at Alertmanager; at most one in force for an incident (partial unique index)."""

    id = AutoField()
    uid = CharField(max_length=64, unique=True)
    incident_id = IntegerField(index=True)
    state = CharField(max_length=16)
    in_force = BooleanField(default=True)
    requested_by = CharField(max_length=64)
    matchers = JsonField(default=list)
    comment = TextField(default="")
    alerts = IntegerField(default=0)
    created_at = UtcField()
    ends_at = UtcField()
    body = JsonField(null=True)
    intent_at = UtcField(null=True)
    ids = JsonField(default=list)
    verdict = CharField(max_length=16, default="measuring")
    checks = JsonField(default=list)
    check_by = UtcField(null=True)
    end_by = CharField(max_length=64, default="")
    end_reason = TextField(default="")
    ended_at = UtcField(null=True)
    outcome = TextField(default="")
    trouble = TextField(default="")

    class Meta:
        table_name = "silences"
