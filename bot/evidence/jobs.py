"""A Job and how it went, or a CronJob's newest runs, newest first. It refuses to count runs that are gone."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.errors import NotFoundError, RequestError
from bot.domain.evidence import Evidence
from bot.domain.observed import JobSeen
from bot.domain.target import Target
from bot.evidence.answer import answered
from bot.evidence.ask import Ask
from bot.kube.jobs import read_job
from bot.kube.members import cron_jobs, target_object
from bot.kube.objects import Json, controller, text

SOURCE = "jobs"
MAX_ROWS = 10


async def collect(ask: Ask) -> Evidence:
    """``data`` is ``{"jobs": [JobSeen]}``: of a CronJob its runs; of a CronJob's run that one, then the others."""
    target = _target(ask)
    obj = await target_object(ask.cluster, target)
    if target.kind == "CronJob":
        cronjob: Json | None = obj
        runs = await cron_jobs(ask.cluster, obj)
    else:
        cronjob = await _above(ask, target, obj)
        others = await cron_jobs(ask.cluster, cronjob) if cronjob is not None else []
        runs = [obj, *(job for job in others if text(job, "metadata", "uid") != text(obj, "metadata", "uid"))]
    rows = [read_job(job, cronjob) for job in runs[:MAX_ROWS]]
    return answered(SOURCE, ask.clock(), summary(rows), {"jobs": rows}, empty=not rows)


def _target(ask: Ask) -> Target:
    if ask.target is not None and ask.target.kind in {"Job", "CronJob"}:
        return ask.target
    namespace = ask.label("exported_namespace") or ask.label("namespace")
    for label, kind in (("job_name", "Job"), ("cronjob", "CronJob")):
        if ask.label(label) and namespace:
            return Target(kind, namespace, ask.label(label))
    raise RequestError("The alerts name no Job.")


async def _above(ask: Ask, target: Target, job: Json) -> Json | None:
    owner = controller(job)
    if owner is None or owner[0] != "CronJob":
        return None
    try:
        return await target_object(ask.cluster, Target("CronJob", target.namespace, owner[1]))
    except NotFoundError:
        return None


def summary(rows: Sequence[JobSeen]) -> str:
    """``nightly-2 failed (BackoffLimitExceeded); of 5 runs before 1 failed``."""
    if not rows:
        return "no runs are there any more"
    first = rows[0]
    state = first.result or ("suspended" if first.suspended else f"running, {first.failed} pods failed so far")
    told = f"{first.name} {state}{f' ({first.reason})' if first.reason else ''}"
    before = rows[1:]
    if before:
        told += f"; of {len(before)} runs before {sum(row.result == 'failed' for row in before)} failed"
    return told
