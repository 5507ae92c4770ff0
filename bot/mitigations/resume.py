"""Resume of a paused Deployment's rollout: ``spec.paused`` is taken away, and the mark goes on the workload.

What was changed meanwhile rolls out at once, so the card says what that is: the difference between the template that
most pods run and the one that waits. The values of its environment are never shown. What undoes it is the pause. It
refuses a Deployment that isn't paused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.errors import RejectedError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import Json, count, dig, mapping
from bot.kube.revisions import ordered
from bot.kube.template import compare
from bot.kube.workload import revision_number, revision_template, template_hash
from bot.kube.writes import send
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import tried
from bot.mitigations.params import Params
from bot.mitigations.patches import apply_patch, patch, preconditions, read_mark
from bot.mitigations.pause import PAUSED, RBAC, RIGHTS, managed, mark, nothing_more, where
from bot.mitigations.restart_words import pace, pods, warnings
from bot.mitigations.verb import Mitigation

MAX_LINES = 40


async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """What waits, in words; raises ``RequestError`` where it isn't paused, and for any parameter a person wrote."""
    nothing_more(wanted, "resume")
    if not state.paused:
        raise RequestError(f"{state.target.ref} isn't paused; there is nothing to resume.")
    found = await reads.parts(cluster, state.target)
    running = _running(ordered(found.obj, found.revisions))
    template = mapping(found.obj, "spec", "template")
    what = _pending(running, template)
    since = f"rev {revision_number(running)}" if running is not None else "no revision"
    return {"template": state.template_hash, "pending": what, "from": since}


def _running(own: Sequence[Json]) -> Json | None:
    """The revision that most pods are to have, of equals the older one; what the others wait to become."""
    return max(reversed(own), key=lambda one: count(one, "spec", "replicas"), default=None)


def _pending(running: Json | None, template: Json) -> str:
    """What resuming starts, a clause; empty where nothing waits."""
    if running is None:
        return "the first pods"
    held = revision_template("Deployment", running)
    if template_hash(held, ()) == template_hash(template, ()):
        return ""
    if template_hash(held) == template_hash(template):
        return "a restart"
    return compare(held, template).what[:300] or "a change of the template"


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request. ``approved_at`` isn't needed. Raises ``RequestError`` without a uid."""
    del approved_at, params
    body: list[dict[str, object]] = [
        *preconditions(state, execution_uid, "resume"),
        {"op": "test", "path": PAUSED, "value": True},
        {"op": "remove", "path": PAUSED},
        *mark(state, execution_uid),
    ]
    return patch(state.target, body, execution_uid)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen: the dry run tells that it may, the difference what starts to roll out."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)

    async def changes() -> str:
        found = await reads.parts(cluster, state.target)
        after = await send(cluster, planned, dry_run=True)
        if dig(after, "spec", "paused"):
            raise RejectedError("The dry run leaves it paused: something in the cluster writes that back.", "paused")
        running = _running(ordered(found.obj, found.revisions))
        if running is None:
            return ""
        lines = compare(revision_template("Deployment", running), mapping(after, "spec", "template")).lines
        return "\n".join(lines[:MAX_LINES])

    ran = await tried(cluster, state.target, RIGHTS, changes)
    return ran.preview(
        planned,
        facts=f"{_starts(params)} · {where(state)} · {ran.words}",
        consequence=consequence(state, params),
        warnings=(*managed(state), *warnings(state, taken_back=False)),
    )


def _starts(params: Params) -> str:
    return f"starts to roll out {params['pending']}" if params["pending"] else "nothing waits to be rolled out"


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text: what starts."""
    ref = state.target.ref
    if not params["pending"]:
        return f"Nothing waits at {ref}; changes of its template roll out again from now on."
    left = max(0, state.replicas - state.updated)
    return f"Starts to roll out what waits since {params['from']}: {params['pending']}, on {pods(left)}, {pace(state)}."


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by the mark on the workload."""
    return await read_mark(cluster, target, execution_uid, stored, "resume", "metadata", "annotations")


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    del params
    return f"If it goes wrong: pause {state.target.ref} again, or roll it back."


def undo(params: Params) -> tuple[Action, Params] | None:
    """The pause."""
    del params
    return Action.PAUSE, {}


def binding(params: Params) -> Params:
    """No mark in the template, and the pods of it carry a hash of the controller's making."""
    return {"template": params["template"], "newest": True}


def asked(wanted: Params) -> str:
    """Against whatever follows the workload."""
    return "A resume takes the workload and nothing else." if wanted.get("more") else ""


MITIGATION = Mitigation(
    action=Action.RESUME,
    verb="resume",
    headline="Resume the rollout of {label}",
    done="Resumed the rollout of {ref}",
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
)
