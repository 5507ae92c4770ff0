"""Cordon and uncordon of one node: ``spec.unschedulable``, tested on the node's uid and on what it was.

Each is the other's inverse. What runs on the node stays there: draining isn't offered, its command is shown. ``apply``
sends the stored request and refuses to build or repeat one.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

from bot.domain.errors import RequestError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import things
from bot.kube.client import Cluster
from bot.kube.objects import dig, text
from bot.kube.writes import send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.dry_run import Rights, sent, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import annotate, must_test_uid, patch, precondition
from bot.mitigations.verb import Mitigation

FIELD = "/spec/unschedulable"
ANNOTATIONS = "/metadata/annotations"

RIGHTS: Rights = {"Node": (("get", "", "nodes"), ("list", "", "nodes"), ("patch", "", "nodes"))}
"""Listing tells whether another node takes pods."""
RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-cordon
rules:
  - apiGroups: [""]
    resources: [nodes]
    verbs: [list, patch]
"""


def aim(target: Target, wanted: Params) -> Target:
    """The node that a finding names, where the incident is about what runs on it."""
    named = str(wanted.get("node", ""))
    return Target("Node", "", named) if named and target.kind != "Node" else target


async def plan(_cluster: Cluster, state: TargetState, _wanted: Params) -> Params:
    """The node by its name; policy says whether it may be."""
    if state.thing is None or state.thing.node is None:
        raise RequestError(f"{state.target.label} is no node.")
    return {"node": state.target.name}


def request_of(action: Action) -> Callable[..., WriteRequest]:
    """The request of one of the two."""
    cordons = action is Action.CORDON

    def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
        del approved_at, params
        target = state.target
        if not (target.kind == "Node" and target.uid and target.name and execution_uid):
            raise RequestError(f"A {action} needs one exact node: name and uid, and an execution.")
        change: list[dict[str, object]] = (
            # A node that takes pods has no such field, which equals null.
            [{"op": "test", "path": FIELD, "value": None}, {"op": "add", "path": FIELD, "value": True}]
            if cordons
            else [{"op": "test", "path": FIELD, "value": True}, {"op": "remove", "path": FIELD}]
        )
        mark = annotate(ANNOTATIONS, {EXECUTION_ID: execution_uid}, there=state.annotated, unguarded=True)
        uid: dict[str, object] = {"op": "test", "path": "/metadata/uid", "value": target.uid}
        return patch(target, [uid, *change, *mark], execution_uid)

    return request


def preview_of(action: Action) -> Callable[..., Coroutine[Any, Any, Preview]]:
    """The preview of one of the two: the API server's own dry run."""
    build, cordons = request_of(action), action is Action.CORDON

    async def preview(
        cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
    ) -> Preview:
        planned = build(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
        ran = await tried(cluster, state.target, RIGHTS, lambda: sent(cluster, planned))
        name = state.target.name
        return ran.preview(
            planned,
            diff="+ unschedulable: true" if cordons else "- unschedulable: true",
            facts=_facts(state, ran.words),
            consequence=f"No new pod is put on {name}; what runs there stays."
            if cordons
            else f"New pods may be put on {name} again.",
            warnings=(f"What runs there stays. To empty it, a person drains it: {drain(name)}",) if cordons else (),
        )

    return preview


def drain(name: str) -> str:
    """The command that Fettle doesn't offer."""
    return f"kubectl drain {name} --ignore-daemonsets --delete-emptydir-data"


def _facts(state: TargetState, dry_run: str) -> str:
    node = state.thing.node if state.thing is not None else None
    ready = {True: "ready", False: "not ready", None: "silent"}[node.ready if node is not None else None]
    parts = [ready] + (["other nodes take pods"] if node is not None and node.others else [])
    return " · ".join([*parts, dry_run])


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the stored request once; a node has no generation."""
    must_test_uid(stored)
    await send(cluster, stored)
    return 0


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether this execution's write is in the node, asked by its mark."""
    obj = await things.one(cluster, target)
    same = text(obj, "metadata", "uid") == (precondition(stored, "/metadata/uid") or target.uid)
    if same and text(obj, "metadata", "annotations", EXECUTION_ID) == execution_uid:
        return ReadBack(Applied.APPLIED, 0, f"The change of {target.label} is in the cluster.")
    before = any(one.get("op") == "test" and one.get("path") == FIELD and one.get("value") for one in _body(stored))
    if same and stored is not None and bool(dig(obj, "spec", "unschedulable")) is before:
        return ReadBack(Applied.NOT_APPLIED, 0, f"{target.label} is as it was; nothing was changed.")
    return ReadBack(Applied.CHANGED, 0, f"{target.label} changed meanwhile; whether it was this can't be told.")


def _body(stored: WriteRequest | None) -> list[dict[str, object]]:
    return list(stored.body) if stored is not None else []


def _inverse_of(action: Action) -> Callable[[TargetState, Params], str]:
    other = "uncordon" if action is Action.CORDON else "cordon"
    return lambda state, _params: f"If it doesn't help: {other} {state.target.name}."


def _undo_of(action: Action) -> Callable[[Params], tuple[Action, Params] | None]:
    other = Action.UNCORDON if action is Action.CORDON else Action.CORDON
    return lambda params: (other, {"node": params["node"]})


def asked(wanted: Params) -> str:
    """Neither takes anything but the node."""
    return "It takes nothing but the node's name." if wanted.get("more") else ""


def _mitigation(action: Action, headline: str, done: str) -> Mitigation:
    return Mitigation(
        action=action,
        verb=str(action),
        headline=headline,
        done=done,
        asked=asked,
        aim=aim,
        plan=plan,
        preview=preview_of(action),
        request=request_of(action),
        apply=apply,
        read_back=read_back,
        inverse=_inverse_of(action),
        undo=_undo_of(action),
        rights=RIGHTS,
        role=RBAC,
        alone="it has an inverse, and one node an hour is the most" if action is Action.CORDON else "",
    )


CORDON = _mitigation(Action.CORDON, "Cordon {label}", "Cordoned {ref}")
UNCORDON = _mitigation(Action.UNCORDON, "Uncordon {label}", "Uncordoned {ref}")
