"""What an act brought out of the cluster: recorded with its execution, told in the thread, deleted when its time is up.

Only what a record says Fettle made is deleted, from the store that the record names, and only if the file still carries
its mark. It refuses to put a file, or anything of it, into Slack.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from bot.domain.artifact import Artifact
from bot.domain.audit import AuditNote
from bot.domain.errors import FettleError, RejectedError
from bot.domain.execution import Execution
from bot.domain.incident import Incident
from bot.domain.proposal import SYSTEM
from bot.domain.units import in_bytes
from bot.integrations.artifacts import Artifacts
from bot.mitigations.verb import Bringing, Brought
from bot.storage import artifacts
from bot.storage.db import Tx
from bot.workflow import lending, owing
from bot.workflow.context import Context

log = structlog.get_logger(__name__)

AT_ONCE = 20
MOST_LINK = 95
AGAIN = timedelta(hours=6)
"""Until what could not be deleted is tried again."""
ABANDONED = timedelta(days=1)
"""What is unfinished for so long was left by a process that died."""


def store_of(ctx: Context) -> Artifacts:
    """The store of dumps; there always is one, if only a folder."""
    if ctx.sources.artifacts is None:
        raise RejectedError("No store of dumps is set up.", "artifacts")
    return ctx.sources.artifacts


def record(
    tx: Tx, ctx: Context, execution: Execution, incident: Incident, how: Bringing, brought: Brought, now: datetime
) -> None:
    """In the transaction that settles the execution: the record, its audit entry, the line in the thread."""
    kept = brought.kept
    made = artifacts.add(tx, execution, how.kind, kept, now, now + ctx.settings.ARTIFACTS_TTL)
    detail = {
        "kind": how.kind, "store": kept.store, "name": kept.name, "size": kept.size, "sha256": kept.sha256,
        "expires_at": made.expires_at.isoformat(), "execution": execution.uid,
    }  # fmt: skip
    tx.audit(AuditNote("artifact:file:kept", SYSTEM, f"artifact:{made.id}", "kept", incident.id, detail), now)
    pressed = made.id if lending.lends(ctx, made) else 0
    owing.thread(tx, incident, f"artifact:{made.id}", told(made, brought.words), now, artifact=pressed)


def told(made: Artifact, words: str) -> str:
    """The line in the thread: what, where, until when, and how to get at it."""
    kept = made.kept
    way = (
        f"It is in {kept.link}; fettle artifacts get {made.id} copies it"
        if kept.in_folder
        else f"With your own login there: {kept.link}"
    )
    return (
        f"{made.kind.capitalize()} kept: {words}. {way}. It may hold secrets, and is deleted on "
        f"{made.expires_at:%Y-%m-%d}."
    )


def row(made: Artifact) -> str:
    """The same on the card, where a line has little room: a link that would be cut leads nowhere."""
    size = in_bytes(made.kept.size)
    return f"{size}: {made.kept.link}" if len(made.kept.link) <= MOST_LINK else f"{size}; the thread has the link"


async def expire(ctx: Context) -> int:
    """Deletes the files whose time is over; how many are gone."""
    now, store = ctx.clock(), ctx.sources.artifacts
    if store is None:
        return 0
    count = 0
    for one in await ctx.store.read(artifacts.expired, now, AT_ONCE):
        problem = ""
        if one.kept.store != store.place:
            problem = f"ARTIFACTS names {store.place} now, and this is in {one.kept.store}: delete it there."
        else:
            try:
                await store.delete(one.kept)
            except FettleError as error:
                problem = str(error)
        await ctx.store.transact(_ended, one, problem, now)
        count += not problem
        if problem:
            log.warning("an artifact could not be deleted", artifact=one.id, error=problem)
    return count


async def sweep(ctx: Context) -> None:
    """Each hour: what is expired, and what a process that died left unfinished in the store."""
    store = ctx.sources.artifacts
    try:
        await expire(ctx)
        if store is not None and await ctx.store.read(artifacts.any_made):
            await store.tidy(ctx.clock() - ABANDONED)
    except FettleError as error:
        log.warning("the store of dumps could not be swept; it comes again", error=str(error))


def _ended(tx: Tx, one: Artifact, problem: str, now: datetime) -> None:
    subject = f"artifact:{one.id}"
    if not problem:
        artifacts.gone(tx, one.id, now)
        note = AuditNote("artifact:file:deleted", SYSTEM, subject, "deleted", one.incident_id, {"name": one.kept.name})
        tx.audit(note, now)
        return
    artifacts.kept_longer(tx, one.id, now + AGAIN, problem)
    if problem != one.problem:  # told once, however often it is tried
        detail = {"name": one.kept.name, "reason": problem}
        tx.audit(AuditNote("artifact:file:left", SYSTEM, subject, "left", one.incident_id, detail), now)
