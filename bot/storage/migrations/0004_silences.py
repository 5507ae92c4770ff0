"""Silences that were asked for: at most one in force for an incident."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    db.execute_sql(
        f"CREATE TABLE silences (id {serial}, uid TEXT NOT NULL UNIQUE, incident_id INTEGER NOT NULL, "
        "state TEXT NOT NULL, in_force BOOLEAN NOT NULL DEFAULT TRUE, requested_by TEXT NOT NULL, "
        "matchers TEXT NOT NULL DEFAULT '[]', comment TEXT NOT NULL DEFAULT '', alerts INTEGER NOT NULL DEFAULT 0, "
        "created_at TEXT NOT NULL, ends_at TEXT NOT NULL, body TEXT, intent_at TEXT, ids TEXT NOT NULL DEFAULT '[]', "
        "verdict TEXT NOT NULL DEFAULT 'measuring', checks TEXT NOT NULL DEFAULT '[]', check_by TEXT, "
        "end_by TEXT NOT NULL DEFAULT '', end_reason TEXT NOT NULL DEFAULT '', ended_at TEXT, "
        "outcome TEXT NOT NULL DEFAULT '')"
    )
    db.execute_sql("CREATE INDEX silences_incident ON silences (incident_id)")
    db.execute_sql("CREATE UNIQUE INDEX silences_in_force ON silences (incident_id) WHERE in_force")
