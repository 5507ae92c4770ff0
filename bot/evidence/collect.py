"""Runs the collectors side by side, each with its own deadline; one that fails is shown as failed, never left out.

It refuses to let a collector's failure, or its slowness, cost the incident.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from bot.domain.errors import FettleError
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.target import Target
from bot.evidence import events, pods
from bot.kube.client import Cluster

Collector = Callable[[Cluster, Target, Callable[[], datetime]], Awaitable[Evidence]]

COLLECTORS: Mapping[str, Collector] = {pods.SOURCE: pods.collect, events.SOURCE: events.collect}
"""Source -> collector, in order of worth."""

log = logging.getLogger(__name__)


async def gather(
    cluster: Cluster,
    target: Target,
    *,
    clock: Callable[[], datetime],
    deadline: float,
    collectors: Mapping[str, Collector] = COLLECTORS,
) -> list[Evidence]:
    """All collectors' evidence in their order; ``deadline`` in seconds, for each of them; never raises.

    They run in the cluster's slow lane, so that a storm of alerts doesn't become load on the API server.
    """
    slow = cluster.relaxed
    return list(
        await asyncio.gather(
            *(_one(source, collector, slow, target, clock, deadline) for source, collector in collectors.items())
        )
    )


async def _one(
    source: str,
    collector: Collector,
    cluster: Cluster,
    target: Target,
    clock: Callable[[], datetime],
    deadline: float,
) -> Evidence:
    try:
        async with asyncio.timeout(deadline):
            return await collector(cluster, target, clock)
    except TimeoutError:
        problem = f"No answer within {deadline:g} s."
    except FettleError as error:
        problem = str(error)
    except Exception:  # the edge of a collector: a bug in one must not cost the incident its other evidence
        log.exception("collector %s failed on %s", source, target.key)
        problem = "The collector failed; the log says why."
    return Evidence(source, EvidenceStatus.FAILED, f"{source} unavailable", clock(), {}, problem)
