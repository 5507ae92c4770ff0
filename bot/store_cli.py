"""``fettle store``: copies of the store, putting one back, and forgetting what is old or whom one must forget.

A copy is made beside a running bot; restoring refuses while one runs. On PostgreSQL the database's own tools copy,
and the exact line is said. Exit codes: 0 done, 1 what was found is bad (a broken chain, nobody to forget), 2 something
has to be put right first. It refuses to repair a store, and no command here approves anything.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

from bot import clock, restored
from bot.domain.errors import ConfigError, RequestError
from bot.storage import audit, copies, people, purge
from bot.storage.copies import Replaced
from bot.storage.db import Store
from bot.storage.engines import engine_for
from bot.storage.lockfile import LockFile


def backup(url: str, file: Path) -> int:
    """Write a consistent copy of the store to ``file`` while the bot runs, check it, and say its head."""
    path = engine_for(url).path
    if path is None:
        line = f"pg_dump --format=custom --file={shlex.quote(str(file))} --dbname={shlex.quote(_shown(url))}"
        _say(sys.stderr, "This store is on PostgreSQL, whose own tool copies it while the bot runs:", f"  {line}")
        return 2
    Store.open(url, lock=False, query_only=True).close_now()  # refuses what isn't ours, or is newer than we are
    if not file.parent.is_dir():
        raise RequestError(f"There is no folder {file.parent}.")
    copies.copy(path, file)
    seq, head, problems = _chain(file)
    if problems:
        _say(sys.stderr, *problems, f"{file} is written, but its audit is broken: {len(problems)} problem(s).")
        return 1
    _say(sys.stdout, f"{file} is written: {seq:,} audit entries, no gap and no change.", f"Head: {head}")
    return 0


def restore(url: str, file: Path, actor: str) -> int:
    """Put a copy in the store's place: looked at first, the old one kept aside, open approvals void."""
    path = engine_for(url).path
    if path is None:
        line = f"pg_restore --clean --if-exists --single-transaction --dbname={shlex.quote(_shown(url))}"
        line += f" {shlex.quote(str(file))}"
        _say(
            sys.stderr, "This store is on PostgreSQL, whose own tool puts it back. Stop every bot, then:", f"  {line}",
            "  fettle store void",
        )  # fmt: skip
        return 2
    if not file.is_file():
        raise RequestError(f"There is no file {file}.")
    if path.exists() and file.samefile(path):
        raise RequestError(f"{file} is the store itself, not a copy of it.")
    staged = path.with_name(path.name + ".restoring")
    lock = _lock(path)
    try:
        copies.discard(staged)
        copies.inspect(file)
        copies.copy(file, staged)
        return _exchange(staged, path, file, actor)
    finally:
        copies.discard(staged)
        lock.release()


def _exchange(staged: Path, path: Path, file: Path, actor: str) -> int:
    """All that can go wrong goes wrong on the staged copy, before the store in place is touched."""
    now = clock.now()
    store = Store.open(_url(staged))
    try:
        seq, head = store.read_now(audit.head)
        problems = store.read_now(audit.verify_chain)
        if problems:
            _say(sys.stderr, *problems, f"{file} was not restored: its audit is broken ({len(problems)} problem(s)).")
            return 1
        old = copies.replaced(path)
        voided = store.transact_now(restored.void, old, actor, now)
    finally:
        store.close_now()
    kept = copies.put_in_place(staged, path, now)
    _say(sys.stdout, f"{file} is in place: {seq:,} audit entries, no gap and no change, head {head}.")
    if kept is not None:
        state = f"{old.seq:,} audit entries, head {old.head}" if old.readable else "it could not be read"
        _say(sys.stdout, f"The store before is kept as {kept} ({state}).")
    _say(sys.stdout, *_told(voided))
    return 0


