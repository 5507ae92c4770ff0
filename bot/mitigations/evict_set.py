"""The crash-looping pods of one workload, evicted one after another: chosen by uid, at most a quarter of all.

Each eviction is a request of its own, claimed and guarded by itself (``workflow.execute``): what is gone is never asked
for again, and the first that fails ends it. It refuses more pods than the blast radius lets be away at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.domain.decision import NOTHING_DONE
from bot.domain.errors import BudgetHoldsError, NotFoundError, PartDoneError, RequestError, WorldChangedError
from bot.domain.execution import WriteRequest
from bot.domain.proposal import TargetState
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import Json, path, text
from bot.kube.pods import Pod
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.params import Params
from bot.policy.blast_radius import most_at_once

CRASHING = "crash-looping"
"""What stands in a pod's place for the set, as people write it and as the parameters keep it."""
WORDS = frozenset({CRASHING, "crashlooping", "crashing", "crash_looping"})


def means(wanted: Params) -> bool:
    """Whether the set is asked for."""
    return str(wanted.get("pod", "")).lower() in WORDS


def plan(living: Sequence[Pod], state: TargetState) -> Params:
    """Those with most restarts first; one alone is an eviction like any other. ``RequestError`` where there is none."""
    ill = [pod for pod in living if pod.crash_looping(state.observed_at)]
    if not ill:
        raise RequestError(f"No pod of {state.target.ref} is crash-looping. Name the one that is meant.")
    ill.sort(key=lambda pod: (-pod.row.restarts, pod.row.name))
    taken = ill[: most_at_once(state.replicas)]
    if len(taken) == 1:
        return {"pod": taken[0].row.name, "uid": taken[0].uid}
    pods = [{"name": pod.row.name, "uid": pod.uid} for pod in taken]
    return {"pod": CRASHING, "pods": pods, "of": len(ill)}


def pods_of(params: Params) -> Mapping[str, str]:
    """Uid -> name of those that are meant, one or several; empty where none is."""
    several: Any = params.get("pods")
    found = several if isinstance(several, list) else [{"name": params.get("pod"), "uid": params.get("uid")}]
    return {str(one["uid"]): str(one["name"]) for one in found if one.get("uid") and one.get("name")}


def eviction(namespace: str, name: str, uid: str) -> Json:
    """The body that asks for this pod's eviction, and only while it has that uid."""
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }


def request(state: TargetState, params: Params, execution_uid: str) -> WriteRequest:
    """All evictions, in their order, under the path of the namespace's pods: ``ready`` drops those that are gone."""
    namespace, pods = state.target.namespace, pods_of(params)
    if len(pods) != len(params["pods"]):
        raise RequestError("A pod of the set has no name or no uid.")
    return WriteRequest(
        method="POST",
        path=f"/api/v1/namespaces/{namespace}/pods",
        content_type="application/json",
        body={"evictions": [eviction(namespace, name, uid) for uid, name in pods.items()], "of": len(pods)},
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


def several(stored: WriteRequest | None) -> bool:
    """Whether a request is one of these."""
    return stored is not None and isinstance(stored.body, dict) and "evictions" in stored.body


def single(stored: WriteRequest, body: Json) -> WriteRequest:
    """The request that asks for one of them."""
    name = text(body, "metadata", "name")
    where = path("Pod", text(body, "metadata", "namespace"), name)
    return replace(stored, path=f"{where}/eviction", body=body)


async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """The same without the pods that are gone or ending; raises ``WorldChangedError`` where none is left."""
    left = await _left(cluster, stored)
    if not left:
        raise WorldChangedError(f"None of these pods is there any more. {NOTHING_DONE}")
    return replace(stored, body={**stored.body, "evictions": left})


async def ask_first(cluster: Cluster, whole: WriteRequest) -> None:
    """Asks for the first that is left, once; ``PartDoneError`` where there are others after it."""
    first, *rest = whole.body["evictions"]
    of, gone = int(whole.body["of"]), int(whole.body["of"]) - len(whole.body["evictions"])
    try:
        await send(cluster, single(whole, first))
    except BudgetHoldsError as error:
        raise BudgetHoldsError(f"{gone} of {of} pods are evicted. {error}" if gone else str(error)) from error
    except NotFoundError as error:
        raise WorldChangedError(f"Pod {text(first, 'metadata', 'name')} isn't there any more.") from error
    if rest:
        done = f"{gone + 1} of {of} pods"
        said = f"{done} evicted, {_names(rest)} next"
        raise PartDoneError(said, f"{done}, not {_names(rest)}")


async def read_back(cluster: Cluster, stored: WriteRequest) -> ReadBack:
    """Which of them are gone, or ending, by their uids; those that aren't are named."""
    of, left = int(stored.body["of"]), await _left(cluster, stored)
    if not left:
        return ReadBack(Applied.APPLIED, None, f"All {of} pods are gone.")
    if len(left) == of:
        return ReadBack(Applied.NOT_APPLIED, None, f"All {of} pods run as before; none was evicted.")
    return ReadBack(Applied.PART, None, f"{of - len(left)} of {of} pods, not {_names(left)} (read back)")


async def _left(cluster: Cluster, stored: WriteRequest) -> list[Json]:
    bodies: list[Json] = stored.body["evictions"]
    there = await asyncio.gather(*(_is_there(cluster, body) for body in bodies))
    return [body for body, is_there in zip(bodies, there, strict=True) if is_there]


async def _is_there(cluster: Cluster, body: Json) -> bool:
    try:
        pod = await reads.pod(cluster, text(body, "metadata", "namespace"), text(body, "metadata", "name"))
    except NotFoundError:
        return False
    return pod.uid == text(body, "deleteOptions", "preconditions", "uid") and not pod.deleting


def _names(bodies: Sequence[Json]) -> str:
    return ", ".join(text(body, "metadata", "name") for body in bodies)
