"""Jobs: why they failed, and whether another run may end otherwise."""

from __future__ import annotations

from typing import Any

from bot.domain.evidence import PodRow
from bot.domain.finding import Cause, Confidence
from bot.domain.observed import JobSeen
from bot.domain.target import Target
from tests.unit.findings.recorded import (
    UNCHANGED,
    ago,
    alert,
    find,
    first,
    part,
    pod,
    said,
    snap,
    waiting,
    without,
)

TARGET = Target("CronJob", "shop", "report")
FAILED = alert("KubeJobFailed", job_name="report-2")
MESSAGE = "Job has reached the specified backoff limit"
BAD = JobSeen("report-2", "report", 0, 0, 3, 2, ago(30), ago(8), "failed", "BackoffLimitExceeded", MESSAGE)
GOOD = JobSeen("report-1", "report", 0, 1, 0, 2, ago(90), ago(80), "complete")


def ended(name: str = "report-2-x", code: int = 1, **changes: Any) -> PodRow:
    one = part(
        ready=False, state="terminated", reason="Error", last_exit=code, last_reason="Error", last_finished_at=ago(9)
    )
    return pod(name, one, minutes=12, phase="Failed", **changes)


def job(*lines: str, jobs: tuple[JobSeen, ...] = (BAD, GOOD), **rows: Any) -> dict[str, Any]:
    logs = [said(*lines, name="report-2-x", previous=False)] if lines else []
    return {**UNCHANGED, "pods": [ended()], "jobs": jobs, "logs": logs, **rows}


def test_the_jobs_condition_and_its_pods_last_words_are_told() -> None:
    found = first(snap(FAILED, target=TARGET, **job("ValueError: no rows")))
    assert (found.cause, found.confidence) == (Cause.JOB_FAILED, Confidence.HIGH)
    assert found.sentence == "Job report-2 failed after 3 attempts: exit 1, “ValueError: no rows”."


def test_a_reason_that_passes_is_run_again_if_the_run_before_went_well() -> None:
    line = "Error 111 connecting to redis:6379. Connection refused."
    found = first(snap(FAILED, target=TARGET, **job(line)))
    assert [one.action for one in found.suggestions] == ["rerun_job"]
    assert found.suggestions[0].by_hand == "kubectl -n shop create job report-2-again --from=cronjob/report"
    twice = JobSeen("report-1", "report", 0, 0, 3, 2, ago(90), ago(80), "failed", "BackoffLimitExceeded")
    assert first(snap(FAILED, target=TARGET, **job(line, jobs=(BAD, twice)))).suggestions == ()


def test_a_bug_a_setting_and_a_deadline_arent_run_again() -> None:
    for lines in (("panic: index out of range",), ("KeyError: 'DB_URL'",)):
        assert first(snap(FAILED, target=TARGET, **job(*lines))).suggestions == ()
    late = JobSeen(
        "report-2", "report", 0, 0, 1, 2, ago(30), ago(8), "failed", "DeadlineExceeded", "longer than deadline"
    )
    found = first(snap(FAILED, target=TARGET, **job(jobs=(late, GOOD))))
    assert found.suggestions == ()
    assert "ran longer than its deadline" in found.sentence


def test_an_evicted_pod_is_run_again() -> None:
    gone = ended(reason="Evicted", message="The node was low on resource: memory.")
    found = find(Cause.JOB_FAILED, snap(FAILED, target=TARGET, **job(pods=[gone])))
    assert found is not None
    assert [one.action for one in found.suggestions] == ["rerun_job"]


def test_an_image_that_isnt_there_weighs_more_than_the_job() -> None:
    pods = [waiting("ImagePullBackOff", 'Back-off pulling image "x": ErrImagePull: x: not found', "report-2-x")]
    running = JobSeen("report-2", "report", 1, 0, 0, 2, ago(30))
    assert first(snap(FAILED, target=TARGET, **job(pods=pods, jobs=(running, GOOD)))).cause is Cause.IMAGE_PULL


def test_one_that_doesnt_end_is_told_and_left_alone() -> None:
    slow = alert("KubeJobNotCompleted", job_name="report-2")
    running = JobSeen("report-2", "report", 1, 0, 0, 2, ago(300))
    found = first(snap(slow, target=TARGET, **job(pods=[pod("report-2-x")], jobs=(running, GOOD))))
    assert (found.cause, found.detail, found.suggestions) == (Cause.JOB_FAILED, "slow", ())


def test_unread_jobs_leave_the_pods_word_at_medium_and_nothing_at_low() -> None:
    by_pods = find(Cause.JOB_FAILED, without(snap(FAILED, target=TARGET, **job("ValueError: x")), "jobs"))
    alone = find(Cause.JOB_FAILED, snap(FAILED, target=TARGET))
    assert by_pods is not None
    assert alone is not None
    assert (by_pods.confidence, alone.confidence) == (Confidence.MEDIUM, Confidence.LOW)


def test_a_deployment_without_a_job_alert_has_no_job() -> None:
    assert find(Cause.JOB_FAILED, snap(alert("KubePodCrashLooping"), jobs=[BAD], pods=[ended()])) is None


def test_each_alert_about_a_job_that_doesnt_end_is_one() -> None:
    running = JobSeen("report-2", "", 1, 0, 0, 2, ago(800))
    for name in ("KubeJobNotCompleted", "KubeJobCompletion"):
        found = first(snap(alert(name, job_name="report-2"), target=Target("Job", "shop", "report-2"), jobs=[running]))
        assert (found.cause, found.detail) == (Cause.JOB_FAILED, "slow"), name


def test_what_failed_is_deleted_once_a_later_run_went_well_and_not_before() -> None:
    later = JobSeen("report-3", "report", 0, 1, 0, 2, ago(5), ago(3), "complete")
    found = first(snap(FAILED, target=TARGET, **job("panic: no rows", jobs=(later, BAD, GOOD))))
    assert [(one.action, one.params) for one in found.suggestions] == [("delete_failed_job", {"job": "report-2"})]
    assert found.suggestions[0].by_hand == "kubectl -n shop delete job report-2"
    assert "report-3 after it went well" in found.basis
    running = JobSeen("report-3", "report", 1, 0, 0, 2, ago(5), "")
    failed = JobSeen("report-3", "report", 0, 0, 3, 2, ago(5), ago(3), "failed")
    beside = JobSeen("report-3", "report", 0, 1, 0, 2, ago(20), ago(3), "complete")
    for other in (running, failed, beside):
        found = first(snap(FAILED, target=TARGET, **job("panic: no rows", jobs=(other, BAD, GOOD))))
        assert "delete_failed_job" not in [one.action for one in found.suggestions], other


def test_a_job_by_hand_is_never_suggested_for_deletion() -> None:
    alone = JobSeen("report-2", "", 0, 0, 3, 2, ago(30), ago(8), "failed", "BackoffLimitExceeded", MESSAGE)
    later = JobSeen("report-3", "", 0, 1, 0, 2, ago(5), ago(3), "complete")
    assert first(snap(FAILED, target=TARGET, **job("panic: no rows", jobs=(later, alone)))).suggestions == ()
