"""Deletion of one Job that failed, with its pods: by its uid, in the background, and nothing else.

``apply`` sends the stored request and refuses to build one, or one without the uid: a name may be another Job by then.
Finalizers aren't touched: a Job that somebody holds on to ends when they let go.
"""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import IntegrityError, NotFoundError, OutcomeUnknownError, RequestError
from bot.domain.execution import WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.kube.client import Cluster
from bot.kube.objects import dig, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.dry_run import Rights, sent, tried
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.verb import Mitigation

RIGHTS: Rights = {"Job": (("get", "batch", "jobs"), ("delete", "batch", "jobs"))}
RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-delete-job
rules:
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [delete]
"""


def aim(target: Target, wanted: Params) -> Target:
    """The Job that a finding names, where the incident is about something else."""
    named = str(wanted.get("job", ""))
    return Target("Job", target.namespace, named) if named and target.kind != "Job" else target


async def plan(_cluster: Cluster, state: TargetState, _wanted: Params) -> Params:
    """What is deleted, by name; policy says whether it may be."""
    thing = state.thing
    return {
        "job": state.target.name,
        "cronjob": thing.cron.name if thing is not None and thing.cron is not None else "",
    }


def request(
    state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> WriteRequest:
    """The exact request; raises ``RequestError`` unless this is one exact Job and one execution."""
    del approved_at, params
    target = state.target
    if not (target.kind == "Job" and target.uid and target.namespace and target.name and execution_uid):
        raise RequestError("A deletion needs one exact Job: namespace, name and uid, and an execution.")
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": target.uid},
        "propagationPolicy": "Background",
    }
    return WriteRequest(
        method="DELETE",
        path=path("Job", target.namespace, target.name),
        content_type="application/json",
        body=options,
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
    )


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params = NO_PARAMS
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is deleted."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)
    ran = await tried(cluster, state.target, RIGHTS, lambda: sent(cluster, planned))
    return ran.preview(
        planned,
        diff=f"- Job {state.target.ref} and its pods",
        facts=_facts(state, ran.words),
        consequence=f"Deletes Job {state.target.ref} with its pods and their logs.",
        warnings=("Irreversible: the Job, its pods and their logs are gone. The evidence in the thread stays.",),
    )


def _facts(state: TargetState, dry_run: str) -> str:
    thing = state.thing
    parts: list[str] = []
    if thing is not None and thing.job is not None:
        parts.append(f"failed{f' ({thing.job.reason[:60]})' if thing.job.reason else ''}")
    if thing is not None and thing.cron is not None:
        parts.append(f"made by CronJob {thing.cron.name}, newest run {thing.cron.run}")
    return " · ".join([*parts, dry_run])


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the stored request once; a Job has no generation after that.

    The library below sends a DELETE a second time by itself where its connection breaks. The uid makes that harmless,
    but what the second one doesn't find may be gone by the first: then it is read back.
    """
    if stored.method != "DELETE" or not text(stored.body, "preconditions", "uid"):
        raise IntegrityError("The stored request has no precondition on the Job's uid; it isn't sent.")
    try:
        await send(cluster, stored)
    except NotFoundError as error:
        raise OutcomeUnknownError("The Job isn't there; whether this deleted it is read back.") from error
    return 0


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether the Job's uid is gone, or going: nothing of it could carry a mark."""
    del execution_uid
    uid = text(stored.body, "preconditions", "uid") if stored is not None else target.uid
    try:
        found = await cluster.get(path("Job", target.namespace, target.name))
    except NotFoundError:
        return ReadBack(Applied.APPLIED, 0, f"{target.label} is gone.")
    if text(found, "metadata", "uid") != uid:
        return ReadBack(Applied.APPLIED, 0, f"{target.label} is gone; another of that name was made.")
    if dig(found, "metadata", "deletionTimestamp"):
        return ReadBack(Applied.APPLIED, 0, f"{target.label} is being deleted.")
    return ReadBack(Applied.NOT_APPLIED, 0, f"{target.label} is as it was; it wasn't deleted.")


def inverse(state: TargetState, params: Params = NO_PARAMS) -> str:
    """A deletion has none."""
    del params
    return f"A deletion can't be undone: of {state.target.ref} only what the thread holds is left."


def binding(params: Params) -> Params:
    """The CronJob whose runs are shown beside the verdict."""
    return {"cronjob": params.get("cronjob", "")}


def asked(wanted: Params) -> str:
    """A deletion takes nothing but the Job."""
    return "A deletion takes nothing but the Job: namespace/name." if wanted.get("more") else ""


MITIGATION = Mitigation(
    action=Action.DELETE_FAILED_JOB,
    verb="deletion",
    headline="Delete {label}, which failed",
    done="Deleted {ref}",
    press="Delete",
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
