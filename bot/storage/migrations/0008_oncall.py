"""Who is on call and until when, as read from each schedule."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    sqlite = type(db).__name__ == "SqliteDatabase"
    serial = "INTEGER NOT NULL PRIMARY KEY" if sqlite else "SERIAL PRIMARY KEY"
    db.execute_sql(
        f"CREATE TABLE oncall_shifts (id {serial}, source TEXT NOT NULL, slack_id TEXT NOT NULL, "
        "since TEXT NOT NULL, until TEXT NOT NULL)"
    )
    db.execute_sql("CREATE INDEX oncall_shifts_source ON oncall_shifts (source)")
