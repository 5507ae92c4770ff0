"""The only place where Fettle changes a cluster: one stored request, sent once, under a name that can be audited.

It refuses to build, change or repeat a request. Only ``bot.mitigations`` imports it.
"""

from __future__ import annotations

from typing import Any

from bot.domain.execution import WriteRequest
from bot.kube.client import Cluster

FIELD_MANAGER = "fettle"
"""Who wrote it, in ``managedFields``; requests carry it in their query so that what is stored is what is sent."""


async def send(cluster: Cluster, request: WriteRequest, *, dry_run: bool = False) -> dict[str, Any]:
    """Sends exactly ``request``; returns the object as the API server answered it.

    The User-Agent is ``fettle/VERSION EXECUTION``, so that the cluster's audit log joins Fettle's. Raises
    ``WorldChangedError`` when a precondition failed (409, or 422 from a JSON Patch test), ``ForbiddenError``,
    ``NotFoundError``, ``RejectedError``, ``ClusterUnavailableError`` when nothing was sent or it was turned away, and
    ``OutcomeUnknownError`` when it left and wasn't clearly refused: then read back, never send again blindly.
    """
    query = {"fieldManager": FIELD_MANAGER, **request.query}
    if dry_run:
        query["dryRun"] = "All"
    elif cluster.crash_point is not None:
        cluster.crash_point("before:write")
    answer = await cluster.send_once(
        request.method,
        request.path,
        query,
        request.body,
        request.content_type,
        acts=not dry_run,
        agent=f"{cluster.user_agent} {request.execution}".strip(),
    )
    if not dry_run and cluster.crash_point is not None:
        cluster.crash_point("after:write")
    return answer
