"""Jobs as rows: how each went, and the CronJob above it. Pure."""

from __future__ import annotations

from bot.domain.observed import JobSeen
from bot.kube.containers import words
from bot.kube.objects import Json, controller, count, dig, mapping, text

RESULTS = {"Complete": "complete", "SuccessCriteriaMet": "complete", "Failed": "failed", "FailureTarget": "failed"}
"""Conditions that settle a Job; the second of each pair comes first, while its last pods still end."""


def read_job(job: Json, cronjob: Json | None = None) -> JobSeen:
    """One row; ``cronjob`` is its owner's object where that was read."""
    owner = controller(job)
    above = owner[1] if owner is not None and owner[0] == "CronJob" else ""
    status = mapping(job, "status")
    ends: list[Json] = [
        one for one in status.get("conditions") or [] if text(one, "type") in RESULTS and text(one, "status") == "True"
    ]
    end: Json = ends[0] if ends else {}
    limit = dig(job, "spec", "backoffLimit")
    return JobSeen(
        name=text(job, "metadata", "name"),
        cronjob=above,
        active=count(status, "active"),
        succeeded=count(status, "succeeded"),
        failed=count(status, "failed"),
        backoff_limit=limit if isinstance(limit, int) else None,
        started_at=text(status, "startTime"),
        finished_at=text(status, "completionTime") or text(end, "lastTransitionTime"),
        result=RESULTS.get(text(end, "type"), ""),
        reason=text(end, "reason"),
        message=words(end),
        schedule=_schedule(cronjob),
        suspended=bool(dig(job, "spec", "suspend")) or bool(dig(cronjob, "spec", "suspend")),
    )


def _schedule(cronjob: Json | None) -> str:
    zone = text(cronjob, "spec", "timeZone")
    return f"{text(cronjob, 'spec', 'schedule')}{f' ({zone})' if zone else ''}"
