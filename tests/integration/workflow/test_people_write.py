"""What people write passes redaction before it is stored: titles, reasons, and what was refused."""

from __future__ import annotations

from bot.domain.severity import Severity

from .floor import Floor

SECRET = "hunter2-of-ana"
TEXT = f"the db says password={SECRET} is wrong"


async def told(floor: Floor) -> str:
    """All that an auditor reads."""
    return str(await floor.entries(""))


async def test_a_title_and_a_reason_to_resolve(floor: Floor) -> None:
    ana = await floor.person("ana")
    answer = await floor.verbs.declare(ana, TEXT, Severity.SEV3, "", "")
    assert answer.incident_id is not None
    incident = await floor.incident(answer.incident_id)
    assert incident.title == "the db says password=[hidden] is wrong"
    assert (await floor.verbs.resolve(incident.id, ana, TEXT)).ok
    assert SECRET not in (await floor.incident(incident.id)).reason
    assert SECRET not in await told(floor)


async def test_a_reason_to_reject(floor: Floor) -> None:
    _, proposal = await floor.restart_asked()
    assert (await floor.verbs.deny(proposal.id, await floor.person("ana"), TEXT)).ok
    assert (await floor.proposal()).reason == "the db says password=[hidden] is wrong"
    assert SECRET not in await told(floor)


async def test_what_a_listener_refused(floor: Floor) -> None:
    await floor.verbs.refused(await floor.person("ana"), TEXT, TEXT)
    await floor.verbs.unidentified("U0BO", TEXT, TEXT)
    assert "password=[hidden]" in await told(floor)
    assert SECRET not in await told(floor)
