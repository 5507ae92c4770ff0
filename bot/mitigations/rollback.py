"""Rollback of a Deployment, StatefulSet or DaemonSet: the pod template of an older revision, and nothing else.

The revision is chosen when it is proposed, by uid and content: "undo to previous" said twice would flip back. The
template isn't kept here, since its environment may hold what is secret: the stored request names it, and ``ready``
fetches it and compares its hash. The mark of the execution goes on the workload itself, so that the template is exactly
the old one and its pods that still run are kept. ``apply`` sends what is ready and refuses to build or repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain import image
from bot.domain.errors import IntegrityError, RequestError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE, Target
from bot.kube import reads
from bot.kube import undo as revisions
from bot.kube.client import Cluster
from bot.kube.objects import PLACES, count, mapping
from bot.kube.template import compare
from bot.kube.undo import Revision
from bot.kube.writes import send
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import Rights, tried
from bot.mitigations.params import Params
from bot.mitigations.patches import PATCH_ROLE, annotate, must_test_uid, patch, preconditions, read_mark
from bot.mitigations.restart_words import facts, held, pace, pods, warnings
from bot.mitigations.verb import Mitigation

TEMPLATE = "/spec/template"
ANNOTATIONS = "/metadata/annotations"
MAX_LINES = 40
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")
"""A number, or where there is none the name of a ControllerRevision."""
NO_REVISION = (
    "What follows the workload is no revision. Write its number, as kubectl rollout history shows it "
    "(/incident act rollback shop/api 41), or none for the last healthy one."
)

RIGHTS: Rights = {
    kind: (
        ("get", "apps", PLACES[kind][2]),
        ("get", "apps", PLACES[reads.REVISIONS[kind]][2]),
        ("patch", "apps", PLACES[kind][2]),
    )
    for kind in RESTARTABLE
}
"""Kind -> the (verb, group, resource) rights that a rollback of it needs."""

RBAC = PATCH_ROLE
"""A restart's; which patches it may send is the admission policy's to say (ConfigMap fettle-may beside it)."""


async def plan(cluster: Cluster, state: TargetState, wanted: Params) -> Params:
    """The revision that is meant: by ``revision`` (its number) or ``uid``, else the newest other one.

    One that is known to have failed is never chosen by itself. Raises ``RequestError`` with the reason why there is
    none, and what a read raises.
    """
    target = state.target
    found = await revisions.revisions(cluster, target)
    current = next((one for one in found if one.current), None)
    chosen = _chosen(target, found, wanted)
    if chosen.guarded:
        raise RequestError(
            f"Rev {chosen.number} of {target.ref} differs in {', '.join(chosen.guarded[:4])}, which Fettle never "
            f"changes. Look at it, then: kubectl -n {target.namespace} rollout undo "
            f"{target.kind.lower()}/{target.name} --to-revision={chosen.number}"
        )
    lacking = await revisions.missing(cluster, target.namespace, dict(chosen.template or {}))
    if lacking:
        raise RequestError(f"Rev {chosen.number} of {target.ref} needs what isn't there: {', '.join(lacking[:4])}.")
    return {
        "revision": chosen.number,
        "kind": chosen.kind,
        "name": chosen.name,
        "uid": chosen.uid,
        "content": chosen.content,
        "template": chosen.template_hash,
        "pods": chosen.hash,
        "images": _short(chosen.images),
        "healthy": chosen.healthy,
        "from": current.number if current else state.revision,
        "from_uid": current.uid if current else "",
        "from_images": _short(current.images if current else state.images),
    }


def _chosen(target: Target, found: Sequence[Revision], wanted: Params) -> Revision:
    others = [one for one in found if not one.same and not one.current]
    number, uid = str(wanted.get("revision", "")), str(wanted.get("uid", ""))
    if uid or number:
        name = f"rev {number}" if number else "the revision before"
        named = next((one for one in found if (one.uid == uid if uid else one.number == number)), None)
        if named is None:
            raise RequestError(f"{target.ref} has no {name} any more; the cluster keeps {_listed(found)}.")
        if named.same or named.current:
            raise RequestError(f"{target.ref} runs what {name} holds; there is nothing to go back to.")
        return named
    if not others:
        raise RequestError(f"{target.ref} has no other revision to go back to.")
    able = [one for one in others if one.healthy is not False]
    if not able:
        raise RequestError(f"No older revision of {target.ref} ever ran well, as far as the cluster knows.")
    return next((one for one in able if one.healthy), able[0])


def _listed(found: Sequence[Revision]) -> str:
    return ", ".join(f"rev {one.number}" for one in found[:5]) or "none"


def _short(images: Sequence[str]) -> str:
    """``api:1.4.1`` of each container, the registry left out."""
    return ", ".join(image.brief(one.rsplit("/", 1)[-1]) for one in images[:3])


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request but for the template, which it names by uid and content.

    ``approved_at`` isn't needed: the same revision said again changes nothing. Raises ``RequestError`` without a uid
    or a revision.
    """
    del approved_at
    target = state.target
    named = {key: str(params.get(key, "")) for key in ("kind", "name", "uid", "content")}
    if not all(named.values()):
        raise RequestError("A rollback needs one exact revision.")
    body: list[dict[str, object]] = [
        *preconditions(state, execution_uid, "rollback"),
        {"op": "replace", "path": TEMPLATE, "value": None},
        *annotate(ANNOTATIONS, {EXECUTION_ID: execution_uid}, there=state.annotated, unguarded=True),
    ]
    named |= {"of": target.kind, "namespace": target.namespace}
    return replace(patch(target, body, execution_uid), template=named)


