"""A running execution whose process died or whose answer was lost, settled by what the cluster or the store shows.

It is asked when the request can no longer arrive. It refuses to send anything: what isn't there wasn't done, and what
can't be read is unknown in the end, for a person to look at.
"""

from __future__ import annotations

from datetime import timedelta

from bot.domain.errors import FettleError, NotFoundError, UnavailableError
from bot.domain.execution import Execution, ExecutionState
from bot.domain.mitigation import Action
from bot.domain.owed import DueWork
from bot.mitigations import catalog
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.verb import Mitigation
from bot.storage import due, executions
from bot.workflow import brought, close, settle
from bot.workflow.context import Context

READ_BACK_FOR = timedelta(minutes=10)
"""How long an unreadable target is asked again before the outcome is called unknown."""
READ_BACK_EVERY = timedelta(seconds=10)
ABSENT = "how it ended wasn't known, so the cluster was asked: it wasn't carried out (read back)."
"""The outcome of what was looked for and isn't there."""


async def recover(ctx: Context, work: DueWork) -> None:
    """Settles execution ``work.subject``, if it still runs."""
    execution = await ctx.store.read(executions.get, work.subject)
    if execution.state is not ExecutionState.RUNNING:
        await ctx.store.transact(due.done, work)
        return
    mitigation = catalog.CATALOG[Action(execution.action)]
    try:
        ended = await _found(ctx, mitigation, execution)
    except UnavailableError as error:
        await _read_later(ctx, work, mitigation, execution, str(error))
        return
    await settle.settle(ctx, execution, ended, work)


async def _found(ctx: Context, mitigation: Mitigation, execution: Execution) -> settle.Ended:
    """How it ended; raises ``UnavailableError`` where that can't be read now."""
    try:
        if mitigation.bringing is not None:
            return await _recalled(ctx, mitigation, execution)
        return _by(await mitigation.read_back(ctx.cluster, execution.target, execution.uid, stored=execution.request))
    except UnavailableError:
        raise
    except NotFoundError as error:
        return settle.lost(f"the target is gone, the outcome can't be read: {error}")
    except FettleError as error:
        return settle.lost(f"the outcome can't be read back: {error}")


def _by(found: ReadBack) -> settle.Ended:
    if found.state is Applied.APPLIED:
        return settle.done("applied (read back)", found.generation)
    if found.state is Applied.CHANGED:
        return settle.lost(f"{found.sentence} A person has to look.")
    if found.state is Applied.PART:
        return settle.partly(found.sentence)
    return settle.untouched(ABSENT)


async def _recalled(ctx: Context, mitigation: Mitigation, execution: Execution) -> settle.Ended:
    """What was to be brought is in the store, or it isn't: it is never begun again by itself."""
    if mitigation.bringing is None or execution.request is None:
        return settle.untouched("nothing was sent.")
    found = await mitigation.bringing.recall(brought.store_of(ctx), execution.request)
    return settle.lost(found) if isinstance(found, str) else settle.done(found.words, brought=found)


async def _read_later(ctx: Context, work: DueWork, mitigation: Mitigation, execution: Execution, why: str) -> None:
    now = ctx.clock()
    bringing = mitigation.bringing
    patience = READ_BACK_FOR + (bringing.takes if bringing is not None else timedelta(0))
    if execution.intent_at is not None and now - execution.intent_at > patience:
        sentence = f"the outcome could not be read for {close.minutes(READ_BACK_FOR)}: {why}"
        await settle.settle(ctx, execution, settle.lost(sentence), work)
        return
    await ctx.store.transact(due.later, work, now + READ_BACK_EVERY, error=why)
