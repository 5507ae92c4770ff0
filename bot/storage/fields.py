"""How values are stored: times and JSON as text, and the base of all tables.

Times have one fixed form (``2026-11-21T03:14:00.000000Z``), so that they sort, compare the same on both databases,
and read well in a shell. JSON is canonical text. This module refuses logic.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from peewee import CharField, DatabaseProxy, Model, TextField

from bot.domain.proposal import canonical

database = DatabaseProxy()
"""Never bound: ``Tx`` gives each query its own database, and a query outside of a transaction fails loudly."""


@lru_cache(maxsize=1024)
def to_text(at: datetime) -> str:
    """An aware time as fixed-width UTC text (``strftime`` would not pad years before 1000).

    Remembered: one delivery writes the same few times into every row.
    """
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


from_text = datetime.fromisoformat
"""The reverse of ``to_text``."""


class UtcField(CharField):
    """An aware datetime, stored as sortable UTC text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=27, **options)

    def db_value(self, value: datetime | str | None) -> str | None:
        """As text; text is taken as it is (a column that was read raw)."""
        return to_text(value) if isinstance(value, datetime) else value

    def python_value(self, value: str | None) -> datetime | None:
        """As an aware time."""
        return from_text(value) if value else None


class JsonField(TextField):
    """Any JSON value, stored as canonical text."""

    def db_value(self, value: Any) -> str | None:
        """As canonical text."""
        return None if value is None else canonical(value)

    def python_value(self, value: str | None) -> Any:
        """As JSON's Python values."""
        if value == "[]":
            return []  # most lists are empty, and reading JSON costs more than the rest of a row
        return None if value is None else json.loads(value)


class Table(Model):
    """Base of all tables."""

    class Meta:
        """Peewee's place for table options."""

        database = database
        legacy_table_names = False
