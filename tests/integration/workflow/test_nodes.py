"""A node that is cordoned and uncordoned again: only those that may be, one an hour, and never the last one."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.execution import EXECUTION_ID, ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import Verdict
from bot.sandbox.kubernetes.kinds import by_kind
from bot.sandbox.kubernetes.writes import Writing

from .floor import Floor

WORKERS = ("worker-1", "worker-2", "worker-3")
BOTH = (Action.CORDON, Action.UNCORDON)
TOLERANT = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}


def furnished(floor: Floor, *, own: str = "", selector: str = "pool=workers") -> None:
    """Three workers and a control plane; the nodes that were there take no pods."""
    for name in WORKERS:
        floor.cluster.join(name, labels={"pool": "workers"})
    floor.cluster.join("boss", labels={"pool": "workers", "node-role.kubernetes.io/control-plane": ""})
    floor.advance(5)
    floor.configure(ALLOWED_ACTIONS=BOTH, CORDON_NODES=selector, OWN_NODE=own)


async def asked(floor: Floor, action: Action = Action.CORDON, what: str = "worker-1") -> Proposal:
    answer = await floor.verbs.act(await floor.person("bo"), action, what)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def done(floor: Floor, proposal: Proposal) -> None:
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome


def node(floor: Floor, name: str = "worker-1") -> Any:
    return floor.cluster.get("Node", "", name)


def writes(floor: Floor) -> list[Any]:
    return [one for one in floor.patches() if one.resource == "nodes"]


async def test_a_node_is_cordoned_and_takes_no_new_pods(floor: Floor) -> None:
    furnished(floor)
    proposal = await asked(floor)
    assert proposal.text.headline == "Cordon Node worker-1"
    assert any("kubectl drain worker-1" in one for one in proposal.text.warnings)
    assert not node(floor)["spec"].get("unschedulable"), "the preview changes nothing"
    await done(floor, proposal)
    assert node(floor)["spec"]["unschedulable"] is True
    assert node(floor)["metadata"]["annotations"][EXECUTION_ID] == (await floor.execution()).uid
    floor.cluster.deployment("shop", "web", replicas=8)
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert [one.name for one in found.checks if one.required] == ["node", "new pods"]
    placed = {pod["spec"].get("nodeName") for pod in floor.cluster.pods("shop", "web")}
    assert "worker-1" not in placed
    assert len(writes(floor)) == 1


async def test_each_undoes_the_other(floor: Floor) -> None:
    furnished(floor)
    await done(floor, await asked(floor))
    await floor.verdict()
    proposal = await asked(floor, Action.UNCORDON, "node/worker-1")
    assert not any("wasn't Fettle" in one for one in proposal.text.warnings)
    await done(floor, proposal)
    assert not node(floor)["spec"].get("unschedulable")
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_a_pod_that_is_put_there_all_the_same_is_a_fail_and_the_inverse_is_proposed(floor: Floor) -> None:
    furnished(floor)
    await done(floor, await asked(floor))
    floor.advance(2)
    await floor.run(Stage.VERIFY)
    pod = {"containers": [{"name": "x", "image": "x:1"}], "nodeName": "worker-1"}
    floor.cluster.apply(
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "odd", "namespace": "shop"}, "spec": pod}
    )
    found = await floor.verdict()
    assert (found.verdict, found.checks[1].measured) == (Verdict.FAIL, "odd")
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.action, undo.state, undo.target.label) == ("uncordon", ProposalState.PENDING, "Node worker-1")


async def test_what_tolerates_a_cordon_is_no_failure(floor: Floor) -> None:
    furnished(floor)
    await done(floor, await asked(floor))
    floor.advance(2)
    await floor.run(Stage.VERIFY)
    pod = {"containers": [{"name": "x", "image": "x:1"}], "nodeName": "worker-1", "tolerations": [TOLERANT]}
    floor.cluster.apply(
        {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "agent", "namespace": "shop"}, "spec": pod}
    )
    floor.cluster.daemonset("shop", "logs")
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_a_node_that_somebody_uncordons_meanwhile_is_no_pass(floor: Floor) -> None:
    furnished(floor)
    await done(floor, await asked(floor))
    uncordon(floor)
    found = await floor.verdict()
    assert found.verdict is Verdict.SUPERSEDED
    assert "was uncordoned after the action" in found.note


def uncordon(floor: Floor, name: str = "worker-1", *, value: bool | None = None) -> None:
    """Somebody's kubectl."""

    def change(obj: Any) -> Any:
        return {**obj, "spec": {**obj["spec"], "unschedulable": bool(value)}}

    floor.cluster.writes.patch(by_kind("Node"), "", name, change, Writing("kubectl-uncordon"))


@pytest.mark.parametrize(
    ("what", "selector", "rule", "said"),
    [
        ("worker-1", "", Rule.PROTECTED, "CORDON_NODES is empty, so that no node may be touched"),
        ("worker-1", "pool=gpu", Rule.PROTECTED, "CORDON_NODES doesn't select worker-1 (pool=gpu)"),
        ("boss", "pool=workers", Rule.PROTECTED, "boss is a node of the control plane"),
    ],
    ids=["no node", "another pool", "control plane"],
)
async def test_other_nodes_are_never_touched(floor: Floor, what: str, selector: str, rule: Rule, said: str) -> None:
    furnished(floor, selector=selector)
    proposal = await asked(floor, what=what)
    assert proposal.state is ProposalState.RECORDED
    assert said in proposal.text.refusal
    assert str(rule) in await floor.last_rules("proposal:state:recorded")


