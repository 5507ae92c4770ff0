"""The links of an incident, where an early form of 0002 that didn't have them made the database."""

from typing import Any


def up(migrator: Any, db: Any) -> None:  # noqa: ARG001 - the runner's signature
    if "links" not in {column.name for column in db.get_columns("incidents")}:
        db.execute_sql("ALTER TABLE incidents ADD COLUMN links TEXT NOT NULL DEFAULT '[]'")
