"""Other hands beside an autoscaler, shapes of workloads that hold pods back, and what happens between two looks."""

from datetime import timedelta
from typing import Any

from bot.domain.incident import IncidentState
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.verification import Verdict

from .floor import Floor


def autoscaled(floor: Floor, most: int = 5) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"scaleTargetRef": target, "minReplicas": 0, "maxReplicas": most}
    meta = {"name": "api", "namespace": "shop"}
    floor.cluster.apply(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}
    )
    floor.advance(5)


async def test_beside_an_autoscaler_somebody_elses_restart_supersedes_too(floor: Floor) -> None:
    """As kubectl does it: one annotation is set, ours stays, and the autoscaler's own changes are let pass."""
    autoscaled(floor)
    execution = await floor.executed()
    floor.advance(2)
    await floor.run(Stage.VERIFY)

    def kubectl(obj: Any) -> None:
        obj["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026-01-01"

    floor.change(kubectl)
    found = await floor.verdict()
    assert found.verdict is Verdict.SUPERSEDED
    assert "was restarted by somebody else" in found.note
    assert (await floor.incident(execution.incident_id)).state is IncidentState.ACKNOWLEDGED


async def test_an_autoscaler_that_moves_the_count_changes_nothing(floor: Floor) -> None:
    autoscaled(floor)
    await floor.executed()
    floor.advance(2)
    await floor.run(Stage.VERIFY)
    for size in (5, 2):
        floor.change(lambda obj, size=size: obj["spec"].update(replicas=size))  # type: ignore[misc]
        floor.advance(1)
        await floor.run(Stage.VERIFY)
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_what_is_scaled_to_none_meanwhile_was_not_seen_to_work(floor: Floor) -> None:
    autoscaled(floor)
    await floor.executed()
    floor.change(lambda obj: obj["spec"].update(replicas=0))
    found = await floor.verdict(step=60)
    assert found.verdict is Verdict.INCONCLUSIVE
    ((_, params),) = await floor.messages("verdict:")
    assert "scaled to zero, so no pod runs that could be measured" in params


async def test_a_partition_that_keeps_every_pod_was_not_seen_to_work(floor: Floor) -> None:
    made = floor.cluster.statefulset("shop", "db", replicas=2)
    made["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    floor.cluster.apply({key: made[key] for key in ("kind", "apiVersion", "metadata", "spec")})
    floor.advance(600)
    _, proposal = await floor.restart_asked(what="shop/db")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict(step=60)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.checks[0].measured == "partition 2 keeps all 2 pods as they were, so nothing was tried"


async def test_a_partition_that_keeps_some_pods_passes_with_the_others(floor: Floor) -> None:
    made = floor.cluster.statefulset("shop", "db", replicas=3)
    made["spec"]["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    floor.cluster.apply({key: made[key] for key in ("kind", "apiVersion", "metadata", "spec")})
    floor.advance(600)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in floor.cluster.pods("shop", "db")}
    _, proposal = await floor.restart_asked(what="shop/db")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.PASS
    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in floor.cluster.pods("shop", "db")}
    assert [name for name in sorted(after) if after[name] == before[name]] == ["db-0"]


async def test_pods_of_a_node_that_died_keep_a_rollout_from_passing(floor: Floor) -> None:
    """The node is silent, so its pod stays as it was last told: running, and not ready."""
    floor.cluster.daemonset("shop", "agent")
    floor.advance(600)
    _, proposal = await floor.restart_asked(what="shop/agent")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    floor.advance(1)
    floor.cluster.node_down("fettle-sandbox-node-2")
    found = await floor.verdict(step=60)
    assert found.verdict is Verdict.FAIL
    assert "of them ready" in found.checks[0].measured


async def test_a_node_that_was_silent_for_a_moment_begins_the_soak_anew(floor: Floor) -> None:
    """Nobody looked while its pods weren't ready, and nothing restarted."""
    floor.configure(VERIFY_SOAK=timedelta(seconds=20))
    await floor.executed()
    while (await floor.verification()).rolled_out_at is None:
        floor.advance(1)
        await floor.run(Stage.VERIFY)
    floor.advance(15)
    node = floor.cluster.pods("shop", "api")[0]["spec"]["nodeName"]
    floor.cluster.node_down(node)
    floor.advance(2)
    floor.cluster.node_up(node)
    back = floor.now()
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert found.settled_at is not None
    assert found.settled_at - back >= timedelta(seconds=20)


async def test_a_pod_that_gave_way_to_another_between_two_looks_begins_the_soak_anew(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "db", replicas=2)
    floor.advance(600)
    floor.configure(VERIFY_SOAK=timedelta(seconds=20))
    _, proposal = await floor.restart_asked(what="shop/db")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    while (await floor.verification()).rolled_out_at is None:
        floor.advance(1)
        await floor.run(Stage.VERIFY)
    floor.advance(15)
    floor.cluster.delete("Pod", "shop", "db-1")
    floor.advance(3)
    back = floor.now()
    await floor.run(Stage.VERIFY)
    found = await floor.verification()
    assert (found.verdict, found.checks[1].measured) == (Verdict.MEASURING, "none for 0 s, since db-1 was replaced")
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert found.settled_at is not None
    assert found.settled_at - back >= timedelta(seconds=20)


async def test_pods_that_no_traffic_reaches_are_no_pass_and_the_service_is_named(floor: Floor) -> None:
    """They are ready; whoever keeps the endpoints is behind."""
    made = floor.cluster.service("shop", "api")
    floor.advance(5)
    await floor.approved()
    floor.cluster.world.unheeded.add(made["metadata"]["uid"])
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict(step=30)
    assert found.verdict is Verdict.INCONCLUSIVE
    ((_, params),) = await floor.messages("verdict:")
    assert "endpoints: 0 of 3 behind api" in params


async def test_pods_behind_their_service_pass_and_the_row_is_shown(floor: Floor) -> None:
    floor.cluster.service("shop", "api")
    floor.advance(5)
    await floor.executed()
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.measured for one in found.checks if one.name == "endpoints"] == ["3 of 3 behind api"]


