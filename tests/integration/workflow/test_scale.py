"""Another number of replicas, or other bounds of their autoscaler: proposed, done, verified, undone, put back."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.execution import ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, Proposal, ProposalState
from bot.domain.verification import Verdict

from .floor import API, Floor

ALL = (Action.SCALE, Action.RAISE_AUTOSCALER)
FULL = Finding(
    Cause.UNSCHEDULABLE,
    "No node has room for so many.",
    Confidence.HIGH,
    (Cite("pods", "0/3 nodes are available"),),
    suggestions=(Suggestion("scale", {"replicas": 2}, "there was room for 2 replicas"),),
)
BOUND = Finding(
    Cause.AUTOSCALER_BOUND,
    "Autoscaler api-hpa is at its maximum.",
    Confidence.HIGH,
    (Cite("autoscalers", "3 of at most 3"),),
    suggestions=(Suggestion("raise_autoscaler", {"autoscaler": "api-hpa", "most": 5}, "it may then have 5"),),
)
MAXED = {"alertname": "KubeHpaMaxedOut", "namespace": "shop", "deployment": "api", "severity": "warning"}
FEW = {"alertname": "KubeDeploymentReplicasMismatch", "namespace": "shop", "deployment": "api"}


def autoscaler(floor: Floor, least: int = 2, most: int = 3, **metadata: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    meta = {"name": "api-hpa", "namespace": "shop", **metadata}
    floor.cluster.apply({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec,
    })  # fmt: skip
    floor.advance(5)


def bounds(floor: Floor) -> tuple[int, int]:
    spec = floor.workload("api-hpa", "HorizontalPodAutoscaler")["spec"]
    return spec["minReplicas"], spec["maxReplicas"]


def replicas(floor: Floor) -> int:
    return int(floor.workload()["spec"]["replicas"])


def resize(floor: Floor, count: int) -> None:
    """Somebody else scales it."""
    floor.change(lambda obj: obj["spec"].update(replicas=count))


async def found(floor: Floor, finding: Finding, labels: dict[str, str]) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=ALL)
    await floor.alert(labels)
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude(finding)
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


async def asked(floor: Floor, action: Action = Action.SCALE, by: str = "bo", **wanted: str) -> Proposal:
    floor.configure(ALLOWED_ACTIONS=ALL)
    answer = await floor.verbs.act(await floor.person(by), action, API.ref, wanted)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def done(floor: Floor, proposal: Proposal) -> None:
    assert (await floor.approve(proposal)).ok
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.SUCCEEDED, (await floor.execution()).outcome


async def test_what_a_finding_suggests_is_proposed_done_and_passes(floor: Floor) -> None:
    proposal = await found(floor, FULL, FEW)
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "scale"), proposal.text.refusal
    assert proposal.text.headline == "Scale Deployment shop/api from 3 to 2"
    assert proposal.text.consequence == "Scales shop/api from 3 to 2: 1 pod ends; its controller chooses which."
    assert proposal.text.undo == "If it doesn't help: scale shop/api back to 3."
    await done(floor, proposal)
    assert replicas(floor) == 2
    verdict = await floor.verdict()
    assert verdict.verdict is Verdict.PASS
    assert [one.name for one in verdict.checks if one.required] == ["replicas", "restarts"]
    assert len(floor.patches()) == 1


async def test_a_statefulset_is_scaled_down_and_passes(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "store", replicas=3, image="registry.example/store:1")
    floor.advance(120)
    floor.configure(ALLOWED_ACTIONS=ALL)
    answer = await floor.verbs.act(await floor.person("bo"), Action.SCALE, "sts shop/store", {"replicas": "2"})
    assert answer.ok, answer.text
    await floor.prepare()
    proposal = await floor.proposal()
    assert proposal.text.consequence == "Scales shop/store from 3 to 2: 1 pod ends, from the highest number down."
    await done(floor, proposal)
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_pods_that_never_get_ready_fail_and_the_number_before_is_proposed(floor: Floor) -> None:
    proposal = await asked(floor, replicas="5")
    floor.cluster.break_next("shop", "api", "not-ready")
    await done(floor, proposal)
    assert (await floor.verdict(step=30)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.state, undo.requested_by) == (ProposalState.PENDING, SYSTEM), undo.text.refusal
    assert undo.text.headline == "Scale Deployment shop/api from 5 to 3"
    await done(floor, undo)
    assert replicas(floor) == 3
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_an_undo_may_lead_further_than_a_step_may(floor: Floor) -> None:
    """What was there before is no growth, and a rollout that never ends isn't in its way."""
    resize(floor, 8)
    floor.advance(60)
    proposal = await asked(floor, replicas="2")
    floor.cluster.strike("shop", "api", "crash", pods=8)
    await done(floor, proposal)
    assert (await floor.verdict(step=30)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert (undo.state, undo.text.headline) == (ProposalState.PENDING, "Scale Deployment shop/api from 2 to 8")


async def test_whoever_else_scales_it_supersedes_the_verdict(floor: Floor) -> None:
    await done(floor, await asked(floor, replicas="5"))
    resize(floor, 4)
    verdict = await floor.verdict()
    assert (verdict.verdict, verdict.note) == (
        Verdict.SUPERSEDED, "Deployment shop/api was scaled to 4 by somebody else after the action",
    )  # fmt: skip


async def test_a_restart_meanwhile_is_no_restart_of_ours(floor: Floor) -> None:
    await done(floor, await asked(floor, replicas="5"))
    floor.change(lambda obj: obj["spec"]["template"]["metadata"].setdefault("annotations", {}).update(x="y"))
    assert (await floor.verdict()).verdict is Verdict.SUPERSEDED


REFUSED: list[tuple[str, str, Rule, str]] = [
    ("too many", "7", Rule.BLAST_RADIUS, "shop/api has 3 replicas; I at most double that, so to 6 and not to 7."),
    ("to zero", "0", Rule.BLAST_RADIUS, "SCALE_TO_ZERO doesn't allow"),
]


@pytest.mark.parametrize(("number", "rule", "said"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_too_much_at_once_is_only_shown(floor: Floor, number: str, rule: Rule, said: str) -> None:
    proposal = await asked(floor, replicas=number)
    assert proposal.state is ProposalState.RECORDED
    assert said in proposal.text.refusal
    assert await floor.last_rules("proposal:state:recorded") == [rule]


async def test_to_zero_is_a_permission_of_its_own_and_the_way_back_is_an_undo(floor: Floor) -> None:
    floor.configure(SCALE_TO_ZERO=True)
    proposal = await asked(floor, replicas="0")
    assert proposal.text.consequence == ("Ends all 3 pods of shop/api; nothing of it runs until somebody scales it up.")
    await done(floor, proposal)
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_a_permission_that_is_taken_away_counts_at_the_press(floor: Floor) -> None:
    floor.configure(SCALE_TO_ZERO=True)
    proposal = await asked(floor, replicas="0")
    floor.configure(SCALE_TO_ZERO=False)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert "SCALE_TO_ZERO" in answer.text
    assert replicas(floor) == 3


@pytest.mark.parametrize(("number", "state"), [("3", ProposalState.PENDING), ("4", ProposalState.RECORDED)])
async def test_from_zero_only_so_many(floor: Floor, number: str, state: ProposalState) -> None:
    resize(floor, 0)
    floor.advance(60)
    proposal = await asked(floor, replicas=number)
    assert proposal.state is state, proposal.text.refusal


async def test_paused_and_rolling_out_refuse_it(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=True))
    floor.advance(5)
    proposal = await asked(floor, replicas="4")
    assert "shop/api is paused, and a scaling would meddle with that" in proposal.text.refusal
    floor.change(lambda obj: obj["spec"].update(paused=False))
    floor.cluster.break_next("shop", "api", "crash")
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="x:2"))
    floor.advance(30)
    proposal = await asked(floor, replicas="4")
    assert "rolling out already" in proposal.text.refusal


