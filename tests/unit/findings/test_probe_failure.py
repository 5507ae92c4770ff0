"""Probes: kills for liveness, readiness that fails, and what only looks like it."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause, Confidence
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    change,
    crashing,
    event,
    find,
    first,
    part,
    pod,
    recorded,
    said,
    snap,
    unready,
    without,
)

READY = "Readiness probe failed: HTTP probe failed with statuscode: 503"
LIVE = "Liveness probe failed: HTTP probe failed with statuscode: 500"
CALM = [said("served", name="api-1", previous=False)]


def failing(**rows: object) -> dict[str, object]:
    pods = [unready(), pod("api-2"), pod("api-3")]
    return {**UNCHANGED, "pods": pods, "events": [event("Unhealthy", READY)], "logs": CALM, **rows}


def test_one_stuck_pod_is_evicted_and_several_are_restarted() -> None:
    one = first(snap(**failing()))
    assert (one.cause, one.confidence) == (Cause.PROBE_FAILURE, Confidence.HIGH)
    assert one.sentence == f"1 of 3 pods runs and fails the readiness probe: {READY}."
    assert [step.action for step in one.suggestions] == ["evict", "restart"]
    several = first(snap(**failing(pods=[unready(), unready("api-2"), pod("api-3")])))
    assert several.suggestions[0].action == "restart"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (137, event("Killing", "Container api failed liveness probe, will be restarted")),
        (137, event("Unhealthy", LIVE)),
        (143, event("Unhealthy", "Startup probe failed: connection refused")),
        (143, event("Pulled", "Container image already present")),
    ],
)
def test_a_kill_by_a_probe_isnt_restarted_once_more(code: int, told: object) -> None:
    found = first(snap(**failing(pods=[crashing(code=code), pod("api-2")], events=[told])))
    assert (found.cause, found.detail, found.suggestions) == (Cause.PROBE_FAILURE, "liveness", ())


def test_a_kill_of_another_pod_says_nothing_about_this_one() -> None:
    told = event("Killing", "Container web failed liveness probe, will be restarted", "Pod web-7")
    assert find(Cause.PROBE_FAILURE, snap(**failing(pods=[crashing(code=137)], events=[told]))) is None


def test_a_dependency_in_the_logs_takes_the_restart_away() -> None:
    down = [said("Error: connect ECONNREFUSED 10.3.0.4:6379", name="api-1", previous=False)]
    found = find(Cause.PROBE_FAILURE, snap(**failing(logs=down)))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.MEDIUM, ())


def test_a_new_template_that_never_got_ready_is_the_rollouts() -> None:
    rows = failing(pods=[unready(minutes=8, hash="new"), pod("api-2")], changes=[change()], revisions=REVISIONS)
    assert first(snap(**rows)).cause is Cause.BAD_ROLLOUT
    found = find(Cause.PROBE_FAILURE, snap(**rows))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.LOW, ())


@pytest.mark.parametrize("source", ["events", "changes", "logs", "nodes"])
def test_what_wasnt_read_leaves_it_medium_at_most(source: str) -> None:
    found = find(Cause.PROBE_FAILURE, without(snap(**failing()), source))
    assert found is not None
    assert found.confidence is not Confidence.HIGH
    assert source in found.doubt


def test_unread_logs_or_changes_forbid_the_restart() -> None:
    for source in ("logs", "changes"):
        found = find(Cause.PROBE_FAILURE, without(snap(**failing()), source))
        assert found is not None
        assert found.suggestions == ()


def test_pods_on_a_silent_node_fail_no_probe() -> None:
    assert find(Cause.PROBE_FAILURE, recorded("node-silent")) is None
    lost = pod("api-1", part(), ready=False)
    assert find(Cause.PROBE_FAILURE, snap(**failing(pods=[lost]))) is None


def test_an_event_of_a_pod_that_is_ready_again_is_nothing() -> None:
    assert find(Cause.PROBE_FAILURE, snap(**failing(pods=[pod("api-1"), pod("api-2")]))) is None