async def test_a_daemon_set_passes_once_every_nodes_pod_is_new(floor: Floor) -> None:
    floor.cluster.daemonset("shop", "agent")
    floor.advance(600)
    before = {pod["metadata"]["uid"] for pod in floor.cluster.pods("shop", "agent")}
    _, proposal = await floor.restart_asked(what="shop/agent")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert found.checks[0].measured == "3/3 available"
    after = {pod["metadata"]["uid"] for pod in floor.cluster.pods("shop", "agent")}
    assert len(after) == 3
    assert not before & after


async def test_a_recreated_deployment_passes_after_all_of_the_old_ended(floor: Floor) -> None:
    """While an old pod hangs in its end no new one is made, and nothing passes."""
    floor.change(lambda obj: obj["spec"].update(strategy={"type": "Recreate"}))
    floor.advance(600)
    old = floor.cluster.pods("shop", "api")[0]
    await floor.approved()
    floor.cluster.kubelet.run_of(old).behaviour = "lingers"
    await floor.run(Stage.EXECUTE)
    for _ in range(8):
        floor.advance(5)
        await floor.run(Stage.VERIFY)
    found = await floor.verification()
    assert (found.verdict, found.progress["available"]) == (Verdict.MEASURING, 0)
    run = floor.cluster.kubelet.run_of(old)
    run.behaviour, run.due = "ok", floor.cluster.clock.now()
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_whoever_changes_it_to_on_delete_takes_over_and_an_eviction_there_is_seen(floor: Floor) -> None:
    floor.configure(ALLOWED_ACTIONS=(Action.RESTART, Action.EVICT))
    floor.cluster.statefulset("shop", "db", replicas=2)
    floor.advance(600)
    _, proposal = await floor.restart_asked(what="shop/db")
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    by_hand = {"type": "OnDelete"}
    floor.change(lambda obj: obj["spec"].update(updateStrategy=by_hand), "db", "StatefulSet")
    assert (await floor.verdict()).verdict is Verdict.SUPERSEDED
    answer = await floor.verbs.act(await floor.person("bo"), Action.EVICT, "shop/db", {"pod": "db-1"})
    assert answer.ok, answer.text
    await floor.prepare()
    assert (await floor.approve(await floor.proposal())).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.verdict()).verdict is Verdict.PASS
