"""After a dump: it is kept whole, and its container went on as if nothing had happened. Pure but for one reading.

A JVM stands still while its heap is written; a liveness probe that fails meanwhile restarts the container seconds
later, so it is watched through the soak.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.domain.errors import FettleError
from bot.domain.verification import Check, CheckState, Measurement, Verification
from bot.kube import room
from bot.kube.client import Cluster
from bot.kube.room import Room

KEPT = "kept"
"""Key of a baseline: what is kept, in words."""


async def measure(
    cluster: Cluster, verification: Verification, binding: Mapping[str, Any], *, clock: Callable[[], datetime]
) -> Measurement:
    """One look; never raises for the cluster's sake."""
    before = Room(
        str(binding["pod"]), str(binding["uid"]), str(binding["container"]), int(binding["restarts"]),
        str(binding["container_id"]),
    )  # fmt: skip
    problem = changed = ""
    try:
        changed = await room.still(cluster, verification.target.namespace, before)
    except FettleError as error:
        problem = str(error)
    at = clock()
    since = verification.rolled_out_at or at
    kept = str(verification.baseline.get(KEPT, ""))
    rows = (
        Check("dump", CheckState.GOOD if kept else CheckState.BAD, "kept whole", kept or "nothing is kept", at,
              final=not kept),
        _container(before, problem, changed, at, over=at - since >= timedelta(seconds=verification.soak)),
    )  # fmt: skip
    return Measurement(at, rows, {}, rolled_out_at=since)


def _container(before: Room, problem: str, changed: str, at: datetime, *, over: bool) -> Check:
    name, expected = "container", f"{before.container} of {before.pod} goes on"
    if problem:
        return Check(name, CheckState.UNMEASURED, expected, problem, at)
    if changed:
        return Check(name, CheckState.BAD, expected, f"{changed} The pause may have failed its liveness probe.", at,
                     final=True)  # fmt: skip
    return Check(name, CheckState.GOOD if over else CheckState.WAITING, expected, "the same container", at)
