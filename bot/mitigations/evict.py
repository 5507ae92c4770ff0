"""Eviction of one pod of a workload through the eviction API, which asks disruption budgets, by the pod's uid.

Its crash-looping pods, one after another, are ``evict_set``. The pod is chosen when it is proposed, by uid, among
those that the workload's own controller made: a bare pod would never come back. A budget that lets no pod go is a clear
refusal, asked again by ``workflow.execute`` as long as the approval is good; an answer that never came is read back,
never asked again. There is no inverse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import chain

from bot.domain.decision import NOTHING_DONE
from bot.domain.errors import (
    BudgetHoldsError,
    IntegrityError,
    NotFoundError,
    RequestError,
    WorldChangedError,
)
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE, Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import PLACES, dig, path, text
from bot.kube.pods import Pod, read_pod
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations import evict_set
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.dry_run import Rights, tried
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.verb import Mitigation

POD = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
HELD = "the budget holds it back now"
NO_POD = (
    "What follows the workload is no name of a pod. Write it as kubectl get pods shows it "
    "(/incident act evict shop/api api-7d9f-x2x1p), or nothing for the one that fares worst."
)

RIGHTS: Rights = {
    kind: (
        ("get", "apps", PLACES[kind][2]),
        ("get", "", "pods"),
        ("list", "", "pods"),
        ("create", "", "pods/eviction"),
    )
    for kind in RESTARTABLE
}
"""Kind of the workload -> the (verb, group, resource) rights that evicting one of its pods needs."""

EVICT_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: fettle-evict
rules:
  - apiGroups: [""]
    resources: [pods/eviction]
    verbs: [create]
"""
"""The role that evicting takes."""


async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """The pod that is meant, by name and, where it was planned before, by uid; else the one that fares worst.

    Raises ``RequestError`` with the reason why there is none, and what a read raises.
    """
    target, name, uid = state.target, str(wanted.get("pod", "")), wanted.get("uid")
    living = [
        pod
        for pod in await reads.workload_pods(cluster, target)
        if not pod.deleting and pod.row.phase not in {"Succeeded", "Failed"}
    ]
    if evict_set.means(wanted):
        return evict_set.plan(living, state)
    if not name:
        chosen = worst(living, state.observed_at)
        if chosen is None:
            raise RequestError(
                f"No pod of {target.ref} fares worse than the others. Name the one that is meant: "
                f"/incident act evict {target.ref} POD."
            )
        return {"pod": chosen.row.name, "uid": chosen.uid}
    found = next((pod for pod in living if pod.row.name == name), None)
    if found is None or (uid and found.uid != uid):
        names = ", ".join(pod.row.name for pod in living[:5]) or "none"
        raise RequestError(f"{name[:100]} is no living pod of {target.ref} any more; it has {names}.")
    return {"pod": found.row.name, "uid": found.uid}


def worst(living: Sequence[Pod], now: datetime | None) -> Pod | None:
    """The crash-looping one with most restarts, else the one that isn't ready longest; None where all are well."""
    crashing = [pod for pod in living if pod.crash_looping(now)]
    if crashing:
        return max(crashing, key=lambda pod: (pod.row.restarts, pod.row.name))
    return min((pod for pod in living if not pod.row.ready), key=_ill_since, default=None)


def _ill_since(pod: Pod) -> tuple[float, str]:
    since = pod.unready_since or pod.created_at
    return since.timestamp() if since is not None else math.inf, pod.row.name


