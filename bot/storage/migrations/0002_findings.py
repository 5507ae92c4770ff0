"""What was concluded of an incident's evidence, best first, and the playbook that asked for it, with its links."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    db.execute_sql(
        f"CREATE TABLE findings (id {serial}, incident_id INTEGER NOT NULL, rank INTEGER NOT NULL, "
        "cause TEXT NOT NULL, body TEXT, found_at TEXT NOT NULL, UNIQUE (incident_id, rank))"
    )
    db.execute_sql("ALTER TABLE incidents ADD COLUMN playbook TEXT NOT NULL DEFAULT ''")
    db.execute_sql("ALTER TABLE incidents ADD COLUMN links TEXT NOT NULL DEFAULT '[]'")
