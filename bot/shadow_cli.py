"""``fettle shadow report``: whether people did what Fettle proposed first, by playbook. It only reads, beside the bot.

Exit codes: 0 told, 2 the store couldn't be read or an option is wrong. It refuses a percentage without its number.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bot import clock
from bot.domain import shadow
from bot.domain.errors import ConfigError
from bot.domain.proposal import canonical
from bot.domain.shadow import Shadowed, Tally
from bot.storage import shadow as stored
from bot.storage.db import Store

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
HEADINGS = ("playbook", "incidents", "proposed", "same", "else", "nothing", "approved", "open", "unread", "agreement")
LEGEND = (
    "Of the incidents with a proposal: people then did the same, something else, or nothing and it resolved; they",
    "approved it in Slack; it is open; what was done couldn't be read. Agreement: the same, of those where they acted.",
)


def report(url: str, since: str, playbook: str, *, as_json: bool) -> int:
    """Prints the report; raises ``ConfigError`` for an option that is wrong."""
    began = moment(since)
    store = Store.open(url, lock=False, query_only=True)
    try:
        known = store.read_now(stored.playbooks)
        if playbook and playbook not in known:
            there = f"there are {', '.join(known)}" if known else "no incident went by any playbook yet"
            raise ConfigError([f"No incident went by the playbook “{playbook}”; {there}."])
        rows = store.read_now(stored.rows, began, playbook)
    finally:
        store.close_now()
    found = shadow.tallies(rows)
    if as_json:
        said = {"since": began.isoformat(), "playbook": playbook or None, **shadow.as_json(found, rows)}
        sys.stdout.write(canonical(said) + "\n")
        return 0
    for line in _lines(began, found, rows):
        sys.stdout.write(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) + "\n")
    return 0


def moment(since: str) -> datetime:
    """``30d`` back from now, or a date or time, UTC unless it says otherwise."""
    if days := re.fullmatch(r"(\d{1,5})d", since.strip()):
        return clock.now() - timedelta(days=int(days[1]))
    try:
        at = datetime.fromisoformat(since.strip())
    except ValueError as exc:
        raise ConfigError([f"“{since}” is no time: write 30d, 2026-08-01 or 2026-08-01T12:00."]) from exc
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _lines(since: datetime, found: Sequence[Tally], rows: Sequence[Shadowed]) -> Iterator[str]:
    if not rows:
        yield f"No incident of alerts began since {since:%Y-%m-%d %H:%M} UTC."
        return
    yield f"{len(rows)} incident{'' if len(rows) == 1 else 's'} of alerts since {since:%Y-%m-%d %H:%M} UTC"
    yield ""
    table = [HEADINGS, *(_cells(one) for one in found)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEADINGS))]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""
    yield from LEGEND
    others = shadow.disagreements(rows)
    if others:
        yield ""
        yield "Something else was done in:"
        for other in others:
            did = "; ".join(f"{action}: {what}" for action, what in other.did) or "(erased by the retention)"
            yield f"  INC-{other.incident}  {other.playbook}  proposed {other.proposed}, people did {did}"
    yield ""
    yield from shadow.remarks(found)


def _cells(one: Tally) -> tuple[str, ...]:
    numbers = (
        one.incidents, one.proposed, one.same, one.other, one.nothing, one.approved, one.open, one.unread,
    )  # fmt: skip
    return (one.playbook, *map(str, numbers), one.words)
