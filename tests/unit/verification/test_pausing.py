"""Whether a pause holds: the controller saw it, and orders no further pod of the newest template while watched."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.keeper import Keeper
from bot.domain.proposal import TargetState
from bot.domain.verification import HELD, CheckState, Measurement, Verdict, Verification, judge
from bot.kube.reads import Snapshot
from bot.verification import measure, pausing
from tests.unit.cluster_states import NOW, OURS, state

HALF: dict[str, Any] = {
    "paused": True, "updated": 2, "pods_wanted": 2, "generation": 8, "observed_generation": 8, "marker": OURS,
    "template_hash": "hash-1",
}  # fmt: skip
BASELINE = {measure.ACTION: "pause", measure.BINDING: {"newest": True, "template": "hash-1"}, "template_hash": "hash-1"}
VERIFICATION = Verification(
    id=1, execution_id=1, incident_id=1, target=state().target, verdict=Verdict.MEASURING, current=True, started_at=NOW,
    deadline=NOW + timedelta(minutes=12), soak=120, generation=8, execution_uid=OURS, baseline=BASELINE,
)  # fmt: skip


def look(
    found: TargetState, at: datetime = NOW, before: Measurement | None = None, firing: tuple[int, int] | None = None
) -> Measurement:
    one = VERIFICATION
    if before is not None:
        one = replace(one, progress=before.progress, rolled_out_at=before.rolled_out_at)
    return measure.assess(Snapshot(found, ()), one, at, firing)


def verdict(measured: Measurement) -> Verdict:
    return judge(measured, deadline=VERIFICATION.deadline)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_it_passes_when_nothing_was_added_for_half_a_minute() -> None:
    first = look(state(**HALF))
    assert (verdict(first), first.progress[HELD], first.rolled_out_at) == (Verdict.MEASURING, [2, 6], NOW)
    assert verdict(look(state(**HALF), later(29), first)) is Verdict.MEASURING
    last = look(state(**HALF), later(30), first)
    assert verdict(last) is Verdict.PASS
    assert last.checks[0].measured == "2/6 are of the newest template, none more for 30 s"


def test_a_short_soak_is_kept() -> None:
    one = replace(VERIFICATION, soak=2, rolled_out_at=NOW, progress={HELD: [2, 6]})
    assert verdict(measure.assess(Snapshot(state(**HALF), ()), one, later(2))) is Verdict.PASS


def test_a_pod_more_that_was_ordered_fails_at_once() -> None:
    first = look(state(**HALF))
    more = look(state(**{**HALF, "pods_wanted": 3}), later(4), first)
    assert verdict(more) is Verdict.FAIL
    assert more.checks[0].measured == "1 more since the pause"


def test_pods_that_were_ordered_before_may_still_come() -> None:
    """What the ReplicaSet makes late, held up by a quota for instance, isn't the rollout's going on."""
    first = look(state(**{**HALF, "updated": 1}))
    assert verdict(look(state(**HALF), later(30), first)) is Verdict.PASS


def test_until_the_controller_saw_it_nothing_is_judged() -> None:
    early = look(state(**{**HALF, "observed_generation": 7}))
    assert (early.rolled_out_at, HELD in early.progress) == (None, False)
    assert [one.state for one in early.checks] == [CheckState.WAITING]
    assert judge(early, deadline=NOW) is Verdict.FAIL


def test_a_pause_that_is_gone_again_is_no_pass() -> None:
    first = look(state(**HALF))
    gone = look(state(**{**HALF, "paused": False}), later(40), first)
    assert verdict(gone) is Verdict.FAIL
    moved = look(state(**{**HALF, "paused": False, "generation": 9, "observed_generation": 9}), later(40), first)
    assert verdict(moved) is Verdict.SUPERSEDED


def test_a_pause_that_git_took_back_fails_with_its_name() -> None:
    first = look(state(**HALF))
    back = {**HALF, "paused": False, "generation": 9, "observed_generation": 9, "keeper": Keeper("Argo CD")}
    gone = look(state(**back), later(10), first)
    assert verdict(gone) is Verdict.FAIL
    assert gone.checks[0].measured == "the rollout isn't paused, by Argo CD"


@pytest.mark.parametrize(
    "changes",
    [{"template_hash": "hash-2", "generation": 9}, {"marker": "exec-2"}, {"generation": 9}],
    ids=["another template", "another execution", "another generation"],
)
def test_what_is_newer_supersedes(changes: dict[str, Any]) -> None:
    found = {**HALF, **changes}
    found["observed_generation"] = found["generation"]
    assert verdict(look(state(**found), later(40), look(state(**HALF)))) is Verdict.SUPERSEDED


def test_an_autoscaler_s_pods_are_counted_anew() -> None:
    """A paused Deployment shares more pods out among its templates; that isn't the rollout's going on."""
    first = look(state(**HALF))
    scaled = {**HALF, "generation": 9, "observed_generation": 9, "hpa": ("api", 2, 9), "replicas": 9, "pods_wanted": 3}
    second = look(state(**scaled), later(20), first)
    assert (verdict(second), second.progress[HELD], second.rolled_out_at) == (Verdict.MEASURING, [3, 9], later(20))
    assert verdict(look(state(**{**scaled, "pods_wanted": 4}), later(25), second)) is Verdict.FAIL
    assert verdict(look(state(**scaled), later(50), second)) is Verdict.PASS


def test_alerts_are_shown_and_not_judged() -> None:
    first = look(state(**HALF), firing=(1, 1))
    assert [one.state for one in first.checks] == [CheckState.WAITING, CheckState.ABSENT]
    assert verdict(look(state(**HALF), later(31), first, (1, 1))) is Verdict.PASS


def test_nothing_but_the_pause_is_looked_at() -> None:
    """Pods that crash stay as they are: a pause cures nothing, and doesn't fail for it."""
    first = look(state(**{**HALF, "ready": 0, "available": 0}))
    assert verdict(look(state(**{**HALF, "ready": 0, "available": 0}), later(30), first)) is Verdict.PASS
    assert pausing.NAME in {one.name for one in first.checks}


def test_a_pause_that_nobody_watched_until_the_deadline_is_no_failure() -> None:
    """The process was away: that it holds still now says nothing of the time before, and nothing against it."""
    late = look(state(**HALF), VERIFICATION.deadline + timedelta(seconds=1))
    assert verdict(late) is Verdict.INCONCLUSIVE
    assert late.checks[0].measured.endswith("none more for 0 s; I wasn't watching before")
