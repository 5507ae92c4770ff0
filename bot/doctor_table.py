"""The rows that ``fettle doctor`` prints: a table on a terminal, plain lines elsewhere, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Level(StrEnum):
    """How a row stands."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@dataclass(frozen=True)
class Row:
    """One line: what was looked at, how it stands, what to do."""

    check: str
    level: Level
    sentence: str


def ok(check: str, sentence: str) -> Row:
    """It works."""
    return Row(check, Level.OK, sentence)


def warn(check: str, sentence: str) -> Row:
    """It works, and something should be different."""
    return Row(check, Level.WARN, sentence)


def fail(check: str, sentence: str) -> Row:
    """It doesn't work until somebody does what the sentence says."""
    return Row(check, Level.FAIL, sentence)


def show(rows: Iterable[Row], *, as_json: bool) -> None:
    """Prints them; what stands in a sentence is text, never the terminal's or the table's own marks."""
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        return
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write(f"{row.level:4}  {row.check:<18}  {row.sentence}\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "state", "what it means and what to do"):
        table.add_column(heading, no_wrap=heading == "state")
    for row in rows:
        table.add_row(Text(row.check), Text(row.level, COLOURS[row.level]), Text(row.sentence))
    Console().print(table)
