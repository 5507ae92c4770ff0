"""Runs the collectors side by side, each with its own deadline; one that fails is shown as failed, never left out.

It refuses to let a collector's failure, or its slowness, cost the incident.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.evidence import events, pods
from bot.evidence.ask import Ask

Collector = Callable[[Ask], Awaitable[Evidence]]

COLLECTORS: Mapping[str, Collector] = {pods.SOURCE: pods.collect, events.SOURCE: events.collect}
"""Source -> collector, in order of worth."""

log = logging.getLogger(__name__)


async def gather(ask: Ask, *, deadline: float, collectors: Mapping[str, Collector] = COLLECTORS) -> list[Evidence]:
    """All collectors' evidence in their order; ``deadline`` in seconds, for each of them; never raises.

    They run in the cluster's slow lane, so that a storm of alerts doesn't become load on the API server.
    """
    slow = replace(ask, cluster=ask.cluster.relaxed)
    return list(
        await asyncio.gather(*(_one(source, collect, slow, deadline) for source, collect in collectors.items()))
    )


async def _one(source: str, collector: Collector, ask: Ask, deadline: float) -> Evidence:
    try:
        async with asyncio.timeout(deadline):
            return await collector(ask)
    except TimeoutError:
        problem = f"No answer within {deadline:g} s."
    except FettleError as error:
        problem = str(error)
    except Exception:  # the edge of a collector: a bug in one must not cost the incident its other evidence
        log.exception("collector %s failed on %s", source, ask.target.key if ask.target else "no target")
        problem = "The collector failed; the log says why."
    return Evidence(source, EvidenceStatus.FAILED, f"{source} unavailable", ask.clock(), {}, problem)
