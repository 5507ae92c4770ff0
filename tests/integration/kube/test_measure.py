"""Verification against a cluster that really rolls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain.proposal import TargetState
from bot.domain.verification import CheckState, Measurement, Verdict, Verification, judge
from bot.kube import reads
from bot.mitigations import restart
from bot.verification import measure
from tests.integration.clusters import API, World, now


async def restarted(kube: World, state: TargetState, soak: int = 1, seconds: float = 15) -> Verification:
    generation = await restart.apply(kube.cluster, restart.request(state, approved_at=now(), execution_uid="e1"))
    return Verification(
        id=1,
        execution_id=1,
        incident_id=1,
        target=state.target,
        verdict=Verdict.MEASURING,
        current=True,
        started_at=now(),
        deadline=now() + timedelta(seconds=seconds),
        soak=soak,
        generation=generation,
        execution_uid="e1",
        baseline=measure.baseline(state),
    )


async def watch(kube: World, run: Verification) -> tuple[Verdict, list[Measurement]]:
    looks: list[Measurement] = []
    while True:
        seen = await measure.measure(kube.cluster, run, clock=now)
        looks.append(seen)
        verdict = judge(seen, deadline=run.deadline)
        if verdict is not Verdict.MEASURING:
            return verdict, looks
        run = _next(run, seen)
        await asyncio.sleep(0.1)


def _next(run: Verification, seen: Measurement) -> Verification:
    return replace(run, progress=seen.progress, rolled_out_at=seen.rolled_out_at)


async def test_a_good_restart_passes_and_its_first_look_did_not(kube: World) -> None:
    run = await restarted(kube, await kube.api())
    verdict, looks = await watch(kube, run)
    assert verdict is Verdict.PASS
    assert looks[0].checks[0].state is CheckState.WAITING
    last = looks[-1].progress
    assert (last["desired"], last["updated"], last["ready"], last["available"], last["pods"]) == (3, 3, 3, 3, 3)
    assert last["restarts"] == 0


async def test_new_pods_that_crash_after_being_ready_fail(kube: World) -> None:
    run = await restarted(kube, await kube.api(), soak=10)
    await kube.sandbox.settle(10)
    first = await measure.measure(kube.cluster, run, clock=now)
    assert first.rolled_out_at is not None
    kube.sandbox.crash_loop("shop", "api", pods=1)
    verdict, looks = await watch(kube, _next(run, first))
    assert verdict is Verdict.FAIL
    assert looks[-1].checks[1].final


async def test_new_pods_that_never_become_ready_fail_at_the_deadline(kube: World) -> None:
    state = await kube.api()
    kube.sandbox.break_next("shop", "api", "crash")
    verdict, looks = await watch(kube, await restarted(kube, state, seconds=2))
    assert verdict is Verdict.FAIL
    assert looks[-1].checks[0].state in {CheckState.WAITING, CheckState.BAD}


async def test_a_second_restart_supersedes(kube: World) -> None:
    state = await kube.api()
    run = await restarted(kube, state)
    newer = await reads.target_state(kube.cluster, API)
    await restart.apply(kube.cluster, restart.request(newer, approved_at=now(), execution_uid="e2"))
    verdict, looks = await watch(kube, run)
    assert verdict is Verdict.SUPERSEDED
    assert "took over" in looks[-1].superseded_by


async def test_a_deleted_target_supersedes(kube: World) -> None:
    run = await restarted(kube, await kube.api())
    kube.sandbox.delete("Deployment", "shop", "api")
    seen = await measure.measure(kube.cluster, run, clock=now)
    assert "deleted" in seen.superseded_by


async def test_an_unreadable_cluster_is_inconclusive_and_never_a_pass(kube: World) -> None:
    run = await restarted(kube, await kube.api())
    await kube.sandbox.settle(10)
    kube.server.deny("list", "pods")
    seen = await measure.measure(kube.cluster, run, clock=now)
    assert {check.state for check in seen.checks} == {CheckState.UNMEASURED}
    assert judge(seen, deadline=seen.at) is Verdict.INCONCLUSIVE
    assert "fettle-read" in seen.checks[0].measured


async def test_an_autoscaler_at_work_does_not_supersede(kube: World) -> None:
    kube.sandbox.apply(
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
                "minReplicas": 2, "maxReplicas": 9,
            },
        }
    )  # fmt: skip
    run = await restarted(kube, await kube.api())
    made = kube.sandbox.get("Deployment", "shop", "api")
    made["spec"]["replicas"] = 4
    kube.sandbox.apply(made)
    verdict, looks = await watch(kube, run)
    assert verdict is Verdict.PASS
    assert looks[-1].progress["desired"] == 4


async def test_a_look_without_an_execution(kube: World) -> None:
    state = await kube.api()
    good = await measure.look(kube.cluster, state, clock=now)
    assert _verdict(good) is Verdict.PASS
    await kube.crashing()
    bad = await measure.look(kube.cluster, state, clock=now)
    assert _verdict(bad) is Verdict.FAIL


def _verdict(seen: Measurement) -> Verdict:
    return judge(seen, deadline=seen.at)
