"""A Job that failed or doesn't end: why its pods ended, and whether earlier runs of the same schedule went well.

Images, configuration, memory and room are told by their own findings, which weigh more. It refuses to run again what
fails the same way each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.observed import JobSeen
from bot.findings import cures
from bot.findings.about import About
from bot.findings.case import Case
from bot.findings.dependencies import suspect
from bot.findings.endings import UNSTARTABLE, heard, how_it_ended, last_words
from bot.findings.lines import Points
from bot.findings.phrases import cut, instant, number_of, span, stop
from bot.findings.sick import How

ABOUT = About(
    Cause.JOB_FAILED,
    "a Job that failed",
    "The Job's own condition says failed, and the changes or its history were read.",
    "Pods of a Job failed and the Job wasn't read; or it runs longer than the alert allows.",
    "The alert alone.",
    "Run it again if the newest run before went well and the reason may have passed (a node, a dependency, a "
    "deadline); "
    "delete it if a later run of its schedule went well; "
    "nothing if runs keep failing or the last words name a setting.",
    72,
)
ALERTS = ("KubeJobFailed", "KubeJobNotCompleted", "KubeJobCompletion", "KubeCronJob*", "CronJob*")
KINDS = ("Job", "CronJob")


def find(case: Case) -> Finding | None:
    """The newest Job that failed, or one that doesn't end."""
    alert = case.alert(*ALERTS)
    if alert is None and (case.target is None or case.target.kind not in KINDS):
        return None
    label = alert.labels.get("job_name", "") if alert is not None else ""
    rows = case.jobs or ()
    job = next((one for one in rows if one.name == label), None) or next(
        (one for one in rows if one.result == "failed"), None
    )
    if job is not None and job.result == "failed":
        return _failed(case, job, rows)
    ill = case.sick_with(How.FAILED, How.CRASH)
    if ill and case.jobs is None:
        confidence, doubt = case.sure(Confidence.MEDIUM, "jobs", "pods")
        text = f"Its pods failed: {how_it_ended(case, ill) or 'no reason is told'}"
        return _finding(
            text,
            confidence,
            doubt,
            [Cite("pods", f"{number_of(len(ill), 'pod')} failed")],
            "its pods' own state",
            (),
            "",
        )
    running = next((one for one in rows if one.active and not one.result), None)
    if running is not None and alert is not None and not ill:
        began = instant(running.started_at)
        lasted = f" for {span(case.now - began)}" if began is not None else ""
        confidence, doubt = case.sure(Confidence.MEDIUM, "jobs", "pods")
        text = f"Job {running.name} has been running{lasted} and hasn't ended"
        return _finding(
            text,
            confidence,
            doubt,
            [Cite("jobs", f"{running.name}: {running.active} active")],
            "the Job's own status",
            (),
            "It still runs: look at what it does before ending it.",
            "slow",
        )
    if alert is not None and not rows and not ill:
        confidence, doubt = case.sure(Confidence.LOW, "jobs", "pods")
        return _finding(
            f"{alert.name} fires for {cut(label, 80) or 'a Job'}; nothing of it could be read",
            confidence,
            doubt,
            [Cite("alerts", alert.name)],
            "the alert alone",
            (),
            "",
        )
    return None


def _failed(case: Case, job: JobSeen, rows: tuple[JobSeen, ...]) -> Finding:
    ill = case.sick_with(How.FAILED, How.CRASH, How.START, How.EVICTED)
    words = last_words(case, ill)
    earlier = [one for one in rows if one is not job and one.result]
    went_well = bool(earlier) and earlier[0].result == "complete"
    keeps = [one for one in earlier if one.result == "failed"]
    confidence, doubt = case.sure(Confidence.HIGH, "jobs", "pods")
    why = how_it_ended(case, ill)
    late = job.reason == "DeadlineExceeded"
    text = f"Job {job.name} failed"
    text += (
        " because it ran longer than its deadline"
        if late
        else f" after {number_of(job.failed, 'attempt')}"
        if job.failed
        else ""
    )
    text += f": {why}" if why else f" ({cut(job.message or job.reason, 120)})" if job.message or job.reason else ""
    basis = "the Job's own condition"
    basis += (
        ", the run before went well"
        if went_well
        else f", {number_of(len(keeps), 'run')} before failed too"
        if keeps
        else ""
    )
    cites = [Cite("jobs", f"{job.name}: {job.reason or 'failed'}{f', {cut(job.message, 120)}' if job.message else ''}")]
    if words is not None:
        cites.append(Cite("logs", cut(words.line)))
    later = _later(job, earlier)
    basis = f"{basis}, and {later.name} after it went well" if later is not None else basis
    suggestions, no_help = _over(case, job, later) if later is not None else ((), "")
    if later is None:
        suggestions, no_help = _cures(case, job, went_well=went_well and not keeps, late=late)
    found = _finding(text, confidence, doubt, cites, basis, suggestions, no_help, job.reason)
    return replace(found, said=heard(case, ill))


def _later(job: JobSeen, others: Sequence[JobSeen]) -> JobSeen | None:
    """The newest run, if it began after this one failed and went well: then what failed is over."""
    newest = max((one for one in others if one.started_at), key=lambda one: one.started_at, default=None)
    if newest is None or not job.cronjob or newest.started_at <= (job.finished_at or job.started_at):
        return None
    return newest if newest.result == "complete" else None


def _over(case: Case, job: JobSeen, later: JobSeen) -> tuple[tuple[Suggestion, ...], str]:
    """The failed Job only keeps its alert firing."""
    line = cures.kubectl(case.target, "delete", "job", job.name)
    reason = f"{later.name} went well since; what failed only keeps its alert firing"
    return (Suggestion("delete_failed_job", {"job": job.name}, reason, line),), ""


def _cures(case: Case, job: JobSeen, *, went_well: bool, late: bool) -> tuple[tuple[Suggestion, ...], str]:
    ill = case.sick_with(How.FAILED, How.CRASH, How.START, How.EVICTED)
    words, others = last_words(case, ill), suspect(case)
    passing = any(one.how is How.EVICTED for one in ill) or (
        words is not None and words.points in {Points.DEPENDENCY, Points.LOCAL}
    )
    started_wrong = any(one.exit_code in UNSTARTABLE for one in ill)
    if others is not None and others.alert is not None:
        return (), f"{others.who} has to be back first; then run it again."
    if not went_well or started_wrong or late or not passing:
        return (), "A new run would end the same way as far as can be seen: look at its last words first."
    name = f"{job.name}-again"
    source = f"--from=cronjob/{job.cronjob}" if job.cronjob else ""
    line = (
        cures.kubectl(case.target, "create", "job", name, source)
        if source
        else cures.kubectl(case.target, "delete", "job", job.name)
    )
    return (
        Suggestion("rerun_job", {"job": job.name}, "the run before went well, and the reason may have passed", line),
    ), ""


def _finding(
    text: str,
    confidence: Confidence,
    doubt: str,
    cites: list[Cite],
    basis: str,
    suggestions: tuple[Suggestion, ...],
    no_help: str,
    detail: str = "",
) -> Finding:
    why = "" if suggestions else no_help or "Look at the Job's pods and their last words first."
    return Finding(
        Cause.JOB_FAILED, stop(text), confidence, tuple(cites), basis, doubt, detail, suggestions, why, ABOUT.weight
    )
