"""A real Alertmanager is compared with what is open: an alert that ended there while nobody could be told ends here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.alert import Alert, AlertGroup, AlertStatus
from bot.domain.incident import IncidentState
from bot.integrations.alertmanager import Alertmanager
from bot.integrations.door import Access
from bot.integrations.sources import Sources
from bot.sandbox.ports import free_port
from bot.storage import incidents
from bot.workflow import intake
from bot.workflow.sweep import Sweep
from tests.integration.alertmanager.real import PROGRAM, running
from tests.integration.workflow.floor import Floor

pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.timeout(540),
    pytest.mark.skipif(
        PROGRAM is None,
        reason="NO ALERTMANAGER: prometheus-alertmanager is missing, no real one was heard (apt-get install it)",
    ),
]
LABELS = {"alertname": "KubeDeploymentReplicasMismatch", "namespace": "shop", "deployment": "api"}


async def test_an_alert_that_ended_while_fettle_could_not_be_told_ends_here(tmp_path: Path, floor: Floor) -> None:
    """Its notices go to an address where nobody listens; all that is known comes from its API."""
    async with running(tmp_path, f"http://127.0.0.1:{free_port()}", "token") as real:
        client = Alertmanager(Access("Alertmanager", "ALERTMANAGER", real.url))
        began = datetime.now(UTC)
        await real.fire(LABELS, starts_at=began)
        [held] = await client.alerts(within=5)
        assert held.labels == LABELS
        assert (await client.status(within=5)).version.startswith("0.")
        assert await client.silences(within=5) == ()
        floor.switch(sources=Sources(alertmanager=client))
        rules = intake.IntakeRules.of(floor.ctx.settings, floor.ctx.channel)
        group = AlertGroup("g", (Alert(held.fingerprint, AlertStatus.FIRING, LABELS, {}, held.starts_at),))
        receipt = await floor.store.transact(intake.receive, group, floor.now(), rules)
        sweep = Sweep(floor.ctx)
        await sweep.look()
        await real.resolve(LABELS, starts_at=began)
        assert await client.alerts(within=5) == ()
        for _ in range(4):
            floor.advance(60)
            await sweep.look()
        await client.close()
    incident = await floor.store.read(incidents.get, receipt.incidents[0])
    assert incident.state is IncidentState.RESOLVED
