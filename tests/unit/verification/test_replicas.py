"""After a scale, other bounds, or an eviction: what counts as there, what as somebody else's, and what isn't known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.keeper import Keeper
from bot.domain.proposal import TargetState
from bot.domain.target import Target
from bot.domain.verification import CheckState, Measurement, Verdict, Verification, judge
from bot.kube.pods import Pod
from bot.kube.reads import Snapshot
from bot.verification.measure import ACTION, BINDING, assess, baseline
from tests.unit.cluster_states import NOW, pod, state

SOAK = 60


def verification(action: str, before: TargetState, **binding: Any) -> Verification:
    return Verification(
        id=1, execution_id=1, incident_id=1, target=before.target, verdict=Verdict.MEASURING, current=True,
        started_at=NOW, deadline=NOW + timedelta(minutes=12), soak=SOAK, generation=None, execution_uid="exec-1",
        baseline={**baseline(before), ACTION: action, BINDING: binding},
    )  # fmt: skip


def counted(count: int, **changes: Any) -> TargetState:
    """So many replicas, all there."""
    numbers = dict.fromkeys(("replicas", "updated", "ready", "available", "current"), count)
    return state(**(numbers | changes))


def pods(count: int, **changes: Any) -> tuple[Pod, ...]:
    return tuple(pod(f"api-{i}", **changes) for i in range(count))


def verdicts(one: Verification, *looks: Snapshot) -> list[str]:
    """The verdict after each look, twenty seconds apart."""
    found = []
    for number, seen in enumerate(looks):
        at = NOW + timedelta(seconds=20 * number)
        measured = assess(seen, one, at)
        found.append(str(judge(measured, deadline=one.deadline)))
        one = _kept(one, measured)
    return found


def _kept(one: Verification, measured: Measurement) -> Verification:
    return replace(one, progress=measured.progress, rolled_out_at=measured.rolled_out_at)


def last(one: Verification, seen: Snapshot) -> str:
    """The verdict at the deadline."""
    return str(judge(assess(seen, one, one.deadline), deadline=one.deadline))


BEFORE = counted(3)
SCALED = verification("scale", BEFORE, replicas=5, **{"from": 3})
AFTER = counted(5, generation=8, observed_generation=8)


def test_so_many_ready_through_the_soak_passes() -> None:
    there = Snapshot(AFTER, pods(5))
    assert verdicts(SCALED, there, there, there, there) == ["measuring"] * 3 + ["pass"]


def test_to_nothing_passes_when_nothing_is_left() -> None:
    one = verification("scale", BEFORE, replicas=0, **{"from": 3})
    none = Snapshot(counted(0, generation=8, observed_generation=8), ())
    assert verdicts(one, *[none] * 4)[-1] == "pass"
    ending = Snapshot(counted(0, generation=8, observed_generation=8, current=1), pods(1, deleting=True))
    assert last(one, ending) == "fail"
    lingering = Snapshot(none.state, pods(2, deleting=True))
    assert last(one, lingering) == "fail"
    row = assess(lingering, one, NOW).checks[0]
    assert row.measured == "2 still ending: api-0, api-1", "they count nowhere, and they run"


@pytest.mark.parametrize(
    ("seen", "pods_there"),
    [
        (counted(5, generation=8), 5),
        (counted(5, generation=8, observed_generation=8, available=4, ready=4), 5),
        (counted(5, generation=8, observed_generation=8, current=6), 5),
        (counted(5, generation=8, observed_generation=8, current=4, ready=4, available=4), 4),
    ],
    ids=["not seen by the controller", "one not available", "one too many", "one pod isn't there"],
)
def test_less_or_more_than_that_never_passes(seen: TargetState, pods_there: int) -> None:
    there = Snapshot(seen, pods(pods_there))
    assert "pass" not in verdicts(SCALED, *[there] * 6)
    assert last(SCALED, there) == "fail"


@pytest.mark.parametrize(
    ("to", "there", "said"),
    [
        (5, pods(3), "the workload counts 5 available, and I see 3 pods of it: one answer is old"),
        (5, pods(4, waiting="CrashLoopBackOff", ready=False), "I see 4 pods of it"),
        (0, pods(3), "the workload counts 0 available, and I see 3 pods of it: one answer is old"),
    ],
    ids=["fewer pods", "fewer pods, ill as they were before", "pods of what is scaled to none"],
)
def test_counts_that_the_pods_dont_bear_out_are_no_measurement(to: int, there: tuple[Pod, ...], said: str) -> None:
    """Two answers that contradict each other: one is old, and which isn't known."""
    one = verification("scale", BEFORE, replicas=to, **{"from": 3})
    seen = Snapshot(counted(to, generation=8, observed_generation=8), there)
    assert said in assess(seen, one, NOW).checks[0].measured
    assert last(one, seen) == "inconclusive"
    assert "pass" not in verdicts(one, *[seen] * 6)


