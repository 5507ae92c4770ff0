"""``fettle audit`` and ``fettle freeze``: they work beside a running bot, and with Slack and the cluster down.

The audit is opened for reading only; ``freeze`` writes one row and leaves the WAL to the bot. Exit codes: 0 done,
1 the chain is broken, 2 it couldn't be read or written, each with a sentence. It refuses to repair or to approve.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from bot import clock
from bot.domain.audit import AuditEntry
from bot.domain.errors import FettleError
from bot.domain.proposal import canonical
from bot.domain.redaction import redact
from bot.storage import audit, people
from bot.storage.db import Store
from bot.storage.fields import to_text

PAGE = 1000
_HEAD = re.compile("[0-9a-f]{64}")
_PRINCIPAL = re.compile(r"\bperson:\d+\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control and direction characters: a reason must not be able to repaint an auditor's terminal."""
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the start of a cell."""

HEADINGS = ("#", "Time (UTC)", "Who", "What", "Subject", "Outcome", "Incident", "Details")
FIELDS = (
    "seq", "at", "tag", "actor", "actor_name", "subject", "outcome", "incident", "detail", "detail_digest", "prev",
    "hash",
)  # fmt: skip


def audit_list(url: str, *, json_lines: bool = False, incident: int | None = None, limit: int = 200) -> int:
    """Print the newest ``limit`` entries in order (0: all), of one incident if given; the exit code."""

    def show(store: Store) -> int:
        if json_lines:
            _write(sys.stdout, (canonical(as_dict(entry)) for entry in _entries(store, incident, limit)))
            return 0
        entries = list(_entries(store, incident, limit))
        if not entries:
            _write(sys.stdout, ["The audit has no entries" + (f" for INC-{incident}." if incident else ".")])
            return 0
        rows = _rows(store, entries)
        if sys.stdout.isatty():
            _table(rows)
        else:
            _write(sys.stdout, _plain(rows))
        return 0

    return _with_store(url, show)


def audit_verify(url: str, head: str | None = None) -> int:
    """Check the whole chain, and that ``head`` (a hash noted elsewhere) is in it; 0 whole, 1 broken, 2 unreadable."""
    head = head.strip().lower() if head else None
    if head is not None and not _HEAD.fullmatch(head):
        shown = _CONTROL.sub(_UNKNOWN, head)
        _write(sys.stderr, [f"{shown} is no head: 64 hex digits, as `fettle audit verify` prints it."])
        return 2

    def check(store: Store) -> int:
        seq, newest = store.read_now(audit.head)
        problems = store.read_now(audit.verify_chain, head=head)
        if problems:
            _write(sys.stderr, [*problems, f"The audit is broken: {len(problems)} problem(s) in {seq:,} entries."])
            return 1
        noted = " The noted head is in it." if head else ""
        _write(sys.stdout, [f"The audit is whole: {seq:,} entries, no gap and no change.{noted}", f"Head: {newest}"])
        return 0

    return _with_store(url, check)


def audit_export(url: str, form: str, out: str) -> int:
    """Write all entries as JSON lines (``json``) or ``csv`` to a file, or to standard output for ``-``."""
    if form not in {"json", "csv"}:
        _write(sys.stderr, [f"“{form}” is no format: use json or csv."])
        return 2

    def export(store: Store) -> int:
        entries = _entries(store, None, 0)
        lines = _csv(entries) if form == "csv" else (canonical(as_dict(entry)) for entry in entries)
        if out == "-":
            _write(sys.stdout, lines)
            return 0
        with Path(out).open("w", encoding="utf-8", newline="") as file:
            count = _write(file, lines)
        _write(sys.stderr, [f"{count - (form == 'csv'):,} entries written to {out}."])
        return 0

    return _with_store(url, export)


def freeze(url: str, on: bool, reason: str, actor: str, channel: str = "") -> int:
    """Turn the kill switch on or off, audited as ``actor`` (``cli:USER``); says what was already on its way.

    The running bot tells ``channel``, where that is set, and the cards of what is open.
    """
    from bot.workflow import freezing  # noqa: PLC0415 - with it comes every room: reading the audit starts twice as fast

    def turn(store: Store) -> int:
        running = store.transact_now(freezing.turn, actor, redact(reason), channel, clock.now(), on=on)
        if not on:
            _write(sys.stdout, ["Thawed: what is approved from now on is carried out again."])
            return 0
        way = "No request was on its way."
        if running:
            way = f"{running} request(s) had left before; `fettle audit list` shows how they end."
        _write(sys.stdout, ["Frozen: nothing more is changed in the cluster.", way])
        return 0

    return _with_store(url, turn, query_only=False)


def as_dict(entry: AuditEntry) -> dict[str, Any]:
    """One entry as JSON-able values; ``detail`` is null if there is none or it was erased (then a digest stands)."""
    return {
        "seq": entry.seq, "at": to_text(entry.at), "tag": entry.tag, "actor": entry.actor,
        "actor_name": entry.actor_name, "subject": entry.subject, "outcome": entry.outcome,
        "incident": entry.incident_id, "detail": dict(entry.detail) if entry.detail is not None else None,
        "detail_digest": entry.detail_digest, "prev": entry.prev, "hash": entry.hash,
    }  # fmt: skip


def _with_store(url: str, do: Callable[[Store], int], *, query_only: bool = True) -> int:
    try:
        store = Store.open(url, lock=False, query_only=query_only)
        try:
            return do(store)
        finally:
            store.close_now()
    except FettleError as exc:
        _write(sys.stderr, [str(exc)])
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as exc:
        _write(sys.stderr, [f"{exc.filename or 'The output'} can't be written: {exc.strerror}."])
    return 2


def _entries(store: Store, incident: int | None, limit: int) -> Iterator[AuditEntry]:
    """The newest ``limit`` entries, or all of them page by page."""
    if limit > 0:
        yield from store.read_now(audit.entries, limit=limit, incident_id=incident, newest=True)
        return
    after = 0
    while page := store.read_now(audit.entries, after=after, limit=PAGE, incident_id=incident):
        yield from page
        after = page[-1].seq


def _rows(store: Store, entries: list[AuditEntry]) -> list[tuple[str, ...]]:
    """The table's cells: names joined in wherever a person is mentioned, reasons first, nothing cut."""
    raw = [
        (
            str(entry.seq), to_text(entry.at)[:19].replace("T", " "), entry.actor, entry.tag, entry.subject,
            entry.outcome, f"INC-{entry.incident_id}" if entry.incident_id else "", _detail(entry),
        )
        for entry in entries
    ]  # fmt: skip
    mentioned = {found for row in raw for cell in row for found in _PRINCIPAL.findall(cell)}
    known = store.read_now(people.names, mentioned)

    def name(match: re.Match[str]) -> str:
        slack_id, display = known.get(match[0], ("", ""))
        return f"{display or slack_id or 'erased'} ({match[0]})"

    return [tuple(_CONTROL.sub(_UNKNOWN, _PRINCIPAL.sub(name, cell)) for cell in row) for row in raw]