async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """The request with the template in it; ``WorldChangedError`` unless that is the one that was approved."""
    template = await revisions.template_of(
        cluster, stored.template["of"], stored.template["namespace"], stored.template
    )
    body = [
        {**operation, "value": template} if operation.get("path") == TEMPLATE else operation
        for operation in stored.body
    ]
    return replace(stored, body=body)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored. Values of the environment aren't shown."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)

    async def changes() -> str:
        before = await reads.workload(cluster, state.target)
        after = await send(cluster, await ready(cluster, planned), dry_run=True)
        lines = compare(mapping(before, "spec", "template"), mapping(after, "spec", "template")).lines
        return "\n".join(lines[:MAX_LINES])

    ran = await tried(cluster, state.target, RIGHTS, changes)
    return ran.preview(
        planned,
        facts=facts(state, ran.words),
        consequence=consequence(state, params),
        warnings=(*_doubts(params), *held(state), *warnings(state)),
    )


def consequence(state: TargetState, params: Params) -> str:
    """The confirm's text: ``Replaces rev 42 (api:1.4.2) by rev 41 (api:1.4.1) on 6 pods, 25 % at a time.``."""
    return (
        f"Replaces rev {params['from']} ({params['from_images']}) by rev {params['revision']} ({params['images']}) on "
        f"{pods(state.replicas)}, {pace(state)}. Rev {params['from']} stays available to return to."
    )


def _doubts(params: Params) -> tuple[str, ...]:
    if params.get("healthy") is True:
        return ()
    if params.get("healthy") is False:
        return (f"Rev {params['revision']} didn't run well when it was last used.",)
    return (f"Whether rev {params['revision']} ran well isn't known any more: none of its pods is left.",)


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the request that ``ready`` made, once; returns the target's generation after it.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    if any(operation.get("path") == TEMPLATE and not operation.get("value") for operation in stored.body):
        raise IntegrityError("The request has no template in it; it isn't sent.")
    return count(await send(cluster, stored), "metadata", "generation")


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by the mark on the workload."""
    return await read_mark(cluster, target, execution_uid, stored, "rollback", "metadata", "annotations")


def inverse(state: TargetState, params: Params) -> str:
    """What undoes it."""
    return f"If it doesn't help: return {state.target.ref} to rev {params['from']} ({params['from_images']})."


def undo(params: Params) -> tuple[Action, Params] | None:
    """Back to what ran before; None where that revision isn't known."""
    return (Action.ROLLBACK, {"uid": params["from_uid"]}) if params.get("from_uid") else None


def binding(params: Params) -> Params:
    """Its pods carry the old revision's hash, and no mark of the execution."""
    return {"pods": params["pods"], "template": params["template"]}


def asked(wanted: Params) -> str:
    """Against a revision that can't be one: what follows the workload in a command is anybody's text."""
    named = str(wanted.get("revision", ""))
    return "" if not named or REVISION.fullmatch(named) else NO_REVISION


MITIGATION = Mitigation(
    action=Action.ROLLBACK,
    verb="rollback",
    headline="Roll back {label} to rev {revision} ({images})",
    done="Rolled back {ref} to rev {revision}",
    press="Roll back",
    asked=asked,
    plan=plan,
    preview=preview,
    request=request,
    ready=ready,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    undo=undo,
    binding=binding,
    rights=RIGHTS,
    role=RBAC,
    alone="it has an inverse: the revision that ran before",
)