def void(url: str, actor: str) -> int:
    """Void what is open after a store was put back by other means (pg_restore, a snapshot of the volume)."""
    Store.open(url, lock=False, query_only=True).close_now()
    store = Store.open(url)
    try:
        problems = store.read_now(audit.verify_chain)
        if problems:
            _say(sys.stderr, *problems, f"Nothing was voided: the audit is broken ({len(problems)} problem(s)).")
            return 1
        voided = store.transact_now(restored.void, Replaced(readable=False), actor, clock.now())
    finally:
        store.close_now()
    _say(sys.stdout, *_told(voided))
    return 0


def erase(url: str, before: datetime | None, person: str, actor: str) -> int:
    """Erase bodies, evidence and reasons older than ``before``, and what is kept of a person; beside a running bot."""
    now = clock.now()
    if before is not None and before > now:
        raise RequestError(f"{before:%Y-%m-%d %H:%M} UTC has not come yet.")
    store = Store.open(url, lock=False)
    try:
        forgotten = store.transact_now(people.forget, person, actor, now) if person else 0
        counts = asyncio.run(purge.purge(store, before, actor, now)) if before is not None else {}
    finally:
        store.close_now()
    if before is not None:
        _say(sys.stdout, f"Erased what is older than {before:%Y-%m-%d %H:%M} UTC and belongs to nothing open:")
        _say(sys.stdout, *(f"  {name:<14}{count:>10,}" for name, count in counts.items()))
    if person and not forgotten:
        _say(sys.stderr, f"{person} is not in this store.")
        return 1
    if person:
        _say(sys.stdout, f"{person} is forgotten: {forgotten:,} rows. Messages in Slack are Slack's to erase.")
    return 0


def moment(before: str, older_than: int | None, retention_days: int, *, default: bool) -> datetime | None:
    """The time that the options name: a date or a time (UTC unless it says otherwise), or days back from now.

    Neither: the retention of the settings if ``default``, else None. Raises ``ConfigError`` with a sentence.
    """
    if before and older_than is not None:
        raise ConfigError(["Use --before or --older-than, not both."])
    if before:
        try:
            at = datetime.fromisoformat(before)
        except ValueError as exc:
            raise ConfigError([f"“{before}” is no date: write 2026-08-01 or 2026-08-01T12:00."]) from exc
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    if older_than is None and not default:
        return None
    days = retention_days if older_than is None else older_than
    if days < 0:
        raise ConfigError(["--older-than is a number of days, 0 or more."])
    return clock.now() - timedelta(days=days)


def _chain(file: Path) -> tuple[int, str, list[str]]:
    store = Store.open(_url(file), lock=False, query_only=True)
    try:
        return *store.read_now(audit.head), store.read_now(audit.verify_chain)
    finally:
        store.close_now()


def _lock(path: Path) -> LockFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return LockFile(path)
    except OSError as exc:
        raise ConfigError([f"The database {path} can't be created or locked: {exc.strerror}."]) from exc


def _told(voided: restored.Voided) -> Iterable[str]:
    yield (
        f"Void: {voided.proposals} open proposal(s), {voided.executions} approved action(s) that had not begun. "
        f"{voided.running} action(s) on their way are read back, and {voided.cards} card(s) drawn again, "
        "when the bot starts."
    )
    if voided.frozen:
        yield "The kill switch was on in the store before, and is on again: `fettle freeze off` lifts it."


def _url(path: Path) -> str:
    # Percent signs are the one thing that the URL form would read otherwise.
    return f"sqlite:///{str(path.absolute()).replace('%', '%25')}"


def _shown(url: str) -> str:
    """A PostgreSQL URL without its password: what is printed may be read by others."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.split(":", 1)[0]
    query = "&".join(one for one in parts.query.split("&") if not one.lower().startswith(("password=", "sslpassword=")))
    return parts._replace(netloc=f"{name}@{host}" if name else host, query=query).geturl()


def _say(stream: TextIO, *lines: str) -> None:
    stream.writelines(line + "\n" for line in lines)
