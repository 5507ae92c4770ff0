"""When an alert leads to the proposal of a restart, and what stands on the card when it doesn't."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.render import Look, card_view
from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.owed import Stage
from bot.domain.proposal import SYSTEM, ProposalState
from bot.playbooks.shelf import Shelf
from bot.slack.cards import card
from bot.storage import due, evidence
from bot.storage.db import Tx

from .floor import API, LABELS, Floor


async def test_a_crash_loop_on_an_old_template_brings_a_restart(floor: Floor) -> None:
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    incident, proposal = await floor.alerted(conclude=False)
    assert incident.target is not None
    assert incident.target.label == "Deployment shop/api"
    assert proposal.state is ProposalState.PENDING
    assert (proposal.requested_by, proposal.text.headline) == (SYSTEM, "Restart Deployment shop/api")
    assert "begin without what the old ones left behind" in proposal.text.rationale
    better = "Evict would be better, but ALLOWED_ACTIONS doesn't name it. By hand: kubectl -n shop delete pod"
    assert better in proposal.text.rationale
    assert proposal.text.policy == "Needs 1 of 3 approvers and groups"
    assert "dry run ok" in proposal.text.facts
    assert "fettle.dev/execution" in proposal.text.diff
    assert not floor.patches(), "a dry run is no write"
    assert proposal.baseline["crash_looping"] is True


async def test_a_failure_after_a_fresh_template_brings_none_and_says_why(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="shop/api:1.5"))
    floor.advance(300)
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    _, proposal = await floor.alerted(conclude=False, started=60)
    assert (proposal.state, proposal.action) == (ProposalState.RECORDED, "none")
    assert (
        proposal.text.refusal == "Too little is known to go back on this: look at the change and at what fails first."
    )
    entry = (await floor.entries("proposal:state:recorded"))[-1]
    assert entry.detail is not None
    assert entry.detail["refusal"] == proposal.text.refusal


async def test_an_alert_that_a_restart_does_not_cure_brings_none(floor: Floor) -> None:
    _, proposal = await floor.alerted(labels={**LABELS, "alertname": "KubePersistentVolumeFillingUp"})
    assert proposal.text.refusal == "The playbook volume-filling-up proposes nothing for crash_loop."


async def test_nothing_wrong_brings_no_proposal_and_says_what_to_do(floor: Floor) -> None:
    _, proposal = await floor.alerted(conclude=False)
    assert (proposal.state, proposal.action) == (ProposalState.RECORDED, "none")
    assert proposal.text.refusal.startswith("There is nothing to cure: wait for the alert to clear")


async def test_what_could_not_be_read_is_the_reason_not_nothing_found(floor: Floor) -> None:
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.store.transact(lambda tx: tx.execute("DELETE FROM findings"))
    failed = Evidence("pods", EvidenceStatus.FAILED, "", floor.now(), {}, "The cluster doesn't answer.")

    def only(tx: Tx) -> None:
        tx.execute("DELETE FROM evidence")
        evidence.put(tx, 1, failed)

    await floor.store.transact(only)
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).text.refusal == "The evidence couldn't be read: The cluster doesn't answer."


async def test_a_playbook_narrows_who_may_approve_and_how_long(floor: Floor, tmp_path: Path) -> None:
    (tmp_path / "pod-crash-looping.yaml").write_text(
        "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
        "findings: {crash_loop: [restart]}\napproval: {approvers: [U0LI], expires: 2m}\n"
        "links: [{title: Wiki, url: 'https://wiki.example/crash'}]\n"
    )
    floor.switch(playbooks=Shelf(tmp_path))
    incident, proposal = await floor.alerted()
    assert proposal.approvers == ("U0LI",)
    assert proposal.expires_at == proposal.created_at + timedelta(minutes=2)
    assert (incident.playbook, incident.links) == ("pod-crash-looping", (("Wiki", "https://wiki.example/crash"),))
    assert not (await floor.approve(proposal, by="ana")).ok
    assert (await floor.approve(proposal, by="li")).ok


async def test_a_playbook_wants_two_people_and_the_card_counts_them(floor: Floor, tmp_path: Path) -> None:
    """The first approval changes nothing but the card, the second of another person lets it happen."""
    (tmp_path / "pod-crash-looping.yaml").write_text(
        "name: pod-crash-looping\ntitle: Ours\nmatch: {alerts: [KubePodCrashLooping]}\nevidence: [pods]\n"
        "findings: {crash_loop: [restart]}\napproval: {quorum: 2}\n"
    )
    floor.switch(playbooks=Shelf(tmp_path))
    incident, proposal = await floor.alerted()
    assert (proposal.quorum, proposal.text.policy) == (2, "Needs 2 of 3 approvers and groups")
    assert (await floor.approve(proposal, by="ana")).text == "Your approval counts: 1 of 2."
    assert not (await floor.approve(proposal, by="ana")).ok
    view = await floor.store.read(card_view, incident.id, Look(), floor.now())
    drawn = json.dumps(card(view).blocks, ensure_ascii=False)
    assert "Needs 2 of <@U0ANA>" in drawn
    assert "Approved by <@U0ANA>" in drawn
    assert "1 more to go" in drawn
    assert "Approve restart" in drawn
    assert await floor.count("executions") == 0
    assert (await floor.approve(proposal, by="li")).ok
    assert await floor.count("executions") == 1


async def test_labels_that_lead_nowhere_leave_the_incident_without_a_proposal(floor: Floor) -> None:
    incident = await floor.alert({"alertname": "KubePodCrashLooping", "namespace": "shop"})
    await floor.prepare()
    assert (await floor.incident(incident.id)).target_note == "The alert's labels lead to no workload."
    assert await floor.count("proposals") == 0


async def test_another_clusters_alert_is_shown_and_never_acted_on(floor: Floor) -> None:
    incident = await floor.alert(cluster="us-2")
    await floor.prepare()
    found = await floor.incident(incident.id)
    assert found.target is None
    assert "us-2" in found.target_note
    assert await floor.count("proposals") == 0


async def test_a_request_on_another_clusters_incident_is_refused_by_policy(floor: Floor) -> None:
    """An incident that knows a target and is from elsewhere still proposes nothing."""
    incident = await floor.alert(cluster="us-2")
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now(), {"requested_by": "person:1"})
    await floor.run(Stage.PROPOSE)
    assert await floor.count("proposals") == 0


async def test_a_target_chosen_for_another_clusters_incident_brings_no_draft(floor: Floor) -> None:
    """The workload of that name here is another one: it isn't even read."""
    incident = await floor.alert(cluster="us-2")
    await floor.prepare()
    assert (await floor.verbs.choose_target(incident.id, API.key, await floor.person("bo"))).ok
    asked = len(floor.server.requests)
    wish = {"requested_by": "person:1", "action": "restart"}
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now(), wish)
    await floor.run(Stage.PROPOSE)
    assert len(floor.server.requests) == asked
    assert (await floor.proposal()).state is ProposalState.RECORDED
    assert (await floor.proposal()).action == "none"


