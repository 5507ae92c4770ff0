"""A pager is told how an incident stands, over a real socket; repeated events are one, and Slack being late pages."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.domain.owed import Stage
from bot.integrations.pagerduty import PagerDuty
from bot.playbooks.shelf import Shelf
from bot.storage.db import Tx
from bot.workflow import page

from .floor import Floor

KEY = "0123456789abcdef0123456789abcdef"
PLAYBOOK = "name: paged\ntitle: Paged\npriority: 50\nevidence: [pods]\nseverity: {severity}\n"


@dataclass
class Service:
    """What PagerDuty answers next, else 202; and what it was told."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    told: list[Mapping[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """One event."""
        self.told.append(await request.json())
        if not self.answers:
            return web.json_response({"status": "success", "dedup_key": self.told[-1]["dedup_key"]}, status=202)
        status, body = self.answers.pop(0)
        return web.json_response(body, status=status, headers={"Retry-After": "30"} if status == 429 else {})

    @property
    def events(self) -> list[str]:
        """What was told, in order."""
        return [one["event_action"] for one in self.told]


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application()
    app.router.add_post("/v2/enqueue", service.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@pytest.fixture
async def service(floor: Floor) -> AsyncIterator[Service]:
    """PagerDuty with the service ``shop``, known to the floor."""
    keys = {"shop": SecretStr(KEY)}
    async with serving() as made:
        pager = PagerDuty(made.url, keys)
        floor.configure(PAGERDUTY_SERVICES=keys)
        floor.switch(pager=pager)
        yield made
        await pager.close()


def by_playbook(floor: Floor, folder: Path, routing: str, severity: str = "SEV2") -> None:
    made = folder / "playbooks"
    made.mkdir()
    (made / "paged.yaml").write_text(PLAYBOOK.format(severity=severity) + routing, encoding="utf-8")
    floor.switch(playbooks=Shelf(made))


def posted(tx: Tx) -> None:
    tx.execute("UPDATE outbox SET posted_channel = channel, posted_ts = '1.' || id, sent_version = version")


async def test_trigger_acknowledge_and_resolve_carry_one_key(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    incident = await floor.alert()
    assert await floor.run(Stage.PAGE) == 1
    assert (await floor.verbs.acknowledge(incident.id, await floor.person("ana"))).ok
    await floor.run(Stage.PAGE)
    assert await floor.clear(incident.id)
    await floor.run(Stage.PAGE)
    assert service.events == ["trigger", "acknowledge", "resolve"]
    assert {(one["routing_key"], one["dedup_key"]) for one in service.told} == {(KEY, service.told[0]["dedup_key"])}
    payload = service.told[0]["payload"]
    assert payload["severity"] == "error"
    assert payload["summary"].startswith(f"{incident.ref} · SEV2 · shop")
    outcomes = [entry.outcome for entry in await floor.entries("incident:page:sent")]
    assert sorted(outcomes) == ["acknowledge", "resolve", "trigger"]
    assert "page" not in await floor.owed()


async def test_a_reopened_incident_pages_again_under_its_key(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    incident = await floor.alert()
    await floor.run(Stage.PAGE)
    await floor.clear(incident.id)
    await floor.run(Stage.PAGE)
    floor.advance(300)
    assert (await floor.alert(started=1)).id == incident.id
    await floor.run(Stage.PAGE)
    assert service.events == ["trigger", "resolve", "trigger"]
    assert len({one["dedup_key"] for one in service.told}) == 1


@pytest.mark.parametrize(("status", "wait"), [(429, 30), (500, 4), (503, 4)])
async def test_what_is_not_taken_now_is_sent_again_later(
    floor: Floor, service: Service, tmp_path: Path, status: int, wait: int
) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    service.answers = [(status, {"message": "busy"})]
    await floor.alert()
    await floor.run(Stage.PAGE)
    floor.advance(wait - 1)
    assert await floor.run(Stage.PAGE) == 0
    floor.advance(2)
    assert await floor.run(Stage.PAGE) == 1
    assert service.events == ["trigger", "trigger"]
    assert len(await floor.entries("incident:page:sent")) == 1


async def test_a_pager_that_is_down_is_asked_again(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    away = PagerDuty("http://127.0.0.1:9", {"shop": SecretStr(KEY)})
    working = floor.ctx.pager
    floor.switch(pager=away)
    await floor.alert()
    await floor.run(Stage.PAGE)
    floor.switch(pager=working)
    floor.advance(10)
    await floor.run(Stage.PAGE)
    assert service.events == ["trigger"]
    await away.close()


async def test_an_event_that_is_refused_is_told_in_the_thread_and_not_sent_again(
    floor: Floor, service: Service, tmp_path: Path
) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    service.answers = [(400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["bad key"]})]
    await floor.alert()
    await floor.run(Stage.PAGE)
    assert "page" not in await floor.owed()
    ((_, told),) = await floor.messages("thread:1:page")
    assert "Nobody was paged: PagerDuty refuses the event for the service shop (400: Event object is invalid" in told
    assert KEY not in told
    assert len(await floor.entries("incident:page:refused")) == 1


async def test_a_service_that_the_settings_do_not_name_is_told(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: nobody}\n")
    await floor.alert()
    await floor.run(Stage.PAGE)
    ((_, told),) = await floor.messages("thread:1:page")
    assert "PAGERDUTY_SERVICES names no service nobody" in told
    assert service.told == []


async def test_without_a_pager_a_playbook_that_wants_one_is_told(floor: Floor, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    await floor.alert()
    await floor.run(Stage.PAGE)
    ((_, told),) = await floor.messages("thread:1:page")
    assert "No pager is configured" in told


async def test_a_grave_incident_that_slack_has_not_taken_for_two_minutes_pages(
    floor: Floor, service: Service, tmp_path: Path
) -> None:
    by_playbook(floor, tmp_path, "")
    await floor.alert()
    floor.advance(119)
    assert await floor.run(Stage.PAGE) == 0
    floor.advance(2)
    assert await floor.run(Stage.PAGE) == 1
    assert service.events == ["trigger"]
    assert service.told[0]["payload"]["summary"].endswith("Slack has not taken its card")


async def test_a_card_that_slack_has_taken_pages_nobody(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "")
    await floor.alert()
    await floor.store.transact(posted)
    floor.advance(121)
    assert await floor.run(Stage.PAGE) == 1
    assert (service.told, await floor.entries("incident:page")) == ([], [])


async def test_low_severities_page_nobody_when_slack_is_late(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "", severity="SEV3")
    await floor.alert()
    assert "page" not in await floor.owed()
    assert service.told == []


async def test_what_is_over_before_slack_is_late_pages_nobody(floor: Floor, service: Service, tmp_path: Path) -> None:
    by_playbook(floor, tmp_path, "")
    incident = await floor.alert()
    await floor.clear(incident.id)
    await floor.run(Stage.PAGE)
    floor.advance(121)
    await floor.run(Stage.PAGE)
    assert service.told == []


async def test_an_answer_that_is_lost_costs_a_repetition_and_no_second_page(
    floor: Floor, service: Service, tmp_path: Path
) -> None:
    """The process dies between the answer and the commit: the row's lease runs out, and the same key is sent."""
    by_playbook(floor, tmp_path, "routing: {pagerduty: shop}\n")
    await floor.alert()
    (work,) = await floor.due(Stage.PAGE)
    assert floor.ctx.pager is not None
    wanted = await floor.store.read(page._wanted, floor.ctx, work)
    await floor.ctx.pager.send(wanted.service, wanted.pages[0], within=5)
    floor.advance(timedelta(minutes=5).total_seconds())
    await floor.run(Stage.PAGE)
    assert service.events == ["trigger", "trigger"]
    assert len({one["dedup_key"] for one in service.told}) == 1
