"""Did the run that we started complete; is the Job that we deleted gone? By name, uid and mark, never by the newest."""

from __future__ import annotations

from datetime import datetime

from bot.domain.errors import FettleError, NotFoundError
from bot.domain.execution import EXECUTION_ID
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Verification
from bot.kube import members, things
from bot.kube.client import Cluster
from bot.kube.jobs import read_job
from bot.kube.objects import Json, dig, instant, path, text
from bot.verification.restarts import words
from bot.verification.rollout import OLDER
from bot.verification.thing import Seen, bound, waiting

RUN, GONE, PODS, SCHEDULE = "run", "job", "pods", "schedule"


async def ran(cluster: Cluster, verification: Verification, at: datetime) -> Seen:
    """The Job of this execution: complete is good, failed is bad for good, what still runs is waited for."""
    namespace = verification.target.namespace
    name = things.run_name(bound(verification, "cronjob"), verification.execution_uid)
    try:
        job = await cluster.get(path("Job", namespace, name))
    except NotFoundError:
        return Seen(moved=f"Job {namespace}/{name} was removed before I saw how it ended")
    if text(job, "metadata", "annotations", EXECUTION_ID) != verification.execution_uid:
        return Seen(moved=f"Job {namespace}/{name} isn't the one that was started")
    expected = f"{name} completes"
    row = read_job(job)
    if row.result == "complete":
        took = _took(row.started_at, row.finished_at)
        return Seen((Check(RUN, CheckState.GOOD, expected, f"completed{took}", at),), f"{name} completed", since=at)
    if row.result == "failed":
        why = ": ".join(filter(None, (row.reason, row.message))) or "failed"
        return Seen((Check(RUN, CheckState.BAD, expected, why, at, final=True),), f"{name} failed")
    began = instant(row.started_at)
    lasted = f" for {words(at - began)}" if began is not None and at > began else ""
    state = "suspended" if row.suspended else f"running{lasted}, {row.failed} pods failed so far"
    return Seen((waiting(verification, at, RUN, expected, state),), f"{name} is {state}")


def _took(started: str, finished: str) -> str:
    begin, end = instant(started), instant(finished)
    return f" after {words(end - begin)}" if begin is not None and end is not None else ""


async def deleted(cluster: Cluster, verification: Verification, at: datetime) -> Seen:
    """The Job's uid is gone, and its pods; beside it how the CronJob's runs stand, shown and not judged."""
    target = verification.target
    expected = f"{target.name} is gone"
    try:
        job: Json | None = await things.one(cluster, target)
    except NotFoundError:
        job = None
    if job is None or text(job, "metadata", "uid") != target.uid:
        checks = [Check(GONE, CheckState.GOOD, expected, "gone", at)]
    else:
        held = ", ".join(map(str, dig(job, "metadata", "finalizers") or []))
        if not dig(job, "metadata", "deletionTimestamp"):
            # The deletion was accepted, so whoever answers this doesn't know of it yet: that is no measurement.
            checks = [Check(GONE, CheckState.UNMEASURED, expected, f"{OLDER}: it is there as before", at)]
        else:
            said = f"being deleted, held by {held}" if held else "still there"
            checks = [Check(GONE, CheckState.WAITING, expected, said, at)]
    checks.append(await _pods(cluster, target, at))
    cronjob = bound(verification, "cronjob")
    if cronjob:
        checks.append(await _schedule(cluster, target.namespace, cronjob, at))
    done = checks[0].state is CheckState.GOOD
    return Seen(tuple(checks), checks[0].measured, since=(verification.rolled_out_at or at) if done else None)


async def _pods(cluster: Cluster, target: Target, at: datetime) -> Check:
    selector = f"{members.JOB_NAME}={target.name}"
    found = await cluster.items(path("Pod", target.namespace), {"labelSelector": selector})
    left = [pod for pod in found if any(text(one, "uid") == target.uid for one in _owners(pod))]
    state = CheckState.WAITING if left else CheckState.GOOD
    measured = f"{len(left)} of them left" if left else "gone"
    return Check(PODS, state, "its pods are gone", measured, at, required=False)


def _owners(obj: Json) -> list[Json]:
    return list(dig(obj, "metadata", "ownerReferences") or [])


async def _schedule(cluster: Cluster, namespace: str, name: str, at: datetime) -> Check:
    def row(measured: str) -> Check:
        return Check(SCHEDULE, CheckState.ABSENT, "shown, not judged", measured, at, required=False)

    try:
        cronjob = await cluster.get(path("CronJob", namespace, name))
        runs = await members.cron_jobs(cluster, cronjob)
    except NotFoundError:
        return row(f"CronJob {name} is gone")
    except FettleError as error:  # it is beside the point
        return row(f"CronJob {name} couldn't be read: {error}")
    newest = read_job(runs[0]) if runs else None
    last = f"newest run {newest.name} {newest.result or 'running'}" if newest is not None else "no run is left"
    suspended = ", suspended" if dig(cronjob, "spec", "suspend") else ""
    return row(f"{last}; CronJob {name} runs at {text(cronjob, 'spec', 'schedule')}{suspended}")