async def test_observe_mode_says_what_it_would_do_and_has_no_buttons(floor: Floor) -> None:
    floor.configure(MODE="observe")
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.headline == "Restart Deployment shop/api"
    assert proposal.text.refusal == "", "policy would allow it"
    assert await floor.last_rules("proposal:state:recorded") == ["mode"]


async def test_observe_mode_says_what_policy_would_hold_against_it(floor: Floor) -> None:
    floor.configure(MODE="observe", ALLOWED_NAMESPACES=())
    _, proposal = await floor.alerted()
    assert proposal.text.refusal == "The namespace shop isn't allowed. Add shop to ALLOWED_NAMESPACES."


def _paused(obj: Any) -> None:
    obj["spec"]["paused"] = True


def _zero(obj: Any) -> None:
    obj["spec"]["replicas"] = 0


def _rolling(obj: Any) -> None:
    obj["spec"]["template"]["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "now"


@pytest.mark.parametrize(
    ("edit", "rule", "words"),
    [
        pytest.param(_paused, "paused", "is paused", id="paused"),
        pytest.param(_zero, "scaled_to_zero", "scaled to zero", id="scaled to zero"),
        pytest.param(_rolling, "rolling_out", "rolling out already", id="rolling out"),
    ],
)
async def test_what_can_not_be_restarted_now_is_recorded_with_the_reason(
    floor: Floor, edit: Any, rule: str, words: str
) -> None:
    floor.cluster.break_next("shop", "api", "slow")  # a rollout lasts longer than the look at it
    floor.change(edit)
    if rule == "scaled_to_zero":
        floor.advance(60)
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    assert words in proposal.text.refusal
    assert rule in await floor.last_rules("proposal:state:recorded")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        pytest.param({"ALLOWED_NAMESPACES": ("other",)}, "namespace", id="namespace not allowed"),
        pytest.param({"ALLOWED_ACTIONS": ()}, "action", id="action not allowed"),
        pytest.param({"OWN_NAMESPACE": "shop"}, "protected", id="own namespace"),
    ],
)
async def test_what_the_settings_do_not_allow_is_recorded(floor: Floor, changes: Any, rule: str) -> None:
    floor.configure(**changes)
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    assert await floor.last_rules("proposal:state:recorded") == [rule]


