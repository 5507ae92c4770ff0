"""Jobs and CronJobs as their controllers treat them: runs, their ends, and what is removed afterwards.

It refuses the schedule: no run starts by itself here, only those that somebody makes.
"""

from bot.sandbox.kubernetes.clock import moment, stamp
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.replicasets import counted, is_active, make_pod, ready_since, remove_pod
from bot.sandbox.kubernetes.wire import Json, dig
from bot.sandbox.kubernetes.world import World
from bot.sandbox.kubernetes.writes import Deletion

ENDED = ("Failed", "Complete")
_LIMITS = (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit"))


def run_jobs(world: World) -> None:
    """A Job makes one pod after the other until enough succeeded, too many failed, or its time is over."""
    for job in world.store.list(by_kind("Job")):
        if not job["metadata"].get("deletionTimestamp"):
            _run(world, job)


def _run(world: World, job: Json) -> None:
    pods = world.owned(by_kind("Pod"), job)
    spec, old = job["spec"], job.get("status") or {}
    phases = [dig(pod, "status", "phase") for pod in pods]
    failed, done = phases.count("Failed"), phases.count("Succeeded")
    ended = bool(old.get("conditions"))
    active = [pod for pod in pods if is_active(pod)]
    if ended:
        # What was counted stays, whatever becomes of the pods.
        failed, done = old.get("failed", 0), old.get("succeeded", 0)
    late = not ended and _late(world, spec, old)
    enough, hopeless = done >= spec["completions"], failed > spec["backoffLimit"]
    if not (ended or enough or hopeless or late or active or spec.get("suspend")):
        labels = {"job-name": job["metadata"]["name"], "batch.kubernetes.io/job-name": job["metadata"]["name"]}
        made = make_pod(world, job, spec["template"], labels=labels)
        active += [made] if made is not None else []
    if late:
        for pod in active:
            remove_pod(world, job, pod)
        active = []
    new = counted({"active": len(active), "succeeded": done, "failed": failed})
    new |= {"terminating": sum("deletionTimestamp" in pod["metadata"] for pod in pods), "uncountedTerminatedPods": {}}
    new["ready"] = sum(ready_since(pod) is not None for pod in active)
    new["startTime"] = old.get("startTime") or stamp(world.clock.now())
    if ended:
        new["conditions"] = old["conditions"]
    elif enough or hopeless or late:
        new["conditions"] = _ends(world, "DeadlineExceeded" if late else "BackoffLimitExceeded" if hopeless else "")
    if "completionTime" in old or (enough and not ended):
        new["completionTime"] = old.get("completionTime") or stamp(world.clock.now())
    world.writes.set_status(by_kind("Job"), job, new)


def _late(world: World, spec: Json, old: Json) -> bool:
    within, began = spec.get("activeDeadlineSeconds"), old.get("startTime")
    if within is None or began is None:
        return False
    end = moment(began) + float(within)
    if world.clock.now() < end:
        world.wake_at(end)
        return False
    return True


_SAID = {
    "": ("SuccessCriteriaMet", "Complete", "CompletionsReached", "Reached expected number of succeeded pods"),
    "BackoffLimitExceeded": (
        "FailureTarget", "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit",
    ),
    "DeadlineExceeded": (
        "FailureTarget", "Failed", "DeadlineExceeded", "Job was active longer than specified deadline",
    ),
}  # fmt: skip


def _ends(world: World, why: str) -> list[Json]:
    """The two conditions of an end: that it is decided, and that all pods have ended."""
    now = stamp(world.clock.now())
    first, last, reason, message = _SAID[why]
    shared = {"lastProbeTime": now, "lastTransitionTime": now, "reason": reason, "message": message}
    return [{"type": kind, "status": "True", **shared} for kind in (first, last)]


def end_of(job: Json) -> tuple[str, float] | None:
    """(Complete or Failed, when) of a Job that has ended."""
    for one in dig(job, "status", "conditions", default=[]):
        if one["type"] in ENDED and one["status"] == "True":
            return one["type"], moment(one["lastTransitionTime"])
    return None


def remove_old(world: World) -> None:
    """Runs that their own time to live or their CronJob's limits don't keep."""
    for job in world.store.list(by_kind("Job")):
        lasts, end = job["spec"].get("ttlSecondsAfterFinished"), end_of(job)
        if lasts is not None and end is not None:
            due = end[1] + float(lasts)
            if due <= world.clock.now():
                _remove(world, job)
            else:
                world.wake_at(due)
    for cronjob in world.store.list(by_kind("CronJob")):
        runs = [(end_of(job), job) for job in world.owned(by_kind("Job"), cronjob)]
        for result, field in _LIMITS:
            ended = sorted(
                ((end[1], job["metadata"]["name"], job) for end, job in runs if end is not None and end[0] == result),
                key=lambda one: one[:2],
            )
            for _, _, job in ended[: max(0, len(ended) - int(cronjob["spec"].get(field, 1)))]:
                _remove(world, job)


def _remove(world: World, job: Json) -> None:
    meta = job["metadata"]
    if not meta.get("deletionTimestamp") and world.store.get(by_kind("Job"), meta["namespace"], meta["name"]):
        world.writes.delete(by_kind("Job"), meta["namespace"], meta["name"], Deletion())
