"""Pause of a Deployment's rollout: ``spec.paused``, and the mark of the execution on the workload.

It replaces no pod and cures nothing: it keeps a rollout that goes wrong from going on while a person looks. What undoes
it is the resume. It refuses a Deployment that is paused already.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import RequestError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube.client import Cluster
from bot.kube.objects import PLACES
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import Rights, spec_changes, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import PATCH_ROLE, annotate, apply_patch, patch, preconditions, read_mark
from bot.mitigations.restart_words import pods
from bot.mitigations.verb import Mitigation

PAUSED = "/spec/paused"
RIGHTS: Rights = {"Deployment": (("get", "apps", PLACES["Deployment"][2]), ("patch", "apps", PLACES["Deployment"][2]))}
RBAC = PATCH_ROLE


async def plan(_cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """The template that is held; raises ``RequestError`` where it is paused already, and for any parameter."""
    nothing_more(wanted, "pause")
    if state.paused:
        raise RequestError(f"{state.target.ref} is paused already. /incident act resume {state.target.ref} ends that.")
    return {"template": state.template_hash, "revision": state.revision}


def nothing_more(wanted: Params, what: str) -> None:
    """Raises ``RequestError`` for a parameter that a person wrote; what was resolved before may come again."""
    if wanted.get("more"):
        raise RequestError(f"A {what} takes no parameters, and {str(wanted['more'])[:60]} was given.")


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request. ``approved_at`` isn't needed: paused is paused. Raises ``RequestError`` without a uid."""
    del approved_at, params
    body = [
        *preconditions(state, execution_uid, "pause"),
        {"op": "add", "path": PAUSED, "value": True},
        *mark(state, execution_uid),
    ]
    return patch(state.target, body, execution_uid)


def mark(state: TargetState, execution_uid: str) -> list[dict[str, object]]:
    """The mark of the execution on the workload: in the template it would be one more change that waits."""
    return annotate("/metadata/annotations", {EXECUTION_ID: execution_uid}, there=state.annotated, unguarded=True)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: spec_changes(cluster, state.target, planned))
    return ran.preview(
        planned,
        facts=f"{where(state)} · {ran.words}",
        consequence=consequence(state),
        warnings=managed(state),
    )


def where(state: TargetState) -> str:
    """``2/6 updated, 5 ready``: how far the rollout is."""
    return f"{min(state.updated, state.replicas)}/{state.replicas} updated, {state.ready} ready"


def managed(state: TargetState) -> tuple[str, ...]:
    """A line where somebody else may write the field back."""
    return (f"{state.keeper.words} keeps this object and may change spec.paused back.",) if state.keeper else ()


def consequence(state: TargetState) -> str:
    """The confirm's text."""
    ref = state.target.ref
    left = max(0, state.replicas - state.updated)
    if not state.rolling_out:
        return f"No rollout of {ref} is under way; changes of its template wait from now on, until it is resumed."
    return (
        f"Holds the rollout of {ref} where it is: {pods(left)} keep the older template. Pods that end are still "
        "replaced, and nothing is cured by it."
    )


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by the mark on the workload."""
    return await read_mark(cluster, target, execution_uid, stored, "pause", "metadata", "annotations")


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    del params
    return f"Afterwards: resume {state.target.ref}. Until then nothing of it rolls out, a rollback neither."


def undo(params: Params) -> tuple[Action, Params] | None:
    """The resume."""
    del params
    return Action.RESUME, {}


def binding(params: Params) -> Params:
    """No mark in the template, and the pods of it carry a hash of the controller's making."""
    return {"template": params["template"], "newest": True}


def asked(wanted: Params) -> str:
    """Against whatever follows the workload."""
    return "A pause takes the workload and nothing else." if wanted.get("more") else ""


MITIGATION = Mitigation(
    action=Action.PAUSE,
    verb="pause",
    headline="Pause the rollout of {label}",
    done="Paused the rollout of {ref}",
    asked=asked,
    plan=plan,
    preview=preview,
    request=request,
    apply=apply_patch,
    read_back=read_back,
    inverse=inverse,
    undo=undo,
    binding=binding,
    rights=RIGHTS,
    role=RBAC,
    alone="it has an inverse, and replaces no pod",
)
