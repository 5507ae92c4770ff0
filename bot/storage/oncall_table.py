"""The table of shifts as it stands after the newest migration; it belongs to ``tables``, which lists it.

This module refuses logic.
"""

from __future__ import annotations

from peewee import AutoField, CharField

from bot.storage.fields import Table, UtcField


class ShiftRow(Table):
    """Somebody on call by a schedule, as it was read; when it was read stands with those of groups."""

    id = AutoField()
    source = CharField(max_length=64, index=True)
    slack_id = CharField(max_length=64)
    since = UtcField()
    until = UtcField()

    class Meta:
        table_name = "oncall_shifts"
