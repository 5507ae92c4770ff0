"""One more run of a CronJob, from its own template and nothing else, if its owners say that it is safe to repeat.

The Job's name follows from the execution, so that the same request sent again makes no second run. The template isn't
kept here, since its environment may hold what is secret: the stored request names it, and ``ready`` fetches it and
compares its hash. ``apply`` sends what is ready and refuses to build it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain.errors import IntegrityError, NotFoundError, RequestError, WorldChangedError
from bot.domain.execution import EXECUTION_ID, WriteRequest
from bot.domain.mitigation import Action, Preview
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.domain.thing import RERUN, SAFE, CronSeen
from bot.kube import things
from bot.kube.client import Cluster
from bot.kube.objects import Json, count, dig, mapping, path, text
from bot.kube.writes import FIELD_MANAGER, send
from bot.mitigations.applied import Applied, ReadBack
from bot.mitigations.dry_run import Rights, tried
from bot.mitigations.params import NO_PARAMS, Params
from bot.mitigations.verb import Mitigation

MANUAL = "cronjob.kubernetes.io/instantiate"
"""The annotation by which kubectl marks a run that no schedule made."""

_RUNS = (("get", "batch", "cronjobs"), ("list", "batch", "jobs"), ("get", "batch", "jobs"), ("create", "batch", "jobs"))
RIGHTS: Rights = {"CronJob": _RUNS, "Job": _RUNS}
RBAC = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: fettle-rerun
rules:
  - apiGroups: [batch]
    resources: [jobs]
    verbs: [create]
"""


def aim(target: Target, wanted: Params) -> Target:
    """The Job that a finding names, where the incident is about neither a Job nor a CronJob."""
    named = str(wanted.get("job", ""))
    return Target("Job", target.namespace, named) if named and target.kind not in RIGHTS else target


async def plan(_cluster: Cluster, state: TargetState, _wanted: Params) -> Params:
    """The CronJob and the exact template that is run; raises ``RequestError`` where there is none."""
    cron = _cron(state)
    return {
        "cronjob": cron.name,
        "cronjob_uid": cron.uid,
        "content": cron.content,
        "job": state.target.name if state.target.kind == "Job" else "",
    }


def _cron(state: TargetState) -> CronSeen:
    cron = state.thing.cron if state.thing is not None else None
    if cron is None:
        raise RequestError(f"{state.target.label} wasn't made by a CronJob that is there: no template, no run.")
    return cron


def request(state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params) -> WriteRequest:
    """The exact request but for the template, which it names by uid and content."""
    del approved_at
    named = {key: str(params.get(key, "")) for key in ("cronjob", "cronjob_uid", "content")}
    if not (all(named.values()) and state.target.namespace and state.target.uid and execution_uid):
        raise RequestError("A run needs one exact CronJob, template and execution.")
    owner = {
        "apiVersion": "batch/v1", "kind": "CronJob", "name": named["cronjob"], "uid": named["cronjob_uid"],
        "controller": True,
    }  # fmt: skip
    namespace = state.target.namespace
    body: Json = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": things.run_name(named["cronjob"], execution_uid),
            "namespace": namespace,
            "annotations": {MANUAL: "manual", EXECUTION_ID: execution_uid},
            "ownerReferences": [owner],
        },
        "spec": None,
    }
    return WriteRequest(
        method="POST",
        path=path("Job", namespace),
        content_type="application/json",
        body=body,
        query={"fieldManager": FIELD_MANAGER},
        execution=execution_uid,
        template={
            "kind": "CronJob", "name": named["cronjob"], "uid": named["cronjob_uid"], "content": named["content"],
            "of": "Job", "namespace": namespace,
        },
    )  # fmt: skip


async def ready(cluster: Cluster, stored: WriteRequest) -> WriteRequest:
    """The request with the template in it; ``WorldChangedError`` unless it is the approved one and still allowed."""
    named = stored.template
    try:
        cronjob = await cluster.get(path("CronJob", named["namespace"], named["name"]))
    except NotFoundError as error:
        raise WorldChangedError(f"CronJob {named['namespace']}/{named['name']} isn't there any more.") from error
    same = text(cronjob, "metadata", "uid") == named["uid"] and things.cron_content(cronjob) == named["content"]
    if not same:
        raise WorldChangedError(f"The template of CronJob {named['namespace']}/{named['name']} changed meanwhile.")
    if text(cronjob, "metadata", "annotations", RERUN) != SAFE or dig(cronjob, "spec", "suspend"):
        raise WorldChangedError(f"CronJob {named['namespace']}/{named['name']} may not be run again any more.")
    template = mapping(cronjob, "spec", "jobTemplate")
    metadata = dict(stored.body["metadata"])
    metadata["annotations"] = {**mapping(template, "metadata", "annotations"), **metadata["annotations"]}
    if labels := mapping(template, "metadata", "labels"):
        metadata["labels"] = labels
    return replace(stored, body={**stored.body, "metadata": metadata, "spec": mapping(template, "spec")})


