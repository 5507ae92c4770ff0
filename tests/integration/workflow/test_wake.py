"""Quiet hours end: what is still open gets its card, by the playbook in force then."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.incident import Incident
from bot.domain.owed import Stage
from bot.playbooks.shelf import Shelf

from .floor import Floor

BODY = """
name: hushed
title: Hushed
priority: 50
evidence: [pods]
severity: SEV3
routing: {{mentions: [U0ANA], quiet: {{from: '{since}', to: '{until}', zone: UTC}}}}
"""


def quiet(floor: Floor, folder: Path, hours: float) -> None:
    """It is quiet since an hour ago, for ``hours`` from now."""
    now = floor.now()
    text = BODY.format(since=_wall(now - timedelta(hours=1)), until=_wall(now + timedelta(hours=hours)))
    (folder / "hushed.yaml").write_text(text, encoding="utf-8")
    floor.switch(playbooks=Shelf(folder))


def _wall(at: datetime) -> str:
    return at.strftime("%H:%M")


@pytest.fixture
async def hushed(floor: Floor, tmp_path: Path) -> Incident:
    """An incident that came in quiet hours, which hold for two hours more."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    quiet(floor, folder, 2)
    return await floor.alert()


async def test_what_is_open_when_quiet_hours_end_gets_its_card_and_is_investigated(
    floor: Floor, hushed: Incident
) -> None:
    assert hushed.digest_id is not None
    assert await floor.run(Stage.WAKE) == 0
    floor.advance(2 * 3600)
    assert await floor.run(Stage.WAKE) == 1
    woken = await floor.incident(hushed.id)
    assert woken.digest_id is None
    assert await floor.owed() == {"investigate": 1}
    assert {key for key, _ in await floor.messages("")} >= {f"card:{woken.id}", f"thread:{woken.id}:mentions"}
    assert [entry.outcome for entry in await floor.entries("incident:routing:woken")] == ["quiet hours are over"]


async def test_what_is_over_by_then_stays_in_the_digest(floor: Floor, hushed: Incident) -> None:
    assert await floor.clear(hushed.id)
    floor.advance(2 * 3600)
    assert await floor.run(Stage.WAKE) == 1
    assert (await floor.incident(hushed.id)).digest_id == hushed.digest_id
    assert await floor.owed() == {}


async def test_what_a_person_opened_meanwhile_is_left_alone(floor: Floor, hushed: Incident) -> None:
    assert (await floor.verbs.open_card(hushed.id, await floor.person("ana"))).ok
    floor.advance(2 * 3600)
    await floor.run(Stage.WAKE)
    assert await floor.entries("incident:routing:woken") == []


async def test_hours_that_were_made_longer_meanwhile_hold(floor: Floor, hushed: Incident, tmp_path: Path) -> None:
    quiet(floor, tmp_path / "playbooks", 5)
    floor.advance(2 * 3600)
    assert await floor.run(Stage.WAKE) == 1
    assert (await floor.incident(hushed.id)).digest_id == hushed.digest_id
    floor.advance(3 * 3600)
    await floor.run(Stage.WAKE)
    assert (await floor.incident(hushed.id)).digest_id is None
