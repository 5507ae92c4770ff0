"""Does traffic reach the pods that are ready? By the endpoints of each Service that selects them, at the soak's end.

A pod may be ready and yet behind no Service, because whoever keeps the endpoints is late. It is asked once all that is
required is good, so that a look costs no more until then. It refuses to send anything to anyone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.domain.errors import FettleError
from bot.domain.verification import Check, CheckState, Measurement
from bot.kube.client import Cluster
from bot.kube.objects import Json, dig, mapping, matches, path, text
from bot.kube.pods import Pod
from bot.kube.services import NAME_LABEL
from bot.verification.judged import living

NAME = "endpoints"
EXPECTED = "every ready pod behind its Services"
MOST = 3
"""Services named in a row."""


def due(measured: Measurement) -> bool:
    """Whether nothing that is required is left to wait for."""
    required = [one for one in measured.checks if one.required]
    return not measured.superseded_by and bool(required) and all(one.state is CheckState.GOOD for one in required)


async def check(cluster: Cluster, namespace: str, pods: Sequence[Pod], at: datetime) -> tuple[Check, ...]:
    """A supporting row; none where no Service selects a ready pod."""
    ready = [pod for pod in living(tuple(pods)) if pod.row.ready]
    if not ready:
        return ()
    try:
        services, slices = await asyncio.gather(
            cluster.items(path("Service", namespace)), cluster.items(path("EndpointSlice", namespace))
        )
    except FettleError as error:
        return (Check(NAME, CheckState.UNMEASURED, EXPECTED, str(error), at, required=False),)
    return judged(services, slices, ready, at)


def judged(services: Sequence[Json], slices: Sequence[Json], ready: Sequence[Pod], at: datetime) -> tuple[Check, ...]:
    """Pure."""
    short, all_ = [], []
    for service in services:
        name, selector = text(service, "metadata", "name"), mapping(service, "spec", "selector")
        mine = [pod for pod in ready if matches(selector, pod.labels)]
        if not mine:
            continue
        behind = _behind(name, slices)
        there = sum(pod.uid in behind for pod in mine)
        all_.append(f"{there} of {len(mine)} behind {name}")
        if there < len(mine):
            short.append(all_[-1])
    if not all_:
        return ()
    state = CheckState.WAITING if short else CheckState.GOOD
    told = short or all_
    more = f" and {len(told) - MOST} more Services" if len(told) > MOST else ""
    return (Check(NAME, state, EXPECTED, f"{', '.join(told[:MOST])}{more}", at, required=False),)


def _behind(service: str, slices: Sequence[Json]) -> set[str]:
    """The uids of what its slices say is ready; a condition that isn't there means ready."""
    own = [item for item in slices if text(item, "metadata", "labels", NAME_LABEL) == service]
    return {
        text(one, "targetRef", "uid")
        for item in own
        for one in item.get("endpoints") or []
        if dig(one, "conditions", "ready") is not False
    }