async def test_what_git_keeps_is_refused_with_a_way(floor: Floor) -> None:
    floor.cluster.annotate("Deployment", "shop", "api", {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x"})
    proposal = await asked(floor, replicas="4")
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal == (
        "Argo CD (Application shop) keeps shop/api as it is written there and would take a scaling back at once. "
        "Revert it in Git."
    )


async def test_what_git_takes_back_all_the_same_is_a_fail_with_its_name(floor: Floor) -> None:
    floor.cluster.annotate("Deployment", "shop", "api", {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x"})
    floor.configure(OVERRIDE_OWNERS=("shop",))
    proposal = await asked(floor, replicas="5")
    assert any("may set the replicas back" in line for line in proposal.text.warnings)
    await done(floor, proposal)
    resize(floor, 3)
    verdict = await floor.verdict()
    assert verdict.verdict is Verdict.FAIL
    assert verdict.checks[0].measured == "reverted by Argo CD (Application shop): 3 again"


async def test_bounds_that_git_keeps_are_refused_and_its_workload_may_be_free(floor: Floor) -> None:
    floor.cluster.annotate("Deployment", "shop", "api", {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:x"})
    autoscaler(floor)
    proposal = await asked(floor, Action.RAISE_AUTOSCALER, bounds="4")
    assert proposal.state is ProposalState.PENDING
    autoscaler(floor, labels={"kustomize.toolkit.fluxcd.io/name": "shop"})
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert "Flux (Kustomization shop) keeps shop/api" in answer.text
    assert "a change of bounds back at once. Revert it in Git." in answer.text


async def test_a_number_that_changed_since_it_was_shown_isnt_set(floor: Floor) -> None:
    proposal = await asked(floor, replicas="5")
    resize(floor, 4)
    floor.advance(10)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert replicas(floor) == 4


async def test_a_missing_right_is_named_and_nothing_is_offered(floor: Floor) -> None:
    floor.server.deny("patch", "deployments/scale", "shop")
    proposal = await asked(floor, replicas="5")
    assert proposal.state is ProposalState.RECORDED
    assert "Apply the role fettle-scale in shop" in proposal.text.refusal


async def test_a_right_that_is_taken_away_in_between_is_named_too(floor: Floor) -> None:
    proposal = await asked(floor, replicas="5")
    assert (await floor.approve(proposal)).ok
    floor.server.faults.set("patch", "deployments/scale", status=403, times=1)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert replicas(floor) == 3


async def test_a_freeze_stops_it(floor: Floor) -> None:
    proposal = await asked(floor, replicas="5")
    assert (await floor.approve(proposal)).ok
    await floor.freeze()
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.FAILED
    assert replicas(floor) == 3


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_lost_answer_is_read_back_by_the_number(floor: Floor, carried_out: bool) -> None:
    proposal = await asked(floor, replicas="5")
    assert (await floor.approve(proposal)).ok
    if carried_out:
        floor.server.faults.drop_after("patch", "deployments/scale")
    else:
        floor.server.faults.set("patch", "deployments/scale", status=500, times=1)
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(17)
    await floor.run(Stage.RECOVER)
    settled = await floor.execution()
    assert settled.state is (ExecutionState.SUCCEEDED if carried_out else ExecutionState.FAILED)
    assert replicas(floor) == (5 if carried_out else 3)
    assert len(floor.patches()) == 1, "recovery reads, it never sends"
    if carried_out:
        assert (await floor.verdict()).verdict is Verdict.PASS


# -- bounds ----------------------------------------------------------------------------------------


async def raised(floor: Floor) -> Proposal:
    autoscaler(floor)
    return await found(floor, BOUND, MAXED)


async def test_an_autoscaler_in_the_way_is_told_with_the_way_around(floor: Floor) -> None:
    autoscaler(floor)
    proposal = await asked(floor, replicas="5")
    assert proposal.state is ProposalState.RECORDED
    assert "Change its bounds instead (/incident act raise-autoscaler shop/api MAXIMUM)" in proposal.text.refusal
    assert await floor.last_rules("proposal:state:recorded") == [Rule.AUTOSCALED]


async def test_bounds_that_a_finding_suggests_are_set_and_pass(floor: Floor) -> None:
    proposal = await raised(floor)
    assert (proposal.state, proposal.action) == (ProposalState.PENDING, "raise_autoscaler"), proposal.text.refusal
    assert proposal.text.headline == ("Let autoscaler api-hpa run 2 to 5 replicas of Deployment shop/api (now 2 to 3)")
    await done(floor, proposal)
    assert bounds(floor) == (2, 5)
    verdict = await floor.verdict()
    assert verdict.verdict is Verdict.PASS
    assert [one.name for one in verdict.checks if one.required] == ["replicas", "restarts"]


async def test_an_autoscaler_that_moves_the_count_is_no_failure(floor: Floor) -> None:
    await done(floor, await raised(floor))
    for count in (4, 5, 4):
        resize(floor, count)
        floor.advance(3)
        await floor.run(Stage.VERIFY)
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_pods_of_it_that_never_get_ready_fail_and_the_bounds_before_are_proposed(floor: Floor) -> None:
    await done(floor, await raised(floor))
    floor.cluster.break_next("shop", "api", "crash")
    resize(floor, 5)
    assert (await floor.verdict(step=30)).verdict is Verdict.FAIL
    await floor.run(Stage.PROPOSE)
    undo = await floor.proposal()
    assert undo.text.headline == "Let autoscaler api-hpa run 2 to 3 replicas of Deployment shop/api (now 2 to 5)"
    await done(floor, undo)
    assert bounds(floor) == (2, 3)


async def test_other_bounds_of_somebody_else_supersede_the_verdict(floor: Floor) -> None:
    await done(floor, await raised(floor))
    autoscaler(floor, 2, 4)
    verdict = await floor.verdict()
    assert verdict.verdict is Verdict.SUPERSEDED
    assert verdict.note == "the bounds of autoscaler api-hpa were changed to 2 to 4 after the action"


async def test_more_than_double_and_kedas_are_refused(floor: Floor) -> None:
    autoscaler(floor)
    proposal = await asked(floor, Action.RAISE_AUTOSCALER, bounds="7")
    assert await floor.last_rules("proposal:state:recorded") == [Rule.BLAST_RADIUS]
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "api", "uid": "s1", "controller": True}
    autoscaler(floor, ownerReferences=[owner])
    proposal = await asked(floor, Action.RAISE_AUTOSCALER, bounds="4")
    assert "ScaledObject api made the autoscaler" in proposal.text.refusal


async def put_back(floor: Floor, hours: float = 2.0) -> Proposal:
    """The time has come for the old bounds; the newest proposal then."""
    floor.advance(hours * 3600 + 60)
    await floor.run(Stage.REVERT)
    await floor.run(Stage.INVESTIGATE)
    await floor.run(Stage.PROPOSE)
    return await floor.proposal()


async def test_the_old_bounds_are_proposed_after_a_while_and_only_proposed(floor: Floor) -> None:
    raise_it = await raised(floor)
    await done(floor, raise_it)
    assert "in 2 h 0 min I propose to put the old ones back" in str(await floor.messages("revert:"))
    assert (await floor.verdict()).verdict is Verdict.PASS
    back = await put_back(floor)
    assert (back.state, back.requested_by, back.incident_id) == (ProposalState.PENDING, SYSTEM, raise_it.incident_id)
    assert back.text.headline == "Let autoscaler api-hpa run 2 to 3 replicas of Deployment shop/api (now 2 to 5)"
    assert "this puts the old ones back" in back.text.rationale
    assert bounds(floor) == (2, 5), "nothing is lowered without an approval"
    await done(floor, back)
    assert bounds(floor) == (2, 3)
    assert Stage.REVERT not in {work.stage for work in await floor.due(Stage.REVERT)}
    floor.advance(3 * 7200)
    await floor.run(Stage.REVERT)
    assert (await floor.entries("execution:revert:looked"))[-1].outcome == "unneeded"


async def test_a_closed_incident_makes_room_for_a_new_one(floor: Floor) -> None:
    raise_it = await raised(floor)
    await done(floor, raise_it)
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert await floor.clear(raise_it.incident_id)
    back = await put_back(floor)
    assert (back.state, back.action) == (ProposalState.PENDING, "raise_autoscaler"), back.text.refusal
    incident = await floor.incident(back.incident_id)
    assert (incident.id != raise_it.incident_id, incident.title, incident.declared_by) == (
        True, "Autoscaler bounds to put back", SYSTEM,
    )  # fmt: skip
    await done(floor, back)
    assert (await floor.verdict()).verdict is Verdict.PASS
    assert not (await floor.incident(incident.id)).open, "it is closed by its own PASS"


async def test_what_somebody_put_back_is_not_proposed(floor: Floor) -> None:
    await done(floor, await raised(floor))
    assert (await floor.verdict()).verdict is Verdict.PASS
    autoscaler(floor, 2, 3)
    before = await floor.count("proposals")
    await put_back(floor)
    assert await floor.count("proposals") == before
    assert (await floor.entries("execution:revert:looked"))[-1].outcome == "unneeded"


async def test_a_silent_cluster_or_an_open_question_makes_it_wait(floor: Floor) -> None:
    await done(floor, await raised(floor))
    assert (await floor.verdict()).verdict is Verdict.PASS
    pending = await asked(floor, Action.RAISE_AUTOSCALER, bounds="6")
    before = await floor.count("proposals")
    floor.configure(BOUNDS_REVERT=floor.ctx.settings.BOUNDS_REVERT, APPROVAL_TTL=floor.ctx.settings.BOUNDS_REVERT)
    await put_back(floor)
    assert (await floor.proposal_now(pending)).state is ProposalState.PENDING
    assert await floor.count("proposals") == before
    assert (await floor.owed()).get("revert") == 1


async def test_it_is_proposed_three_times_and_then_left_to_people(floor: Floor) -> None:
    await done(floor, await raised(floor))
    assert (await floor.verdict()).verdict is Verdict.PASS
    for _ in range(5):
        await put_back(floor)
        await floor.run(Stage.EXPIRE)
        floor.advance(1200)
        await floor.run(Stage.EXPIRE)
    outcomes = [one.outcome for one in await floor.entries("execution:revert:looked")]
    assert outcomes == ["proposed"] * 3


async def test_another_number_is_a_new_proposal_by_whoever_changed_it(floor: Floor) -> None:
    proposal = await asked(floor, replicas="5")
    answer = await floor.verbs.change(proposal.id, await floor.person("li"), "4")
    assert answer.ok, answer.text
    assert answer.text.startswith("A scaling with replicas 4 is being proposed")
    await floor.run(Stage.PROPOSE)
    changed = await floor.proposal()
    assert (changed.state, changed.text.headline) == (ProposalState.PENDING, "Scale Deployment shop/api from 3 to 4")
    assert (await floor.proposal_now(proposal)).state is ProposalState.SUPERSEDED
    refused = await floor.verbs.change(changed.id, await floor.person("li"), "many")
    assert not refused.ok
    assert "How many replicas" in refused.text


async def test_other_bounds_are_a_new_proposal_too(floor: Floor) -> None:
    proposal = await raised(floor)
    assert (await floor.verbs.change(proposal.id, await floor.person("li"), "2-6")).ok
    await floor.run(Stage.PROPOSE)
    assert "run 2 to 6 replicas" in (await floor.proposal()).text.headline
