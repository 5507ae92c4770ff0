"""Dependencies: who says so, who bears witness, and when it is something else."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence
from bot.domain.observed import LogCountSeen, SignatureSeen
from tests.unit.findings.recorded import (
    NOW,
    REVISIONS,
    UNCHANGED,
    ago,
    alert,
    change,
    crashing,
    event,
    find,
    first,
    pod,
    said,
    snap,
    unready,
    without,
)

LINE = 'connection to server at "db" (10.3.0.7), port 5432 failed: Connection refused'
BOTH = [crashing("api-1"), crashing("api-2")]


def down(**rows: Any) -> dict[str, Any]:
    logs = [said(LINE, name="api-1"), said(LINE, name="api-2")]
    return {**UNCHANGED, "pods": BOTH, "logs": logs, **rows}


def test_all_pods_that_say_so_on_an_old_template_make_it_sure_and_nothing_is_proposed() -> None:
    found = first(snap(**down()))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.DEPENDENCY_DOWN, Confidence.HIGH, ())
    assert found.sentence == f"Both pods fail to reach db:5432: “{LINE}”."
    assert "Nothing done to this workload brings db:5432 back" in found.no_help


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ('level=fatal error="dial tcp 10.3.9.7:5432: connect: connection refused"', "10.3.9.7:5432"),
        ("dial tcp: lookup db.shop.svc on 10.96.0.10:53: no such host", "db.shop.svc"),
        ("redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.", "redis:6379"),
        ("Error: getaddrinfo ENOTFOUND payments", "payments"),
        ("java.net.UnknownHostException: kafka-0.kafka", "kafka-0.kafka"),
        ("HTTPConnectionPool(host='auth', port=8080): Max retries exceeded with url: / (MaxRetryError)", "auth:8080"),
        ("java.net.ConnectException: Connection refused", ""),
    ],
)
def test_the_host_is_read_out_of_what_drivers_write(line: str, host: str) -> None:
    found = first(snap(**down(logs=[said(line, name="api-1"), said(line, name="api-2")])))
    assert (found.cause, found.detail) == (Cause.DEPENDENCY_DOWN, host)


def test_one_pod_alone_is_medium_and_an_alert_about_the_host_makes_it_high() -> None:
    alone = down(pods=[crashing()], logs=[said(LINE)])
    found = first(snap(**alone))
    assert (found.cause, found.confidence) == (Cause.DEPENDENCY_DOWN, Confidence.MEDIUM)
    borne = first(snap(alert(), alert("TargetDown", job="db"), **alone))
    assert borne.confidence is Confidence.HIGH
    assert "TargetDown fires for it" in borne.basis


def test_an_alert_about_the_target_itself_bears_no_witness() -> None:
    own = "dial tcp: lookup api on 10.96.0.10:53: no such host"
    found = find(
        Cause.DEPENDENCY_DOWN,
        snap(alert(), alert("TargetDown", job="api"), **down(pods=[crashing()], logs=[said(own)])),
    )
    assert found is not None
    assert "TargetDown" not in found.basis


def test_siblings_that_are_well_leave_it_low_and_the_crash_has_the_word() -> None:
    pods = [crashing("api-1"), pod("api-2"), pod("api-3")]
    found = first(snap(**down(pods=pods, logs=[said(LINE)])))
    assert found.cause is Cause.CRASH_LOOP
    low = find(Cause.DEPENDENCY_DOWN, snap(**down(pods=pods, logs=[said(LINE)])))
    assert low is not None
    assert low.confidence is Confidence.LOW


def test_a_change_of_the_address_is_the_rollouts() -> None:
    pods = [crashing("api-8", minutes=8, hash="new"), pod("api-1"), pod("api-2")]
    rows = down(
        pods=pods, logs=[said(LINE, name="api-8")], changes=[change("env: DB_HOST changed")], revisions=REVISIONS
    )
    assert first(snap(**rows)).cause is Cause.BAD_ROLLOUT
    assert find(Cause.DEPENDENCY_DOWN, snap(**rows)) is None


def test_a_rollout_whose_old_pods_say_the_same_isnt_to_blame() -> None:
    pods = [crashing("api-8", minutes=8, hash="new"), crashing("api-1"), crashing("api-2")]
    logs = [said(LINE, name="api-8"), said(LINE, name="api-1")]
    found = first(snap(**down(pods=pods, logs=logs, changes=[change()], revisions=REVISIONS)))
    assert (found.cause, found.confidence) == (Cause.DEPENDENCY_DOWN, Confidence.HIGH)


def test_pods_that_run_and_arent_ready_say_it_in_their_current_log() -> None:
    logs = [said(LINE, name="api-1", previous=False), said(LINE, name="api-2", previous=False)]
    rows = down(
        pods=[unready("api-1"), unready("api-2")], logs=logs, events=[event("Unhealthy", "Readiness probe failed: 503")]
    )
    assert first(snap(**rows)).cause is Cause.DEPENDENCY_DOWN


def test_errors_that_were_always_there_accuse_nobody() -> None:
    chronic = replace(said(LINE, name="api-1", previous=False, first=300), tail=())
    rows = down(pods=[pod()], logs=[chronic])
    assert find(Cause.DEPENDENCY_DOWN, snap(alert("HighErrorRate", service="api"), **rows)) is None


def test_the_log_store_tells_that_they_are_new() -> None:
    bare = snap(alert("HighErrorRate", service="api"), **down(pods=[pod()], logs=[said("served", previous=False)]))
    before = LogCountSeen(ago(40), 1800, 2, 0.001)
    after = LogCountSeen(ago(8), 480, 90, 0.2, (SignatureSeen(LINE, 90, LINE),))
    told = Evidence("log_errors", EvidenceStatus.OK, "", NOW, {"before": asdict(before), "after": asdict(after)})
    found = first(replace(bare, evidence={**bare.evidence, "log_errors": told}))
    assert (found.cause, found.confidence) == (Cause.DEPENDENCY_DOWN, Confidence.HIGH)
    assert "weren't there before" in found.basis


def test_without_logs_nothing_is_accused_and_without_changes_it_is_never_sure() -> None:
    assert find(Cause.DEPENDENCY_DOWN, without(snap(**down()), "logs")) is None
    found = find(Cause.DEPENDENCY_DOWN, without(snap(**down()), "changes"))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_target_that_is_well_has_no_dependency_down() -> None:
    assert find(Cause.DEPENDENCY_DOWN, snap(**down(pods=[pod()], logs=[said(LINE, previous=False)]))) is None


def test_the_last_words_of_a_run_that_ended_hours_ago_accuse_nobody_now() -> None:
    """The pods restarted in the night when the database was away; what the service has at noon is another story."""
    long_ago = [
        replace(one, signatures=tuple(replace(each, first_at=ago(600), last_at=ago(540)) for each in one.signatures))
        for one in (said(LINE, name="api-1"), said(LINE, name="api-2"))
    ]
    pods = [pod("api-1"), pod("api-2")]
    told = snap(alert("HighErrorRate", service="api"), **{**UNCHANGED, "pods": pods, "logs": long_ago})
    assert find(Cause.DEPENDENCY_DOWN, told) is None
    lately = {**UNCHANGED, "pods": pods, "logs": [said(LINE, name="api-1"), said(LINE, name="api-2")]}
    assert find(Cause.DEPENDENCY_DOWN, snap(alert("HighErrorRate", service="api"), **lately)) is not None


def test_the_last_words_of_a_run_that_ended_just_now_count_however_long_ago_they_were_said() -> None:
    """A quiet program says nothing for hours, and ends."""
    quiet = [
        replace(one, signatures=tuple(replace(each, first_at=ago(600), last_at=ago(540)) for each in one.signatures))
        for one in (said(LINE, name="api-1"), said(LINE, name="api-2"))
    ]
    pods = [crashing("api-1"), crashing("api-2")]
    told = snap(alert("HighErrorRate", service="api"), **{**UNCHANGED, "pods": pods, "logs": quiet})
    assert find(Cause.DEPENDENCY_DOWN, told) is not None