async def test_the_control_plane_is_never_acted_on_though_it_be_allowed(floor: Floor) -> None:
    floor.cluster.deployment("kube-system", "coredns", replicas=1)
    floor.advance(60)
    floor.configure(ALLOWED_NAMESPACES=("kube-system", "shop"))
    _, proposal = await floor.restart_asked(what="kube-system/coredns")
    assert proposal.state is ProposalState.RECORDED
    assert await floor.last_rules("proposal:state:recorded") == ["protected"]


async def test_without_the_right_to_patch_the_card_names_the_role(floor: Floor) -> None:
    floor.server.deny("patch", "deployments")
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    assert "Apply the role fettle-patch in shop" in proposal.text.refusal


async def test_on_delete_is_refused_because_it_could_not_be_verified(floor: Floor) -> None:
    floor.cluster.statefulset("shop", "db", replicas=2)
    floor.advance(60)
    floor.change(lambda obj: obj["spec"].update(updateStrategy={"type": "OnDelete"}), "db", "StatefulSet")
    floor.advance(60)
    _, proposal = await floor.restart_asked(what="shop/db")
    assert proposal.state is ProposalState.RECORDED
    assert "strategy" in await floor.last_rules("proposal:state:recorded")


async def test_what_an_operator_owns_is_shown_and_never_acted_on(floor: Floor) -> None:
    def owned(obj: Any) -> None:
        obj["metadata"]["ownerReferences"] = [
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "api", "uid": "u-1", "controller": True}
        ]

    floor.change(owned)
    incident = await floor.alert()
    await floor.prepare(conclude=True)
    found = await floor.incident(incident.id)
    assert found.target is not None, "it is looked into"
    assert "Rollout shop/api" in found.target_note
    assert (await floor.proposal()).state is ProposalState.RECORDED
    assert "owner" in await floor.last_rules("proposal:state:recorded")
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    assert "owner" in await floor.last_rules("proposal:state:recorded")


async def test_an_unreadable_cluster_is_recorded_as_such(floor: Floor) -> None:
    answer = await floor.verbs.restart(await floor.person("bo"), "shop/api")
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    assert proposal.state is ProposalState.RECORDED
    assert "I can't read the target's state" in proposal.text.refusal
    floor.server.faults.clear()
    assert (await floor.verbs.request_again(proposal.id, await floor.person("bo"))).ok
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).state is ProposalState.PENDING
    assert (await floor.proposal()).incident_id == answer.incident_id


@pytest.mark.parametrize("status", [403, 422, 503])
async def test_a_dry_run_that_is_refused_leaves_nothing_to_approve(floor: Floor, status: int) -> None:
    floor.server.faults.set("patch", "deployments", status=status)
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.RECORDED
    assert proposal.text.refusal
    assert "dry run refused" in proposal.text.facts


async def test_the_same_digest_proposed_twice_is_one_proposal(floor: Floor) -> None:
    incident, first = await floor.alerted()
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now())
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).id == first.id
    assert len(await floor.entries("proposal:state:proposed")) == 1


