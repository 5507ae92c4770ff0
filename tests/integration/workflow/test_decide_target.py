"""What is approved is what was shown: whatever changed meanwhile voids it; what can't be read denies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState

from .floor import Floor


def _image(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"]["template"]["spec"]["containers"][0].update(image="shop/api:1.4.2"))
    floor.advance(60)


def _replicas(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(replicas=4))
    floor.advance(60)


def _pause(floor: Floor) -> None:
    floor.change(lambda obj: obj["spec"].update(paused=True))


def _hpa(floor: Floor) -> None:
    floor.cluster.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "api", "namespace": "shop"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"},
                "minReplicas": 2,
                "maxReplicas": 9,
            },
        }
    )


def _anew(floor: Floor) -> None:
    floor.cluster.delete("Deployment", "shop", "api")
    floor.advance(60)
    floor.cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
    floor.advance(60)


CHANGES: dict[str, Callable[[Floor], None]] = {
    "image": _image,
    "replicas": _replicas,
    "pause": _pause,
    "hpa": _hpa,
    "deleted and made anew": _anew,
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_target_voids_the_proposal_and_a_new_one_is_owed(floor: Floor, change: str) -> None:
    asked, proposal = await floor.restart_asked()
    CHANGES[change](floor)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert answer.text.startswith("The target changed since this was proposed")
    assert answer.text.endswith("Nothing was done. What fits now comes on the card.")
    assert (await floor.proposal_now(proposal)).state is ProposalState.SUPERSEDED
    assert await floor.last_rules("proposal:approval:refused") == ["stale"]
    assert not floor.patches()
    await floor.run(Stage.PROPOSE)
    fresh = await floor.proposal()
    assert fresh.id != proposal.id
    assert fresh.requested_by == proposal.requested_by, "whoever asked stays the one who asked"
    assert (await floor.incident(asked.incident_id)).state is IncidentState.TRIGGERED


async def test_a_new_revision_is_named(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    _image(floor)
    answer = await floor.approve(proposal)
    assert "(rev 1 → 2)" in answer.text


async def test_what_only_happens_to_pods_is_no_change(floor: Floor) -> None:
    """Status is never in the digest: a crash between proposal and press is what the restart is for."""
    _, proposal = await floor.restart_asked()
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    assert (await floor.approve(proposal)).ok


async def test_the_count_under_an_autoscaler_is_no_change(floor: Floor) -> None:
    _hpa(floor)
    _, proposal = await floor.restart_asked()
    _replicas(floor)
    assert (await floor.approve(proposal)).ok


async def test_a_deleted_target_voids_it(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.cluster.delete("Deployment", "shop", "api")
    answer = await floor.approve(proposal)
    assert answer.text.startswith("Deployment shop/api isn't in the cluster any more.")
    await floor.run(Stage.PROPOSE)
    shown = await floor.proposal()
    assert shown.state is ProposalState.RECORDED
    assert shown.text.refusal.startswith("The target isn't in the cluster any more.")


async def test_a_rollout_that_began_meanwhile_refuses_and_leaves_the_proposal(floor: Floor) -> None:
    """The template's restart annotations aren't in the digest; the running rollout is looked at afresh."""
    _, proposal = await floor.restart_asked()

    def kubectl(obj: Any) -> None:
        meta = obj["spec"]["template"].setdefault("metadata", {})
        meta.setdefault("annotations", {})["kubectl.kubernetes.io/restartedAt"] = "2026-01-01T00:00:00Z"

    floor.change(kubectl)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert await floor.last_rules("proposal:approval:refused") == ["rolling_out"]
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING
    floor.advance(60)
    assert (await floor.approve(proposal)).ok


async def test_an_unreadable_cluster_denies_and_leaves_the_proposal(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.server.faults.set("*", "*", status=503)
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert answer.text.startswith("I can't read the target's state, so I don't act.")
    assert (await floor.proposal_now(proposal)).state is ProposalState.PENDING
    floor.server.faults.clear()
    assert (await floor.approve(proposal)).ok


async def test_rights_that_were_taken_deny_with_the_role(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.server.deny("patch", "deployments")
    answer = await floor.approve(proposal)
    assert (
        answer.text
        == "I may not restart workloads in shop. Apply the role fettle-patch in shop; the card will offer this again."
    )


async def test_freezing_by_the_row_denies_with_who_and_why(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    assert await floor.freeze(reason="payday") == 0
    answer = await floor.approve(proposal)
    assert 'by cli:root: "payday". Nothing was done.' in answer.text
    await floor.freeze(on=False)
    assert (await floor.approve(proposal)).ok


async def test_freezing_by_the_environment_denies(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    floor.switch(frozen_by_environment=True)
    answer = await floor.approve(proposal)
    assert answer.text == "Writes are frozen by the environment (FETTLE_FROZEN). Nothing was done."


async def test_freezing_by_the_file_denies_as_long_as_it_is_there(floor: Floor, tmp_path: Path) -> None:
    _, proposal = await floor.restart_asked()
    file = tmp_path / "freeze"
    floor.configure(FREEZE_FILE=file)
    file.touch()
    answer = await floor.approve(proposal)
    assert answer.text == "Writes are frozen: the FREEZE_FILE exists. Nothing was done."
    file.unlink()
    assert (await floor.approve(proposal)).ok


async def test_a_freeze_file_that_can_not_be_looked_for_denies(floor: Floor, tmp_path: Path) -> None:
    _, proposal = await floor.restart_asked()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    floor.configure(FREEZE_FILE=tmp_path / "loop" / "freeze")
    answer = await floor.approve(proposal)
    assert not answer.ok
    assert await floor.last_rules("proposal:approval:refused") == ["frozen"]


async def test_a_freeze_file_in_a_folder_that_is_gone_denies(floor: Floor, tmp_path: Path) -> None:
    """A mount that went away: whether the file would be there can't be told."""
    _, proposal = await floor.restart_asked()
    floor.configure(FREEZE_FILE=tmp_path / "mount" / "freeze")
    answer = await floor.approve(proposal)
    assert answer.text.startswith("I can't ")
    assert await floor.last_rules("proposal:approval:refused") == ["frozen"]
    (tmp_path / "mount").mkdir()
    assert (await floor.approve(proposal)).ok


async def test_one_action_in_flight_on_a_target_refuses_another(floor: Floor) -> None:
    """An alert's incident and a request about one workload: the second approval waits for the first verdict."""
    _, first = await floor.alerted()
    second_incident = await floor.alert({"alertname": "KubePodNotReady", "namespace": "shop", "deployment": "api"})
    await floor.prepare(conclude=True)
    second = await floor.proposal()
    assert second.incident_id == second_incident.id
    assert (await floor.approve(first)).ok
    answer = await floor.approve(second, by="li")
    assert answer.text == f"INC-{first.incident_id} already has an action in flight on shop/api."
    assert (await floor.proposal_now(second)).state is ProposalState.PENDING