async def preview(
    cluster: Cluster, state: TargetState, *, approved_at: datetime, execution_uid: str, params: Params
) -> Preview:
    """What would happen, by the API server's own dry run; nothing is stored."""
    planned = request(state, approved_at=approved_at, execution_uid=execution_uid, params=params)

    async def changes() -> str:
        return "\n".join(_lines(await send(cluster, await ready(cluster, planned), dry_run=True)))

    cron = _cron(state)
    runs = cron.safe and not cron.suspended  # else policy says what is to be done, and a dry run would only say no
    ran = await tried(cluster, state.target, RIGHTS, changes if runs else None)
    return ran.preview(
        planned,
        facts=_facts(cron, ran.words if runs else ""),
        consequence=f"Starts one Job from the template of CronJob {state.target.namespace}/{cron.name}, as its "
        "schedule would.",
        warnings=("Irreversible: what a run did can't be taken back.",),
    )


def _facts(cron: CronSeen, dry_run: str) -> str:
    parts = [f"schedule {cron.schedule}", f"concurrencyPolicy {cron.concurrency}"]
    parts += [f"newest run {cron.run}"] if cron.run else []
    parts += [f"marked {RERUN}={SAFE}"] if cron.safe else []
    return " · ".join([*parts, *([dry_run] if dry_run else [])])


def _lines(job: Json) -> list[str]:
    """What is made, the name aside: that is the execution's. Values of the environment aren't shown."""
    spec = mapping(job, "spec")
    images = [text(one, "image") for one in dig(spec, "template", "spec", "containers") or []]
    annotations = [f"+ annotation {key}: {value}" for key, value in ((MANUAL, "manual"),)]
    return ["+ Job from the template of its CronJob", *(f"+ image {one}" for one in images[:5]), *annotations]


async def apply(cluster: Cluster, stored: WriteRequest) -> int:
    """Sends the request that ``ready`` made, once; returns the Job's generation.

    A name that is taken by this very execution's Job means that the run is there; by another's, that nothing was done.
    """
    body = stored.body
    owners = dig(body, "metadata", "ownerReferences") or [{}]
    if not dig(body, "spec", "template") or not text(owners[0], "uid") or not text(body, "metadata", "name"):
        raise IntegrityError("The request has no template, name or owner in it; it isn't sent.")
    try:
        return count(await send(cluster, stored), "metadata", "generation")
    except WorldChangedError:
        found = await _made(cluster, stored)
        if found is None:
            raise
        return count(found, "metadata", "generation")


async def read_back(
    cluster: Cluster, target: Target, execution_uid: str, *, stored: WriteRequest | None = None
) -> ReadBack:
    """Whether this execution's Job is there, by its name and its mark."""
    if stored is None:
        return ReadBack(Applied.CHANGED, 0, f"Whether {target.label} was run again can't be told.")
    name = text(stored.body, "metadata", "name")
    made = await _made(cluster, stored)
    if made is not None:
        generation = count(made, "metadata", "generation")
        return ReadBack(Applied.APPLIED, generation, f"Job {target.namespace}/{name} of this run is in the cluster.")
    if stored.execution != execution_uid or await _fleeting(cluster, stored):
        gone = f"Job {target.namespace}/{name} isn't there, but runs of its CronJob are removed soon after they end."
        return ReadBack(Applied.CHANGED, 0, gone)
    return ReadBack(Applied.NOT_APPLIED, 0, f"There is no Job {target.namespace}/{name}; nothing was run.")


async def _made(cluster: Cluster, stored: WriteRequest) -> Json | None:
    """The Job of this execution; None where there is none, or another's of that name."""
    try:
        found = await cluster.get(f"{stored.path}/{text(stored.body, 'metadata', 'name')}")
    except NotFoundError:
        return None
    return found if text(found, "metadata", "annotations", EXECUTION_ID) == stored.execution else None


async def _fleeting(cluster: Cluster, stored: WriteRequest) -> bool:
    """Whether that it isn't there proves nothing: its CronJob keeps no runs, or is gone or another one itself."""
    named = stored.template
    try:
        state = await things.state(cluster, Target("CronJob", named["namespace"], named["name"]))
    except NotFoundError:
        return True
    cron = _cron(state)
    return cron.fleeting or cron.uid != named["uid"]


def inverse(state: TargetState, params: Params = NO_PARAMS) -> str:
    """A run has no inverse; and what is left to do after it."""
    failed = params.get("job")
    left = (
        f" The failed Job stays, and its alert fires until it is deleted: /incident act delete-failed-job "
        f"{state.target.namespace}/{failed}"
        if failed
        else ""
    )
    return f"A run can't be undone: its CronJob says that it is safe to repeat.{left}"


def binding(params: Params) -> Params:
    """What verification finds the Job by; its name follows from the execution."""
    return {"cronjob": params["cronjob"]}


def asked(wanted: Params) -> str:
    """A run takes nothing: neither another image nor other arguments."""
    more = wanted.get("more")
    return "A run takes nothing but the Job or CronJob: it is made of the CronJob's own template." if more else ""


MITIGATION = Mitigation(
    action=Action.RERUN_JOB,
    verb="rerun",
    headline="Run CronJob {cronjob} again ({ref})",
    done="Started a run of CronJob {cronjob}",
    press="Run again",
    asked=asked,
    aim=aim,
    plan=plan,
    preview=preview,
    request=request,
    ready=ready,
    apply=apply,
    read_back=read_back,
    inverse=inverse,
    binding=binding,
    rights=RIGHTS,
    role=RBAC,
)
