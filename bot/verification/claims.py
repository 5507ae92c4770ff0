"""Has the volume become as large as it was asked to? By the claim's own status: asking for it is nothing yet."""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import NotFoundError
from bot.domain.execution import EXECUTION_ID
from bot.domain.verification import Check, CheckState, Verification
from bot.kube import things
from bot.kube.client import Cluster
from bot.kube.containers import words
from bot.kube.objects import Json, dig, text
from bot.kube.quantity import quantity
from bot.verification.thing import Seen, bound, waiting

NAME = "capacity"
PENDING = "the volume is larger, its filesystem isn't yet: it grows when a pod that mounts it starts again"


async def expanded(cluster: Cluster, verification: Verification, at: datetime) -> Seen:
    """Good once ``status.capacity`` is there; a filesystem that waits for its pod is said, and is no failure."""
    target, size = verification.target, bound(verification, "size")
    try:
        claim = await things.one(cluster, target)
    except NotFoundError:
        return Seen(moved=f"{target.label} was deleted after the action")
    if text(claim, "metadata", "uid") != target.uid:
        return Seen(moved=f"{target.label} was deleted and made anew after the action")
    marked = text(claim, "metadata", "annotations", EXECUTION_ID) == verification.execution_uid
    if not marked or text(claim, "spec", "resources", "requests", "storage") != size:
        return Seen(moved=f"the request of {target.label} was changed after the action")
    has = text(claim, "status", "capacity", "storage")
    if (quantity(has) or 0.0) >= (quantity(size) or float("inf")):
        return Seen((Check(NAME, CheckState.GOOD, size, has, at),), f"{has} of {size}", since=at)
    return Seen((_not_yet(claim, verification, size, has, at),), f"{has or 'nothing'} of {size} so far")


def _not_yet(claim: Json, verification: Verification, size: str, has: str, at: datetime) -> Check:
    held = {text(one, "type"): one for one in dig(claim, "status", "conditions") or [] if text(one, "status") == "True"}
    told = text(claim, "status", "allocatedResourceStatuses", "storage")
    if told.endswith("Infeasible"):
        return Check(NAME, CheckState.BAD, size, f"{has}: the storage can't give that much ({told})", at, final=True)
    for condition in ("ControllerResizeError", "NodeResizeError"):
        if condition in held:
            said = words(held[condition]) or condition
            return waiting(verification, at, NAME, size, f"{has}: {said}")
    if "FileSystemResizePending" in held:
        return waiting(verification, at, NAME, size, f"{has}: {PENDING}")
    doing = "the storage makes it larger" if "Resizing" in held else "nobody has begun to make it larger"
    return waiting(verification, at, NAME, size, f"{has}: {doing}")
