"""Restart of a Deployment, StatefulSet or DaemonSet: two annotations on the pod template, and nothing else.

``request`` is a pure function of what was approved, so it can be computed again and compared before it is sent.
``apply`` sends the stored request and refuses to build or repeat one. Only ``workflow.execute`` calls ``apply``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from bot.domain.errors import RequestError
from bot.domain.execution import EXECUTION_ID, RESTARTED_AT, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import RESTARTABLE, Target
from bot.kube.client import Cluster
from bot.kube.objects import PLACES
from bot.mitigations.applied import ReadBack
from bot.mitigations.dry_run import Rights, spec_changes, tried
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.patches import PATCH_ROLE, annotate, apply_patch, patch, preconditions, read_mark
from bot.mitigations.restart_words import consequence, facts, warnings
from bot.mitigations.verb import Mitigation

MARKED = ("spec", "template", "metadata", "annotations")
TEMPLATE = "/" + "/".join(MARKED)

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
    body += annotate(TEMPLATE, annotations, there=bool(state.template_annotations))
    return patch(target, body, execution_uid)


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored.

    A refused dry run is no exception: ``problem`` says why, and there is nothing to approve. ``rights`` maps
    "patch deployments.apps" to whether the account may.
    """
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: spec_changes(cluster, state.target, planned))
    return ran.preview(
        planned,
        facts=facts(state, ran.words),
        consequence=consequence(state),
        warnings=warnings(state),
    )


apply = apply_patch


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the write of this execution is in the cluster, asked by its annotation; see ``patches.read_mark``."""
    return await read_mark(cluster, target, execution_uid, stored, "restart", *MARKED)


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
