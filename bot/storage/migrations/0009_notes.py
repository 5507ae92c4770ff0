"""Messages that people pin to an incident's timeline, and whose 📌 holds them there."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    db.execute_sql(
        f"CREATE TABLE notes (id {serial}, incident_id INTEGER NOT NULL, channel TEXT NOT NULL, ts TEXT NOT NULL, "
        "link TEXT NOT NULL DEFAULT '', text TEXT NOT NULL DEFAULT '', author TEXT NOT NULL DEFAULT '', "
        "noted_by TEXT NOT NULL, noted_at TEXT NOT NULL, retracted_by TEXT NOT NULL DEFAULT '', retracted_at TEXT)"
    )
    db.execute_sql("CREATE INDEX notes_incident ON notes (incident_id)")
    db.execute_sql("CREATE UNIQUE INDEX notes_standing ON notes (channel, ts) WHERE retracted_at IS NULL")
    db.execute_sql(
        f"CREATE TABLE pins (id {serial}, channel TEXT NOT NULL, ts TEXT NOT NULL, person TEXT NOT NULL, "
        "pinned BOOLEAN NOT NULL, events TEXT NOT NULL DEFAULT '[]', note_id INTEGER NOT NULL DEFAULT 0, "
        "heard_at TEXT NOT NULL)"
    )
    db.execute_sql("CREATE UNIQUE INDEX pins_of_person ON pins (channel, ts, person)")
    db.execute_sql("CREATE INDEX pins_note ON pins (note_id)")
