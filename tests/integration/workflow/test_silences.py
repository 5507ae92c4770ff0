"""What Alertmanager keeps quiet is evidence of the incident; an Alertmanager that hangs costs its own line."""

from __future__ import annotations

import json
import socket
from datetime import timedelta
from typing import Any

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.incident import Incident
from bot.domain.owed import Stage
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.sources import Sources
from bot.storage import evidence as evidence_rows
from bot.storage import incident_alerts
from tests.integration.replayed import answer, captured, replaying

from .floor import Floor

CAPTURED = json.loads(captured("alertmanager/api/alerts-silenced").partition(b"\r\n\r\n")[2])
SILENCES = json.loads(captured("alertmanager/api/silences-list").partition(b"\r\n\r\n")[2])
SECRET = "password=hunter22"


def as_json(body: Any) -> bytes:
    return answer("200 OK", json.dumps(body).encode(), Content_Type="application/json")


async def looked(floor: Floor, incident: Incident, *, alerts: Any, silences: Any) -> Evidence:
    """The incident's evidence of silences, with an Alertmanager that answers so."""
    async with replaying() as replay:
        replay.answers = {"/api/v2/alerts": as_json(alerts), "/api/v2/silences": as_json(silences)}
        alertmanager = Alertmanager(Access("Alertmanager", "ALERTMANAGER", replay.url))
        floor.switch(sources=Sources(alertmanager=alertmanager))
        await floor.run(Stage.INVESTIGATE)
        await alertmanager.close()
    found = await floor.store.read(evidence_rows.of, incident.id)
    return next(one for one in found if one.source == "silences")


async def held(floor: Floor, incident: Incident, **status: Any) -> dict[str, Any]:
    """The incident's alert as Alertmanager holds it."""
    (alert,) = await floor.store.read(incident_alerts.seen, incident.id)
    told = {**CAPTURED[0], "fingerprint": alert.fingerprint, "labels": dict(alert.labels)}
    return {**told, "status": {**CAPTURED[0]["status"], "silencedBy": [], **status}}


async def test_a_silence_over_the_incidents_alert_is_told_with_who_why_and_until_when(floor: Floor) -> None:
    incident = await floor.alert()
    silence = {**SILENCES[0], "id": "s1", "comment": f"deploying, {SECRET}", "status": {"state": "active"}}
    alert = await held(floor, incident, silencedBy=["s1"])
    found = await looked(floor, incident, alerts=[alert, *CAPTURED], silences=[silence])
    assert found.status is EvidenceStatus.OK
    (row,) = found.data["silences"]
    assert (row["by"], row["alerts"], row["until"]) == (silence["createdBy"], 1, row["until"])
    assert row["until"].startswith(silence["endsAt"][:19])
    assert "deploying" in found.summary
    assert "hunter22" not in str(found)


async def test_silences_over_other_alerts_are_nobodys_news_here(floor: Floor) -> None:
    incident = await floor.alert()
    found = await looked(floor, incident, alerts=[await held(floor, incident), *CAPTURED], silences=SILENCES)
    assert (found.status, found.data["silences"]) == (EvidenceStatus.EMPTY, [])


async def test_what_is_inhibited_or_muted_by_an_interval_is_told_too(floor: Floor) -> None:
    incident = await floor.alert()
    alert = await held(floor, incident, inhibitedBy=["f00"], mutedBy=["weekends"])
    found = await looked(floor, incident, alerts=[alert], silences=[])
    assert found.summary == "1 of 1 alert inhibited by another; muted by weekends"


async def test_an_alertmanager_that_hangs_costs_its_own_line(floor: Floor) -> None:
    floor.configure(EVIDENCE_TIMEOUT=timedelta(seconds=2))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        alertmanager = Alertmanager(Access("Alertmanager", "ALERTMANAGER", url))
        floor.switch(sources=Sources(alertmanager=alertmanager))
        incident = await floor.alert()
        await floor.run(Stage.INVESTIGATE)
        await alertmanager.close()
    found = {one.source: one for one in await floor.store.read(evidence_rows.of, incident.id)}
    assert found["silences"].status is EvidenceStatus.FAILED
    assert "Alertmanager" in found["silences"].problem
    assert await floor.owed() == {"propose": 1}, "nothing is looked at again for it"
