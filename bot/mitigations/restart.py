"""Restart of a Deployment, StatefulSet or DaemonSet: two annotations on the pod template, and nothing else.

``request`` is a pure function of what was approved, so it can be computed again and compared before it is sent.
``apply`` sends the stored request and refuses to build or repeat one. Only ``workflow.execute`` calls ``apply``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.errors import FettleError, RequestError
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE, Target
from bot.kube import reads
from bot.kube.client import Cluster
from bot.kube.objects import PLACES, count, mapping, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.diff import spec_diff
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.patches import JSON_PATCH, PATCH_ROLE, must_test_uid, pointer, precondition, preconditions
from bot.mitigations.restart_words import consequence, facts, warnings
from bot.mitigations.verb import Mitigation, Rights, rights_on

TEMPLATE = "/spec/template/metadata/annotations"

RIGHTS: Rights = {kind: (("get", "apps", PLACES[kind][2]), ("patch", "apps", PLACES[kind][2])) for kind in RESTARTABLE}
"""Kind -> the (verb, group, resource) rights that a restart of it needs."""

RBAC = PATCH_ROLE
"""The role to apply in each namespace where restarts are allowed; reading comes from fettle-read."""


def request(
    state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> WriteRequest:
    """The exact request: preconditions on uid and generation, then the two keys; the map is never replaced.

    ``approved_at`` (aware) fixes ``restartedAt``, so that sending again would change nothing. The generation tested
    is the one in ``state``: pass the state read for the claim. Raises ``RequestError`` without a uid.
    """
    del params
    target = state.target
    body = preconditions(state, execution_uid, "restart")
    annotations = {
        RESTARTED_AT: approved_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        EXECUTION_ID: execution_uid,
    }
    if state.template_annotations:
        body += [
            {"op": "add", "path": f"{TEMPLATE}/{pointer(key)}", "value": value} for key, value in annotations.items()
        ]
    else:  # the API server omits an empty map, and "add" below a missing one is refused; the generation guards the gap
        body.append({"op": "add", "path": TEMPLATE, "value": annotations})
    return WriteRequest(
        method="PATCH",
        path=path(target.kind, target.namespace, target.name),
        content_type=JSON_PATCH,
        body=body,
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored.

    A refused dry run is no exception: ``problem`` says why, and there is nothing to approve. ``rights`` maps
    "patch deployments.apps" to whether the account may.
    """
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    rights: dict[str, bool] = {}
    diff, problem, passing = "", "", False
    try:
        rights = await rights_on(cluster, state.target, RIGHTS)
        before = await reads.workload(cluster, state.target)
        after = await send(cluster, planned, dry_run=True)
        diff = spec_diff(mapping(before, "spec"), mapping(after, "spec"))
    except FettleError as error:
        problem, passing = str(error), error.retry
    return Preview(
        request=planned,
        diff=diff,
        facts=facts(state, dry_run=not problem),
        consequence=consequence(state),
        warnings=warnings(state),
        problem=problem,
        passing=passing,
        rights=rights,
    )


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the stored request once; returns the target's generation after it.

    Raises as ``kube.writes.send``; on ``OutcomeUnknownError`` call ``read_back``, never this again.
    """
    must_test_uid(stored)
    return count(await send(cluster, stored), "metadata", "generation")


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by its annotation.

    ``stored`` is the request that was sent: its preconditions say what "unchanged" means. Without it, or without
    the annotation on a target that moved on, the answer is ``changed``. Raises what a read raises; unreadable is
    unknown, which is the caller's to say.
    """
    expected = precondition(stored, "/metadata/generation")
    uid = precondition(stored, "/metadata/uid") or target.uid
    obj = await reads.workload(cluster, target)
    generation = count(obj, "metadata", "generation")
    found = text(mapping(obj, "spec", "template", "metadata", "annotations"), EXECUTION_ID)
    same = text(obj, "metadata", "uid") == uid
    if same and found == execution_uid:
        ours = expected + 1 if isinstance(expected, int) else generation
        return ReadBack(Applied.APPLIED, ours, f"The restart of {target.ref} is in the cluster.")
    if same and generation == expected:
        return ReadBack(Applied.NOT_APPLIED, generation, f"{target.label} is as it was; the restart didn't happen.")
    return ReadBack(
        Applied.CHANGED, generation, f"{target.label} changed meanwhile; whether the restart happened can't be told."
    )


async def plan(_cluster: Cluster, _state: TargetState, wanted: Params) -> Params:
    """A restart takes no parameters; raises ``RequestError`` for any."""
    if wanted:
        raise RequestError(f"A restart takes no parameters, and {', '.join(wanted)} was given.")
    return {}


def inverse(state: TargetState, params: Params = NO_PARAMS) -> str:
    """A restart has no inverse; the sentence that says so."""
    del params
    return f"A restart can't be undone, and needn't be: the pod template of {state.target.ref} is unchanged."


MITIGATION = Mitigation(
    action=Action.RESTART,
    verb="restart",
    headline="Restart {label}",
    done="Restarted {ref}",
    plan=plan,
    preview=preview,
    request=request,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    rights=RIGHTS,
    role=RBAC,
    alone="harmless: the template stays as it is, and pods are replaced at the workload's own pace",
)
