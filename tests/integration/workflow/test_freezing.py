"""The kill switch from Slack: anyone may turn it on, an approver alone turns it off, and the channel hears of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.owed import MessageKind
from bot.storage import audit, proposals
from bot.storage import freeze as switch
from bot.storage.db import Tx
from tests.integration.workflow.floor import API, Floor


async def said(floor: Floor) -> list[str]:
    def texts(tx: Tx) -> list[str]:
        rows = tx.execute("SELECT params FROM outbox WHERE kind = ? ORDER BY id", (MessageKind.STATUS.value,))
        return [str(row[0]) for row in rows]

    return await floor.store.read(texts)


async def test_whoever_works_here_may_freeze_and_then_nothing_is_done(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0ANA",))
    _, proposal = await floor.restart_asked()
    answer = await floor.verbs.freeze(await floor.person("bo"), "database migration")
    assert answer.ok
    assert "No request was on its way" in answer.text
    refused = await floor.verbs.approve(proposal.id, await floor.person("ana"))
    assert not refused.ok
    assert "frozen" in refused.text
    assert 'by @bo: "database migration"' in refused.text
    (told,) = await said(floor)
    assert "frozen by @bo" in told
    entries = await floor.store.read(audit.entries, limit=50, newest=True)
    assert "freeze:state:on" in {entry.tag for entry in entries}


async def test_a_freeze_without_a_reason_is_refused(floor: Floor) -> None:
    assert not (await floor.verbs.freeze(await floor.person("bo"), "  ")).ok
    assert not (await floor.store.read(switch.state))[0]


async def test_a_second_freeze_leaves_the_first_ones_reason(floor: Floor) -> None:
    await floor.verbs.freeze(await floor.person("bo"), "database migration")
    answer = await floor.verbs.freeze(await floor.person("ana"), "something else")
    assert not answer.ok
    assert "by @bo: “database migration”" in answer.text
    assert (await floor.store.read(switch.state))[2] == "database migration"


async def test_only_an_approver_thaws_and_then_it_can_be_approved(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0ANA",))
    _, proposal = await floor.restart_asked()
    await floor.verbs.freeze(await floor.person("ana"), "database migration")
    refused = await floor.verbs.thaw(await floor.person("bo"))
    assert not refused.ok
    assert (await floor.store.read(switch.state))[0]
    assert (await floor.verbs.thaw(await floor.person("ana"))).ok
    assert not (await floor.store.read(switch.state))[0]
    assert len(await said(floor)) == 2
    assert (await floor.verbs.approve(proposal.id, await floor.person("ana"))).ok


async def test_to_thaw_what_is_not_frozen_is_said(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0ANA",))
    answer = await floor.verbs.thaw(await floor.person("ana"))
    assert not answer.ok
    assert "aren't frozen" in answer.text
    assert await said(floor) == []


async def test_what_else_freezes_is_named_when_the_switch_is_lifted(floor: Floor, tmp_path: Path) -> None:
    file = tmp_path / "frozen"
    floor.configure(APPROVERS=("U0ANA",), FREEZE_FILE=file)
    await floor.verbs.freeze(await floor.person("bo"), "migration")
    file.touch()
    answer = await floor.verbs.thaw(await floor.person("ana"))
    assert answer.ok
    assert "FREEZE_FILE exists" in answer.text


@pytest.mark.parametrize("on", [True, False])
async def test_the_open_cards_are_owed_anew_when_the_switch_turns(floor: Floor, on: bool) -> None:
    floor.configure(APPROVERS=("U0ANA",))
    asked, proposal = await floor.restart_asked()
    if not on:
        await floor.verbs.freeze(await floor.person("ana"), "migration")
    before = await floor.store.read(_version, asked.incident_id)
    who = await floor.person("ana")
    await (floor.verbs.freeze(who, "migration") if on else floor.verbs.thaw(who))
    assert await floor.store.read(_version, asked.incident_id) == before + 1
    assert (await floor.store.read(proposals.get, proposal.id)).target.key == API.key


def _version(tx: Tx, incident_id: int) -> int:
    row = tx.execute("SELECT version FROM outbox WHERE key = ?", (f"card:{incident_id}",)).fetchone()
    return int(row[0])


async def test_app_home_shows_what_waits_for_the_one_who_looks_and_not_for_others(floor: Floor) -> None:
    floor.configure(APPROVERS=("U0ANA",))
    asked, proposal = await floor.restart_asked()
    ana = await floor.verbs.home(await floor.person("ana"))
    assert [one.id for _, one in ana.waiting] == [proposal.id]
    assert [one.id for one in ana.incidents] == [asked.incident_id]
    other = await floor.verbs.home(await floor.person("li"))
    assert other.waiting == ()
    assert [one.id for one in other.incidents] == [asked.incident_id]
    await floor.verbs.freeze(await floor.person("li"), "migration")
    frozen = (await floor.verbs.home(await floor.person("ana"))).frozen
    assert frozen is not None
    assert frozen[:2] == ("@li", "migration")


async def test_app_home_shows_nothing_to_a_guest(floor: Floor) -> None:
    await floor.restart_asked()
    found = await floor.verbs.home(await floor.person("eve", restricted=True))
    assert "guests" in found.note
    assert (found.incidents, found.waiting, found.verdicts) == ((), (), ())