def test_a_restart_of_any_pod_in_the_soak_fails() -> None:
    there, crashed = Snapshot(AFTER, pods(5)), Snapshot(AFTER, (*pods(4), pod("api-4", restarts=1, exit_code=1)))
    assert verdicts(SCALED, there, crashed)[-1] == "fail"


@pytest.mark.parametrize(
    "seen",
    [
        counted(4, generation=9, observed_generation=9),
        counted(3, generation=9, observed_generation=9, hpa=("api", 1, 3)),
        counted(5, generation=9, observed_generation=9, template_hash="hash-2"),
        counted(5, generation=9, observed_generation=9),
        counted(5, target=Target("Deployment", "shop", "api", "uid-2")),
    ],
    ids=["another number", "an autoscaler", "another template", "another change", "another object"],
)
def test_whatever_came_after_it_supersedes(seen: TargetState) -> None:
    assert verdicts(SCALED, Snapshot(seen, pods(seen.replicas))) == ["superseded"]


def test_an_answer_from_before_the_scaling_supersedes_nothing_and_passes_nothing() -> None:
    older = Snapshot(BEFORE, pods(3))
    assert verdicts(SCALED, older, older) == ["measuring", "measuring"]
    assert last(SCALED, older) == "inconclusive"


def test_what_git_takes_back_is_a_fail_with_its_name() -> None:
    back = counted(3, generation=9, observed_generation=9, keeper=Keeper("Argo CD", "Application shop"))
    measured = assess(Snapshot(back, pods(3)), SCALED, NOW)
    assert judge(measured, deadline=SCALED.deadline) is Verdict.FAIL
    assert measured.checks[0].measured == "reverted by Argo CD (Application shop): 3 again"


RAISED = verification("raise_autoscaler", counted(3, hpa=("api", 2, 3)), autoscaler="api", least=2, most=6)


def raised(count: int, generation: int = 7, **changes: Any) -> TargetState:
    return counted(
        count, **({"generation": generation, "observed_generation": generation, "hpa": ("api", 2, 6)} | changes)
    )


def test_an_autoscaler_moves_the_count_and_passes_all_the_same() -> None:
    looks = [Snapshot(raised(n, 7 + i), pods(n)) for i, n in enumerate((3, 4, 5, 4, 4))]
    assert verdicts(RAISED, *looks)[-1] == "pass"


def test_a_count_that_never_stops_moving_is_not_known_and_no_failure() -> None:
    moving = Snapshot(raised(5, ready=4, available=4), (*pods(4), pod("api-9", ready=False)))
    assert last(RAISED, moving) == "inconclusive"


def test_pods_of_it_that_cannot_start_are_a_failure() -> None:
    stuck = Snapshot(raised(5, ready=4, available=4), (*pods(4), pod("api-9", ready=False, waiting="Unschedulable")))
    assert last(RAISED, stuck) == "fail"


@pytest.mark.parametrize(
    "seen",
    [
        raised(3, hpa=("api", 2, 7)),
        raised(3, hpa=("other", 2, 6)),
        raised(3, hpa=None),
        raised(3, 8, template_hash="hash-2"),
    ],
    ids=["other bounds", "another autoscaler", "none any more", "another template"],
)
def test_bounds_that_are_others_by_then_supersede(seen: TargetState) -> None:
    assert verdicts(RAISED, Snapshot(seen, pods(3))) == ["superseded"]


EVICTED = verification("evict", replace(BEFORE, crash_restarts={"api-0": 9, "api-1": 0, "api-2": 0}), pod="api-0",
                       uid="uid-api-0")  # fmt: skip
OLD = pods(3)


def replace_ready(one: Pod) -> Pod:
    return pod(one.row.name, ready=False)


def test_a_new_pod_in_its_place_passes_after_the_soak() -> None:
    there = Snapshot(BEFORE, (*OLD[1:], pod("api-9")))
    assert verdicts(EVICTED, *[there] * 4) == ["measuring"] * 3 + ["pass"]


def test_the_same_name_with_another_uid_is_a_new_pod() -> None:
    there = Snapshot(BEFORE, (*OLD[1:], pod("api-0", uid="uid-new")))
    assert verdicts(EVICTED, *[there] * 4)[-1] == "pass"


@pytest.mark.parametrize(
    "there",
    [
        (pod("api-0", deleting=True), *OLD[1:], pod("api-9")),
        OLD[1:],
        (*OLD[1:], pod("api-9", ready=False)),
        (*OLD[1:], pod("api-9", deleting=True)),
    ],
    ids=["it still ends", "nothing in its place", "not ready", "the new one ends"],
)
def test_anything_less_never_passes(there: tuple[Pod, ...]) -> None:
    assert "pass" not in verdicts(EVICTED, *[Snapshot(BEFORE, there)] * 6)
    assert last(EVICTED, Snapshot(BEFORE, there)) == "fail"


