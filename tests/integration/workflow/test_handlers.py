"""A handler's data stands among an incident's evidence, and each load of handlers is in the audit."""

from pathlib import Path
from typing import Any

import pytest

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.finding import Cause, Confidence
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.evidence.handlers import Handler, Handlers
from bot.playbooks.shelf import Shelf
from bot.storage import evidence as evidence_rows
from bot.storage import findings

from .floor import API, LABELS, Floor


def told(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "enriched_data": {"customers": 3, "pod": item["labels"].get("pod", "")}}


def handlers(enrich: Any = told, digest: str = "a" * 64) -> Handlers:
    return Handlers([Handler(LABELS["alertname"], "folder/file.py", digest, enrich)])


async def test_its_data_is_evidence_beside_the_rest(floor: Floor) -> None:
    floor.switch(handlers=handlers())
    incident = await floor.alert()
    await floor.run(Stage.INVESTIGATE)
    found = {one.source: one for one in await floor.store.read(evidence_rows.of, incident.id)}
    assert found[f"handler:{LABELS['alertname']}"].data["customers"] == 3
    assert found["pods"].status is EvidenceStatus.OK


async def test_it_does_not_pass_for_an_answer_of_the_cluster(floor: Floor) -> None:
    """A cluster that can't be asked is asked again, whatever a handler knows."""
    floor.switch(handlers=handlers())
    incident = await floor.alert()
    assert (await floor.verbs.choose_target(incident.id, API.key, await floor.person("ana"))).ok
    floor.server.faults.set("*", "*", status=503)
    await floor.run(Stage.INVESTIGATE)
    assert (await floor.owed()).get("investigate") == 1
    assert (await floor.entries("incident:evidence:collected"))[-1].outcome == "unreachable"


NAME = LABELS["alertname"]
FULL = {
    "text": "the queue is full", "confidence": "high", "cites": [{"source": "pods", "text": "3 run"}],
    "suggestion": "restart",
}  # fmt: skip
MINE = """
name: crashes-here
title: Crashes here
priority: 50
match: {{alerts: [KubePodCrashLooping]}}
evidence: [pods, changes, workload]
findings:
{findings}
"""


def finds(find: Any) -> Handlers:
    return Handlers([Handler(NAME, "folder/file.py", "a" * 64, find=find)])


def proposes(propose: Any) -> Handlers:
    return Handlers([Handler(NAME, "folder/file.py", "a" * 64, propose=propose)])


def own_playbook(floor: Floor, folder: Path, findings: str) -> None:
    (folder / "playbooks").mkdir()
    file = folder / "playbooks" / "crashes-here.yaml"
    file.write_text(MINE.format(findings=f"  {findings}"), encoding="utf-8")
    floor.switch(playbooks=Shelf(folder / "playbooks"))


async def line(floor: Floor, incident_id: int, what: str) -> Evidence:
    rows = await floor.store.read(evidence_rows.of, incident_id)
    return next(one for one in rows if one.source == f"handler:{NAME} {what}")


async def test_what_it_finds_is_ranked_with_the_rest_and_leads_to_nothing_by_itself(floor: Floor) -> None:
    """No built-in playbook names what handlers find: only the team's own can let something follow from it."""
    floor.switch(handlers=finds(lambda _: [FULL]))
    incident, proposal = await floor.alerted(conclude=False)
    found = await floor.store.read(findings.of, incident.id)
    assert (found[0].cause, found[0].confidence) == (Cause.HANDLER, Confidence.MEDIUM)
    assert proposal.state is ProposalState.RECORDED
    assert (
        proposal.text.refusal == f"The playbook pod-crash-looping proposes nothing for what the handler {NAME} found."
    )
    assert (await line(floor, incident.id, "find")).summary == "1 finding"


async def test_the_teams_own_playbook_may_let_something_follow_and_every_guard_applies(
    floor: Floor, tmp_path: Path
) -> None:
    own_playbook(floor, tmp_path, f"handler/{NAME}: [restart]")
    floor.switch(handlers=finds(lambda _: [FULL]))
    _, proposal = await floor.alerted(conclude=False)
    assert (proposal.state, proposal.action, proposal.target.key) == (ProposalState.PENDING, "restart", API.key)
    floor.configure(ALLOWED_NAMESPACES=("pay",))
    _, refused = await floor.alerted(conclude=False, labels={**LABELS, "severity": "warning"})
    assert refused.state is ProposalState.RECORDED
    assert "ALLOWED_NAMESPACES" in refused.text.refusal


