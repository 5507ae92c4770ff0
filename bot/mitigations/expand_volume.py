"""A larger volume for one claim: its request in one JSON Patch, tested on the claim's uid and the request as it was.

A volume never becomes smaller again, so two people approve it, and it at most doubles. Whether a filesystem grows
along, or needs its pod to start again, is the storage driver's; verification tells which.
"""

from __future__ import annotations

import re
from datetime import datetime

from bot.domain.errors import RequestError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.domain.thing import ClaimSeen
from bot.kube import things
from bot.kube.client import Cluster
from bot.kube.objects import text
from bot.kube.quantity import quantity
from bot.kube.writes import send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.dry_run import Rights, sent, tried
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.patches import annotate, must_test_uid, patch, precondition
from bot.mitigations.verb import Mitigation
from bot.policy import volume_growth

SIZE = "/spec/resources/requests/storage"
ANNOTATIONS = "/metadata/annotations"
USUAL = 1.5
"""What is proposed where nobody names a size: half as much again."""
_WRITTEN = re.compile(r"[1-9][0-9]{0,9}(Mi|Gi|Ti|M|G|T)")
NO_SIZE = (
    "What follows the claim is no size. Write it as Kubernetes does (/incident act expand-volume shop/data-db-0 15Gi), "
    "or none for half as much again."
)
GIB = 2**30

RIGHTS: Rights = {
    "PersistentVolumeClaim": (("get", "", "persistentvolumeclaims"), ("patch", "", "persistentvolumeclaims"))
}
RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-expand
rules:
  - apiGroups: [""]
    resources: [persistentvolumeclaims]
    verbs: [patch]
"""


def aim(target: Target, wanted: Params) -> Target:
    """The claim that a finding names, where the incident is about the workload that mounts it."""
    named = str(wanted.get("claim", ""))
    return Target("PersistentVolumeClaim", target.namespace, named) if named and target.kind not in RIGHTS else target


async def plan(_cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """From which size to which; raises ``RequestError`` with the reason why not."""
    claim = _claim(state)
    size = str(wanted.get("size", "")) or _usual(claim.request)
    bytes_wanted = quantity(size) if _WRITTEN.fullmatch(size) else None
    if bytes_wanted is None:
        raise RequestError(NO_SIZE)
    reason = volume_growth.against(max(claim.request, claim.capacity), bytes_wanted)
    if reason:
        raise RequestError(f"{state.target.ref} has {claim.written}, {size} was asked for. {reason}")
    return {"claim": state.target.name, "size": size, "from": claim.written}


def _claim(state: TargetState) -> ClaimSeen:
    if state.thing is None or state.thing.claim is None:
        raise RequestError(f"{state.target.label} is no volume claim.")
    return state.thing.claim


def _usual(request: float) -> str:
    return f"{int(request * USUAL / GIB)}Gi" if request >= 2 * GIB else f"{int(request * USUAL / 2**20)}Mi"


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request; raises ``RequestError`` without a uid or a size."""
    del approved_at
    target, size, before = state.target, str(params.get("size", "")), str(params.get("from", ""))
    if not (target.uid and target.namespace and target.name and execution_uid and size and before):
        raise RequestError("A larger volume needs one exact claim, its size and the wanted one, and an execution.")
    body: list[dict[str, object]] = [
        {"op": "test", "path": "/metadata/uid", "value": target.uid},
        {"op": "test", "path": SIZE, "value": before},
        {"op": "replace", "path": SIZE, "value": size},
        *annotate(ANNOTATIONS, {EXECUTION_ID: execution_uid}, there=state.annotated, unguarded=True),
    ]
    return patch(target, body, execution_uid)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: sent(cluster, planned))
    claim = _claim(state)
    ref = state.target.ref
    return ran.preview(
        planned,
        diff=f"- storage: {params['from']}\n+ storage: {params['size']}",
        facts=f"{params['from']} now · class {claim.storage_class} · {ran.words}",
        consequence=f"Makes the volume of {ref} {params['size']} large, for good; it is paid for.",
        warnings=tuple(_warnings(state, claim)),
    )


def _warnings(state: TargetState, claim: ClaimSeen) -> list[str]:
    said = ["Irreversible: a volume never becomes smaller again. Two people have to approve."]
    if claim.template:
        said.append(
            f"The claim template of StatefulSet {state.target.namespace}/{claim.template} can't be changed: claims of "
            "new replicas get the old size."
        )
    if state.keeper is not None:
        said.append(f"{state.keeper.words} manages this claim and may complain of a size that isn't its own.")
    return said


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the stored request once; a claim has no generation."""
    must_test_uid(stored)
    await send(cluster, stored)
    return 0


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether this execution's write is in the claim, asked by its mark."""
    obj = await things.one(cluster, target)
    same = text(obj, "metadata", "uid") == (precondition(stored, "/metadata/uid") or target.uid)
    if same and text(obj, "metadata", "annotations", EXECUTION_ID) == execution_uid:
        return ReadBack(Applied.APPLIED, 0, f"The new size of {target.ref} is in the cluster.")
    if same and text(obj, "spec", "resources", "requests", "storage") == precondition(stored, SIZE):
        return ReadBack(Applied.NOT_APPLIED, 0, f"{target.label} is as it was; nothing was changed.")
    return ReadBack(Applied.CHANGED, 0, f"{target.label} changed meanwhile; whether it was this can't be told.")


def inverse(state: TargetState, params: Params = NO_PARAMS) -> str:
    """There is none."""
    del params
    return f"It can't be undone: the volume of {state.target.ref} keeps its new size."


def binding(params: Params) -> Params:
    """The size that it must reach."""
    return {"size": params["size"], "from": params["from"]}


def asked(wanted: Params) -> str:
    """Against what is no size: what follows the claim in a command is anybody's text."""
    size = str(wanted.get("size", ""))
    return "" if not size or _WRITTEN.fullmatch(size) else NO_SIZE


MITIGATION = Mitigation(
    action=Action.EXPAND_VOLUME,
    verb="expansion",
    headline="Expand the volume of {ref} from {from} to {size}",
    done="Asked for {size} for {ref}",
    press="Expand",
    asked=asked,
    aim=aim,
    plan=plan,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    binding=binding,
    rights=RIGHTS,
    role=RBAC,
)