async def test_a_control_plane_that_only_its_taint_tells_is_spared_too(floor: Floor) -> None:
    furnished(floor)
    floor.cluster.join("old", labels={"pool": "workers"}, taint=("node-role.kubernetes.io/master", ""))
    assert "is a node of the control plane" in (await asked(floor, what="old")).text.refusal


async def test_the_last_node_that_takes_pods_is_not_cordoned(floor: Floor) -> None:
    furnished(floor)
    for one in floor.cluster.list("Node"):
        name = one["metadata"]["name"]
        if name != "worker-1":
            uncordon(floor, name, value=True)
    proposal = await asked(floor)
    assert "worker-1 is the last node that takes pods" in proposal.text.refusal
    uncordon(floor, "worker-2")
    floor.advance(1)  # the node controller takes its taint away
    assert (await asked(floor)).state is ProposalState.PENDING


async def test_one_node_an_hour(floor: Floor) -> None:
    furnished(floor)
    await done(floor, await asked(floor))
    await floor.verdict()
    second = await asked(floor, what="worker-2")
    assert "Another node was acted on at" in second.text.refusal
    assert (await floor.owed()).get("propose") == 1, "it is looked at again"
    floor.advance(3600)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING


async def test_two_nodes_that_were_both_offered_are_not_both_cordoned(floor: Floor) -> None:
    """The limit is asked again right before the write."""
    furnished(floor)
    first, second = await asked(floor), await asked(floor, what="worker-2")
    await done(floor, first)
    await floor.verdict()
    answer = await floor.approve(second)
    assert not answer.ok
    assert "Another node was acted on at" in answer.text
    assert len(writes(floor)) == 1


async def test_the_own_node_and_a_foreign_cordon_are_warned_of(floor: Floor) -> None:
    furnished(floor, own="worker-1")
    assert any("Fettle itself runs on this node" in one for one in (await asked(floor)).text.warnings)
    uncordon(floor, "worker-3", value=True)
    again = await asked(floor, Action.UNCORDON, "worker-3")
    assert any("It wasn't Fettle that cordoned it" in one for one in again.text.warnings)
    assert "not cordoned" in (await asked(floor, Action.UNCORDON, "worker-2")).text.refusal


@pytest.mark.parametrize("when", ["before the press", "after it"])
async def test_a_node_that_somebody_else_cordoned_meanwhile_is_left_alone(floor: Floor, when: str) -> None:
    furnished(floor)
    proposal = await asked(floor)
    if when == "before the press":
        uncordon(floor, value=True)
        assert "The target changed since this was proposed" in (await floor.approve(proposal)).text
    else:
        assert (await floor.approve(proposal)).ok
        uncordon(floor, value=True)
        await floor.run(Stage.EXECUTE)
        assert (await floor.execution()).state is ExecutionState.FAILED
    assert not writes(floor)


async def test_a_node_that_joined_anew_is_another_one(floor: Floor) -> None:
    furnished(floor)
    proposal = await asked(floor)
    assert (await floor.approve(proposal)).ok
    floor.cluster.delete("Node", "", "worker-1")
    floor.cluster.join("worker-1", labels={"pool": "workers"})
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert not node(floor)["spec"].get("unschedulable")


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
async def test_an_answer_that_was_lost_is_settled_by_the_mark(floor: Floor, fault: str) -> None:
    furnished(floor)
    proposal = await asked(floor)
    assert (await floor.approve(proposal)).ok
    getattr(floor.server.faults, fault)("patch", "nodes")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    wanted = ExecutionState.SUCCEEDED if fault == "drop_after" else ExecutionState.FAILED
    assert (await floor.execution()).state is wanted
    assert bool(node(floor)["spec"].get("unschedulable")) is (fault == "drop_after")


@pytest.mark.parametrize("verb", ["patch", "list"])
async def test_without_a_right_the_role_is_named_and_nothing_is_guessed(floor: Floor, verb: str) -> None:
    furnished(floor)
    floor.server.access.deny(verb, "nodes")
    proposal = await asked(floor)
    assert proposal.state is ProposalState.RECORDED
    assert "I may not cordon nodes. Apply the role fettle-cordon;" in proposal.text.refusal
    assert ("whether another node takes pods" in proposal.text.refusal) is (verb == "list")


async def test_the_node_under_a_workload_is_what_a_finding_cordons(floor: Floor) -> None:
    """The incident is about the workload, the proposal about its node; both stand on one card."""
    furnished(floor)
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(
        Finding(
            Cause.NODE_TROUBLE, "Node worker-2 doesn't answer.", Confidence.HIGH, (Cite("nodes", "silent"),),
            suggestions=(Suggestion("cordon", {"node": "worker-2"}, "nothing new goes there"),),
        )
    )  # fmt: skip
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    incident = await floor.incident(proposal.incident_id)
    assert incident.target is not None
    assert (incident.target.label, proposal.target.label) == ("Deployment shop/api", "Node worker-2")
    await done(floor, proposal)
    assert node(floor, "worker-2")["spec"]["unschedulable"] is True
    assert (await floor.verdict()).verdict is Verdict.PASS


@pytest.mark.parametrize("text", ["", "shop/worker-1", "worker 1", "node/worker-1 now", "pod/worker-1"])
async def test_what_names_no_node_is_said(floor: Floor, text: str) -> None:
    furnished(floor)
    answer = await floor.verbs.act(await floor.person("bo"), Action.CORDON, text)
    assert answer.text.endswith("names no node. Write its name alone, for example worker-3.")
