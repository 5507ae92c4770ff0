"""Columns of a table by name, for statements that are fixed text because they are hot.

The column list and the conversions come from the models, so that a statement and its reading can't drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peewee import AutoField, BigIntegerField, CharField, IntegerField, TextField

from bot.domain.target import Target
from bot.storage.fields import Table

_PLAIN = frozenset({AutoField, BigIntegerField, CharField, IntegerField, TextField})


class Columns:
    """The columns of one table in a fixed order; ``text`` goes after SELECT and RETURNING."""

    def __init__(self, table: type[Table]) -> None:
        self._fields: list[Any] = list(table._meta.sorted_fields)  # noqa: SLF001 - peewee's documented metadata
        self._by_name = {field.name: field for field in self._fields}
        self._names = tuple(field.name for field in self._fields)
        # Text and numbers come from both drivers as they are; peewee would ask each value what it is.
        self._special = tuple((f.name, f.python_value) for f in self._fields if type(f) not in _PLAIN)
        self.text = ", ".join(field.column_name for field in self._fields)

    def read(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row as Python values by field name."""
        values = dict(zip(self._names, row, strict=True))
        for name, python_value in self._special:
            values[name] = python_value(values[name])
        return values

    def write(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Python values as the database takes them; raises ``KeyError`` for a name that is no column."""
        return {name: self._by_name[name].db_value(value) for name, value in values.items()}


def target_to(target: Target | None) -> dict[str, str] | None:
    """A target as JSON."""
    if target is None:
        return None
    return {"kind": target.kind, "namespace": target.namespace, "name": target.name, "uid": target.uid}


def target_from(value: Mapping[str, str] | None) -> Target | None:
    """The reverse."""
    return None if value is None else Target(value["kind"], value["namespace"], value["name"], value["uid"])


def target_in(value: Mapping[str, str]) -> Target:
    """The reverse where there always is one."""
    return Target(value["kind"], value["namespace"], value["name"], value["uid"])