async def test_a_find_that_raises_costs_its_line_alone(floor: Floor) -> None:
    floor.switch(handlers=finds(lambda _: {}["none"]))
    floor.cluster.crash_loop("shop", "api", pods=1)
    floor.advance(5)
    incident, proposal = await floor.alerted(conclude=False)
    failed = await line(floor, incident.id, "find")
    assert failed.problem == "The handler failed: KeyError: 'none'"
    assert proposal.state is ProposalState.PENDING


async def test_its_pick_is_one_of_what_the_playbook_lets_pass_and_is_marked(floor: Floor) -> None:
    seen: list[Any] = []

    def propose(given: Any) -> Any:
        seen.append(given)
        return {"action": "restart", "params": {}, "reason": "no session is lost <!channel> now"}

    floor.switch(handlers=proposes(propose))
    incident, proposal = await floor.alerted()
    assert [dict(one) for one in seen[0]["options"]] == [
        {"action": "restart", "params": {}, "open": {}, "reason": "a process that is stuck starts anew"}
    ]
    assert [one["cause"] for one in seen[0]["findings"]] == ["crash_loop"]
    assert (proposal.state, proposal.action, proposal.target.key) == (ProposalState.PENDING, "restart", API.key)
    assert f"Picked by the handler {NAME}: no session is lost" in proposal.text.rationale
    assert (await line(floor, incident.id, "propose")).summary == "picked restart"


async def test_it_may_want_nothing_proposed(floor: Floor) -> None:
    floor.switch(handlers=proposes(lambda _: {"action": "none", "reason": "the batch still runs"}))
    _, proposal = await floor.alerted()
    assert (proposal.state, proposal.action) == (ProposalState.RECORDED, "none")
    assert proposal.text.refusal == f"The handler {NAME} proposes nothing: the batch still runs."


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"action": "rollback"}, "picked “rollback”, which isn't to be proposed here: there is restart."),
        ({"action": "delete"}, "picked “delete”"),
        ({"action": "restart", "target": "pay/db"}, "The proposal of the handler has “target”"),
        ({"action": "restart", "namespace": "kube-system"}, "has “namespace”"),
        ({"action": "restart", "params": {"target": "pay/db"}}, "gave target, which restart doesn't take here."),
        ({"action": "restart", "params": ["pay/db"]}, "has params that are no table."),
        ({"action": "restart", "approvers": ["U0EVE"]}, "has “approvers”"),
        ({"action": ["restart"]}, "has no text as its action."),
        ("restart", "is no table."),
        ({"action": "restart" * 10_000}, "picked “restartrestart"),
    ],
)
async def test_what_it_may_not_pick_is_its_own_line_and_the_playbooks_order_stands(
    floor: Floor, given: Any, problem: str
) -> None:
    floor.switch(handlers=proposes(lambda _: given))
    incident, proposal = await floor.alerted()
    failed = await line(floor, incident.id, "propose")
    assert (failed.status, proposal.state, proposal.action) == (EvidenceStatus.FAILED, ProposalState.PENDING, "restart")
    assert problem in failed.problem
    assert (proposal.target.key, proposal.approvers) == (API.key, tuple(floor.ctx.settings.APPROVERS))
    assert "handler" not in proposal.text.rationale


async def test_its_pick_passes_no_guard(floor: Floor) -> None:
    """Policy is asked afterwards as for any other proposal."""
    floor.switch(handlers=proposes(lambda _: {"action": "restart", "reason": "please"}))
    await floor.freeze()
    _, proposal = await floor.alerted()
    assert proposal.state is ProposalState.RECORDED
    await floor.freeze(on=False)
    floor.configure(ALLOWED_ACTIONS=())
    _, other = await floor.alerted(labels={**LABELS, "severity": "warning"})
    assert (other.state, "ALLOWED_ACTIONS" in other.text.refusal) == (ProposalState.RECORDED, True)


async def test_a_person_who_asks_is_not_overruled_by_it(floor: Floor) -> None:
    floor.switch(handlers=proposes(lambda _: {"action": "none"}))
    _, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.PENDING