async def test_a_request_joins_the_proposal_that_stands(floor: Floor) -> None:
    _, first = await floor.alerted()
    _, second = await floor.restart_asked()
    assert second == first


async def test_a_newer_proposal_takes_the_place_of_the_old_one(floor: Floor) -> None:
    incident, first = await floor.alerted()
    floor.change(lambda obj: obj["spec"].update(replicas=4))
    floor.advance(60)
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now())
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal()).id > first.id
    stored = await floor.proposal_now(first)
    assert (stored.state, stored.reason) == (ProposalState.SUPERSEDED, "a newer proposal takes its place")


async def test_a_look_that_finds_nothing_to_do_leaves_what_a_person_sees(floor: Floor) -> None:
    """The alert's rule may say no later; the request of a person on the card stands."""
    incident = await floor.alert({**LABELS, "alertname": "KubeQuotaFullyUsed"})
    await floor.prepare()
    _, asked = await floor.restart_asked()
    assert asked.incident_id == incident.id
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now(), {"requested_by": SYSTEM})
    await floor.run(Stage.PROPOSE)
    assert await floor.proposal() == asked


async def test_records_replace_one_another(floor: Floor) -> None:
    incident, first = await floor.alerted(labels={**LABELS, "alertname": "KubeQuotaFullyUsed"})
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now())
    await floor.run(Stage.PROPOSE)
    assert (await floor.proposal_now(first)).state is ProposalState.SUPERSEDED
    assert (await floor.proposal()).state is ProposalState.RECORDED


async def test_nothing_is_proposed_for_what_is_resolved_or_carried_out(floor: Floor) -> None:
    incident, proposal = await floor.alerted()
    assert (await floor.approve(proposal)).ok
    await floor.store.transact(due.owe, Stage.PROPOSE, incident.id, floor.now())
    await floor.run(Stage.PROPOSE)
    assert await floor.count("proposals") == 1
    other = await floor.alert({**LABELS, "deployment": "web"})
    await floor.clear(other.id)
    await floor.store.transact(due.owe, Stage.PROPOSE, other.id, floor.now())
    await floor.run(Stage.PROPOSE)
    assert await floor.count("proposals") == 1
    assert "propose" not in await floor.owed()


async def test_an_incident_that_closes_while_it_is_drafted_gets_no_proposal(floor: Floor) -> None:
    from bot.workflow import propose  # noqa: PLC0415

    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    (work,) = await floor.due(Stage.PROPOSE)
    _, found, _ = await floor.store.read(propose._load, incident.id)
    draft = await propose._draft(floor.ctx, await floor.incident(incident.id), found, {}, recent=True)
    await floor.clear(incident.id)
    await floor.store.transact(propose._save, floor.ctx, work, draft)
    assert await floor.count("proposals") == 0


async def test_a_proposal_is_good_for_approval_ttl(floor: Floor) -> None:
    floor.configure(APPROVAL_TTL=timedelta(seconds=90))
    _, proposal = await floor.restart_asked()
    assert proposal.expires_at == proposal.created_at + timedelta(seconds=90)
    assert (await floor.owed())["expire"] == 1


async def test_a_proposal_asks_for_nothing_that_the_look_has_just_read(floor: Floor) -> None:
    """What it shows is seconds old, and whoever approves it is decided upon by a reading of its own."""
    floor.cluster.crash_loop("shop", "api")
    floor.advance(8)
    await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    await floor.conclude()
    await floor.ctx.cluster.uid()  # asked once in a process's life
    before = len(floor.server.requests)
    await floor.run(Stage.PROPOSE)
    asked = sorted(f"{seen.verb} {seen.resource}" for seen in list(floor.server.requests)[before:])
    rights = ["create selfsubjectaccessreviews"] * 2
    assert asked == [*rights, "list poddisruptionbudgets", "patch deployments"]
    proposal = await floor.proposal()
    assert proposal.state is ProposalState.PENDING
    before = len(floor.server.requests)
    await floor.approve(proposal)
    assert "get deployments" in {f"{seen.verb} {seen.resource}" for seen in list(floor.server.requests)[before:]}
