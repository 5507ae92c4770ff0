"""Which times move when a clock is set: every column that holds one moves or is history, by name."""

from peewee import CharField

from bot.storage import redate, tables
from bot.storage.fields import UtcField

HISTORY = {
    "artifacts": {"made_at", "gone_at"},
    "oncall_shifts": {"since", "until"},  # the schedule's own times, read anew within a minute
    "people": {"seen_at"},
    "notes": {"noted_at", "retracted_at"},
    "alerts": {"starts_at", "ends_at", "resolved_arrived_at", "late_at", "first_seen_at", "last_seen_at"},
    "deliveries": {"starts_at", "received_at"},
    "quarantine": {"received_at"},
    "incidents": {"resolved_at"},
    "approvals": {"at"},
    "executions": {"approved_at", "settled_at"},
    "silences": {"ended_at"},
    "outbox": {"sent_at"},
    "freeze": {"at"},
    "digests": {"opened_at", "closed_at"},
}
"""When something happened, as it was written down, and what others say; the request that is sent holds approved_at."""


def test_every_time_that_is_stored_moves_or_is_history() -> None:
    """A new column has to say which: one that waits and doesn't move stands still, or is over, when a clock is set."""
    known: dict[str, set[str]] = {table: set(columns) for table, columns in HISTORY.items()}
    for table, _key, columns, _where in redate.MOVED:
        assert not known.get(table, set()) & set(columns)
        known[table] = known.get(table, set()) | set(columns)
    stored = {
        table._meta.table_name: {field.column_name for field in table._meta.sorted_fields if _is_time(field)}
        for table in tables.ALL
    }
    assert {name: columns for name, columns in stored.items() if columns} == known


def _is_time(field: CharField) -> bool:
    return isinstance(field, UtcField)
