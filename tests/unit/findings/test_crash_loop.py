"""Crashes of an unchanged template: what another start can and can't cure."""

from __future__ import annotations

import pytest

from bot.domain.finding import Cause, Confidence
from bot.domain.observed import VolumeSeen
from tests.unit.findings.recorded import (
    REVISIONS,
    UNCHANGED,
    ago,
    change,
    crashing,
    find,
    first,
    part,
    pod,
    recorded,
    said,
    snap,
    without,
)

WELL = [pod("api-2"), pod("api-3"), pod("api-4")]


def looping(*lines: str, pods: list[object] | None = None, **rows: object) -> dict[str, object]:
    return {**UNCHANGED, "pods": pods or [crashing(), *WELL], "logs": [said(*lines)] if lines else [], **rows}


@pytest.mark.parametrize("name", ["crash-between", "crash-once"])
def test_a_recorded_crash_is_told_also_while_the_container_is_up_between_two(name: str) -> None:
    found = first(recorded(name))
    assert (found.cause, found.confidence, found.detail) == (Cause.CRASH_LOOP, Confidence.MEDIUM, "exit 1")
    assert "nothing is known of logs" in found.doubt
    assert found.suggestions == ()


@pytest.mark.parametrize(
    ("line", "detail", "actions"),
    [
        ("OSError: [Errno 98] Address already in use", "local", ["evict", "restart"]),
        ('level=fatal msg="cannot open" error="lock file /tmp/app.lock is held"', "local", ["evict", "restart"]),
        ("Error 111 connecting to redis:6379. Connection refused.", "dependency", ["evict", "restart"]),
        ("KeyError: 'DB_URL'", "setting", []),
        ("x509: certificate has expired or is not yet valid", "certificate", []),
        ('FATAL: password authentication failed for user "app"', "credentials", []),
        ("PermissionError: [Errno 13] Permission denied: '/run/x'", "permission", []),
        ("panic: runtime error: index out of range [3] with length 2", "exit 1", []),
    ],
)
def test_only_what_lives_in_the_pod_or_has_passed_is_started_again(line: str, detail: str, actions: list[str]) -> None:
    found = find(Cause.CRASH_LOOP, snap(**looping(line)))
    assert found is not None
    assert found.detail == detail
    assert [one.action for one in found.suggestions] == actions
    assert bool(found.no_help) is not bool(actions)


def test_without_the_evidence_changes_no_restart_is_proposed_and_the_sentence_names_what_is_lacking() -> None:
    rows = {name: value for name, value in looping("loaded plugins").items() if name not in {"changes", "revisions"}}
    found = find(Cause.CRASH_LOOP, snap(**rows))
    assert found is not None
    assert found.suggestions == ()
    assert "template was changed lately: the playbook's evidence doesn't name changes" in found.no_help


def test_a_lock_on_a_volume_is_there_for_the_next_pod_too_but_a_port_isnt() -> None:
    claim = VolumeSeen("data-api-1", "Bound")
    lock = find(Cause.CRASH_LOOP, snap(**looping("FATAL: lock file /data/x.lock is held", volumes=[claim])))
    port = find(Cause.CRASH_LOOP, snap(**looping("Address already in use", volumes=[claim])))
    assert lock is not None
    assert port is not None
    assert (lock.suggestions, bool(port.suggestions)) == ((), True)


def test_one_silent_crash_among_calm_siblings_is_evicted_and_several_arent() -> None:
    one = find(Cause.CRASH_LOOP, snap(**looping("loaded plugins")))
    several = find(
        Cause.CRASH_LOOP, snap(**looping("loaded plugins", pods=[crashing("api-1"), crashing("api-2"), *WELL[1:]]))
    )
    assert one is not None
    assert several is not None
    assert [step.action for step in one.suggestions] == ["evict"]
    assert several.suggestions == ()


def test_where_several_wait_for_what_others_reach_all_of_them_go() -> None:
    """A new pod needn't wait for the back-off of the old one; how many at once is the guard's to say."""
    line = "Error 111 connecting to redis:6379. Connection refused."
    found = find(Cause.CRASH_LOOP, snap(**looping(line, pods=[crashing("api-1"), crashing("api-2"), *WELL[1:]])))
    assert found is not None
    evict = found.suggestions[0]
    assert (evict.action, dict(evict.params)) == ("evict", {"pod": "crash-looping"})
    assert "delete pod api-1 api-2" in evict.by_hand


@pytest.mark.parametrize("code", [139, 134, 137, 143])
def test_a_fault_or_a_kill_isnt_evicted_away(code: int) -> None:
    found = find(Cause.CRASH_LOOP, snap(**looping("loaded plugins", pods=[crashing(code=code, probes=()), *WELL])))
    assert found is not None
    assert found.suggestions == ()


def test_a_wrong_command_is_told_as_the_runtime_says_it() -> None:
    told = 'OCI runtime create failed: runc create failed: unable to start container process: exec: "/app/serve": no such file or directory'  # noqa: E501 - as it is written
    one = crashing(code=128, reason="StartError", last_message=told)
    found = first(snap(**looping(pods=[one, *WELL])))
    assert found.detail == "start"
    assert 'can\'t be started: exec: "/app/serve"' in found.sentence


def test_right_after_a_change_of_template_or_configuration_nothing_is_started_again() -> None:
    lock = "lock file /tmp/app.lock is held"
    rolled = looping(
        lock,
        pods=[crashing(minutes=8, hash="new"), pod("api-2", minutes=8, hash="new")],
        changes=[change()],
        revisions=REVISIONS,
    )
    written = looping(lock, changes=[change("ConfigMap api: changed", kind="config")])
    for rows in (rolled, written):
        found = find(Cause.CRASH_LOOP, snap(**rows))
        assert found is not None
        assert found.suggestions == ()


def test_unread_changes_forbid_a_restart_and_certainty() -> None:
    found = find(Cause.CRASH_LOOP, without(snap(**looping("lock file /tmp/a.lock is held")), "changes"))
    assert found is not None
    assert found.confidence is Confidence.MEDIUM
    assert found.suggestions == ()


def test_an_old_crash_a_clean_end_and_a_pod_that_goes_are_none() -> None:
    old = pod("api-1", part(restarts=3, last_exit=1, last_reason="Error", last_finished_at=ago(400)))
    ended = pod("api-2", part(restarts=1, last_exit=0, last_reason="Completed", last_finished_at=ago(5)))
    assert find(Cause.CRASH_LOOP, snap(**looping(pods=[old, ended, crashing("api-3", deleting=True)]))) is None
