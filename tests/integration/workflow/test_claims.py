"""A volume that fills up grows: by two people, at most doubled, and verified by what the storage says it is."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.decision import Rule
from bot.domain.execution import EXECUTION_ID, ExecutionState
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.mitigation import Action
from bot.domain.owed import Stage
from bot.domain.proposal import Proposal, ProposalState
from bot.domain.verification import CheckState, Verdict
from bot.sandbox.kubernetes.claims import RESIZE

from .floor import Floor

CLAIM = "data-db-0"
ALERT = {"alertname": "KubePersistentVolumeFillingUp", "namespace": "shop", "persistentvolumeclaim": CLAIM}


def furnished(floor: Floor, *, grows: bool = True, how: str = "online", size: str = "10Gi") -> None:
    """A database with one claim."""
    meta = {"name": "fast", "annotations": {RESIZE: how}}
    kind = {"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1", "metadata": meta, "provisioner": "csi.example"}
    floor.cluster.apply({**kind, "allowVolumeExpansion": grows})
    spec = {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "x:1"}]}}
    body = {
        "replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pod,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": spec}],
    }  # fmt: skip
    meta = {"name": "db", "namespace": "shop"}
    floor.cluster.apply({"kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": meta, "spec": body})
    floor.advance(30)
    floor.configure(ALLOWED_ACTIONS=(Action.EXPAND_VOLUME,))


async def asked(floor: Floor, size: str = "") -> Proposal:
    wanted = {"size": size} if size else {}
    answer = await floor.verbs.act(await floor.person("bo"), Action.EXPAND_VOLUME, f"shop/{CLAIM}", wanted)
    assert answer.ok, answer.text
    await floor.prepare()
    return await floor.proposal()


async def approved(floor: Floor, proposal: Proposal) -> None:
    assert proposal.state is ProposalState.PENDING, proposal.text.refusal
    assert (await floor.approve(proposal, "ana")).text == "Your approval counts: 1 of 2."
    answer = await floor.approve(proposal, "li")
    assert answer.text.startswith("Approved:"), answer.text


async def executed(floor: Floor, size: str = "") -> None:
    await approved(floor, await asked(floor, size))
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome


def claim(floor: Floor) -> Any:
    return floor.cluster.get("PersistentVolumeClaim", "shop", CLAIM)


def request(floor: Floor) -> str:
    return str(claim(floor)["spec"]["resources"]["requests"]["storage"])


async def test_two_people_make_a_volume_half_as_large_again_and_it_is_measured(floor: Floor) -> None:
    furnished(floor)
    await executed(floor)
    assert request(floor) == "15Gi"
    found = await floor.verdict()
    assert found.verdict is Verdict.PASS
    assert (found.checks[0].name, found.checks[0].measured) == ("capacity", "15Gi")
    assert claim(floor)["metadata"]["annotations"][EXECUTION_ID] == (await floor.execution()).uid


async def test_what_is_irreversible_says_so_and_what_the_set_keeps(floor: Floor) -> None:
    furnished(floor)
    text = (await asked(floor, "20Gi")).text
    assert text.headline == f"Expand the volume of shop/{CLAIM} from 10Gi to 20Gi"
    assert "for good" in text.consequence
    assert any("Irreversible" in one for one in text.warnings)
    assert any("claim template of StatefulSet shop/db" in one for one in text.warnings)


async def test_whoever_changes_the_size_asks_for_another_proposal_with_the_same_bounds(floor: Floor) -> None:
    furnished(floor)
    proposal = await asked(floor)
    assert (await floor.verbs.change(proposal.id, await floor.person("ana"), "18Gi")).ok
    await floor.run(Stage.PROPOSE)
    other = await floor.proposal()
    assert (other.params["size"], other.target.name, other.quorum) == ("18Gi", CLAIM, 2)
    assert not (await floor.verbs.change(other.id, await floor.person("ana"), "a lot")).ok
    assert (await floor.verbs.change(other.id, await floor.person("ana"), "1Ti")).ok
    await floor.run(Stage.PROPOSE)
    assert "at most doubles" in (await floor.proposal()).text.refusal


async def test_one_person_is_never_enough_not_even_twice(floor: Floor) -> None:
    furnished(floor)
    proposal = await asked(floor)
    assert proposal.quorum == 2
    await floor.approve(proposal, "ana")
    assert "needs 2 different people" in (await floor.approve(proposal, "ana")).text
    await floor.run(Stage.EXECUTE)
    assert request(floor) == "10Gi"
    assert await floor.count("executions") == 0


async def test_a_stored_quorum_of_one_lets_nobody_alone_expand(floor: Floor) -> None:
    """What the action wants is asked of the code, not of a row that somebody may have written."""
    furnished(floor)
    proposal = await asked(floor)
    await floor.store.transact(
        lambda tx: tx.execute("UPDATE proposals SET quorum = 1 WHERE id = ?", (proposal.id,)) and None
    )
    assert (await floor.approve(proposal, "ana")).text == "Your approval counts: 1 of 2."
    assert await floor.count("executions") == 0


async def test_an_approval_that_is_gone_by_the_claim_is_one_too_few(floor: Floor) -> None:
    furnished(floor)
    await approved(floor, await asked(floor))

    def forget(tx: Any) -> None:
        tx.execute("DROP TRIGGER IF EXISTS approvals_no_delete")
        tx.execute("DELETE FROM approvals WHERE id = (SELECT max(id) FROM approvals)")

    await floor.store.transact(forget)
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.FAILED
    assert "needs 2 different people's approval and has 1" in execution.outcome
    assert request(floor) == "10Gi"


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("21Gi", "at most doubles"),
        ("10Gi", "can only become larger"),
        ("5Gi", "can only become larger"),
        ("10240Mi", "can only become larger"),
    ],
)
async def test_a_size_that_is_too_small_or_too_large_is_refused(floor: Floor, size: str, said: str) -> None:
    furnished(floor)
    assert said in (await asked(floor, size)).text.refusal


@pytest.mark.parametrize("odd", ["15", "15GB", "-15Gi", "15Gi; rm -rf /", "<!channel>", "1e3Gi", "0Gi"])
async def test_what_is_no_size_is_refused_at_once_and_not_repeated(floor: Floor, odd: str) -> None:
    furnished(floor)
    answer = await floor.verbs.act(await floor.person("bo"), Action.EXPAND_VOLUME, f"shop/{CLAIM}", {"size": odd})
    assert answer.text.startswith("What follows the claim is no size.")
    assert odd not in repr([(one.detail or {}).get("asked") for one in await floor.entries()])


async def test_a_class_that_does_not_grow_is_refused(floor: Floor) -> None:
    furnished(floor, grows=False)
    proposal = await asked(floor)
    assert "The StorageClass fast doesn't let volumes grow" in proposal.text.refusal
    assert str(Rule.STATE) in await floor.last_rules("proposal:state:recorded")


async def test_a_class_that_can_not_be_read_is_no_yes(floor: Floor) -> None:
    furnished(floor)
    floor.server.access.deny("get", "storageclasses")
    assert "can't be read, so I can't tell whether the volume may grow" in (await asked(floor)).text.refusal


async def test_a_filesystem_that_waits_for_its_pod_is_said_and_is_no_verdict(floor: Floor) -> None:
    furnished(floor, how="restart")
    await executed(floor)
    found = await floor.verdict(step=30)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.checks[0].state is CheckState.UNMEASURED
    assert "it grows when a pod that mounts it starts again" in found.checks[0].measured


async def test_a_pod_that_starts_again_in_time_lets_it_pass(floor: Floor) -> None:
    furnished(floor, how="restart")
    await executed(floor)
    floor.advance(10)
    await floor.run(Stage.VERIFY)
    floor.cluster.delete("Pod", "shop", "db-0")
    assert (await floor.verdict()).verdict is Verdict.PASS


async def test_storage_that_never_ends_is_inconclusive_and_one_that_can_not_is_a_fail(floor: Floor) -> None:
    furnished(floor, how="slow")
    await executed(floor)
    assert (await floor.verdict(step=60)).verdict is Verdict.INCONCLUSIVE


async def test_storage_that_can_not_give_so_much_is_a_fail(floor: Floor) -> None:
    furnished(floor, how="infeasible")
    await executed(floor)
    found = await floor.verdict()
    assert found.verdict is Verdict.FAIL
    assert "the storage can't give that much" in found.checks[0].measured
    assert not (await floor.owed()).get("propose"), "nothing undoes it"


async def test_while_it_grows_it_is_not_asked_to_grow_again(floor: Floor) -> None:
    furnished(floor, how="slow")
    await executed(floor)
    await floor.verdict(step=60)
    assert "grows already (Resizing, 15Gi asked for)" in (await asked(floor, "20Gi")).text.refusal


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
async def test_an_answer_that_was_lost_is_settled_by_the_mark(floor: Floor, fault: str) -> None:
    furnished(floor)
    await approved(floor, await asked(floor))
    getattr(floor.server.faults, fault)("patch", "persistentvolumeclaims")
    await floor.run(Stage.EXECUTE)
    assert (await floor.execution()).state is ExecutionState.RUNNING
    floor.advance(8)
    await floor.run(Stage.RECOVER)
    done = fault == "drop_after"
    assert (await floor.execution()).state is (ExecutionState.SUCCEEDED if done else ExecutionState.FAILED)
    assert request(floor) == ("15Gi" if done else "10Gi")


async def test_without_the_right_the_role_is_named(floor: Floor) -> None:
    furnished(floor)
    floor.server.access.deny("patch", "persistentvolumeclaims")
    assert "Apply the role fettle-expand in shop" in (await asked(floor)).text.refusal


async def test_the_claim_of_a_workload_is_what_a_finding_expands(floor: Floor) -> None:
    furnished(floor)
    await floor.alert({"alertname": "LedgerCannotWrite", "namespace": "shop", "statefulset": "db"})
    await floor.run(Stage.INVESTIGATE)
    full = Finding(
        Cause.DISK, "Claim data-db-0 is full.", Confidence.HIGH, (Cite("volumes", "97 %"),),
        suggestions=(Suggestion("expand_volume", {"claim": CLAIM, "size": "15Gi"}, "half as much again"),),
    )  # fmt: skip
    await floor.conclude(full)
    await floor.run(Stage.PROPOSE)
    proposal = await floor.proposal()
    assert proposal.target.label == f"PersistentVolumeClaim shop/{CLAIM}", proposal.text.refusal
    await approved(floor, proposal)
    await floor.run(Stage.EXECUTE)
    assert request(floor) == "15Gi"