def test_another_pod_that_went_meanwhile_is_no_pass_though_the_place_is_taken() -> None:
    """A node died while the evicted one was replaced: of three that were ready two are."""
    short = Snapshot(counted(3, ready=2, available=2), (OLD[1], replace_ready(OLD[2]), pod("api-9")))
    assert "pass" not in verdicts(EVICTED, *[short] * 6)
    assert last(EVICTED, short) == "fail"
    assert assess(short, EVICTED, NOW).checks[0].measured == "gone, api-9 is ready; 2 ready, 3 were before"
    whole = Snapshot(BEFORE, (*OLD[1:], pod("api-9")))
    assert verdicts(EVICTED, short, whole, whole, whole, whole) == ["measuring"] * 4 + ["pass"]


def test_a_pod_that_isnt_even_ending_is_an_answer_from_before_the_eviction() -> None:
    """The API server took the eviction: whoever shows the pod untouched doesn't know of it yet."""
    assert last(EVICTED, Snapshot(BEFORE, OLD)) == "inconclusive"
    assert "older state" in assess(Snapshot(BEFORE, OLD), EVICTED, NOW).checks[0].measured


def test_a_new_pod_that_crashes_in_the_soak_fails() -> None:
    well = Snapshot(BEFORE, (*OLD[1:], pod("api-9")))
    ill = Snapshot(BEFORE, (*OLD[1:], pod("api-9", restarts=1, exit_code=1)))
    assert verdicts(EVICTED, well, ill)[-1] == "fail"


def test_an_autoscaler_that_wants_fewer_needs_no_new_pod() -> None:
    fewer = counted(2, hpa=("api", 1, 5), generation=8, observed_generation=8)
    assert verdicts(EVICTED, *[Snapshot(fewer, OLD[1:])] * 4)[-1] == "pass"


def _scaled(count: int, *there: Pod) -> Snapshot:
    return Snapshot(counted(count, hpa=("api", 1, 5), generation=8, observed_generation=8), there)


@pytest.mark.parametrize("first", [_scaled(2, *OLD[1:]), _scaled(3, *OLD[1:], pod("api-9"))], ids=["none", "another"])
def test_pods_that_come_when_more_are_wanted_again_have_a_soak_of_their_own(first: Snapshot) -> None:
    """Whoever was watched is gone, and while nobody was needed nobody was."""
    fewer, more = _scaled(2, *OLD[1:]), _scaled(4, *OLD[1:], pod("api-7"), pod("api-8"))
    assert verdicts(EVICTED, first, fewer, more, more, more, more) == ["measuring"] * 5 + ["pass"]


def test_of_several_evicted_each_that_takes_a_place_is_watched_as_long() -> None:
    """An autoscaler takes one of two away and adds another; the one that stayed has soaked, the other hasn't."""
    gone = [{"name": name, "uid": f"uid-{name}"} for name in ("api-0", "api-1")]
    two = verification("evict", replace(BEFORE, crash_restarts={"api-0": 9, "api-1": 9, "api-2": 0}), pods=gone)
    both = _scaled(3, OLD[2], pod("x"), pod("y"))
    looks = [both, _scaled(2, OLD[2], pod("x")), *[_scaled(3, OLD[2], pod("x"), pod("z"))] * 4]
    assert verdicts(two, *looks) == ["measuring"] * 5 + ["pass"]


def test_what_an_autoscaler_adds_again_has_a_soak_of_its_own_and_what_it_adds_beyond_needs_none() -> None:
    four, two = pods(4), pods(2)
    came = (*two, pod("new-1"), pod("new-2"))
    there, fewer, again = (Snapshot(raised(count), shown) for count, shown in ((4, four), (2, two), (4, came)))
    assert verdicts(RAISED, there, fewer, again, again, again, again) == ["measuring"] * 5 + ["pass"]
    more = Snapshot(raised(6), (*four, pod("new-1"), pod("new-2")))
    assert verdicts(RAISED, there, there, there, more) == ["measuring"] * 3 + ["pass"]


def test_another_strategy_is_somebodys_change_though_an_autoscaler_moves_the_count_too() -> None:
    """Who changed the generation isn't told: what an autoscaler never changes must be as it was."""
    there = (*OLD[1:], pod("api-9"))
    changed = replace(_scaled(3, *there), state=replace(_scaled(3).state, strategy="OnDelete"))
    assert verdicts(EVICTED, changed) == ["superseded"]
    assert verdicts(RAISED, Snapshot(raised(3, 8, strategy="OnDelete"), pods(3))) == ["superseded"]


def test_somebodys_change_supersedes() -> None:
    changed = counted(3, generation=8, observed_generation=8, template_hash="hash-2")
    assert verdicts(EVICTED, Snapshot(changed, (*OLD[1:], pod("api-9")))) == ["superseded"]


def test_a_look_says_what_is_expected() -> None:
    ending = (pod("api-0", deleting=True), *OLD[1:])
    row = assess(Snapshot(BEFORE, ending), EVICTED, NOW).checks[0]
    assert (row.name, row.state, row.expected) == ("replacement", CheckState.WAITING, "api-0 gone, another ready")
