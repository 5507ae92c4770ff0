"""Scale of a Deployment or StatefulSet: an absolute number of replicas for another, through the scale subresource.

The subresource has no generation and no annotations: the request tests the uid and the number that was approved, and
what became of it is read back by the number. ``apply`` sends the stored request and refuses to build or repeat one.
"""

from __future__ import annotations

import re
from datetime import datetime

from bot.domain.errors import RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import SCALABLE, Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import PLACES, count, dig, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.diff import spec_diff
from bot.mitigations.dry_run import Rights, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import JSON_PATCH, must_test_uid, precondition
from bot.mitigations.restart_words import pods
from bot.mitigations.verb import Mitigation

REPLICAS = "/spec/replicas"
NUMBER = re.compile(r"\d{1,4}")
NO_NUMBER = "How many replicas? Write a number after the workload: /incident act scale shop/api 6."

RIGHTS: Rights = {
    kind: (("get", "apps", PLACES[kind][2]), ("patch", "apps", f"{PLACES[kind][2]}/scale")) for kind in SCALABLE
}
"""Kind -> the (verb, group, resource) rights that scaling it needs."""

SCALE_ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: fettle-scale
rules:
  - apiGroups: [apps]
    resources: [deployments/scale, statefulsets/scale]
    verbs: [patch]
  - apiGroups: [autoscaling]
    resources: [horizontalpodautoscalers]
    verbs: [patch]
"""
"""The role that another number of replicas takes, or other bounds for the autoscaler that sets it."""


def number(value: object) -> int | None:
    """A number of replicas as a finding has it or as a person wrote it; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    return int(value) if isinstance(value, str) and NUMBER.fullmatch(value) else None


async def plan(_cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """From what it has to what is wanted, by ``replicas``; raises ``RequestError``."""
    ref, to = state.target.ref, number(wanted.get("replicas"))
    if to is None:
        raise RequestError(NO_NUMBER)
    if to == state.replicas:
        raise RequestError(f"{ref} has {to} replicas already; there is nothing to change.")
    return {"from": state.replicas, "replicas": to}


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request: tests on the uid and on the number that was approved, then the other number.

    ``approved_at`` isn't needed: the same number said again changes nothing. Raises ``RequestError`` without a uid.
    """
    del approved_at
    target, before, after = state.target, number(params.get("from")), number(params.get("replicas"))
    if not (target.uid and target.namespace and target.name and execution_uid):
        raise RequestError("A scaling needs one exact object: kind, namespace, name and uid, and an execution.")
    if before is None or after is None:
        raise RequestError("A scaling needs the number of replicas before and after.")
    return WriteRequest(
        method="PATCH",
        path=f"{path(target.kind, target.namespace, target.name)}/scale",
        content_type=JSON_PATCH,
        body=[
            {"op": "test", "path": "/metadata/uid", "value": target.uid},
            {"op": "test", "path": REPLICAS, "value": before or None},  # the API server omits a zero (recorded)
            {"op": "add", "path": REPLICAS, "value": after},
        ],
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)

    async def changes() -> str:
        after = await send(cluster, planned, dry_run=True)
        return spec_diff({"replicas": params["from"]}, {"replicas": count(after, "spec", "replicas")})

    ran = await tried(cluster, state.target, RIGHTS, changes)
    return ran.preview(
        planned,
        facts=facts(state, params, ran.words),
        consequence=consequence(state, params),
        warnings=warnings(state, params),
    )


def facts(state: TargetState, params: Params, dry_run: str) -> str:
    """``3 → 6 replicas, 3 ready · no HPA · budget api allows 1 down · dry run ok``."""
    parts = [f"{params['from']} → {params['replicas']} replicas, {state.ready} ready"]
    parts.append("no HPA" if state.hpa is None else f"HPA {state.hpa[1]} to {state.hpa[2]}")
    parts.append("no disruption budget" if state.budget is None else f"budget {state.budget[0]} {state.budget[1]}")
    return " · ".join([*parts, dry_run])


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text."""
    ref, before, after = state.target.ref, params["from"], params["replicas"]
    if after == 0:
        return f"Ends all {pods(before)} of {ref}; nothing of it runs until somebody scales it up."
    if after > before:
        starts = "starts" if after - before == 1 else "start"
        return f"Scales {ref} from {before} to {after}: {after - before} more {_pods(after - before)} {starts}."
    gone = before - after
    which = ", from the highest number down" if state.target.kind == "StatefulSet" else "; its controller chooses which"
    return f"Scales {ref} from {before} to {after}: {pods(gone)} {'ends' if gone == 1 else 'end'}{which}."


def _pods(number: int) -> str:
    return "pod" if number == 1 else "pods"


def warnings(state: TargetState, params: Params) -> tuple[str, ...]:
    """A line each for what a person should know before pressing; none of them denies."""
    ref, before, after = state.target.ref, params["from"], params["replicas"]
    lines: list[str] = []
    if after < before and state.budget is not None:
        lines.append(f"Scaling down doesn't heed the disruption budget {state.budget[0]} ({state.budget[1]}).")
    if after == 1 < before:
        lines.append("A single replica is left: nothing serves while that one is replaced.")
    if after > before and state.ordered and state.ready < before:
        lines.append(f"{ref} makes one pod after the other (OrderedReady): new ones wait until all before are ready.")
    if state.keeper is not None:
        lines.append(f"{state.keeper.words} keeps this object and may set the replicas back.")
    return tuple(lines)


async def apply(cluster: Cluster, stored: WriteRequest) -> None:
    """Sends the stored request once; a Scale has no generation to tell.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    await send(cluster, stored)


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the number of this execution is in the cluster: no mark can live there, so the number alone tells."""
    del execution_uid
    uid = precondition(stored, "/metadata/uid") or target.uid
    before, after = precondition(stored, REPLICAS) or 0, _wanted(stored)
    obj = await reads.workload(cluster, target)
    generation, now = count(obj, "metadata", "generation"), dig(obj, "spec", "replicas")
    same = text(obj, "metadata", "uid") == uid
    if same and after is not None and now == after:
        return ReadBack(Applied.APPLIED, generation, f"{target.label} has {after} replicas.")
    if same and after is not None and now == before:
        return ReadBack(Applied.NOT_APPLIED, generation, f"{target.label} is as it was; it wasn't scaled.")
    return ReadBack(
        Applied.CHANGED,
        generation,
        f"{target.label} was scaled meanwhile; whether by me can't be told.",
    )


def _wanted(stored: WriteRequest | None) -> object:
    body = stored.body if stored is not None else ()
    return next((one.get("value") for one in body if one.get("op") == "add" and one.get("path") == REPLICAS), None)


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    return f"If it doesn't help: scale {state.target.ref} back to {params['from']}."


def undo(params: Params) -> tuple[Action, Params]:
    """Back to the number before."""
    return Action.SCALE, {"replicas": params["from"]}


def binding(params: Params) -> Params:
    """The number that verification waits for, and the one to which somebody may take it back."""
    return {"replicas": params["replicas"], "from": params["from"]}


def asked(wanted: Params) -> str:
    """Against what can't be a number: what follows the workload in a command is anybody's text."""
    return "" if number(wanted.get("replicas")) is not None else NO_NUMBER


MITIGATION = Mitigation(
    action=Action.SCALE,
    verb="scale",
    headline="Scale {label} from {from} to {replicas}",
    done="Scaled {ref} from {from} to {replicas}",
    asked=asked,
    plan=plan,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    undo=undo,
    binding=binding,
    rights=RIGHTS,
    role=SCALE_ROLE,
    alone="it has an inverse: the number of replicas before",
)