def _detail(entry: AuditEntry) -> str:
    if entry.detail is None:
        return "(erased)" if entry.detail_digest else ""
    detail = dict(entry.detail)
    reason = detail.pop("reason", "")
    parts = [str(reason)] if reason else []
    parts += [f"{key}: {_value(value)}" for key, value in detail.items() if value not in ("", None, [], {})]
    return " · ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else canonical(value)


def _table(rows: Iterable[tuple[str, ...]]) -> None:
    """For a terminal, however narrow: what, about what and how it ended share a column."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and of use on a terminal alone
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(show_edge=False, pad_edge=False, show_lines=True)
    for heading in ("#", "Time (UTC)", "Who", "What", "Details"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "#")
    for number, time, who, what, subject, outcome, incident, detail in rows:
        about = " · ".join(filter(None, (subject, incident if incident != subject else "", outcome)))
        cells = (number, time.replace(" ", "\n"), who, f"{what}\n{about}", detail)
        table.add_row(*map(Text, cells))
    Console().print(table)


def _plain(rows: list[tuple[str, ...]]) -> Iterator[str]:
    """Columns padded to their widest cell, the details last and as they are."""
    widths = [max(len(row[column]) for row in [HEADINGS, *rows]) for column in range(len(HEADINGS) - 1)]
    for row in [HEADINGS, *rows]:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Lines of CSV; a cell that a spreadsheet would run as a formula gets a quote in front."""
    yield _csv_line(FIELDS)
    for entry in entries:
        values = as_dict(entry)
        values["detail"] = "" if values["detail"] is None else canonical(values["detail"])
        yield _csv_line(_inert(str(values[field])) for field in FIELDS)


def _inert(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA) else cell


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _write(to: TextIO, lines: Iterable[str]) -> int:
    """Write lines; how many."""
    count = 0
    for line in lines:
        to.write(line + "\n")
        count += 1
    with contextlib.suppress(ValueError):
        to.flush()
    return count
