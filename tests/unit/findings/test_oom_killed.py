"""Kills for memory: the kernel's word, the course of the memory, and what is no kill for memory."""

from __future__ import annotations

from bot.domain.finding import Cause, Confidence
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    ago,
    change,
    crashing,
    event,
    find,
    first,
    part,
    pod,
    recorded,
    series,
    snap,
    without,
)

LIMIT = 2.0**29
KILLED = crashing(code=137, reason="OOMKilled")


def memory(*shares: float) -> list[object]:
    return [series("memory", *[LIMIT * share for share in shares], unit="bytes", pod="api-1", container="api")]


def test_the_recorded_one_has_no_limit_of_its_own_and_so_nothing_to_raise() -> None:
    found = first(recorded("oom-old-template"))
    assert (found.cause, found.confidence, found.suggestions) == (Cause.OOM_KILLED, Confidence.HIGH, ())
    assert "no limit" in found.sentence


def test_a_leak_is_told_by_its_rise_and_relieved_by_a_restart_after_a_dump() -> None:
    rise = memory(*[0.3 + 0.012 * step for step in range(58)])
    found = first(snap(**{**UNCHANGED, "pods": [KILLED, pod("api-2")], "series": rise}))
    assert (found.cause, found.detail, found.confidence) == (Cause.OOM_KILLED, "leak", Confidence.HIGH)
    assert [one.action for one in found.suggestions] == ["heap_dump", "restart"]
    assert "no cure" in found.suggestions[1].reason
    assert found.suggestions[0].params == {"pod": "api-1", "container": "api"}


def test_a_jump_and_a_level_ask_for_a_higher_limit_and_never_for_a_restart() -> None:
    jump = first(
        snap(**{**UNCHANGED, "pods": [KILLED], "series": memory(*[0.4] * 30, 0.97, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4)})
    )
    level = first(snap(**{**UNCHANGED, "pods": [KILLED], "series": memory(*[0.93] * 40)}))
    assert (jump.detail, level.detail) == ("spike", "level")
    for found in (jump, level):
        assert [one.action for one in found.suggestions] == ["set_resources"]
        assert found.suggestions[0].params == {"container": "api", "limits": "memory=768Mi"}


def test_a_kill_that_follows_a_new_template_is_the_rollouts() -> None:
    pods = [crashing("api-9", 137, "OOMKilled", minutes=8, hash="new"), pod("api-1"), pod("api-2")]
    found = first(snap(**{**UNCHANGED, "pods": pods, "changes": [change()], "revisions": REVISIONS}))
    assert (found.cause, found.detail) == (Cause.BAD_ROLLOUT, "oom")


def test_exit_137_at_the_limit_without_the_kernels_word_is_medium() -> None:
    found = find(
        Cause.OOM_KILLED,
        snap(**{**UNCHANGED, "pods": [crashing(code=137)], "series": memory(*[0.5, 0.7, 0.9, 0.98] * 5)}),
    )
    assert found is not None
    assert found.confidence is Confidence.MEDIUM


def test_a_probes_kill_is_none_though_the_code_is_the_same() -> None:
    killing = event("Killing", "Container api failed liveness probe, will be restarted")
    rows = {**UNCHANGED, "pods": [crashing(code=137)], "events": [killing], "series": memory(*[0.97] * 20)}
    assert find(Cause.OOM_KILLED, snap(**rows)) is None
    assert first(snap(**rows)).cause is Cause.PROBE_FAILURE


def test_exit_137_alone_is_none() -> None:
    assert find(Cause.OOM_KILLED, snap(**{**UNCHANGED, "pods": [crashing(code=137)]})) is None


def test_a_kill_of_yesterday_of_a_pod_that_runs_well_is_history() -> None:
    old = pod(container=part(restarts=2, last_exit=137, last_reason="OOMKilled", last_finished_at=ago(1500)))
    assert find(Cause.OOM_KILLED, snap(**{**UNCHANGED, "pods": [old]})) is None


def test_without_the_changes_it_is_never_sure() -> None:
    found = find(Cause.OOM_KILLED, without(snap(**{**UNCHANGED, "pods": [KILLED]}), "changes"))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
