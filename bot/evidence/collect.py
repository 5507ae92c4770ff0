"""Runs the collectors side by side, each with its own deadline; one that fails is shown as failed, never left out.

It refuses to let a collector's failure, or its slowness, cost the incident.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace

from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.evidence import (
    autoscalers,
    budgets,
    changes,
    config,
    endpoints,
    events,
    jobs,
    log_errors,
    logs,
    metrics,
    nodes,
    pods,
    quotas,
    registry,
    volumes,
    workload,
)  # fmt: skip
from bot.evidence.ask import Ask
from bot.evidence.sources import worth_asking
from bot.kube.pace import Allowance

Collector = Callable[[Ask], Awaitable[Evidence | None]]
"""None: its source isn't configured, or isn't for such a case: there is nothing to show, not even that."""

COLLECTORS: Mapping[str, Collector] = {
    room.SOURCE: room.collect
    for room in (
        pods, workload, changes, logs, events, metrics, config, nodes, autoscalers, quotas, budgets, endpoints, jobs,
        volumes, log_errors, registry,
    )
}  # fmt: skip
"""Source -> collector, in order of worth: where calls to the cluster wait for their turn, the first go first."""

MOST_CALLS = 21
"""Calls to the API server to find an incident's workload and its evidence; what would need more says so instead.

A proposal of what was seen takes four more (budgets, two rights, the dry run): 25 for a whole incident.
"""
GRACE = 0.2
"""Seconds that a collector gets to end after it was told to; then nobody waits for it."""

log = logging.getLogger(__name__)


def chosen(sources: Iterable[str]) -> dict[str, Collector]:
    """The collectors of these sources, in order of worth; a source that is collected elsewhere is left out."""
    wanted = set(sources)
    return {source: collector for source, collector in COLLECTORS.items() if source in wanted}


async def gather(ask: Ask, *, deadline: float, collectors: Mapping[str, Collector] | None = None) -> list[Evidence]:
    """All collectors' evidence in their order; ``deadline`` in seconds, for each of them; never raises.

    Without ``collectors`` those that are worth asking (``sources``).
    """
    wanted = chosen(worth_asking(ask.target, ask.alerts)) if collectors is None else collectors
    order = list(wanted)
    async with aclosing(each(ask, deadline=deadline, collectors=wanted)) as found:
        return sorted([one async for one in found], key=lambda one: order.index(one.source))


async def each(
    ask: Ask, *, deadline: float, collectors: Mapping[str, Collector], allowance: Allowance | None = None
) -> AsyncGenerator[Evidence, None]:
    """Each collector's evidence as it arrives, once for each; after ``deadline`` seconds the late ones as failed.

    ``collectors`` stand in order of worth. Nothing is awaited beyond that, not even a collector that doesn't let itself
    be ended. They run in the cluster's slow lane and share one ``allowance`` of calls, so that neither a storm of
    alerts nor one large workload becomes load on the API server. Leaving early ends the others.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    if ask.target is not None:
        ask.cluster.shared.look(ask.target.namespace, ask.target.key)
    allowance = allowance or Allowance(MOST_CALLS)
    running = {}
    for rank, (source, collector) in enumerate(collectors.items()):
        slow = replace(ask, cluster=ask.cluster.slow_lane(rank, allowance), within=deadline)
        running[asyncio.create_task(_one(source, collector, slow), name=f"evidence-{source}")] = source
    try:
        waiting = set(running)
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=max(0.0, end - loop.time()), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                found = task.result()
                if found is not None:
                    yield found
            if not done:
                break
        for task in waiting:
            task.cancel()
            yield _failed(running[task], ask, f"No answer within {deadline:g} s.")
    finally:
        await _ended([task for task in running if not task.done()])


async def _one(source: str, collector: Collector, ask: Ask) -> Evidence | None:
    try:
        return await collector(ask)
    except FettleError as error:
        problem = str(error)
    except Exception:  # the edge of a collector: a bug in one must not cost the incident its other evidence
        log.exception("collector %s failed on %s", source, ask.target.key if ask.target else "no target")
        problem = "The collector failed; the log says why."
    return _failed(source, ask, problem)


def _failed(source: str, ask: Ask, problem: str) -> Evidence:
    return Evidence(source, EvidenceStatus.FAILED, f"{source} unavailable", ask.clock(), {}, problem)


async def _ended(tasks: list[asyncio.Task[Evidence | None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE)
