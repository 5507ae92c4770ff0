"""The Watchdog's absence is one incident; its return ends it; what we missed ourselves doesn't count."""

from datetime import timedelta

import pytest

from bot.domain.alert import Alert, AlertGroup, AlertStatus, fingerprint_of
from bot.domain.incident import Incident, IncidentState
from bot.domain.severity import Severity
from bot.jobs import Jobs
from bot.storage import incidents
from bot.workflow import intake

from .floor import Floor

LABELS = {"alertname": "Watchdog", "severity": "none"}
TIMEOUT = timedelta(minutes=15)


async def barks(floor: Floor, status: AlertStatus = AlertStatus.FIRING) -> None:
    alert = Alert(fingerprint_of(LABELS), status, LABELS, {}, floor.now() - timedelta(days=3))
    rules = intake.IntakeRules.of(floor.ctx.settings, floor.ctx.channel)
    await floor.store.transact(intake.receive, AlertGroup("g", (alert,)), floor.now(), rules)


async def found(floor: Floor) -> list[Incident]:
    return await floor.store.read(incidents.list_recent)


@pytest.fixture
def jobs(floor: Floor) -> Jobs:
    floor.configure(WATCHDOG_TIMEOUT=TIMEOUT)
    return Jobs(floor.ctx)


async def test_an_absence_is_one_incident_for_as_long_as_it_lasts(floor: Floor, jobs: Jobs) -> None:
    await barks(floor)
    floor.advance(14 * 60)
    await jobs.watchdog()
    assert await found(floor) == []
    for _ in range(3):
        floor.advance(90)
        await jobs.watchdog()
    (incident,) = await found(floor)
    assert incident.title.startswith("No Watchdog for 15 min: Alertmanager or Prometheus may be down")
    assert (incident.severity, incident.declared_by, incident.digest_id) == (Severity.SEV2, "fettle", None)
    assert [key for key, _ in await floor.messages("")] == [f"card:{incident.id}"]
    assert await floor.owed() == {}


async def test_its_return_ends_the_incident_and_the_next_absence_is_another(floor: Floor, jobs: Jobs) -> None:
    floor.advance(16 * 60)
    await jobs.watchdog()
    floor.advance(60)
    await barks(floor)
    await jobs.watchdog()
    (incident,) = await found(floor)
    assert (incident.state, incident.resolution) == (IncidentState.RESOLVED, "returned")
    floor.advance(16 * 60)
    await jobs.watchdog()
    assert len(await found(floor)) == 2


async def test_one_that_was_never_seen_is_missed_from_the_start_on(floor: Floor, jobs: Jobs) -> None:
    floor.advance(16 * 60)
    await jobs.watchdog()
    assert len(await found(floor)) == 1


async def test_a_resolved_watchdog_is_no_sign_of_life(floor: Floor, jobs: Jobs) -> None:
    floor.advance(14 * 60)
    await barks(floor, AlertStatus.RESOLVED)
    floor.advance(2 * 60)
    await jobs.watchdog()
    assert len(await found(floor)) == 1


async def test_the_time_that_we_were_down_ourselves_does_not_count(floor: Floor) -> None:
    floor.configure(WATCHDOG_TIMEOUT=TIMEOUT)
    await barks(floor)
    floor.advance(5 * 3600)
    started = Jobs(floor.ctx)
    floor.advance(60)
    await started.watchdog()
    assert await found(floor) == []


async def test_without_the_setting_nobody_looks(floor: Floor) -> None:
    idle = Jobs(floor.ctx)
    floor.advance(24 * 3600)
    await idle.watchdog()
    assert await found(floor) == []


async def test_a_watchdog_itself_is_never_posted(floor: Floor, jobs: Jobs) -> None:
    await barks(floor)
    await jobs.watchdog()
    assert (await found(floor), await floor.messages("")) == ([], [])
