"""Whether new pods stayed up: growth is measured against the same pods at the end of the rollout."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.verification import CheckState
from bot.kube.pods import Pod, read_pod
from bot.verification import alerts
from bot.verification.restarts import (
    Soak,
    check,
    disturbed,
    grown,
    last_of,
    marks,
    remembered,
    seen_in,
    watching,
    words,
)
from tests.unit.cluster_states import NOW, pod, recorded

MINUTE = timedelta(minutes=1)
ROLLED_OUT = NOW - 3 * MINUTE


def soak(length: timedelta = 2 * MINUTE, since: object = ROLLED_OUT, left: timedelta = 10 * MINUTE) -> Soak:
    return Soak(since, length, NOW + left)  # type: ignore[arg-type]


def test_before_the_rollout_ends_restarts_are_shown_and_not_judged() -> None:
    row = check([pod(restarts=3)], {}, soak(since=None), NOW)
    assert (row.state, row.final) == (CheckState.WAITING, False)
    assert row.measured == "3 restarts so far; counted from the end of the rollout"
    assert "none so far" in check([pod()], {}, soak(since=None), NOW).measured


def test_quiet_through_the_whole_soak_is_good() -> None:
    row = check([pod()], marks([pod()]), soak(), NOW)
    assert (row.state, row.measured) == (CheckState.GOOD, "none for 3 min")


def test_quiet_so_far_waits() -> None:
    assert check([pod()], marks([pod()]), soak(10 * MINUTE), NOW).state is CheckState.WAITING


def test_restarts_from_before_the_end_of_the_rollout_do_not_count() -> None:
    early = pod(restarts=2, terminated_at="2026-11-20T03:10:00Z", exit_code=1)
    assert check([early], marks([early]), soak(), NOW).state is CheckState.GOOD


AFTER = "2026-11-20T03:14:00Z"
KILLED = pod(restarts=1, terminated="OOMKilled", exit_code=137, terminated_at=AFTER)
ENDED = pod(terminated="Error", exit_code=1, terminated_at=AFTER)
CAME_LATER = pod("api-9", restarts=2, waiting="CrashLoopBackOff")
GROWTH = [
    ("count grew", KILLED, "api-1 +1 (OOMKilled, exit 137)"),
    ("ended, not yet restarted", ENDED, "api-1 +1 (Error, exit 1)"),
    ("a pod that came later crashed", CAME_LATER, "api-9 +2 (CrashLoopBackOff)"),
    ("no reason told", pod(restarts=1), "api-1 +1 (restarted)"),
]


@pytest.mark.parametrize(("now", "phrase"), [row[1:] for row in GROWTH], ids=[row[0] for row in GROWTH])
def test_growth_after_the_rollout_is_final(now: Pod, phrase: str) -> None:
    row = check([now], marks([pod()]), soak(), NOW)
    assert (row.state, row.final, row.measured) == (CheckState.BAD, True, phrase)


def test_many_crashing_pods_are_counted_not_listed() -> None:
    crashed = [pod(f"api-{i}", restarts=1) for i in range(5)]
    assert check(crashed, {}, soak(), NOW).measured.endswith("and 2 more")


def test_a_recorded_pod_killed_for_memory_but_ready_in_between_has_grown() -> None:
    """Its Deployment completed the rollout; without this check that would pass."""
    killed = read_pod(recorded("pod-oomkilled-running"))
    assert killed.row.ready
    assert grown([killed], {killed.row.name: {"restarts": 5, "ended": ""}})
    assert not grown([killed], marks([killed]))


def test_a_recorded_crash_that_has_not_counted_yet_has_grown() -> None:
    ended = read_pod(recorded("pod-crash-terminated"))
    assert ended.row.restarts == 0
    assert grown([ended], {ended.row.name: {"restarts": 0, "ended": ""}})


def made(minutes: int, **changes: object) -> Pod:
    """A pod that was made so many minutes ago."""
    return replace(pod(**changes), created_at=NOW - minutes * MINUTE)  # type: ignore[arg-type]


LATE = soak(2 * MINUTE, since=NOW, left=MINUTE)


def test_seen_too_late_for_a_whole_soak_the_pods_own_times_may_show_one() -> None:
    """The bot was down when the rollout ended; containers that never restarted have soaked by themselves."""
    long_ready = [made(6, ready_since=NOW - 5 * MINUTE)]
    row = check(long_ready, marks(long_ready), LATE, NOW)
    assert (row.state, row.measured) == (CheckState.GOOD, "none; all ready since 03:10:00 UTC")


@pytest.mark.parametrize(
    "pods",
    [
        [],
        [pod(ready_since=NOW - MINUTE)],
        [pod(ready_since=None)],
        [made(6, restarts=1, ready_since=NOW - 5 * MINUTE)],
        [made(1, ready_since=NOW - 5 * MINUTE)],
    ],
    ids=["no pods", "ready too short", "not ready", "restarted once", "ready before it was made: a node's wrong clock"],
)
def test_seen_too_late_and_not_shown_is_unmeasured_and_never_a_failure(pods: list[Pod]) -> None:
    row = check(pods, marks(pods), LATE, NOW)
    assert (row.state, row.final) == (CheckState.UNMEASURED, False)


def test_what_was_seen_incomplete_a_moment_ago_has_not_soaked_whatever_a_clock_says() -> None:
    long_ready = [made(6, ready_since=NOW - 5 * MINUTE)]
    row = check(long_ready, marks(long_ready), replace(LATE, unmade=NOW - MINUTE), NOW)
    assert (row.state, row.measured) == (
        CheckState.UNMEASURED, "the rollout ended late, and the deadline leaves no whole soak",
    )  # fmt: skip
    assert check(long_ready, marks(long_ready), replace(LATE, unmade=NOW - 3 * MINUTE), NOW).state is CheckState.GOOD


PAIR = [pod("a", restarts=2), pod("b")]


@pytest.mark.parametrize(
    ("now", "fewer", "phrase"),
    [
        (PAIR, 0, ""),
        ([pod("a", restarts=2), pod("b", ready_since=NOW)], 0, "b wasn't ready in between"),
        ([pod("a", uid="another"), pod("b")], 0, "a was replaced"),
        ([pod("a", restarts=2), pod("c")], 0, "b was replaced"),
        ([pod("a", restarts=2)], 1, ""),
        ([*PAIR, pod("c")], 0, ""),
        ([], 2, ""),
    ],
    ids=[
        "the same",
        "ready anew",
        "another of its name",
        "another pod",
        "one fewer is wanted",
        "one more",
        "none is wanted",
    ],
)
def test_between_two_looks_a_pod_must_stay_ready_and_the_same(now: list[Pod], fewer: int, phrase: str) -> None:
    assert disturbed(now, marks(PAIR), fewer) == phrase


def test_marks_of_an_older_version_tell_nothing_and_disturb_nothing() -> None:
    old = {"a": {"restarts": 2, "ended": ""}, "b": {"restarts": 0, "ended": ""}}
    assert disturbed([pod("a", restarts=2), pod("b", ready_since=NOW)], old, 0) == ""
    assert grown([pod("a", restarts=3), pod("b")], old)


def test_restarts_of_a_pod_that_came_by_the_same_name_count_from_none() -> None:
    assert grown([pod("a", uid="another", restarts=1), pod("b")], marks(PAIR)) == ["a +1 (restarted)"]
    kept = remembered([pod("a", uid="another", restarts=1), pod("b", ready_since=NOW)], marks(PAIR))
    assert (kept["a"]["restarts"], kept["b"]["ready"]) == (0, NOW.isoformat())


def test_lengths_read_as_people_say_them() -> None:
    assert [words(timedelta(seconds=s)) for s in (-1, 45, 119, 120, 600)] == ["0 s", "45 s", "119 s", "2 min", "10 min"]


@pytest.mark.parametrize(
    ("firing", "total", "text"), [(2, 3, "2 of 3 still firing"), (0, 3, "all 3 cleared"), (0, 0, "none")]
)
def test_the_alerts_are_shown_and_never_judged(firing: int, total: int, text: str) -> None:
    row = alerts.check(firing, total, NOW)
    assert (row.state, row.required, row.measured) == (CheckState.ABSENT, False, text)


def test_so_many_are_watched_as_long_as_the_last_of_them() -> None:
    """Those beyond the number may be younger; a mark without a time tells nothing; a clock that is set moves all."""
    began = NOW - 2 * MINUTE
    before = seen_in(marks(PAIR), {"a": began, "b": NOW - MINUTE}, began)
    for by in (timedelta(0), -timedelta(hours=1), timedelta(hours=1)):
        found = watching([*PAIR, pod("c")], before, began + by, NOW + by)
        assert found == {"a": began + by, "b": NOW - MINUTE + by, "c": NOW + by}
    found = watching([*PAIR, pod("c")], before, began, NOW)
    assert last_of(found, 2) == (NOW - MINUTE, "b")
    assert last_of(found, 3) == (NOW, "c")
    assert last_of(found, 0) == last_of({}, 2) == (None, "")
    assert watching([pod("b", uid="another")], before, began, NOW) == {"b": NOW}
    assert watching(PAIR, before, None, NOW) == watching([pod("a")], {"a": {"restarts": 2}}, began, NOW) == {}
