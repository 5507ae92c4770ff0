"""From a request to a verified restart, and what each step leaves behind."""

from bot.domain.execution import ExecutionState
from bot.domain.incident import IncidentState
from bot.domain.owed import Stage
from bot.domain.proposal import ProposalState
from bot.domain.verification import Verdict
from bot.storage import audit

from .floor import Floor


async def test_an_approved_restart_is_carried_out_once_verified_and_told(floor: Floor) -> None:
    answer, proposal = await floor.restart_asked()
    assert proposal.state is ProposalState.PENDING
    assert not floor.patches()

    approved = await floor.verbs.approve(proposal.id, await floor.person("ana"))
    assert approved.ok, approved.text
    assert (await floor.incident(answer.incident_id)).state is IncidentState.MITIGATING
    await floor.run(Stage.EXECUTE)
    execution = await floor.execution()
    assert execution.state is ExecutionState.SUCCEEDED, execution.outcome
    assert len(floor.patches()) == 1

    verification = await floor.verdict()
    assert verification.verdict is Verdict.PASS, verification.checks
    incident = await floor.incident(answer.incident_id)
    assert incident.state is IncidentState.RESOLVED
    assert incident.resolution == "verified"
    assert await floor.store.read(audit.verify_chain) == []
    told = [tag for tag in await floor.tags() if not tag.startswith(("person", "incident:evidence"))]
    assert told == [
        "incident:state:declared",
        "proposal:state:proposed",
        "proposal:approval:granted",
        "incident:state:mitigating",
        "execution:intent:committed",
        "execution:state:succeeded",
        "verification:state:started",
        "verification:verdict:given",
        "incident:state:mitigated",
        "incident:state:resolved",
    ]