def request(
    state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> WriteRequest:
    """The exact request: an eviction of that pod, and only while it has that uid.

    ``approved_at`` isn't needed. Raises ``RequestError`` without one exact pod.
    """
    del approved_at
    target, name, uid = state.target, str(params.get("pod", "")), str(params.get("uid", ""))
    if not (target.uid and target.namespace and evict_set.pods_of(params) and execution_uid):
        raise RequestError("An eviction needs one exact pod: namespace, name and uid, and an execution.")
    if "pods" in params:
        return evict_set.request(state, params, execution_uid)
    return WriteRequest(
        method="POST",
        path=f"{path('Pod', target.namespace, name)}/eviction",
        content_type="application/json",
        body=evict_set.eviction(target.namespace, name, uid),
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run, which asks the budgets; one that holds is no problem."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    names = list(evict_set.pods_of(params).values())
    held = ""
    local: tuple[str, ...] = ()

    async def changes() -> str:
        nonlocal held, local
        objects = [await cluster.get(path("Pod", state.target.namespace, name)) for name in names]
        local = tuple(dict.fromkeys(chain(*map(_local, objects))))
        try:
            for one in _each(planned):
                await send(cluster, one, dry_run=True)
        except BudgetHoldsError as error:
            held = str(error)
        return "\n".join(_line(read_pod(one)) for one in objects) if len(names) > 1 else ""

    ran = await tried(cluster, state.target, RIGHTS, changes)
    return ran.preview(
        planned,
        facts=facts(state, ran=HELD if held else ran.words, pods=len(names), of=params.get("of")),
        consequence=consequence(state, params),
        warnings=(*_waits(held), *warnings(state, local)),
    )


def _each(planned: WriteRequest) -> list[WriteRequest]:
    """The requests of which it is made."""
    if not evict_set.several(planned):
        return [planned]
    return [evict_set.single(planned, body) for body in planned.body["evictions"]]


def _line(pod: Pod) -> str:
    why = pod.row.waiting or pod.row.terminated
    return f"- {pod.row.name} ({pod.row.restarts} restarts{f', {why}' if why else ''})"


def _local(pod: object) -> tuple[str, ...]:
    """The volumes that end with the pod."""
    volumes = dig(pod, "spec", "volumes") or []
    return tuple(text(one, "name") for one in volumes if one.get("emptyDir") is not None)


def facts(state: TargetState, *, ran: str, pods: int = 1, of: object = None) -> str:
    """``1 of 6 pods, 5 ready · budget api allows 1 down · dry run ok``; ``of`` are all that crash."""
    unit = "pods" if state.replicas != 1 else "pod"
    parts = [f"{pods} of {state.replicas} {unit}, {state.ready} ready"]
    if isinstance(of, int) and of > pods:
        parts.append(f"{of} are crash-looping, and a quarter at most goes at once")
    if state.budget is None:
        parts.append("no disruption budget")
    else:
        parts.append(f"budget {state.budget[0]} allows {state.budget[2]} down")
    return " · ".join([*parts, ran])


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text."""
    if "pods" in params:
        named = ", ".join(evict_set.pods_of(params).values())
        return (
            f"Ends these crash-looping pods of {state.target.ref} for good, one after another, until one is refused: "
            f"{named}. Its controller starts others."
        )
    back = "with its name and volumes" if state.target.kind == "StatefulSet" else "in its place"
    return f"Ends pod {params['pod']} of {state.target.ref} for good; its controller starts another {back}."


def _waits(held: str) -> tuple[str, ...]:
    return (f"{held.rstrip('.')}: I wait for it, until the approval ends.",) if held else ()


def warnings(state: TargetState, local: Sequence[str]) -> tuple[str, ...]:
    """A line each for what a person should know before pressing; none of them denies."""
    lines: list[str] = []
    if state.replicas == 1 and state.target.kind != "DaemonSet":
        lines.append("Single replica: nothing serves until the new pod is ready.")
    if state.target.kind == "DaemonSet":
        lines.append("DaemonSet: its node has none of it until the new pod is ready.")
    if state.target.kind == "StatefulSet":
        lines.append("StatefulSet: the new pod starts only when the old one has ended wholly.")
    if local:
        lines.append(f"What is in its emptyDir volumes is lost: {', '.join(local[:3])}.")
    if state.strategy == "OnDelete":
        lines.append("Strategy OnDelete: the new pod gets the newest template, which may not be the old pod's.")
    return tuple(lines)


async def apply(cluster: Cluster, stored: WriteRequest) -> None:
    """Sends the stored request once; an eviction changes nothing of the workload, so there is no generation to tell.

    Raises as ``kube.writes.send``, ``BudgetHoldsError`` while a budget lets no pod go; on ``OutcomeUnknownError`` call
    ``read_back``, never this again.
    """
    if not all(_uid(one) for one in _each(stored)):
        raise IntegrityError("The stored request has no precondition on the pod's uid; it isn't sent.")
    if evict_set.several(stored):
        await evict_set.ask_first(cluster, stored)
        return
    try:
        await send(cluster, stored)
    except NotFoundError as error:
        raise WorldChangedError(f"The pod isn't there any more. {NOTHING_DONE}") from error


def _uid(stored: WriteRequest | None) -> str:
    return text(stored.body if stored is not None else {}, "deleteOptions", "preconditions", "uid")


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the pod is gone, or ending: no mark can live on it, and an eviction does nothing else."""
    del execution_uid
    if stored is not None and evict_set.several(stored):
        return await evict_set.read_back(cluster, stored)
    name = text(stored.body if stored is not None else {}, "metadata", "name")
    if not name or not _uid(stored):
        return ReadBack(Applied.CHANGED, None, f"Which pod of {target.label} was meant isn't known any more.")
    try:
        pod = await reads.pod(cluster, target.namespace, name)
    except NotFoundError:
        return ReadBack(Applied.APPLIED, None, f"Pod {name} is gone.")
    if pod.uid != _uid(stored) or pod.deleting:
        return ReadBack(Applied.APPLIED, None, f"Pod {name} is {'ending' if pod.deleting else 'another one by now'}.")
    return ReadBack(Applied.NOT_APPLIED, None, f"Pod {name} runs as before; it wasn't evicted.")


def inverse(state: TargetState, params: Params) -> str:
    """An eviction has no inverse; the sentence that says so."""
    if "pods" in params:
        return f"An eviction can't be undone: these pods are gone for good, and {state.target.ref} runs others."
    return f"An eviction can't be undone: pod {params['pod']} is gone for good, and {state.target.ref} runs another."


def binding(params: Params) -> Params:
    """The pod that has to be gone, or all of them."""
    if "pods" in params:
        return {"pods": params["pods"]}
    return {"pod": params["pod"], "uid": params["uid"]}


def follows(before: Params) -> Params:
    """The pod that the step before was about, by its uid: no other takes its place."""
    return {key: before[key] for key in ("pod", "uid") if key in before}


def asked(wanted: Params) -> str:
    """Against what can't be a pod: what follows the workload in a command is anybody's text."""
    named = str(wanted.get("pod", ""))
    return "" if not named or POD.fullmatch(named) else NO_POD


def named(params: Params) -> Params:
    """``pod api-7d9f-x2x1p``, ``3 crash-looping pods``."""
    pods = evict_set.pods_of(params)
    return {"what": f"{len(pods)} {evict_set.CRASHING} pods" if "pods" in params else f"pod {params['pod']}"}


async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """One pod's request is whole; of several, those that are gone are left out."""
    return await evict_set.ready(cluster, stored) if evict_set.several(stored) else stored


MITIGATION = Mitigation(
    action=Action.EVICT,
    verb="evict",
    headline="Evict {what} of {label}",
    done="Evicted {what} of {ref}",
    named=named,
    ready=ready,
    asked=asked,
    follows=follows,
    plan=plan,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    binding=binding,
    rights=RIGHTS,
    role=EVICT_ROLE,
)
