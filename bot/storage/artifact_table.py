"""The table of kept files, for the check that migrations and tables agree; it is written by fixed SQL. No logic."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, IntegerField, TextField

from bot.storage.fields import Table, UtcField


class ArtifactRow(Table):
    """A file that an execution left in a store; ``gone_at`` is when it was deleted. Written by fixed SQL."""

    id = AutoField()
    execution_id = IntegerField(unique=True)
    incident_id = IntegerField()
    kind = TextField()
    store = TextField()
    ref = TextField()
    name = TextField()
    size = BigIntegerField()
    sha256 = TextField()
    execution = TextField()
    link = TextField()
    made_at = UtcField()
    expires_at = UtcField()
    gone_at = UtcField(null=True)
    problem = TextField(default="")

    class Meta:
        table_name = "artifacts"
