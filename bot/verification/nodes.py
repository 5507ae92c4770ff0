"""Does the node take no new pods, or take them again? Its own field, and, after a cordon, what is put there since.

Pods that tolerate an unschedulable node (a DaemonSet's, a static one's) come there all the same and don't count.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.errors import NotFoundError
from bot.domain.execution import EXECUTION_ID
from bot.domain.verification import Check, CheckState, Verification
from bot.kube import things
from bot.kube.client import Cluster
from bot.kube.objects import Json, controller, dig, path, text
from bot.verification.restarts import words
from bot.verification.thing import Seen

NODE, PODS = "node", "new pods"
THERE = "there"
"""Key in ``Verification.progress``: uids of the pods that were on the node when it was first seen cordoned."""
TAINT = "node.kubernetes.io/unschedulable"


async def cordoned(cluster: Cluster, verification: Verification, at: datetime) -> Seen:
    """Unschedulable, and no pod was put there through the soak."""
    node, moved = await _ours(cluster, verification)
    name = verification.target.name
    if moved or node is None:
        return Seen(moved=moved)
    if not dig(node, "spec", "unschedulable"):
        return Seen(moved=f"{name} was uncordoned after the action")
    pods = [pod for pod in await _pods_on(cluster, name) if not comes_anyway(pod)]
    known = verification.progress.get(THERE)
    there = [text(pod, "metadata", "uid") for pod in pods] if known is None else list(known)
    since = verification.rolled_out_at or at
    first = Check(NODE, CheckState.GOOD, "unschedulable", "unschedulable", at)
    second = _new(pods, there, since, verification, at)
    return Seen((first, second), f"{name} is unschedulable", since=since, kept={THERE: there})


def _new(pods: list[Json], there: list[str], since: datetime, verification: Verification, at: datetime) -> Check:
    soak = timedelta(seconds=verification.soak)
    expected = f"none put there for {words(soak)}"
    came = [text(pod, "metadata", "name") for pod in pods if text(pod, "metadata", "uid") not in there]
    if came:
        return Check(PODS, CheckState.BAD, expected, ", ".join(came[:3]), at, final=True)
    passed = at - since
    return Check(
        PODS, CheckState.GOOD if passed >= soak else CheckState.WAITING, expected, f"none for {words(passed)}", at
    )


async def uncordoned(cluster: Cluster, verification: Verification, at: datetime) -> Seen:
    """Schedulable again."""
    node, moved = await _ours(cluster, verification)
    name = verification.target.name
    if moved or node is None:
        return Seen(moved=moved)
    if dig(node, "spec", "unschedulable"):
        return Seen(moved=f"{name} was cordoned again after the action")
    return Seen((Check(NODE, CheckState.GOOD, "schedulable", "schedulable", at),), f"{name} is schedulable", since=at)


async def _ours(cluster: Cluster, verification: Verification) -> tuple[Json | None, str]:
    """The node, and a sentence when it isn't as this execution left it."""
    label = verification.target.label
    try:
        node = await things.one(cluster, verification.target)
    except NotFoundError:
        return None, f"{label} was removed after the action"
    if text(node, "metadata", "uid") != verification.target.uid:
        return None, f"{label} was removed and joined anew after the action"
    if text(node, "metadata", "annotations", EXECUTION_ID) != verification.execution_uid:
        return None, f"another action of Fettle's took over on {label}"
    return node, ""


async def _pods_on(cluster: Cluster, name: str) -> list[Json]:
    return await cluster.items(path("Pod", ""), {"fieldSelector": f"spec.nodeName={name}"})


def comes_anyway(pod: Json) -> bool:
    """Whether a cordon doesn't keep this pod away."""
    owner = controller(pod)
    if owner is not None and owner[0] in {"DaemonSet", "Node"}:
        return True
    for one in dig(pod, "spec", "tolerations") or []:
        key, effect = text(one, "key"), text(one, "effect")
        if effect in {"", "NoSchedule"} and (key == TAINT or (not key and text(one, "operator") == "Exists")):
            return True
    return False
