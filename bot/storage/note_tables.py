"""The tables of notes and pins as they stand after the newest migration; they belong to ``tables``, which lists them.

Texts can be purged; people are principals, whose names stand elsewhere. This module refuses logic.
"""

from __future__ import annotations

from peewee import AutoField, BooleanField, CharField, IntegerField, TextField

from bot.storage.fields import JsonField, Table, UtcField


class NoteRow(Table):
    """A message in an incident's timeline; at most one of a message that isn't retracted (partial unique index)."""

    id = AutoField()
    incident_id = IntegerField(index=True)
    channel = CharField(max_length=64)
    ts = CharField(max_length=32)
    link = TextField(default="")
    text = TextField(default="")
    author = CharField(max_length=64, default="")
    noted_by = CharField(max_length=64)
    noted_at = UtcField()
    retracted_by = CharField(max_length=64, default="")
    retracted_at = UtcField(null=True)

    class Meta:
        table_name = "notes"


class PinRow(Table):
    """One person's 📌 on one message; ``events`` are the ids of the newest events, so that none counts twice."""

    id = AutoField()
    channel = CharField(max_length=64)
    ts = CharField(max_length=32)
    person = CharField(max_length=64)
    pinned = BooleanField()
    events = JsonField(default=list)
    note_id = IntegerField(default=0, index=True)
    heard_at = UtcField()

    class Meta:
        table_name = "pins"
        indexes = ((("channel", "ts", "person"), True),)
