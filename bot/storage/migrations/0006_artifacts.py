"""Files that dumps left in a store, so that they end: where each is, whose it is, and when it is deleted."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    db.execute_sql(
        f"CREATE TABLE artifacts (id {serial}, execution_id INTEGER NOT NULL UNIQUE, incident_id INTEGER NOT NULL, "
        "kind TEXT NOT NULL, store TEXT NOT NULL, ref TEXT NOT NULL, name TEXT NOT NULL, size BIGINT NOT NULL, "
        "sha256 TEXT NOT NULL, execution TEXT NOT NULL, link TEXT NOT NULL, made_at TEXT NOT NULL, "
        "expires_at TEXT NOT NULL, gone_at TEXT, problem TEXT NOT NULL DEFAULT '')"
    )
    db.execute_sql("CREATE INDEX artifacts_left ON artifacts (expires_at) WHERE gone_at IS NULL")
