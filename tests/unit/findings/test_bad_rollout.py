"""A bad rollout: pods of the new template alone fail, or the service does since the change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import WorkloadSeen
from bot.domain.snapshot import Snapshot
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    ago,
    alert,
    change,
    crashing,
    find,
    first,
    pod,
    recorded,
    said,
    series,
    snap,
    unready,
    without,
)

OLD = [pod(f"api-{number}") for number in range(1, 5)]
NEW = [crashing("api-8", minutes=8.5, hash="new"), crashing("api-9", minutes=8.5, hash="new")]


def rolled(**rows: object) -> Snapshot:
    whole = {**UNCHANGED, "pods": [*NEW, *OLD], "changes": [change()], "revisions": REVISIONS, **rows}
    return snap(**whole)


@pytest.mark.parametrize(
    ("name", "confidence"),
    [
        ("rollout-crashes", Confidence.HIGH),
        ("rollout-not-ready", Confidence.HIGH),
        ("rollout-starves", Confidence.MEDIUM),  # it completed, and the revision before had stood for a second
    ],
)
def test_recorded_rollouts_that_fail_are_told_with_the_way_back(name: str, confidence: Confidence) -> None:
    found = first(recorded(name))
    assert (found.cause, found.confidence) == (Cause.BAD_ROLLOUT, confidence)
    assert found.suggestions[0].action == "rollback"
    assert found.suggestions[0].params == {"revision": "1"}
    assert "rev 1 → 2" in found.sentence


def test_the_sentence_says_who_changed_what_and_how_it_ends() -> None:
    logs = [said("KeyError: 'DB_URL'", name=name) for name in ("api-8", "api-9")]
    found = first(rolled(changes=[change("image api:1.4.1 → 1.4.2; env: DB_URL gone")], logs=logs))
    assert found.sentence == (
        "The rollout of 03:05 UTC (rev 41 → 42, api:1.4.2, by kubectl by kim) crashes at start: exit 1, “KeyError: "
        "'DB_URL'”."
    )
    assert found.basis.startswith("first failure ")
    assert found.basis.endswith("4 pods of the template before are ready")
    assert found.suggestions[0].by_hand == "kubectl -n shop rollout undo deployment/api --to-revision=41"
    assert {one.source for one in found.cites} == {"pods", "changes"}


def test_without_hashes_pods_are_told_apart_by_their_age() -> None:
    bare = [replace(one, hash="") for one in REVISIONS]
    assert first(rolled(revisions=bare)).cause is Cause.BAD_ROLLOUT


def test_without_changes_two_templates_at_once_still_tell_but_never_surely() -> None:
    found = first(without(rolled(), "changes"))
    assert (found.cause, found.confidence) == (Cause.BAD_ROLLOUT, Confidence.MEDIUM)
    assert "nothing is known of changes" in found.doubt


def test_what_fails_half_an_hour_after_a_finished_rollout_isnt_its_doing() -> None:
    pods = [crashing("api-1", hash="new", minutes=50)]
    late = snap(**{**UNCHANGED, "pods": pods, "changes": [change(minutes=51)], "revisions": REVISIONS})
    found = find(Cause.BAD_ROLLOUT, late)
    assert found is None


def test_pods_of_the_old_template_that_fail_alike_clear_the_change() -> None:
    pods = [crashing(f"api-{number}", minutes=600) for number in range(1, 4)]
    assert find(Cause.BAD_ROLLOUT, rolled(pods=[*NEW, *pods])) is None


def test_a_restart_is_no_change_of_the_template() -> None:
    assert find(Cause.BAD_ROLLOUT, rolled(changes=[change("all pods restarted", kind="restart")])) is None


def test_a_dependency_with_an_alert_of_its_own_has_the_word() -> None:
    logs = [said("dial tcp: lookup db on 10.96.0.10:53: no such host", name="api-8")]
    whole = {**UNCHANGED, "pods": [*NEW, *OLD], "changes": [change()], "revisions": REVISIONS, "logs": logs}
    found = first(snap(alert(), alert("TargetDown", job="db", service="db"), **whole))
    assert found.cause is Cause.DEPENDENCY_DOWN


def test_two_things_against_it_leave_it_low_and_without_a_proposal() -> None:
    found = find(Cause.BAD_ROLLOUT, rolled(revisions=[], pods=NEW, changes=[change(minutes=30)]))
    assert found is not None
    assert (found.confidence, found.suggestions) == (Confidence.LOW, ())
    assert found.no_help


def test_errors_that_rise_at_the_change_are_measured() -> None:
    quiet, loud = [0.002] * 20, [0.3] * 10
    rows = {
        **UNCHANGED, "pods": [pod(f"api-{n}", minutes=8.5, hash="new") for n in range(4)], "changes": [change()],
        "revisions": REVISIONS, "series": [series("errors", *quiet, *loud)], "logs": [said("ValueError: x",
        name="api-1", previous=False)],
    }  # fmt: skip
    found = first(snap(alert("HighErrorRate", 8, service="api"), **rows))
    assert (found.cause, found.confidence, found.detail) == (Cause.BAD_ROLLOUT, Confidence.HIGH, "service")
    assert "errors rose from 0.2 % to 30 %" in found.sentence
    assert found.basis == "the rise began with the change", "not the same numbers once more"
    titled = first(snap(alert("HighErrorRate", 8, service="api"), **{**rows, "series": [
        replace(rows["series"][0], title="Failed requests (5xx)")]}))  # fmt: skip
    assert "starts, and failed requests (5xx) rose from" in titled.sentence
    flat = {**rows, "series": [series("errors", *[0.002] * 29)]}
    assert find(Cause.BAD_ROLLOUT, snap(alert("HighErrorRate", 8, service="api"), **flat)) is None


def test_a_coincidence_of_times_alone_proposes_nothing() -> None:
    rows = {**UNCHANGED, "pods": [pod(minutes=8.5, hash="new")], "changes": [change()], "revisions": REVISIONS}
    found = first(snap(alert("HighLatency", 7, service="api"), **rows))
    assert (found.cause, found.suggestions) == (Cause.BAD_ROLLOUT, ())
    assert "nothing was measured" in found.doubt


def test_without_pods_the_revisions_counts_tell_that_it_is_stuck() -> None:
    found = find(Cause.BAD_ROLLOUT, without(rolled(), "pods"))
    assert found is not None
    assert (found.confidence, found.detail) == (Confidence.MEDIUM, "stuck")


def test_unready_pods_that_start_this_minute_are_no_failure() -> None:
    fresh = unready("api-9", minutes=0.5, hash="new")
    young = replace(fresh, containers=(replace(fresh.containers[0], started_at=fresh.created_at),))
    assert find(Cause.BAD_ROLLOUT, rolled(pods=[young, *OLD])) is None


def test_a_revision_that_stood_for_days_counts_as_one_that_worked() -> None:
    stood = [REVISIONS[0], replace(REVISIONS[1], healthy=None, replicas=0, ready=0)]
    fresh = [REVISIONS[0], replace(stood[1], created_at=ago(20))]
    lasted, young = rolled(pods=NEW, revisions=stood), rolled(pods=NEW, revisions=fresh)
    assert first(lasted).confidence is Confidence.HIGH
    assert "stood for" in first(lasted).suggestions[0].reason, "that it worked isn't known"
    assert first(rolled(pods=NEW)).suggestions[0].reason == "rev 41 worked"
    assert "no older revision is known to have worked" in first(young).doubt


def test_a_configuration_written_with_it_is_a_doubt_since_a_rollback_keeps_it() -> None:
    found = first(rolled(changes=[change(), change("ConfigMap api written", 9.2, "config")]))
    assert (found.cause, found.confidence) == (Cause.BAD_ROLLOUT, Confidence.MEDIUM)
    assert "a rollback keeps that" in found.doubt


HALF = WorkloadSeen("Deployment", "shop", "api", replicas=6, updated=2, strategy="RollingUpdate")


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, True),
        ({"updated": 6}, False),
        ({"updated": 0}, False),
        ({"paused": True}, False),
        ({"strategy": "Recreate"}, False),
    ],
    ids=["under way", "it is over", "it hasn't begun", "it is held already", "all at once"],
)
def test_beside_the_way_back_a_rollout_that_is_under_way_may_be_paused(changes: dict[str, Any], offered: bool) -> None:
    found = first(rolled(workload=replace(HALF, **changes)))
    assert [one.action for one in found.suggestions] == ["rollback", *(["pause"] if offered else [])]
    if offered:
        assert found.suggestions[1].by_hand == "kubectl -n shop rollout pause deployment/api"
